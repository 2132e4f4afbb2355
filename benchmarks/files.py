"""Whether what is recommended exists: `python benchmarks/files.py [--json]`.

The picks of `recommend` on sixty boxes for six tasks, and how many of them are a published file: one that a listing names with its bytes, or a
repository of whole weights whose size its format gives. Then how the listings compare with the arithmetic of the formats.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

GIB = 2**30
TASKS = ("chat", "coding", "coding-agent", "vision", "rag-embedding", "translation")
# GPU (count x id), GiB of RAM; "" is a box without a GPU
BOXES = (
    ("gtx-1060-6gb", 16), ("gtx-1080-ti", 32), ("gtx-1650", 16), ("rtx-2060", 16), ("rtx-2070-super", 32), ("rtx-2080-ti", 32), ("rtx-3050", 16),
    ("rtx-3060-12gb", 16), ("rtx-3060-12gb", 32), ("rtx-3060-12gb", 64), ("rtx-3070", 32), ("rtx-3080", 32), ("rtx-3090", 32), ("rtx-3090", 64),
    ("rtx-3090", 128), ("2x rtx-3090", 64), ("4x rtx-3090", 128), ("rtx-4060", 16), ("rtx-4060", 32), ("rtx-4060-ti-16gb", 32), ("rtx-4070", 32),
    ("rtx-4070-ti-super", 64), ("rtx-4080", 64), ("rtx-4090", 32), ("rtx-4090", 64), ("rtx-4090", 128), ("2x rtx-4090", 128), ("rtx-5060", 16),
    ("rtx-5060-ti-16gb", 32), ("2x rtx-5060-ti-16gb", 64), ("rtx-5070", 32), ("rtx-5070-ti", 32), ("rtx-5080", 64), ("rtx-5090", 64),
    ("rtx-5090", 128), ("2x rtx-5090", 128), ("rtx-pro-6000-blackwell-workstation", 128), ("l4", 32), ("l40s", 64), ("2x l40s", 128), ("a10", 32),
    ("a100-pcie-40gb", 64), ("a100-sxm4-80gb", 128), ("h100-sxm5-80gb", 128), ("h200", 256), ("2x h100-sxm5-80gb", 256), ("4x h100-sxm5-80gb", 512),
    ("8x h200", 1024), ("t4", 16), ("rx-7600", 16), ("rx-7800-xt", 32), ("rx-7900-xtx", 64), ("rx-9070-xt", 32), ("arc-b580", 32),
    ("m1-max-32gb", 32), ("m3-max-64gb", 64), ("m4-pro-48gb", 48), ("", 16), ("", 32), ("", 64),
)  # fmt: skip


def main() -> int:
    """Prints the figures."""
    from qwenpick.catalog import load
    from qwenpick.errors import QwenpickError
    from qwenpick.machine.simulate import simulate
    from qwenpick.planning.checkpoints import checkpoints
    from qwenpick.planning.files import settled
    from qwenpick.recommending.answer import Recommender
    from qwenpick.recommending.request import Request
    from qwenpick.runtimes import find_runtime

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    catalog = load(own=False)
    found, unread = Counter[str](), []
    for task in TASKS:
        recommender = Recommender(catalog, Request(task=task))
        for gpu, ram in BOXES:
            unified = gpu.startswith("m")
            try:
                box = simulate(catalog, [gpu] if gpu else [], None, None if unified else ram * GIB, not gpu)
            except QwenpickError as error:
                unread.append(str(error))
                continue
            for place, row in enumerate(recommender.rank(box)[:5], 1):
                file = row.plan.file
                how = "none" if file is None else "by the format's rule" if file.by_rule else "listed with its bytes"
                found[how] += 1
                found[f"first picks: {how}"] += place == 1
    known, agree = 0, 0
    for model in catalog.models.values():
        if model.open_weights and model.architecture:
            for checkpoint in checkpoints(model, find_runtime("llamacpp")):
                known += checkpoint.bytes is not None
                agree += checkpoint.bytes is not None and settled(catalog.architecture(model), checkpoint).bytes is None
    figures = {
        "boxes": len(BOXES), "tasks": len(TASKS), "unread": sorted(set(unread)), "picks": dict(found),
        "models with a listing": sum(bool(model.published) for model in catalog.models.values()),
        "open models": sum(model.open_weights for model in catalog.models.values()),
        "listed formats": sum(len(p.files) + len(p.tags) + len(p.weights) for m in catalog.models.values() for p in m.published),
        "GGUF sizes that the rule gives within the listing's rounding": f"{agree} of {known}",
    }  # fmt: skip
    if as_json:
        print(json.dumps(figures, indent=1))
        return 0
    for name, value in figures.items():
        print(f"{name}: {value}")
    total = sum(count for how, count in found.items() if not how.startswith("first"))
    print(f"picks with a published file: {100 * (1 - found['none'] / total):.1f} % of {total}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
