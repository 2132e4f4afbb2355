"""LLaMA-Factory: a YAML file, the description of the data beside it, and `llamafactory-cli train`."""

from __future__ import annotations

import json

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.training.common import (
    DATA,
    OUTPUT,
    RATE,
    TrainerRun,
    deepspeed,
    environment,
    nodes,
    on_load,
    precision,
    targets,
    vocabulary_names,
)
from qwenpick.training.freeze import layers_of
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training

# the names that a "messages" list of roles and contents uses
_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`train.yaml`, `dataset_info.json` for a file of messages, DeepSpeed's configuration where ZeRO is used."""
    if training.fsdp:
        raise QwenpickError(_("LLaMA-Factory starts FSDP from an accelerate file; use zero 3, or ms-swift"))
    settings: dict[str, object] = {
        "model_name_or_path": source,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": training.method if training.method in ("full", "freeze") else "lora",
        "dataset": "mine",
        "dataset_dir": ".",
        "template": _template(source, architecture),
        "cutoff_len": training.seq,
        "per_device_train_batch_size": training.batch,
        "gradient_accumulation_steps": training.grad_accum,
        "learning_rate": RATE[training.method],
        "num_train_epochs": float(training.epochs),
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.03,
        "optim": OPTIMIZERS[training.optimizer].launch,
        "flash_attn": {"flash": "fa2", "sdpa": "sdpa", "eager": "disabled"}[training.attention],
        "disable_gradient_checkpointing": not training.checkpointing,
        "enable_liger_kernel": training.chunked_loss,
        "output_dir": OUTPUT,
        **precision(training),
    }
    if training.method == "freeze":
        settings["freeze_trainable_layers"] = layers_of(architecture, training)
    elif training.method != "full":
        names = ",".join(targets(training, ("all",)))
        settings |= {"lora_rank": training.rank, "lora_alpha": 2 * training.rank, "lora_target": names}
        if training.train_embeddings:
            settings["additional_target"] = ",".join(vocabulary_names(architecture))
        if training.dora:
            settings["use_dora"] = True
    if training.method == "qlora" and on_load(checkpoint):
        bits = 8 if checkpoint and checkpoint.format == "int8" else 4
        settings |= {"quantization_bit": bits, "quantization_method": "bnb", "double_quantization": True}
    if architecture.vision:
        settings["freeze_vision_tower"] = not training.train_vision
    if training.zero:
        settings["deepspeed"] = "deepspeed.json"
    listed = {"mine": {"file_name": DATA, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _TAGS}}
    files = {
        "train.yaml": "".join(f"{name}: {_scalar(value)}\n" for name, value in settings.items()),
        "dataset_info.json": json.dumps(listed, indent=2) + "\n",
        **deepspeed(training, architecture),
    }
    if training.packing:
        files["train.yaml"] += "packing: true\n"
    return TrainerRun(
        (*environment(training, *_several(training)), "llamafactory-cli", "train", "train.yaml"),
        TRAINERS["llama-factory"].read_from,
        files,
    )


def _several(training: Training) -> tuple[str, ...]:
    """LLaMA-Factory starts torchrun itself for several GPUs, and where it is asked to: DeepSpeed wants it on one too (hparams/parser.py)."""
    alone = training.zero and training.gpus == 1
    return ("FORCE_TORCHRUN=1", *nodes(training)) if training.nodes > 1 or alone else ()


# of Qwen 3 without thinking: extras/constants.py
NOTHINK = ("Instruct-2507", "Next-80B-A3B-Instruct", "VL-", "Omni-30B-A3B-Instruct")


def _template(source: str, architecture: Architecture) -> str:
    """LLaMA-Factory's name of the chat template (0.9.5, data/template.py and the table of extras/constants.py)."""
    if "Qwen3.6" in source:
        return "qwen3_6"
    instruct = source.endswith("Instruct") or "Instruct-2507" in source
    quiet = "_nothink" if instruct and any(word in source for word in NOTHINK) and "Qwen3" in source else ""
    for start in ("qwen3_vl", "qwen3_omni"):
        if architecture.model_type.startswith(start):
            return start + quiet
    if quiet:
        return "qwen3_nothink"
    names = {
        "qwen3_vl": "qwen3_vl",
        "qwen3_5": "qwen3_5",
        "qwen3_omni": "qwen3_omni",
        "qwen2_5_vl": "qwen2_vl",
        "qwen2_vl": "qwen2_vl",
    }
    names |= {"qwen2_audio": "qwen2_audio", "qwen2_5_omni": "qwen2_omni", "qwen3": "qwen3"}
    return next((template for start, template in names.items() if architecture.model_type.startswith(start)), "qwen")


def _scalar(value: object) -> str:
    """A value as YAML 1.1 reads it back: text in quotes, and a dot in numbers that have an exponent."""
    text = json.dumps(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text
