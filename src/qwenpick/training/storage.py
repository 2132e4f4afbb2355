"""Disk and RAM that a training run needs beside the GPUs."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.quantization import stored_bytes
from qwenpick.memory.tensors import parameters, tensors
from qwenpick.training import recipe
from qwenpick.training.lora import LINEAR_EXPERTS
from qwenpick.training.methods import METHODS
from qwenpick.training.optimizers import OPTIMIZERS, state_bytes
from qwenpick.training.qlora import NF4
from qwenpick.training.sharding import on_disk
from qwenpick.training.trainers import PURE, keeps_fp32
from qwenpick.training.unsloth_files import ENDING, kept
from qwenpick.units import GIB
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

PROCESS = 4 * GIB  # RAM of one training process, a rule of thumb: Python, torch's libraries and pinned batches
SOURCE = Checkpoint(format="bf16")


def processes(training: Training) -> int:
    """Bytes of RAM that the processes of a run take by themselves, on all its nodes."""
    return training.gpus * PROCESS


def loading(architecture: Architecture, training: Training) -> tuple[int, bool]:
    """Bytes of RAM while weights are loaded, before they are divided, and whether an older release needs as much.

    FSDP: the first process of a node holds them all. ZeRO-3: transformers 5 maps all files on every rank, which share those pages, but fuses the
    experts of a repository that has them one by one (transformers 5.17.0 modeling_utils.py, integrations/deepspeed.py
    _apply_weight_conversions_to_state_dict; issue 47514): a copy a rank. Below 5 a shard at a time is there.
    """
    if training.method == "qlora":
        return 0, True
    if training.fsdp:
        return 2 * parameters(architecture) * training.nodes, True
    if training.zero == 3 and architecture.model_type in LINEAR_EXPERTS:
        experts = sum(tensor.elements for tensor in tensors(architecture) if tensor.role.endswith("_exps"))
        return 2 * experts * training.gpus, False
    return 0, True


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes: the `download`, one saved `checkpoint` with its optimizer, and the `result` on disk; `ram` of the processes beside what the run keeps
    there, `offloaded` what ZeRO-Infinity keeps on disk."""

    download: int
    checkpoint: int
    result: int
    ram: int
    offloaded: int = 0

    def disk(self, kept: int = 2) -> int:
        """Bytes of disk for the download, `kept` checkpoints and the result."""
        return self.download + kept * self.checkpoint + self.result + self.offloaded


def storage(architecture: Architecture, training: Training, checkpoint: Checkpoint | None = None) -> Storage:
    """What a run reads and writes. Weights that are quantized on load are downloaded in 16 bits.

    Full fine-tuning saves the weights and the optimizer's states; adapters only themselves and theirs. A process reads weights through the page
    cache, which needs no RAM of its own; ZeRO's offload is among the parts of the run.
    """
    own = checkpoint is not None and (checkpoint.repo or "").endswith(ENDING)
    source = checkpoint if checkpoint and (own or checkpoint.format not in ("nf4", "int8")) else SOURCE
    stored = stored_bytes(architecture, source.format) + round(kept(source.repo) * (2 - NF4))
    download = checkpoint.bytes if checkpoint and checkpoint.bytes else stored
    optimizer = OPTIMIZERS[training.optimizer]
    trained = recipe(training.method).prepare(architecture, training, checkpoint or SOURCE).trained
    if METHODS[training.method].adapts:
        width, result = 4, 4 * trained
    else:
        half = training.precision in ("bf16", PURE) if training.method == "full" else not keeps_fp32(training)
        width, result = 2 if half else 4, parameters(architecture) * 2
    master = 4 * trained if training.zero else 0
    states = sum(state_bytes(optimizer, trained, 4 * trained if training.zero else width * trained))
    saved = (trained * width if METHODS[training.method].adapts else result) + states + master
    away = on_disk(training, trained, parameters(architecture))
    return Storage(download, saved, result, processes(training) + loading(architecture, training)[0], away)
