"""From the scoreboard to the bands that `fit` prints: data/accuracy.json, written by `python benchmarks/accuracy.py --truth DIR --write`.

A band holds every scored row of the quantities that stand for the whole need of a run: a verdict of "fits" (need x high <= budget)
would have been right for each of them. Few rows prove little, so the band is never narrower than ±1 %, and ±5 % below 30 rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.scoreboard import Score

# engine -> the (table, quantity) pairs that stand for what a run needs
FOOTPRINTS: dict[str, tuple[tuple[str, str], ...]] = {
    "llamacpp": (
        ("llamacpp_buffers.csv", "total"),
        ("llamacpp_buffers.csv", "partial total"),
        ("llamacpp_h200.csv", "driver's number"),
        ("llamacpp_cpu_rss.csv", "resident memory"),
    ),
    "vllm": (("vllm_h200.csv", "weights"), ("logs_vllm_sglang_logs.csv", "weights"), ("vllm_h200.csv", "kv cache")),
    "sglang": (("logs_vllm_sglang_logs.csv", "weights"), ("logs_vllm_sglang_logs.csv", "kv tokens of the stated pool")),
    "transformers": (("transformers_h200.csv", "device used"),),
    "mlx": (("mlx_apple.csv", "peak memory"),),
    **dict.fromkeys(
        ("full", "lora", "qlora"),
        (("transformers_h200.csv", "device used"), ("transformers_h200_2026_11.csv", "peak allocation")),
    ),
}
# engines that run another one's code under other defaults
SAME_ARITHMETIC = {"ollama": "llamacpp", "lmstudio": "llamacpp"}
FEW, NARROWEST, NARROWEST_OF_FEW = 30, 0.01, 0.05


def bands(scores: Iterable[tuple[str, Score]]) -> dict[str, Any]:
    """Engine -> low and high (factors on the estimate), the number of rows, and the tables behind them."""
    everything = list(scores)
    found = {}
    for engine, pairs in FOOTPRINTS.items():
        own = [score for table, score in everything if score.engine == engine and (table, score.quantity) in pairs]
        found[engine] = _band(own, dict.fromkeys(table for table, _quantity in pairs))
    for name in sorted({score.band for _table, score in everything if score.band}):  # of training runs
        held = [(table, score) for table, score in everything if score.band == name]
        found[f"training-{name}"] = _band(
            _most([score for _table, score in held]), sorted({table for table, _score in held})
        )
    return found | {engine: found[other] for engine, other in SAME_ARITHMETIC.items()}


def _most(own: list[Score]) -> list[Score]:
    """Without the twentieth of the rows that needed most: what the allocator keeps is chance where one run in fifty keeps half as much again."""
    ranked = sorted(own, key=lambda score: score.actual / score.predicted)
    return ranked[: len(ranked) - len(ranked) // 20]


def _band(own: list[Score], tables: Iterable[str]) -> dict[str, Any]:
    ratios = [score.actual / score.predicted for score in own]  # what was needed over what was estimated
    margin = NARROWEST if len(own) >= FEW else NARROWEST_OF_FEW
    return {
        "low": math.floor(min([1 - margin, *ratios]) * 1000) / 1000,
        "high": math.ceil(max([1 + margin, *ratios]) * 1000) / 1000,
        "rows": len(own),
        "source": ", ".join(tables),
    }


def write(scores: Iterable[tuple[str, Score]], path: Path) -> None:
    """Write the bands beside the catalogue."""
    content = {
        "note": "written by benchmarks/accuracy.py --write; see benchmarks/bands.py",
        "bands": dict(sorted(bands(scores).items())),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
