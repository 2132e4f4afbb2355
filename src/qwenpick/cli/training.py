"""The options of a fine-tuning run, which fit, plan and launch share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS, parse_tokens
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fine-tuning run that was asked for. `every_method` asks for QLoRA, LoRA and full side by side."""

    training: Training
    every_method: bool
    dataset_tokens: int | None


# fmt: off
@dataclass(frozen=True, slots=True)
class Tuning:
    """What the options of a run say."""

    train: Annotated[str | None, typer.Option(metavar="METHOD", help="Fine-tune instead: full, lora, qlora, or all three side by side.")] = None
    seq: Annotated[str | None, typer.Option("--seq", metavar="TOKENS", help="Tokens per training sequence (2048).")] = None
    batch: Annotated[int, typer.Option("--batch", min=1, max=MOST_SEQUENCES, help="Sequences per GPU at a time.")] = 1
    grad_accum: Annotated[int, typer.Option("--grad-accum", min=1, max=MOST_SEQUENCES, help="Batches before each optimizer step.")] = 1
    rank: Annotated[int, typer.Option("--rank", min=1, max=65_536, help="Rank of the adapters.")] = 16
    target: Annotated[str, typer.Option("--target", metavar="WHAT", help="What adapters are put on: all-linear or attention.")] = "all-linear"
    optimizer: Annotated[str, typer.Option("--optimizer", metavar="NAME", help="adamw, adamw-8bit, paged-adamw-8bit, adafactor or sgd.")] = "adamw"
    precision: Annotated[str, typer.Option("--precision", metavar="NAME", help="bf16, fp16-mixed or fp32.")] = "bf16"
    no_checkpointing: Annotated[bool, typer.Option("--no-checkpointing", help="Keep all activations: faster, far larger.")] = False
    zero: Annotated[int, typer.Option("--zero", min=0, max=3, help="DeepSpeed's ZeRO stage.")] = 0
    offload: Annotated[str, typer.Option("--offload", metavar="WHAT", help="What ZeRO keeps in RAM: none, optimizer or parameters.")] = "none"
    fsdp: Annotated[bool, typer.Option("--fsdp", help="Shard with PyTorch's FSDP.")] = False
    chunked_loss: Annotated[bool, typer.Option("--chunked-loss", "--liger", help="Never hold the logits of all tokens (Liger and the like).")] = False
    attn: Annotated[str, typer.Option("--attn", metavar="NAME", help="flash, sdpa or eager.")] = "sdpa"
    gpus: Annotated[int, typer.Option("--gpus", min=1, max=1024, help="GPUs that share the run.")] = 1
    trainer: Annotated[str, typer.Option("--trainer", metavar="NAME", help="trl, transformers, llama-factory, ms-swift, unsloth or torch.")] = "trl"
    train_vision: Annotated[bool, typer.Option("--train-vision", help="Train the vision tower too.")] = False
    image_tokens: Annotated[int, typer.Option("--image-tokens", min=0, max=MOST_TOKENS, help="Image tokens among those of a sequence.")] = 0
    dataset_tokens: Annotated[str | None, typer.Option(metavar="TOKENS", help="Tokens of the data set, for hours per epoch.")] = None
    # fmt: on

    def read(self) -> Wanted | None:
        """The run that the options mean; None without --train. Raises QwenpickError for a word that means nothing."""
        if self.train is None:
            return None
        from qwenpick.training.checks import METHODS, check

        every = self.train.casefold() == "all"
        training = Training(
            method=METHODS[0] if every else self.train.casefold(),
            seq=parse_tokens(self.seq) if self.seq else 2048,
            batch=self.batch,
            grad_accum=self.grad_accum,
            rank=self.rank,
            target=self.target,
            optimizer=self.optimizer,
            precision=self.precision,
            checkpointing=not self.no_checkpointing,
            zero=self.zero,
            offload=self.offload,
            fsdp=self.fsdp,
            chunked_loss=self.chunked_loss,
            attention=self.attn,
            gpus=self.gpus,
            trainer=self.trainer,
            train_vision=self.train_vision,
            image_tokens=self.image_tokens or 0,
        )
        check(training)
        return Wanted(training, every, parse_tokens(self.dataset_tokens) if self.dataset_tokens else None)


SERVED = Tuning()  # nothing said: no fine-tuning
