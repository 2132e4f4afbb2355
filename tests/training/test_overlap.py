"""DeepSpeed with and without overlap_comm, and LoRA's dropout, on one H200 (benchmarks/measured/training_overlap_h200_2026_11_30.csv)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from benchmarks.scoreboard import MEASURED, read
from benchmarks.scorers.training_runs import OVERLAP, keeps_in_turn, of_overlap

from qwenpick import training
from qwenpick.catalog import Catalog
from qwenpick.launch.training.common import deepspeed
from qwenpick.machine.hardware import Device
from qwenpick.training import Peak
from qwenpick.training.sharding import buckets
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

GIB = 2**30
H200 = Device("NVIDIA H200", "nvidia", 139 * GIB, 139 * GIB, compute_capability="9.0")
ROWS = read(MEASURED, OVERLAP)
FREE, FAILED = (
    [row for row in ROWS if row["ran"] == ran and (ran == "False" or row["limit_bytes"] == "0")]
    for ran in ("True", "False")
)
ZERO2 = Training("full", zero=2, gpus=2)


def peak(catalog: Catalog, row: dict[str, str]) -> Peak:
    model, work = catalog.models[row["model"].casefold()], of_overlap(row)
    return training.peaks(training.memory(model, catalog.architecture(model), work, Placement((H200,) * work.gpus)))[0]


@pytest.mark.parametrize("row", [row for row in FREE if not keeps_in_turn(row)], ids=lambda row: row["case"])
def test_what_is_held_is_what_torch_reported(catalog: Catalog, row: dict[str, str]) -> None:
    found = peak(catalog, row)
    assert found.allocated == pytest.approx(int(row["peak_allocated_bytes"]), rel=0.065)
    assert found.reserved == pytest.approx(int(row["peak_reserved_bytes"]), rel=0.18)


def test_enough_runs_were_free_and_failed() -> None:
    assert (len(FREE), len(FAILED)) == (33, 7)


@pytest.mark.parametrize("row", [row for row in FAILED if "lora" not in row["case"]], ids=lambda row: row["case"])
def test_what_failed_within_a_limit_is_not_said_to_fit_in_it(catalog: Catalog, row: dict[str, str]) -> None:
    found = peak(catalog, row)
    assert found.allocated + found.fragmented > int(row["limit_bytes"])


@pytest.mark.parametrize(
    ("trainer", "size"),
    [("transformers", 2 * 2 * 500_000_000), ("llama-factory", 2 * 500_000_000), ("ms-swift", 2 * 200_000_000)],
)
def test_buckets_are_those_of_the_trainers_own_configuration(catalog: Catalog, trainer: str, size: int) -> None:
    work = replace(ZERO2, trainer=trainer)
    assert buckets(work, 4_000_000_000) == size
    written = json.loads(deepspeed(work, catalog.architecture(catalog.models["qwen3-4b"]))["deepspeed.json"])
    zero = written["zero_optimization"]
    assert zero["overlap_comm"] is (trainer == "transformers")
    assert zero.get("reduce_bucket_size", 500_000_000) * 2 * (1 + zero["overlap_comm"]) == size


def test_dropout_keeps_a_byte_of_every_adapted_input(catalog: Catalog) -> None:
    """Qwen3-8B: 7 matrices a layer read 36,864 values; QLoRA and LoRA of ms-swift alike, none where nothing is adapted."""
    shape = catalog.architecture(catalog.models["qwen3-8b"])
    from qwenpick.training.activations import dropout_masks

    layer = shape.layer_list[0]
    assert dropout_masks(shape, layer, Training("lora", trainer="ms-swift")) == 5 * 4096 + 4096 + 12288
    assert dropout_masks(shape, layer, Training("qlora", trainer="ms-swift", target="attention")) == 4 * 4096
    for other in (Training("full", trainer="ms-swift"), Training("lora", trainer="llama-factory")):
        assert dropout_masks(shape, layer, other) == 0


def test_dropout_of_a_hybrid_and_of_a_mixture(catalog: Catalog) -> None:
    from qwenpick.training.activations import dropout_masks

    work = Training("lora", trainer="ms-swift")
    hybrid = catalog.architecture(catalog.models["qwen3.5-2b"])
    linear = hybrid.layer_list[0]
    assert dropout_masks(hybrid, linear, work) == 4 * 2048 + 2048 + 2 * 2048 + 6144
    mixture = catalog.architecture(catalog.models["qwen3-30b-a3b"])
    assert dropout_masks(mixture, mixture.layer_list[0], work) == 3 * 2048 + 4096
