"""What `verify` says: predicted against actual, part by part; and what was learned on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.planning.words import rate
from qwenpick.render.forms.report import Column, Line, Report, Table
from qwenpick.units import format_bytes, format_tokens
from qwenpick.verify.predicted import of_whole_machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwenpick.render.payloads.running import VerifyValues
    from qwenpick.verify.compare import Comparison, Row
    from qwenpick.verify.corrections import Correction
    from qwenpick.verify.observation import Observation
    from qwenpick.verify.recognise import Recognised


def verify_report(seen: Observation, run: Recognised, found: Comparison, tolerance: float, recorded: bool) -> Report:
    """What was recognised, a row per kind and place, and the verdict."""
    columns = (
        Column("memory"),
        Column("where"),
        Column("predicted", number=True),
        Column("actual", number=True),
        Column("off by", number=True),
    )
    context = _(", {context} tokens", context=format_tokens(seen.context)) if seen.context else ""
    version = f" {seen.version}" if seen.version else ""
    beyond = found.beyond(tolerance)
    lines: list[Line | Table] = [
        Line(
            f"{seen.engine}{version}: {run.model.name} in {run.checkpoint.format}{context}",
            "title",
        ),
        Table(
            columns, tuple(map(_row, found.rows)), tones=tuple("plain" if row.counts else "dim" for row in found.rows)
        ),
        Line(_verdict(found, tolerance), "good" if found.within(tolerance) else "bad"),
    ]
    if beyond:
        lines.append(Line(_("off on its own: {parts}", parts=", ".join(map(_called, beyond))), "bad"))
    if any(not row.counts for row in found.rows):
        lines.append(Line(_("dim rows do not count: the log does not state them, or what they depend on"), "dim"))
    lines += [Line(note, "dim") for note in _notes(seen, run, found)]
    lines += [Line(_("not read, and not part of the comparison: {line}", line=line), "warn") for line in seen.unread]
    if recorded:
        lines.append(
            Line(_("kept as a correction for this engine and device (qwenpick verify --corrections shows all)"), "dim")
        )
    return tuple(lines)


def _notes(seen: Observation, run: Recognised, found: Comparison) -> Iterator[str]:
    """What to know of the rows, in sentences."""
    if any(row.unit == "tokens/s" and row.predicted is None for row in found.rows):
        yield _("speeds are compared where the machine is said: --gpu NAME")
    if of_whole_machine(run, seen):
        yield _(
            "on a machine of one memory SGLang prints what all of it took while weights were loaded, not their size"
        )


def _verdict(found: Comparison, tolerance: float) -> str:
    """Whether it is right: the whole, and every part of it."""
    if found.off_by is None:
        return _("every speed lies in its range") if found.within(tolerance) else _("not every speed lies in its range")
    if found.off_by > tolerance:
        words = _("off by {off:.1%}, more than the tolerance of {tolerance:.1%}", off=found.off_by, tolerance=tolerance)
    elif found.within(tolerance):
        words = _("off by {off:.1%}, within the tolerance of {tolerance:.1%}", off=found.off_by, tolerance=tolerance)
    else:
        words = _(
            "off by {off:.1%} in all, but not every part is within {tolerance:.1%}",
            off=found.off_by,
            tolerance=tolerance,
        )
    return words


def _called(row: Row) -> str:
    return f"{_(row.kind)} {row.where} {row.error:+.1%}"


def _row(row: Row) -> tuple[str, ...]:
    shown = [_size(row, n) if n is not None else "-" for n in (row.predicted, row.actual)]
    if row.low is not None and row.high is not None:
        shown[0] = _("{rate} tokens/s", rate=rate(row.low, row.high))
    return (_(row.kind), row.where, *shown, f"{row.error:+.1%}" if row.error is not None else "-")


def stated(row: Row) -> str:
    """What a log states, in words: "786 blocks of kv cache"."""
    return f"{_size(row, row.actual or 0)} ({_(row.kind)})"


def _size(row: Row, n: float) -> str:
    match row.unit:
        case "tokens/s":
            return _("{rate} tokens/s", rate=f"{n:,.1f}")
        case "tokens":
            return _("{n:,} tokens", n=n)
        case "blocks":
            return _("{n:,} blocks", n=n)
        case _:
            return format_bytes(round(n))


def verify_values(
    seen: Observation, run: Recognised, found: Comparison, tolerance: float, recorded: bool
) -> VerifyValues:
    """The same as JSON values."""
    off = found.off_by or 0.0
    return {
        "runtime": seen.engine,
        "runtime_version": seen.version,
        "model": run.model.id,
        "format": run.checkpoint.format,
        "context": seen.context,
        "device": seen.device,
        "off_by": round(off, 6),
        "tolerance": tolerance,
        "within": found.within(tolerance),
        "recorded": recorded,
        "unread": list(seen.unread),
        "notes": list(_notes(seen, run, found)),
        "rows": [
            {
                "kind": row.kind,
                "where": row.where,
                "unit": row.unit,
                "predicted": row.predicted,
                "actual": row.actual,
                "low": row.low,
                "high": row.high,
                "error": round(row.error, 6) if row.error is not None else None,
                "counts": row.counts,
            }
            for row in found.rows
        ],
    }


def corrections_report(corrections: Sequence[Correction]) -> Report:
    """Every correction with how many runs it rests on."""
    if not corrections:
        return (Line(_("nothing has been learned on this machine yet: qwenpick verify --log FILE")),)
    columns = (
        Column("runtime"),
        Column("device"),
        Column("memory"),
        Column("factor", number=True),
        Column("runs", number=True),
    )
    rows = tuple((c.engine, c.device, c.kind, f"{c.factor:.3f}", str(len(c.ratios))) for c in corrections)
    return (Table(columns, rows),)
