"""TRL: a Python program with SFTTrainer."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.launch.training.common import DATA, OUTPUT, RATE, Launch, deepspeed, on_load, precision
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> Launch:
    """`train.py`, started by accelerate where there are several GPUs."""
    dtype = "bfloat16" if training.precision == "bf16" else "float32"
    attention = {"flash": "flash_attention_2", "sdpa": "sdpa", "eager": "eager"}[training.attention]
    init = [f'"dtype": torch.{dtype}', f'"attn_implementation": "{attention}"']
    quantized = training.method == "qlora" and on_load(checkpoint)
    if quantized:
        eight = checkpoint is not None and checkpoint.format == "int8"
        four = 'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16'
        init.append(f'"quantization_config": BitsAndBytesConfig({"load_in_8bit=True" if eight else four})')
    extra = "".join(f"    {name}={value!r},\n" for name, value in precision(training).items())
    extra += '    deepspeed="deepspeed.json",\n' if training.zero else ""
    adapter = ""
    if training.method != "full":
        names = '["q_proj", "k_proj", "v_proj", "o_proj"]' if training.target == "attention" else '"all-linear"'
        saved = ', modules_to_save=["embed_tokens", "lm_head"]' if training.train_embeddings else ""
        saved += ', exclude_modules=r".*visual.*"' if architecture.vision and not training.train_vision else ""
        adapter = f"    peft_config=LoraConfig(r={training.rank}, lora_alpha={2 * training.rank}, target_modules={names}{saved}),\n"
    imports = "from peft import LoraConfig\n" if adapter else ""
    imports += "from transformers import BitsAndBytesConfig\n" if quantized else ""
    frozen = ""
    if training.method == "full" and architecture.vision and not training.train_vision:
        frozen = (
            "for name, weight in trainer.model.named_parameters():\n    weight.requires_grad_('.visual.' not in name)\n"
        )
    text = (
        f"import torch\nfrom datasets import load_dataset\n{imports}from trl import SFTConfig, SFTTrainer\n\n"
        f"settings = SFTConfig(\n    output_dir={OUTPUT!r},\n    max_length={training.seq},\n"
        f"    per_device_train_batch_size={training.batch},\n    gradient_accumulation_steps={training.grad_accum},\n"
        f"    learning_rate={RATE[training.method]},\n    num_train_epochs=1,\n    gradient_checkpointing={training.checkpointing},\n"
        f"    optim={OPTIMIZERS[training.optimizer].launch!r},\n{extra}    model_init_kwargs={{{', '.join(init)}}},\n)\n"
        f"trainer = SFTTrainer(\n    model={source!r},\n    args=settings,\n"
        f'    train_dataset=load_dataset("json", data_files={DATA!r}, split="train"),\n{adapter})\n{frozen}trainer.train()\n'
    )
    start = ("accelerate", "launch", "--num_processes", str(training.gpus)) if training.gpus > 1 else ("python",)
    if training.fsdp:
        start = (*start, "--use_fsdp", "--fsdp_version", "2")
    return Launch((*start, "train.py"), TRAINERS["trl"].read_from, {"train.py": text, **deepspeed(training)})
