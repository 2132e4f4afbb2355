"""The parts of a training run on each GPU: what lies there throughout, and what is alive at the highest moment of a step."""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import RAM, Memory, Part, gpu, memory
from qwenpick.runtimes.transformers import allocator
from qwenpick.training.activations import logit_bytes
from qwenpick.training.optimizers import OPTIMIZERS, state_bytes
from qwenpick.training.phases import Phase, highest
from qwenpick.training.prepared import Prepared
from qwenpick.training.sharding import buffers, part_of, shares
from qwenpick.units import GIB, MIB
from qwenpick.work.serving import Training

CUDA_CONTEXT = 820 * MIB  # H200, driver 580, torch 2.11+cu130 with training's kernels: 797-801 MiB
KEPT_OF_LOGITS = 0.25  # freed blocks that fit no later request: 0.18-0.33 of the logits on 30 runs, H200, torch 2.11 …
KEPT_OF_OTHERS = 0.05  # … and 0.03-0.08 of activations, gradients and temporaries where those carry the peak
KEPT_OF_HEAD = 0.6  # of the bf16 copy of an FP32 lm_head
KEPT_ALWAYS = 100 * MIB
NCCL = GIB // 2  # channels and buffers of a GPU that talks to others


def estimate(
    architecture: Architecture,
    training: Training,
    prepared: Prepared,
    checkpoint: Checkpoint,
    devices: tuple[Device | None, ...],
) -> Memory:
    """Parts of all GPUs and of RAM."""
    phase = highest(architecture, training, prepared)
    return memory(
        part
        for index in range(training.gpus)
        for part in _on(index, architecture, training, prepared, checkpoint, phase, devices[index])
    )


def _on(
    index: int,
    architecture: Architecture,
    training: Training,
    prepared: Prepared,
    checkpoint: Checkpoint,
    phase: Phase,
    device: Device | None,
) -> Iterator[Part]:
    where, share = gpu(index), shares(training)
    away = RAM if training.offload == "parameters" else where
    of_weights = N_("{format} weights in torch's blocks{over}", format=checkpoint.format, over=_over(share.weights))
    yield Part("weights", part_of(prepared.base, share.weights), away, of_weights, "weights")
    upcast = N_("what is not quantized, cast to FP32 by k-bit preparation")
    yield Part("upcast", part_of(prepared.upcast, share.weights), away, upcast, "weights")
    of_adapters = N_("{trained:,} weights: rank x (inputs + outputs) of each matrix", trained=prepared.trained)
    yield Part("adapters", prepared.adapters, where, of_adapters, "weights")
    yield from _optimizer(training, prepared, where)
    yield from _highest(architecture, training, prepared, phase, where)
    yield from _overhead(architecture, training, prepared, phase, where, device)


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
    per_token = logit_bytes(architecture, training) // architecture.vocab_size
    of_logits = N_(
        "{per_token} bytes x {vocab_size:,} vocabulary x tokens whose logits exist at once",
        per_token=per_token,
        vocab_size=architecture.vocab_size,
    )
    yield Part("logits and loss", phase.logits, where, of_logits, "compute")
    yield Part("step workspace", phase.workspace, where, N_("temporaries at: {name}", name=phase.name), "compute")
    yield Part("checkpoints", phase.in_ram, RAM, N_("inputs of checkpointed layers, kept in RAM"), "compute")


def _overhead(
    architecture: Architecture,
    training: Training,
    prepared: Prepared,
    phase: Phase,
    where: str,
    device: Device | None,
) -> Iterator[Part]:
    """Buffers of communication and of cuBLAS, what the allocator keeps, the CUDA context."""
    size, formula = buffers(architecture, training, prepared.trained, prepared.trained_bytes)
    yield Part("communication", size, where, formula, "overhead")
    threads = N_("one for the forward thread, one for the backward thread")
    yield Part("cuBLAS workspace", 2 * allocator.workspace(device), where, threads, "overhead")
    kept = KEPT_OF_LOGITS * phase.logits + KEPT_OF_OTHERS * (phase.total - phase.logits)
    kept += KEPT_OF_HEAD * prepared.head_copy + KEPT_ALWAYS
    freed = N_(
        "0.25 x logits + 0.05 x gradients, activations, workspace + 0.6 x lm_head's copy + 100 MiB: freed, but too small"
    )
    yield Part("allocator cache", round(kept), where, freed, "overhead")
    context = CUDA_CONTEXT + (NCCL if training.gpus > 1 else 0)
    yield Part("CUDA context", context, where, N_("measured on an H200"), "overhead")


def _optimizer(training: Training, prepared: Prepared, where: str) -> Iterator[Part]:
    """States, and FP32 master weights where DeepSpeed keeps them."""
    optimizer, share = OPTIMIZERS[training.optimizer], shares(training).states
    place = where if training.offload == "none" else RAM
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
    yield Part("optimizer states", part_of(on_gpu, share), place, formula, "state")
    yield Part(
        "paged optimizer states",
        part_of(pageable, share),
        RAM,
        N_("{formula}; on the GPU while there is room", formula=formula),
        "state",
    )
    master = 4 * prepared.trained if training.zero else 0
    yield Part(
        "master weights",
        part_of(master, share),
        place,
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
