"""What every trainer's launch is made of: the value that comes out, and the settings that several of them share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.training.methods import METHODS
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.prepared import largest_matrix
from qwenpick.training.trainers import BUCKET, PURE, habits
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

DATA = "train.jsonl"  # one {"messages": [...]} a line
OUTPUT = "output"
RATE = {name: method.rate for name, method in METHODS.items()}  # learning rates


@dataclass(frozen=True, slots=True)
class TrainerRun:
    """`files` to write beside each other, the `command` that starts; `checked` the release whose options these are, `packages` what pip installs."""

    command: tuple[str, ...]
    checked: str
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()


def on_load(checkpoint: Checkpoint | None) -> bool:
    """Whether the weights are quantized while they are loaded."""
    return checkpoint is None or checkpoint.format in ("nf4", "int8")


def quantization(training: Training, checkpoint: Checkpoint | None) -> str:
    """transformers' quantization_config of weights that are quantized while they are loaded; '' where none are."""
    if training.method != "qlora" or not on_load(checkpoint):
        return ""
    if checkpoint and checkpoint.format == "int8":
        return "BitsAndBytesConfig(load_in_8bit=True)"
    return 'BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16)'


def precision(training: Training) -> dict[str, object]:
    """The Trainer's options for the type that is computed in: bf16 under autocast, or FP16; with FP32 weights too."""
    if training.precision == PURE:
        return {"pure_bf16": True}
    return {"fp16": True, "bf16": False} if training.precision == "fp16-mixed" else {"bf16": True}


# blocks that grow in place: gathers and buckets leave less that no request fits (torch, notes on CUDA's caching allocator)
SEGMENTS = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
RANK, FIRST = "RANK_OF_THIS_NODE", "FIRST_NODE"  # to be written there: the same command starts on every node


def nodes(training: Training) -> tuple[str, ...]:
    """What torchrun reads from the environment, in LLaMA-Factory and ms-swift, on several nodes."""
    if training.nodes == 1:
        return ()
    return (f"NNODES={training.nodes}", f"NODE_RANK={RANK}", f"MASTER_ADDR={FIRST}", "MASTER_PORT=29500")


ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


def environment(training: Training, *more: str) -> tuple[str, ...]:
    """`env NAME=VALUE …` before the command, where a run that shares GPUs needs it."""
    shared = (SEGMENTS,) if training.zero or training.fsdp else ()
    return ("env", *shared, *more) if shared or more else ()


