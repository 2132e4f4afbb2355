"""The boxes on which 0.1 answered worst, and what is answered now: a table for docs/ranking.md.

    python benchmarks/answers.py [--truth DIR] [--markdown]

`said` is what 0.1.0 printed, from a comparison with other tools; the rest is asked of the tool as it is. --truth is taken as other benchmarks take
it, and not read.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from qwenpick.catalog import Catalog, find_model, load
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.planning.plan import Plan
from qwenpick.planning.words import speed_of, where
from qwenpick.recommending.answer import Recommender
from qwenpick.recommending.request import Request
from qwenpick.runtimes import find_runtime
from qwenpick.units import GIB, format_gb


@dataclass(frozen=True)
class Case:
    """A box, what is asked on it (a task, or a model), and what 0.1 said."""

    gpus: tuple[str, ...]
    ram: int | None
    asked: Request
    model: str | None
    said: str


CASES = (
    Case(("8x h100",), 1024, Request(task="chat"), None, "Flash-Next, fp8, 7 pipeline stages: cannot start"),
    Case(("4x h100",), 512, Request(quant="fp8", runtime="vllm", context=32768), "qwen3.8-flash-next", "10.09 GiB short"),
    Case(("4x rtx 5090",), 128, Request(quant="nvfp4", runtime="vllm", context=262144), "qwen3.8-flash-next", "5.93 GiB short"),
    Case(("rtx 3060 12gb",), 64, Request(), "qwen3.8-27b", "BF16 fits, at 0.7 tokens/s"),
    Case(("8x h200",), 1024, Request(), "qwen3.5-397b-a17b", "fp8-online, a download of 806.8 GB"),
    Case(("rtx 3090",), 64, Request(), "qwen3.8-27b", "20-41 tokens/s, the file's MTP block unused"),
    Case(("m3 max 64gb",), None, Request(task="coding-agent"), None, "Flash-Next, Q2_K, 46.4 of 48.0 GiB"),
    Case(("m2 16gb",), None, Request(task="chat"), None, "27B, Q3_K_M, half in RAM among the first three"),
    Case(("gtx 1650",), 16, Request(task="chat"), None, "35B-A3B, Q3_K_M, 13.9 of 14.0 GiB"),
    Case((), 16, Request(task="coding-agent"), None, "Qwen3.5-0.8B, as best quality"),
    Case(("rtx 4060 ti 16gb",), 32, Request(task="coding"), "qwen3.8-27b", "Q4_K_S, layers in RAM, 7.0 tokens/s"),
    Case(("strix halo",), None, Request(task="coding"), None, "Flash-Next, Q5_K_S, 125 GB that nobody publishes"),
    Case(("m4 max 64gb",), None, Request(task="chat"), None, "a conversion from 70 GB of 16 bits first"),
    Case(("dgx spark",), None, Request(task="chat"), "qwen3.6-35b-a3b", "llama.cpp, Q5_K_S"),
    Case(("4x rtx 4090",), 256, Request(quant="4bit"), "qwen3-235b-a22b-instruct-2507", "one card used, three idle"),
)  # fmt: skip


def answer(case: Case, catalog: Catalog) -> Plan | None:
    """What is planned now; None where nothing is."""
    machine = simulate(catalog, list(case.gpus), None, case.ram * GIB if case.ram else None, not case.gpus)
    if case.model:
        return fit(catalog, machine, find_model(catalog, case.model), case.asked).plan
    places = Recommender(catalog, case.asked).rank(machine, 1)
    return places[0].plan if places else None


def told(plan: Plan | None) -> str:
    """The plan in a cell: model, format, engine, place, speed, download."""
    if plan is None:
        return "nothing is quick enough"
    way = f"{plan.model.name}, {plan.checkpoint.shown}, {find_runtime(plan.runtime).TITLE}"
    if not plan.holds():
        return f"{way}: {plan.reason}"
    drafts = ", drafting" if plan.speed_without else ""
    size = f", {format_gb(plan.file.bytes)}" if plan.file else ""
    return f"{way}, {where(plan)}, {speed_of(plan.speed, writes=True)}{drafts}{size}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, help="as other benchmarks take it")
    parser.add_argument("--markdown", action="store_true", help="the only form")
    parser.parse_args()
    catalog = load()
    sys.stdout.write("| box | asked | 0.1 | now |\n|---|---|---|---|\n")
    for case in CASES:
        box = " + ".join(case.gpus) or "no GPU"
        asked = case.model or case.asked.task or "chat"
        ram = f", {case.ram} GiB" if case.ram else ""
        sys.stdout.write(f"| {box}{ram} | {asked} | {case.said} | {told(answer(case, catalog))} |\n")


if __name__ == "__main__":
    main()
