"""What `fit --train` prints: the verdict, a bar per GPU, how far the run stretches, what would make it fit, and methods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, retell
from qwenpick.planning.words import gpu_count
from qwenpick.render.fit import fixes_of, parts_of
from qwenpick.render.forms.bars import bars_of
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.words import TONES, VERDICTS, box
from qwenpick.training.methods import METHODS
from qwenpick.training.objectives import OBJECTIVES
from qwenpick.training.trainers import TRAINERS
from qwenpick.units import format_bytes, format_gb, format_longest, format_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.training.answer import Tuned
    from qwenpick.training.fixes import TuningFix
    from qwenpick.training.reach import Reach
    from qwenpick.work.serving import Training


def tuning_report(
    tuned: Tuned,
    machine: Machine,
    dataset_tokens: int | None,
    explain: bool,
    fixes: Sequence[TuningFix] = (),
    average: Tuned | None = None,
    reached: Sequence[Reach] = (),
    commands: Sequence[str] = (),
    buying: str = "",
) -> Report:
    """One run on one box; `average` is the same with sequences of the data's average length, `commands` ask for the fixes, one each, and `buying` on
    which hardware it holds.
    """
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
                method=named(training),
                name=tuned.model.name,
                format=tuned.checkpoint.format,
                settings=settings,
                verdict=_(VERDICTS[tuned.verdict]),
                reason=tuned.reason,
            ),
            TONES[tuned.verdict],
        ),
        Line(box(machine), "dim"),
        *bars_of(tuned.places, tuned.memory),
        Line(_stretch(tuned)),
        *_average(average),
        *_time(tuned, dataset_tokens),
        *_changes(fixes, tuned, commands, buying),
        *_reached(reached),
        Line(
            _(
                "it also needs {ram} of RAM, and disk: {download} for weights, {checkpoint} for each saved checkpoint, {result} for the result",
                ram=format_bytes(tuned.storage.ram, 0),
                download=format_gb(tuned.storage.download),
                checkpoint=format_gb(tuned.storage.checkpoint),
                result=format_gb(tuned.storage.result),
            )
        ),
        *_on_disk(tuned),
        Line(_settings(training), "dim"),
    ]
    if explain:
        blocks.append(parts_of(tuned.memory))
    return (*blocks, *(Line(retell(note), "dim") for note in (*tuned.notes, *machine.notes)))


def _on_disk(tuned: Tuned) -> tuple[Line, ...]:
    """What ZeRO-Infinity's files take, and that no run stands beside it."""
    if not tuned.storage.offloaded:
        return ()
    size = format_gb(tuned.storage.offloaded)
    return (
        Line(
            _(
                "on the NVMe disk while it runs: {size} of weights, states and gradients (read from DeepSpeed, not measured)",
                size=size,
            )
        ),
    )


def named(training: Training) -> str:
    """`LoRA`, or `LoRA with DPO on pairs` where it is for more than supervised tuning."""
    method = "DoRA" if training.dora else _(METHODS[training.method].title)
    if training.objective == "sft":
        return method
    return _("{method} with {objective}", method=method, objective=_(OBJECTIVES[training.objective].title))


def _average(average: Tuned | None) -> list[Block]:
    if average is None:
        return []
    need, seq = format_bytes(_fullest(average)), format_tokens(average.training.seq)
    return [
        Line(_("with the average length of {seq} tokens: {need} a GPU; the longest batch decides", seq=seq, need=need))
    ]


def _changes(fixes: Sequence[TuningFix], tuned: Tuned, commands: Sequence[str], buying: str) -> list[Block]:
    """What would make it fit, as a table; a sentence where nothing here does."""
    if tuned.verdict != "no":
        return []
    if not fixes:
        return [
            Line(
                _(
                    "nothing makes it fit on this machine: {command} says what does",
                    command=buying or f"qwenpick plan {tuned.model.id} --train {tuned.training.method}",
                )
            )
        ]
    rows = [
        (fix.what, format_bytes(fix.saves), "" if fix.speed_change is None else f"{fix.speed_change:+.0%}")
        for fix in fixes
    ]
    return fixes_of(rows, commands or [fix.flags for fix in fixes], N_("Saves a GPU"))


def methods_report(
    name: str, found: Sequence[Tuned | tuple[str, str]], machine: Machine, dataset_tokens: int | None
) -> Report:
    """QLoRA, LoRA and full fine-tuning side by side on one box."""
    rows = []
    for one in found:
        if isinstance(one, tuple):
            rows.append((_(METHODS[one[0]].title), "", _("cannot run"), one[1], "", "", "", ""))
            continue
        rows.append((
            _(METHODS[one.training.method].title), one.checkpoint.format, _(VERDICTS[one.verdict]), one.reason, format_bytes(_fullest(one), 1),
            format_longest(one.longest) if one.longest else _("none"), str(one.largest or _("none")), _hours(one, dataset_tokens),
        ))  # fmt: skip
    columns = (
        Column("Method"), Column("Weights"), Column("Verdict"), Column("Why", optional=True), Column("Needs", number=True),
        Column("Max context", number=True), Column("Batch", number=True), Column("Speed" if dataset_tokens is None else "Epoch", number=True),
    )  # fmt: skip
    settled = next((one.training for one in found if not isinstance(one, tuple)), None)
    notes = (Line(_settings(settled), "dim"),) if settled else ()
    return (Line(f"{name}: {box(machine)}", "title"), Table(columns, tuple(rows)), *notes)


def _fullest(tuned: Tuned) -> int:
    return max((place.need for place in tuned.places if place.where != "ram"), default=0)


def _stretch(tuned: Tuned) -> str:
    longest = (
        _("longest sequence {longest} tokens", longest=format_longest(tuned.longest))
        if tuned.longest
        else _("no sequence fits")
    )
    largest = _("largest batch {largest}", largest=tuned.largest) if tuned.largest else _("no batch fits")
    return _(
        "needs {fullest} a GPU, up to {high} with the allocator's cache and this recipe's error; {longest}, {largest}",
        fullest=format_bytes(_fullest(tuned)),
        high=format_bytes(max((peak.high(tuned.band) for peak in tuned.peaks), default=0)),
        longest=longest,
        largest=largest,
    )


def _reached(reached: Sequence[Reach]) -> list[Block]:
    """The longest sequence by the number of GPUs."""
    if not reached:
        return []
    columns = (Column("GPUs", number=True), Column("Longest sequence", number=True), Column("Flags"))
    rows = tuple(
        (str(one.gpus), format_longest(one.longest) if one.longest else _("none fits"), one.flags) for one in reached
    )
    return [Table(columns, rows)]


def _time(tuned: Tuned, dataset_tokens: int | None) -> list[Block]:
    if tuned.speed is None and tuned.training.offload != "none":
        return [Line(_("training speed unknown: with offload it depends on the CPU and its link to the GPU"), "dim")]
    if tuned.speed is None:
        return [Line(_("training speed unknown: the catalog has no rate for this GPU"), "dim")]
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
                "{rate}; {hours} for {dataset_tokens:,} tokens",
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
        _("rank {rank} on {target}, ", rank=training.rank, target=training.target)
        if METHODS[training.method].adapts
        else ""
    )
    away = "" if training.offload == "none" else f" --offload {training.offload}"
    away += "" if training.pin_memory else " --no-pin-memory"
    sharding = f"ZeRO-{training.zero}{away}, " if training.zero else f"FSDP{away}, " if training.fsdp else ""
    sharding += "--expandable-segments, " if training.segments else ""
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
        read_from=training.trainer_version or trainer.read_from,
    )
