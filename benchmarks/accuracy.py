"""Estimates against real runs: `python benchmarks/accuracy.py --truth DIR [--json] [--check]`.

Every scorer under benchmarks/scorers/ takes the rows of one table and yields what qwenpick predicts beside what was measured.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import scorers
from benchmarks.bands import write
from benchmarks.scoreboard import TOLERANCE, Score, Scorer, Skip, Summary, read, summarize

LIMITS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("limits.json").read_text(encoding="utf-8"))
FIELD = "field_"  # tables of public reports, whose rows are commands


def tables() -> dict[str, Scorer]:
    """Table file name -> scorer, of every module in benchmarks/scorers/."""
    found: dict[str, Scorer] = {}
    for module in pkgutil.iter_modules(scorers.__path__):
        found.update(import_module(f"benchmarks.scorers.{module.name}").TABLES)
    return dict(sorted(found.items()))


def run(
    truth: Path, only: str | None = None
) -> tuple[list[Summary], dict[str, Counter[tuple[str, str]]], list[tuple[str, Score]]]:
    """Summaries, and per table how many rows were left out for which (engine, reason), and every score."""
    summaries: list[Summary] = []
    skipped: dict[str, Counter[tuple[str, str]]] = {}
    everything: list[tuple[str, Score]] = []
    for table, scorer in tables().items():
        if only and only not in table:
            continue
        results = list(scorer(read(truth, table)))
        scores = [r for r in results if isinstance(r, Score)]
        summaries += summarize(table, scores)
        everything += [(table, s) for s in scores]
        skipped[table] = Counter((r.engine, r.reason) for r in results if isinstance(r, Skip))
    return summaries, skipped, everything


def beyond(limits: list[dict[str, Any]], summaries: dict[tuple[str, str, str], Summary]) -> list[str]:
    """What is worse than a limit allows, a sentence each. A limit names a table, engine and quantity, and bounds its `median`, `p95`, `under`
    (the worst under-estimate), or the share that is `right`; each a fraction."""
    found = []
    for limit in limits:
        name = f"{limit['table']} / {limit['engine']} / {limit['quantity']}"
        summary = summaries.get((limit["table"], limit["engine"], limit["quantity"]))
        if summary is None:
            found.append(f"{name}: no row is scored")
            continue
        if summary.median > limit.get("median", summary.median):
            found.append(f"{name}: median {summary.median:.2%}, at most {limit['median']:.2%} asked")
        if summary.p95 > limit.get("p95", summary.p95):
            found.append(f"{name}: 95th percentile {summary.p95:.2%}, at most {limit['p95']:.2%} asked")
        if -summary.worst_under[0] > limit.get("under", 1.0):
            worst, row = summary.worst_under
            found.append(f"{name}: worst under {worst:+.2%} ({row}), at most {limit['under']:.2%} asked")
        if summary.right < limit.get("right", 0.0):
            found.append(f"{name}: right {summary.right:.1%}, at least {limit['right']:.1%} asked")
    return found


def main() -> int:
    """Print the scoreboard; 1 where `--check` finds a limit passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True, help="directory with the tables")
    parser.add_argument("--table", help="only tables whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="as docs/accuracy.md has it")
    parser.add_argument("--field", action="store_true", help="public reports alone, as docs/accuracy.md has them")
    parser.add_argument("--write", action="store_true", help="write data/accuracy.json, the bands that `fit` prints")
    parser.add_argument("--check", action="store_true", help="end with 1 where benchmarks/limits.json is passed")
    parser.add_argument("--rows", type=int, default=0, help="also print the N worst rows of each quantity")
    arguments = parser.parse_args()
    summaries, skipped, scores = run(arguments.truth, arguments.table)
    if arguments.write:
        write(scores, Path(__file__).resolve().parents[1] / "data" / "accuracy.json")
    if arguments.field:
        print(markdown_field(scores))
        return 0
    if arguments.markdown:
        print(markdown(summaries, skipped))
        return 0
    if arguments.json:
        print(json.dumps(as_json(summaries, skipped), indent=1))
    if arguments.check:
        limits = [limit for limit in LIMITS if (arguments.table or "") in limit["table"]]
        passed = beyond(limits, {(s.table, s.engine, s.quantity): s for s in summaries})
        print("\n".join(passed) or f"{len(limits)} limits kept", file=sys.stderr)
        return int(bool(passed))
    if arguments.json:
        return 0
    for s in summaries:
        print(
            f"{s.table:32} {s.engine:13} {s.quantity:26} {s.rows:5} rows  median {s.median:7.2%}  p95 {s.p95:7.2%}  bias {s.bias:+7.2%}"
            f"  under {s.worst_under[0]:+7.2%} ({s.worst_under[1]})  over {s.worst_over[0]:+7.2%} ({s.worst_over[1]})"
        )
        own = [x for t, x in scores if (t, x.engine, x.quantity) == (s.table, s.engine, s.quantity)]
        for x in sorted(own, key=lambda x: -abs(x.error))[: arguments.rows]:
            print(f"      {x.error:+8.2%}  predicted {x.predicted:,.4g}  actual {x.actual:,.4g}  {x.row}")
    for table, reasons in skipped.items():
        for (engine, reason), count in reasons.most_common():
            print(f"{table:32} {engine:13} not scored {count:5}: {reason}")
    return 0


def as_json(summaries: list[Summary], skipped: dict[str, Counter[tuple[str, str]]]) -> dict[str, Any]:
    """The scoreboard as JSON values."""
    return {
        "scores": [
            {
                "table": s.table, "engine": s.engine, "quantity": s.quantity, "count": s.rows, "right": s.right,
               "median": s.median, "p95": s.p95, "bias": s.bias,
                "worst_under": {"error": s.worst_under[0], "row": s.worst_under[1]}, "worst_over": {"error": s.worst_over[0], "row": s.worst_over[1]},
            }
            for s in summaries
        ],
        "not_scored": [
            {"table": table, "engine": engine, "reason": reason, "rows": count}
            for table, reasons in skipped.items()
            for (engine, reason), count in reasons.items()
        ],
    }  # fmt: skip


def markdown(summaries: list[Summary], skipped: dict[str, Counter[tuple[str, str]]]) -> str:
    """The scoreboard as two Markdown tables: scored, and not scored with the reasons."""
    heading = "| table | engine | quantity | rows | median | 95th percentile | bias | worst under | worst over |"
    lines = [heading, "|---|---|---|---:|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {s.table.removesuffix('.csv')} | {s.engine} | {s.quantity} | {s.rows} | {s.median:.2%} | {s.p95:.2%} | {s.bias:+.2%}"
        f" | {s.worst_under[0]:+.2%} | {s.worst_over[0]:+.2%} |"
        for s in summaries
    ]
    lines += ["", "| table | engine | rows not scored | because |", "|---|---|---:|---|"]
    lines += [
        f"| {table.removesuffix('.csv')} | {engine} | {count} | {reason} |"
        for table, reasons in skipped.items()
        for (engine, reason), count in reasons.most_common()
    ]
    return "\n".join(lines)


def markdown_field(scores: list[tuple[str, Score]]) -> str:
    """Public reports by engine and quantity: how many are right (within TOLERANCE; inside the band), near (within four times that), wrong."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for table, score in scores:
        if table.startswith(FIELD) and not score.quantity.startswith("speed ("):
            groups.setdefault((table, score.engine, score.quantity), []).append(abs(score.error))
    lines = ["| table | engine | quantity | rows | right | near | wrong |", "|---|---|---|---:|---:|---:|---:|"]
    for (table, engine, quantity), errors in sorted(groups.items()):
        limit = TOLERANCE.get(quantity, 0.05)
        right, near = sum(e <= limit for e in errors), sum(limit < e <= 4 * limit for e in errors)
        counts = f"{len(errors)} | {right} | {near} | {len(errors) - right - near}"
        lines.append(f"| {table.removesuffix('.csv')} | {engine} | {quantity} | {counts} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
