"""The first screen of `recommend`: one sentence that answers, the command that starts it, then a row a pick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, listed, retell
from qwenpick.memory.cache import KvCache
from qwenpick.planning.words import rate, size_note, where_short
from qwenpick.recommending.by_itself import by_itself
from qwenpick.recommending.rank import duration
from qwenpick.render.forms.report import Block, Column, Line, Table, Tone
from qwenpick.render.words import LICENCES, box, longest_native
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_gb, format_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.answer import Pick, Recommendation
    from qwenpick.recommending.request import Request
    from qwenpick.scan.here import Here

# What decides least is dropped first where the terminal is narrow; the model, its engine, where it runs and its quality stay.
COLUMNS = (
    Column("#", number=True),
    Column("Model"),
    Column("Format", optional=4),
    Column("Runtime"),
    Column("Runs on"),
    Column("Quality", number=True, optional=1),
    Column("tok/s", number=True, optional=2),
    Column("Answer", number=True, optional=3),
    Column("Memory", number=True, optional=5),
    Column("Max context", number=True, optional=6),
    Column("Thinks", optional=7),
    Column("Commercial use", optional=8),
)

WISHES = {
    "quality": N_("quality before speed"),
    "speed": N_("speed before quality"),
    "context": N_("long contexts first"),
    "small": N_("small models first"),
}
# What the speech models are for, by how their names end (the family's README): they share their scores and differ in this alone.
VOICES = {
    "CustomVoice": N_("speaks in voices that come with it"),
    "Base": N_("clones a voice from a sample of 3 seconds"),
    "VoiceDesign": N_("makes a voice from a description in words"),
}


def head(label: str, machine: Machine, answer: Recommendation, again: str, here: Here) -> list[Block]:
    """The box and the need in one line; the first pick in a sentence; how to start it."""
    request, task = answer.request, answer.task
    load = (
        _(
            "{users} users with {context} tokens of context each",
            users=request.users,
            context=format_tokens(answer.context),
        )
        if request.users > 1
        else _("{context} tokens of context", context=format_tokens(answer.context))
    )
    wish = [_(WISHES[request.prefer])] if request.prefer in WISHES else []
    blocks: list[Block] = [Line(" · ".join([*([label] if label else []), box(machine), task.need, load, *wish]), "dim")]
    if not answer.picks:
        return blocks
    first = answer.picks[0]
    if not first.ranked.usable:
        blocks.append(Line(_nothing_usable(answer), "warn"))
    return [
        *blocks,
        Line(_run(first, here), "title"),
        Line(_worth(first, answer)),
        Line(start(first, again, answer.request, machine), "good"),
    ]


def _nothing_usable(answer: Recommendation) -> str:
    """That nothing among the picks is fast enough or of a known speed, and which come nearest."""
    known = [pick for pick in answer.picks if pick.ranked.seconds is not None]
    if not known:
        return _(
            "Whether anything is fast enough for {task} here is not known: the memory bandwidth is unknown",
            task=answer.task.said,
        )
    fastest = min(known, key=lambda pick: pick.ranked.seconds or 0.0)
    return _(
        "Nothing is fast enough for {task} here; the quickest good model is {name}, {seconds} for an answer",
        task=answer.task.said,
        name=fastest.plan.model.name,
        seconds=duration(fastest.ranked.seconds or 0.0),
    )


def _run(pick: Pick, here: Here) -> str:
    """Run Qwen3.8-27B (Q5_K_S, 19.9 GB download) with llama.cpp."""
    plan = pick.plan
    path = here(plan)
    if path:
        source = _("already here: {path}", path=path)
    elif plan.file and plan.file.least is not None:
        source = _("about {size} download", size=format_gb(plan.file.bytes))
    elif plan.file:
        source = _("{size} download", size=format_gb(plan.file.bytes))
    else:
        source = _("no published file is known: you make it from the 16-bit weights")
    return _(
        "Run {name} ({format}, {source}) with {engine}",
        name=plan.model.name,
        format=plan.checkpoint.shown,
        source=source,
        engine=find_runtime(plan.runtime).TITLE,
    )


def _worth(pick: Pick, answer: Recommendation) -> str:
    """Quality, speed and wait of the first pick, in plain words."""
    ranked, plan, task = pick.ranked, pick.plan, answer.task
    said = [
        _("quality {value:.0f}/100 for {task} (±{deviation:.0f})", value=ranked.quality.value, task=task.said, deviation=ranked.quality.deviation)
    ]  # fmt: skip
    if plan.speed:
        said.append(_("{rate} tokens/s", rate=rate(plan.speed.each.low, plan.speed.each.high)))
    if alone := plan.speed_without:
        said[-1] += _(" ({rate} without drafts)", rate=rate(alone.each.low, alone.each.high))
    if plan.work.kv_cache not in (KvCache(), answer.request.kv_cache):
        said.append(_("KV cache {cache}", cache=plan.work.kv_cache))
    if ranked.seconds is not None:
        seconds = duration(ranked.seconds)
        said.append(
            _("a full answer takes about {seconds}", seconds=seconds)
            if task.answer
            else _("reads {prompt} tokens in about {seconds}", prompt=format_tokens(task.prompt), seconds=seconds)
        )
    if plan.model.thinking not in {None, "no"}:
        said.append(_("thinking {effort}", effort=_(ranked.effort)))
    return "  " + " · ".join(said)


def start(pick: Pick, again: str, request: Request, machine: Machine) -> str:
    """The command that starts a pick as planned; with Ollama's own where a tag of its library does so by itself, and no other engine is asked for."""
    others = request.runtime not in (None, "ollama") or "ollama" not in (request.engines or ("ollama",))
    name = None if others else by_itself(pick.plan, machine)
    tag = f"   {_('(or: ollama run {tag})', tag=name)}" if name else ""
    return "  " + _("start it: {command}", command=starting(pick, again)) + tag


