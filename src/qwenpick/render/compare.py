"""What `compare` prints: one column per model or GPU, one row per thing that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.buy.compare import best_side, order_of
from qwenpick.catalog.prices import gpu_price
from qwenpick.i18n import _, listed
from qwenpick.planning.words import rate, where
from qwenpick.recommending.rank import duration, explain
from qwenpick.render.forms.report import Column, Line, Report, Table
from qwenpick.render.values import machine_values, plan_values
from qwenpick.render.words import LICENCES, VERDICTS, box, longest_said
from qwenpick.runtimes import find_runtime
from qwenpick.units import GB, format_bytes, format_count, format_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qwenpick.buy.compare import Card, Side
    from qwenpick.fitting.answer import Answer
    from qwenpick.machine.hardware import Machine
    from qwenpick.render.forms.report import Tone
    from qwenpick.render.payloads.buying import CardValues, CompareValues, SideValues


def models_report(sides: tuple[Side, ...], machine: Machine) -> Report:
    """Models on one box."""

    def planned(show: Callable[[Answer], str]) -> tuple[str, ...]:
        return tuple(show(side.answer) if side.answer else "" for side in sides)

    rows: list[tuple[str, ...]] = [
        (_("verdict"), *(_side_verdict(s.answer) if s.answer else s.why_not or "" for s in sides)),
        (_("quality"), *(_quality(s) for s in sides)),
        (_("a full answer takes"), *(_wait(s) for s in sides)),
        (_("format"), *planned(lambda a: a.plan.checkpoint.shown)),
        (_("runtime"), *planned(lambda a: find_runtime(a.plan.runtime).TITLE)),
        (_("runs on"), *planned(lambda a: where(a.plan))),
        (_("needs"), *planned(lambda a: format_bytes(a.plan.memory.total, 1))),
        (_("weights"), *planned(lambda a: format_bytes(a.plan.memory.of("weights"), 1))),
        (
            _("kv cache"),
            *planned(
                lambda a: _(
                    "{size} at {context}",
                    size=format_bytes(a.plan.memory.of("kv cache")),
                    context=format_tokens(a.plan.work.context),
                )
            ),
        ),
        (_("longest context"), *planned(lambda a: longest_said(a.plan.model, a.longest) if a.longest else _("none"))),
        (_("sequences at once"), *(str(s.sequences) if s.answer else "" for s in sides)),
        (
            _("decode tok/s"),
            *planned(lambda a: rate(a.plan.speed.each.low, a.plan.speed.each.high) if a.plan.speed else _("unknown")),
        ),
        (
            _("parameters"),
            *(format_count(s.model.parameters.total) if s.model.parameters else _("unknown") for s in sides),
        ),
        (
            _("active per token"),
            *(format_count(s.model.parameters.active) if s.model.parameters else _("unknown") for s in sides),
        ),
        (
            _("native context"),
            *(format_tokens(s.model.context.native) if s.model.context else _("unknown") for s in sides),
        ),
        (_("reads"), *(listed(map(_, s.model.inputs)) or _("unknown") for s in sides)),
        (_("thinks"), *(_(s.model.thinking or "unknown") for s in sides)),
        (_("released"), *(s.model.released or _("unknown") for s in sides)),
        (_("license"), *(s.model.licence.id for s in sides)),
        (_("commercial use"), *(_(LICENCES[s.model.licence.commercial_use]) for s in sides)),
    ]
    return (
        *(Line(sentence, tone) for sentence, tone in _verdicts(sides)),
        *(Line(side.answer.left_out, "warn") for side in sides if side.answer and side.answer.left_out),
        _table([side.model.name for side in sides], rows),
        Line(box(machine), "dim"),
    )


def _side_verdict(answer: Answer) -> str:
    """Whether it fits, and whether it is as fast as was asked."""
    word = (
        _(VERDICTS[answer.plan.verdict])
        if answer.fits or answer.plan.verdict != "tight"
        else _("tight, which --strict rules out")
    )
    if answer.fits and not answer.quick:
        return _(
            "{verdict}, but slower than the {wanted:g} tokens/s asked for",
            verdict=word,
            wanted=answer.request.min_speed,
        )
    return word


def _verdicts(sides: tuple[Side, ...]) -> list[tuple[str, Tone]]:
    """Which one to take and by what it leads, then where the points lie; why none is named where they do not compare."""
    first = best_side(sides)
    if first is None:
        if len({side.answer.task.said for side in sides if side.answer}) > 1:
            return [(_("They are made for different work; --task compares them for the same"), "warn")]
        return [(_("None of them fits this machine and is known for this work"), "warn")]
    others = sorted((s for s in sides if s is not first and s.ranked), key=lambda s: -order_of(s))
    task, one, two = first.answer.task if first.answer else None, first.ranked, others[0].ranked if others else None
    if len(sides) == 1:
        return []
    if task is None or one is None or two is None:
        return [
            (
                _("Take {name}: the only one of them that fits and is known for this work", name=first.model.name),
                "title",
            )
        ]
    second = others[0]
    said = [
        _(
            "quality {one:.0f} against {two:.0f} of {name}",
            one=one.quality.value,
            two=two.quality.value,
            name=second.model.name,
        )
    ]
    speeds = [_pace(side, writes=bool(task.answer)) for side in (first, second)]
    if all(speeds):
        said.append(_("{one} against {two} tokens/s", one=speeds[0], two=speeds[1]))
    if one.seconds is not None and two.seconds is not None:
        said.append(_("an answer in {one} against {two}", one=duration(one.seconds), two=duration(two.seconds)))
    if not one.usable:
        said.append(_("but too slow for it"))
    return [
        (_("For {task} take {name}: {why}", task=task.said, name=first.model.name, why=_(", ").join(said)), "title"),
        (explain(one, two), "dim"),
    ]


def _pace(side: Side, *, writes: bool) -> str:
    speed = side.answer.plan.speed if side.answer else None
    if speed is None:
        return ""
    band = speed.each if writes else speed.prefill
    return rate(band.low, band.high)


def _quality(side: Side) -> str:
    if side.ranked is None:
        return _("unknown") if side.answer else ""
    quality = side.ranked.quality
    return f"{quality.value:.0f}±{quality.deviation:.0f}{'~' if quality.inferred else ''}"


def _wait(side: Side) -> str:
    seconds = side.ranked.seconds if side.ranked else None
    return duration(seconds) if seconds is not None else _("unknown") if side.answer else ""


def gpus_report(cards: tuple[Card, ...], model_name: str) -> Report:
    """GPUs for one model."""
    rows: list[tuple[str, ...]] = [
        (
            _("memory"),
            *(format_bytes(c.cards.count * (c.gpu.usable_bytes or c.gpu.memory_bytes or 0), 1) for c in cards),
        ),
        (
            _("bandwidth"),
            *(f"{c.gpu.bandwidth / GB:,.0f} GB/s" if c.gpu.bandwidth else _("unknown") for c in cards),
        ),
        (
            _("fp16 rate, dense"),
            *(f"{c.gpu.rates.fp16 / 1e12:,.0f} TFLOP/s" if c.gpu.rates.fp16 else _("unknown") for c in cards),
        ),
    ]
    rows += [
        (
            _("best plan"),
            *(
                _(", ").join([c.best.checkpoint.format, find_runtime(c.best.runtime).TITLE]) if c.best else _("none")
                for c in cards
            ),
        ),
        (_("decode tok/s"), *(rate(s.each.low, s.each.high) if c.best and (s := c.best.speed) else "" for c in cards)),
    ]
    for precision in cards[0].answers:
        rows += [
            (_("{precision}: verdict", precision=precision), *(_verdict(c.answers[precision]) for c in cards)),
            (
                _("{precision}: longest context", precision=precision),
                *(_longest(c.answers[precision]) for c in cards),
            ),
            (_("{precision}: decode tok/s", precision=precision), *(_decode(c.answers[precision]) for c in cards)),
        ]
    rows += [
        (_("sequences at once"), *(str(c.sequences) for c in cards)),
        (
            _("power"),
            *(f"{c.cards.count * c.gpu.power_watts:.0f} W" if c.gpu.power_watts else _("unknown") for c in cards),
        ),
        (_("price"), *(_price(c) for c in cards)),
        *([(_("rents for"), *(c.rent for c in cards))] if any(c.rent for c in cards) else []),
        (_("sold"), *(_(c.gpu.status) for c in cards)),
    ]
    return (
        Line(
            _("{model_name} on one GPU", model_name=model_name)
            if all(card.cards.count == 1 for card in cards)
            else _("{model_name} on each of them", model_name=model_name),
            "title",
        ),
        _table([card.cards.name for card in cards], rows),
    )


def _table(names: Sequence[str], rows: list[tuple[str, ...]]) -> Table:
    return Table((Column(""), *(Column(name) for name in names)), tuple(rows))


def _verdict(answer: Answer | None) -> str:
    if answer is None:
        return _("no engine")
    way = _(", ").join([answer.plan.checkpoint.format, find_runtime(answer.plan.runtime).TITLE])
    return _("{name} ({memory})", name=_side_verdict(answer), memory=way)


def _longest(answer: Answer | None) -> str:
    return longest_said(answer.plan.model, answer.longest) if answer and answer.longest else ""


def _decode(answer: Answer | None) -> str:
    speed = answer.plan.speed if answer and answer.fits else None
    return rate(speed.each.low, speed.each.high) if speed else ""


def _price(card: Card) -> str:
    price, note = gpu_price(card.gpu)
    return (
        _("{name} ({memory})", name=f"${card.cards.count * price:,.0f}", memory=note)
        if price
        else _("not sold alone")
        if card.rent
        else _("unknown")
    )


def models_values(sides: tuple[Side, ...], machine: Machine) -> CompareValues:
    """Models on one box, for a program."""
    models: list[SideValues] = [
        {
            "model": side.model.id,
            "fits": bool(side.answer and side.answer.fits),
            "why_not": side.why_not,
            "plan": plan_values(side.answer.plan) if side.answer else None,
            "longest_context": side.answer.longest if side.answer else None,
            "sequences": side.sequences,
            "usable": bool(side.answer and side.answer.usable),
            "quick": bool(side.answer and side.answer.quick),
            "left_out": side.answer.left_out if side.answer else None,
            "quality": round(side.ranked.quality.value, 2) if side.ranked else None,
            "seconds_to_answer": round(side.ranked.seconds, 2)
            if side.ranked and side.ranked.seconds is not None
            else None,
        }
        for side in sides
    ]
    first = best_side(sides)
    return {
        "models": models,
        "gpus": [],
        "cards": [],
        "machine": machine_values(machine),
        "task": first.answer.task.name if first and first.answer else None,
        "best": first.model.id if first else None,
        "upgrade": False,
    }


def gpus_values(cards: tuple[Card, ...]) -> CompareValues:
    """GPUs for one model, for a program."""
    gpus: list[CardValues] = [
        {
            "gpu": card.gpu.id,
            "count": card.cards.count,
            "sequences": card.sequences,
            "plan": plan_values(card.best) if card.best else None,
            "plans": {name: plan_values(answer.plan) if answer else None for name, answer in card.answers.items()},
            "longest_context": {name: answer.longest if answer else None for name, answer in card.answers.items()},
        }
        for card in cards
    ]
    return {
        "models": [], "gpus": gpus, "cards": [], "machine": None, "task": None, "best": None, "upgrade": False,
    }  # fmt: skip
