"""vLLM's start-up lines: weights, peak activation, what is outside torch, graphs and the cache, per worker.

Wordings of v1/worker/gpu_worker.py, gpu_model_runner.py and v1/core/kv_cache_utils.py from 0.6 to 0.33.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from qwenpick.memory.account import Part, gpu
from qwenpick.verify.compare import CONSUMED
from qwenpick.verify.observation import Observation, first, last, observed, size, unread_lines, whole
from qwenpick.work.placement import Cut

# Worker_TP0, Worker_PP1_TP1, Worker_PP2, Worker_DP0_TP1, Worker_TP0_EP0; before 0.11 VllmWorker rank=1
_RANK = re.compile(
    r"Worker_(?:DP(?P<dp>\d+)_?)?(?:PP(?P<pp>\d+)_?)?(?:TP(?P<tp>\d+))?(?:_?EP\d+)?\b"
    r"|(?:VllmWorker(?:Process)?|Worker) rank=(?P<rank>\d+)"
)
_WEIGHTS = re.compile(
    r"(?:Model loading took|Loading model weights took|[Mm]odel weights take) ([\d.]+) ?(?:GiB|GB)|weights memory: ([\d.]+) ?GiB"
    r"|Actual usage is ([\d.]+) GiB for weights?\b"
)
_ACTIVATION = re.compile(
    r"([\d.]+) GiB for peak activation|activation peak memory takes ([\d.]+) ?GiB|torch peak memory increase: ([\d.]+) ?GiB"
)
_NON_TORCH = re.compile(
    r"([\d.]+) GiB for non-torch memory|non_torch_memory takes ([\d.]+) ?GiB|non-torch forward increase memory: ([\d.]+) ?GiB"
)
_CONSUMED = re.compile(r"([\d.]+) GiB for consumed memory \(weights \+ non-torch\)")
_GRAPHS = re.compile(r"([\d.]+) GiB for CUDAGraph memory|Graph capturing finished in .* took (-?[\d.]+) GiB")
_CACHE = re.compile(
    r"Available KV cache memory: (-?[\d.]+) GiB|reserved for KV Cache is ([\d.]+) ?GiB|Current kv cache memory in use is ([\d.]+) GiB"
    r"|available KV cache memory \((-?[\d.]+) GiB\)|reserved ([\d.]+) GiB memory for KV Cache"
)
_TOKENS = re.compile(r"(?:GPU|XPU|NPU|device) KV cache size: ([\d,]+) tokens")
_STATE_BLOCKS = re.compile(r"exceeds available Mamba cache blocks \((\d+)\)")
_LONGEST = re.compile(r"max seq len \((\d+)\).*estimated maximum model length is (\d+)")
_CONCURRENCY = re.compile(r"Maximum concurrency for ([\d,]+) tokens per request: ([\d.]+)x")
_MEMORY = re.compile(r"Free memory on device(?: cuda:\d+)? \(([\d.]+)/([\d.]+) GiB\)")
_DESIRED = re.compile(r"Desired GPU memory utilization is \(([\d.]+), ([\d.]+) GiB\)")
_DRAFTS = re.compile(r"num_speculative_tokens['\"]?[:=] ?(\d+)")
_METHOD = re.compile(r"speculative[_-]config.{0,80}?['\"]method['\"]: ?['\"](\w+)['\"]")
_OWN_DRAFTS = ("mtp", "qwen3_next_mtp", "qwen3_5_mtp")  # the model's own block; anything else is a drafter of its own
_VERSION = re.compile(r"(?:vLLM API server version|version|LLM engine \(v)\s*v?(\d+\.\d+(?:\.\d+)?)")
_MODEL = re.compile(r"'model_tag': '([^']+)'|'model': '([^']+)'|model='([^']+)'|vllm serve ([\w./-]+)")
_OPTIONS = {
    "max_model_len": int, "gpu_memory_utilization": float, "max_num_seqs": int, "max_num_batched_tokens": int, "tensor_parallel_size": int,
    "pipeline_parallel_size": int, "data_parallel_size": int, "block_size": int, "kv_cache_memory_bytes": int, "cpu_offload_gb": float,
    "max_cudagraph_capture_size": int,
}  # fmt: skip
_SWITCHES = (
    "enforce_eager",
    "enable_prefix_caching",
    "language_model_only",
    "enable_expert_parallel",
    "skip_mm_profiling",
    "enable_lora",
)
_ADAPTERS = ("max_loras", "max_lora_rank")  # old versions list them where none are served, too
_WORDS = {
    "mamba_ssm_cache_dtype": r"\w+", "mm_encoder_tp_mode": "weights|data", "gdn_prefill_backend": "auto|flashinfer|triton|cutedsl",
    "attention_backend": "FLASH_ATTN|FLASHINFER|TRITON_ATTN|FLEX_ATTENTION|TURBOQUANT",
}  # fmt: skip
_OBJECTS = ("limit_mm_per_prompt", "mm_processor_kwargs")
_SEPARATE = frozenset({"max_model_len", "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"})


def parse(log: list[str]) -> Observation:
    """What the log says of each worker, ranks as gpu0, gpu1, … stage by stage."""
    options = dict(_options(log))
    concurrency, tokens, version = last(_CONCURRENCY, log), last(_TOKENS, log), first(_VERSION, log)
    model, cache = first(_MODEL, log), first(re.compile(r"'?kv_cache_dtype'?[=:] ?'?([\w.]+)"), log)
    cut = _cut(log, options)
    parts = list(_parts(log, cut))
    memory, longest, blocks = first(_MEMORY, log), last(_LONGEST, log), last(_STATE_BLOCKS, log)
    said = next((g for g in model.groups() if g), None) if model else None
    context = (
        whole(concurrency[1])
        if concurrency
        else int(longest[1])
        if longest
        else int(str(options.get("max_model_len", 0)))
    )
    known, word = _format(log, said or "")
    return Observation(
        engine="vllm",
        memory=observed(parts),
        version=version[1] if version else None,
        model=said,
        format=known,
        quantization=None if known else word,
        context=context or None,
        sequences=None,
        kv_cache="fp8" if cache and cache[1].startswith("fp8") else None,
        kv_tokens=whole(tokens[1]) if tokens else None,
        blocks=int(blocks[1]) if blocks else None,
        longest=int(longest[2]) if longest else None,
        ranks=max(cut.gpus, 1 + max((int(part.where.removeprefix("gpu")) for part in parts), default=0)),
        cut=cut,
        settled=any("non-default args" in line or "vllm serve" in line or "args: Namespace" in line for line in log),
        total=size(memory[2], "GiB") if memory else None,
        free=size(memory[1], "GiB") if memory else None,
        options={k: v for k, v in options.items() if k not in _SEPARATE}
        | ({"version": ".".join(version[1].split(".")[:2])} if version else {}),
        unread=(*_drafter(log), *unread_lines(log, _KNOWN)),
    )


def _cut(log: list[str], options: dict[str, object]) -> Cut:
    """How the model was cut: as the flags say, and at least as many ranks and stages as there are workers."""
    tensor, pipeline, data = (
        int(str(options.get(f"{name}_parallel_size", 1))) for name in ("tensor", "pipeline", "data")
    )
    for line in log:
        if match := _RANK.search(line):
            tensor = max(tensor, 1 + int(match["tp"] or match["rank"] or 0)) if pipeline == 1 or match["tp"] else tensor
            pipeline = max(pipeline, 1 + int(match["pp"] or 0))
    return Cut(tensor, pipeline, data, bool(options.get("enable_expert_parallel")))


def _drafter(log: list[str]) -> tuple[str, ...]:
    """The words that name a draft model of its own: what it holds is not in the estimate."""
    found = first(_METHOD, log)
    return (found.string[found.start() :][:200],) if found and found[1].casefold() not in _OWN_DRAFTS else ()


def _parts(log: list[str], cut: Cut) -> Iterator[Part]:
    """The last value of each worker of the first copy."""
    kept: dict[tuple[str, str], Part] = {}
    for line in log:
        rank = _rank(line, cut)
        if rank is None:
            continue
        where = gpu(rank)
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
            if weights is None or weights.name == CONSUMED:
                kept[where, "weights"] = Part(CONSUMED, size(consumed[1], "GiB"), where, consumed[0], "weights")
                continue
            rest = size(consumed[1], "GiB") - weights.bytes
            if rest >= 0:
                kept[where, "outside torch"] = Part(
                    "outside torch",
                    rest,
                    where,
                    f"{consumed[0]}, less the weights",
                    "overhead",
                )
    yield from kept.values()


def _rank(line: str, cut: Cut) -> int | None:
    """The place of the line's worker among those of one copy; None for another copy's."""
    match = _RANK.search(line)
    if match is None:
        return 0
    if int(match["dp"] or 0):
        return None
    return int(match["rank"]) if match["rank"] else int(match["pp"] or 0) * cut.tensor + int(match["tp"] or 0)


def _options(log: list[str]) -> Iterator[tuple[str, object]]:
    """Flags as vLLM lists them: non-default args: {...}, Namespace(...), the engine's config, or the command line."""
    marks = ("non-default args", "vllm serve", "with config", "args: Namespace")
    lines = [line for line in log if any(mark in line for mark in marks)]
    for name, kind in _OPTIONS.items():
        if value := _number(name, kind, lines):
            yield name, value
        elif name == "gpu_memory_utilization" and (match := first(_DESIRED, log)):
            yield name, float(match[1])
    for name in _SWITCHES:
        flag = name.replace("_", "-")
        if first(re.compile(rf"'{name}': True|--{flag}\b|\b{name}=True"), lines):
            yield name, True
            if name == "enable_lora":
                yield from ((size, value) for size in _ADAPTERS if (value := _number(size, int, lines)))
        elif first(re.compile(rf"'{name}': False|--no-{flag}\b|\b{name}=False"), lines):
            yield name, False
    for name, words in _WORDS.items():
        if match := first(re.compile(rf"'{name}': '({words})'|--{name.replace('_', '-')}[ =]({words})\b"), lines):
            yield name, match[1] or match[2]
    for name in _OBJECTS:
        braces = r"(\{(?:[^{}]|\{[^{}]*\})*\})"
        if match := first(re.compile(rf"'{name}': {braces}|--{name.replace('_', '-')}[ =]'{braces}'"), lines):
            yield name, (match[1] or match[2]).replace("'", '"')
    method = first(_METHOD, lines)
    if (match := first(_DRAFTS, lines)) and (method is None or method[1].casefold() in _OWN_DRAFTS):
        yield "num_speculative_tokens", int(match[1])


