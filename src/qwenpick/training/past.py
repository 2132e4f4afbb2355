"""What else the same words may run, where it decides whether a run holds: other releases of the libraries under the trainers, and weights in FP32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import _
from qwenpick.memory.tensors import parameters
from qwenpick.planning.verdict import Place
from qwenpick.runtimes.transformers.weights import ON_LOAD
from qwenpick.training.prepared import base_bytes
from qwenpick.training.sharding import LIVE, frozen_bytes, in_layers, part_of
from qwenpick.training.trainers import KEEPS_FROM, REENTRANT, TRAINERS
from qwenpick.training.unsloth_files import ENDING
from qwenpick.units import format_bytes
from qwenpick.work.serving import Training

# transformers 5.0 to 5.3 read weights with threads of their own, faster than bitsandbytes quantizes them (core_model_loading.py, pull request 44576):
# 13.47 GiB reserved for Qwen2.5-7B's 14.19 in 16 bits
LOADED_WHOLE = 0.95


def loaded_whole(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> int:
    """Bytes that those releases hold on a GPU while they load what is quantized on load; 0 where nothing is, or where GPUs divide it."""
    own = (checkpoint.repo or "").endswith(ENDING)
    if training.method != "qlora" or checkpoint.format not in ON_LOAD or own or training.fsdp or training.zero == 3:
        return 0
    return round(LOADED_WHOLE * base_bytes(architecture, Checkpoint(format="bf16")))


def raised(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> int:
    """Bytes a GPU that accelerate before 1.13 took more under FSDP 2: it raised frozen weights to FP32 too (fsdp_utils.py, pull request 3848)."""
    if not training.fsdp or training.method != "lora" or training.trainer == "torch" or training.offload != "none":
        return 0
    return part_of(base_bytes(architecture, checkpoint), training.gpus)


def frozen_kept(architecture: Architecture, training: Training) -> int:
    """Bytes a GPU by which ZeRO 3 beside adapters needs more with DeepSpeed from KEEPS_FROM than before, under reentrant checkpointing."""
    if training.zero != 3 or training.method != "lora" or training.gpus == 1:
        return 0
    return frozen_bytes(architecture, training) - 2 * min(LIVE, parameters(architecture))


def all_kept(architecture: Architecture, training: Training) -> int:
    """Bytes a GPU that DeepSpeed 0.16.0 to 0.16.7 left gathered beyond LIVE: all layers of a full run, under non-reentrant checkpointing.

    Recomputation counted a module's gradients once more, so that the module was never released (pull requests 6726 and, of 0.16.8, 7258;
    benchmarks/measured/deepspeed_frozen_2026_11_30.csv). transformers checkpoints so from 5.0 on, and TRL.
    """
    if training.zero != 3 or training.method != "full" or training.gpus == 1 or not training.checkpointing:
        return 0
    return 2 * max(0, in_layers(architecture) - LIVE) if training.trainer in NAMELESS else 0


def unnamed(training: Training) -> Training | None:
    """The same full fine-tuning where no dtype is named: FP32 weights under autocast. None where they are 16 bits or FP32 anyway, as DeepSpeed and
    FSDP make them.

    TRL 1.16.0 trainer/utils.py create_model_from_path: "float32" for a model given by its name; transformers below 5 for all.
    """
    if training.method != "full" or training.precision != "bf16" or training.trainer not in NAMELESS:
        return None
    return None if training.zero or training.fsdp else replace(training, precision="fp32")


def in_fp32(trainer: str) -> str:
    """What to name so that weights are loaded in 16 bits."""
    return NAMELESS[trainer]()


NAMELESS = {
    "trl": lambda: _(
        "TRL loads a model that is given by its name in FP32, which does not fit here: name the dtype, as launch does (model_init_kwargs)"
    ),
    "transformers": lambda: _(
        "transformers below 5 loads in FP32 where no dtype is named, which does not fit here: dtype=torch.bfloat16, as launch writes it"
    ),
}


def past(
    architecture: Architecture, training: Training, checkpoint: Checkpoint, place: Place, context: int
) -> Iterator[str]:
    """Sentences for a run that holds on `place`, whose process has `context` bytes outside of torch."""
    if place.budget is None or training.trainer_version is not None:
        return
    whole = loaded_whole(architecture, training, checkpoint)
    if whole + context > place.budget:
        yield _(
            "transformers 5.0 to 5.3 load all weights in 16 bits onto the GPU before they are quantized, {size}: more than there is; "
            "take 5.4 or newer",
            size=format_bytes(whole),
        )
    frozen = training.method == "lora" and training.trainer in NAMELESS and not training.zero and not training.fsdp
    if frozen and place.need + base_bytes(architecture, checkpoint) > place.budget:
        yield in_fp32(training.trainer)
    more = raised(architecture, training, checkpoint)
    if more and place.need + more > place.budget:
        yield _(
            "accelerate before 1.13 raises frozen weights to FP32 under FSDP 2, {size} a GPU more: the run does not fit there",
            size=format_bytes(more),
        )
    kept = frozen_kept(architecture, training) if training.trainer in REENTRANT else 0
    if place.need + kept > place.budget:
        yield _(
            "DeepSpeed from {version}, which {title} does not ask for, keeps frozen layers gathered until the step, {size} a GPU more: the run does "
            "not fit there",
            version=KEEPS_FROM,
            title=TRAINERS[training.trainer].title,
            size=format_bytes(kept),
        )
    left = all_kept(architecture, training)
    if place.need + left > place.budget:
        yield _(
            "DeepSpeed 0.16.0 to 0.16.7 keep all layers gathered until the step, up to {size} a GPU more, which may not fit: take 0.16.8 or newer",
            size=format_bytes(left),
        )
