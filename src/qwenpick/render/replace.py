"""What `replace` prints: the old model, its official successors, and what is better in the same memory, with the tests behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _, listed
from qwenpick.planning.words import rate
from qwenpick.render.forms.report import Block, Column, Line, Report, Table, Tone
from qwenpick.render.words import LICENCES
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.recommending.replace import Candidate, Replacement
    from qwenpick.render.payloads.choosing import CandidateValues, ReplaceValues

COLUMNS = (
    Column("Model"),
    Column("Format"),
    Column("Needs", number=True),
    Column("Score", number=True),
    Column("Released", optional=2),
    Column("Commercial use", optional=3),
    Column("Evidence", optional=1),
)


def replace_report(found: Replacement, limit: int) -> Report:
    """The answer for a person."""
    old = found.old.model
    engine = find_runtime(found.runtime).TITLE
    blocks: list[Block] = [
        Line(_answer(found), "title" if found.better else "good"),
        Line(
            _(
                "{name} in {format} on {engine}, {need}",
                name=old.name,
                format=found.old.checkpoint.format,
                engine=engine,
                need=found.task.need,
            ),
            "dim",
        ),
    ]
    if found.line:
        names = {candidate.model.id for candidate in found.better}
        line = [
            model.name
            if model.id in names
            else _("{name} (needs more memory, or is worth no more here)", name=model.name)
            for model in found.line
        ]
        blocks.append(Line(_("its official successors: {line}", line=listed(line))))
    rows = [_row(found.old), *(_row(candidate) for candidate in found.better[:limit])]
    blocks.append(Table(COLUMNS, tuple(rows), tones=_tones(len(rows))))
    blocks.append(
        Line(
            _("score: points out of 100 for the task after quantization, ± one deviation; * estimated from its family"),
            "dim",
        )
    )
    return tuple(blocks)


def _answer(found: Replacement) -> str:
    """What to take instead, in one sentence."""
    old = found.old
    if not found.better:
        return (
            _("Keep {name}: nothing newer is worth more in the same memory.", name=old.model.name)
            if found.same_memory
            else _("Keep {name}: nothing newer is worth more on this machine.", name=old.model.name)
        )
    new = found.better[0]
    less = old.memory.total - new.memory.total
    said = [
        _(
            "quality {new:.0f} against {old:.0f} for {task}",
            new=new.worth.value,
            old=old.worth.value,
            task=found.task.said,
        ),
        _("{size} less", size=format_bytes(less, 1)) if less >= 0 else _("{size} more", size=format_bytes(-less, 1)),
    ]
    if new.plan.speed and old.plan.speed:
        one, two = new.plan.speed.each, old.plan.speed.each
        said.append(_("{one} against {two} tokens/s", one=rate(one.low, one.high), two=rate(two.low, two.high)))
    return _(
        "Replace it with {name} in {format}: {why}",
        name=new.model.name,
        format=new.checkpoint.shown,
        why=_(", ").join(said),
    )


def _tones(rows: int) -> tuple[Tone, ...]:
    """The old model stands back."""
    old: Tone = "dim"
    new: Tone = "plain"
    return (old, *(new for _unused in range(rows - 1)))


def _row(candidate: Candidate) -> tuple[str, ...]:
    worth = candidate.worth
    tests = list(dict.fromkeys(test for ability in worth.abilities for test in ability.tests))
    return (
        candidate.model.name,
        candidate.checkpoint.format,
        format_bytes(candidate.memory.total, 1),
        f"{worth.value:.0f} ± {worth.deviation:.0f}{'*' if worth.inferred else ''}",
        candidate.model.released or _("unknown"),
        _(LICENCES[candidate.model.licence.commercial_use]),
        ", ".join(tests[:3]) + (_(" and {count} more", count=len(tests) - 3) if len(tests) > 3 else "")
        if tests
        else _("estimated from its family"),
    )


def replace_values(found: Replacement) -> ReplaceValues:
    """The answer for a program."""
    return {
        "task": found.task.said,
        "runtime": found.runtime,
        "model": _values(found.old),
        "successors": [model.id for model in found.line],
        "better": [_values(candidate) for candidate in found.better],
    }


def _values(candidate: Candidate) -> CandidateValues:
    worth = candidate.worth
    return {
        "model": candidate.model.id,
        "format": candidate.checkpoint.format,
        "need": candidate.memory.total,
        "quality": {
            "value": round(worth.value, 2),
            "deviation": round(worth.deviation, 2),
            "kept": round(worth.kept, 4),
            "inferred": worth.inferred,
            "sources": sorted({source for ability in worth.abilities for source in ability.sources}),
        },
        "tests": sorted({test for ability in worth.abilities for test in ability.tests}),
    }
