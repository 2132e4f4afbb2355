"""What `-h` of a command shows: options by what they are about, what to type for the commonest questions, environment variables in a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qwenpick.i18n import N_, _

GROUPS: dict[str, tuple[str, ...]] = {  # what an option is about -> the parameters; all others stand first, as "Options"
    N_("Which machine"): (
        *("machine", "gpu", "vram", "ram", "ram_bandwidth", "cpu_only", "reserve", "system", "nodes", "link"),
        *("cluster", "total", "measure"),
    ),
    N_("Fine-tuning"): (
        *("train", "method", "trainer", "seq", "batch", "grad_accum", "rank", "target", "optimizer", "precision"),
        *("no_checkpointing", "zero", "offload", "fsdp", "chunked_loss", "attn", "gpus", "reference", "mini_batch"),
        *("sequence_parallel", "train_vision", "train_embeddings", "dora", "fla", "layers", "trainer_version"),
        *("image_size", "images", "frames", "dataset_tokens", "samples", "epochs", "average_seq", "packing"),
    ),
    N_("Output"): ("format", "json", "html", "explain", "limit", "save", "write", "force", "junit", "github", "help"),
    N_("Catalogue"): ("catalog", "online", "use_corrections"),
}  # fmt: skip
EXAMPLES: dict[str, tuple[str, ...]] = {
    "recommend": (
        "qwenpick recommend --task coding",
        'qwenpick recommend --gpu "rtx 4090" --ram 64GB --users 4',
        "qwenpick recommend --task rag-embedding --commercial --limit 3",
    ),
    "fit": (
        "qwenpick fit qwen3-8b",
        'qwenpick fit qwen3-8b --quant 4bit --context 32k --gpu "rtx 3060" --ram 32GB --explain',
        'qwenpick fit qwen3-8b --train qlora --seq 2048 --gpu "rtx 4090" --ram 64GB',
    ),
    "plan": (
        "qwenpick plan qwen3-8b --budget 500",
        "qwenpick plan qwen3.8-27b --budget 1500 --used",
        "qwenpick plan qwen3-32b --cloud",
        'qwenpick plan qwen3-8b --train lora --gpu "rtx 4090"',
    ),
    "compare": (
        "qwenpick compare qwen3-8b qwen3-14b",
        'qwenpick compare "rtx 3060" "rtx 5090" --task coding',
        "qwenpick compare --upgrade --budget 1000",
        'qwenpick compare "rtx 3060" "rtx 4090" --model qwen3-8b',
    ),
    "replace": (
        "qwenpick replace qwen2.5-7b-instruct",
        'qwenpick replace qwen2.5-7b-instruct --gpu "rtx 3060"',
    ),
    "launch": (
        "qwenpick launch qwen3-8b",
        'qwenpick launch qwen3-8b --runtime vllm --docker --gpu "l40s" --ram 64GB',
        'qwenpick launch qwen3-8b --gpu "2x l40s" --ram 256GB --kubernetes --write start',
    ),
    "scan": ("qwenpick scan", "qwenpick scan ~/models --task coding"),
    "check": ("qwenpick check", "qwenpick check qwenpick.yaml --format junit --output report.xml"),
    "verify": ("qwenpick verify qwen3-8b --log vllm.log",),
    "machine": ("qwenpick machine", "qwenpick machine --save box.json"),
    "doctor": ("qwenpick doctor",),
    "models": ("qwenpick models --current", "qwenpick models qwen3-8b"),
    "gpus": ("qwenpick gpus", 'qwenpick gpus "rtx 4090"'),
    "schema": ("qwenpick schema fit",),
}


def arrange(command: Any) -> None:
    """Let the help of `command` (Typer's) and of its subcommands be as above."""
    command.format_usage = lambda ctx, formatter: formatter.write_usage(
        ctx.command_path, " ".join(usage(command, ctx)), prefix=_("Usage: ")
    )
    for parameter in command.params:
        parameter.show_envvar = False
        if getattr(parameter, "min", None) is not None or getattr(parameter, "max", None) is not None:
            parameter.metavar = parameter.metavar or "N"
            parameter.min = parameter.max = None  # bounds are said when they are broken
    if subcommands := getattr(command, "commands", None):
        for one in subcommands.values():
            arrange(one)
        return
    command.format_options = lambda ctx, formatter: _options(command, ctx, formatter)


def usage(command: Any, ctx: Any) -> list[str]:
    """`[OPTIONS] MODEL`: without the braces and dots that say that words are joined."""
    pieces = (
        piece.replace("...", "").replace("[[", "[").replace("]]", "]") for piece in command.collect_usage_pieces(ctx)
    )
    return [piece.replace("{", "").replace("}", "") for piece in pieces]


def _options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write arguments, the groups of options that the command has, its examples, and the environment variables."""
    about = {name: title for title, names in GROUPS.items() for name in names}
    found: dict[str, list[tuple[str, str]]] = {
        N_("Arguments"): [],
        N_("Options"): [],
        **{title: [] for title in GROUPS},
    }
    for parameter in command.get_params(ctx):
        if (record := parameter.get_help_record(ctx)) is None:
            continue
        if parameter.param_type_name == "argument":
            found["Arguments"].append((parameter.metavar or record[0], record[1]))
        else:
            found[about.get(parameter.name, "Options")].append(record)
    for title, records in found.items():
        if records:
            with formatter.section(_(title)):
                formatter.write_dl(records)
    _lines(formatter, _("Examples"), EXAMPLES.get(ctx.command_path.partition(" ")[2], ()))
    prefix = ctx.auto_envvar_prefix
    if prefix and found["Options"]:
        names = [name for option in command.params for name in option.opts if name.startswith("--")]
        name = "--json" if "--json" in names else names[0]
        formatter.write_paragraph()
        formatter.write_text(
            _(
                "Every option can come from the environment too, {option} for example from {name}.",
                option=name,
                name=f"{prefix}_{name[2:].replace('-', '_').upper()}",
            )
        )


def _lines(formatter: Any, title: str, lines: Sequence[str]) -> None:
    """Lines as they stand, to be copied: never folded."""
    if lines:
        with formatter.section(title):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
