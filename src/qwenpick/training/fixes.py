"""What would make a fine-tuning run fit, in the order in which a person would try it: each priced in bytes and speed, and ready as flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.training.answer import STEP, Tuned, able, tune
from qwenpick.training.checks import can_grow
from qwenpick.training.trainers import PURE
from qwenpick.units import format_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.serving import Training

SMALL = 8  # pairs of a cached batch
EIGHT_BITS = {"adamw": "adamw-8bit", "adamw-fused": "adamw-8bit"}
# the fields of a run whose options have another name, and those that are options the other way round
_NAMED = {"method": "--train", "attention": "--attn", "segments": "--expandable-segments", "objective": "--method"}
_REVERSED = {"checkpointing": "--no-checkpointing", "pin_memory": "--no-pin-memory"}


@dataclass(frozen=True, slots=True)
class TuningFix:
    """A change after which the run fits: what it is, its flags, the bytes a GPU that it saves, and the change of speed as a fraction."""

    what: str
    flags: str
    saves: int
    speed_change: float | None
    tuned: Tuned


def tuning_fixes(catalog: Catalog, machine: Machine, tuned: Tuned, strict: bool = False) -> tuple[TuningFix, ...]:
    """The changes that are enough by themselves; then, where none is, the first pair of them that is."""
    asked, gpus = tuned.training, len(able(machine))
    tried = list(_changes(tuned, gpus))
    alone = [
        fix
        for what, changed in tried
        if (fix := _tried(catalog, machine, tuned, what, _flags(asked, changed), changed, strict))
    ]
    if alone:
        return tuple(alone)
    for what, changed in tried:
        for more, both in _changes(replace(tuned, training=changed), gpus):
            named = _("{first}, and {second}", first=what, second=more)
            flags = f"{_flags(asked, changed)} {_flags(changed, both)}"
            if fix := _tried(catalog, machine, tuned, named, flags, both, strict):
                return (fix,)
    return ()


def changed_options(before: Training, after: Training) -> Iterator[tuple[str, object, bool]]:
    """(option, value, whether it is so unasked) of all that differs between two runs; True for an option that stands alone, False for one to leave
    out.
    """
    for field in fields(before):
        new = getattr(after, field.name)
        if new != getattr(before, field.name) and field.name != "nodes":
            option = _REVERSED.get(field.name) or _NAMED.get(field.name) or "--" + field.name.replace("_", "-")
            yield option, not new if field.name in _REVERSED else new, new == field.default


def _flags(before: Training, after: Training) -> str:
    """What differs as words, the number of GPUs first."""
    changes = sorted(changed_options(before, after), key=lambda change: change[0] != "--gpus")
    return " ".join(
        option if new is True else f"(without {option})" if new is False or new is None else f"{option} {new}"
        for option, new, _usual in changes
    )


def _changes(tuned: Tuned, gpus: int) -> Iterator[tuple[str, Training]]:
    """(sentence, the run changed), cheapest for the result first."""
    now = tuned.training
    if can_grow(now) and not now.segments:
        yield _("memory blocks that grow in place"), replace(now, segments=True)
    if now.trainer not in ("trl", "unsloth") and not now.chunked_loss and now.objective == "sft":
        yield _("never hold the logits of all tokens"), replace(now, chunked_loss=True)
    if not now.checkpointing:
        yield _("recompute activations"), replace(now, checkpointing=True)
    if now.objective == "embedding":  # its negatives are the batch: it stays
        if not now.mini_batch and now.batch > SMALL:
            yield _("cached negatives, a few pairs at a time"), replace(now, mini_batch=SMALL)
    elif now.batch > 1:
        yield _("one sequence at a time"), replace(now, batch=1, grad_accum=now.grad_accum * now.batch)
    room = [device.total or 0 for device in tuned.devices]
    if (roomiest := room.count(max(room))) < now.gpus and now.offload == "none":
        undivided = replace(now, zero=0, fsdp=False, sequence_parallel=1, segments=False)
        yield _("the roomiest GPUs alone"), replace(undivided if roomiest == 1 else now, gpus=roomiest)
    if gpus > now.gpus and now.trainer != "unsloth":
        if now.method != "full" or now.fsdp:
            yield _("divide it over all GPUs by FSDP"), replace(now, gpus=gpus, fsdp=True, zero=0)
        else:
            yield _("divide it over all GPUs by ZeRO-3"), replace(now, gpus=gpus, zero=3)
    if now.zero == 3 and now.method == "lora" and now.gpus > 1 and now.sequence_parallel == 1:
        offload = "none" if now.offload == "none" else "parameters"
        what = _("FSDP in place of ZeRO-3: it releases each layer")
        yield what, replace(now, zero=0, fsdp=True, offload=offload)
    if now.offload in ("optimizer", "parameters") and now.zero and now.pin_memory:
        yield _("no pinned buffers in RAM (slower)"), replace(now, pin_memory=False)
    if now.optimizer in EIGHT_BITS and now.offload == "none":
        yield _("states in 8 bits"), replace(now, optimizer=EIGHT_BITS[now.optimizer])
    if now.trainer == "llama-factory" and now.precision == "bf16" and now.method in ("full", "freeze"):
        yield _("weights and states in bf16 throughout"), replace(now, precision=PURE)
    if now.method in ("full", "freeze"):
        yield _("LoRA instead"), replace(now, method="lora", layers=None, precision=_narrow(now.precision))
    if now.method != "qlora" and now.zero != 3:
        instead = replace(now, method="qlora", layers=None, dora=False, precision=_narrow(now.precision))
        yield _("QLoRA instead: weights in 4 bits"), instead
    shorter = None
    if tuned.longest and tuned.longest < now.seq:
        shorter = tuned.longest
    elif now.seq > 2 * STEP:
        shorter = now.seq // 2 // STEP * STEP
    if shorter:
        yield _("sequences of {seq} tokens", seq=format_tokens(shorter)), replace(now, seq=shorter)
    if now.trainer == "unsloth":
        return
    if now.offload == "none" and now.method != "qlora" and now.optimizer in ("adamw", "adamw-fused"):
        yield _("weights and states in RAM"), replace(now, gpus=gpus, zero=3, fsdp=False, offload="parameters")
    if now.method == "full" and now.offload in ("none", "parameters") and now.optimizer == "adamw":
        yield _("weights and states on an NVMe disk"), replace(now, gpus=gpus, zero=3, fsdp=False, offload="nvme")


def _narrow(precision: str) -> str:
    """Adapters lie beside 16-bit weights."""
    return "bf16" if precision in ("fp32", PURE) else precision


def _tried(
    catalog: Catalog, machine: Machine, tuned: Tuned, what: str, flags: str, changed: Training, strict: bool
) -> TuningFix | None:
    try:
        found = tune(catalog, machine, tuned.model, changed, None, strict)
    except QwenpickError:
        return None  # it cannot be combined so
    if not found.holds(strict):
        return None
    need, was = (max((p.need for p in run.places if p.where != "ram"), default=0) for run in (found, tuned))
    rates = found.speed and tuned.speed
    change = (
        found.speed.tokens_per_second / tuned.speed.tokens_per_second - 1
        if rates and found.speed and tuned.speed
        else None
    )
    return TuningFix(what, flags, was - need, change, found)
