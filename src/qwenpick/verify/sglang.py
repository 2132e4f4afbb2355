"""SGLang's start-up lines: weights, the KV and mamba pools and graphs, per rank. It prints GB and divides by 2^30.

Wordings of model_executor/model_runner.py and mem_cache/memory_pool.py from 0.4 to 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwenpick.memory.account import Part, gpu
from qwenpick.verify.observation import Observation, first, last, observed, size, whole

_RANK = re.compile(r"\d\d:\d\d:\d\d(?: DP\d+)?(?: PP\d+)? TP(\d+)")
_WEIGHTS = re.compile(r"Load weight end\..*mem usage=(-?[\d.]+) GB")
_CACHE = re.compile(
    r"KV Cache is allocated\..*#tokens: (\d+), (?:K size: ([\d.]+) GB, V size: ([\d.]+) GB|KV size: ([\d.]+) GB)"
)
_MAMBA = re.compile(r"Mamba Cache is allocated\.")
_MAMBA_SIZE = re.compile(r"(?:conv_state|ssm_state|intermediate_\w+) size: ?([\d.]+) ?GB")
_GRAPHS = re.compile(r"Capture .*graph end\..*mem usage=(-?[\d.]+) GB")
_BEGIN = re.compile(r"Load weight begin\. avail mem=([\d.]+) GB")
_LIMITS = re.compile(r"max_total_num_tokens=(\d+)")
_DTYPE = re.compile(r"Load weight end\..*dtype=torch\.(\w+)|Load weight end\..*quant=(\w+)")
_MODEL = re.compile(r"'?model_path'?[=:] ?'([^']+)'|--model-path[ =](\S+)")
_VERSION = re.compile(r"sglang(?:==| version:? ?v?|\[\w+\]==)(\d+\.\d+[\w.]*)", re.IGNORECASE)
_OPTIONS = {
    "context_len": int, "max_running_requests": int, "chunked_prefill_size": int, "mem_fraction_static": float, "tp_size": int,
    "cuda_graph_max_bs": int, "page_size": int,
}  # fmt: skip
_AS_OPTION = ("chunked_prefill_size", "mem_fraction_static", "cuda_graph_max_bs", "page_size")


def parse(log: list[str]) -> Observation:
    """What the log says of each rank."""
    said = dict(_options(log))
    parts = list(_parts(log))
    tokens = last(_LIMITS, log) or last(_CACHE, log)
    model, version, kind = first(_MODEL, log), first(_VERSION, log), first(_DTYPE, log)
    cache = first(re.compile(r"KV Cache is allocated\. dtype: torch\.(\w+)|kv_cache_dtype=?'?:? ?'(\w+)'"), log)
    begin = first(_BEGIN, log)
    dtype = next((g for g in cache.groups() if g), "") if cache else ""
    return Observation(
        engine="sglang",
        memory=observed(parts),
        version=version[1] if version else None,
        model=next((g for g in model.groups() if g), None) if model else None,
        format={"bfloat16": "bf16", "float16": "fp16"}.get(kind[1] or "", kind[2]) if kind else None,
        context=int(str(said["context_len"])) if "context_len" in said else None,
        sequences=int(str(said["max_running_requests"])) if "max_running_requests" in said else None,
        kv_cache="fp8" if dtype.startswith(("float8", "fp8")) else None,
        kv_tokens=whole(tokens[1]) if tokens else None,
        ranks=max(int(str(said.get("tp_size", 1))), len({part.where for part in parts})),
        free=size(begin[1], "GB") if begin else None,
        options={name: said[name] for name in _AS_OPTION if name in said},
    )


def _parts(log: list[str]) -> Iterator[Part]:
    kept: dict[tuple[str, str], Part] = {}
    for line in log:
        rank = _RANK.search(line)
        where = gpu(int(rank[1]) if rank else 0)
        if (match := _WEIGHTS.search(line)) and (where, "weights") not in kept:  # a draft model's come later
            kept[where, "weights"] = Part("weights", max(0, size(match[1], "GB")), where, match[0], "weights")
        if (match := _CACHE.search(line)) and (where, "kv pool") not in kept:
            whole_size = sum(size(number, "GB") for number in match.groups()[1:] if number)
            kept[where, "kv pool"] = Part("kv pool", whole_size, where, match[0], "kv cache")
        if match := _MAMBA.search(line):
            total = sum(size(number, "GB") for number in _MAMBA_SIZE.findall(line))
            kept[where, "mamba pool"] = Part("mamba pool", total, where, match[0], "state")
        if match := _GRAPHS.search(line):
            kept[where, "cuda graphs"] = Part("cuda graphs", max(0, size(match[1], "GB")), where, match[0], "compute")
    yield from kept.values()


def _options(log: list[str]) -> Iterator[tuple[str, object]]:
    lines = [
        line
        for line in log
        if "erver_args" in line or "ServerArgs" in line or "max_total_num_tokens" in line or "launch_server" in line
    ]
    for name, kind in _OPTIONS.items():
        pattern = re.compile(rf"\b{name}=([\d.]+)|'{name}': ([\d.]+)|--{name.replace('_', '-')}[ =]([\d.]+)")
        if match := last(pattern, lines):
            yield name, kind(next(g for g in match.groups() if g).rstrip("."))


__all__ = ["parse"]
