"""What `fit --train` and `plan --train` print: the verdict, a bar per GPU, how far the run stretches, and methods or GPUs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.catalog.prices import dollars
from qwenpick.i18n import N_, _, retell
from qwenpick.render.fit import bar_of, parts_of
from qwenpick.render.report import Block, Column, Line, Report, Table
from qwenpick.render.values import machine_values, memory_values, place_values
from qwenpick.render.words import TONES, VERDICTS, box, gpu_count
from qwenpick.training.trainers import TRAINERS
from qwenpick.units import format_bytes, format_gb, format_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.render.payloads import TuneValues, TuningPlanValues, TuningValues
    from qwenpick.training.answer import Tuned, TuningOffer
    from qwenpick.work.serving import Training

NAMES = {"full": N_("full fine-tuning"), "lora": "LoRA", "qlora": "QLoRA"}


def tuning_report(tuned: Tuned, machine: Machine, dataset_tokens: int | None, explain: bool) -> Report:
    """One run on one box."""
    training = tuned.training
    settings = _(
        "{gpu_count}, {batch} x {seq} tokens each",
        gpu_count=gpu_count(training.gpus),
        batch=training.batch,
        seq=format_tokens(training.seq),
    )
    blocks: list[Block] = [
        Line(
            _(
                "{method} of {name} in {format} on {settings}: {verdict}, {reason}",
                method=_(NAMES[training.method]),
                name=tuned.model.name,
                format=tuned.checkpoint.format,
                settings=settings,
                verdict=_(VERDICTS[tuned.verdict]),
                reason=tuned.reason,
            ),
            TONES[tuned.verdict],
        ),
        Line(box(machine), "dim"),
        *(bar_of(place, tuned.memory) for place in tuned.places),
        Line(_stretch(tuned)),
        *_time(tuned, dataset_tokens),
        Line(
            _(
                "beside it: {ram} of RAM; disk: {download} of weights, {checkpoint} a saved checkpoint, {result} the result",
                ram=format_bytes(tuned.storage.ram, 0),
                download=format_gb(tuned.storage.download),
                checkpoint=format_gb(tuned.storage.checkpoint),
                result=format_gb(tuned.storage.result),
            )
        ),
        Line(_settings(training), "dim"),
    ]
    if explain:
        blocks.append(parts_of(tuned.memory))
    return (*blocks, *(Line(retell(note), "dim") for note in machine.notes))


def methods_report(
    name: str, found: Sequence[Tuned | tuple[str, str]], machine: Machine, dataset_tokens: int | None
) -> Report:
    """QLoRA, LoRA and full fine-tuning side by side on one box."""
    rows = []
    for one in found:
        if isinstance(one, tuple):
            rows.append((_(NAMES[one[0]]), "", _("cannot run"), one[1], "", "", "", ""))
            continue
        rows.append((
            _(NAMES[one.training.method]), one.checkpoint.format, _(VERDICTS[one.verdict]), one.reason, format_bytes(_fullest(one), 1),
            format_tokens(one.longest) if one.longest else _("none"), str(one.largest or _("none")), _hours(one, dataset_tokens),
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
    longest = (
        _("longest sequence {longest} tokens", longest=format_tokens(tuned.longest))
        if tuned.longest
        else _("no sequence fits")
    )
    largest = _("largest batch {largest}", largest=tuned.largest) if tuned.largest else _("no batch fits")
    low, high = (round(_fullest(tuned) * edge) for edge in (tuned.band.low, tuned.band.high))
    return _(
        "needs {fullest} a GPU ({low} to {high}); {longest}, {largest}",
        fullest=format_bytes(_fullest(tuned)),
        low=format_bytes(low),
        high=format_bytes(high),
        longest=longest,
        largest=largest,
    )


def _time(tuned: Tuned, dataset_tokens: int | None) -> list[Block]:
    if tuned.speed is None:
        return [Line(_("training speed unknown: the catalogue has no rate for this GPU"), "dim")]
    speed = tuned.speed
    rate = _(
        "{tokens_per_second:,.0f} tokens/s ({low:,.0f} to {high:,.0f})",
        tokens_per_second=speed.tokens_per_second,
        low=speed.low,
        high=speed.high,
    )
    return [
        Line(
            _(
                "{rate}; {hours} an epoch of {dataset_tokens:,} tokens",
                rate=rate,
                hours=_hours(tuned, dataset_tokens),
                dataset_tokens=dataset_tokens,
            )
            if dataset_tokens
            else rate
        )
    ]


def _hours(tuned: Tuned, dataset_tokens: int | None) -> str:
    if tuned.speed is None:
        return _("unknown")
    if dataset_tokens is None:
        return _("{tokens_per_second:,.0f} tok/s", tokens_per_second=tuned.speed.tokens_per_second)
    expected, shortest, longest = tuned.speed.hours(dataset_tokens)
    return _(
        "{expected:.1f} h ({shortest:.1f} to {longest:.1f})", expected=expected, shortest=shortest, longest=longest
    )


def _settings(training: Training) -> str:
    adapters = (
        _("rank {rank} on {target}, ", rank=training.rank, target=training.target) if training.method != "full" else ""
    )
    sharding = f"ZeRO-{training.zero}, " if training.zero else "FSDP, " if training.fsdp else ""
    checkpointing = _("checkpointing") if training.checkpointing else _("no checkpointing")
    loss = _(", chunked loss") if training.chunked_loss else ""
    trainer = TRAINERS[training.trainer]
    return _(
        "{adapters}{optimizer}, {precision}, {checkpointing}, {attention} attention{loss}, {sharding}as {title} does "
        "it ({read_from})",
        adapters=adapters,
        optimizer=training.optimizer,
        precision=training.precision,
        checkpointing=checkpointing,
        attention=training.attention,
        loss=loss,
        sharding=sharding,
        title=trainer.title,
        read_from=trainer.read_from,
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
        return (
            Line(
                _("No GPU of the catalogue, up to eight of a kind, holds this run of {name}.", name=model.name), "bad"
            ),
        )
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
            f"{one.tuned.speed.low:,.0f}-{one.tuned.speed.high:,.0f}" if one.tuned.speed else _("unknown"),
            f"{one.power:.0f} W" if one.power else _("unknown"),
            dollars(one.price, one.price_note) if one.price else _("unknown"),
            one.price_note or "",
        )
        for one in found[:limit]
    )
    storage = found[0].tuned.storage
    beside = _(
        "Beside it: {ram} of RAM, {disk} of disk for weights and two saved checkpoints",
        ram=format_bytes(storage.ram, 0),
        disk=format_gb(storage.disk()),
    )
    more = (Line(_("{count} more: --limit shows them", count=len(found) - limit), "dim"),) if len(found) > limit else ()
    return (
        Line(_("{method} of {name}", method=method, name=model.name), "title"),
        Table(columns, rows),
        Line(beside),
        *more,
    )


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
