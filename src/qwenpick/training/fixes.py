"""What would make a fine-tuning run fit, in the order in which a person would try it: each priced in bytes and speed, and ready as flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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
    tried = list(_changes(tuned, len(able(machine))))
    alone = [
        fix for what, flags, changed in tried if (fix := _tried(catalog, machine, tuned, what, flags, changed, strict))
    ]
    if alone:
        return tuple(alone)
    for what, flags, changed in tried:
        again = replace(tuned, training=changed)
        for more, others, both in _changes(again, len(able(machine))):
            named = _("{first}, and {second}", first=what, second=more)
            if fix := _tried(catalog, machine, tuned, named, f"{flags} {others}", both, strict):
                return (fix,)
    return ()


def _changes(tuned: Tuned, gpus: int) -> Iterator[tuple[str, str, Training]]:
    """(sentence, flags, the run changed), cheapest for the result first."""
    now = tuned.training
    if can_grow(now) and not now.segments:
        yield _("memory blocks that grow in place"), "--expandable-segments", replace(now, segments=True)
    plain = now.trainer not in ("trl", "unsloth") and not now.chunked_loss and now.objective == "sft"
    if plain:
        yield _("never hold the logits of all tokens"), "--chunked-loss", replace(now, chunked_loss=True)
    if not now.checkpointing:
        yield _("recompute activations"), "(without --no-checkpointing)", replace(now, checkpointing=True)
    if now.objective == "embedding":  # its negatives are the batch: it stays
        if not now.mini_batch and now.batch > SMALL:
            yield (
                _("cached negatives, a few pairs at a time"),
                f"--mini-batch {SMALL}",
                replace(now, mini_batch=SMALL),
            )
    elif now.batch > 1:
        accum = now.grad_accum * now.batch
        yield _("one sequence at a time"), f"--batch 1 --grad-accum {accum}", replace(now, batch=1, grad_accum=accum)
    if gpus > now.gpus and now.trainer != "unsloth":
        if now.method != "full" or now.fsdp:
            yield (
                _("divide it over all GPUs by FSDP"),
                f"--gpus {gpus} --fsdp",
                replace(now, gpus=gpus, fsdp=True, zero=0),
            )
        else:
            yield _("divide it over all GPUs by ZeRO-3"), f"--gpus {gpus} --zero 3", replace(now, gpus=gpus, zero=3)
    if now.zero == 3 and now.method == "lora" and now.gpus > 1 and now.sequence_parallel == 1:
        offload = "none" if now.offload == "none" else "parameters"
        flags = "--zero 0 --fsdp" + ("" if offload == "none" else f" --offload {offload}")
        yield (
            _("FSDP in place of ZeRO-3: it releases each layer"),
            flags,
            replace(now, zero=0, fsdp=True, offload=offload),
        )
    if now.offload in ("optimizer", "parameters") and now.zero and now.pin_memory:
        yield _("no pinned buffers in RAM (slower)"), "--no-pin-memory", replace(now, pin_memory=False)
    if now.optimizer in EIGHT_BITS and now.offload == "none":
        name = EIGHT_BITS[now.optimizer]
        yield _("states in 8 bits"), f"--optimizer {name}", replace(now, optimizer=name)
    if now.trainer == "llama-factory" and now.precision == "bf16" and now.method in ("full", "freeze"):
        yield _("weights and states in bf16 throughout"), f"--precision {PURE}", replace(now, precision=PURE)
    if now.method in ("full", "freeze"):
        yield (
            _("LoRA instead"),
            "--train lora",
            replace(now, method="lora", layers=None, precision=_narrow(now.precision)),
        )
    if now.method != "qlora" and now.zero != 3:
        instead = replace(now, method="qlora", layers=None, dora=False, precision=_narrow(now.precision))
        yield _("QLoRA instead: weights in 4 bits"), "--train qlora", instead
    if tuned.longest and tuned.longest < now.seq:
        yield (
            _("sequences of {seq} tokens", seq=format_tokens(tuned.longest)),
            f"--seq {tuned.longest}",
            replace(now, seq=tuned.longest),
        )
    elif now.seq > 2 * STEP:
        half = now.seq // 2 // STEP * STEP
        yield _("sequences of {seq} tokens", seq=format_tokens(half)), f"--seq {half}", replace(now, seq=half)
    if (
        now.offload == "none"
        and now.method != "qlora"
        and now.trainer != "unsloth"
        and now.optimizer in ("adamw", "adamw-fused")
    ):
        flags = f"--gpus {gpus} --zero 3 --offload parameters"
        yield _("weights and states in RAM"), flags, replace(now, gpus=gpus, zero=3, fsdp=False, offload="parameters")
    if (
        now.method == "full"
        and now.offload in ("none", "parameters")
        and now.trainer != "unsloth"
        and now.optimizer == "adamw"
    ):
        flags = f"--gpus {gpus} --zero 3 --offload nvme"
        yield (
            _("weights and states on an NVMe disk"),
            flags,
            replace(now, gpus=gpus, zero=3, fsdp=False, offload="nvme"),
        )


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
