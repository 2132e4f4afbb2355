"""Fit the constants of data/speed.json to measured runs: `python tools/fit_speed.py --truth DIR [--engines llamacpp mlx] [--write]`.

Every (engine, device class) with enough rows gets its own constants, and a few are common to all; they are fitted in turns. A run with layers or
experts in RAM counts for the CPU's class, since those of its GPU are known from runs that lie on it. Each fit is a robust least-squares fit of
log(predicted / measured), pulled towards the defaults by a prior, so that a class with few rows stays near them. Rows weigh less the more of them
share a table, a device, a model and a format; self-reported rows weigh half, and those whose RAM is assumed half of that.

The range of a class is that of rows whose source was left out of the fit (whose model, where one source has most of its rows). It is no narrower than
sources differ from each other over all classes, and no wider than WIDEST: where rows scatter more, it is the range of that width that holds most of
them, and data/speed.json says which share that is. Where that is less than KNOWN of them, rows without their source say nothing of the side on which
the next one will lie, and the range lies around the estimate. Needs numpy and scipy.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.speed import scored
from benchmarks.speed_scorers.runs import Run, catalog, predict

from qwenpick.catalog.read import data_directory
from qwenpick.runtimes.flags import read_flags
from qwenpick.speed import efficiency
from qwenpick.speed.constants import WIDEST, Common, Decode, LeftOut, Prefill, Spread
from qwenpick.speed.decode import step_on, token_seconds
from qwenpick.speed.efficiency import EAGER, KIN
from qwenpick.speed.estimate import prepared, spreads
from qwenpick.speed.measured import FILE, SCHEMA, measured, schema_text
from qwenpick.speed.prefill import prompt_seconds, reading_on

Key = tuple[str, Any]
Rows = list[tuple[str, Run]]
Left = tuple[Run, str, float, float]  # run, source, log(predicted / measured) when left out, weight
ENOUGH = 2  # rows below which a class keeps the constants of its neighbours
ROUNDS = 3
PRIOR = 0.6  # standard deviation of log(constant / default), for the first turn
FAMILY_PRIOR = 0.4  # of log(constant / mean of its family), after it: engines of one kind on devices of one maker
AROUND = 0.1  # log: the estimate itself lies at least so far inside its range
NOISE = 0.12  # of log(predicted / measured) of one row
LOWEST, HIGHEST = 1e-9, 0.95  # shares stay below 1: a peak is never reached
HELD = 0.85  # the share of rows that a range holds at least: a tenth of what people report is another build, another model or a slip
KNOWN = 0.8
LOCAL = ("llamacpp", "mlx")
FREE = {"token", "layer", "linear", "moe", "scan", "unpack", "half", "further"}  # constants that are no shares
# Where the common default is not the place to start from: a CPU's cores keep up with its RAM, and Apple's kernels run the columns one by one
CENTRE = {
    "cpu": {"token": 3e-4, "layer": 3e-5, "moe": 6e-5, "weights": 0.75, "experts": 0.6, "cache": 0.6, "unpack": 0.5, "further": 0.4},
    "apple": {"further": 0.6},
    "apple-m5": {"further": 0.4},
}  # fmt: skip


def main() -> None:
    """Fit, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument(
        "--engines", nargs="*", help="only these, and what is common to all stays as it is; default: all"
    )
    parser.add_argument("--classes", nargs="*", help="only these device classes; the others stay as they are")
    parser.add_argument("--write", action="store_true", help="write data/speed.json")
    parser.add_argument(
        "--together",
        action="store_true",
        help="only how well servers under load are told, with and without their table",
    )
    arguments = parser.parse_args()
    rows: dict[Key, Rows] = defaultdict(list)
    for table, run, _unused in scored(arguments.truth)[0]:
        engine, kind = key_of(run)
        if engine in (arguments.engines or [engine]) and kind in (arguments.classes or [kind]):
            rows[engine, kind].append((table, run))
    if arguments.together:
        together(rows)
        return
    rows = fitted(rows)
    for turn in range(ROUNDS):
        for key, own in rows.items():
            install(key, fit(key, own))
        if not arguments.engines and not arguments.classes:
            fit_common([item for own in rows.values() for item in own])
        CENTRES.update(family_means(rows))
        print(f"turn {turn + 1}: median |error| {median_error(rows):.2%}", flush=True)
    left = {key: report(key, own) for key, own in rows.items()}
    least = between_sources(left.values()) if not arguments.classes else math.log(1.47)  # what all classes gave last
    print(f"sources differ from each other by {math.expm1(least):.0%}")
    for key, found in left.items():
        for table, reading in ((measured().decode_spread, False), (measured().prefill_spread, True)):
            chosen = [one for one in found if (one[0].quantity == "prefill") == reading and not one[0].drafts]
            if len(chosen) >= 2 * ENOUGH:
                table[key] = spread(chosen, least)
    local = [one for key, found in left.items() if key[0] in LOCAL for one in found]
    for quantity in ("decode", "prefill"):
        errors = [abs(math.expm1(one[2])) for one in local if one[0].quantity == quantity and not one[0].drafts]
        if errors and not arguments.classes:
            worse = float(np.quantile(errors, 0.9))
            measured().left_out[quantity] = LeftOut(len(errors), float(np.median(errors)), worse)
            print(f"{quantity} without their sources: {measured().left_out[quantity]}")
    speculating = [one for found in left.values() for one in found if one[0].drafts]
    if len(speculating) >= ENOUGH and not arguments.classes:
        measured().mtp_spread = spread(speculating, least)
    if arguments.write:
        write()


