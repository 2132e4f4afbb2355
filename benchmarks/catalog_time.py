"""How long the catalogue takes: `python benchmarks/catalog_time.py`. CPU milliseconds in fresh processes, the least of several runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

RUNS = 10
STEPS = ("import", "load, one model and its architecture", "everything else", "find_gpu", "find_model")
CODE = """
import time, pydantic
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
TypeAdapter(dict[str, int]).validate_python({})  # what pydantic itself loads for its first validation
now = time.process_time
times = [now()]
from qwenpick.catalog import find_gpu, find_model, load; times.append(now())
catalog = load(own=False); catalog.architecture(catalog.models["qwen3-8b"]); times.append(now())
[*catalog.models.values(), *catalog.architectures.values(), *catalog.gpus.values(), *catalog.cloud.values()]; times.append(now())
find_gpu(catalog, "rtx 3060"); times.append(now())
find_model(catalog, "qwen3:8b-q4_K_M"); times.append(now())
print(*(1000 * (b - a) for a, b in zip(times, times[1:])))
"""


def run(cache: str) -> list[float]:
    """Milliseconds of each step in a fresh process."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    colds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            colds.append(run(cache))
    with tempfile.TemporaryDirectory() as cache:
        run(cache)
        warms = [run(cache) for _ in range(RUNS)]
    print(f"{'':40} {'cold':>8} {'warm':>8}")
    for index, step in enumerate(STEPS):
        print(f"{step:40} {min(c[index] for c in colds):6.1f}ms {min(w[index] for w in warms):6.1f}ms")


if __name__ == "__main__":
    main()
