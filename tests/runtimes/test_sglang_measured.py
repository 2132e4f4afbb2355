"""Starts of SGLang 0.5.16 on an H200 (benchmarks/measured/sglang_h200_2026_11_29.csv), which no constant was taken from."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result

ROWS = list(
    csv.DictReader(
        (Path(__file__).parents[2] / "benchmarks/measured/sglang_h200_2026_11_29.csv").open(encoding="utf-8")
    )
)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['model']} {row['options']}" for row in ROWS])
def test_weights_and_pools_are_those_of_the_start(qwenpick: Callable[..., Result], row: dict[str, str]) -> None:
    asked = ["fit", row["model"], "--runtime", "sglang", "--gpu", "h200", "--quant", "bf16", "--context", "32768"]
    options = [word for option in row["options"].split() for word in ("-o", option)]
    found: Any = json.loads(qwenpick(*asked, "-o", f"version={row['sglang']}", *options, "--json").out)["engine"]
    assert found["measured"]
    loaded = found["weights_bytes"] + found["outside_torch_bytes"]  # "mem usage" counts what loading itself takes
    assert loaded / 2**30 == pytest.approx(float(row["weights_gib"]), rel=0.005, abs=0.03)
    assert found["kv_cache_tokens"] == pytest.approx(int(row["max_total_num_tokens"]), rel=0.015)
    if row["state_slots"]:
        assert found["state_slots"] == pytest.approx(int(row["state_slots"]), rel=0.015)
