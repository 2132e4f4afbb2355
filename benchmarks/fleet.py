"""How long a fleet takes: `python benchmarks/fleet.py [--machines 1000] [--json] [--check]`.

The ranking of `recommend` for chat on distinct machines, GPUs of the catalogue with RAM sizes that go with them, in one process that runs as the
command does (without garbage collection). A quarter, half and all of them are timed, each in a fresh process after a first run that fills caches,
to see that the time is linear. `--check` ends with 1 where it is not, or where it takes longer than the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine

LIMIT = 3.0  # seconds for 1,000 machines
STEEPER = 1.25  # times as much per machine as in a fleet of half the size, at most
GIB = 2**30
RAM = tuple(size * GIB for size in (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512))


def fleet(catalog: Catalog, count: int) -> list[Machine]:
    """So many distinct machines: each GPU of the catalogue with every size of RAM from its own memory's up."""
    from qwenpick.machine.simulate import simulate

    gpus = [g for g in catalog.gpus.values() if g.memory_bytes and g.memory_bytes >= 4 * GIB and not g.unified]
    pairs = [
        (gpu, ram) for ram in RAM for gpu in gpus if (gpu.memory_bytes or 0) / 2 <= ram <= 16 * (gpu.memory_bytes or 0)
    ]
    step = len(pairs) / count
    return [simulate(catalog, [pairs[int(i * step)][0].id], None, pairs[int(i * step)][1], False) for i in range(count)]


def seconds(count: int) -> float:
    """Seconds to rank all models for each of so many machines, the catalogue read before."""
    from qwenpick.cli.main import start_fast

    start_fast()
    from qwenpick.catalog import load
    from qwenpick.recommending.answer import Recommender
    from qwenpick.recommending.request import Request

    catalog = load(own=False)
    machines = fleet(catalog, count)
    assert len({repr(machine) for machine in machines}) == count, "the machines are not distinct"
    start = time.process_time()
    recommender = Recommender(catalog, Request())
    ranked = [recommender.rank(machine) for machine in machines]
    took = time.process_time() - start
    assert all(ranked), "a machine without any pick"
    return took


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(seconds(arguments.one))
        return 0
    counts = [arguments.machines // 4, arguments.machines // 2, arguments.machines]
    command = [sys.executable, __file__, "--one"]
    subprocess.run([*command, str(arguments.machines)], capture_output=True, check=True)
    took = {
        count: float(subprocess.run([*command, str(count)], capture_output=True, text=True, check=True).stdout)
        for count in counts
    }
    if arguments.json:
        print(json.dumps(took))
    else:
        for count, value in took.items():
            print(f"{count:5} machines: {value:6.2f} s, {1000 * value / count:5.1f} ms each")
    steeper = [took[b] / b > STEEPER * took[a] / a for a, b in itertools.pairwise(counts)]
    return int(arguments.check and (any(steeper) or took[counts[-1]] > LIMIT * arguments.machines / 1000))


if __name__ == "__main__":
    sys.exit(main())
