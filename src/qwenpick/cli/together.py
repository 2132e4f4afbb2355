"""`fit A + B` and `launch A + B` on one box: all models at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from qwenpick.errors import DoesNotFitError
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.cli.common import parsed
    from qwenpick.cli.common.box import Box
    from qwenpick.fitting.together import Together
    from qwenpick.launch import Launch


def placed(
    words: list[str], run: parsed.FullRunOptions, facts: Catalog, hardware: Box, online: bool
) -> tuple[Together, list[str | None]]:
    """The models of the line planned together, and the paths of those that are files. A task holds for those that it is for."""
    from qwenpick.fitting.together import together
    from qwenpick.fleet.words import several
    from qwenpick.readers import resolve
    from qwenpick.recommending.tasks import find_task, serves

    asked, paths, usual = [], [], run.request(hardware)
    for one in several(words):
        found = resolve(one.name, facts, one.quant or run.quant, online=online, runtime=run.runtime)
        task = usual.task if usual.task and serves(found.model, find_task(usual.task)) is None else None
        request = replace(
            usual,
            quant=found.quant,
            runtime=run.runtime or found.runtime,
            context=one.context or usual.context,
            users=one.users or usual.users,
            task=task,
        )
        asked.append((found.catalog, found.model, request))
        paths.append(found.path)
    return together(hardware.read(facts), asked), paths


def fit_together(
    words: list[str], run: parsed.FullRunOptions, facts: Catalog, hardware: Box, online: bool, format: str
) -> int:
    """Print whether all hold at once; the exit code."""
    from qwenpick.render.forms.output import emit
    from qwenpick.render.together import together_report, together_values

    found, _paths = placed(words, run, facts, hardware, online)
    emit("fit", format, together_report(found), together_values(found))
    return 0 if found.fits else 1


def launch_together(
    words: list[str],
    run: parsed.FullRunOptions,
    facts: Catalog,
    hardware: Box,
    online: bool,
    hub: str,
    force: bool,
    json: bool,
) -> int:
    """Print the commands that start all of them, each on a port of its own; the exit code."""
    from qwenpick.launch.answer import of_answer
    from qwenpick.render.together import launch_together_values, together_script

    found, paths = placed(words, run, facts, hardware, online)
    missing = [member.answer.plan for member in found.members if not member.answer.fits]
    if missing and not force:
        raise DoesNotFitError(
            _(
                "{name}: {reason}; qwenpick fit {words} says more (--force prints the commands anyway)",
                name=missing[0].model.name,
                reason=missing[0].reason,
                words=" ".join(words),
            )
        )
    members = zip(found.members, paths, strict=True)
    planned = on_own_ports([of_answer(member.answer, member.machine, path, hub) for member, path in members])
    if json:
        from qwenpick.render.forms.envelope import print_json

        print_json("launch", launch_together_values(found, planned))
    else:
        typer.echo(together_script(found, planned), nl=False)
    return 0 if found.fits else 1


def on_own_ports(planned: list[Launch]) -> list[Launch]:
    """The launches with ports that no other of them has: the engine's usual one, else the next that is free."""
    taken, found = set[int](), []
    for one in planned:
        words = list(one.serve.argv)
        if "--port" in words:
            at = words.index("--port") + 1
            port = int(words[at])
            while port in taken:
                port += 1
            taken.add(port)
            words[at] = str(port)
        found.append(replace(one, serve=replace(one.serve, argv=tuple(words))))
    return found
