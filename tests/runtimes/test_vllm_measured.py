"""Starts of vLLM 0.33 on one and two H200 (benchmarks/measured/vllm_h200_2026_11_30*.csv), beside what `fit` says that the engine does."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Device
from qwenpick.runtimes.vllm import encoder, graphs, profile, runner
from qwenpick.runtimes.vllm.settings import settings
from qwenpick.work.serving import Serving
from tests.conftest import Run

MEASURED = Path(__file__).parents[2] / "benchmarks/measured"
FILES = ("vllm_h200_2026_11_30.csv", "vllm_h200_2026_11_30_options.csv")
ROWS = [row for name in FILES for row in csv.DictReader((MEASURED / name).open(encoding="utf-8"))]
KNOWN = (
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_seqs",
    "gpu_memory_utilization",
    "enforce_eager",
    "tensor_parallel_size",
    "gdn_prefill_backend",
)


def asked(row: dict[str, str]) -> list[str]:
    """The command that plans the row's start."""
    given = json.loads(row["kw"])
    options = {name: given[name] for name in KNOWN if name in given} | {"version": row["version"]}
    options["flashinfer_sampler"] = False
    if row["vision"] == "False":
        options["language_model_only"] = True
    if drafted := given.get("speculative_config"):
        options["num_speculative_tokens"] = drafted["num_speculative_tokens"]
    words = [word for name, value in options.items() for word in ("-o", f"{name}={json.dumps(value).strip(chr(34))}")]
    quant = "fp8" if row["quant"] == "fp8block" else "bf16"
    return ["fit", row["model"], "--runtime", "vllm", "--gpu", f"{row['tp']}x h200", "--quant", quant, "--json", *words]


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_weights_and_cache_are_those_of_the_start(qwenpick: Run, row: dict[str, str]) -> None:
    engine: Any = json.loads(qwenpick(*asked(row)).out)["engine"]
    assert engine["measured"] and engine["starts"]
    assert engine["weights_bytes"] / 2**30 == pytest.approx(float(row["weights_gib"]), abs=0.08)
    if row["kv_tokens"]:
        assert engine["kv_cache_tokens"] == pytest.approx(int(row["kv_tokens"]), rel=0.003)


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


def test_only_hopper_holds_parts_of_a_step(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    assert profile.kernels_of(None, "bf16").splits is False
    card = Device("NVIDIA H200", "nvidia", 150 * 10**9, None, compute_capability="9.0")
    options = {"version": "0.33", "max_num_seqs": 256, "max_num_batched_tokens": 2048}
    chosen = settings(architecture, Serving(32768, options=options), card)
    with_parts, without = (
        graphs.taken_bytes(architecture, 36, chosen, splits=splits) / 2**20 for splits in (True, False)
    )
    assert with_parts - without == 128  # 256 tokens x 32 heads x 128 x 32 parts x 4 bytes
    assert with_parts == pytest.approx(310, rel=0.05)


@pytest.mark.parametrize(
    ("name", "mib"), [("qwen3.5-9b", 1833.3), ("qwen3.5-35b-a3b", 1833.0), ("qwen3-vl-8b-instruct", 2265.0)]
)
def test_the_tower_of_0_33_is_given_bytes_and_holds_deepstack(catalog: Catalog, name: str, mib: float) -> None:
    architecture = catalog.architecture(catalog.models[name])
    peak = encoder.peak_bytes(architecture, 16384, 1, (0, 33)) / 2**20
    assert peak == pytest.approx(mib, rel=0.001 if name.startswith("qwen3.5") else 0.025)
    assert encoder.peak_bytes(architecture, 16384, 1, (0, 29)) / 2**20 == pytest.approx(1930, abs=1)


def test_without_flashinfer_the_sampler_works_in_its_copy(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3.5-9b"])
    options = {"version": "0.33", "max_num_seqs": 1024, "max_num_batched_tokens": 2048}
    kernels = profile.Kernels(workspace=0, processors=132)
    peaks = [
        profile.sampler(architecture, settings(architecture, Serving(32768, options=options | more), None), 1, kernels)
        for more in ({}, {"flashinfer_sampler": False})
    ]
    assert peaks[1] / 2**20 == pytest.approx(1615.2, rel=0.02)
    assert peaks[0] > 2 * peaks[1]


@pytest.mark.parametrize(("version", "each"), [("0.25.1", 6), ("0.26", 2), ("0.28", 2), ("0.32", 2), ("0.33", 14)])
def test_the_v2_sampler_is_profiled_without_parameters_before_0_33(catalog: Catalog, version: str, each: int) -> None:
    # 16 bits of logits, 32 more where they are copied whatever is asked; FlashInfer's share only where it samples
    architecture = catalog.architecture(catalog.models["qwen3-0.6b"])
    options = {"version": version, "max_num_seqs": 1024, "max_num_batched_tokens": 2048}
    chosen = settings(architecture, Serving(32768, options=options), None)
    peak = profile.sampler(architecture, chosen, 1, profile.Kernels(workspace=0, processors=132))
    assert peak == 1024 * 151_936 * each + 2048 * 1024 * 2  # and the hidden states of the step


def test_flashinfer_does_not_sample_on_turing(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    for capability, samples in (("7.5", False), ("8.0", True)):
        card = Device("GPU", "nvidia", 16 * 2**30, None, compute_capability=capability)
        assert settings(architecture, Serving(4096), card).flashinfer_sampler is samples


def test_the_experts_workspace_stays_while_tokens_are_sampled(catalog: Catalog) -> None:
    """Qwen3-30B-A3B in 0.33: torch's peak of the whole start lay 854.5 MiB over what was there before it."""
    architecture = catalog.architecture(catalog.models["qwen3-30b-a3b"])
    options = {"version": "0.33", "max_num_seqs": 256, "max_num_batched_tokens": 8192, "flashinfer_sampler": False}
    chosen = settings(architecture, Serving(32768, options=options), None)
    peak = profile.sampler(architecture, chosen, 1, profile.Kernels(workspace=0, processors=132)) / 2**20
    assert peak == pytest.approx(854.5, rel=0.02)
