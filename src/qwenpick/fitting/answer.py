"""The answer of `fit`: one model on one machine, with the verdict, what was assumed, and what would make it fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import closed_weights
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fitting.modalities import modalities, unplanned_modalities
from qwenpick.i18n import _, retell
from qwenpick.machine.hardware import before_ampere
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import check_quant, checkpoints, without_bf16
from qwenpick.planning.limits import check_context, longest_context
from qwenpick.planning.plan import Plan, evaluate, judge, timed
from qwenpick.planning.unread import refuse_unread
from qwenpick.runtimes import RUNTIMES, engines_with, find_runtime
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.machine.hardware import Machine

CONTEXT = 8192  # tokens, where nothing is asked: a chat of a few long turns
THINKING_CONTEXT = 16384  # a model that thinks first writes thousands of tokens before it answers
MANY = 4  # sequences at once from which an engine that batches comes first
PRECISIONS = (
    "fp16",
    "8bit",
    "6bit",
    "5bit",
    "4bit",
)  # tried in this order where no precision is asked; less is never chosen unasked


@dataclass(frozen=True, slots=True)
class Request:
    """What `fit` was asked, before defaults: None is what was not said. `image_tokens` and `audio_seconds` are of one request; 0 is text only."""

    quant: str | None = None
    context: int | None = None
    sequences: int = 1
    runtime: str | None = None
    kv_cache: KvCache | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    gpu_only: bool = False
    strict: bool = False
    image_tokens: int | None = None
    audio_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The plan that answers the request, the longest context that fits in it, and the ways not taken that were looked at."""

    request: Request
    plan: Plan
    others: tuple[Plan, ...]
    longest: int | None
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the exit code is 0."""
        return self.plan.holds(self.request.strict)


def engines(machine: Machine, gpus: Mapping[str, Gpu], sequences: int = 1) -> tuple[str, ...]:
    """The engines to try, preferred first: MLX on Apple, batching servers on server cards, on several NVIDIA GPUs and for several users.

    llama.cpp otherwise. `gpus` is the catalogue's.
    """
    if machine.system == "darwin" or any(device.vendor == "apple" for device in machine.devices):
        return ("mlx", "llamacpp", "ollama", "transformers")
    if machine.devices and (sequences >= MANY or _serves(machine, gpus)):
        return ("vllm", "sglang", "llamacpp", "ollama", "transformers")
    return ("llamacpp", "ollama", "vllm", "sglang", "transformers")


def _serves(machine: Machine, gpus: Mapping[str, Gpu]) -> bool:
    """Whether the box is built to serve: datacentre GPUs, NVIDIA's workstation cards, or several equal NVIDIA GPUs; none from before Ampere."""
    if any(before_ampere(device) for device in machine.devices):
        return False
    known = [gpus[device.gpu] if device.gpu and device.gpu in gpus else None for device in machine.devices]
    segments = {gpu and gpu.segment for gpu in known}
    nvidia = all(device.vendor == "nvidia" for device in machine.devices)
    if segments == {"datacenter"} or (nvidia and segments <= {"datacenter", "workstation"}):
        return True
    return nvidia and len(machine.devices) > 1 and len({device.name for device in machine.devices}) == 1


def default_context(model: Model) -> int:
    """Tokens that are planned where none are asked: more for a model that thinks, never more than it reads natively."""
    wanted = CONTEXT if model.thinking in {None, "no"} else THINKING_CONTEXT
    return min(wanted, model.context.native) if model.context else wanted


