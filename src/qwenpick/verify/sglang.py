"""SGLang's start-up lines: weights, the KV and mamba pools and graphs, per rank. It prints GB and divides by 2^30.

Wordings of model_executor/model_runner.py and mem_cache/memory_pool.py from 0.4 to 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwenpick.machine.hardware import cuda_context
from qwenpick.memory.account import Part, gpu
from qwenpick.runtimes.sglang.share import AITER, AITER_FROM
from qwenpick.verify.observation import Observation, first, last, observed, size, unread_lines, whole
from qwenpick.work.placement import Cut

_RANK = re.compile(r"\d\d:\d\d:\d\d(?: DP(\d+))?(?: PP(\d+))?(?: TP(\d+))?(?: EP\d+)?\]")
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
_MAPPED = re.compile(r"PLE table.*\bmmap\b")
_AITER = re.compile(r"attention_backend='aiter'|'attention_backend': 'aiter'")
_OPTIONS = {
    "context_len": int, "max_running_requests": int, "chunked_prefill_size": int, "mem_fraction_static": float, "tp_size": int, "pp_size": int,
    "dp_size": int, "ep_size": int, "cuda_graph_max_bs": int, "page_size": int, "max_mamba_cache_size": int, "max_total_tokens": int,
    "mamba_full_memory_ratio": float, "speculative_num_draft_tokens": int,
}  # fmt: skip
_SWITCHES = ("disable_radix_cache", "disable_cuda_graph", "language_only", "ple_offload_embedding")
_AS_OPTION = (
    "chunked_prefill_size", "mem_fraction_static", "cuda_graph_max_bs", "page_size", "max_mamba_cache_size", "max_running_requests",
    "max_total_tokens", "mamba_full_memory_ratio", "speculative_num_draft_tokens", "mamba_ssm_dtype", "ple_offload_backend", *_SWITCHES,
)  # fmt: skip
# SGLang's words for what the weights are in: srt/layers/quantization/__init__.py
_QUANTS = {
    "modelopt_fp4": "nvfp4", "modelopt_mixed": "nvfp4", "modelopt_fp8": "fp8", "awq_marlin": "awq-int4", "awq": "awq-int4", "fp8": "fp8",
    "gptq_marlin": "gptq-int4", "gptq": "gptq-int4", "w8a8_int8": "gptq-int8", "w8a8_fp8": "fp8", "bitsandbytes": "nf4", "mxfp4": "mxfp4",
}  # fmt: skip


def parse(log: list[str]) -> Observation:
    """What the log says of each rank."""
    said = _as_asked(dict(_options(log)), log)
    parts = list(_parts(log, int(str(said.get("tp_size", 1)))))
    tokens = last(_LIMITS, log) or last(_CACHE, log)
    model, version, kind = first(_MODEL, log), first(_VERSION, log), first(_DTYPE, log)
    cache = first(re.compile(r"KV Cache is allocated\. dtype: torch\.(\w+)|kv_cache_dtype=?'?:? ?'(\w+)'"), log)
    begin = first(_BEGIN, log)
    dtype = next((g for g in cache.groups() if g), "") if cache else ""
    word = kind[2] if kind and kind[2] and kind[2] != "None" else None
    known = {"bfloat16": "bf16", "float16": "fp16"}.get(kind[1] or "") if kind and not word else _QUANTS.get(word or "")
    tensor, pipeline, data, experts = (int(str(said.get(f"{name}_size", 1))) for name in ("tp", "pp", "dp", "ep"))
    cut = Cut(tensor, pipeline, data, experts > 1)
    return Observation(
        engine="sglang",
        memory=observed(parts),
        version=version[1] if version else None,
        model=next((g for g in model.groups() if g), None) if model else None,
        format=known,
        quantization=word if word and not known else None,
        context=int(str(said["context_len"])) if "context_len" in said else None,
        sequences=int(str(said["max_running_requests"])) if "max_running_requests" in said else None,
        kv_cache="fp8" if dtype.startswith(("float8", "fp8")) else None,
        kv_tokens=whole(tokens[1]) if tokens else None,
        ranks=max(cut.gpus, len({part.where for part in parts})),
        cut=cut,
        free=size(begin[1], "GB") + cuda_context(None) if begin else None,  # printed once the context is up
        options={name: said[name] for name in _AS_OPTION if name in said}
        | ({"version": version[1]} if version and re.fullmatch(r"\d+\.\d+(\.\d+)?([.]?post\d+)?", version[1]) else {}),
        unread=unread_lines(log, _KNOWN),
    )


def _parts(log: list[str], tensor: int) -> Iterator[Part]:
    kept: dict[tuple[str, str], Part] = {}
    for line in log:
        rank = _RANK.search(line)
        if rank and int(rank[1] or 0):
            continue  # another copy
        where = gpu(int(rank[2] or 0) * tensor + int(rank[3] or 0) if rank else 0)
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


def _as_asked(said: dict[str, object], log: list[str]) -> dict[str, object]:
    """The options as the server was started with them: on AMD's GPUs it prints the share that aiter left (0.5)."""
    share = said.get("mem_fraction_static")
    if share and int(str(said.get("context_len", 0))) > AITER_FROM and last(_AITER, log):
        return said | {"mem_fraction_static": min(1.0, round(float(str(share)) / AITER, 3))}
    return said


def _options(log: list[str]) -> Iterator[tuple[str, object]]:
    lines = [
        line
        for line in log
        if "erver_args" in line or "ServerArgs" in line or "max_total_num_tokens" in line or "launch_server" in line
    ]
    for name in _SWITCHES:
        if last(re.compile(rf"\b{name}=True|'{name}': True|--{name.replace('_', '-')}\b"), lines):
            yield name, True
    if last(re.compile(r"\blanguage_model_only=True|'language_model_only': True|--language-model-only\b"), lines):
        yield "language_only", True
    for name in ("mamba_ssm_dtype", "ple_offload_backend"):
        if match := last(re.compile(rf"{name}='(\w+)'|--{name.replace('_', '-')}[ =](\w+)"), lines):
            yield name, match[1] or match[2]
    if last(_MAPPED, log):
        yield "ple_offload_backend", "file"
    for name, kind in _OPTIONS.items():
        spelled = f"{name}(?:_decode)?" if name == "cuda_graph_max_bs" else name
        pattern = re.compile(rf"\b{spelled}=([\d.]+)|'{spelled}': ([\d.]+)|--{spelled.replace('_', '-')}[ =]([\d.]+)")
        if match := last(pattern, lines):
            yield name, kind(next(g for g in match.groups() if g).rstrip("."))


_KNOWN = (
    _WEIGHTS, _CACHE, _MAMBA, _GRAPHS, _BEGIN, _LIMITS,
    re.compile(r"erver_args|Memory pool end|avail mem=|Capture .*graph begin|available_gpu_mem|Reserving|mem_fraction"),
)  # fmt: skip