def fitted(rows: Mapping[Key, Rows]) -> dict[Key, Rows]:
    """The classes with rows enough for constants of their own."""
    return {key: own for key, own in sorted(rows.items()) if len(own) >= ENOUGH and of_its_own(key, own)}


def together(rows: Mapping[Key, Rows]) -> None:
    """Print the error of the rows of servers under load, as the constants are and where their whole table is left out of every class in turn."""
    loaded = [item for own in rows.values() for item in own if item[1].quantity == "together"]
    print(f"{len(loaded)} rows: {shown_errors(residuals(loaded))}")
    whole = {key: constants(key) for key in fitted(rows)}
    errors: list[float] = []
    for table in sorted({table for table, _unused in loaded}):
        part = fitted({key: [item for item in own if item[0] != table] for key, own in rows.items()})
        for key in whole.keys() - part.keys():
            del measured().decode[key], measured().prefill[key]
        CENTRES.clear()
        for _turn in range(ROUNDS):
            for key, own in part.items():
                install(key, fit(key, own))
            CENTRES.update(family_means(part))
        found = residuals([item for item in loaded if item[0] == table])
        errors += found
        print(f"without {table}, {len(found)} rows: {shown_errors(found)}", flush=True)
        for key, values in whole.items():
            install(key, values)
    print(f"left out: {shown_errors(errors)}")


def of_its_own(key: Key, own: Rows) -> bool:
    """Whether a class says more of its engine than of one model: an engine with another's kernels keeps that one's constants otherwise."""
    return key[0] not in KIN or len({run.model for _unused, run in own}) > 1


def key_of(run: Run) -> Key:
    """(engine, device class) of a run: the CPU's where anything lies in RAM."""
    load, _unused, parts = what_runs(run)
    kinds = [stage.place.kind for stage in parts]
    return "llamacpp" if run.engine == "ollama" else load.engine, "cpu" if "cpu" in kinds else kinds[0]


def median_error(rows: Mapping[Key, Rows]) -> float:
    """The median |error| over all rows."""
    return float(np.median([abs(math.expm1(e)) for own in rows.values() for e in residuals(own)]))


def report(key: Key, own: Rows) -> list[Left]:
    """Print one class. Returns each row as it is predicted when its source, or its model, is left out."""
    sources = [source_of(item) for item in own]
    models = [run.model for _unused, run in own]
    print(
        f"{key[0]:12} {key[1]:15} {len(own):5} rows of {len(set(sources))} sources: {shown_errors(residuals(own))}",
        end="",
    )
    by_source = left_out(key, own, sources) if len(set(sources)) > 1 else None
    by_model = left_out(key, own, models) if len(set(models)) > 1 else None
    for what, errors in (("sources", by_source), ("models", by_model)):
        print(f"; {what} left out: {shown_errors(errors)}" if errors else "", end="")
    print(flush=True)
    counts = Counter(sources)
    one_source = len(counts) < 4 or max(counts.values()) > 0.6 * len(own)
    errors = (by_model or by_source if one_source else by_source or by_model) or residuals(own)
    return [
        (run, source, e, w) for (_unused, run), source, e, w in zip(own, sources, errors, weights(own), strict=True)
    ]


