"""Run the hostile inputs, the properties, parallel starts and signals at length, and write the figures into docs/reliability.md.

    python tools/reliability.py                 # the sizes of the table, two processes
    python tools/reliability.py --scale 0.1     # a tenth of them
    python tools/reliability.py --only options  # one kind; the others keep their line

Every line says its seed: the same seed makes the same inputs. A fault ends with code 1 and its command line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOC, FIGURES = ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability.json"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
# kind -> (what it is, inputs)
SIZES = {
    "options": ("`-o NAME=VALUE`: every option of every engine x hostile values", 3966),
    "machines": ("machine files, structure-aware", 2700),
    "configs": ("config.json, structure-aware", 1500),
    "overlays": ("catalogue overlays, structure-aware", 1500),
    "ggufs": ("GGUF files, bytes overwritten, put in and cut", 1133),
    "numbers": ("numeric options and environment variables x extremes", 725),
    "requirements": ("qwenpick.yaml, structure-aware, in four formats", 700),
    "noise": ("random bytes as six kinds of file", 700),
    "weights": ("model directories with damaged safetensors", 350),
    "logs": ("engine logs, mutations of real ones", 450),
}
PARTS = 8  # each kind is run in parts, each with its own seed: 1000 x part + seed


def main() -> int:
    """Run what is asked for, keep the figures, write the page; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", action="append", choices=[*SIZES, "properties", "starts", "signals"])
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    known: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    wanted = options.only or [*SIZES, "properties", "starts", "signals"]
    jobs = [
        (kind, part, options.seed, options.scale)
        for kind in wanted
        if kind in (*SIZES, "properties")
        for part in range(PARTS)
    ]
    faults: list[str] = []
    with ProcessPoolExecutor(options.workers, max_tasks_per_child=1) as pool:
        done: dict[str, list[dict[str, Any]]] = {}
        for future in as_completed(pool.submit(_part, *job) for job in jobs):
            kind, found = future.result()
            done.setdefault(kind, []).append(found)
            faults += found.pop("failures")
            known[kind] = _sum(done[kind], options.seed)
            _write(known)
            print(kind, known[kind], flush=True)
    for name in ("starts", "signals"):
        if name in wanted:
            from tests.fuzz import processes

            known[name] = getattr(processes, name)(max(2, round((40 if name == "starts" else 185) * options.scale)))
            faults += known[name].pop("failures")
            _write(known)
            print(name, known[name], flush=True)
    print("\n\n".join(faults[:20]))
    return 1 if faults else 0


def _part(kind: str, part: int, seed: int, scale: float) -> tuple[str, dict[str, Any]]:
    """One part of a kind in a process of its own."""
    own = 1000 * part + seed
    os.environ["XDG_CACHE_HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()
    if kind == "properties":
        from tests.fuzz.properties import SIZE, violations

        found: dict[str, Any] = violations(own, round(SIZE * scale / PARTS) + 1)
    else:
        from tests.fuzz.inputs import KINDS
        from tests.fuzz.running import tally

        result = tally(kind, own, KINDS[kind](own, Path(tempfile.mkdtemp())), round(SIZES[kind][1] * scale / PARTS) + 1)
        found = {
            "inputs": result.inputs, "internal": result.internal, "hangs": result.hangs, "steering": result.steering, "not_json": result.not_json,
            "slowest": round(result.slowest, 2), "failures": [f"{kind}, seed {own}: {line}" for line in result.failures],
        }  # fmt: skip
    found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return kind, found


def _sum(parts: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """The parts of a kind together: counts add up, the slowest and the largest are kept."""
    found: dict[str, Any] = {"seed": seed, "parts": len(parts)}
    for name in parts[0]:
        values = [part[name] for part in parts if name in part]
        found[name] = max(values) if name in ("slowest", "mib") else sum(values)
    return found


def _write(known: dict[str, Any]) -> None:
    """The figures as JSON beside the page, and as its tables."""
    known["run"] = {"python": platform.python_version(), "date": time.strftime("%Y-%m-%d", time.gmtime())}
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    page = DOC.read_text(encoding="utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    DOC.write_text(f"{before}\n{tables(known)}\n{after}", encoding="utf-8")


def tables(known: dict[str, Any]) -> str:
    """The figures in Markdown."""
    run = known["run"]
    lines = [f"Run on {run['date']} with Python {run['python']}.", ""]
    lines += [
        "| what | inputs | internal errors | over 5 s of processor | steering characters | not JSON | slowest, s | peak, MiB | seed |"
    ]
    lines += ["|---|---:|---:|---:|---:|---:|---:|---:|---|"]
    kinds = [kind for kind in SIZES if kind in known]
    for kind in kinds:
        row = known[kind]
        figures = (row[name] for name in ("inputs", "internal", "hangs", "steering", "not_json", "slowest", "mib"))
        lines.append(f"| {SIZES[kind][0]} | {' | '.join(f'{figure:,}' for figure in figures)} | {row['seed']} |")
    if kinds:
        total = {
            name: sum(known[kind][name] for kind in kinds)
            for name in ("inputs", "internal", "hangs", "steering", "not_json")
        }
        lines.append(f"| **together** | {' | '.join(f'{figure:,}' for figure in total.values())} | | | |")
    if "properties" in known:
        row = known["properties"]
        lines += [
            "",
            f"Properties: {row['cases']:,} random models, boxes and options, {row['derived']:,} derived requests, seed {row['seed']}.",
            "",
        ]
        lines += ["| property | compared | violations |", "|---|---:|---:|"]
        names = [name.removeprefix("compared ") for name in row if name.startswith("compared ")]
        lines += [f"| {name} | {row[f'compared {name}']:,} | {row.get(f'violated {name}', 0):,} |" for name in names]
    if row := known.get("starts"):
        said = f"{row['outputs']} distinct output, {row['failed']} failed, {row['left']} half files"
        lines += ["", f"{row['processes']} processes at once on a cold cache: {said}."]
    if row := known.get("signals"):
        said = f"{row['wrong']} wrong codes or tracebacks, {row['left']} half files"
        lines += ["", f"{row['sent']} times SIGINT or SIGTERM at another moment: {said}."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
