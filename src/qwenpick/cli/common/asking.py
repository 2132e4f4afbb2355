"""`recommend --ask`: the three questions (need, hardware, commercial use), with defaults from the probe, and the command that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.render.words import box
from qwenpick.units import format_tokens, parse_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine


def asked(boxes: Sequence[tuple[str, Machine]], said: Mapping[str, object]) -> dict[str, object]:
    """What the person answers, as fields of the request. Questions go to stderr; raises QwenpickError where nobody answers."""
    try:
        return _asked(boxes, said)
    except typer.Abort:
        if typer.get_text_stream("stdin").isatty():
            raise
        raise QwenpickError(
            _("--ask needs somebody to answer; say it with --task, --context and --commercial")
        ) from None


def _asked(boxes: Sequence[tuple[str, Machine]], said: Mapping[str, object]) -> dict[str, object]:
    from qwenpick.recommending.tasks import TASKS, find_task

    typer.echo(_("tasks: {known}", known=", ".join(TASKS)), err=True)
    task = find_task(typer.prompt(_("1. What should it do?"), default=said.get("task") or "chat", err=True))
    context = typer.prompt(_("   How long are the texts (tokens)?"), default=format_tokens(task.context), err=True)
    users = typer.prompt(_("   How many users at once?"), default=said.get("users") or 1, type=int, err=True)
    for label, machine in boxes:
        typer.echo(_("2. On {label}: {machine}", label=label, machine=box(machine)), err=True)
    if not typer.confirm(_("   Is that the hardware?"), default=True, err=True):
        raise QwenpickError(
            _('say the hardware with --gpu "rtx 4090" --ram 64GiB, --machine FILE or --cpu-only, and ask again')
        )
    commercial = typer.confirm(_("3. Is it for commercial use?"), default=bool(said.get("commercial")), err=True)
    answers: dict[str, object] = {
        "task": task.name,
        "context": parse_tokens(context),
        "users": users,
        "commercial": commercial,
    }
    typer.echo(
        _(
            "the same: qwenpick recommend --task {name} --context {context} --users {users}{commercial}",
            name=task.name,
            context=context,
            users=users,
            commercial=" --commercial" * commercial,
        ),
        err=True,
    )
    return answers
