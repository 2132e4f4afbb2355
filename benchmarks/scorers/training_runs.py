"""Sharded, offloaded and divided runs, and other objectives than supervised tuning: the trainers themselves, and a plain loop on two GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import found
from benchmarks.scorers.training import H200
from qwenpick import training
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.training.estimate import band_of, recipe_of
from qwenpick.training.notes import left_by_lengths
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

TABLE, TWO, LIMITS = "training_h200_2026_11_29.csv", "training_2gpu_h200.csv", "training_limits_h200_2026_11_29.csv"
LENGTHS = "training_lengths_h200_2026_11_29.csv"
OVERLAP = "training_overlap_h200_2026_11_30.csv"
OPTIMIZERS = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw-fused",
    "adamw": "adamw",
    "adamw-fused": "adamw-fused",
    "torchao-8bit": "torchao-adamw-8bit",
    "torchao-4bit": "torchao-adamw-4bit",
}
# adapters checkpointed reentrantly, DeepSpeed with overlap_comm, all logits: TRL as it was then
REENTRANT: dict[str, Any] = {"trainer": "trl", "trainer_version": "1.6"}
OBJECTIVES = {"mnrl": "embedding", "cached": "embedding"}


def measured(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Rows of the trainers themselves; several GPUs are rank 0 of a fake process group on one, which moves nothing and has no NCCL."""
    for row in rows:
        said = dict(word.split("=", 1) for word in row["settings"].split())
        pair = found(row["model"])
        if "keep" in said:
            yield Skip("training", "logits of every position in a plain loop: no trainer's own", row["case"])
        elif pair is None:
            yield Skip("training", "the model is not in the catalogue", row["case"])
        else:
            if row["model"].startswith("Qwen3.5"):  # the language model alone was built, without its tower
                pair = pair[0], pair[1].model_copy(update={"vision": None})
            yield from _scores(
                _work(row, said), row["case"], int(row["peak_allocated_bytes"]), int(row["peak_reserved_bytes"]), pair
            )


def _work(row: Row, said: dict[str, str]) -> Training:
    strategy = row["strategy"]
    return Training(
        method=row["method"],
        objective=OBJECTIVES.get(row["loss"], row["loss"]),
        seq=int(row["seq"]),
        batch=int(row["batch"]),
        grad_accum=int(row["accum"]),
        rank=int(row["rank"]) or 16,
        optimizer=OPTIMIZERS[row["optimizer"]],
        precision=row["precision"],
        checkpointing=row["checkpointing"] == "True",
        zero=int(strategy[4:]) if strategy.startswith("zero") else 0,
        fsdp=strategy.startswith("fsdp"),
        offload=said.get("offload", "none"),
        gpus=int(row["gpus"]),
        **(REENTRANT if said.get("reentrant") == "True" and row["method"] == "lora" else {"trainer": row["trainer"]}),
        sequence_parallel=int(said.get("sp") or said.get("cp") or 1),
        reference=True if "beta" in said else False if "precompute" in said else None,
        train_embeddings="save" in said,
        dora="dora" in said,
        fla="fla" in said,
        layers=int(said["layers"]) if "layers" in said else None,
        mini_batch=int(said["mini"]) if "mini" in said else None,
    )


