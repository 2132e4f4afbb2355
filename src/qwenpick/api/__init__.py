"""The Python API: the answers of the command line as values, with its words: `estimate`, `fit`, `recommend`, `plan`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.api.answers import Fit, Planned, Recommended
from qwenpick.api.arguments import check, dollars, names
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import ANY_GPU, APPLE_SILICON, Device
from qwenpick.memory.cache import KvCache, parse_cache
from qwenpick.units import parse_memory, parse_tokens
from qwenpick.work.placement import Cut, placed
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.memory.account import Memory
    from qwenpick.recommending.request import Request


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

    check(("runtime", "quant", "context", "sequences", "kv_cache", "gpus"), model=model, runtime=runtime, quant=quant, context=context,
          sequences=sequences, kv_cache=kv_cache, options=options, gpus=gpus)  # fmt: skip
    tokens = parse_tokens(str(context))
    if sequences < 1:
        raise QwenpickError(_("sequences must be 1 or more, not {sequences}", sequences=sequences))
    if gpus < 0:
        raise QwenpickError(_("gpus must be 0 (CPU only) or more, not {gpus}", gpus=gpus))
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


def fit(
    model: str,
    *,
    gpu: str | Sequence[str] | None = None,
    ram: str | int | None = None,
    machine: str | Path | Machine | None = None,
    task: str | None = None,
    quant: str | None = None,
    context: int | str | None = None,
    users: int = 1,
    runtime: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Fit:
    """Whether the model runs on the box, in the best plan for the task.

    The box is pretended (`gpu`, `ram`: "64GiB", 64 is GiB), a saved or given `machine`, or this one. Raises QwenpickError for a bad request,
    HardwareUnreadableError where the hardware that decides could not be read.

    >>> import qwenpick
    >>> answer = qwenpick.fit("qwen3-8b", gpu="rtx 4090", ram="64GiB", quant="4bit")
    >>> answer.fits, answer.plan.verdict, answer.plan.checkpoint.format
    (True, 'fits', 'Q4_K_M')
    """
    from qwenpick.catalog import load
    from qwenpick.fitting.answer import described
    from qwenpick.fitting.answer import fit as answer
    from qwenpick.readers import resolve

    check(model=model, quant=quant, runtime=runtime, machine=machine, ram=ram)
    found = resolve(model, load(), quant, runtime=runtime)
    box = _box(found.catalog, gpu, ram, machine)
    request = _request(task, found.quant, context, users, runtime, options)
    return Fit(described(answer(found.catalog, box, found.model, request)), box, found.catalog)


def recommend(
    *,
    gpu: str | Sequence[str] | None = None,
    ram: str | int | None = None,
    machine: str | Path | Machine | None = None,
    task: str | None = None,
    quant: str | None = None,
    context: int | str | None = None,
    users: int = 1,
    runtime: str | None = None,
    options: Mapping[str, object] | None = None,
    limit: int = 5,
) -> Recommended:
    """The models that serve the task (chat where none is named) on the box, best first; the box and the errors are those of `fit`.

    >>> import qwenpick
    >>> best = qwenpick.recommend(gpu="rtx 4090", ram="64GiB", task="coding")
    >>> best.plan == qwenpick.fit(best.plan.model.id, gpu="rtx 4090", ram="64GiB", task="coding").plan
    True
    """
    from qwenpick.catalog import load
    from qwenpick.recommending.answer import recommend as answer

    check(("limit",), limit=limit, machine=machine, ram=ram)
    facts = load()
    box = _box(facts, gpu, ram, machine)
    return Recommended(answer(facts, box, _request(task, quant, context, users, runtime, options), limit), box)


def plan(
    model: str,
    *,
    gpu: str | Sequence[str] | None = None,
    budget: float | str | None = None,
    task: str | None = None,
    quant: str | None = None,
    context: int | str | None = None,
    users: int = 1,
    runtime: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Planned:
    """What hardware the model needs: of the catalogue's GPUs on sale, or of those named in `gpu`, within `budget` USD where one is given.

    Raises QwenpickError for a bad request.

    >>> import qwenpick
    >>> qwenpick.plan("qwen3-8b", gpu=["rtx 4090", "rtx 3060 12gb"]).fits
    True
    """
    from qwenpick.buy.advice import look
    from qwenpick.buy.named import one_of
    from qwenpick.catalog import load
    from qwenpick.readers import resolve

    check(model=model, quant=quant, runtime=runtime)
    most = dollars(budget)
    found = resolve(model, load(), quant, runtime=runtime)
    pool = [one_of(found.catalog, name) for name in names(gpu)] or None
    request = _request(task, found.quant, context, users, runtime, options)
    market = look(found.catalog, found.model, request, pool, most)
    return Planned(found.model, market.offers, market.advice)


def _box(
    catalog: Catalog, gpu: str | Sequence[str] | None, ram: str | int | None, machine: str | Path | Machine | None
) -> Machine:
    """The box that is meant: pretended, given, saved, or this machine."""
    from qwenpick.machine.hardware import Machine as Box
    from qwenpick.machine.reserve import reserved

    if machine is not None:
        if gpu is not None or ram is not None:
            raise QwenpickError(_("machine describes the whole machine; leave out gpu and ram"))
        if isinstance(machine, Box):
            return machine
        from qwenpick.machine.file import read

        return reserved(read(Path(machine)))
    if gpu is not None or ram is not None:
        from qwenpick.machine.simulate import simulate

        cards = names(gpu)
        return simulate(catalog, cards, ram=parse_memory(str(ram)) if ram is not None else None, cpu_only=not cards)
    from qwenpick.machine.probe import probe

    return reserved(probe(catalog))


def _request(
    task: str | None,
    quant: str | None,
    context: int | str | None,
    users: int,
    runtime: str | None,
    options: Mapping[str, object] | None,
) -> Request:
    from qwenpick.recommending.request import Request

    check(("users",), task=task, quant=quant, context=context, users=users, runtime=runtime, options=options)
    if users < 1:
        raise QwenpickError(_("users must be 1 or more, not {users}", users=users))
    tokens = parse_tokens(str(context)) if context is not None else None
    return Request(task=task, quant=quant, context=tokens, users=users, runtime=runtime, options=dict(options or {}))
