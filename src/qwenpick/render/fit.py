"""What `fit` prints: the verdict, a bar per device, where every byte goes, and what would make it fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, retell
from qwenpick.planning.plan import plan_ledger
from qwenpick.planning.replicas import replicas
from qwenpick.planning.server_caches import of_plan
from qwenpick.planning.verdict import verdict_of
from qwenpick.planning.words import rate, speed_of, where
from qwenpick.render.forms.bars import bars_of
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.users import beyond_own_settings, users_lines, users_values
from qwenpick.render.values import engine_values, fix_values, machine_values, plan_values, server_cache_values
from qwenpick.render.words import LICENCES, TONES, VERDICTS, box, longest_said
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from qwenpick.fitting.answer import Answer
    from qwenpick.fitting.trial import Fix
    from qwenpick.fitting.users import Users
    from qwenpick.machine.hardware import Machine
    from qwenpick.memory.account import Memory
    from qwenpick.planning.plan import Plan
    from qwenpick.render.payloads.choosing import FitValues

MUCH_FASTER, BEYOND_COUNTING = 5, 1000  # changes of speed that are said as a factor, and not said exactly
KINDS = (N_("weights"), N_("kv cache"), N_("state"), N_("compute"), N_("overhead"))


def fit_report(
    answer: Answer,
    machine: Machine,
    fixes: tuple[Fix, ...],
    explain: bool,
    everything: bool = False,
    start: str = "",
    users: Users | None = None,
    commands: tuple[str, ...] = (),
) -> Report:
    """The answer for a person; `start` is the command that starts what fits, `commands` ask for the fixes, one each."""
    plan = answer.plan
    engine = find_runtime(plan.runtime).TITLE
    load = (
        f"{plan.work.sequences} x {format_tokens(plan.work.context)}"
        if plan.work.sequences > 1
        else format_tokens(plan.work.context)
    )
    blocks: list[Block] = [
        Line(
            _(
                "{name} in {format} on {engine}, {load} tokens: {verdict}",
                name=plan.model.name,
                format=plan.checkpoint.shown,
                engine=engine,
                load=load,
                verdict=verdict(answer),
            ),
            "warn" if answer.fits and (too_slow(answer) or not answer.quick) else TONES[plan.verdict],
        ),
        *([Line(answer.left_out, "warn")] if answer.left_out else []),
        Line(box(machine), "dim"),
    ]
    if plan.verdict != "refused":
        blocks += [
            *bars_of(plan.places, plan.memory),
            _summary(answer),
            *_cache_line(plan),
            *(_own_caches(plan) if answer.fits else ()),
            *users_lines(users, answer.plan),
        ]
        if explain:
            blocks.append(parts_of(plan.memory))
    if everything:
        blocks.append(_ways((plan, *answer.others)))
    blocks += [Line(_("start it: {command}", command=start), "good")] if start and answer.fits and answer.quick else []
    notes = [note for note in answer.notes if note != answer.left_out]
    blocks += [Line(note, "dim") for note in (*notes, *unused(plan, machine))]
    blocks += [Line(_("; ").join(map(retell, machine.notes)), "dim")] if machine.notes else []
    if fixes:
        blocks += fixes_of(
            [(fix.what, format_bytes(fix.saves) if fix.saves > 0 else "", speed_change(fix)) for fix in fixes],
            commands or tuple(fix.flags for fix in fixes),
        )
    elif not answer.fits and plan.verdict != "refused":
        blocks.append(Line(_("Only more memory makes it fit: `qwenpick plan MODEL` says how much."), "warn"))
    return tuple(blocks)


def fixes_of(rows: Sequence[tuple[str, str, str]], commands: Sequence[str], saves: str = N_("Saves")) -> list[Block]:
    """What would make it fit, a numbered row each, and under it the command of each: whole, so that it can be copied."""
    columns = (
        Column("#", number=True),
        Column("What would make it fit"),
        Column(saves, number=True),
        Column("Speed", number=True),
    )
    table = Table(columns, tuple((str(place), *row) for place, row in enumerate(rows, 1)))
    return [table, *(Line(f"{place}. {command}", "good") for place, command in enumerate(commands, 1))]


def verdict(answer: Answer) -> str:
    """Whether it fits, how fast it then is, and what that rests on: `fits, 29-49 tokens/s, 5.2 GiB to spare on RTX 4090`."""
    plan = answer.plan
    if not answer.fits:
        return _(", ").join([_(VERDICTS[plan.verdict]), plan.reason])
    word = _(VERDICTS[plan.verdict])
    if not answer.quick:
        word = _(
            "{verdict}, but slower than the {wanted:g} tokens/s asked for",
            verdict=word,
            wanted=answer.request.min_speed,
        )
    elif too_slow(answer):
        word = _("{verdict}, but slowly", verdict=word)
    lies = [where(plan)] if plan.mode not in ("gpu", "cpu") else []
    return _(", ").join([word, speed_of(plan.speed, writes=bool(answer.task.answer)), *lies, plan.reason])


def too_slow(answer: Answer) -> bool:
    """Whether its speed is known to be below what the task needs."""
    return answer.plan.speed is not None and answer.ranked is not None and not answer.usable


def unused(plan: Plan, machine: Machine) -> list[str]:
    """What of the box the plan leaves unused, in a sentence."""
    left = list(machine.devices)
    for device in plan.placement.devices:
        left.remove(device)
    if not left or plan.verdict == "refused":
        return []
    names = ", ".join(
        f"{count} x {name}" if count > 1 else name for name, count in Counter(d.name for d in left).items()
    )
    said = [_("left unused: {left}", left=names)]
    found = replicas(plan, machine)
    if found and found.together:
        said.append(
            _(
                "the machine holds {count} copies, {low:,.0f}-{high:,.0f} tokens/s together",
                count=found.count,
                low=found.together.low,
                high=found.together.high,
            )
        )
    elif found:
        said.append(_("the machine holds {count} copies", count=found.count))
    return said


def parts_of(memory: Memory) -> Table:
    """Every part with its formula, adding up to the total."""
    rows = [(retell(part.name), part.where, format_bytes(part.bytes), retell(part.formula)) for part in memory.parts]
    rows.append((_("total"), "", format_bytes(memory.total), ""))
    return Table((Column("Part"), Column("Where"), Column("Size", number=True), Column("Formula")), tuple(rows))


def speed_change(fix: Fix) -> str:
    """`-35%`, `×12` from +500 % on, nothing where it changes by less than half a percent; `32-63` tokens/s where there is nothing to compare with."""
    change, speed = fix.speed_change, fix.plan.speed
    if change is None:
        return _("{rate} tokens/s", rate=rate(speed.each.low, speed.each.high)) if speed else _("unknown")
    if change > MUCH_FASTER:
        return f"×{1 + change:,.0f}" if change < BEYOND_COUNTING else f">×{BEYOND_COUNTING}"
    return f"{change:+.0%}" if abs(change) >= 0.005 else "="


def _ways(plans: tuple[Plan, ...]) -> Table:
    """Every way that was looked at, the answer first."""
    rows = tuple(
        (
            p.checkpoint.format,
            find_runtime(p.runtime).TITLE,
            where(p),
            format_bytes(p.memory.total, 1),
            _(VERDICTS[p.verdict]),
            p.reason,
        )
        for p in plans
    )
    columns = (
        Column("Format"),
        Column("Runtime"),
        Column("Runs on", optional=True),
        Column("Needs", number=True),
        Column("Verdict"),
        Column("Why"),
    )
    return Table(columns, rows, tones=tuple(TONES[p.verdict] for p in plans))


def _summary(answer: Answer) -> Line:
    plan = answer.plan
    low, high = (round(plan.memory.total * edge) for edge in (plan.band.low, plan.band.high))
    longest = (
        _("longest context {longest}", longest=longest_said(plan.model, answer.longest))
        if answer.longest
        else _("no context fits")
    )
    licence = _(LICENCES[plan.model.licence.commercial_use])
    needs = _(
        "needs {total} ({low} to {high})",
        total=format_bytes(plan.memory.total),
        low=format_bytes(low),
        high=format_bytes(high),
    )
    lies = where(plan) if plan.mode == "gpu+layers-in-ram" else _("on {where}", where=where(plan))
    return Line(
        _(
            "{needs}, {lies}; {longest}; commercial use: {licence}",
            needs=needs,
            lies=lies,
            longest=longest,
            licence=licence,
        )
    )


def _cache_line(plan: Plan) -> tuple[Line, ...]:
    """What a serving engine's cache holds when it is started with its own settings."""
    found = plan_ledger(plan)
    if found is None:
        return ()
    measured = "" if found.measured else _(" (by its source: no start of this version was measured)")
    if found.refusal:
        rests = verdict_of(plan.places, plan.band) in ("fits", "tight")
        holds = _("; `qwenpick launch` writes settings that hold") if rests else ""
        said = _(
            "{engine} {version} would not start with its own settings: {why}{holds}",
            engine=find_runtime(plan.runtime).TITLE,
            version=found.version,
            why=found.refusal,
            holds=holds,
        )
        return (Line(said, "warn"),)
    copies, asked = plan.placement.data_parallel, plan.work.sequences
    each = _(" in each of its {copies} copies", copies=copies) if copies > 1 else ""
    rests = asked > 1 and verdict_of(plan.places, plan.band) in ("fits", "tight")
    holds = (
        _("; `qwenpick launch` writes settings that hold {asked}", asked=asked)
        if rests and beyond_own_settings(plan, asked)
        else ""
    )
    return (
        Line(
            _(
                "{engine} {version} with its own settings has a cache of {tokens:,} tokens: {requests:.2f} requests of the full length at once{more}",
                engine=find_runtime(plan.runtime).TITLE,
                version=found.version,
                tokens=found.kv_cache_tokens,
                requests=found.max_concurrency,
                more=f"{each}{holds}{measured}",
            ),
            "dim",
        ),
    )


