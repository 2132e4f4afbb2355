"""The first picks of version 0.1 beside today's on the same boxes, both planned, timed and scored by today's arithmetic: a table for docs/ranking.md.

    python benchmarks/before.py [--truth DIR] [--markdown]

measured/first_picks_0_1.csv is what `recommend` of 0.1.0 (3bba475) put first: model, format and engine. --truth is taken as other benchmarks
take it, and not read.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from qwenpick.catalog import Catalog, load
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.answer import Recommender
from qwenpick.recommending.choose import choose
from qwenpick.recommending.rank import Ranked
from qwenpick.recommending.request import Request
from qwenpick.runtimes import find_runtime
from qwenpick.units import GIB

TABLE = Path(__file__).parent / "measured" / "first_picks_0_1.csv"


def both(row: dict[str, str], catalog: Catalog) -> tuple[Ranked | None, Ranked]:
    """(0.1's first pick as it is planned today, None where it no longer holds; today's first pick)."""
    ram = int(row["ram_gib"]) * GIB if row["ram_gib"] else None
    machine = simulate(catalog, [row["gpu"]] if row["gpu"] else [], None, ram, not row["gpu"])
    request = Request(task=row["task"], quant=row["format"], runtime=row["runtime"])
    old = choose(catalog, [catalog.models[row["model"]]], machine, request)
    return old[0] if old else None, Recommender(catalog, Request(task=row["task"])).rank(machine, 1)[0]


def told(pick: Ranked | None) -> str:
    """Model, format, engine; quality, tokens/s and points, and whether anybody publishes the file."""
    if pick is None:
        return "does not hold"
    plan, speed = pick.plan, pick.plan.speed
    pace = f"{speed.each.value:.0f} tokens/s" if speed else "speed not known"
    file = "" if plan.file else ", nobody publishes it"
    way = f"{plan.model.name}, {plan.checkpoint.shown}, {find_runtime(plan.runtime).TITLE}"
    return f"{way}: {pick.quality.value:.0f}, {pace}, {pick.score:.1f}{file}"


def main() -> None:
    """Print the table and how many picks are no worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, help="as other benchmarks take it")
    parser.add_argument("--markdown", action="store_true", help="the only form")
    parser.parse_args()
    catalog = load(own=False)
    lines, no_worse, count = [], 0, 0
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            old, new = both(row, catalog)
            count += 1
            no_worse += old is None or new.score >= old.score - 1e-6
            box = (row["gpu"] or "no GPU") + (f", {row['ram_gib']} GiB" if row["ram_gib"] else "")
            lines.append(f"| {box} | {row['task']} | {told(old)} | {told(new)} |\n")
    sys.stdout.write(f"{no_worse} of {count} first picks are worth as many points as 0.1's, or more.\n\n")
    sys.stdout.write("| box | task | 0.1 | now |\n|---|---|---|---|\n" + "".join(lines))


if __name__ == "__main__":
    main()
