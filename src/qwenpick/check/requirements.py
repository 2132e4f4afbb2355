"""The file that `qwenpick check` reads: which models must run where, at which context, for how many users, how fast.

models:
  - model: qwen3-8b
    quant: 4bit
    context: 32k
    users: 4
    min_speed: 20        # tokens/s that each user sees
  - together: [{model: qwen3-8b, context: 16k}, {model: qwen3-embedding-0.6b, users: 8}]   # at once on one box
machine: {gpus: [rtx 4090], ram: 64GiB}   # or: this, or the path of a saved machine
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from qwenpick.bounded import reason
from qwenpick.errors import DoesNotFitError, HardwareUnreadableError, QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.memory.cache import parse_cache
from qwenpick.planning.words import size_note, speed_of, where
from qwenpick.runtimes import find_runtime
from qwenpick.units import parse_bytes, parse_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.fitting.answer import Answer
    from qwenpick.fitting.together import Together
    from qwenpick.recommending.rank import Prefer
    from qwenpick.recommending.request import Request

SLOW = 5.0  # tokens/s of one user below which a pass is warned of
Status = Literal["pass", "fail", "invalid", "unreadable", "error"]
CODES: dict[Status, int] = {"pass": 0, "fail": 1, "invalid": 2, "unreadable": 3, "error": 70}


@dataclass(frozen=True, slots=True)
class NamedBox:
    """Where a requirement must hold: this machine (no field set), a saved one, a pretended one, or a cluster (what is free there, or its `total`)."""

    file: str | None = None
    gpus: tuple[str, ...] = ()
    vram: str | None = None
    ram: str | None = None
    cpu_only: bool = False
    reserve: str | None = None
    system: str | None = None
    cluster: str | None = None
    total: bool = False

    def __str__(self) -> str:
        if self.file or self.cluster:
            return self.file or _("cluster {cluster}", cluster=self.cluster)
        parts = [
            *self.gpus,
            *([_("{vram} of VRAM", vram=self.vram)] if self.vram else []),
            *([_("{ram} of RAM", ram=self.ram)] if self.ram else []),
        ]
        return ", ".join([*parts, *(["no GPU"] if self.cpu_only else [])]) or _("this machine")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of the file, in its own words; `line` is where it stands (from 1). None is what was not said; `fault` why it cannot be asked."""

    name: str
    model: str
    line: int = 1
    quant: str | None = None
    runtime: str | None = None
    context: str | None = None
    users: int = 1
    task: str | None = None
    kv_cache: str | None = None
    min_speed: float | None = None
    prefer: Prefer = "balanced"
    thinking: bool | None = None
    max_disk: str | None = None
    strict: bool = False
    gpu_only: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    box: NamedBox = NamedBox()
    replicas: int | None = None
    together: tuple[Requirement, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a requirement: `message` is a sentence, `answer` the plan behind it where there is one, `warning` what a pass does not say."""

    requirement: Requirement
    status: Status
    message: str
    answer: Answer | None = None
    warning: str | None = None

    @property
    def code(self) -> int:
        """0 it holds, 1 it does not, 2 it cannot be asked, 3 the hardware that decides could not be read."""
        return CODES[self.status]


@dataclass(frozen=True, slots=True)
class Checked:
    """All results of one file, in its order."""

    file: str
    results: tuple[Result, ...]

    @property
    def code(self) -> int:
        """The worst."""
        return max((result.code for result in self.results), default=0)


def request(requirement: Requirement) -> Request:
    """The requirement as `fit` takes it. Raises QwenpickError for a context, a size or a cache format that cannot be read."""
    from qwenpick.recommending.request import Request

    return Request(
        quant=requirement.quant,
        context=parse_tokens(requirement.context) if requirement.context else None,
        task=requirement.task,
        users=requirement.users,
        min_speed=requirement.min_speed,
        prefer=requirement.prefer,
        thinking="either" if requirement.thinking is None else "yes" if requirement.thinking else "no",
        max_disk=parse_bytes(requirement.max_disk) if requirement.max_disk else None,
        runtime=requirement.runtime,
        kv_cache=parse_cache(requirement.kv_cache) if requirement.kv_cache else None,
        options=requirement.options,
        gpu_only=requirement.gpu_only,
        strict=requirement.strict,
    )


def unread(file: str, why: str) -> Checked:
    """The report of a file that cannot be read: one entry, which cannot be asked."""
    return Checked(file, (Result(Requirement(name=file, model="", fault=why), "invalid", why),))


def check(file: str, requirements: Iterable[Requirement], fit: Callable[[Requirement], Answer | Result]) -> Checked:
    """Every requirement through `fit`, which may have judged it; one that raises is invalid or unreadable, the others are still checked."""
    return Checked(file, tuple(_checked(requirement, fit) for requirement in requirements))


def _checked(requirement: Requirement, fit: Callable[[Requirement], Answer | Result]) -> Result:
    if requirement.fault:
        return Result(requirement, "invalid", requirement.fault)
    try:
        answer = fit(requirement)
    except HardwareUnreadableError as problem:
        return Result(requirement, "unreadable", str(problem))
    except DoesNotFitError as problem:
        return Result(requirement, "fail", str(problem))
    except QwenpickError as problem:
        return Result(requirement, "invalid", str(problem))
    except OSError as problem:  # a path that nobody may look at, or that no system has
        return Result(requirement, "invalid", f"'{shown(problem.filename)}': {reason(problem)}")
    except Exception as problem:  # a fault of qwenpick in one entry is said, and the others are still checked
        kind = type(problem).__name__
        return Result(requirement, "error", _("this is a bug in qwenpick ({kind}); please report the entry", kind=kind))
    return answer if isinstance(answer, Result) else judged(requirement, answer)


def judged(requirement: Requirement, answer: Answer) -> Result:
    """Memory first, then speed: a speed that cannot be known fails closed where one is asked for, and a slow one is warned of where none is."""
    plan = answer.plan
    if not answer.fits:
        return Result(requirement, "fail", _way(answer), answer)
    if requirement.min_speed is None:
        return Result(requirement, "pass", _way(answer), answer, _doubt(answer))
    if plan.speed is None:
        return Result(
            requirement,
            "unreadable",
            _("it fits, but the memory bandwidth that decides its speed is not known"),
            answer,
        )
    each = plan.speed.each
    speed = each.low if requirement.strict else each.value
    said = _(
        "{speed:.3g} tokens/s for each user ({low:.3g} to {high:.3g}), {min_speed:g} required",
        speed=speed,
        low=each.low,
        high=each.high,
        min_speed=requirement.min_speed,
    )
    if speed < requirement.min_speed:
        return Result(requirement, "fail", _("too slow: {said}", said=said), answer)
    return Result(requirement, "pass", f"{_way(answer)}; {said}", answer, size_note(plan))


def judged_together(requirement: Requirement, found: Together) -> Result:
    """Whether all models of a group hold at once; a warning names those that are slow, or whose size is not known."""
    answers = [member.answer for member in found.members]
    missing = [answer for answer in answers if not answer.fits]
    said = "; ".join(f"{answer.plan.model.name}: {_way(answer)}" for answer in missing or answers)
    if missing:
        return Result(requirement, "fail", said, missing[0])
    doubts = [f"{answer.plan.model.name}: {warning}" for answer in answers if (warning := _doubt(answer))]
    return Result(requirement, "pass", said, None, "; ".join(doubts) or None)


def _way(answer: Answer) -> str:
    """How it would run, how fast, and what the verdict rests on: `Q4_K_M in llama.cpp on 1 GPU, 29-49 tokens/s: 5.2 GiB to spare on RTX 4090`."""
    plan = answer.plan
    way = _("{format} in {runtime}", format=plan.checkpoint.format, runtime=find_runtime(plan.runtime).TITLE)
    if answer.fits:
        way = _(
            "{way} on {where}, {speed}",
            way=way,
            where=where(plan),
            speed=speed_of(plan.speed, writes=bool(answer.task.answer)),
        )
    return f"{way}: {plan.reason}"


def _doubt(answer: Answer) -> str | None:
    """What a pass does not say: that it is slow, that the size of the weights is not known; None where there is nothing."""
    return "; ".join(filter(None, (_slow(answer), size_note(answer.plan)))) or None


def _slow(answer: Answer) -> str | None:
    """What to warn of where a user would see fewer than SLOW tokens/s; None elsewhere."""
    speed = answer.plan.speed
    if speed is None or not answer.task.answer or speed.each.value >= SLOW:
        return None
    return _(
        "it fits, but slowly: {speed} on {where}; min_speed or gpu_only make that a failure",
        speed=speed_of(speed, writes=bool(answer.task.answer)),
        where=where(answer.plan),
    )
