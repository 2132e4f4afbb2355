"""TRL: a Python program with the trainer of the objective."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import N_, _
from qwenpick.launch.training.common import (
    ATTENTION_NAMES,
    DATA,
    OUTPUT,
    TrainerRun,
    accelerate,
    adapter_arguments,
    deepspeed,
    parallelism,
    quantization,
    trainer_arguments,
)
from qwenpick.training.objectives import GROUP, has_reference
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training

# objective -> the module and name of its trainer (trl 1.16.0), and the keys of a line of its data
CLASSES = {
    "sft": ("trl", "SFT", N_("a line of {data} has messages")),
    "dpo": ("trl", "DPO", N_("a line of {data} has prompt, chosen and rejected")),
    "kto": ("trl", "KTO", N_("a line of {data} has prompt, completion and label")),
    "reward": ("trl", "Reward", N_("a line of {data} has chosen and rejected")),
    "grpo": ("trl", "GRPO", N_("a line of {data} has prompt; write your reward into train.py")),
    "orpo": ("trl.experimental.orpo", "ORPO", N_("a line of {data} has prompt, chosen and rejected")),
}
REWARD = "def reward(completions, **columns):\n    return [float(len(set(str(text)))) for text in completions]  # replace by your own\n\n\n"


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`train.py`, started by accelerate where there are several GPUs."""
    module, name, data = CLASSES[training.objective]
    quantized = quantization(training, checkpoint)
    parallel, divided = parallelism(training)
    adapter = _adapter(architecture, training)
    imports = "from peft import LoraConfig\n" if adapter else ""
    imports += "from transformers import BitsAndBytesConfig\n" if quantized else ""
    imports += f"{parallel}from {module} import {name}Config, {name}Trainer\n"
    limit, more = f"    max_length={training.seq},\n", divided
    if training.objective == "grpo":
        limit = f"    max_completion_length={min(256, training.seq // 2)},\n"
        more += f"    num_generations={GROUP},\n    beta={0.04 if has_reference(training) else 0.0},\n"
    if training.objective == "dpo" and training.reference is False:
        more += "    precompute_ref_log_probs=True,\n"
    if training.packing and training.objective == "sft":
        more += "    packing=True,\n"
    rewards = "    reward_funcs=reward,\n" if training.objective == "grpo" else ""
    settings = f"    output_dir={OUTPUT!r},\n{limit}{trainer_arguments(training)}{more}    model_init_kwargs={_weights(training, quantized)},\n"
    text = (
        f"import torch\nfrom datasets import load_dataset\n{imports}\n{REWARD if rewards else ''}settings = {name}Config(\n{settings})\n"
        f"trainer = {name}Trainer(\n    model={source!r},\n    args=settings,\n{rewards}"
        f'    train_dataset=load_dataset("json", data_files={DATA!r}, split="train"),\n{adapter})\n{_frozen(architecture, training)}trainer.train()\n'
    )
    command = (*accelerate(training), "train.py")
    return TrainerRun(
        command,
        TRAINERS["trl"].read_from,
        {"train.py": text, **deepspeed(training, architecture)},
        (_(data, data=DATA),),
    )


def _weights(training: Training, quantized: str) -> str:
    """How the weights are loaded, as a Python dictionary."""
    dtype = "bfloat16" if training.precision == "bf16" else "float32"
    init = [f'"dtype": torch.{dtype}', f'"attn_implementation": "{ATTENTION_NAMES[training.attention]}"']
    if quantized:
        init.append(f'"quantization_config": {quantized}')
    return f"{{{', '.join(init)}}}"


def _adapter(architecture: Architecture, training: Training) -> str:
    """The line that puts adapters on; nothing where all weights are trained."""
    if training.method == "full":
        return ""
    frozen = ', exclude_modules=r".*visual.*"' if architecture.vision and not training.train_vision else ""
    return f"    peft_config=LoraConfig({adapter_arguments(architecture, training)}{frozen}),\n"


def _frozen(architecture: Architecture, training: Training) -> str:
    """What keeps a vision tower as it is."""
    if training.method != "full" or not architecture.vision or training.train_vision:
        return ""
    return "for name, weight in trainer.model.named_parameters():\n    weight.requires_grad_('.visual.' not in name)\n"