def starting(pick: Pick, again: str) -> str:
    """The command alone."""
    return f"qwenpick launch {pick.plan.model.id}{again}"


def table(answer: Recommendation) -> Table:
    """A row a pick."""
    return Table(COLUMNS, tuple(map(_row, answer.picks)), tones=tuple(map(tone, answer.picks)))


def _row(pick: Pick) -> tuple[str, ...]:
    plan, ranked = pick.plan, pick.ranked
    return (
        str(ranked.place),
        plan.model.name,
        plan.checkpoint.shown,
        find_runtime(plan.runtime).TITLE,
        where_short(plan),
        f"{ranked.quality.value:.0f}±{ranked.quality.deviation:.0f}{'~' if ranked.quality.inferred else ''}",
        rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else _("unknown"),
        duration(ranked.seconds) if ranked.seconds is not None else _("unknown"),
        memory(pick),
        longest_native(plan.model, pick.longest) or _("unknown"),
        _(ranked.effort) if plan.model.thinking not in {None, "no"} else "",
        _(LICENCES[plan.model.licence.commercial_use]),
    )


def memory(pick: Pick) -> str:
    """What it needs on the GPUs and in RAM: `18.3 GiB`, `2 x 11.2 GiB`, `11.2 + 5.2 GiB`; RAM of a run on GPUs only where weights lie there."""
    plan = pick.plan
    gpus = [place.need for place in plan.places if place.where != "ram"]
    ram = sum(place.need for place in plan.places if place.where == "ram")
    if not gpus:
        return format_bytes(ram, 1)
    held = format_bytes(sum(gpus), 1)
    if len(gpus) > 1 and max(gpus) - min(gpus) < max(gpus) // 50:
        held = f"{len(gpus)} x {format_bytes(max(gpus), 1)}"
    if plan.mode == "gpu" and not plan.placement.host_table:
        return held
    beside = format_bytes(ram, 1)
    return f"{held.removesuffix(beside[-4:])} + {beside}"  # the unit once where it is the same


def tone(pick: Pick) -> Tone:
    """Yellow for what is too slow or tight, green for the first."""
    if not pick.ranked.usable or pick.plan.verdict == "tight":
        return "warn"
    return "good" if pick.ranked.place == 1 else "plain"


def foot(machine: Machine, answer: Recommendation) -> list[Block]:
    """What was labelled and assumed, each in one quiet line, and where to read on."""
    blocks: list[Block] = []
    labelled = [
        _("{place}: {labels}", place=pick.ranked.place, labels=listed(map(_, pick.ranked.labels)))
        for pick in answer.picks
        if pick.ranked.labels
    ]
    if labelled:
        blocks.append(Line(_("; ").join(labelled), "dim"))
    blocks += [Line(voices, "dim")] if (voices := _voices(answer)) else []
    blocks += [Line(note, "dim") for note in dict.fromkeys(size_note(pick.plan) for pick in answer.picks) if note]
    quiet = [retell(note) for note in machine.notes]
    if any(pick.ranked.quality.inferred for pick in answer.picks):
        quiet.append(_("~ quality estimated from sibling models"))
    blocks.append(Line(_("; ").join([*quiet, _("--explain shows the points behind each place")]), "dim"))
    return blocks


def _voices(answer: Recommendation) -> str:
    """What each kind of speech model among the picks is for; empty for other models."""
    names = [pick.plan.model.name for pick in answer.picks if "speech" in pick.plan.model.outputs]
    kinds = dict.fromkeys(name.rpartition("-")[2] for name in names)
    return _("; ").join(
        _("{place}: {labels}", place=f"…-{kind}", labels=_(VOICES[kind])) for kind in kinds if kind in VOICES
    )
