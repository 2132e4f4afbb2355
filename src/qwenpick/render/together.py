"""What `fit A + B` and `launch A + B` print for one box: each model's way, the places with all of them, and commands that leave each other room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _, listed, retell
from qwenpick.launch import powershell, script
from qwenpick.memory.account import RAM
from qwenpick.planning.words import speed_of, where
from qwenpick.render.fit import fit_values
from qwenpick.render.forms.report import Bar, Block, Column, Line, Report, Table
from qwenpick.render.launch import launch_values
from qwenpick.render.words import VERDICTS, box
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.fitting.together import Member, Together
    from qwenpick.launch import Launch
    from qwenpick.render.payloads.running import LaunchTogetherValues, SumValues, TogetherValues


def together_report(found: Together) -> Report:
    """Whether the models hold at once, and what each may take where, for a person."""
    missing = [member.answer for member in found.members if not member.answer.fits]
    said = (
        _("all {count} fit together", count=len(found.members))
        if found.fits
        else _(
            "they do not fit together: {missing}",
            missing=_("; ").join(_(", ").join([answer.plan.model.name, answer.plan.reason]) for answer in missing),
        )
    )
    columns = (
        Column("Model"), Column("Format"), Column("Runtime", optional=1), Column("Context", number=True), Column("Where"),
        Column("tok/s", number=True), Column("May take", number=True), Column("Verdict"),
    )  # fmt: skip
    blocks: list[Block] = [Line(said, "good" if found.fits else "bad"), Line(box(found.machine), "dim")]
    blocks.append(Table(columns, tuple(map(_row, found.members))))
    for place in found.places:
        slices = tuple(
            (member.answer.plan.model.name, member.shares[place.where])
            for member in found.members
            if place.where in member.shares
        )
        label = _("RAM") if place.where == RAM else f"{place.where} {place.name}"
        blocks.append(Bar(label, slices, place.total, place.budget))
    notes = [f"{member.answer.plan.model.name}: {note}" for member in found.members for note in member.answer.notes]
    blocks += [Line(note, "dim") for note in (*notes, *map(retell, found.machine.notes))]
    return tuple(blocks)


def _row(member: Member) -> tuple[str, ...]:
    answer, plan = member.answer, member.answer.plan
    load = f"{plan.work.sequences} x " if plan.work.sequences > 1 else ""
    speed = speed_of(plan.speed, writes=bool(answer.task.answer)) if answer.fits and plan.speed else ""
    return (
        plan.model.name, plan.checkpoint.shown, find_runtime(plan.runtime).TITLE, load + format_tokens(plan.work.context),
        where(plan) if answer.fits else "–", speed, format_bytes(sum(member.shares.values())) if answer.fits else "–",
        _(VERDICTS[plan.verdict]),
    )  # fmt: skip


def together_values(found: Together) -> TogetherValues:
    """The same for a program: what `fit` says of each, with the bytes that it may take at each place of the box, and the places' sums."""
    return {
        "fits": found.fits,
        "exit_code": 0 if found.fits else 1,
        "together": True,
        "models": [
            {**fit_values(member.answer, member.machine, ()), "share_bytes": dict(member.shares)}
            for member in found.members
        ],
        "places": _sums(found),
    }


def _sums(found: Together) -> list[SumValues]:
    return [
        {"where": one.where, "name": one.name, "need": one.need, "budget": one.budget, "total": one.total}
        for one in found.places
    ]


def launch_together_values(found: Together, planned: Sequence[Launch]) -> LaunchTogetherValues:
    """The plans and the commands that start them, in the order in which they are started."""
    return {
        "fits": found.fits,
        "together": True,
        "models": [
            {
                **launch_values(member.answer.plan, one, member.answer.fits, member.answer.effort, member.answer),
                "share_bytes": dict(member.shares),
            }
            for member, one in zip(found.members, planned, strict=True)
        ],
        "places": _sums(found),
    }


def together_script(found: Together, planned: Sequence[Launch]) -> str:
    """One script that starts them all: each in the background but the last."""
    windows, parts = found.machine.system == "windows", []
    for number, (member, one) in enumerate(zip(found.members, planned, strict=True), 1):
        shares = listed(f"{place} {format_bytes(share)}" for place, share in member.shares.items())
        head = _(
            "{number} of {count}: {name}, may take {shares}",
            number=number,
            count=len(planned),
            name=member.answer.plan.model.name,
            shares=shares,
        )
        lines = script(one, found.machine.system).splitlines()
        if number < len(planned):
            lines[-1] = powershell.in_background(one.serve) if windows else f"{lines[-1]} &"
        parts.append("\n".join([f"# {head}", *lines, ""]))
    return "\n".join(parts)
