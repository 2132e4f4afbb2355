"""What releases of the last year of the libraries under the trainers needed more, where that decides whether a run holds."""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import _
from qwenpick.planning.verdict import Place
from qwenpick.runtimes.transformers.weights import ON_LOAD
from qwenpick.training.prepared import base_bytes
from qwenpick.training.sharding import part_of
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
    more = raised(architecture, training, checkpoint)
    if more and place.need + more > place.budget:
        yield _(
            "accelerate before 1.13 raises frozen weights to FP32 under FSDP 2, {size} a GPU more: the run does not fit there",
            size=format_bytes(more),
        )
