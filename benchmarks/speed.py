"""Predicted tokens/s against real runs: `python benchmarks/speed.py --truth DIR [--json | --markdown]`.

Every reader under benchmarks/speed_scorers/ turns the rows of one table into runs; the figures are those of the memory scoreboard, and the share of
rows that the printed band holds.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import statistics
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import speed_scorers
from benchmarks.scoreboard import Skip, percentile, read
from benchmarks.speed_scorers.runs import Reader, Run, predict
from qwenpick.speed import Band


def tables() -> dict[str, Reader]:
    """Table file name -> reader, of every module in benchmarks/speed_scorers/ that has tables."""
    found: dict[str, Reader] = {}
    for module in pkgutil.iter_modules(speed_scorers.__path__):
        found.update(getattr(import_module(f"benchmarks.speed_scorers.{module.name}"), "TABLES", {}))
    return dict(sorted(found.items()))


def scored(truth: Path, only: str | None = None) -> tuple[list[tuple[str, Run, Band]], list[tuple[str, Skip]]]:
    """(table, run, predicted band) of every row that is scored, and (table, skip) of the others."""
    runs: list[tuple[str, Run, Band]] = []
    skips: list[tuple[str, Skip]] = []
    for table, reader in tables().items():
        if only and only not in table:
            continue
        for item in reader(read(truth, table)):
            if isinstance(item, Skip):
                skips.append((table, item))
            elif band := predict(item):
                runs.append((table, item, band))
            else:
                skips.append((table, Skip(item.engine, "the bandwidth of a place is not known", item.row)))
    return runs, skips


def figures(rows: Iterable[tuple[Run, Band]]) -> dict[str, float]:
    """Rows, median and 90th percentile of |error|, bias (median signed error), and the share inside the band."""
    pairs = list(rows)
    errors = [_error(run, band) for run, band in pairs]
    absolute = sorted(map(abs, errors))
    return {
        "rows": len(pairs),
        "median": statistics.median(absolute),
        "p90": percentile(absolute, 90),
        "bias": statistics.median(errors),
        "in_band": sum(band.contains(run.measured) for run, band in pairs) / len(pairs),
    }


Groups = dict[tuple[str, str, str], list[tuple[Run, Band]]]


def groups(runs: Iterable[tuple[str, Run, Band]]) -> Groups:
    """(table, engine, quantity) -> its rows; and ("all", "all", quantity) -> those of every table."""
    found: Groups = {}
    for table, run, band in runs:
        for key in ((table, run.engine, run.quantity), ("all", "all", run.quantity)):
            found.setdefault(key, []).append((run, band))
    return dict(sorted(found.items(), key=lambda item: (item[0][0] == "all", item[0])))


def main() -> None:
    """Print the scoreboard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True, help="directory with the tables")
    parser.add_argument("--table", help="only tables whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--rows", type=int, default=0, help="also print the N worst rows of each quantity")
    arguments = parser.parse_args()
    runs, skips = scored(arguments.truth, arguments.table)
    reasons = Counter((table, skip.engine, skip.reason) for table, skip in skips)
    if arguments.json:
        print(json.dumps(as_json(groups(runs), reasons), indent=1))
        return
    if arguments.markdown:
        print(as_markdown(groups(runs), reasons))
        return
    for (table, engine, quantity), rows in groups(runs).items():
        f = figures(rows)
        print(
            f"{table:32} {engine:13} {quantity:9} {f['rows']:5} rows  median {f['median']:6.1%}  p90 {f['p90']:7.1%}  bias {f['bias']:+6.1%}"
            f"  in band {f['in_band']:6.1%}"
        )
        for run, band in sorted(rows, key=lambda x: -abs(_error(*x)))[: arguments.rows if table != "all" else 0]:
            predicted = f"{band.value:,.4g} ({band.low:,.4g} to {band.high:,.4g})"
            print(f"      {_error(run, band):+8.1%}  {predicted}, measured {run.measured:,.4g}  {run.row}")
    for (table, engine, reason), count in reasons.items():
        print(f"{table:32} {engine:13} not scored {count:5}: {reason}")


def _error(run: Run, band: Band) -> float:
    return band.value / run.measured - 1


def as_markdown(rows: Groups, reasons: Counter[tuple[str, str, str]]) -> str:
    """The scoreboard as Markdown tables: what was scored, and what was not and why."""
    lines = [
        "| table | engine | quantity | rows | median error | 90 % within | bias | in band |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for (table, engine, quantity), pairs in rows.items():
        f = figures(pairs)
        lines.append(
            f"| {table} | {engine} | {quantity} | {f['rows']} | {f['median']:.1%} | {f['p90']:.1%} | {f['bias']:+.1%} | {f['in_band']:.0%} |"
        )
    lines += ["", "Rows that are not scored:", "", "| table | engine | rows | why |", "|---|---|--:|---|"]
    lines += [f"| {table} | {engine} | {count} | {reason} |" for (table, engine, reason), count in reasons.items()]
    return "\n".join(lines)


def as_json(rows: Groups, reasons: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    """The scoreboard as JSON values."""
    return {
        "scores": [{"table": t, "engine": e, "quantity": q, **figures(pairs)} for (t, e, q), pairs in rows.items()],
        "not_scored": [{"table": t, "engine": e, "reason": r, "rows": n} for (t, e, r), n in reasons.items()],
    }


if __name__ == "__main__":
    main()
