"""field_inference.csv: public reports, each as the command that asks the same question. The plan is the command's own."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import number
from benchmarks.speed_scorers.runs import Reader, Run, catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import parse_cache
from qwenpick.readers import resolve
from qwenpick.recommending.request import Request
from qwenpick.runtimes import find_runtime
from qwenpick.units import parse_memory

UNITS = {"tok/s": "decode", "tok/s prefill": "prefill"}


@dataclass(slots=True)
class Words:
    """A command as it was typed: the model, what each option says, and -o pairs."""

    model: str = ""
    options: dict[str, str] = field(default_factory=dict)
    gpus: list[str] = field(default_factory=list)
    flags: dict[str, object] = field(default_factory=dict)


def read_command(command: str) -> Words:
    """The words of `qwenpick fit MODEL --option value -o name=value --cpu-only`."""
    found = Words()
    words = iter(shlex.split(command)[2:])
    for word in words:
        if word == "--gpu":
            found.gpus.append(next(words))
        elif word == "-o":
            name, _unused, value = next(words).partition("=")
            found.flags[name] = value
        elif word in ("--cpu-only", "--gpu-only"):
            found.options[word] = ""
        elif word.startswith("--"):
            found.options[word] = next(words)
        else:
            found.model = f"{found.model} {word}".strip()
    return found


def field_rows(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """Generation and prompt speeds; a report's context is the one that was filled."""
    for row in rows:
        quantity = UNITS.get(row["unit"])
        if quantity is None:
            continue
        asked = read_command(row["command"])
        if row["source"] == "ggml-org/llama.cpp#19480" and "next" in asked.model:
            yield Skip(
                "llamacpp",
                "the thread reports the figure as a fault of the engine: a fifth of what the RAM gives",
                row["id"],
            )
            continue
        engine = find_runtime(asked.options["--runtime"]).NAME
        if engine not in ("llamacpp", "ollama", "mlx"):
            continue
        try:
            yield _run(row, asked, engine, "decode" if quantity == "decode" else "prefill")
        except QwenpickError as error:
            yield Skip(engine, str(error), row["id"])


def _run(row: Row, asked: Words, engine: str, quantity: str) -> Run:
    options = asked.options
    sizes = [parse_memory(options[name]) if name in options else None for name in ("--vram", "--ram")]
    box = simulate(catalog(), asked.gpus, sizes[0], sizes[1], "--cpu-only" in options)
    found = resolve(asked.model, catalog(), options.get("--quant"), runtime=engine)
    cache = parse_cache(options["--kv-cache"]) if "--kv-cache" in options else None
    filled = int(options["--context"])
    request = Request(
        quant=found.quant,
        context=filled,
        users=int(options.get("--sequences", 1)),
        runtime=engine,
        kv_cache=cache,
        options=asked.flags,
    )
    plan = fit(catalog(), box, found.model, request).plan
    reading = quantity == "prefill"
    return Run(
        f"{row['id']} {row['command'][13:]}", engine, "prefill" if reading else "decode", number(row["real_value"]), plan.architecture,
        plan.checkpoint, plan.work, plan.placement, box, prompt=filled if reading else 0, cached=0 if reading else filled,
        device=(box.devices[0].gpu if box.devices else None) or "cpu", model=plan.model.id, self_reported=True,
        source=row["source"].split("#")[0].split("@")[0].removesuffix(" README"),
    )  # fmt: skip


TABLES: dict[str, Reader] = {"field_inference.csv": field_rows, "reports_local.csv": field_rows}
