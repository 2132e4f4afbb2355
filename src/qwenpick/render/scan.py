"""What `scan` prints: the models on this disk, best first, and the stores that were looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _, retell
from qwenpick.planning.words import rate
from qwenpick.render.forms.report import Block, Column, Line, Report, Table, Tone
from qwenpick.render.values import machine_values, speed_values
from qwenpick.render.words import VERDICTS, box
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.render.payloads.choosing import ScanValues, StoredModelValues
    from qwenpick.scan.answer import Here, Scan

COLUMNS = (
    Column("Model"),
    Column("Format"),
    Column("Size", number=True),
    Column("Verdict"),
    Column("tok/s", number=True),
    Column("Best for", optional=True),
    Column("Where"),
)
TONES: dict[str, Tone] = {"fits": "good", "tight": "warn", "no": "bad", "refused": "bad"}


def scan_report(found: Scan, machine: Machine) -> Report:
    """The answer for a person."""
    blocks: list[Block] = [Line(box(machine), "dim")]
    planned = [one for one in found.models if one.answer]
    if not found.models:
        blocks.append(Line(_("No models were found."), "title"))
        blocks.append(Line(_("qwenpick recommend says which to download; qwenpick scan DIR looks elsewhere")))
    elif planned:
        rows = sorted(planned, key=_order)
        blocks.append(Table(COLUMNS, tuple(map(_row, rows)), tones=tuple(TONES[_verdict(one)] for one in rows)))
    blocks += [
        Line(_("{path}: {problem}", path=one.stored.path, problem=one.problem), "dim")
        for one in found.models
        if one.problem
    ]
    blocks += [
        Line(
            _("{store}: {problem}", store=store.path, problem=retell(store.problem))
            if store.problem
            else _("looked in {store}", store=store.path),
            "dim",
        )
        for store in found.stores
    ]
    return tuple(blocks)


def _order(one: Here) -> tuple[bool, bool, float, str]:
    """What is best for something first, then what fits, then by points."""
    points = one.answer.ranked.score if one.answer and one.answer.ranked else 0.0
    return (not one.best_for, not (one.answer and one.answer.fits), -points, one.stored.path)


def _verdict(one: Here) -> str:
    return one.answer.plan.verdict if one.answer else "refused"


def _row(one: Here) -> tuple[str, ...]:
    assert one.answer and one.reading
    plan, checkpoint = one.answer.plan, one.reading.checkpoints[0]
    return (
        one.reading.model.name,
        checkpoint.format,
        format_bytes(checkpoint.bytes, 1) if checkpoint.bytes else "",
        _(VERDICTS[plan.verdict]),
        rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else "",
        ", ".join(one.best_for),
        one.stored.name or one.stored.path,
    )


def scan_values(found: Scan, machine: Machine) -> ScanValues:
    """The answer for a program."""
    return {
        "machine": machine_values(machine),
        "stores": [{"kind": store.kind, "path": store.path, "problem": store.problem} for store in found.stores],
        "models": [_values(one) for one in found.models],
    }


def _values(one: Here) -> StoredModelValues:
    plan = one.answer.plan if one.answer else None
    checkpoint = one.reading.checkpoints[0] if one.reading else None
    return {
        "path": one.stored.path,
        "name": one.stored.name,
        "model": one.reading.model.id if one.reading else None,
        "format": checkpoint.format if checkpoint else None,
        "bytes": checkpoint.bytes if checkpoint else None,
        "runtime": plan.runtime if plan else None,
        "fits": one.answer.fits if one.answer else None,
        "verdict": plan.verdict if plan else None,
        "speed": speed_values(plan.speed) if plan and plan.speed else None,
        "best_for": list(one.best_for),
        "problem": one.problem,
    }
