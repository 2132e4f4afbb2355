"""What `recommend` prints: the box in one line, the ranked picks, one reason each, and with --explain the numbers behind each place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.planning.words import where
from qwenpick.recommending.answer import MOST_STREAMS
from qwenpick.recommending.rank import explain
from qwenpick.recommending.scoring import kept_of_cache
from qwenpick.recommending.thinking import why_effort
from qwenpick.render.first_screen import foot, head, starting, table, tone
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.values import machine_values, plan_values
from qwenpick.scan.here import nowhere
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.answer import Pick, Recommendation
    from qwenpick.recommending.unpublished import Unpublished
    from qwenpick.render.payloads.choosing import PickValues, RecommendationValues, RecommendValues, UnpublishedValues
    from qwenpick.scan.here import Here


def recommend_report(
    answers: Sequence[tuple[str, Machine, Recommendation]],
    details: bool,
    here: Here = nowhere,
    again: Sequence[str] = (),
) -> Report:
    """The picks of every box, boxes one after the other; `again` are, box by box, the words that `launch` needs to plan the same."""
    blocks: list[Block] = []
    for index, (label, machine, answer) in enumerate(answers):
        words = again[index] if index < len(again) else ""
        blocks += _box_blocks(label if len(answers) > 1 else "", machine, answer, details, here, words)
    return tuple(blocks)


def _box_blocks(
    label: str, machine: Machine, answer: Recommendation, details: bool, here: Here, again: str
) -> list[Block]:
    blocks = head(label, machine, answer, again, here)
    if not answer.picks:
        return [*blocks, Line(_("Nothing fits. What was left out, and why:"), "bad"), _left_out(answer)]
    blocks += [table(answer), *foot(machine, answer)]
    if answer.request.commercial:
        blocks += [
            Line(f"{pick.plan.model.name}: {pick.plan.model.licence.clause}", "dim")
            for pick in answer.picks
            if pick.plan.model.licence.commercial_use != "free"
        ]
    if details:
        blocks += [*(Line(_sentence(pick, answer, here), tone(pick)) for pick in answer.picks), *_details(answer)]
    return blocks


def _sentence(pick: Pick, answer: Recommendation, here: Here) -> str:
    """Why a pick stands where it stands, what of it lies in RAM, how much it should think."""
    plan, ranked = pick.plan, pick.ranked
    said = [f"{ranked.place}. {ranked.reason}"]
    said += [where(plan)] if plan.mode.startswith("gpu+") else []
    said += [_("KV cache {cache}", cache=plan.work.kv_cache)] if plan.work.kv_cache != KvCache() else []
    if plan.model.thinking in {"hybrid", "always"} and answer.request.thinking == "either":
        why = why_effort(plan.model, answer.task, ranked.effort)
        said.append(_("thinking {effort}: {why}", effort=_(ranked.effort), why=why))
    if made := pick.unpublished:
        said.append(
            _(
                "nobody is known to publish {format}, which would be {points:.1f} points better here",
                format=made.format,
                points=made.points,
            )
        )
    if path := here(plan):
        said.append(_("already here: {path}", path=path))
    return _("; ").join(said)


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
        return _("{name} serves 1 request of {context} tokens", name=pick.plan.model.name, context=context)
    return _(
        "{name} serves {count} requests of {context} tokens at once",
        name=pick.plan.model.name,
        count=f"{count}{'+' * (count == MOST_STREAMS)}",
        context=context,
    )


def _left_out(answer: Recommendation) -> Table:
    rows = tuple(
        (str(count), reason) for reason, count in sorted(answer.left_out.items(), key=lambda item: (-item[1], item[0]))
    )
    return Table((Column("Left out", number=True), Column("Because")), rows)


def recommend_values(
    answers: Sequence[tuple[str, Machine, Recommendation]], here: Here = nowhere, again: Sequence[str] = ()
) -> RecommendValues:
    """The picks for a program; `again` as in `recommend_report`."""
    words = [*again, *[None] * len(answers)]
    return {"boxes": [_box_values(*one, here, said) for one, said in zip(answers, words, strict=False)]}


def _box_values(
    label: str, machine: Machine, answer: Recommendation, here: Here, again: str | None
) -> RecommendationValues:
    return {
        "label": label,
        "machine": machine_values(machine),
        "task": answer.task.name,
        "context": answer.context,
        "users": answer.request.users,
        "picks": [pick_values(pick, here, machine) for pick in answer.picks],
        "start": starting(answer.picks[0], again) if answer.picks and again is not None else None,
        "left_out": dict(answer.left_out),
    }


def _unpublished_values(made: Unpublished | None) -> UnpublishedValues | None:
    if made is None:
        return None
    speed = made.tokens_per_second
    return {
        "format": made.format,
        "points": round(made.points, 3),
        "quality": round(made.quality, 2),
        "tokens_per_second": None if speed is None else round(speed, 3),
    }


def pick_values(pick: Pick, here: Here = nowhere, machine: Machine | None = None) -> PickValues:
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
            "kept_by_cache": kept_of_cache(pick.plan.architecture, pick.plan.work.kv_cache).value,
            "inferred": ranked.quality.inferred,
            "sources": sorted({source for ability in ranked.quality.abilities for source in ability.sources}),
        },
        "thinking": ranked.effort,
        "seconds_to_answer": round(ranked.seconds, 2) if ranked.seconds is not None else None,
        "usable": ranked.usable,
        "outdone_by": ranked.outdone_by,
        "longest_context": pick.longest,
        "streams": pick.streams,
        "unpublished": _unpublished_values(pick.unpublished),
        "plan": plan_values(pick.plan, here(pick.plan), machine),
    }
