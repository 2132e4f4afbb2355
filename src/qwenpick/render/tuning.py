"""What `fit --train` and `plan --train` print: the verdict, a bar per GPU, how far the run stretches, and methods or GPUs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.render.fit import bar_of, parts_of
from qwenpick.render.report import Block, Column, Line, Report, Table
from qwenpick.render.values import machine_values, memory_values, place_values
from qwenpick.render.words import TONES, VERDICTS, box
from qwenpick.training.trainers import TRAINERS
from qwenpick.units import format_bytes, format_gb, format_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.hardware import Machine
    from qwenpick.render.payloads import TuneValues, TuningPlanValues, TuningValues
    from qwenpick.tuning import Tuned, TuningOffer
    from qwenpick.workload import Training

NAMES = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}


def tuning_report(tuned: Tuned, machine: Machine, dataset_tokens: int | None, explain: bool) -> Report:
    """One run on one box."""
    training = tuned.training
    settings = (
        f"{training.gpus} GPU{'s' * (training.gpus > 1)}, {training.batch} x {format_tokens(training.seq)} tokens each"
    )
    blocks: list[Block] = [
        Line(
            f"{NAMES[training.method]} of {tuned.model.name} in {tuned.checkpoint.format} on {settings}: "
            f"{VERDICTS[tuned.verdict]}, {tuned.reason}",
            TONES[tuned.verdict],
        ),
        Line(box(machine), "dim"),
        *(bar_of(place, tuned.memory) for place in tuned.places),
        Line(_stretch(tuned)),
        *_time(tuned, dataset_tokens),
        Line(
            f"beside it: {format_bytes(tuned.storage.ram, 0)} of RAM; disk: {format_gb(tuned.storage.download)} of weights, "
            f"{format_gb(tuned.storage.checkpoint)} a saved checkpoint, {format_gb(tuned.storage.result)} the result"
        ),
        Line(_settings(training), "dim"),
    ]
    if explain:
        blocks.append(parts_of(tuned.memory))
    return (*blocks, *(Line(note, "dim") for note in machine.notes))


def methods_report(
    name: str, found: Sequence[Tuned | tuple[str, str]], machine: Machine, dataset_tokens: int | None
) -> Report:
    """QLoRA, LoRA and full fine-tuning side by side on one box."""
    rows = []
    for one in found:
        if isinstance(one, tuple):
            rows.append((NAMES[one[0]], "", "cannot run", one[1], "", "", "", ""))
            continue
        rows.append((
            NAMES[one.training.method], one.checkpoint.format, VERDICTS[one.verdict], one.reason, format_bytes(_fullest(one), 1),
            format_tokens(one.longest) if one.longest else "none", str(one.largest or "none"), _hours(one, dataset_tokens),
        ))  # fmt: skip
    columns = (
        Column("Method"), Column("Weights"), Column("Verdict"), Column("Why", optional=True), Column("Needs", number=True),
        Column("Longest", number=True), Column("Batch", number=True), Column("Speed" if dataset_tokens is None else "Epoch", number=True),
    )  # fmt: skip
    settled = next((one.training for one in found if not isinstance(one, tuple)), None)
    notes = (Line(_settings(settled), "dim"),) if settled else ()
    return (Line(f"{name}: {box(machine)}", "title"), Table(columns, tuple(rows)), *notes)


def _fullest(tuned: Tuned) -> int:
    return max((place.need for place in tuned.places if place.where != "ram"), default=0)


def _stretch(tuned: Tuned) -> str:
    longest = f"longest sequence {format_tokens(tuned.longest)} tokens" if tuned.longest else "no sequence fits"
    largest = f"largest batch {tuned.largest}" if tuned.largest else "no batch fits"
    low, high = (round(_fullest(tuned) * edge) for edge in (tuned.band.low, tuned.band.high))
    return f"needs {format_bytes(_fullest(tuned))} a GPU ({format_bytes(low)} to {format_bytes(high)}); {longest}, {largest}"


def _time(tuned: Tuned, dataset_tokens: int | None) -> list[Block]:
    if tuned.speed is None:
        return [Line("training speed unknown: the catalogue has no rate for this GPU", "dim")]
    speed = tuned.speed
    rate = f"{speed.tokens_per_second:,.0f} tokens/s ({speed.low:,.0f} to {speed.high:,.0f})"
    return [
        Line(
            f"{rate}; {_hours(tuned, dataset_tokens)} an epoch of {dataset_tokens:,} tokens" if dataset_tokens else rate
        )
    ]


def _hours(tuned: Tuned, dataset_tokens: int | None) -> str:
    if tuned.speed is None:
        return "unknown"
    if dataset_tokens is None:
        return f"{tuned.speed.tokens_per_second:,.0f} tok/s"
    expected, shortest, longest = tuned.speed.hours(dataset_tokens)
    return f"{expected:.1f} h ({shortest:.1f} to {longest:.1f})"


def _settings(training: Training) -> str:
    adapters = f"rank {training.rank} on {training.target}, " if training.method != "full" else ""
    sharding = f"ZeRO-{training.zero}, " if training.zero else "FSDP, " if training.fsdp else ""
    checkpointing = "checkpointing" if training.checkpointing else "no checkpointing"
    loss = ", chunked loss" if training.chunked_loss else ""
    trainer = TRAINERS[training.trainer]
    return (
        f"{adapters}{training.optimizer}, {training.precision}, {checkpointing}, {training.attention} attention{loss}, {sharding}"
        f"as {trainer.title} does it ({trainer.read_from})"
    )


def tune_values(tuned: Tuned, dataset_tokens: int | None) -> TuneValues:
    """One run for a program."""
    training, storage, speed = tuned.training, tuned.storage, tuned.speed
    hours = speed.hours(dataset_tokens) if speed and dataset_tokens else None
    return {
        "model": tuned.model.id,
        "format": tuned.checkpoint.format,
        "repository": tuned.checkpoint.repo,
        "verdict": tuned.verdict,
        "reason": tuned.reason,
        "training": {name: getattr(training, name) for name in training.__slots__},
        "memory": memory_values(tuned.memory, tuned.band),
        "places": [place_values(place) for place in tuned.places],
        "longest_sequence": tuned.longest,
        "largest_batch": tuned.largest,
        "speed": {"value": speed.tokens_per_second, "low": speed.low, "high": speed.high} if speed else None,
        "epoch_hours": {"value": hours[0], "low": hours[1], "high": hours[2]} if hours else None,
        "ram": storage.ram,
        "disk": {"download": storage.download, "checkpoint": storage.checkpoint, "result": storage.result},
    }


def tuning_values(
    found: Sequence[Tuned | tuple[str, str]], machine: Machine, dataset_tokens: int | None, strict: bool
) -> TuningValues:
    """Runs for a program, and the exit code of the first."""
    runs = [one for one in found if not isinstance(one, tuple)]
    fits = any(run.holds(strict) for run in runs)
    return {
        "fits": fits,
        "exit_code": 0 if fits else 1,
        "runs": [tune_values(run, dataset_tokens) for run in runs],
        "refused": {one[0]: one[1] for one in found if isinstance(one, tuple)},
        "machine": machine_values(machine),
    }


def tuning_plan_report(model: Model, method: str, found: tuple[TuningOffer, ...], limit: int) -> Report:
    """GPUs on which a fine-tuning run holds, for a person."""
    if not found:
        return (Line(f"No GPU of the catalogue, up to eight of a kind, holds this run of {model.name}.", "bad"),)
    columns = (
        Column("Hardware"), Column("Memory", number=True), Column("Needs each", number=True), Column("Longest", number=True),
        Column("Batch", number=True), Column("tok/s", number=True), Column("Power", number=True, optional=True), Column("Price", number=True),
        Column("Priced", optional=True),
    )  # fmt: skip
    rows = tuple(
        (
            f"{one.count} x {one.gpu.name}" if one.count > 1 else one.gpu.name,
            format_bytes(one.memory, 0),
            format_bytes(max(place.need for place in one.tuned.places), 1),
            format_tokens(one.tuned.longest) if one.tuned.longest else "",
            str(one.tuned.largest or ""),
            f"{one.tuned.speed.low:,.0f}-{one.tuned.speed.high:,.0f}" if one.tuned.speed else "unknown",
            f"{one.power:.0f} W" if one.power else "unknown",
            f"${one.price:,.0f}" if one.price else "unknown",
            one.price_note or "",
        )
        for one in found[:limit]
    )
    storage = found[0].tuned.storage
    beside = f"Beside it: {format_bytes(storage.ram, 0)} of RAM, {format_gb(storage.disk())} of disk for weights and two saved checkpoints"
    more = (Line(f"{len(found) - limit} more: --limit shows them", "dim"),) if len(found) > limit else ()
    return (Line(f"{method} of {model.name}", "title"), Table(columns, rows), Line(beside), *more)


def tuning_plan_values(model: Model, found: tuple[TuningOffer, ...]) -> TuningPlanValues:
    """GPUs on which a fine-tuning run holds, for a program."""
    return {
        "model": model.id,
        "tuning_offers": [
            {
                "gpu": one.gpu.id,
                "count": one.count,
                "memory": one.memory,
                "price_usd": one.price,
                "price_note": one.price_note,
                "power_watts": one.power,
                "run": tune_values(one.tuned, None),
            }
            for one in found
        ],
    }
