"""The options of a fine-tuning run, which fit, plan and launch share: `@trains` adds them to a command and hands it a `Wanted`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from qwenpick.units import parse_tokens
from qwenpick.workload import Training

_TEXT, _COUNT, _FLAG = str | None, int, bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fine-tuning run that was asked for. `every_method` asks for QLoRA, LoRA and full side by side."""

    training: Training
    every_method: bool
    dataset_tokens: int | None


def _option(kind: Any, default: object, *names: str, **about: Any) -> tuple[Any, object]:
    return Annotated[kind, typer.Option(*names, **about)], default


_OPTIONS: dict[str, tuple[Any, object]] = {
    "train": _option(_TEXT, None, "--train", metavar="METHOD", help="Fine-tune instead: full, lora, qlora, or all three side by side."),
    "seq": _option(_TEXT, None, "--seq", metavar="TOKENS", help="Tokens per training sequence (2048)."),
    "batch": _option(_COUNT, 1, "--batch", min=1, help="Sequences per GPU at a time."),
    "grad_accum": _option(_COUNT, 1, "--grad-accum", min=1, help="Batches before each optimizer step."),
    "rank": _option(_COUNT, 16, "--rank", min=1, help="Rank of the adapters."),
    "target": _option(str, "all-linear", "--target", metavar="WHAT", help="What adapters are put on: all-linear or attention."),
    "optimizer": _option(str, "adamw", "--optimizer", metavar="NAME", help="adamw, adamw-8bit, paged-adamw-8bit, adafactor or sgd."),
    "precision": _option(str, "bf16", "--precision", metavar="NAME", help="bf16, fp16-mixed or fp32."),
    "no_checkpointing": _option(_FLAG, False, "--no-checkpointing", help="Keep all activations: faster, far larger."),
    "zero": _option(_COUNT, 0, "--zero", min=0, max=3, help="DeepSpeed's ZeRO stage."),
    "offload": _option(str, "none", "--offload", metavar="WHAT", help="What ZeRO keeps in RAM: none, optimizer or parameters."),
    "fsdp": _option(_FLAG, False, "--fsdp", help="Shard with PyTorch's FSDP."),
    "chunked_loss": _option(_FLAG, False, "--chunked-loss", "--liger", help="Never hold the logits of all tokens (Liger and the like)."),
    "attn": _option(str, "sdpa", "--attn", metavar="NAME", help="flash, sdpa or eager."),
    "gpus": _option(_COUNT, 1, "--gpus", min=1, help="GPUs that share the run."),
    "trainer": _option(str, "trl", "--trainer", metavar="NAME", help="trl, transformers, llama-factory, ms-swift, unsloth or torch."),
    "train_vision": _option(_FLAG, False, "--train-vision", help="Train the vision tower too."),
    "image_tokens": _option(_COUNT, 0, "--image-tokens", min=0, help="Image tokens among those of a sequence."),
    "dataset_tokens": _option(_TEXT, None, "--dataset-tokens", metavar="TOKENS", help="Tokens of the data set, for hours per epoch."),
}  # fmt: skip


def trains(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of a run; it takes them as one keyword, `tuning: Wanted | None`."""
    own = inspect.signature(command, eval_str=True, globals={**command.__globals__, "Wanted": Wanted})
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
        if name not in own.parameters
    ]
    passed = {parameter.name for parameter in own.parameters.values()}

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        command(**{name: value for name, value in values.items() if name in passed}, tuning=_read(values))

    kept = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "tuning"]
    wrapper.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in [*kept, *added]} | {"return": None}
    del wrapper.__wrapped__  # or signatures would be read from below
    return wrapper


def _read(values: dict[str, Any]) -> Wanted | None:
    """The run that the options mean; None without --train. Raises QwenpickError for a word that means nothing."""
    if values["train"] is None:
        return None
    from qwenpick.training.checks import METHODS, check

    every = values["train"].casefold() == "all"
    training = Training(
        method=METHODS[0] if every else values["train"].casefold(),
        seq=parse_tokens(values["seq"]) if values["seq"] else 2048,
        batch=values["batch"],
        grad_accum=values["grad_accum"],
        rank=values["rank"],
        target=values["target"],
        optimizer=values["optimizer"],
        precision=values["precision"],
        checkpointing=not values["no_checkpointing"],
        zero=values["zero"],
        offload=values["offload"],
        fsdp=values["fsdp"],
        chunked_loss=values["chunked_loss"],
        attention=values["attn"],
        gpus=values["gpus"],
        trainer=values["trainer"],
        train_vision=values["train_vision"],
        image_tokens=values["image_tokens"] or 0,
    )
    check(training)
    return Wanted(training, every, parse_tokens(values["dataset_tokens"]) if values["dataset_tokens"] else None)