def two_gpus(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """training_2gpu_h200.csv: a plain loop with FSDP 2 or DistributedDataParallel under torchrun."""
    for row in rows:
        label = f"{row['task']} {row['model']} {row['precision']} {row['optimizer']} {row['batch']}x{row['seq']} rank {row['rank']}"
        pair = found(row["model"])
        if pair is None:
            yield Skip("training", "the model is not in the catalogue", label)
            continue
        kind, _, how = row["task"].partition("-")
        work = Training(
            method="lora" if kind.startswith("lora") else "full",
            rank=int(kind.removeprefix("lora")) if kind.startswith("lora") else 16,
            seq=int(row["seq"]),
            batch=int(row["batch"]),
            optimizer=OPTIMIZERS[row["optimizer"]],
            precision="fp32" if row["precision"] == "fp32-master" else "bf16",
            checkpointing=row["ckpt"] == "True",
            fsdp=how == "fsdp2",
            gpus=int(row["world"]),
            trainer="torch",
        )
        allocated, reserved = (round(float(row[name]) * GIB) for name in ("peak_alloc_gib", "peak_reserved_gib"))
        yield from _scores(work, label, allocated, reserved, pair)


def limited(row: Row) -> Training:
    """The run of a row of training_limits_h200_2026_11_29.csv: two GPUs with NCCL, or rank 0 of a fake process group; the longest of its lengths."""
    of_adapters = "lora" in row["case"]
    return Training(
        method="lora" if of_adapters else "full",
        seq=int(row["seq"]),
        optimizer=OPTIMIZERS[row["optimizer"]],
        zero=int(row["strategy"][4:]) if row["strategy"].startswith("zero") else 0,
        fsdp=row["strategy"].startswith("fsdp"),
        gpus=int(row["gpus"]),
        segments=row["segments"] == "True",
        **(REENTRANT if of_adapters else {"trainer": "transformers"}),
    )


def within_limits(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """What runs that could reserve all kept; how little others did with is in tests/training/test_sharded.py."""
    for row in rows:
        label = f"{row['case']} rank {row['process']} {row['group']}"
        if int(row["limit_bytes"]):
            yield Skip("training", "a run within a limit: tests/training/test_sharded.py", label)
        elif pair := found(row["model"]):
            allocated, reserved = int(row["peak_allocated_bytes"]), int(row["peak_reserved_bytes"])
            yield from _scores(limited(row), label, allocated, reserved, pair)


def of_lengths(row: Row) -> Training:
    """The run of a row of training_lengths_h200_2026_11_29.csv, on one GPU; the longest of its texts."""
    return Training(
        method=row["method"],
        seq=int(row["seq"]),
        rank=int(row["rank"]) or 16,
        optimizer=OPTIMIZERS[row["optimizer"]],
        trainer="transformers",
    )


def lengths(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Texts of one length as other runs have them; of many, with what those leave in the cache."""
    for row in rows:
        if int(row["limit_bytes"]) or row["segments"] == "True":
            yield Skip("training", "a run within a limit, or in blocks that grow: not modeled on one GPU", row["case"])
        elif pair := found(row["model"]):
            work, reserved = of_lengths(row), int(row["peak_reserved_bytes"])
            if row["lengths"] == "one":
                yield from _scores(work, row["case"], int(row["peak_allocated_bytes"]), reserved, pair)
                continue
            bf16 = Checkpoint(format="bf16")
            peak = training.peaks(training.memory(*pair, work, Placement((H200,)), bf16))[0]
            ours = peak.reserved + left_by_lengths(pair[1], work, bf16)
            yield Score("training-single", "reserved, lengths vary", row["case"], ours / GIB, reserved / GIB)


def of_overlap(row: Row) -> Training:
    """The run of a row of training_overlap_h200_2026_11_30.csv: whose habits its DeepSpeed configuration or dropout is."""
    named: dict[str, Any] = {"trainer": "transformers"}
    if row["overlap"] == "False":
        own = row["bucket"] == "200000000" or row["reentrant"] == "False"
        named["trainer"] = "ms-swift" if own else "llama-factory"
    elif row["method"] == "lora" and row["strategy"] == "zero3":
        named = REENTRANT
    elif row["dropout"] not in ("", "0"):
        named["trainer"] = "ms-swift"
    return Training(
        method=row["method"],
        seq=int(row["seq"]),
        rank=int(row["rank"]) or 16,
        target=row["target"] or "all-linear",
        optimizer=OPTIMIZERS[row["optimizer"]],
        checkpointing=row["checkpointing"] == "True",
        zero=int(row["strategy"][4:]) if row["strategy"].startswith("zero") else 0,
        offload=row["offload"] or "none",
        gpus=int(row["gpus"]),
        **named,
    )


def keeps_in_turn(row: Row) -> bool:
    """Whether reentrant checkpointing kept frozen layers (DeepSpeed 0.19.8) in a run without overlap_comm: LLaMA-Factory's and ms-swift's older
    DeepSpeed releases them."""
    return (
        row["method"] == "lora"
        and row["strategy"] == "zero3"
        and row["reentrant"] == "True"
        and row["overlap"] == "False"
    )


def overlapping(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """With and without overlap_comm, texts of one length or of many; with and without LoRA's dropout."""
    for row in rows:
        if int(row["limit_bytes"]):
            yield Skip("training", "a run within a limit: tests/training/test_overlap.py", row["case"])
        elif keeps_in_turn(row):
            yield Skip(
                "training", "frozen layers kept without overlap_comm: a DeepSpeed that no trainer asks for", row["case"]
            )
        elif pair := found(row["model"]):
            allocated, reserved = int(row["peak_allocated_bytes"]), int(row["peak_reserved_bytes"])
            yield from _scores(of_overlap(row), row["case"], allocated, reserved, pair)


def _scores(
    work: Training, label: str, allocated: int, reserved: int, pair: tuple[Model, Architecture]
) -> Iterator[Score]:
    model, architecture = pair
    memory = training.memory(model, architecture, work, Placement((H200,) * work.gpus), Checkpoint(format="bf16"))
    peak = training.peaks(memory)[0]
    name = f"training-{recipe_of(work)}"
    yield Score(name, "peak allocation", label, peak.allocated / GIB, allocated / GIB)
    yield Score(name, "reserved", label, peak.reserved / GIB, reserved / GIB, band=band_of(work))


TABLES: dict[str, Scorer] = {
    TABLE: measured,
    TWO: two_gpus,
    LIMITS: within_limits,
    LENGTHS: lengths,
    OVERLAP: overlapping,
}