def shown_errors(errors: Sequence[float]) -> str:
    """The median and the 90th percentile of |error|."""
    absolute = np.abs(np.expm1(errors))
    return f"median {np.median(absolute):5.1%} p90 {np.quantile(absolute, 0.9):6.1%}"


def source_of(item: tuple[str, Run]) -> str:
    """Who measured a row: as the table says, else one person a device."""
    table, run = item
    return run.source or f"{table} {run.device}"


def between_sources(classes: Iterable[list[Left]]) -> float:
    """By how much (log) the sources of a class differ from their middle, in HELD of all sources."""
    apart: list[float] = []
    for left in classes:
        by_source: dict[tuple[str, bool], list[float]] = defaultdict(list)
        for run, source, error, _unused in left:
            by_source[source, run.quantity == "prefill"].append(error)
        for reading in (False, True):
            means = [float(np.median(errors)) for (_unused, kind), errors in by_source.items() if kind == reading]
            if len(means) >= ENOUGH:
                apart += [abs(mean - float(np.median(means))) for mean in means]
    return float(np.quantile(apart, HELD)) if apart else 0.0


def spread(left: Sequence[Left], least: float) -> Spread:
    """The narrowest range of measured / predicted that holds HELD of the rows, and their median by `least` to both sides; at most WIDEST wide.

    The rows of a source together weigh as the root of their number: what counts is what the next source will see.
    """
    rows = Counter(source for _run, source, _error, _weight in left)
    points = sorted((-error, rows[source] ** -0.5) for _run, source, error, _weight in left)
    whole = sum(weight for _unused, weight in points)
    low, high = window(points, HELD * whole)
    median = quantile(points, 0.5)
    low, high = min(low, median - least, -AROUND), max(high, median + least, AROUND)
    widest = math.log(WIDEST)
    if high - low > widest:
        starts = [AROUND - widest, -AROUND, *(p for p, _unused in points if AROUND - widest <= p <= -AROUND)]
        low = max(starts, key=lambda s: (weight_within(points, s, s + widest), -abs(s + widest / 2 - median)))
        high = low + widest
        if weight_within(points, low, high) < KNOWN * whole:
            low, high = -widest / 2, widest / 2
    held = weight_within(points, low, high) / whole
    own, without = [run for run, *_unused in left], [error for _run, _source, error, _weight in left]
    return Spread(
        math.exp(low), math.exp(high), len(points), len(rows), held,
        error=float(np.median(np.abs(np.expm1(residuals([("", run) for run in own]))))),
        left_out=float(np.median(np.abs(np.expm1(without)))),
    )  # fmt: skip


def quantile(points: Sequence[tuple[float, float]], share: float) -> float:
    """The quantile of sorted (value, weight) points."""
    whole, passed = sum(weight for _unused, weight in points), 0.0
    for value, weight in points:
        passed += weight
        if passed >= share * whole:
            return value
    return points[-1][0]


def window(points: Sequence[tuple[float, float]], weight: float) -> tuple[float, float]:
    """The narrowest range of sorted (value, weight) that holds so much weight."""
    best, held, first = (points[0][0], points[-1][0]), 0.0, 0
    for value, own in points:
        held += own
        while held - points[first][1] >= weight:
            held -= points[first][1]
            first += 1
        if held >= weight and value - points[first][0] < best[1] - best[0]:
            best = points[first][0], value
    return best


def weight_within(points: Sequence[tuple[float, float]], low: float, high: float) -> float:
    """The weight of the points from low to high."""
    return sum(weight for value, weight in points if low - 1e-9 <= value <= high + 1e-9)


def left_out(key: Key, own: Rows, groups: Sequence[str]) -> list[float]:
    """log(predicted / measured) of each row by constants fitted without the rows of its group."""
    whole, result = constants(key), [0.0] * len(own)
    for group in set(groups):
        install(key, fit(key, [item for item, g in zip(own, groups, strict=True) if g != group]))
        inside = [i for i, g in enumerate(groups) if g == group]
        for i, error in zip(inside, residuals([own[i] for i in inside]), strict=True):
            result[i] = error
        install(key, whole)
    return result


def constants(key: Key) -> tuple[Decode, Prefill]:
    """The constants in force."""
    return efficiency.decode_constants(*key), efficiency.prefill_constants(*key)


def install(key: Key, values: tuple[Decode, Prefill]) -> None:
    """Put constants in force."""
    measured().decode[key], measured().prefill[key] = values
    forget()


