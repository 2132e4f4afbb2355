"""Runs that share GPUs, and other objectives, against the trainers themselves on an H200 (benchmarks/measured/training_h200_2026_11_29.csv)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from benchmarks.scoreboard import MEASURED, read
from benchmarks.scorers.training_runs import LIMITS, limited

from qwenpick import training
from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.launch.training.common import deepspeed
from qwenpick.machine.hardware import Device
from qwenpick.machine.simulate import simulate
from qwenpick.memory.tensors import parameters
from qwenpick.training import Peak
from qwenpick.training.answer import tune
from qwenpick.training.sharding import offloaded
from qwenpick.training.trainers import KEEPS_FROM, numbers
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

GIB = 2**30
H200 = Device("NVIDIA H200", "nvidia", 139 * GIB, 139 * GIB, compute_capability="9.0")
FULL = Training("full", trainer="transformers")
ZERO3, ZERO2, FSDP = replace(FULL, zero=3, gpus=2), replace(FULL, zero=2, gpus=2), replace(FULL, fsdp=True, gpus=2)
LORA = Training("lora", trainer="trl")
KEEPING = replace(ZERO3, method="lora", trainer="trl", trainer_version="1.6")


def peak(catalog: Catalog, name: str, work: Training) -> Peak:
    """The first GPU's."""
    model = catalog.models[name]
    return training.peaks(training.memory(model, catalog.architecture(model), work, Placement((H200,) * work.gpus)))[0]


@pytest.mark.parametrize(
    ("name", "work", "gib"),
    [
        ("qwen3-4b", ZERO3, 37.564),
        ("qwen3-4b", replace(ZERO3, seq=8192), 47.425),
        ("qwen3-4b", replace(ZERO3, optimizer="adamw-fused"), 35.820),
        ("qwen3-14b", replace(ZERO3, gpus=8), 35.113),
        ("qwen3-4b", replace(ZERO3, seq=32768, sequence_parallel=2), 62.915),
        ("qwen3-4b", replace(ZERO3, gpus=4, seq=32768, sequence_parallel=4), 32.456),
        ("qwen3-14b", replace(KEEPING, gpus=4), 33.353),  # frozen layers stay gathered
        ("qwen3-8b", replace(ZERO3, method="lora"), 14.031),  # they do not without reentrant checkpointing
        ("qwen3-8b", replace(LORA, trainer="torch", train_embeddings=True), 27.735),
        ("qwen3-4b", replace(LORA, trainer="torch", train_embeddings=True), 14.003),  # tied: one matrix
        ("qwen3-1.7b", replace(FULL, trainer="torch", optimizer="torchao-adamw-8bit"), 12.058),
        ("qwen3-4b", replace(FULL, trainer="torch", optimizer="torchao-adamw-8bit"), 25.687),
        ("qwen3-1.7b", replace(FULL, trainer="torch", optimizer="torchao-adamw-4bit"), 15.154),
        ("qwen3-4b", replace(FULL, trainer="torch", optimizer="torchao-adamw-4bit"), 27.880),
        ("qwen3-1.7b", replace(LORA, trainer="torch", dora=True), 7.185),
        ("qwen3-4b", replace(LORA, trainer="torch", dora=True), 11.842),
        ("qwen3-8b", replace(LORA, trainer="torch", dora=True), 19.900),
        ("qwen3-1.7b", replace(LORA, method="freeze", trainer="torch", layers=8), 8.484),
        ("qwen3-4b", replace(LORA, method="freeze", trainer="torch", layers=2), 12.212),
        ("qwen3-8b", replace(LORA, method="freeze", trainer="torch", layers=4), 22.271),
        ("qwen3-4b", ZERO2, 48.769),
        ("qwen3-8b", replace(ZERO2, gpus=8), 36.301),
        ("qwen3-4b", replace(ZERO2, offload="optimizer"), 13.041),
        ("qwen3-14b", replace(ZERO3, gpus=8, offload="parameters"), 6.351),
        ("qwen3-4b", FSDP, 37.701),  # FP32 masters: accelerate raises them
        ("qwen3-8b", replace(FSDP, optimizer="adamw-fused"), 63.997),
        ("qwen3-14b", replace(FSDP, gpus=8, optimizer="adamw-fused"), 30.761),
        ("qwen3-4b", replace(FSDP, seq=32768, sequence_parallel=2), 54.272),
        ("qwen3-4b", replace(LORA, batch=4), 11.351),
        ("qwen3-4b", replace(LORA, objective="dpo", seq=1024, batch=4), 11.350),
        ("qwen3-1.7b", replace(LORA, method="full", objective="dpo", seq=1024, batch=4), 19.294),
        ("qwen3-1.7b", replace(LORA, objective="grpo", seq=1024, batch=8), 5.655),
        ("qwen3-1.7b", replace(LORA, method="full", objective="grpo", seq=1024, batch=8, reference=True), 19.294),
        ("qwen3-4b", replace(LORA, objective="kto", seq=1024, batch=4), 9.665),
        ("qwen3-4b", replace(LORA, objective="orpo", seq=1024, batch=2), 14.510),
        ("qwen3-4b", replace(LORA, objective="reward", seq=1024, batch=4), 11.349),
    ],
)
def test_the_peak_is_what_torch_reported(catalog: Catalog, name: str, work: Training, gib: float) -> None:
    assert peak(catalog, name, work).allocated / GIB == pytest.approx(gib, rel=0.025)


