"""Sentence Transformers: a Python program that trains embeddings with negatives from the batch, cached where small batches are asked for."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.i18n import _
from qwenpick.launch.training.common import (
    ATTENTION_NAMES,
    DATA,
    OUTPUT,
    TrainerRun,
    accelerate,
    adapter_arguments,
    deepspeed,
    quantization,
    trainer_arguments,
)
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`train.py` with SentenceTransformerTrainer; a line of its data has an anchor and a positive text."""
    attention = ATTENTION_NAMES[training.attention]
    loss = (
        f"losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size={training.mini_batch})"
        if training.mini_batch
        else "losses.MultipleNegativesRankingLoss(model)"
    )
    adapter = imports = ""
    if training.method != "full":
        imports = "from peft import LoraConfig, TaskType\n"
        arguments = adapter_arguments(architecture, training)
        adapter = f"model.add_adapter(LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, {arguments}))\n"
    quantized = quantization(training, checkpoint)
    imports += "from transformers import BitsAndBytesConfig\n" if quantized else ""
    loaded = f', "quantization_config": {quantized}' if quantized else ""
    names_imported = "SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments, losses"
    text = (
        f"import torch\nfrom datasets import load_dataset\n{imports}from sentence_transformers import {names_imported}\n\n"
        f'model = SentenceTransformer({source!r}, model_kwargs={{"dtype": torch.bfloat16, "attn_implementation": "{attention}"{loaded}}})\n'
        f"model.max_seq_length = {training.seq}\n{adapter}"
        f"settings = SentenceTransformerTrainingArguments(\n    output_dir={OUTPUT!r},\n{trainer_arguments(training)})\n"
        f'data = load_dataset("json", data_files={DATA!r}, split="train")\n'
        f"SentenceTransformerTrainer(model=model, args=settings, train_dataset=data, loss={loss}).train()\n"
    )
    command = (*accelerate(training), "train.py")
    note = _("a line of {data} has anchor and positive", data=DATA)
    files = {"train.py": text, **deepspeed(training, architecture)}
    return TrainerRun(command, TRAINERS["sentence-transformers"].read_from, files, (note,))