def _number(name: str, kind: Callable[[str], float], lines: list[str]) -> float | None:
    """What an option was set to; None where no line says it."""
    match = first(re.compile(rf"'{name}': ([\d.]+)|\b{name}=([\d.]+)|--{name.replace('_', '-')}[ =]([\d.]+)"), lines)
    return kind(next(filter(None, match.groups())).rstrip(".")) if match else None


def _format(log: list[str], model: str) -> tuple[str | None, str | None]:
    """(the quantization that vLLM settled on in our words, its own word); None for both where it says none."""
    said = first(
        re.compile(r"'?quantization'?[=:] ?'?([\w-]+)'?"), [line for line in log if "args" in line or "config" in line]
    )
    word = (said[1] if said else "").casefold()
    if word in ("", "none"):
        return None, None
    eight = "int8" in model.casefold() or "8bit" in model.casefold()
    known = {"fp8": "fp8", "bitsandbytes": "nf4", "mxfp4": "mxfp4", "modelopt_fp8": "fp8", "modelopt": None}
    if word.startswith("gptq"):
        return ("gptq-int8" if eight else "gptq-int4"), word
    if word.startswith("awq"):
        return "awq-int4", word
    if word in ("modelopt_fp4", "modelopt_mixed", "nvfp4") or (word == "modelopt" and "fp8" not in model.casefold()):
        return "nvfp4", word
    return known.get(word) or ("fp8" if word == "modelopt" else None), word


_KNOWN = (
    _WEIGHTS, _ACTIVATION, _NON_TORCH, _CONSUMED, _GRAPHS, _CACHE, _MEMORY, _LONGEST, _DESIRED, _MODEL,
    re.compile(r"CUDA graph memory|kv-cache-memory|Requested memory|gpu[_-]memory[_-]utilization|Memory profiling takes|No available memory"),
)  # fmt: skip
