"""The command that was typed, to be typed again with something changed: what was said stays, the box above all."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from qwenpick.cli.common.box import FIELDS, PIPED, is_piped
from qwenpick.i18n import command_line
from qwenpick.runtimes.option import spelled

if TYPE_CHECKING:
    import typer

    from qwenpick.fitting.trial import Fix
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.serving import Training

ENGINE = "-o"  # name=value, as often as there are options of an engine
OF_LAUNCH = (
    "--docker", "--compose", "--systemd", "--exec", "--verify", "--once", "--force", "--from", "--kubernetes", "--slurm", "--ray", "--write",
    "--json", "--min-context",
)  # fmt: skip
OF_BOX = tuple("--" + name.replace("_", "-") for name in FIELDS)
BOX = ("--machine", "--cpu-only", "--nodes", "--link")  # what names a box beside its GPUs and its RAM


def typed_again(ctx: typer.Context, without: Collection[str] = ()) -> list[str]:
    """The options of this command line as they would be typed again, without those (by their parameters' names) that are said anew."""
    return [word for option, words in _said(ctx, without).items() if option for word in words]


def again(ctx: typer.Context, changes: Mapping[str, object], model: str | None = None, command: str = "") -> str:
    """The command with `changes`: option -> value, True for one that stands alone, None for one to leave out; about another `model` where said."""
    said = _said(ctx)
    words = [model] if model else said.get("", [])
    for option, old in said.items():
        if option == ENGINE and changes.get(option, ()) is not None:
            words += _unchanged(old, changes)
        elif option and option not in changes:
            words += old
    for option, value in changes.items():
        for one in value if isinstance(value, list) else [value]:
            words += [] if one in (None, False) else [option] if one is True else [option, str(one)]
    return command_line([command or ctx.info_name or "", *words])


def asked_of_fit(ctx: typer.Context, model: str) -> str:
    """The question of `launch` as one of `fit`, which says what would make it fit."""
    return again(ctx, dict.fromkeys(OF_LAUNCH), model, "fit")


def asked_of_plan(ctx: typer.Context) -> str:
    """The run of `fit --train` as a question of `plan`: on which GPUs it holds."""
    return again(ctx, dict.fromkeys((*OF_BOX, "--quant", "--explain")), command="plan")


def of_fix(ctx: typer.Context, fix: Fix, machine: Machine) -> str:
    """The command that asks for what would make a model fit, with the format and the engine that it is said of."""
    plan, changes = fix.plan, dict(read_flags(fix.flags))
    changes |= dict.fromkeys(fix.without)
    if fix.pins:
        changes |= {"--quant": plan.checkpoint.format, "--runtime": plan.runtime}
    if "--gpu" in changes:
        changes |= dict.fromkeys(BOX)
        if machine.origin != "simulated" and machine.ram_total:
            changes["--ram"] = f"{machine.ram_total / 2**30:.0f}GiB"
    return again(ctx, changes, fix.model)


def of_run(ctx: typer.Context, before: Training, after: Training) -> str:
    """The command that asks for the changed run."""
    from qwenpick.training.fixes import changed_options

    changes = {
        option: None if usual and option != "--train" else new for option, new, usual in changed_options(before, after)
    }
    return again(ctx, changes)


def read_flags(flags: str) -> Iterator[tuple[str, object]]:
    """Option -> value of words such as `--context 8192 --gpu-only -o a=1 -o b=2`.

    >>> dict(read_flags("--users 2 -o a=1 -o b=2 --fsdp"))
    {'--users': '2', '--fsdp': True, '-o': ['a=1', 'b=2']}
    """
    words, engine = shlex.split(flags), list[str]()
    for word, following in pairwise([*words, "-"]):
        if not word.startswith("-"):
            continue
        if word == ENGINE:
            engine.append(following)
        else:
            yield word, True if following.startswith("-") else following
    if engine:
        yield ENGINE, engine


def _unchanged(old: list[str], changes: Mapping[str, object]) -> list[str]:
    """Engine options that are typed, without those that are said anew or left out (`-o name`)."""
    new = changes.get(ENGINE)
    gone = [option.removeprefix(f"{ENGINE} ") for option in changes if option.startswith(f"{ENGINE} ")]
    anew = {spelled(word.partition("=")[0]) for word in [*gone, *(new if isinstance(new, list) else ())]}
    kept = [word for word in old if word != ENGINE and spelled(word.partition("=")[0]) not in anew]
    return [word for pair in kept for word in (ENGINE, pair)]


def _said(ctx: typer.Context, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Option -> its words, of what was typed on the command line; the arguments under ''."""
    found: dict[str, list[str]] = {}
    for option in ctx.command.params:
        name, value = option.name or "", ctx.params.get(option.name or "")
        source = ctx.get_parameter_source(name)
        if name in without or source is None or source.name != "COMMANDLINE":
            continue
        values: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
        if option.param_type_name == "argument":
            found.setdefault("", []).extend(map(str, values))
        elif isinstance(value, bool):
            word = (option.opts if value else option.secondary_opts)[0]
            found[word] = [word]
        else:
            word = ENGINE if ENGINE in option.opts else option.opts[0]
            values = [PIPED if word == "--machine" and is_piped(one) else one for one in values]
            found[word] = [
                part for one in values for part in (word, f"{one:g}" if isinstance(one, float) else str(one))
            ]
    return found
