"""What `recommend` prints: the box in one line, the ranked picks, one reason each, and with --explain the numbers behind each place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import _, retell
from qwenpick.memory.cache import KvCache
from qwenpick.planning.words import rate, where, where_short
from qwenpick.recommending.answer import MOST_STREAMS
from qwenpick.recommending.rank import explain
from qwenpick.recommending.thinking import why_effort
from qwenpick.render.report import Block, Column, Line, Report, Table, Tone
from qwenpick.render.values import machine_values, plan_values
from qwenpick.render.words import LICENCES, box
from qwenpick.runtimes import find_runtime
from qwenpick.scan.here import nowhere
from qwenpick.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.answer import Pick, Recommendation
    from qwenpick.render.payloads import PickValues, RecommendationValues, RecommendValues
    from qwenpick.scan.here import Here

COLUMNS = (
    Column("#", number=True),
    Column("Model"),
    Column("Format", optional=1),
    Column("Runtime", optional=1),
    Column("Where", optional=3),
    Column("Needs", number=True),
    Column("Of", number=True, optional=4),
    Column("tok/s", number=True),
    Column("Longest", number=True, optional=2),
    Column("Commercial use", optional=4),
)


def recommend_report(
    answers: Sequence[tuple[str, Machine, Recommendation]], details: bool, here: Here = nowhere
) -> Report:
    """The picks of every box, boxes one after the other."""
    blocks: list[Block] = []
    for label, machine, answer in answers:
        blocks += _box_blocks(label if len(answers) > 1 else "", machine, answer, details, here)
    return tuple(blocks)


def _box_blocks(label: str, machine: Machine, answer: Recommendation, details: bool, here: Here) -> list[Block]:
    request, task = answer.request, answer.task
    load = _("{users} users of ", users=request.users) if request.users > 1 else ""
    blocks: list[Block] = [
        Line(f"{f'{label}: ' if label else ''}{box(machine)}", "title"),
        Line(
            _(
                "for {title} ({name}), {load}{context} tokens of context",
                title=_(task.title),
                name=task.name,
                load=load,
                context=format_tokens(answer.context),
            ),
            "dim",
        ),
    ]
    blocks += [Line(retell(note), "dim") for note in machine.notes]
    if not answer.picks:
        return [*blocks, Line(_("Nothing fits. What was left out, and why:"), "bad"), _left_out(answer)]
    blocks.append(Table(COLUMNS, tuple(_row(pick) for pick in answer.picks), tones=tuple(map(_tone, answer.picks))))
    blocks += [
        Line(
            f"{pick.ranked.place}. {_labels(pick)}{pick.ranked.reason}{_offload(pick)}{_found(pick, here)}", _tone(pick)
        )
        for pick in answer.picks
    ]
    first = answer.picks[0]
    blocks.append(
        Line(
            _(
                "thinking {effort}: {why_effort}",
                effort=_(first.ranked.effort),
                why_effort=why_effort(first.plan.model, task, first.ranked.effort),
            ),
            "dim",
        )
    )
    if request.commercial:
        blocks += [
            Line(f"{pick.plan.model.name}: {pick.plan.model.licence.clause}", "dim")
            for pick in answer.picks
            if pick.plan.model.licence.commercial_use != "free"
        ]
    if details:
        blocks += _details(answer)
    return blocks


def _row(pick: Pick) -> tuple[str, ...]:
    plan = pick.plan
    place = max(plan.places, key=lambda p: p.need)
    return (
        str(pick.ranked.place),
        plan.model.name,
        plan.checkpoint.shown,
        find_runtime(plan.runtime).TITLE,
        where_short(plan),
        _("{size} each", size=format_bytes(place.need, 1))
        if len(plan.placement.devices) > 1
        else format_bytes(place.need, 1),
        format_bytes(place.budget, 1) if place.budget is not None else _("unknown"),
        rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else _("unknown"),
        f"{pick.longest:,}" if pick.longest else _("unknown"),
        _(LICENCES[plan.model.licence.commercial_use]),
    )


def _tone(pick: Pick) -> Tone:
    if not pick.ranked.usable or pick.plan.verdict == "tight":
        return "warn"
    return "good" if pick.ranked.place == 1 else "plain"


def _labels(pick: Pick) -> str:
    return f"[{_(', ').join(map(_, pick.ranked.labels))}] " if pick.ranked.labels else ""


def _found(pick: Pick, here: Here) -> str:
    path = here(pick.plan)
    return _("; already here: {path}", path=path) if path else ""


def _offload(pick: Pick) -> str:
    """What of it is not on the GPU, or not in 16 bits."""
    said = _("; ") + where(pick.plan) if pick.plan.mode.startswith("gpu+") else ""
    cache = pick.plan.work.kv_cache
    return said if cache == KvCache() else said + _("; ") + _("KV cache {cache}", cache=cache)


def _details(answer: Recommendation) -> list[Block]:
    """The points behind each place, why the next one lost, and what was left out."""
    names = tuple(dict.fromkeys(name for pick in answer.picks for name in pick.ranked.parts))
    rows = tuple(
        (
            pick.plan.model.name,
            f"{pick.ranked.score:.1f}",
            *(f"{pick.ranked.parts.get(name, 0.0):+.1f}" for name in names),
        )
        for pick in answer.picks
    )
    columns = (Column("Points"), Column("total", number=True), *(Column(name, number=True) for name in names))
    streams = [_streams(pick, pick.streams) for pick in answer.picks if pick.streams is not None]
    lost = [explain(one.ranked, two.ranked) for one, two in zip(answer.picks, answer.picks[1:], strict=False)]
    return [Table(columns, rows), *(Line(sentence) for sentence in (*lost, *streams)), _left_out(answer)]


def _streams(pick: Pick, count: int) -> str:
    context = format_tokens(pick.plan.work.context)
    if count == 1:
        return _("{name} serves 1 stream of {context} tokens", name=pick.plan.model.name, context=context)
    return _(
        "{name} serves {count} streams of {context} tokens at once",
        name=pick.plan.model.name,
        count=f"{count}{'+' * (count == MOST_STREAMS)}",
        context=context,
    )


def _left_out(answer: Recommendation) -> Table:
    rows = tuple(
        (str(count), reason) for reason, count in sorted(answer.left_out.items(), key=lambda item: (-item[1], item[0]))
    )
    return Table((Column("Left out", number=True), Column("Because")), rows)


def recommend_values(answers: Sequence[tuple[str, Machine, Recommendation]], here: Here = nowhere) -> RecommendValues:
    """The picks for a program."""
    return {"boxes": [_box_values(*one, here) for one in answers]}


def _box_values(label: str, machine: Machine, answer: Recommendation, here: Here) -> RecommendationValues:
    return {
        "label": label,
        "machine": machine_values(machine),
        "task": answer.task.name,
        "context": answer.context,
        "users": answer.request.users,
        "picks": [pick_values(pick, here) for pick in answer.picks],
        "left_out": dict(answer.left_out),
    }


def pick_values(pick: Pick, here: Here = nowhere) -> PickValues:
    """One place of the list."""
    ranked = pick.ranked
    return {
        "place": ranked.place,
        "labels": list(ranked.labels),
        "reason": ranked.reason,
        "score": round(ranked.score, 3),
        "parts": {name: round(points, 3) for name, points in ranked.parts.items()},
        "quality": {
            "value": round(ranked.quality.value, 2),
            "deviation": round(ranked.quality.deviation, 2),
            "kept": round(ranked.quality.kept, 4),
            "inferred": ranked.quality.inferred,
            "sources": sorted({source for ability in ranked.quality.abilities for source in ability.sources}),
        },
        "thinking": ranked.effort,
        "seconds_to_answer": round(ranked.seconds, 2) if ranked.seconds is not None else None,
        "usable": ranked.usable,
        "outdone_by": ranked.outdone_by,
        "longest_context": pick.longest,
        "streams": pick.streams,
        "plan": plan_values(pick.plan, here(pick.plan)),
    }
