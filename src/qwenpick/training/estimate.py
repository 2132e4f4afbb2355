"""The parts of a training run on each GPU: what lies there throughout, and what is alive at the highest moment of a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import RAM, Memory, Part, gpu, memory
from qwenpick.runtimes.transformers import allocator
from qwenpick.training.cards import before_ampere
from qwenpick.training.loss import NO_LOGITS, loss
from qwenpick.training.optimizers import OPTIMIZERS, state_bytes
from qwenpick.training.past import loaded_whole
from qwenpick.training.phases import Phase
from qwenpick.training.prepared import Prepared
from qwenpick.training.sharding import IN_RAM, offloaded, part_of, shares
from qwenpick.training.steps import highest
from qwenpick.training.trainers import habits
from qwenpick.units import MIB
from qwenpick.work.serving import Training

# driver and kernels of one process: H200, driver 580, torch 2.11+cu130, 797-801 MiB; a T4's 141 MiB (fitcheck-llm 0.3.1, measurements)
CUDA_CONTEXT, CUDA_CONTEXT_OLD = 820 * MIB, 141 * MIB
# a GeForce 4090 shows about 450 MiB beside an engine's own buffers; training's kernels add 190 on the H200
CUDA_CONTEXT_GEFORCE = 640 * MIB
# over PCIe NCCL has 4 channels, not 24 (4 MiB and two protocols more, both ways: 20 MiB a channel); its kernels are the rest. Not measured
NCCL_PCIE = 380 * MIB
# channels and buffers of a GPU that talks to others: 1.58 GiB between the driver's number and torch's on two H200
NCCL = 780 * MIB
KEPT_OF_LOGITS = 0.25  # freed blocks that fit no later request: 0.18-0.33 of the logits on 30 runs, H200, torch 2.11 …
KEPT_OF_OTHERS = 0.05  # … and 0.03-0.08 of activations, gradients and temporaries where those carry the peak
# of the logits that were there before, where the step carries the peak of the Trainer's full tuning: 0.9 where they are as large as the step's
# temporaries, whose states took their blocks; smaller ones the temporaries take, and leave 0.07 to 0.45
# (benchmarks/measured/training_lengths_h200_2026_11_29.csv, texts of one length)
KEPT_BEFORE_STEP, TAKEN_BY_STEP, AS_LARGE = 0.9, 0.2, 0.75
TRAINERS_STEP = ("transformers", "llama-factory", "ms-swift")
KEPT_OF_HEAD = 0.6  # of the bf16 copy of an FP32 lm_head
# the second where no logits carry the peak: 0.3-1.7 GiB on 18 runs
KEPT_ALWAYS, KEPT_WITHOUT_LOGITS = (100 * MIB, 600 * MIB)
KEPT_OF_ORPO = 1.2  # of its logits: 0.7 and 1.7
# what torch cannot give back is in its own message of failure, which it writes after it has freed all it can. Under ZeRO-3, of all that was to be
# allocated: 0.06, 0.12 and 0.13 on two H200 (benchmarks/measured/training_limits_h200_2026_11_29.csv; with 0.15 they ran), 0.29 on 16 A100
# (LLaMA-Factory 5590: 57.9 GiB allocated, 17.6 not, 3.7 asked for); the middle of the largest two
PINNED_OF_ZERO3, PINNED_OF_OTHERS = 0.21, 0.03
# ZeRO-1 and 2 without overlap_comm: gradients are made in a block that the logits left (0.08 of all at failure, three limits, same table as below)
PINNED_IN_TURN = 0.08
PINNED_AT_MOST = 0.02  # ZeRO-1 and 2, and all that grow in place (expandable_segments): they ran with 0.02, same table
# of all that is allocated, where gathers and buckets come and go on streams of their own: 54 runs of 2026-11-29 and the two-GPU table; what grows in
# place: 0.24 to 0.27, 0.12 to 0.13 and 0.04 on two H200
KEPT_OF_ZERO, KEPT_OF_FSDP, KEPT_OF_OFFLOAD = 0.32, 0.22, 0.65
# without overlap_comm, as LLaMA-Factory and ms-swift have it: full 0.23 to 0.42 on 12 runs as with it; adapters under ZeRO-3 0.08 to 0.27 on 5, where
# 0.25 to 0.36 with it; offload 0.35 and 0.36, where 0.39 and 0.72 (benchmarks/measured/training_overlap_h200_2026_11_30.csv)
KEPT_IN_TURN = {"adapters": 0.13, "offload": 0.36}
KEPT_GROWING = {"zero3": 0.27, "zero": 0.13, "fsdp": 0.04}


GIVEN_BACK = ("fragmentation", "allocator cache", "CUDA context")
PAGED = "paged optimizer states"  # on the GPU while there is room


def estimate(
    architecture: Architecture,
    training: Training,
    prepared: Prepared,
    checkpoint: Checkpoint,
    devices: tuple[Device | None, ...],
) -> Memory:
    """Parts of all GPUs and of RAM; what loading needs beyond the highest moment of a step is a part too."""
    fullest = min((d.total for d in devices if d and d.total), default=None)
    room = None if fullest is None else max(0, fullest - prepared.base - prepared.adapters)
    phase = highest(architecture, training, prepared, room)
    before = loss(architecture, training, prepared, training.tokens)
    logits = 0 if before.chunked or phase.logits else before.logits
    found = [
        part
        for index in range(training.gpus)
        for part in _on(index, architecture, training, prepared, checkpoint, phase, devices[index], logits)
    ]
    if habits(training).loads_whole:
        whole = loaded_whole(architecture, training, checkpoint)
        lying = sum(part.bytes for part in found if part.where == gpu(0) and part.name not in GIVEN_BACK)
        how = N_("weights in 16 bits until they are quantized: transformers 5.0 to 5.3")
        each = max(0, whole - lying)  # a step finds its cache there
        found = [replace(p, bytes=max(0, p.bytes - each)) if p.name == "allocator cache" else p for p in found]
        found += [Part("loading", each, gpu(index), how, "overhead") for index in range(training.gpus) if each]
    return memory(found)


def _on(
    index: int,
    architecture: Architecture,
    training: Training,
    prepared: Prepared,
    checkpoint: Checkpoint,
    phase: Phase,
    device: Device | None,
    logits: int,
) -> Iterator[Part]:
    where, share = gpu(index), shares(training)
    of_weights = N_("{format} weights in torch's blocks{over}", format=checkpoint.format, over=_over(share.weights))
    moved = training.weights_away  # a trained weight's copies in RAM are counted with its states there
    base = 0 if moved and training.method == "full" else part_of(prepared.base, share.weights)
    if training.offload == "nvme" and base:
        base = min(base, 2 * IN_RAM)  # the rest is on the disk
    yield Part("weights", base, RAM if moved else where, of_weights, "weights")
    upcast = N_("what is not quantized, cast to FP32 by k-bit preparation")
    away = RAM if moved else where
    yield Part("upcast", part_of(prepared.upcast, share.weights), away, upcast, "weights")
    of_adapters = N_("{trained:,} weights: rank x (inputs + outputs) of each matrix", trained=prepared.trained)
    beside = 0 if moved else part_of(prepared.adapters, share.weights)  # as above
    yield Part("adapters", beside, where, of_adapters, "weights")
    frozen = N_("a frozen copy of the model, for the loss to compare with")
    yield Part("reference model", part_of(prepared.reference, share.weights), away, frozen, "weights")
    yield from _optimizer(training, prepared, where)
    yield from _highest(architecture, training, prepared, phase, where)
    yield from _overhead(training, prepared, phase, where, device, logits)


def _highest(
    architecture: Architecture, training: Training, prepared: Prepared, phase: Phase, where: str
) -> Iterator[Part]:
    """What is alive at the highest moment of a step."""
    trained = N_(
        "{trained:,} trained weights{over}, at: {name}",
        trained=prepared.trained,
        over=_over(shares(training).gradients),
        name=phase.name,
    )
    yield Part("gradients", phase.gradients, where, trained, "compute")
    yield Part("activations", phase.activations, where, _activations(architecture, training, phase), "compute")
    of_logits = N_("logits of the tokens and the part of the vocabulary that exist at once, and their gradients")
    yield Part("logits and loss", phase.logits, where, of_logits, "compute")
    yield Part("step workspace", phase.workspace, where, N_("temporaries at: {name}", name=phase.name), "compute")
    gathered = N_("weights, gradients and buckets that the GPUs hold for each other, at: {name}", name=phase.name)
    yield Part("communication", phase.gathered, where, gathered, "overhead")
    yield Part("checkpoints", phase.in_ram, RAM, N_("inputs of checkpointed layers, kept in RAM"), "compute")


def _overhead(
    training: Training, prepared: Prepared, phase: Phase, where: str, device: Device | None, logits: int
) -> Iterator[Part]:
    """Buffers of DistributedDataParallel and of cuBLAS, what the allocator keeps, the CUDA context."""
    if training.gpus > 1 and not training.zero and not training.fsdp:
        buckets = N_("gradients once more in the buckets of DistributedDataParallel")
        yield Part("gradient buckets", prepared.trained_bytes, where, buckets, "overhead")
    threads = N_("one for the forward thread, one for the backward thread")
    yield Part("cuBLAS workspace", 2 * allocator.workspace(device), where, threads, "overhead")
    held, pinned = cached(training, prepared, phase, logits), fragmented(training, prepared, phase)
    partly = N_("blocks that are partly in use: torch cannot give them back before it fails")
    yield Part("fragmentation", min(held, pinned), where, partly, "overhead")
    cache = GROWING if training.segments else CACHE[recipe_of(training)]
    yield Part("allocator cache", max(0, held - pinned), where, cache, "overhead")
    yield Part(
        "CUDA context", context(training, device), where, N_("measured on an H200; a T4 has 141 MiB"), "overhead"
    )


CACHE = {
    "single": N_(
        "0.25 x logits + 0.05 x gradients, activations, workspace + 0.6 x lm_head's copy + 100 MiB: freed, but too small"
    ),
    "zero": N_("0.32 x what is allocated: gathers and buckets on streams of their own"),
    "fsdp": N_("0.22 x what is allocated: gathers on streams of their own"),
    "offload": N_("0.65 x what is allocated: gathers and copies on streams of their own"),
}
GROWING = N_("blocks that grow in place: 0.27 (ZeRO-3), 0.13 (ZeRO-1, 2) or 0.04 (FSDP) x what is allocated")
CACHE |= dict.fromkeys(("embeddings", "dora", "freeze", "torchao", "ddp", "unsloth"), CACHE["single"])


def recipe_of(training: Training) -> str:
    """The kind of run that shares an error band: single, embeddings (trained beside adapters), dora, freeze, torchao, ddp, zero, fsdp,
    offload or unsloth."""
    if training.offload != "none":
        return "offload"
    if training.fsdp:
        return "fsdp"
    if training.gpus > 1 and (training.zero == 3 or (training.zero and training.method == "full")):
        return "zero"
    if training.trainer == "unsloth":
        return "unsloth"
    if training.gpus > 1:
        return "ddp"
    if OPTIMIZERS[training.optimizer].torchao_bits:
        return "torchao"
    if training.dora or training.method == "freeze":
        return "dora" if training.dora else "freeze"
    return "embeddings" if training.train_embeddings else "single"


def band_of(training: Training) -> str:
    """Which rows of real runs its error is held against: its recipe's; on one GPU those whose loss lies as its own does, on which the cache depends.

    single: the logits of all tokens; chunked: of some tokens at a time; tiled: of some of the vocabulary too (TRL); pooled: none, a number or vector
    a text; orpo.
    """
    recipe = recipe_of(training)
    if recipe != "single":
        return recipe
    if training.objective == "orpo":
        return "orpo"
    if training.objective in NO_LOGITS:
        return "single" if habits(training).all_logits else "pooled"
    return "tiled" if habits(training).tiles_loss else "chunked" if training.chunked_loss else "single"


def cached(training: Training, prepared: Prepared, phase: Phase, logits: int = 0) -> int:
    """Bytes that torch's allocator holds beyond what is allocated at the peak, as a run with room to spare shows them.

    `logits` are those of an earlier moment, where the peak has none.
    """
    recipe = recipe_of(training)
    share = {"zero": KEPT_OF_ZERO, "fsdp": KEPT_OF_FSDP, "offload": KEPT_OF_OFFLOAD}.get(recipe)
    if training.zero and not habits(training).overlaps:
        share = KEPT_IN_TURN.get("adapters" if recipe == "zero" and training.method != "full" else recipe, share)
    if training.segments:
        share = KEPT_GROWING["zero3" if training.zero == 3 else recipe]
    if share is None:
        if training.objective == "orpo":
            return round(KEPT_OF_ORPO * phase.logits + KEPT_ALWAYS)
        always = KEPT_WITHOUT_LOGITS if habits(training).tiles_loss or training.objective in NO_LOGITS else KEPT_ALWAYS
        kept = KEPT_OF_LOGITS * phase.logits + KEPT_OF_OTHERS * (phase.total - phase.logits)
        if recipe == "single" and training.method == "full" and training.trainer in TRAINERS_STEP:
            kept += (KEPT_BEFORE_STEP if logits >= AS_LARGE * phase.workspace else TAKEN_BY_STEP) * logits
        return round(kept + KEPT_OF_HEAD * prepared.head_copy + always)
    return round(share * (_lying(training, prepared) + phase.total))


def fragmented(training: Training, prepared: Prepared, phase: Phase) -> int:
    """Bytes of that which torch cannot give back when memory runs out."""
    recipe = recipe_of(training)
    if recipe in ("zero", "fsdp") and training.method == "full":
        in_turn = recipe == "zero" and not habits(training).overlaps
        share = PINNED_OF_ZERO3 if training.zero == 3 else PINNED_IN_TURN if in_turn else PINNED_AT_MOST
        share = PINNED_AT_MOST if training.segments else share
        return round(share * (_lying(training, prepared) + phase.total))
    if recipe in ("single", "embeddings", "dora", "freeze", "torchao", "ddp"):
        return round(PINNED_OF_OTHERS * (phase.total - phase.logits))
    return 0


def _lying(training: Training, prepared: Prepared) -> int:
    """Bytes of weights and states that lie on a GPU of a divided run throughout."""
    divided = shares(training)
    lying = part_of(prepared.base, divided.weights) if not training.weights_away else 0
    if training.offload == "none":
        of_one = 12 if training.zero else 2 * prepared.trained_bytes / max(1, prepared.trained)
        lying += round(of_one * prepared.trained / divided.states)
    return lying


def context(training: Training, device: Device | None) -> int:
    """Bytes that the driver, its kernels and NCCL take outside of torch's allocator."""
    of_game = device is not None and "GeForce" in device.name
    alone = CUDA_CONTEXT_OLD if before_ampere(device) else CUDA_CONTEXT_GEFORCE if of_game else CUDA_CONTEXT
    return alone + ((NCCL_PCIE if of_game else NCCL) if training.gpus > 1 else 0)


