"""Settings that do not exist, and combinations that cannot work: one sentence each."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint, LinearAttention
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS, find_format
from qwenpick.training.adapters import MATRICES, named
from qwenpick.training.methods import METHODS
from qwenpick.training.objectives import OBJECTIVES, objective_refusal
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.towers import audio_tokens
from qwenpick.training.trainers import PURE, TRAINERS, numbers
from qwenpick.work.serving import Training

# trainers that hand modules_to_save and use_dora to PEFT; two and three plain LoRA runs stand beside them (emb-head-8b, emb-4b, dora-*)
FREEZES = ("llama-factory", "torch")  # freeze-1.7b, freeze-4b, freeze-8b; no other trainer has it as a setting
PEFT = ("trl", "transformers", "torch", "llama-factory", "ms-swift")
# trainers by other names, or of another library that takes the same memory -> what they are called here
CALLED_ELSEWHERE = {
    "axolotl": "transformers",
    "peft": "transformers",
    "hf": "transformers",
    "swift": "ms-swift",
    "torchtune": "torch",
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "method": tuple(METHODS),
    "target": ("all-linear", "attention"),
    "optimizer": tuple(OPTIMIZERS),
    "precision": ("bf16", PURE, "fp16-mixed", "fp32"),
    "offload": ("none", "optimizer", "parameters", "nvme"),
    "attention": ("sdpa", "flash", "eager"),
    "trainer": tuple(TRAINERS),
    "objective": tuple(OBJECTIVES),
}


def check(training: Training) -> None:
    """Raises QwenpickError for a word or a number that has no meaning."""
    for name, choices in _CHOICES.items():
        value = str(getattr(training, name))
        if value not in choices and not (name == "target" and named(value)):
            if name == "target":
                choices = (*choices, *MATRICES)
            raise QwenpickError(
                _(
                    "there is no {name} '{value}'{near} (known: {choices})",
                    name=name,
                    value=value,
                    near=did_you_mean(CALLED_ELSEWHERE.get(value.casefold(), value), choices),
                    choices=", ".join(choices),
                )
            )
    for name in ("seq", "batch", "grad_accum", "rank", "gpus", "sequence_parallel", "nodes", "images", "frames"):
        if getattr(training, name) < 1:
            raise QwenpickError(_("{name} must be 1 or more, not {given}", name=name, given=getattr(training, name)))
    if training.average_seq and training.average_seq > training.seq:
        raise QwenpickError(
            _(
                "--average-seq {average:,} is more than the longest sequence has: --seq {seq:,}",
                average=training.average_seq,
                seq=training.seq,
            )
        )
    _check_version(training)
    if training.zero not in (0, 1, 2, 3):
        raise QwenpickError(_("ZeRO has the stages 0 to 3, not {zero}", zero=training.zero))


def _check_version(training: Training) -> None:
    """QwenpickError for a release that is no number, that changes nothing here, or that was not read."""
    version, trainer = training.trainer_version, TRAINERS[training.trainer]
    if version is None:
        return
    try:
        given = numbers(version)
    except ValueError:
        raise QwenpickError(_("'{version}' is no version, such as 0.24 or 2026.9.1", version=version)) from None
    if not trainer.releases:
        raise QwenpickError(
            _(
                "no release of {title} is known here to need other memory; leave --trainer-version out",
                title=trainer.title,
            )
        )
    for release in trainer.releases:
        if release.gone and given < numbers(release.before):
            raise QwenpickError(
                _(
                    "{title} before {version} is not modelled; nearest: --trainer-version {version}",
                    title=trainer.title,
                    version=release.before,
                )
            )


def refusal(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> str | None:
    """Why this cannot be trained so, as a sentence; None if it can (memory aside)."""
    return (
        objective_refusal(training)
        or _format_refusal(training, checkpoint)
        or _sharding_refusal(training)
        or _sequence_refusal(training)
        or _model_refusal(architecture, training)
    )


def _format_refusal(training: Training, checkpoint: Checkpoint) -> str | None:
    form = checkpoint.format
    container = (FORMATS.get(form) or find_format(form)).container
    method = _(METHODS[training.method].title)
    if container != "safetensors":
        return _(
            "{method} of a {kind} file is not possible; train the 16-bit repository",
            method=method,
            kind=container.upper() if container == "gguf" else container,
        )
    if form in ("fp8", "nvfp4", "mxfp4"):
        return _(
            "{method} of an {kind} checkpoint is not possible: no gradient passes its kernels; use the 16-bit repository",
            method=method,
            kind=form.upper(),
        )
    plain = form in ("bf16", "fp16", "fp32")
    if not METHODS[training.method].adapts and not plain:
        return _(
            "full fine-tuning needs 16-bit weights, not {form}; quantized weights can only be adapted (qlora)",
            form=form,
        )
    if training.method == "lora" and not plain:
        return _("LoRA on {form} weights is QLoRA: use --train qlora", form=form)
    if training.method == "qlora" and plain:
        return _("QLoRA needs 4- or 8-bit weights: nf4 or int8 (made on load), or a GPTQ or AWQ repository")
    return None


def _sharding_refusal(training: Training) -> str | None:
    if training.fsdp and training.zero:
        return _("FSDP and DeepSpeed's ZeRO are two ways to do the same; choose one")
    if training.zero == 3 and training.gpus == 1 and training.offload == "none":
        return _("ZeRO-3 on one GPU divides nothing and adds its buffers; use more GPUs (--gpus), offload, or ZeRO 0")
    if training.fsdp and training.gpus == 1:
        return _("FSDP on one GPU divides nothing; use more GPUs (--gpus) or leave it out")
    if training.fsdp and training.offload == "optimizer":
        return _("FSDP offloads weights and states together: --offload parameters")
    if training.offload != "none" and not training.zero and not training.fsdp:
        return _("offload of {offload} is DeepSpeed's: it needs ZeRO 1, 2 or 3", offload=training.offload)
    if training.fsdp and training.offload == "nvme":
        return _("FSDP offloads to RAM only: --offload parameters; to a disk it is --zero 3 --offload nvme")
    if training.weights_away and training.zero != 3 and not training.fsdp:
        return _("offload of {offload} needs ZeRO-3", offload=training.offload)
    if not training.pin_memory and (training.offload not in ("optimizer", "parameters") or training.fsdp):
        return _(
            "--no-pin-memory is for what DeepSpeed offloads to RAM: --zero 3 --offload parameters, or leave it out"
        )
    if training.segments and not can_grow(training):
        return _(
            "--expandable-segments is modeled for full fine-tuning that GPUs divide by ZeRO or FSDP without offload; leave it out"
        )
    if training.method == "qlora" and training.zero == 3:
        return _("bitsandbytes' 4-bit weights cannot be divided by ZeRO-3; use ZeRO 2 or FSDP")
    if training.trainer == "unsloth" and (training.zero or training.fsdp):
        return _("Unsloth does not divide a model over GPUs; use ZeRO 0")
    if OPTIMIZERS[training.optimizer].torchao_bits and (training.zero or training.fsdp):
        return _("torchao's AdamW is modeled where each GPU holds its own states; with ZeRO or FSDP use adamw-8bit")
    if training.optimizer == "adamw-8bit" and training.offload != "none":
        return _("8-bit AdamW runs on the GPU only; with offload use adamw")
    return None


def can_grow(training: Training) -> bool:
    """Whether runs stand behind what expandable segments change: all weights trained, divided over GPUs, nothing offloaded."""
    divided = bool(training.zero or training.fsdp) and training.gpus > 1
    return divided and training.method == "full" and training.offload == "none"


def _sequence_refusal(training: Training) -> str | None:
    parallel = training.sequence_parallel
    if parallel == 1:
        return None
    if training.gpus % parallel:
        return _("{gpus} GPUs cannot be divided into groups of {parallel}", gpus=training.gpus, parallel=parallel)
    if training.objective != "sft" or training.trainer not in ("transformers", "trl", "torch", "ms-swift"):
        return _(
            "sequence parallel is modeled for --method sft with transformers, trl and ms-swift; nearest: --trainer trl"
        )
    if training.trainer != "ms-swift" and not training.fsdp and training.zero != 3:
        return _("a divided sequence needs --fsdp (context parallel) or --zero 3 (Ulysses)")
    return None


def _model_refusal(architecture: Architecture, training: Training) -> str | None:
    if (training.train_vision or training.image_tokens) and architecture.vision is None:
        return _("the model has no vision tower")
    if training.audio_seconds and architecture.audio is None:
        return _("the model has no audio tower: leave --audio-seconds out")
    if (sound := audio_tokens(architecture, training.audio_seconds)) > training.seq:
        return _("the sound is {tokens:,} tokens; a sequence has {seq:,} (--seq)", tokens=sound, seq=training.seq)
    if training.image_tokens > training.seq:
        return _(
            "the pictures are {tokens:,} tokens; a sequence has {seq:,} (--seq)",
            tokens=training.image_tokens,
            seq=training.seq,
        )
    if training.image_size is None and (training.images > 1 or training.frames > 1):
        return _("--images and --frames need --image-size")
    if training.method == "full" and training.train_embeddings:
        return _("full fine-tuning trains the embeddings anyway")
    plain = training.objective == "sft" and not (training.zero or training.fsdp)
    of_peft = plain and training.method == "lora" and training.trainer in PEFT
    if training.train_embeddings and not of_peft:
        return _(
            "--train-embeddings is modeled for LoRA that no GPUs divide, with {trainers}; leave it out",
            trainers=", ".join(PEFT),
        )
    if training.dora and (not of_peft or architecture.is_moe or training.train_vision):
        return _(
            "--dora is modeled for LoRA of dense language models that no GPUs divide, with {trainers}; leave it out",
            trainers=", ".join(PEFT),
        )
    if training.precision == PURE and (
        training.trainer != "llama-factory"
        or training.method not in ("full", "freeze")
        or training.zero
        or training.fsdp
    ):
        return _("--precision pure-bf16 is LLaMA-Factory's, for full and freeze tuning on undivided models; use bf16")
    if training.precision == "fp32" and METHODS[training.method].adapts:
        return _("adapters are trained beside 16-bit weights: --precision bf16 or fp16-mixed")
    if training.fla and not any(isinstance(layer, LinearAttention) for layer in architecture.layers):
        return _("flash-linear-attention is for delta nets, and the model has none: leave --fla out")
    if training.layers and training.method != "freeze":
        return _("--layers goes with --train freeze: how many of the last layers are trained")
    if training.method == "freeze" and not (plain and training.trainer in FREEZES and not training.train_vision):
        return _(
            "freeze tuning is modeled for --method sft that no GPUs divide, with {trainers}; nearest: --train lora",
            trainers=", ".join(FREEZES),
        )
    return None
