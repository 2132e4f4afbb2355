"""Unsloth: a Python program on one GPU."""

from __future__ import annotations

import json

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.training.common import DATA, OUTPUT, RATE, TrainerRun, targets
from qwenpick.training.lora import UNSLOTH_LINEAR
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`train.py` with Unsloth's loader, adapters and checkpointing. QwenpickError for several GPUs."""
    if training.gpus > 1:
        raise QwenpickError(_("Unsloth trains on one GPU; use llama-factory, ms-swift or trl for several"))
    four = training.method == "qlora" and not (checkpoint and checkpoint.format == "int8")
    kind = "FastVisionModel" if architecture.vision else "FastLanguageModel"
    full = training.method == "full"
    names = json.dumps(targets(training, UNSLOTH_LINEAR))
    checkpointing = '"unsloth"' if training.checkpointing else "False"
    tower = f"    finetune_vision_layers={training.train_vision},\n" if architecture.vision else ""
    adapter = (
        ""
        if full
        else f"model = {kind}.get_peft_model(\n    model, r={training.rank}, lora_alpha={2 * training.rank}, lora_dropout=0,\n"
        f"    target_modules={names}, use_gradient_checkpointing={checkpointing},\n{tower})\n"
    )
    collator = " data_collator=UnslothVisionDataCollator(model, tokenizer)," if architecture.vision else ""
    more = "from unsloth.trainer import UnslothVisionDataCollator\n" if architecture.vision else ""
    # without it Unsloth takes its own 4-bit file of the name, whose layers are partly in 16 bits (loader.py, mapper.py)
    exact = "    use_exact_model_name=True,\n" if training.method == "qlora" else ""
    text = (
        f"from unsloth import {kind}\n{more}from datasets import load_dataset\nfrom trl import SFTConfig, SFTTrainer\n\n"
        f"model, tokenizer = {kind}.from_pretrained(\n    {source!r}, max_seq_length={training.seq}, load_in_4bit={four},\n"
        f"    load_in_8bit={training.method == 'qlora' and not four}, full_finetuning={full},\n{exact})\n{adapter}"
        f"settings = SFTConfig(\n    output_dir={OUTPUT!r}, max_length={training.seq}, per_device_train_batch_size={training.batch},\n"
        f"    gradient_accumulation_steps={training.grad_accum}, learning_rate={RATE[training.method]}, num_train_epochs={training.epochs},\n"
        f"    optim={OPTIMIZERS[training.optimizer].launch!r},\n)\n"
        f"SFTTrainer(model=model, processing_class=tokenizer, args=settings,{collator}\n"
        f'           train_dataset=load_dataset("json", data_files={DATA!r}, split="train")).train()\n'
    )
    return TrainerRun(("python", "train.py"), TRAINERS["unsloth"].read_from, {"train.py": text})
