"""Time to answer, beside a bare interpreter: `python benchmarks/startup.py [--runs N] [--json] [--check]`.

Every command is run as a whole process in turn with `python -c pass`; the median of the ratios is what counts, since machines differ and drift.
`--check` ends with 1 where a ratio is above its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

BOX = ["--gpu", "rtx 4090", "--ram", "64GiB"]
COMMANDS = {  # name -> (arguments, how many bare interpreters it may take)
    "--help": (["--help"], 8.0),
    "fit --json": (["fit", "qwen3-8b", "--quant", "4bit", *BOX, "--json"], 20.0),
    "recommend": (["recommend", *BOX], 35.0),
}
# An installed package has its bytecode written; a shell that forbids it would compile what was edited last anew in every run.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the runs: milliseconds, and the ratio to a bare interpreter run just before."""

    command: str
    milliseconds: float
    bare_milliseconds: float
    ratio: float
    limit: float


def measure(name: str, runs: int) -> Timing:
    """Time one command, after a first run that fills caches."""
    arguments, limit = COMMANDS[name]
    program = shutil.which("qwenpick", path=str(sys.prefix) + "/bin") or shutil.which("qwenpick") or "qwenpick"
    ours, bare = [program, *arguments], [sys.executable, "-c", "pass"]
    _seconds(ours)
    pairs = [(_seconds(bare), _seconds(ours)) for _ in range(runs)]
    return Timing(
        name,
        1000 * statistics.median(b for _, b in pairs),
        1000 * statistics.median(a for a, _ in pairs),
        statistics.median(b / a for a, b in pairs),
        limit,
    )


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    timings = [measure(name, arguments.runs) for name in COMMANDS]
    if arguments.json:
        print(json.dumps([asdict(timing) for timing in timings], indent=1))
    else:
        for t in timings:
            bare = f"{t.ratio:5.1f} x a bare interpreter ({t.bare_milliseconds:.0f} ms)"
            print(f"qwenpick {t.command:12} {t.milliseconds:6.0f} ms, {bare}; limit {t.limit:.0f} x")
    return int(arguments.check and any(t.ratio > t.limit for t in timings))


if __name__ == "__main__":
    sys.exit(main())
