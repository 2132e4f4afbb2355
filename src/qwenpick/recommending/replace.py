"""What supersedes a model in the same memory: newer official models for the same work that need no more and are worth more."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import closed_weights
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import ANY_GPU, APPLE_SILICON, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.recommending.choose import Chooser
from qwenpick.recommending.request import Request
from qwenpick.recommending.search.candidates import GPU_ENGINES
from qwenpick.recommending.search.upper_bound import upper_bound
from qwenpick.recommending.tasks import Task, find_task, serves
from qwenpick.runtimes import find_runtime
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Checkpoint, Model
    from qwenpick.memory.account import Memory
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.quality import Quality
    from qwenpick.recommending.rank import Ranked

TASK_OF_KIND = {
    "chat": "chat", "base": "chat", "code": "coding", "math": "math", "vision": "vision", "audio": "audio", "omni": "omni", "speech": "speech",
    "embedding": "rag-embedding", "reranker": "reranking", "guard": "moderation", "agent": "agent", "reward": "chat",
}  # fmt: skip
WANTED = 40  # places that are looked at
LEAST_BITS = 4  # in the same memory: a new model may be stored with fewer bits than the old one, not with fewer
MOST_MEMORY = 2**42  # bytes: more than any model takes
STEP = 2**20  # bytes: how finely the memory is searched that just holds the old model


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model in a format, what it needs for the same work, and what it is worth for the task after quantization."""

    model: Model
    checkpoint: Checkpoint
    memory: Memory
    worth: Quality
    plan: Plan


@dataclass(frozen=True, slots=True)
class Replacement:
    """The old model and what supersedes it, best first; `line` is the official successors, oldest first.

    `same_memory` says that it is meant in the memory that the old one needs, not on a machine.
    """

    task: Task
    runtime: str
    old: Candidate
    better: tuple[Candidate, ...]
    line: tuple[Model, ...]
    same_memory: bool = False


def replacement(
    catalog: Catalog,
    model: Model,
    *,
    quant: str = "4bit",
    context: int = 8192,
    runtime: str = "llamacpp",
    task: str | None = None,
) -> Replacement:
    """What supersedes the model in the memory that it needs in that precision, for the same work (`task`, or what its kind is for).

    It is what the chooser says of a pretended box with no more memory than the old model needs to fit clear of the estimate's error.
    Raises QwenpickError for a model without open weights, or one that nothing is known about.
    """
    if not model.architecture:
        raise QwenpickError(closed_weights(model))
    wanted, engine = find_task(task or TASK_OF_KIND[model.kind]), find_runtime(runtime)
    request = Request(
        task=wanted.name,
        context=context,
        runtime=engine.NAME,
        quant=quant,
        kv_cache=KvCache(),
        gpu_only=True,
        strict=True,
    )
    stored = next(
        iter(Chooser(catalog, [model], wanted, request).places(_memory(engine.NAME, MOST_MEMORY), 1)[0]), None
    )
    if stored is None:
        raise QwenpickError(
            _(
                "nothing is known about {name} in {quant} on {engine} for {wanted_name}, so there is nothing to compare with",
                name=model.name,
                quant=quant,
                engine=engine.TITLE,
                wanted_name=wanted.name,
            )
        )
    request = replace(request, quant=stored.plan.checkpoint.shown)
    chooser = Chooser(catalog, [model], wanted, request)

    def holds(size: int) -> bool:
        return bool(chooser.places(_memory(engine.NAME, size), 1)[0])

    size = STEP * bisect_left(range(0, MOST_MEMORY, STEP), True, key=holds)
    found = replacement_on(catalog, model, _memory(engine.NAME, size), request, least_bits=LEAST_BITS)
    return replace(found, same_memory=True)


def _memory(engine: str, size: int) -> Machine:
    """A box with so much memory and nothing else known of it: a GPU's, or one that CPU and GPU share where the engine uses both."""
    shared = engine not in GPU_ENGINES
    device = replace(APPLE_SILICON if engine == "mlx" else ANY_GPU, total=size, free=size, unified=shared)
    return Machine((device,), size, size, system="darwin" if engine == "mlx" else "linux")


def _newer(catalog: Catalog, model: Model, task: Task) -> list[Model]:
    """Official models for the same work that are no older."""
    return [
        other
        for other in catalog.models.values()
        if other.id != model.id
        and other.official
        and not serves(other, task)
        and (other.released or "") >= (model.released or "")
    ]


def replacement_on(
    catalog: Catalog, model: Model, box: Machine, request: Request, *, least_bits: int = 0
) -> Replacement:
    """What supersedes the model on that machine: newer official models for the same work whose best plan there is usable and worth more.

    Raises QwenpickError for a model without open weights, or one that does not run there or that nothing is known about.
    """
    if not model.architecture:
        raise QwenpickError(closed_weights(model))
    task = find_task(request.task or TASK_OF_KIND[model.kind])
    asked = replace(request, task=task.name)
    own = Chooser(catalog, [model], task, asked).one(box)
    if own is None or upper_bound(model, task, asked, 1) is None:
        raise QwenpickError(
            _(
                "{name} does not run there as asked, or its quality is not known, so there is nothing to compare with",
                name=model.name,
            )
        )
    free = replace(asked, quant=None, least_bits=least_bits)
    rows = Chooser(catalog, _newer(catalog, model, task), task, free).places(box, WANTED)[0]
    better = [row for row in rows if (row.usable or row.seconds is None) and row.quality.value > own.quality.value]
    return Replacement(
        task, own.plan.runtime, _candidate(own), tuple(map(_candidate, better)), tuple(successors(catalog, model))
    )


def _candidate(row: Ranked) -> Candidate:
    plan = row.plan
    return Candidate(plan.model, plan.checkpoint, plan.memory, row.quality, plan)


def successors(catalog: Catalog, model: Model) -> list[Model]:
    """The official successors of a model, one after the other."""
    line: list[Model] = []
    while model.successor and (following := catalog.models.get(model.successor)) and following not in line:
        line.append(following)
        model = following
    return line
