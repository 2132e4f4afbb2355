"""What to know beside the figures of a run: idle GPUs, experts that stay in 16 bits, sound and pictures as tokens, texts of different lengths."""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture, Checkpoint, Model
from qwenpick.i18n import _
from qwenpick.training import recipe
from qwenpick.training.estimate import KEPT_OF_LOGITS, recipe_of
from qwenpick.training.lora import LINEAR_EXPERTS
from qwenpick.training.loss import loss
from qwenpick.training.past import frozen_kept
from qwenpick.training.qlora import experts_quantized
from qwenpick.training.storage import loading
from qwenpick.training.towers import Kept, audio_tokens, image_bytes, vision_kept
from qwenpick.training.trainers import KEEPS_FROM, habits
from qwenpick.training.unsloth_files import kept, unknown
from qwenpick.units import GIB, format_bytes
from qwenpick.work.serving import Training

# of the longest text's logits, beyond what is allocated: 3.0 to 3.6 after 44 steps of 40 lengths on one GPU, where texts of one length leave 0.25
# (benchmarks/measured/training_lengths_h200_2026_11_29.csv, the Trainer, LoRA and full)
KEPT_OF_LENGTHS = 3.3
WORTH_SAYING = 2 * GIB
TOKENS = 1000


def left_by_lengths(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> int:
    """Bytes that the cache holds beyond the estimate where texts differ in length; torch gives them back before it fails.

    0 where all are of one length (packing), the logits never exist at once, blocks grow in place, or no run stands behind it. Of processes that
    share nothing each is as one alone: not measured; ms-swift's example of two shows 27.5 GiB where texts of one length need 21.
    """
    if training.packing or recipe_of(training) not in ("single", "ddp") or training.objective != "sft":
        return 0
    prepared = recipe(training.method).prepare(architecture, training, checkpoint)
    one = loss(architecture, training, prepared, training.tokens)
    return 0 if one.chunked else round((KEPT_OF_LENGTHS - KEPT_OF_LOGITS) * one.logits)


def notes_on(
    model: Model, architecture: Architecture, training: Training, checkpoint: Checkpoint, idle: int
) -> Iterator[str]:
    """Sentences for a run that leaves `idle` GPUs of its machine unused."""
    if idle > 0:
        count = training.gpus + idle
        how = "--zero 3" if training.method == "full" else "--fsdp"
        if training.trainer == "unsloth":
            yield _(
                "{idle} of this machine's {count} GPUs not used: Unsloth trains on one; --trainer trl --gpus {count} {how} divides the run",
                idle=idle,
                count=count,
                how=how,
            )
        else:
            yield _(
                "{idle} of this machine's {count} GPUs not used: --gpus {count} {how} divides the run",
                idle=idle,
                count=count,
                how=how,
            )
    loaded, always = loading(architecture, training)
    if not always:
        yield _(
            "transformers 5 fuses the experts on every GPU's process before ZeRO-3 divides them: {size} of RAM while loading; below 5 "
            "a part of that",
            size=format_bytes(loaded, 0),
        )
    if habits(training).keeps_frozen and (gathered := frozen_kept(architecture, training)) > GIB:
        yield _(
            "DeepSpeed from {version} keeps all frozen layers gathered until the step, up to {size} a GPU; pip install 'deepspeed<{version}' "
            "releases each",
            version=KEEPS_FROM,
            size=format_bytes(gathered),
        )
    if training.objective == "embedding" and training.batch == 1:
        yield _(
            "the other texts of a batch are what a pair is told from: with --batch 1 nothing is learned from pairs alone; --batch 32"
        )
    if training.objective == "rerank" and (texts := training.tokens // (training.batch * training.seq)) > 1:
        yield _(
            "a line of the data is a group of {texts} texts of --seq tokens: one that answers, the others do not",
            texts=texts,
        )
    if architecture.audio:
        yield (
            _(
                "the sound is {tokens:,} tokens of each sequence; speech parts are not trained",
                tokens=audio_tokens(architecture, training.audio_seconds),
            )
            if training.audio_seconds
            else _(
                "speech parts are not trained; --audio-seconds says how much sound a sequence has, for what the audio tower computes"
            )
        )
    if training.image_size is not None:
        yield _("the pictures are {tokens:,} tokens of each sequence", tokens=training.image_tokens)
    if training.image_tokens and not training.train_vision and vision_kept(architecture, training) is Kept.ALL:
        yield _(
            "LLaMA-Factory recomputes trained blocks only: with transformers 5 the frozen tower keeps {size} of each sequence, below 5 nothing",
            size=format_bytes(image_bytes(architecture, training)),
        )
    if training.objective == "grpo":
        yield _(
            "the answers that GRPO generates are not in the speed, and vLLM beside the trainer is not in the memory"
        )
    if training.trainer == "unsloth" and checkpoint.format == "nf4":
        if more := kept(checkpoint.repo):
            yield _(
                "{repo} is planned, as Unsloth loads it: layers of {more:,} million weights stay in 16 bits; --quant nf4 plans without",
                repo=checkpoint.repo,
                more=more // 1_000_000,
            )
        elif unknown(model):
            yield _(
                "Unsloth has a 4-bit file of its own of this model (-unsloth-bnb-4bit), which keeps layers in 16 bits and whose size is not known "
                "here; use_exact_model_name=True, as launch writes it, loads what is planned"
            )
    if training.method == "qlora" and architecture.is_moe:
        if not experts_quantized(architecture, training, checkpoint):
            yield _(
                "the experts stay in 16 bits: bitsandbytes quantizes linear layers, and this model's experts are fused; Unsloth "
                "packs them into 4 bits"
            )
        elif not habits(training).experts_in_4_bits and architecture.model_type in LINEAR_EXPERTS:
            yield _(
                "experts in 4 bits need transformers below 5 (pip install 'transformers<5'): from 5 on they are fused"
            )
    if training.trainer == "ms-swift" and training.objective == "sft" and training.tokens > TOKENS:
        prepared = recipe(training.method).prepare(architecture, training, checkpoint)
        one = loss(architecture, training, prepared, training.tokens)
        # trainers/mixin.py get_use_logits_to_keep, prepare_logits_to_keep
        if not one.chunked and training.sequence_parallel == 1:
            yield _(
                "ms-swift computes logits of labelled tokens alone: {size} less for each thousand tokens of prompts",
                size=format_bytes(one.logits * TOKENS // training.tokens),
            )
    if (more := left_by_lengths(architecture, training, checkpoint)) > WORTH_SAYING:
        yield _(
            "texts of different lengths leave up to {size} more in torch's cache, which nvidia-smi shows and torch gives back before it fails; "
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True avoids that",
            size=format_bytes(more, 0),
        )