def _own_caches(plan: Plan) -> tuple[Line, ...]:
    """What a local server may grow to beside the run."""
    kept = of_plan(plan)
    return (Line(kept.sentence, "warn" if kept.exceeds else "dim"),) if kept else ()


def fit_values(
    answer: Answer,
    machine: Machine,
    fixes: tuple[Fix, ...],
    here: str | None = None,
    users: Users | None = None,
    commands: tuple[str, ...] = (),
    start: str = "",
) -> FitValues:
    """The answer for a program; `commands` and `start` as in `fit_report`."""
    return {
        "fits": answer.fits,
        "exit_code": 0 if answer.fits and answer.quick else 1,
        "strict": answer.request.strict,
        **plan_values(answer.plan, here, machine),
        "engine": engine_values(answer.plan),
        "server_caches": server_cache_values(answer.plan),
        "task": answer.task.name,
        "usable": answer.usable,
        "thinking": answer.effort,
        "seconds_to_answer": answer.ranked.seconds if answer.ranked else None,
        "left_out": answer.left_out,
        "longest_context": answer.longest,
        "min_speed": answer.request.min_speed,
        "users": users_values(users) if users else None,
        "notes": [*answer.notes, *unused(answer.plan, machine)],
        "start": start if start and answer.fits and answer.quick else None,
        "fixes": [fix_values(*pair) for pair in zip_longest(fixes, commands)],
        "others": [plan_values(plan) for plan in answer.others],
        "machine": machine_values(machine),
    }
