"""Starts of vLLM 0.33 on an H200 (benchmarks/measured/vllm_h200_2026_11_30.csv), beside what `fit` says that the engine does."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.runtimes.vllm import profile, runner
from qwenpick.runtimes.vllm.settings import settings
from qwenpick.work.serving import Serving
from tests.conftest import Run

ROWS = list(
    csv.DictReader((Path(__file__).parents[2] / "benchmarks/measured/vllm_h200_2026_11_30.csv").open(encoding="utf-8"))
)
KNOWN = (
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_seqs",
    "gpu_memory_utilization",
    "enforce_eager",
    "gdn_prefill_backend",
)


def asked(row: dict[str, str]) -> list[str]:
    """The command that plans the row's start."""
    given = json.loads(row["kw"])
    options = {name: given[name] for name in KNOWN if name in given} | {"version": row["version"]}
    if row["vision"] == "False":
        options["language_model_only"] = True
    words = [word for name, value in options.items() for word in ("-o", f"{name}={json.dumps(value).strip(chr(34))}")]
    return ["fit", row["model"], "--runtime", "vllm", "--gpu", "h200", "--quant", "bf16", "--json", *words]


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_weights_and_cache_are_those_of_the_start(qwenpick: Run, row: dict[str, str]) -> None:
    engine: Any = json.loads(qwenpick(*asked(row)).out)["engine"]
    assert engine["measured"]
    assert engine["weights_bytes"] / 2**30 == pytest.approx(float(row["weights_gib"]), abs=0.02)
    if row["kv_tokens"]:
        assert engine["kv_cache_tokens"] == pytest.approx(int(row["kv_tokens"]), rel=0.01)


@pytest.mark.parametrize(("sequences", "kept"), [(256, 171_599_872), (1024, 680_108_032)])
def test_the_v2_runner_keeps_tables_of_the_vocabulary_for_each_sequence(
    catalog: Catalog, sequences: int, kept: int
) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    chosen = settings(architecture, Serving(32768, 1, options={"version": "0.33", "max_num_seqs": sequences}), None)
    assert runner.states_bytes(architecture, chosen) == kept


def test_a_hybrid_before_the_v2_runner_keeps_what_public_starts_say(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3.5-9b"])
    held = [
        runner.held_bytes(architecture, settings(architecture, Serving(4096, options={"version": version}), None))
        for version in ("0.26", "0.28", "0.29")
    ]
    assert held[0] == 0
    assert held[1] == runner.HELD_V1 < held[2]


def test_only_hopper_gives_back_what_splits_a_step(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    assert profile.kernels_of(None, "bf16").splits is False
    chosen = settings(architecture, Serving(4096, options={"version": "0.28"}), None)
    assert profile.graphs.returned_bytes(architecture, chosen, 1) == 0
