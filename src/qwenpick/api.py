"""The Python API: the memory of one run, with the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import ANY_GPU, APPLE_SILICON, Device
from qwenpick.memory.cache import KvCache, parse_cache
from qwenpick.units import parse_tokens
from qwenpick.work.placement import Cut, placed
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.memory.account import Memory


def estimate(
    model: str,
    runtime: str = "llamacpp",
    quant: str = "4bit",
    context: int | str = 8192,
    sequences: int = 1,
    kv_cache: str | KvCache = "f16",
    options: Mapping[str, object] | None = None,
    *,
    gpus: int = 1,
    device: Device | None = None,
    catalog: Catalog | None = None,
) -> Memory:
    """The memory (`.total` in bytes, `.parts` with name, bytes, where and formula) of `sequences` sequences of `context` tokens each.

    `options` are the engine's own flag names: `n_ubatch`, `flash_attn`, `n_gpu_layers`, `gpu_memory_utilization`, `max_num_batched_tokens`,
    `enforce_eager`, `tensor_parallel_size`, … It runs on `gpus` of the `device`
    (by default an NVIDIA GPU of any size, for MLX Apple silicon; 0 is CPU only).
    `context` may be written as on the command line: "32k".
    Raises QwenpickError for a model, format, engine or option that is not known, and for a context or number of sequences that is none.

    >>> import qwenpick
    >>> memory = qwenpick.estimate("qwen3-8b", runtime="vllm", quant="fp16", context=4096)
    >>> next(part.bytes for part in memory.parts if part.kind == "kv cache")
    603979776
    """
    from qwenpick.catalog import find_model, load
    from qwenpick.catalog.lookup import closed_weights
    from qwenpick.planning.checkpoints import check_quant, checkpoints
    from qwenpick.runtimes import find_runtime, options_of

    tokens = parse_tokens(str(context))
    if sequences < 1:
        raise QwenpickError(_("{sequences} sequences cannot be served; 1 or more can", sequences=sequences))
    if gpus < 0:
        raise QwenpickError(_("{gpus} GPUs cannot be used; 0 is CPU only", gpus=gpus))
    facts = catalog or load()
    wanted = find_model(facts, model)
    if not wanted.architecture:
        raise QwenpickError(closed_weights(wanted))
    engine = find_runtime(runtime)
    check_quant(quant)
    found = checkpoints(wanted, engine, quant, any_source=True)
    if not found:
        raise QwenpickError(_("{engine} has no {quant} of {name}", engine=engine.TITLE, quant=quant, name=wanted.name))
    cache = parse_cache(kv_cache) if isinstance(kv_cache, str) else kv_cache
    work = Serving(tokens, sequences, cache, dict(options or {}))
    architecture = facts.architecture(wanted)
    cut = options_of(engine.NAME, work.options).parallel or Cut()
    count = max(gpus, cut.gpus) if gpus else 0
    placement = placed((device or (APPLE_SILICON if engine.NAME == "mlx" else ANY_GPU),) * count, cut)
    if refusal := engine.refusal(architecture, found[0], work, placement):
        raise QwenpickError(refusal)
    return engine.memory(wanted, architecture, found[0], work, placement)