def forget() -> None:
    """What was worked out with other constants no longer stands."""
    for kept in (
        efficiency.decode_constants,
        efficiency.prefill_constants,
        efficiency.unpack_operations,
        step_on,
        reading_on,
        spreads,
    ):
        kept.cache_clear()


PREPARED: dict[int, tuple[Run, Any]] = {}


def what_runs(run: Run) -> Any:
    """(load, flags, stages) of a row, worked out once."""
    if id(run) not in PREPARED:
        flags = read_flags(run.engine, run.work.options)
        found = prepared(
            run.architecture, run.checkpoint, run.engine, run.work, run.placement, run.machine, catalog().gpus, flags
        )
        PREPARED[id(run)] = run, found
    return PREPARED[id(run)][1]


def residuals(own: Rows) -> list[float]:
    """log(predicted / measured) of each row."""
    return [math.log(predicted(run) / run.measured) for _unused, run in own]


def predicted(run: Run) -> float:
    """The figure of a row as the constants in force have it, without a range."""
    if run.quantity not in ("decode", "prefill"):
        band = predict(run)
        assert band is not None
        return band.value
    load, flags, parts = what_runs(run)
    if run.quantity == "prefill":
        prompt = max(1, run.prompt)
        return prompt / prompt_seconds(load, prompt, run.cached, flags.chunk, parts)
    depth = run.cached + run.prompt + run.generated // 2
    return 1 / token_seconds(load, depth, 1, flags.drafts if run.architecture.mtp_layers else 0, parts)


def weights(own: Rows) -> list[float]:
    """The weight of each row: rows of one group (table, device, model, format, quantity) together weigh as the root of their number."""
    groups = [(t, r.device, r.model, r.checkpoint.format, r.quantity) for t, r in own]
    counts = Counter(groups)
    return [counts[g] ** -0.5 * trust(run) for g, (_unused, run) in zip(groups, own, strict=True)]


def trust(run: Run) -> float:
    """1 for a table of measurements, half for what people report, half of that where their RAM is assumed."""
    assumed = run.machine.origin == "simulated" and (run.placement.cpu_moe_layers or not run.placement.devices)
    return (0.5 if run.self_reported else 1.0) * (0.5 if assumed else 1.0)


def solve(
    own: Rows,
    start: Sequence[float],
    centre: Sequence[float],
    shares: Sequence[bool],
    apply: Callable[[list[float]], None],
    pull: float = PRIOR,
) -> list[float]:
    """The constants that minimize the robust weighted error plus the pull of the centre; `shares` stay between 0 and HIGHEST."""
    high = np.log([HIGHEST if share else 10.0 for share in shares])
    low = np.full(len(high), math.log(LOWEST))
    target = np.clip(np.log(centre), low + 1e-3, high - 1e-3)
    root = np.sqrt(weights(own))

    def cost(x: Any) -> Any:
        apply([float(y) for y in np.exp(x)])
        errors = np.array(residuals(own)) / NOISE
        # soft L1 by hand, so that the prior stays quadratic
        robust = np.sign(errors) * np.sqrt(2 * (np.sqrt(1 + errors**2) - 1))
        return np.concatenate([root * robust, (x - target) / pull])

    first = np.clip(np.log(start), low + 1e-3, high - 1e-3)
    solution = least_squares(cost, first, bounds=(low, high), max_nfev=20, x_scale=0.5, diff_step=0.02)
    return [float(y) for y in np.exp(solution.x)]


def family(key: Key) -> tuple[str, str]:
    """The engines and devices that a class learns from."""
    engine, kind = key
    makers = {
        "apple": ("apple", "apple-m5"),
        "amd": ("rdna", "rdna-vulkan", "cdna", "amd-apu", "amd-apu-vulkan"),
        "intel": ("arc", "arc-vulkan", "arc-xe2", "arc-xe2-vulkan"),
        "cpu": ("cpu",),
        "other": ("ascend", "other"),
    }
    return engine if engine == "vllm-v0" else KIN.get(engine, engine), next(
        (maker for maker, kinds in makers.items() if kind in kinds), "nvidia"
    )


def family_means(rows: Mapping[Key, Rows]) -> dict[tuple[str, str], list[float]]:
    """The geometric mean of each family's constants, each class weighted by the root of its rows."""
    logs: dict[tuple[str, str], list[tuple[float, Any]]] = defaultdict(list)
    for key, own in rows.items():
        logs[family(key)].append((len(own) ** 0.5, np.log(flat(constants(key)))))
    return {
        name: [float(x) for x in np.exp(np.average([v for _, v in group], axis=0, weights=[w for w, _ in group]))]
        for name, group in logs.items()
    }