@pytest.mark.parametrize(
    ("work", "gib"),
    [  # texts of 512 tokens, pairs x 2
        (Training("full", seq=512, batch=32, checkpointing=False), 65.319),
        (Training("full", seq=512, batch=64), 9.844),
        (Training("full", seq=512, batch=256, checkpointing=False, mini_batch=32), 35.582),
    ],
)
def test_contrastive_losses_keep_both_texts_and_no_logits(catalog: Catalog, work: Training, gib: float) -> None:
    work = replace(work, objective="embedding", trainer="sentence-transformers")
    assert peak(catalog, "qwen3-embedding-0.6b", work).allocated / GIB == pytest.approx(gib, rel=0.05)


def test_a_run_needs_what_is_allocated_the_context_and_blocks_in_use(catalog: Catalog) -> None:
    found = peak(catalog, "qwen3-4b", ZERO3)
    assert found.allocated < found.need < found.process
    # 0.21 of what is allocated cannot be given back under ZeRO-3; 820 MiB of context and 780 of NCCL lie outside of torch
    assert found.need == pytest.approx(found.allocated * 1.21 + 1600 * 2**20, rel=0.001)
    growing = peak(catalog, "qwen3-4b", replace(ZERO3, segments=True))
    assert growing.allocated == found.allocated
    assert growing.need == pytest.approx(found.allocated * 1.02 + 1600 * 2**20, rel=0.001)


LIMITED = [row for row in read(MEASURED, LIMITS) if row["limit_bytes"] != "0"]


def test_the_limits_have_runs_that_held_and_runs_that_did_not() -> None:
    assert [row["ran"] for row in LIMITED].count("False") == 5
    assert len(LIMITED) == 33


@pytest.mark.parametrize("row", LIMITED, ids=lambda row: f"{row['case']} {row['process']}")
def test_what_failed_within_a_limit_is_not_said_to_fit_in_it(catalog: Catalog, row: dict[str, str]) -> None:
    found = peak(catalog, row["model"].casefold(), limited(row))
    need = found.allocated + found.fragmented
    if row["ran"] == "False":
        assert need > int(row["limit_bytes"])
    elif row["strategy"] != "zero3" or row["segments"] == "True" or "lora" in row["case"]:
        assert need < 1.01 * int(row["limit_bytes"])  # estimates are within 1 %
    else:  # of ZeRO-3 with all weights trained less could be given back elsewhere than here
        assert found.allocated < int(row["limit_bytes"]) < found.reserved


