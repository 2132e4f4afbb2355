"""Does `recommend` say what people who measured say? Scores the picks of a table of recommendations against the first places of our own list.

    python benchmarks/picks.py --truth DIR [--json] [--rows]

Reads expert_picks.csv: a box (gpu, vram_gb, ram_gb, unified), a task, a context, constraints, the models recommended, or warned of, and how far to
trust the row. Every row becomes one call of `recommend`; the words of the columns are read by `picks_reading`. Rows are left out by class only.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from qwenpick.catalog import Catalog, load
from qwenpick.errors import QwenpickError
from qwenpick.recommending.answer import Recommendation, recommend

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import picks_agreement
from benchmarks import picks_reading as reading

FIRST = 3  # an expected model must be among these
WARNED = 5  # a model that a row warns of must not be among these


@dataclass(frozen=True)
class Verdict:
    """What came of one row. `hits` of the `expected` models were among the first; for a warning `passed` says that none was."""

    id: str
    polarity: str
    trusted: bool
    asked: str
    expected: tuple[str, ...]
    hits: tuple[str, ...]
    got: tuple[str, ...]
    passed: bool


def judge(row: dict[str, str], catalog: Catalog, alike: list[picks_agreement.Agreement] | None = None) -> Verdict | str:
    """The verdict on one row, or the class of reasons for leaving it out; how it is run beside ours is added to `alike`."""
    if row["polarity"] not in ("pick", "avoid"):
        return "information only, no recommendation"
    if row["polarity"] == "pick" and not row["status"].startswith("current") and not row["current_equivalent"]:
        return "superseded, and no current equivalent named"
    named = (
        row["recommended_models"]
        if row["polarity"] == "avoid"
        else row["current_equivalent"] or row["recommended_models"]
    )
    expected = reading.models(named, catalog)
    if not expected:
        return "names no model of the catalogue"
    machine = reading.machine(row, catalog)
    if isinstance(machine, str):
        return machine
    request = reading.request(row)
    if alike is not None and (found := picks_agreement.agreement(row, expected, machine, catalog)):
        alike.append(found)
    answer = recommend(catalog, machine, request, limit=WARNED, details=False)
    asked = f"{row['gpu']} | {request.task} | {request.prefer}" + (f" | {request.context}" if request.context else "")
    return _avoid(row, expected, answer, asked) if row["polarity"] == "avoid" else _pick(row, expected, answer, asked)


def _got(answer: Recommendation, places: int) -> tuple[str, ...]:
    return tuple(f"{pick.plan.model.id} {pick.plan.checkpoint.format}" for pick in answer.picks[:places])


def _pick(row: dict[str, str], expected: dict[str, frozenset[str]], answer: Recommendation, asked: str) -> Verdict:
    first = {pick.plan.model.id for pick in answer.picks[:FIRST]}
    hits = tuple(name for name, ids in expected.items() if ids & first)
    return Verdict(
        row["id"], "pick", reading.trusted(row), asked, tuple(expected), hits, _got(answer, FIRST), bool(hits)
    )


def _avoid(row: dict[str, str], expected: dict[str, frozenset[str]], answer: Recommendation, asked: str) -> Verdict:
    """A warning names a model, and often the format or engine that made it bad: what is warned of is all of it together."""
    bad = [
        pick for pick in answer.picks
        if any(pick.plan.model.id in ids for ids in expected.values()) and reading.as_warned(row, pick.plan)
    ]  # fmt: skip
    hits = tuple(pick.plan.model.id for pick in bad)
    return Verdict(
        row["id"], "avoid", reading.trusted(row), asked, tuple(expected), hits, _got(answer, WARNED), not bad
    )


def verdicts(
    path: Path, catalog: Catalog, left_out: Counter[str], alike: list[picks_agreement.Agreement]
) -> Iterator[Verdict]:
    """The verdict on every row that can be asked; counts the others by class."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                found = judge(row, catalog, alike)
            except QwenpickError as error:
                found = f"cannot be asked: {error}"
            if isinstance(found, str):
                left_out[found] += 1
            else:
                yield found


def figures(rows: list[Verdict]) -> dict[str, object]:
    """Shares of rows with at least one expected model among the first, and of expected models, and the warnings kept."""
    picks = [row for row in rows if row.polarity == "pick"]
    trusted = [row for row in picks if row.trusted]
    warnings = [row for row in rows if row.polarity == "avoid"]
    return {
        "picks": len(picks),
        "picks_met": _share(sum(row.passed for row in picks), len(picks)),
        "trusted_picks": len(trusted),
        "trusted_picks_met": _share(sum(row.passed for row in trusted), len(trusted)),
        "trusted_models_met": _share(sum(len(row.hits) for row in trusted), sum(len(row.expected) for row in trusted)),
        "warnings": len(warnings),
        "warnings_kept": _share(sum(row.passed for row in warnings), len(warnings)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def main() -> None:
    """Print the figures, the rows that differ, and what was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="the directory that expert_picks.csv lies in")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", action="store_true", help="print every row, not only those that differ")
    options = parser.parse_args()
    left_out: Counter[str] = Counter()
    alike: list[picks_agreement.Agreement] = []
    rows = list(verdicts(options.truth / "expert_picks.csv", load(), left_out, alike))
    scored = figures(rows) | picks_agreement.shares(alike)
    if options.json:
        print(
            json.dumps({"figures": scored, "left_out": dict(left_out), "rows": [asdict(row) for row in rows]}, indent=1)
        )
        return
    for row in rows:
        if options.rows or not row.passed:
            sign = "ok  " if row.passed else "MISS"
            print(f"{sign} {row.id} {'' if row.trusted else '(not trusted) '}{row.polarity} {row.asked}")
            print(f"       wanted {', '.join(row.expected)}; got {', '.join(row.got)}")
    for line in picks_agreement.differing(alike):
        print(line)
    for name, value in scored.items():
        print(f"{name:20} {value:.1%}" if isinstance(value, float) else f"{name:20} {value}")
    for reason, count in left_out.most_common():
        print(f"left out {count:3}: {reason}")


if __name__ == "__main__":
    main()
