"""What every trainer's launch is made of: the value that comes out, and the settings that several of them share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from qwenpick.catalog.schema import Checkpoint
from qwenpick.work.serving import Training

DATA = "train.jsonl"  # one {"messages": [...]} a line
OUTPUT = "output"
RATE = {"full": 1e-5, "lora": 1e-4, "qlora": 1e-4}  # learning rates that the trainers' own examples use


@dataclass(frozen=True, slots=True)
class Launch:
    """`files` to write beside each other and the `command` that starts; `checked` is the release whose options these are."""

    command: tuple[str, ...]
    checked: str
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def on_load(checkpoint: Checkpoint | None) -> bool:
    """Whether the weights are quantized while they are loaded."""
    return checkpoint is None or checkpoint.format in ("nf4", "int8")


def precision(training: Training) -> dict[str, object]:
    """The Trainer's options for the type that is computed in: bf16 under autocast, or FP16; with FP32 weights too."""
    return {"fp16": True, "bf16": False} if training.precision == "fp16-mixed" else {"bf16": True}


def deepspeed(training: Training) -> dict[str, str]:
    """DeepSpeed's configuration as a file, where ZeRO is used."""
    if not training.zero:
        return {}
    zero: dict[str, object] = {"stage": training.zero, "overlap_comm": True, "contiguous_gradients": True}
    if training.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
    if training.offload == "parameters":
        zero["offload_param"] = {"device": "cpu", "pin_memory": True}
    whole = {
        "zero_optimization": zero,
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "train_batch_size": "auto",
    }
    whole |= {
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
    }
    return {"deepspeed.json": json.dumps(whole, indent=2) + "\n"}
