# ruff: noqa: E501
"""The options of a fine-tuning run, which fit, plan and launch share."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS, parse_amount, parse_tokens
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

if TYPE_CHECKING:
    from qwenpick.catalog import Model


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A fine-tuning run that was asked for. `every_method` asks for QLoRA, LoRA and full side by side."""

    training: Training
    every_method: bool
    dataset_tokens: int | None
    objective: str | None = None
    trainer: str | None = None

    def of(self, model: Model) -> TrainingRequest:
        """The same for this model: what it is made for where no --method says it, and the trainer that has it. QwenpickError for odd words."""
        from qwenpick.training.checks import check
        from qwenpick.training.objectives import OBJECTIVES, learns, own_objective

        own = own_objective(model, self.trainer)
        objective = self.objective or own
        learns(model, objective)
        known = OBJECTIVES.get(objective)
        trainer = self.trainer or (known.trainers[0] if known and known.trainers else "trl")
        training = replace(self.training, objective=objective, trainer=trainer)
        check(training)
        return replace(self, training=training)


MOST_PIXELS = 100_000  # of a side


# fmt: off
@dataclass(frozen=True, slots=True)
class Tuning:
    """What the options of a run say."""

    train: Annotated[str | None, typer.Option(metavar="METHOD", help="Fine-tune instead: full, lora, qlora, freeze, or all: the first three side by side.", autocompletion=completion.methods)] = None
    seq: Annotated[str | None, typer.Option("--seq", metavar="TOKENS", help="Tokens per training sequence (2048).")] = None
    batch: Annotated[int, typer.Option("--batch", min=1, max=MOST_SEQUENCES, help="Sequences per GPU at a time.")] = 1
    grad_accum: Annotated[int, typer.Option("--grad-accum", min=1, max=MOST_SEQUENCES, help="Batches before each optimizer step.")] = 1
    rank: Annotated[int | None, typer.Option("--rank", min=1, max=65_536, help="Rank of the adapters (16).")] = None
    target: Annotated[str | None, typer.Option("--target", metavar="WHAT", help="What adapters are put on: all-linear (usual), attention, or names: q_proj,v_proj.", autocompletion=completion.choices("all-linear", "attention"))] = None
    optimizer: Annotated[str, typer.Option("--optimizer", metavar="NAME", help="adamw, adamw-fused, adamw-8bit, paged-adamw-8bit, torchao-adamw-8bit, torchao-adamw-4bit, adafactor or sgd.", autocompletion=completion.optimizers)] = "adamw"
    precision: Annotated[str, typer.Option("--precision", metavar="NAME", help="bf16, pure-bf16 (LLaMA-Factory), fp16-mixed or fp32.", autocompletion=completion.choices("bf16", "pure-bf16", "fp16-mixed", "fp32"))] = "bf16"
    no_checkpointing: Annotated[bool, typer.Option("--no-checkpointing", help="Keep all activations: faster, but much more memory.")] = False
    zero: Annotated[int, typer.Option("--zero", min=0, max=3, help="DeepSpeed's ZeRO stage.")] = 0
    offload: Annotated[str, typer.Option("--offload", metavar="WHAT", help="What ZeRO or FSDP keeps in RAM: none, optimizer or parameters; nvme: both on a disk.", autocompletion=completion.choices("none", "optimizer", "parameters", "nvme"))] = "none"
    no_pin_memory: Annotated[bool, typer.Option("--no-pin-memory", help="What DeepSpeed offloads is not pinned: less RAM, slower.")] = False
    fsdp: Annotated[bool, typer.Option("--fsdp", help="Shard with PyTorch's FSDP.")] = False
    expandable_segments: Annotated[bool, typer.Option("--expandable-segments", help="Full fine-tuning that GPUs share: start with PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, as launch does then.")] = False
    chunked_loss: Annotated[bool, typer.Option("--chunked-loss", "--liger", help="Never hold the logits of all tokens (Liger and the like).")] = False
    attn: Annotated[str, typer.Option("--attn", metavar="NAME", help="flash, sdpa or eager.", autocompletion=completion.choices("flash", "sdpa", "eager"))] = "sdpa"
    gpus: Annotated[int, typer.Option("--gpus", min=1, max=1024, help="GPUs that share the run.")] = 1
    trainer: Annotated[str | None, typer.Option("--trainer", metavar="NAME", help="trl, transformers, llama-factory, ms-swift, sentence-transformers, unsloth or torch (trl).", autocompletion=completion.trainers)] = None
    trainer_version: Annotated[str | None, typer.Option("--trainer-version", metavar="VERSION", help="Its release, where older ones need other memory (the newest).")] = None
    method: Annotated[str | None, typer.Option("--method", metavar="NAME", help="What for: sft, dpo, orpo, kto, grpo, reward, embedding or rerank (as the model is made for, else sft).", autocompletion=completion.objectives)] = None
    reference: Annotated[bool | None, typer.Option("--reference/--no-reference", help="Keep a frozen copy of the model for comparison (DPO, KTO: yes; GRPO: no).")] = None
    mini_batch: Annotated[int | None, typer.Option("--mini-batch", min=1, max=MOST_SEQUENCES, help="Embeddings: cached negatives, in batches of this many pairs.")] = None
    sequence_parallel: Annotated[int, typer.Option("--sequence-parallel", min=1, max=1024, help="GPUs that share one sequence: Ulysses with --zero 3, context parallel with --fsdp.")] = 1
    train_vision: Annotated[bool, typer.Option("--train-vision", help="Train the vision tower too.")] = False
    train_embeddings: Annotated[bool, typer.Option("--train-embeddings", help="Train embeddings and lm_head whole, beside LoRA.")] = False
    dora: Annotated[bool, typer.Option("--dora", help="LoRA with magnitudes (DoRA).")] = False
    fla: Annotated[bool, typer.Option("--fla", help="Delta nets with flash-linear-attention, not plain PyTorch.")] = False
    layers: Annotated[int | None, typer.Option("--layers", min=1, max=1024, help="Freeze tuning: how many of the last layers are trained (2).")] = None
    image_tokens: Annotated[int, typer.Option("--image-tokens", min=0, max=MOST_TOKENS, help="Image tokens among those of a sequence.")] = 0
    audio_seconds: Annotated[float, typer.Option("--audio-seconds", metavar="N", min=0, max=86400, help="Seconds of sound among those of a sequence.")] = 0
    image_size: Annotated[str | None, typer.Option("--image-size", metavar="WxH", help="Pixels of the data's pictures, in place of --image-tokens.")] = None
    images: Annotated[int, typer.Option("--images", min=1, max=MOST_SEQUENCES, help="Pictures (or videos) of a sequence.")] = 1
    frames: Annotated[int, typer.Option("--frames", min=1, max=MOST_SEQUENCES, help="Frames of each video that are read.")] = 1
    dataset_tokens: Annotated[str | None, typer.Option(metavar="TOKENS", help="Tokens of the data set, for hours per epoch.")] = None
    samples: Annotated[str | None, typer.Option("--samples", metavar="N", help="Sequences of the data set (20k), in place of --dataset-tokens.")] = None
    epochs: Annotated[int, typer.Option("--epochs", min=1, max=10_000, help="Passes over the data.")] = 1
    average_seq: Annotated[str | None, typer.Option("--average-seq", metavar="TOKENS", help="Average tokens per sequence, where --seq is the limit.")] = None
    packing: Annotated[bool, typer.Option("--packing", help="Pack several samples into every sequence: no padding.")] = False
    # fmt: on

    def read(self, *, served: bool = True) -> TrainingRequest | None:
        """The run that the options mean; None without --train. `served` says whether pictures and sound mean something then.

        Raises QwenpickError for a word that means nothing.
        """
        if self.train is None:
            self._refuse_alone(("image_tokens", "audio_seconds") if served else ())
            return None
        self._refuse_idle()
        from qwenpick.training.checks import check
        from qwenpick.training.objectives import OBJECTIVES

        said = self.train.casefold()
        if said in OBJECTIVES:
            raise QwenpickError(_("--train says what is trained, --method what for: --train lora --method {method}", method=said))
        every = said == "all"
        named_alike = {one.name: getattr(self, one.name) for one in fields(Training) if hasattr(self, one.name)}
        training = Training(**named_alike | {
            "method": "full" if every else "lora" if said == "dora" else said,
            "objective": self.method.casefold() if self.method else "sft",
            "trainer": self.trainer or "trl",
            "seq": parse_tokens(self.seq) if self.seq else 2048,
            "average_seq": parse_tokens(self.average_seq) if self.average_seq else None,
            "rank": self.rank or 16,
            "target": self.target or "all-linear",
            "dora": self.dora or said == "dora",
            "attention": self.attn,
            "checkpointing": not self.no_checkpointing,
            "pin_memory": not self.no_pin_memory,
            "segments": self.expandable_segments,
            "image_tokens": self.image_tokens or 0,
            "audio_seconds": self.audio_seconds or 0,
            "image_size": self._pixels(),
        })  # fmt: skip
        check(training)
        return TrainingRequest(training, every, self._tokens(training), training.objective if self.method else None, self.trainer)

    def _refuse_alone(self, served: tuple[str, ...]) -> None:
        """QwenpickError for an option of a run that trains where nothing is trained, but for what is `served`."""
        for one in fields(self):
            if one.name not in served and getattr(self, one.name) != one.default:
                option = "--" + one.name.replace("_", "-")
                raise QwenpickError(_("{option} is for fine-tuning; add --train lora, or leave it out", option=option))

    def _refuse_idle(self) -> None:
        """QwenpickError for options that would change nothing."""
        from qwenpick.training.methods import METHODS

        method = METHODS.get((self.train or "").casefold())
        whole = method is not None and not method.adapts
        for option, given in (("--rank", self.rank), ("--target", self.target)):
            if whole and given is not None:
                raise QwenpickError(_("{option} is for adapters: --train lora or qlora", option=option))
        if self.epochs > 1 and not (self.dataset_tokens or self.samples):
            raise QwenpickError(_("--epochs needs --dataset-tokens or --samples"))

    def _pixels(self) -> tuple[int, int] | None:
        """Width and height of a picture. QwenpickError for other words, and beside --image-tokens."""
        if self.image_size is None:
            return None
        if self.image_tokens:
            raise QwenpickError(_("--image-size and --image-tokens say the same; give one"))
        sides = self.image_size.casefold().replace("\u00d7", "x").split("x")
        if len(sides) != 2 or not all(side.isascii() and side.isdigit() and 0 < int(side) <= MOST_PIXELS for side in sides):
            raise QwenpickError(_("--image-size is width x height in pixels, such as 1280x720, not '{given}'", given=self.image_size))
        return int(sides[0]), int(sides[1])

    def _tokens(self, training: Training) -> int | None:
        """Tokens that are trained on, padding too: of all epochs."""
        if self.dataset_tokens and self.samples:
            raise QwenpickError(_("--dataset-tokens and --samples say the same; give one"))
        if self.samples:
            return parse_amount(self.samples) * (training.average_seq or training.seq) * self.epochs
        return parse_amount(self.dataset_tokens) * self.epochs if self.dataset_tokens else None


def serving_only(**given: object) -> None:
    """QwenpickError for options of serving that were given with --train; named as they are typed, with what says it for a run."""
    instead = {"context": "--seq", "sequences": "--batch", "users": "--batch"}
    for name, value in given.items():
        if value is not True and value in (None, 1, False, (), []):
            continue
        option = "--" + name.replace("_", "-")
        if name in instead:
            raise QwenpickError(_("{option} is for serving; with --train use {instead}", option=option, instead=instead[name]))
        raise QwenpickError(_("{option} is for serving; leave it out with --train", option=option))


def trains_in(quant: str | None, wanted: TrainingRequest) -> None:
    """QwenpickError for a precision in words that the run does not have: QLoRA holds weights in 4 bits, every other method in 16."""
    from qwenpick.planning.checkpoints import family

    method = wanted.training.method
    own = "4bit" if method == "qlora" else "fp16"
    said = family(quant) if quant else None
    if said and said != own and not wanted.every_method:
        raise QwenpickError(
            _("--train {method} holds the weights in {own}, not in {quant}: leave out --quant", method=method, own=own, quant=quant)
        )


SERVED = Tuning()  # nothing said: no fine-tuning