def fit(catalog: Catalog, machine: Machine, model: Model, request: Request, *, everything: bool = False) -> Answer:
    """Whether the model runs on the machine as asked. With `everything` all ways that the request allows are looked at, not only up to the answer.

    Without a precision the highest that fits is taken, 16 bits to 4, on the GPUs before RAM; without an engine the first that holds.
    Raises QwenpickError for what cannot be asked, HardwareUnreadableError where the hardware that decides could not be read.
    """
    if not model.open_weights or not model.architecture:
        raise QwenpickError(closed_weights(model))
    if machine.unreadable and all(device.total is None and device.free is None for device in machine.devices):
        raise HardwareUnreadableError(
            _(
                "the GPU could not be read ({unreadable}); say it with --gpu or --cpu-only",
                unreadable="; ".join(map(retell, machine.unreadable)),
            )
        )
    if request.quant:
        check_quant(request.quant)
    context = request.context or default_context(model)
    notes = [note] if (note := check_context(model, context)) else []
    if request.context is None:
        notes.append(
            _(
                "planned for {context:,} tokens{value}; --context changes that",
                context=context,
                value=_(" (it thinks before it answers)") if context == THINKING_CONTEXT else "",
            )
        )
    pictures, sound = modalities(model, request.image_tokens, request.audio_seconds)
    work = Serving(context, request.sequences, request.kv_cache or KvCache(), request.options, pictures, sound)
    if unplanned := unplanned_modalities(model, request.image_tokens):
        notes.append(unplanned)
    best_mode = "gpu" if machine.devices else "cpu"
    found: list[Plan] = []
    for plan in _plans(catalog, machine, model, request, work):
        found.append(plan)
        if not everything and plan.holds(request.strict) and plan.mode == best_mode:
            break
    if not found and (unusable := _unusable(catalog, machine, model, request, work)):
        found.append(unusable)
    if not found:
        raise QwenpickError(_no_way(model, request, machine))
    chosen = _choose(found, request)
    if not chosen.holds(request.strict) and chosen.verdict != "refused":
        refuse_unread(machine, request.gpu_only)
    others = tuple(other for other in found if other is not chosen)
    plan = chosen if chosen.verdict == "refused" else timed(chosen, machine, catalog)
    return Answer(
        request,
        plan,
        others,
        longest_context(plan, machine, request.strict, request.gpu_only) if plan.verdict != "refused" else None,
        tuple(notes),
    )


def _plans(catalog: Catalog, machine: Machine, model: Model, request: Request, work: Serving) -> Iterator[Plan]:
    """Every plan the request allows: precision by precision, engine by engine. Options choose among engines: those that lack one are left out.

    Raises QwenpickError for an option that the engine asked for, or every engine, lacks.
    """
    architecture = catalog.architecture(model)
    asked = (request.runtime,) if request.runtime else engines(machine, catalog.gpus, request.sequences)
    names = engines_with(asked, request.options)
    for precision in (request.quant,) if request.quant else PRECISIONS:
        for name in names:
            engine = find_runtime(name)
            for checkpoint in without_bf16(checkpoints(model, engine, precision), precision, machine.devices):
                if plan := evaluate(
                    model, architecture, checkpoint, engine, work, machine, request.gpu_only, request.strict
                ):
                    yield plan


def _unusable(catalog: Catalog, machine: Machine, model: Model, request: Request, work: Serving) -> Plan | None:
    """Where no engine has a placement on the machine: the refusal of the first that has the format, whose reason names the hardware."""
    if request.gpu_only and not machine.devices:
        return None
    architecture, there = catalog.architecture(model), Placement(machine.devices[:1])
    for name in engines_with((request.runtime,) if request.runtime else tuple(RUNTIMES), request.options):
        engine = find_runtime(name)
        for checkpoint in checkpoints(model, engine, request.quant)[:1]:
            plan = judge(model, architecture, checkpoint, engine, work, there, machine)
            if plan.verdict == "refused":
                return plan
    return None


def _choose(found: list[Plan], request: Request) -> Plan:
    """The first plan on GPUs that holds, else the first that holds, else the nearest miss of the lowest precision, else a refusal."""
    for wanted in ("gpu", None):
        for plan in found:
            if plan.holds(request.strict) and (wanted is None or plan.mode == wanted):
                return plan
    misses = [plan for plan in found if plan.verdict in {"no", "tight"}]
    return max(misses, key=lambda plan: plan.headroom) if misses else found[0]


def _no_way(model: Model, request: Request, machine: Machine) -> str:
    what = _(" in {quant}", quant=request.quant) if request.quant else ""
    if request.runtime:
        engine = find_runtime(request.runtime)
        if not checkpoints(model, engine, request.quant):
            formats = ", ".join(dict.fromkeys(c.format for c in checkpoints(model, engine)))
            return _(
                "{engine} does not run {name}{what}; it takes {formats}",
                engine=engine.TITLE,
                name=model.name,
                what=what,
                formats=formats or _("no published format of it"),
            )
        return _("{engine} cannot use this machine for {name}{what}", engine=engine.TITLE, name=model.name, what=what)
    where = _("this machine") if machine.origin == "probe" else _("that machine")
    return _("no engine can run {name}{what} on {where}", name=model.name, what=what, where=where)
