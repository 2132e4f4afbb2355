"""Fit the constants of src/qwenpick/speed/measured.py to measured runs: `python tools/fit_speed.py --truth DIR [--write]`.

Every (engine, device class) with enough rows gets its own constants, and a few are common to all; they are fitted in turns. Each fit is a robust
least-squares fit of log(predicted / measured), pulled towards the defaults by a prior, so that a class with few rows stays near them. Rows weigh less
the more of them share a table, a device, a model and a format; self-reported rows weigh half. The spread is that of rows whose model was left out of
the fit. Needs numpy and scipy.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.speed import scored
from benchmarks.speed_scorers.runs import Run, catalog, predict

from qwenpick.runtimes.flags import read_flags
from qwenpick.speed import efficiency, measured
from qwenpick.speed.constants import Common, Decode, Prefill, Spread
from qwenpick.speed.decode import step_on
from qwenpick.speed.efficiency import EAGER, KIN
from qwenpick.speed.estimate import spreads
from qwenpick.speed.prefill import reading_on
from qwenpick.speed.stages import stages

ROOT = Path(__file__).resolve().parents[1]
Key = tuple[str, Any]
Rows = list[tuple[str, Run]]
ENOUGH = 3  # rows below which a class keeps the constants of its neighbours
ROUNDS = 3
PRIOR = 0.6  # standard deviation of log(constant / default), for the first turn
FAMILY_PRIOR = 0.4  # of log(constant / mean of its family), after it: engines of one kind on devices of one maker
NOISE = 0.12  # of log(predicted / measured) of one row
LOWEST, HIGHEST = 1e-9, 0.95  # shares stay below 1: a peak is never reached
WIDEST = Spread(0.35, 2.5)
FREE = {"token", "layer", "linear", "moe", "scan", "unpack", "half"}  # constants that are no shares
MEASURED = ROOT / "src/qwenpick/speed/measured.py"
MARK = "# -- fitted "


def main() -> None:
    """Fit, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="rewrite the fitted part of measured.py")
    arguments = parser.parse_args()
    rows: dict[Key, Rows] = defaultdict(list)
    for table, run, _ in scored(arguments.truth)[0]:
        rows[key_of(run)].append((table, run))
    rows = {key: own for key, own in sorted(rows.items()) if len(own) >= ENOUGH}
    for turn in range(ROUNDS):
        for key, own in rows.items():
            install(key, fit(key, own))
        fit_common([item for own in rows.values() for item in own])
        CENTRES.update(family_means(rows))
        print(f"turn {turn + 1}: median |error| {median_error(rows):.2%}", flush=True)
    left: list[tuple[Run, float, float]] = []
    for key, own in rows.items():
        left += report(key, own)
    speculating = [(error, weight) for run, error, weight in left if run.drafts]
    if len(speculating) >= ENOUGH:
        measured.MTP_SPREAD = spread(speculating)
    if arguments.write:
        write()


def key_of(run: Run) -> Key:
    """(engine, device class) of a run."""
    flags = read_flags(run.engine, run.work.options)
    parts = stages(run.architecture.num_layers, run.placement, run.machine, catalog().gpus, flags.vulkan)
    assert not isinstance(parts, str)
    return "llamacpp" if run.engine == "ollama" else run.engine + flags.generation, parts[0].place.kind


def median_error(rows: Mapping[Key, Rows]) -> float:
    """The median |error| over all rows."""
    return float(np.median([abs(math.expm1(e)) for own in rows.values() for e in residuals(own)]))


def report(key: Key, own: Rows) -> list[tuple[Run, float, float]]:
    """Print one class; set its spreads from rows left out. Returns (run, log error when left out, weight)."""
    absolute = np.abs(np.expm1(residuals(own)))
    errors = left_out(key, own)
    outside = np.abs(np.expm1(errors))
    print(
        f"{key[0]:12} {key[1]:10} {len(own):5} rows: median {np.median(absolute):6.1%} p90 {np.quantile(absolute, 0.9):6.1%};"
        f" models left out: median {np.median(outside):6.1%} p90 {np.quantile(outside, 0.9):6.1%}",
        flush=True,
    )
    result = [(run, error, weight) for (_, run), error, weight in zip(own, errors, weights(own), strict=True)]
    for table, reading in ((measured.DECODE_SPREAD, False), (measured.PREFILL_SPREAD, True)):
        chosen = [(e, w) for run, e, w in result if (run.quantity == "prefill") == reading and not run.drafts]
        if len(chosen) >= 2 * ENOUGH:
            table[key] = spread(chosen)
    return result


def spread(errors: Sequence[tuple[float, float]]) -> Spread:
    """5th and 95th percentile of measured / predicted, from (log(predicted / measured), weight).

    A class of n rows is widened as if by two more; few rows never make a narrow band, nor an outlier among them a boundless one (WIDEST).
    """
    widen, least = 1 + 2 / len(errors), 0.08 + 0.8 / len(errors)
    low = math.exp(-max(least, quantile(errors, 0.95) * widen))
    high = math.exp(-min(-least, quantile(errors, 0.05) * widen))
    return Spread(round(max(low, WIDEST.low), 3), round(min(high, WIDEST.high), 3))


