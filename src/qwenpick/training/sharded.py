"""The moments of a step whose GPUs share weights, gradients or states: ZeRO 1 and 2, ZeRO 3, FSDP.

Each formula stands beside runs of the trainers themselves in benchmarks/measured/training_h200_2026_11_29.csv and of a plain loop on two GPUs.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture
from qwenpick.i18n import N_
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.phases import Alive, Phase
from qwenpick.training.prepared import Prepared
from qwenpick.training.sharding import (
    LIVE,
    SUB_GROUP,
    buckets,
    frozen_bytes,
    largest_layer,
    masters,
    part_of,
    shares,
)
from qwenpick.training.trainers import habits
from qwenpick.work.serving import Training

BACK, LAST, FIRST, ENDS, STEP = (
    N_("loss, on the way back"),
    N_("last layer, on the way back"),
    N_("first layer, on the way back"),
    N_("embeddings, on the way back"),
    N_("optimizer step"),
)


def zero3(architecture: Architecture, training: Training, prepared: Prepared, held: Alive) -> Iterator[Phase]:
    """Gradients lie in a 16-bit buffer of their own all the time; gathered weights stay for their next use up to LIVE.

    Beside adapters a trainer's checkpointing may keep all frozen layers until the step (`keeps_frozen`; 8B on 2 and 14B on 4 GPUs).
    """
    mine = part_of(prepared.trained, shares(training).states)
    gradients = 0 if training.offload != "none" else 2 * part_of(prepared.trained, shares(training).gradients)
    live = 2 * min(LIVE, prepared.whole)
    frozen = frozen_bytes(architecture, training) if habits(training).keeps_frozen else live
    temporary = prepared.unpacked + 4 * prepared.adapted_experts
    one = held.loss
    yield Phase(
        BACK, gradients, held.kept + held.ends, one.logits, one.head_gradient + prepared.head_copy, held.in_ram, live
    )
    yield Phase(LAST, gradients, held.kept + held.last, 0, temporary, held.in_ram, live)
    yield Phase(FIRST, gradients, held.rest + held.back, 0, temporary, 0, frozen)
    yield Phase(ENDS, gradients, held.sensed, 0, 2 * prepared.tied_gradient, 0, live + 2 * prepared.head)
    if training.offload == "none":
        taken = min(mine, SUB_GROUP)  # its gradients in FP32, and AdamW's roots or, without those, their 16-bit copy
        yield Phase(STEP, gradients, 0, 0, taken * (4 + max(2, 4 * OPTIMIZERS[training.optimizer].step)))


def zero12(training: Training, prepared: Prepared, held: Alive) -> Iterator[Phase]:
    """Gradients go through buckets into a partition; the step has it in 16 bits and FP32, and AdamW's roots beside."""
    share = shares(training)
    mine = part_of(prepared.trained, share.states)
    partition = 0 if training.offload != "none" else 2 * part_of(prepared.trained, share.gradients)
    before = partition if training.grad_accum > 1 else 0
    sent = buckets(training, prepared.trained)
    left = 2 * prepared.head if prepared.head_trained and training.offload != "none" else 0
    temporary = prepared.unpacked + 4 * prepared.adapted_experts
    one = held.loss
    head = 2 * prepared.head if prepared.head_trained and not one.head_gradient else 0
    early = sent if training.trainer == "qwen-1" else 0  # made before the loss goes back, and kept, in 2023
    yield Phase(
        BACK,
        before,
        held.kept + held.ends,
        one.logits,
        one.head_gradient + left + head + prepared.head_copy,
        held.in_ram,
        early,
    )
    yield Phase(LAST, before, held.kept + held.last, 0, temporary + head, held.in_ram, sent)
    yield Phase(FIRST, before + partition, held.rest + held.back, 0, temporary, 0, sent)
    copies = (6 if prepared.tied_gradient else 2) * prepared.head if prepared.head_trained else 0
    yield Phase(ENDS, before + partition, held.sensed, 0, copies + left, 0, sent)
    if training.offload == "none":
        step = mine * (4 + 4 * OPTIMIZERS[training.optimizer].step)
        yield Phase(STEP, 2 * mine, 0, 0, step, 0, early)


def fsdp(architecture: Architecture, training: Training, prepared: Prepared, held: Alive) -> Iterator[Phase]:
    """Units are decoder layers and what is left over: embeddings and lm_head, apart in accelerate, in one group in a plain loop.

    A unit is gathered in 16 bits; its gradient is whole until it is scattered, and so is the scatter's input.
    """
    count = shares(training).gradients
    away = training.offload != "none"
    gradients = 0 if away else part_of(prepared.trained_bytes, count)
    before = gradients if training.grad_accum > 1 else 0
    layer, head = 2 * largest_layer(architecture), 2 * prepared.head
    joint = training.trainer == "torch" and not architecture.tied_embeddings
    root = 2 * head if joint else head
    temporary = prepared.unpacked + 4 * prepared.adapted_experts
    one = held.loss
    yield Phase(
        BACK,
        before,
        held.kept + held.ends,
        one.logits,
        one.head_gradient + prepared.head_copy,
        held.in_ram,
        root + layer,
    )
    yield Phase(LAST, before, held.kept + held.last, 0, temporary, held.in_ram, root + 3 * layer)
    yield Phase(FIRST, gradients, held.rest + held.back, 0, temporary, 0, (root if joint else 0) + 3 * layer)
    if prepared.head_trained:
        width = 4 if masters(training) else 2
        of_ends = part_of(width * prepared.head * (2 if joint else 1), count)
        apart = 2 * head + max(layer, 3 * part_of(head, count))
        scattered = 4 * head + layer if architecture.tied_embeddings or joint else apart
        yield Phase(ENDS, max(0, gradients - of_ends), held.sensed, 0, 0, 0, scattered)
    if not away:
        yield Phase(STEP, gradients, 0, 0, OPTIMIZERS[training.optimizer].step * gradients)
