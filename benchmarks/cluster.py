"""How long a cluster takes over a single box: `python benchmarks/cluster.py [--json] [--check]`.

`qwenpick fit MODEL --cluster FILE` for 10, 1,000 and 10,000 nodes of up to 20 kinds, each node an entry of its own in the neutral file, against the
same command on one box; CPU seconds of whole processes, the least of three. `--check` ends with 1 where a cluster takes over a second more.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 1.0  # seconds over a single box
MODELS = ("qwen3-8b", "qwen3-235b-a22b")
COUNTS = (10, 1000, 10_000)
GPUS = (
    "NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3", "NVIDIA L40S", "Tesla T4", "NVIDIA GeForce RTX 4090", "NVIDIA A10G", "NVIDIA L4",
    "Tesla V100-SXM2-32GB", "NVIDIA H200", "NVIDIA RTX A6000", "NVIDIA A40", "NVIDIA GeForce RTX 3090", "NVIDIA A30", "NVIDIA B200",
    "NVIDIA RTX 6000 Ada Generation", "NVIDIA A2", "NVIDIA A16", "NVIDIA GeForce RTX 5090", "NVIDIA A10", "Tesla P100-PCIE-16GB",
)  # fmt: skip


def inventory(count: int) -> str:
    """So many nodes, entry by entry, of 20 kinds in turn; RAM differs by kilobytes as Kubernetes reports it."""
    return "nodes:\n" + "".join(
        f"- name: node-{i:05d}\n  gpus: [{{name: {GPUS[i % len(GPUS)]}, count: 8, free: {8 - i % 20 % 3}}}]\n  ram_mib: 1031000\n"
        f"  ram_free_bytes: {900_000 * 2**20 - 4096 * (i % 7)}\n  cpus: 128\n"
        for i in range(count)
    )


def seconds(*words: str) -> float:
    """CPU seconds of a whole command, the least of three runs."""
    found = []
    for _run in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "qwenpick", *words, "--json"], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    took: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {count: Path(folder) / f"{count}.yaml" for count in COUNTS}
        for count, file in files.items():
            file.write_text(inventory(count), encoding="utf-8")
        for model in MODELS:
            box = seconds("fit", model, "--gpu", "8x h100", "--ram", "1000GiB")
            took[model] = {
                "box": box,
                **{str(count): seconds("fit", model, "--cluster", str(file)) for count, file in files.items()},
            }
    if arguments.json:
        print(json.dumps(took))
    for model, figures in took.items() if not arguments.json else ():
        over = ", ".join(f"{count:,} nodes +{figures[str(count)] - figures['box']:.2f} s" for count in COUNTS)
        print(f"{model}: one box {figures['box']:.2f} s; {over}")
    worst = max(figures[str(count)] - figures["box"] for figures in took.values() for count in COUNTS)
    return int(arguments.check and worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