def _optimizer(training: Training, prepared: Prepared, where: str) -> Iterator[Part]:
    """States, and FP32 master weights where DeepSpeed keeps them."""
    optimizer, share = OPTIMIZERS[training.optimizer], shares(training).states
    if training.offload != "none":
        beside = N_(
            "masters, gradients and states of {trained:,} weights, and pinned buffers", trained=prepared.trained
        )
        if not training.pin_memory:
            beside = N_("masters, gradients and states of {trained:,} weights", trained=prepared.trained)
        if training.offload == "nvme":
            beside = N_("gradients of {trained:,} weights, and buffers to the disk and back", trained=prepared.trained)
        yield Part("offloaded", offloaded(training, prepared.trained, prepared.whole), RAM, beside, "state")
        return
    as_wide = 4 * prepared.trained if training.zero else prepared.trained_bytes
    wide = prepared.wide_states if optimizer.states_8bit else 0
    on_gpu, pageable = state_bytes(optimizer, prepared.trained - wide, as_wide)
    on_gpu += 2 * 4 * wide
    formula = N_(
        "{optimizer}: {trained:,} trained weights{over}",
        optimizer=training.optimizer,
        trained=prepared.trained,
        over=_over(share),
    )
    yield Part("optimizer states", part_of(on_gpu, share), where, formula, "state")
    yield Part(
        PAGED,
        part_of(pageable, share),
        RAM,
        N_("{formula}; on the GPU while there is room", formula=formula),
        "state",
    )
    master = 4 * prepared.trained if training.zero else 0
    yield Part(
        "master weights",
        part_of(master, share),
        where,
        N_("{trained:,} trained weights x 4 bytes{over}", trained=prepared.trained, over=_over(share)),
        "state",
    )


def _activations(architecture: Architecture, training: Training, phase: Phase) -> str:
    tokens = N_("{batch} x {seq:,} tokens", batch=training.batch, seq=training.seq)
    how = N_("inputs of each layer, and one layer whole") if training.checkpointing else N_("all that backward needs")
    return N_(
        "{num_layers} layers x {tokens}: {how}, at: {name}",
        num_layers=architecture.num_layers,
        tokens=tokens,
        how=how,
        name=phase.name,
    )


def _over(count: int) -> str:
    return N_(", over {count} GPUs", count=count) if count > 1 else ""
