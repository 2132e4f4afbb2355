"""The options that commands share; `parsed` turns them into values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qwenpick.cli.common import completion
from qwenpick.i18n import use
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS


def for_programs(value: bool | str) -> bool | str:
    """What a program reads is in English, whatever the language of the person: --json and --format json or csv switch to it first."""
    if value is True or value in ("json", "csv"):
        use("en")
    return value


def _gpus(ctx: typer.Context, param: typer.CallbackParam, value: list[str] | None) -> list[str] | None:
    """The GPUs; those of an environment variable are parted by commas, since names have spaces."""
    source = ctx.get_parameter_source(param.name or "")
    said = param.resolve_envvar_value(ctx) if source is not None and source.name == "ENVIRONMENT" else None
    return [name.strip() for name in said.split(",")] if said else value


Json = Annotated[bool, typer.Option("--json", callback=for_programs, help="Print the versioned JSON envelope.")]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        callback=for_programs,
        help="table, markdown, csv or json.",
        autocompletion=completion.choices("table", "markdown", "csv", "json"),
    ),
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Also write one self-contained page with charts.")
]
Catalogs = Annotated[
    list[Path] | None,
    typer.Option("--catalog", metavar="FILE", help="Add your own catalog file (repeatable)."),
]
MachineFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--machine", metavar="FILE", help="A machine saved by `qwenpick machine --save`; - is standard input."
    ),
]
Gpus = Annotated[
    list[str] | None,
    typer.Option(
        "--gpu",
        metavar="NAME",
        help='Plan for this GPU instead of this machine\'s: "rtx 4090", "2x l40s", "rtx 3060 12gb".',
        callback=_gpus,
        autocompletion=completion.gpu_names,
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--gpu",
        metavar="NAME",
        help='Only this kind of GPU, as many as are needed: "rtx 4090", "rtx 3060 12gb".',
        callback=_gpus,
        autocompletion=completion.gpu_names,
    ),
]
Vram = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Memory of the GPU, e.g. 24GiB (without --gpu: an unnamed GPU).")
]
Ram = Annotated[str | None, typer.Option(metavar="SIZE", help="RAM of that machine, e.g. 64GiB.")]
Reserve = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory to leave free on each GPU that drives a display (600MiB, 1.2GiB on Windows, none on servers); 0 plans without.",
    ),
]
System = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The system of that machine: linux, windows or mac.",
        autocompletion=completion.choices("linux", "windows", "mac"),
    ),
]
Nodes = Annotated[
    int,
    typer.Option("--nodes", metavar="N", min=1, max=1024, help="Number of equal machines, joined by --link."),
]
LinkName = Annotated[
    str | None,
    typer.Option(
        "--link",
        metavar="LINK",
        help="What joins the nodes: 25GB/s, nvlink, ib400, eth25.",
        autocompletion=completion.choices("nvlink", "ib400", "ib200", "eth100", "eth25", "25GB/s"),
    ),
]
RamBandwidth = Annotated[
    str | None,
    typer.Option(
        "--ram-bandwidth",
        metavar="RATE",
        help="Bandwidth of the RAM, e.g. 89.6GB/s: it decides how fast layers and experts in RAM run.",
    ),
]
CpuOnly = Annotated[bool, typer.Option("--cpu-only", help="Use no GPU.")]
Context = Annotated[str | None, typer.Option(metavar="TOKENS", help="Tokens per sequence: 32k, 32768, 128K.")]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="What it is for: chat, coding, coding-agent, vision, rag-embedding, …",
        autocompletion=completion.task_names,
    ),
]
Users = Annotated[
    int, typer.Option("--users", "--sequences", min=1, max=MOST_SEQUENCES, help="Users (sequences) at once.")
]
Quant = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="4bit, 8bit, fp16, max, or a format: Q4_K_M, awq-int4, fp8, nf4, …",
        autocompletion=completion.quants,
    ),
]
RuntimeName = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="llama.cpp, ollama, vllm, sglang, transformers, mlx or lmstudio.",
        autocompletion=completion.runtime_names,
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--kv-cache",
        metavar="TYPE",
        help="f16, fp8, q8_0, q4_0, or K and V apart: q8_0/q4_0.",
        autocompletion=completion.caches,
    ),
]
ModelName = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help="A name (words too: qwen 3 8b), repository or Ollama tag (Qwen/Qwen3-8B, qwen3:8b), or a path to a .gguf file or a directory.",
        autocompletion=completion.model_names,
    ),
]


def one_name(words: list[str]) -> str:
    """The name that several words are: `qwenpick fit qwen 3 8b`."""
    return " ".join(words)


Online = Annotated[bool, typer.Option("--online", help="Ask the hub about a repository that the catalog lacks.")]
GpuOnly = Annotated[bool, typer.Option("--gpu-only", help="Do not put experts or layers in RAM.")]
Strict = Annotated[bool, typer.Option("--strict", help="Tight (inside the estimate's error) counts as no.")]
ImageTokens = Annotated[
    int | None,
    typer.Option(
        "--image-tokens",
        metavar="N",
        min=0,
        max=MOST_TOKENS,
        help="Image tokens of one request, 0 for text only (a picture for vision models); with --train those of a sequence.",
    ),
]
AudioSeconds = Annotated[
    float | None,
    typer.Option(
        "--audio-seconds",
        metavar="N",
        min=0,
        max=86400,
        help="Seconds of sound of one request, 0 for none (30 for audio models); with --train those of a sequence.",
    ),
]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        help="An option of the engine by its own name, e.g. -o gpu_memory_utilization=0.8.",
    ),
]
Prefer = Annotated[
    str | None,
    typer.Option(
        metavar="WHAT", help="balanced, quality, speed, context or small.", autocompletion=completion.preferences
    ),
]
Thinking = Annotated[
    str | None,
    typer.Option(
        metavar="yes|no|either",
        help="Must it think before it answers?",
        autocompletion=completion.choices("yes", "no", "either"),
    ),
]
MinSpeed = Annotated[
    float | None, typer.Option(metavar="TOK/S", min=0, max=1e9, help="Tokens/s that each user must get.")
]
MaxDisk = Annotated[str | None, typer.Option(metavar="SIZE", help="Largest download, e.g. 20GB.")]
Installed = Annotated[bool, typer.Option("--installed", help="Only engines that are installed on this machine.")]
