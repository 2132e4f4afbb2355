"""Texts of different lengths on one H200: what torch's cache holds then, and how little the same runs did with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.scoreboard import MEASURED, read
from benchmarks.scorers.training_runs import LENGTHS, of_lengths

from qwenpick import training
from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.machine.hardware import Device
from qwenpick.machine.simulate import simulate
from qwenpick.memory.bands import band
from qwenpick.training import Peak
from qwenpick.training.answer import tune
from qwenpick.training.notes import left_by_lengths
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

GIB = 2**30
H200 = Device("NVIDIA H200", "nvidia", 139 * GIB, 139 * GIB, compute_capability="9.0")
BF16 = Checkpoint(format="bf16")
ROWS = read(MEASURED, LENGTHS)
FREE = [row for row in ROWS if row["lengths"] == "many" and row["limit_bytes"] == "0" and row["segments"] == "False"]
FAILED = [row for row in ROWS if row["ran"] == "False"]


def peak(catalog: Catalog, row: dict[str, str]) -> Peak:
    model = catalog.models[row["model"].casefold()]
    work = of_lengths(row)
    return training.peaks(training.memory(model, catalog.architecture(model), work, Placement((H200,)), BF16))[0]


@pytest.mark.parametrize("row", FREE, ids=lambda row: row["case"])
def test_many_lengths_leave_three_times_the_logits_in_the_cache(catalog: Catalog, row: dict[str, str]) -> None:
    found = peak(catalog, row)
    more = left_by_lengths(catalog.architecture(catalog.models[row["model"].casefold()]), of_lengths(row), BF16)
    assert found.reserved + more == pytest.approx(int(row["peak_reserved_bytes"]), rel=0.09)
    assert found.reserved < 0.8 * int(row["peak_reserved_bytes"])  # texts of one length leave less


@pytest.mark.parametrize("row", [row for row in ROWS if row["lengths"] == "one"], ids=lambda row: row["case"])
def test_texts_of_one_length_leave_the_logits_that_the_step_did_not_take(catalog: Catalog, row: dict[str, str]) -> None:
    assert peak(catalog, row).reserved == pytest.approx(int(row["peak_reserved_bytes"]), rel=0.065)


def test_five_runs_were_free_and_four_failed() -> None:
    assert (len(FREE), len(FAILED)) == (5, 4)


@pytest.mark.parametrize("row", FAILED, ids=lambda row: row["case"])
def test_a_run_that_failed_within_a_limit_is_not_said_to_fit_there(catalog: Catalog, row: dict[str, str]) -> None:
    outside = 820 * 2**20
    assert peak(catalog, row).high(band("training-single")) - outside > int(row["limit_bytes"])


@pytest.mark.parametrize(
    "said",
    [{"packing": True}, {"chunked_loss": True}, {"trainer": "trl"}, {"zero": 3, "gpus": 2}, {"objective": "dpo"}],
)
def test_nothing_is_left_where_logits_are_of_one_size_or_no_run_stands_behind(
    catalog: Catalog, said: dict[str, object]
) -> None:
    work = replace(Training(trainer="transformers"), **said)
    assert left_by_lengths(catalog.architecture(catalog.models["qwen3-8b"]), work, BF16) == 0


def test_ms_swift_computes_logits_of_labelled_tokens_alone(catalog: Catalog) -> None:
    def notes(work: Training) -> list[str]:
        box = simulate(catalog, ["a100 80gb"] * 2, None, 256 * GIB, False)
        found = tune(catalog, box, catalog.models["qwen2.5-7b-instruct"], work)
        return [note for note in found.notes if "labelled" in note]

    said = notes(Training("lora", trainer="ms-swift"))
    assert [note.count("1.70 GiB") for note in said] == [1]  # 12 B x 152,064 x 1,000
    for other in ({"trainer": "transformers"}, {"chunked_loss": True}, {"seq": 512}):
        assert not notes(replace(Training("lora", trainer="ms-swift"), **other))  # type: ignore[arg-type]
