"""The plain Trainer of transformers: a Python program that tokenizes messages itself."""

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
    parallelism,
    quantization,
    trainer_arguments,
)
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`train.py` with Trainer, started by accelerate where there are several GPUs."""
    quantized = quantization(training, checkpoint)
    parallel, divided = parallelism(training)
    dtype = "bfloat16" if training.precision == "bf16" else "float32"
    attention = ATTENTION_NAMES[training.attention]
    loaded = f", quantization_config={quantized}" if quantized else ""
    liger = "    use_liger_kernel=True,\n" if training.chunked_loss else ""
    prepared = ""
    if training.method != "full":
        prepared = "model = prepare_model_for_kbit_training(model)\n" if quantized else ""
        prepared += (
            f"model = get_peft_model(model, LoraConfig({adapter_arguments(architecture, training)}))\n"
            "model.enable_input_require_grads()\n"
        )
    imports = "from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training\n" if prepared else ""
    names_imported = "AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments"
    text = (
        f"import torch\nfrom datasets import load_dataset\n{imports}{parallel}from transformers import {names_imported}"
        f"{', BitsAndBytesConfig' if quantized else ''}\n\n"
        f"settings = TrainingArguments(\n    output_dir={OUTPUT!r},\n{trainer_arguments(training)}{liger}{divided})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({source!r})\n"
        f"model = AutoModelForCausalLM.from_pretrained({source!r}, dtype=torch.{dtype}, attn_implementation={attention!r}{loaded})\n"
        f"{prepared}\n\ndef read(line):\n    text = tokenizer.apply_chat_template(line['messages'], tokenize=False)\n"
        f"    return tokenizer(text, truncation=True, max_length={training.seq})\n\n\n"
        f'data = load_dataset("json", data_files={DATA!r}, split="train")\n'
        "data = data.map(read, remove_columns=data.column_names)\n"
        "collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)\n"
        "Trainer(model=model, args=settings, train_dataset=data, data_collator=collator).train()\n"
    )
    command = (*accelerate(training), "train.py")
    note = _("a line of {data} has messages", data=DATA)
    return TrainerRun(
        command, TRAINERS["transformers"].read_from, {"train.py": text, **deepspeed(training, architecture)}, (note,)
    )