def quantile(values: Sequence[tuple[float, float]], share: float) -> float:
    """The quantile of (value, weight) pairs."""
    ordered = sorted(values)
    total, passed = sum(w for _, w in ordered), 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= share * total:
            return value
    return ordered[-1][0]


def left_out(key: Key, own: Rows) -> list[float]:
    """log(predicted / measured) of each row by constants fitted without the rows of its model (its device where there is one model only)."""
    groups = [run.model for _, run in own]
    if len(set(groups)) == 1:
        groups = [run.device for _, run in own]
    if len(set(groups)) == 1:
        return residuals(own)
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
    measured.DECODE[key], measured.PREFILL[key] = values
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


def residuals(own: Rows) -> list[float]:
    """log(predicted / measured) of each row."""
    found = []
    for _, run in own:
        band = predict(run)
        assert band is not None
        found.append(math.log(band.value / run.measured))
    return found


def weights(own: Rows) -> list[float]:
    """The weight of each row: rows of one group (table, device, model, format, quantity) together weigh as the root of their number."""
    groups = [(t, r.device, r.model, r.checkpoint.format, r.quantity) for t, r in own]
    counts = Counter(groups)
    return [counts[g] ** -0.5 * (0.5 if run.self_reported else 1.0) for g, (_, run) in zip(groups, own, strict=True)]


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
        robust = np.sign(errors) * np.sqrt(
            2 * (np.sqrt(1 + errors**2) - 1)
        )  # soft L1 by hand, so that the prior stays quadratic
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
        "other": ("arc", "ascend", "cpu", "other"),
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
    slow = replace(measured.DEFAULT_DECODE, layer=7e-4) if key[0] in EAGER else measured.DEFAULT_DECODE
    centre, pull = CENTRES.get(family(key)), FAMILY_PRIOR
    if centre is None:
        centre, pull = flat((slow, measured.DEFAULT_PREFILL)), PRIOR
    shares = [f.name not in FREE for f in (*fields(Decode), *fields(Prefill))]
    cut = len(fields(Decode))

    def both(values: list[float]) -> tuple[Decode, Prefill]:
        return Decode(*values[:cut]), Prefill(*values[cut:])

    return both(solve(own, flat(constants(key)), centre, shares, lambda values: install(key, both(values)), pull))


def fit_common(own: Rows) -> None:
    """Fit what is common to all classes, and put it in force."""
    cut, names, formats = len(fields(Common)), list(measured.UNPACK), list(measured.FORMAT_SHARE)
    start = [*astuple(measured.COMMON), *measured.UNPACK.values(), *measured.FORMAT_SHARE.values()]
    shares = [f.name in ("accepted", "further") for f in fields(Common)] + [False] * len(names) + [True] * len(formats)

    def apply(values: list[float]) -> None:
        measured.COMMON = Common(*values[:cut])
        measured.UNPACK.update(zip(names, values[cut:], strict=False))
        measured.FORMAT_SHARE.update(zip(formats, values[cut + len(names) :], strict=True))
        forget()

    apply(solve(own, start, START, shares, apply))


START = [*astuple(measured.COMMON_CENTRE), *measured.UNPACK_CENTRE.values(), *measured.FORMAT_CENTRE.values()]


def write() -> None:
    """Rewrite the fitted part of measured.py."""
    head = MEASURED.read_text(encoding="utf-8").split(MARK)[0]
    lines = [
        f"{MARK}{'-' * 100}",
        "",
        f"COMMON = {shown(measured.COMMON)}",
        f"MTP_SPREAD = {shown(measured.MTP_SPREAD)}",
    ]
    for name, table in (("UNPACK", measured.UNPACK), ("FORMAT_SHARE", measured.FORMAT_SHARE)):
        lines += [f"{name}: dict[str, float] = {{", *(f'    "{k}": {v:.3g},' for k, v in table.items()), "}"]
    for name, kind in (
        ("DECODE", "Decode"),
        ("PREFILL", "Prefill"),
        ("DECODE_SPREAD", "Spread"),
        ("PREFILL_SPREAD", "Spread"),
    ):
        entries = sorted(getattr(measured, name).items())
        lines += [
            f"{name}: dict[tuple[str, Class], {kind}] = {{",
            *(f'    ("{k[0]}", "{k[1]}"): {shown(v)},' for k, v in entries),
            "}",
        ]
    MEASURED.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(MEASURED)], check=True)


def shown(value: Any) -> str:
    """A dataclass of floats with three digits."""
    return f"{type(value).__name__}({', '.join(f'{v:.3g}' for v in astuple(value))})"


if __name__ == "__main__":
    main()