FROZEN = read(MEASURED, "deepspeed_frozen_2026_11_30.csv")


@pytest.mark.parametrize("row", FROZEN, ids=lambda row: f"{row['deepspeed']} {row['checkpointing']} {row['target']}")
def test_frozen_layers_stay_gathered_from_one_release_of_deepspeed_on(row: dict[str, str]) -> None:
    keeps = row["checkpointing"] == "reentrant" and numbers(row["deepspeed"]) >= numbers(KEEPS_FROM)
    if row["target"] == "none":  # all weights are trained
        wrong = (0, 16) <= numbers(row["deepspeed"]) < (0, 16, 8)
        keeps = wrong and row["checkpointing"] == "non-reentrant"
    assert (float(row["first_layer"]) > 10) is keeps  # of twelve


@pytest.mark.parametrize("trainer", ["llama-factory", "ms-swift"])
def test_what_a_trainer_asks_of_deepspeed_decides_whether_frozen_layers_stay(catalog: Catalog, trainer: str) -> None:
    """Qwen1.5-14B beside q_proj and v_proj, two sequences of 1,024 tokens on each of four GPUs of 24 GB (LLaMA-Factory 2879 ran)."""
    work = replace(ZERO3, method="lora", target="q_proj,v_proj", gpus=4, seq=1024, batch=2)
    found = peak(catalog, "qwen1.5-14b", replace(work, trainer=trainer))
    assert found.need < 23 * GIB
    kept = peak(catalog, "qwen1.5-14b", replace(work, trainer="trl", trainer_version="1.6"))
    assert kept.allocated - found.allocated > 10 * GIB
    box = simulate(catalog, ["rtx 4090"] * 4, None, 256 * GIB, False)
    told = tune(catalog, box, catalog.models["qwen1.5-14b"], replace(work, trainer=trainer)).notes
    assert any("DeepSpeed from 0.19.3" in note and "does not fit there" in note for note in told)


def test_expandable_segments_are_asked_for_where_runs_stand_behind_them(catalog: Catalog) -> None:
    for work in (FULL, replace(ZERO3, method="lora"), replace(ZERO3, offload="parameters")):
        with pytest.raises(QwenpickError, match="expandable-segments"):
            peak(catalog, "qwen3-4b", replace(work, segments=True))


def test_zero_3_divides_adapters_too(catalog: Catalog) -> None:
    model = catalog.models["qwen3-30b-a3b"]
    work = replace(ZERO3, method="lora", gpus=8)
    parts = training.memory(model, catalog.architecture(model), work).parts
    adapters = next(part.bytes for part in parts if part.name == "adapters" and part.where == "gpu0")
    assert adapters == 2 * 996_507_648 // 8  # bf16 under ZeRO 3


@pytest.mark.parametrize(
    ("work", "each"), [(replace(ZERO3, offload="parameters"), 20), (replace(ZERO2, offload="optimizer"), 16)]
)
def test_without_pinned_buffers_ram_holds_the_tensors_alone(catalog: Catalog, work: Training, each: int) -> None:
    weights = parameters(catalog.architecture(catalog.models["qwen3-4b"]))
    pinned, plain = (offloaded(run, weights) for run in (work, replace(work, pin_memory=False)))
    assert (pinned, plain) == (27 * -(-weights // 2), each * -(-weights // 2))
    written = json.loads(
        deepspeed(replace(work, pin_memory=False), catalog.architecture(catalog.models["qwen3-4b"]))["deepspeed.json"]
    )
    assert written["zero_optimization"]["offload_optimizer"] == {"device": "cpu", "pin_memory": False}


def test_unpinned_needs_something_of_deepspeeds_in_ram(catalog: Catalog) -> None:
    for work in (FULL, ZERO3, replace(FSDP, offload="parameters"), replace(ZERO3, offload="nvme")):
        with pytest.raises(QwenpickError, match="no-pin-memory"):
            peak(catalog, "qwen3-4b", replace(work, pin_memory=False))
