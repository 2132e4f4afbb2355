"""ms-swift: one command line of `swift sft`."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
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
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training

# DeepSpeed's configurations that ms-swift 4.6.0 brings along
OWN = {(stage, "none"): f"zero{stage}" for stage in (1, 2, 3)} | {
    (2, "optimizer"): "zero2_offload",
    (3, "parameters"): "zero3_offload",
}


def launch(source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None) -> TrainerRun:
    """`swift sft` with every setting that the estimate rests on."""
    options: dict[str, object] = {
        "model": source,
        "use_hf": True,
        "dataset": DATA,
        "tuner_type": "full" if training.method == "full" else "lora",
        "torch_dtype": {"bf16": "bfloat16", "fp16-mixed": "float32", "fp32": "float32"}[training.precision],
        "max_length": training.seq,
        "per_device_train_batch_size": training.batch,
        "gradient_accumulation_steps": training.grad_accum,
        "learning_rate": RATE[training.method],
        "num_train_epochs": training.epochs,
        "optim": OPTIMIZERS[training.optimizer].launch,
        "attn_impl": {"flash": "flash_attn", "sdpa": "sdpa", "eager": "eager"}[training.attention],
        "gradient_checkpointing": training.checkpointing,
        "use_liger_kernel": training.chunked_loss,
        "output_dir": OUTPUT,
        **precision(training),
    }
    if training.method != "full":
        names = targets(training, ("all-linear",))
        options |= {"lora_rank": training.rank, "lora_alpha": 2 * training.rank, "target_modules": names}
        if training.train_embeddings:
            options["modules_to_save"] = vocabulary_names(architecture)
        if training.dora:
            options["use_dora"] = True
    if training.method == "qlora" and on_load(checkpoint):
        options |= {"quant_method": "bnb", "quant_bits": 8 if checkpoint and checkpoint.format == "int8" else 4}
        options |= {
            "bnb_4bit_compute_dtype": "bfloat16",
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
        }
    if architecture.vision:
        options["freeze_vit"] = not training.train_vision
    if training.zero:
        own = OWN.get((training.zero, training.offload)) if training.pin_memory else None
        options["deepspeed"] = own or "deepspeed.json"
    if training.sequence_parallel > 1:
        options["sequence_parallel_size"] = training.sequence_parallel
    if training.packing:
        options["packing"] = True
    notes: tuple[str, ...] = ()
    if training.objective == "rerank":
        options |= {"task_type": "generative_reranker", "loss_type": "pointwise_reranker"}
        notes = (_("a line of {data} has messages, positive_messages and negative_messages", data=DATA),)
    if training.fsdp:
        options["fsdp"] = "fsdp2"
    argv = [word for name, value in options.items() for word in (f"--{name}", *words(value))]
    each = training.gpus // training.nodes
    # said, it starts torchrun, without which DeepSpeed looks for MPI (swift/cli/main.py)
    started = (f"NPROC_PER_NODE={each}", *nodes(training)) if training.gpus > 1 or training.zero else ()
    several = environment(training, *started)
    files = deepspeed(training, architecture) if options.get("deepspeed") == "deepspeed.json" else {}
    return TrainerRun((*several, "swift", "sft", *argv), TRAINERS["ms-swift"].read_from, files, notes)


def words(value: object) -> tuple[str, ...]:
    """An option's value as words of a command line."""
    if isinstance(value, tuple):
        return tuple(map(str, value))
    return (str(value).lower() if isinstance(value, bool) else str(value),)
