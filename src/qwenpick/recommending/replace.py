"""What supersedes a model in the same memory: newer official models for the same work that need no more and are worth more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import closed_weights
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import checkpoints
from qwenpick.recommending.choose import Chooser
from qwenpick.recommending.quality import Quality, load_abilities, quality
from qwenpick.recommending.quantization_loss import retention
from qwenpick.recommending.search.upper_bound import upper_bound
from qwenpick.recommending.tasks import Task, find_task, serves
from qwenpick.recommending.thinking import efforts_for
from qwenpick.runtimes import find_runtime
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.memory.account import Memory
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.request import Request

TASK_OF_KIND = {
    "chat": "chat", "base": "chat", "code": "coding", "math": "math", "vision": "vision", "audio": "audio", "omni": "omni", "speech": "speech",
    "embedding": "rag-embedding", "reranker": "reranking", "guard": "moderation", "agent": "agent", "reward": "chat",
}  # fmt: skip
WANTED = 40  # places that are looked at on a machine
SAME_MEMORY = 1.02  # needs no more than this times the old one's
PRECISIONS = (
    "8bit",
    "6bit",
    "5bit",
    "4bit",
)  # a new model may be stored with fewer bits than the old one, but not with fewer than four


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model in a format, what it needs for the same work, and what it is worth for the task after quantization; `plan` on a machine."""

    model: Model
    checkpoint: Checkpoint
    memory: Memory
    worth: Quality
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The old model and what supersedes it, best first; `line` is the official successors, oldest first."""

    task: Task
    runtime: str
    old: Candidate
    better: tuple[Candidate, ...]
    line: tuple[Model, ...]


def replacement(
    catalog: Catalog,
    model: Model,
    *,
    quant: str = "4bit",
    context: int = 8192,
    runtime: str = "llamacpp",
    task: str | None = None,
) -> Replacement:
    """What supersedes the model in the memory that it needs on one GPU in that precision, for the same work (`task`, or what its kind is for).

    Raises QwenpickError for a model without open weights, or one that nothing is known about.
    """
    wanted = find_task(task or TASK_OF_KIND[model.kind])
    engine = find_runtime(runtime)
    old = (
        next(iter(_candidates(catalog, model, wanted, runtime, (quant,), context)), None)
        if model.architecture
        else None
    )
    if not model.architecture:
        raise QwenpickError(closed_weights(model))
    if old is None:
        raise QwenpickError(
            _(
                "nothing is known of {name} in {quant} on {engine} for {wanted_name}, so nothing can be set beside it",
                name=model.name,
                quant=quant,
                engine=engine.TITLE,
                wanted_name=wanted.name,
            )
        )
    better = []
    for other in _newer(catalog, model, wanted):
        found = [
            candidate
            for candidate in _candidates(catalog, other, wanted, runtime, (*PRECISIONS, quant), context)
            if candidate.memory.total <= old.memory.total * SAME_MEMORY and candidate.worth.value > old.worth.value
        ]
        if found:
            better.append(max(found, key=lambda c: c.worth.value))
    ordered = sorted(better, key=lambda c: (-c.worth.value, c.memory.total, c.model.id))
    return Replacement(wanted, engine.NAME, old, tuple(ordered), tuple(successors(catalog, model)))


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


def replacement_on(catalog: Catalog, model: Model, box: Machine, request: Request) -> Replacement:
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
                "{name} does not run there as asked, or nothing is known of its quality, so nothing can be set beside it",
                name=model.name,
            )
        )
    free = replace(asked, quant=None)
    rows = Chooser(catalog, _newer(catalog, model, task), task, free).places(box, WANTED)[0]
    better = [row for row in rows if row.usable and row.quality.value > own.quality.value]
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


def _candidates(
    catalog: Catalog, model: Model, task: Task, runtime: str, precisions: tuple[str, ...], context: int
) -> list[Candidate]:
    if not model.architecture or not model.parameters:
        return []
    engine, architecture = find_runtime(runtime), catalog.architecture(model)
    from qwenpick.machine.hardware import ANY_GPU

    work = Serving(min(context, model.context.native) if model.context else context, 1, KvCache())
    thinks = model.thinking in {"hybrid", "always"}
    found = []
    for precision in precisions:
        for checkpoint in checkpoints(model, engine, precision)[:1]:
            placement = Placement((ANY_GPU,))
            kept = retention(checkpoint.format, model.parameters.total)
            worths = [
                quality(load_abilities(), model.id, thinks, task, effort, kept) for effort in efforts_for(model, task)
            ]
            worth = max((w for w in worths if w), key=lambda w: w.value, default=None)
            if worth and not engine.refusal(architecture, checkpoint, work, placement):
                found.append(
                    Candidate(model, checkpoint, engine.memory(model, architecture, checkpoint, work, placement), worth)
                )
    return found