def targets(training: Training, everything: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the matrices that get adapters; `everything` is how the trainer says all."""
    if training.target == "all-linear":
        return everything
    return ATTENTION if training.target == "attention" else tuple(training.target.split(","))


ATTENTION_NAMES = {"flash": "flash_attention_2", "sdpa": "sdpa", "eager": "eager"}  # as transformers has them


def adapter_arguments(architecture: Architecture, training: Training) -> str:
    """The arguments of a LoraConfig, as Python."""
    names = targets(training, ())
    chosen = f"{list(names)!r}".replace("'", '"') if names else '"all-linear"'
    saved = saved_argument(architecture, training)
    return f"r={training.rank}, lora_alpha={2 * training.rank}, target_modules={chosen}{saved}"


def trainer_arguments(training: Training) -> str:
    """The lines of a TrainingArguments that every trainer built on transformers' Trainer has."""
    given = {
        "per_device_train_batch_size": training.batch,
        "gradient_accumulation_steps": training.grad_accum,
        "learning_rate": RATE[training.method],
        "num_train_epochs": training.epochs,
        "gradient_checkpointing": training.checkpointing,
        "optim": OPTIMIZERS[training.optimizer].launch,
        **precision(training),
    }
    deepspeed = '    deepspeed="deepspeed.json",\n' if training.zero else ""
    return "".join(f"    {name}={value!r},\n" for name, value in given.items()) + deepspeed


def vocabulary_names(architecture: Architecture) -> tuple[str, ...]:
    """The matrices that trained embeddings save: a tied lm_head is the embedding, and named again it would become a second copy."""
    return ("embed_tokens",) if architecture.tied_embeddings else ("embed_tokens", "lm_head")


def saved_argument(architecture: Architecture, training: Training) -> str:
    """LoraConfig's arguments for DoRA and trained embeddings; nothing without."""
    found = ", use_dora=True" if training.dora else ""
    if not training.train_embeddings:
        return found
    names = ", ".join(f'"{name}"' for name in vocabulary_names(architecture))
    return f"{found}, modules_to_save=[{names}]"


def accelerate(training: Training) -> tuple[str, ...]:
    """How accelerate starts a program: alone, on several GPUs, or with FSDP 2 by decoder layer (without a policy all layers are one unit).

    DeepSpeed on one GPU wants its own launcher: a plain program has no RANK, and its comm/comm.py init_distributed asks mpi4py then (0.19.8).
    """
    if training.gpus == 1:
        return (*environment(training), "deepspeed", "--num_gpus", "1") if training.zero else ("python",)
    start = (*environment(training), "accelerate", "launch", "--num_processes", str(training.gpus))
    if training.nodes > 1:
        start = (*start, "--num_machines", str(training.nodes), "--machine_rank", RANK, "--main_process_ip", FIRST)
    if not training.fsdp:
        return start
    start = (*start, "--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP")
    return (*start, "--fsdp_offload_params", "true") if training.offload == "parameters" else start


def parallelism(training: Training) -> tuple[str, str]:
    """(imports, line of the settings) of a run that divides its sequences: Ulysses beside ZeRO 3, context parallel beside FSDP."""
    count = training.sequence_parallel
    if count == 1:
        return "", ""
    if training.fsdp:
        shards = f", dp_shard_size={training.gpus // count}" if training.gpus > count else ""
        made = f"ParallelismConfig(cp_size={count}{shards})"
        return "from accelerate.parallelism_config import ParallelismConfig\n", f"    parallelism_config={made},\n"
    handler = f'DeepSpeedSequenceParallelConfig(sp_seq_length={training.seq}, sp_seq_length_is_variable=True, sp_attn_implementation="sdpa")'
    imports = "from accelerate.parallelism_config import ParallelismConfig\nfrom accelerate.utils import DeepSpeedSequenceParallelConfig\n"
    made = f'ParallelismConfig(sp_backend="deepspeed", sp_size={count}, sp_handler={handler})'
    return imports, f"    parallelism_config={made},\n"


DISK = "/local_nvme"  # to be written there: a folder on the disk
BUFFER = 100_000_000  # weights of a buffer, at least: DeepSpeed 0.19.8 zero/offload_config.py


def deepspeed(training: Training, architecture: Architecture) -> dict[str, str]:
    """DeepSpeed's configuration as a file, where ZeRO is used."""
    if not training.zero:
        return {}
    trainer = habits(training)  # as its own configurations have it, and as it is planned
    zero: dict[str, object] = {"stage": training.zero, "overlap_comm": trainer.overlaps, "contiguous_gradients": True}
    if training.zero < 3 and trainer.bucket != BUCKET:
        zero |= dict.fromkeys(("reduce_bucket_size", "allgather_bucket_size"), trainer.bucket)
    if training.offload == "nvme":  # the largest weight's share must pass through one buffer
        largest = -(
            -max(largest_matrix(architecture), architecture.vocab_size * architecture.hidden_size) // training.gpus
        )
        zero["offload_optimizer"] = {"device": "nvme", "nvme_path": DISK, "pin_memory": True, "buffer_count": 4}
        zero["offload_param"] = {
            "device": "nvme",
            "nvme_path": DISK,
            "pin_memory": True,
            "buffer_size": max(BUFFER, largest),
        }
    elif training.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": training.pin_memory}
    if training.offload == "parameters":
        zero["offload_param"] = {"device": "cpu", "pin_memory": training.pin_memory}
    if training.zero == 3:
        names = ("reduce_bucket_size", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold")
        zero |= dict.fromkeys(names, "auto") | {"stage3_gather_16bit_weights_on_model_save": True}
    whole: dict[str, object] = {
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
    if training.sequence_parallel > 1:
        whole["sequence_parallel_size"] = training.sequence_parallel
        del whole["train_batch_size"]
    return {"deepspeed.json": json.dumps(whole, indent=2) + "\n"}