def flat(values: tuple[Decode, Prefill]) -> list[float]:
    """Both tables' constants in one list."""
    return [*astuple(values[0]), *astuple(values[1])]


CENTRES: dict[tuple[str, str], list[float]] = {}


def fit(key: Key, own: Rows) -> tuple[Decode, Prefill]:
    """The constants of one class."""
    own_centre = {"layer": 7e-4} if key[0] in EAGER else CENTRE.get(key[1], {})
    default = replace(measured().default_decode, **own_centre)
    centre, pull = CENTRES.get(family(key)), FAMILY_PRIOR
    if centre is None or key[1] in CENTRE:
        centre, pull = flat((default, measured().default_prefill)), PRIOR
    shares = [f.name not in FREE for f in (*fields(Decode), *fields(Prefill))]
    cut = len(fields(Decode))

    def both(values: list[float]) -> tuple[Decode, Prefill]:
        return Decode(*values[:cut]), Prefill(*values[cut:])

    return both(solve(own, flat(constants(key)), centre, shares, lambda values: install(key, both(values)), pull))


def fit_common(own: Rows) -> None:
    """Fit what is common to all classes, and put it in force."""
    now = measured()
    cut, names, formats = len(fields(Common)), list(now.unpack), list(now.format_share)
    start = [*astuple(now.common), *now.unpack.values(), *now.format_share.values()]
    shares = [f.name == "accepted" for f in fields(Common)] + [False] * len(names) + [True] * len(formats)

    def apply(values: list[float]) -> None:
        now.common = Common(*values[:cut])
        now.unpack.update(zip(names, values[cut:], strict=False))
        now.format_share.update(zip(formats, values[cut + len(names) :], strict=True))
        forget()

    apply(solve(own, start, START, shares, apply))


# The middle that each of these is pulled to: what the kernels' instructions suggest
COMMON_CENTRE = Common(0.75, 8e-6, 25e-6, 3.5, 450e-6, 2.0)
UNPACK_CENTRE = {
    "Q2": 19, "Q3": 24, "IQ1": 24, "IQ2": 24, "IQ3": 24, "IQ4": 14, "Q4_K": 14, "Q4": 8, "MXFP4": 14, "Q5": 12, "Q6": 18, "Q8": 8,
}  # fmt: skip
FORMAT_CENTRE = {"fp8": 0.9, "gptq-int8": 0.9, "int8": 0.9, "gptq-int4": 0.8, "awq-int4": 0.8, "nvfp4": 0.8}
START = [*astuple(COMMON_CENTRE), *UNPACK_CENTRE.values(), *FORMAT_CENTRE.values()]


def write() -> None:
    """Write data/speed.json."""
    now = measured()
    content: dict[str, Any] = {
        "note": "written by python tools/fit_speed.py --truth DIR --write (docs/speed.md); fields: src/qwenpick/speed/constants.py",
        "common": shown(now.common),
        "unpack": {name: digits(value) for name, value in now.unpack.items()},
        "format_share": {name: digits(value) for name, value in now.format_share.items()},
        "host": now.host,
        "default": {
            "decode": shown(now.default_decode),
            "prefill": shown(now.default_prefill),
            "decode_spread": shown(now.default_decode_spread),
            "prefill_spread": shown(now.default_prefill_spread),
        },
        "mtp_spread": shown(now.mtp_spread),
    }
    tables: dict[str, Mapping[Key, Any]] = {
        "decode": now.decode, "prefill": now.prefill, "decode_spread": now.decode_spread, "prefill_spread": now.prefill_spread,
    }  # fmt: skip
    for name, table in tables.items():
        content[name] = {}
        for (engine, device), value in sorted(table.items()):
            content[name].setdefault(engine, {})[device] = shown(value)
    content["left_out"] = {quantity: shown(figures) for quantity, figures in now.left_out.items()}
    (data_directory() / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (data_directory() / SCHEMA).write_text(schema_text(), encoding="utf-8")


def shown(value: Any) -> dict[str, float]:
    """A dataclass of figures with three digits."""
    return {name: digits(figure) for name, figure in asdict(value).items()}


def digits(value: float) -> float:
    """Three digits; whole numbers as they are."""
    return value if isinstance(value, int) else float(f"{value:.3g}")


if __name__ == "__main__":
    main()
