"""vLLM's start-up lines: weights, peak activation, what is outside torch, graphs and the cache, per worker.

Wordings of v1/worker/gpu_worker.py, gpu_model_runner.py and v1/core/kv_cache_utils.py from 0.6 to 0.27.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwenpick.memory.account import Part, gpu
from qwenpick.verify.observation import Observation, first, last, observed, size, whole

_RANK = re.compile(r"(?:Worker_?(?:DP\d+_)?(?:PP(\d+)_)?TP(\d+)|VllmWorker(?:Process)? rank=(\d+)|Worker rank=(\d+))")
_WEIGHTS = re.compile(
    r"(?:Model loading took|Loading model weights took|[Mm]odel weights take) ([\d.]+) ?(?:GiB|GB)|weights memory: ([\d.]+) ?GiB"
)
_ACTIVATION = re.compile(
    r"([\d.]+) GiB for peak activation|activation peak memory takes ([\d.]+) ?GiB|torch peak memory increase: ([\d.]+) ?GiB"
)
_NON_TORCH = re.compile(
    r"([\d.]+) GiB for non-torch memory|non_torch_memory takes ([\d.]+) ?GiB|non-torch forward increase memory: ([\d.]+) ?GiB"
)
_CONSUMED = re.compile(r"([\d.]+) GiB for consumed memory \(weights \+ non-torch\)")
_GRAPHS = re.compile(r"([\d.]+) GiB for CUDAGraph memory|Graph capturing finished in .* took (-?[\d.]+) GiB")
_CACHE = re.compile(r"Available KV cache memory: (-?[\d.]+) GiB|reserved for KV Cache is ([\d.]+) ?GiB")
_TOKENS = re.compile(r"(?:GPU|XPU|NPU|device) KV cache size: ([\d,]+) tokens")
_BLOCKS = re.compile(r"# (?:GPU|cuda) blocks: (\d+)")
_CONCURRENCY = re.compile(r"Maximum concurrency for ([\d,]+) tokens per request: ([\d.]+)x")
_MEMORY = re.compile(r"Free memory on device(?: cuda:\d+)? \(([\d.]+)/([\d.]+) GiB\)")
_VERSION = re.compile(r"(?:vLLM API server version|version|LLM engine \(v)\s*v?(\d+\.\d+(?:\.\d+)?)")
_MODEL = re.compile(r"'model_tag': '([^']+)'|'model': '([^']+)'|model='([^']+)'|vllm serve ([\w./-]+)")
_OPTIONS = {
    "max_model_len": int, "gpu_memory_utilization": float, "max_num_seqs": int, "max_num_batched_tokens": int, "tensor_parallel_size": int,
    "pipeline_parallel_size": int, "block_size": int,
}  # fmt: skip
_SEPARATE = frozenset({"max_model_len", "tensor_parallel_size", "pipeline_parallel_size"})


def parse(log: list[str]) -> Observation:
    """What the log says of each worker, ranks as gpu0, gpu1, …"""
    options = dict(_options(log))
    concurrency, tokens, version = last(_CONCURRENCY, log), last(_TOKENS, log), first(_VERSION, log)
    model, cache = first(_MODEL, log), first(re.compile(r"'?kv_cache_dtype'?[=:] ?'?([\w.]+)"), log)
    parts = list(_parts(log))
    memory = first(_MEMORY, log)
    said = next((g for g in model.groups() if g), None) if model else None
    ranks = max(int(str(options.get("tensor_parallel_size", 1))), len({part.where for part in parts}))
    return Observation(
        engine="vllm",
        memory=observed(parts),
        version=version[1] if version else None,
        model=said,
        format=_format(log, said or ""),
        context=whole(concurrency[1]) if concurrency else int(str(options.get("max_model_len", 0))) or None,
        sequences=None,
        kv_cache="fp8" if cache and cache[1].startswith("fp8") else None,
        kv_tokens=whole(tokens[1]) if tokens else None,
        ranks=ranks,
        settled=any("non-default args" in line or "vllm serve" in line for line in log),
        total=size(memory[2], "GiB") if memory else None,
        free=size(memory[1], "GiB") if memory else None,
        options={k: v for k, v in options.items() if k not in _SEPARATE}
        | ({"version": ".".join(version[1].split(".")[:2])} if version else {}),
    )


def _parts(log: list[str]) -> Iterator[Part]:
    """The last value of each worker."""
    kept: dict[tuple[str, str], Part] = {}
    for line in log:
        where = gpu(_rank(line))
        for name, kind, pattern in (
            ("weights", "weights", _WEIGHTS),
            ("peak activation", "compute", _ACTIVATION),
            ("outside torch", "overhead", _NON_TORCH),
            ("cuda graphs", "overhead", _GRAPHS),
            ("kv cache", "kv cache", _CACHE),
        ):
            if match := pattern.search(line):
                number = next(g for g in match.groups() if g)
                kept[where, name] = Part(name, max(0, size(number, "GiB")), where, match[0], kind)
        if consumed := _CONSUMED.search(line):
            weights = kept.get((where, "weights"))
            rest = size(consumed[1], "GiB") - weights.bytes if weights else -1
            if rest >= 0:
                kept[where, "outside torch"] = Part(
                    "outside torch",
                    rest,
                    where,
                    f"{consumed[0]}, less the weights",
                    "overhead",
                )
    yield from kept.values()


def _rank(line: str) -> int:
    match = _RANK.search(line)
    return int(next(g for g in (match[2], match[3], match[4]) if g is not None)) if match else 0


def _options(log: list[str]) -> Iterator[tuple[str, object]]:
    """Flags as vLLM lists them: non-default args: {...}, or the command line."""
    lines = [line for line in log if "non-default args" in line or "vllm serve" in line or "with config" in line]
    for name, kind in _OPTIONS.items():
        pattern = re.compile(rf"'{name}': ([\d.]+)|\b{name}=([\d.]+)|--{name.replace('_', '-')}[ =]([\d.]+)")
        if match := first(pattern, lines):
            yield name, kind(next(g for g in match.groups() if g).rstrip("."))
    if first(re.compile(r"'enforce_eager': True|--enforce-eager|enforce_eager=True"), lines):
        yield "enforce_eager", True


def _format(log: list[str], model: str) -> str | None:
    """The quantization that vLLM settled on, in our words; None where it does not say."""
    said = first(
        re.compile(r"'?quantization'?[=:] ?'?([\w-]+)'?"), [line for line in log if "args" in line or "config" in line]
    )
    word = (said[1] if said else "").casefold()
    if word in ("", "none"):
        return None
    eight = "int8" in model.casefold() or "8bit" in model.casefold()
    known = {"fp8": "fp8", "bitsandbytes": "nf4", "mxfp4": "mxfp4"}
    if word.startswith("gptq"):
        return "gptq-int8" if eight else "gptq-int4"
    if word.startswith("awq"):
        return "awq-int4"
    return "nvfp4" if word.startswith("modelopt") else known.get(word)


__all__ = ["parse"]
