"""`recommend --ask`: a short conversation (need, hardware, commercial use) with what the probe found as defaults, and the command that says the same.

What cannot be read is said and asked again. Questions go to stderr, so that the answer can be piped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import typer

from qwenpick.cli.common.again import typed_again
from qwenpick.cli.common.box import FIELDS, Box
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _, command_line
from qwenpick.render.words import box
from qwenpick.units import MOST_SEQUENCES, format_bytes, format_tokens, parse_memory, parse_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.tasks import Task

Value = TypeVar("Value")
USUAL_RAM = "32GiB"  # offered where a GPU is named: what most new boxes have
CPU_WORDS = frozenset({"cpu", "none", "no", "n", "无", "没有", "否"})
YES = frozenset({"y", "yes", "是", "对", "好"})
NO = frozenset({"n", "no", "否", "不", "不是"})
ANSWERED = frozenset({"ask", "task", "context", "users", "commercial", *FIELDS})


def asked(
    catalog: Catalog,
    boxes: Sequence[tuple[str, Machine]],
    said: Mapping[str, object],
    hardware: Box,
    ctx: typer.Context,
) -> tuple[dict[str, object], Box]:
    """What the person answers: fields of the request, and the box. Raises QwenpickError where nobody answers."""
    try:
        return _asked(catalog, boxes, said, hardware, typed_again(ctx, ANSWERED))
    except typer.Abort:
        if typer.get_text_stream("stdin").isatty():
            raise
        raise QwenpickError(_("--ask needs a terminal to ask on; use --task, --context and --commercial")) from None


def _asked(
    catalog: Catalog, boxes: Sequence[tuple[str, Machine]], said: Mapping[str, object], hardware: Box, more: list[str]
) -> tuple[dict[str, object], Box]:
    task = _task(said)
    context = _again(
        _("   How long are the texts, in tokens? (1k are about two pages)"), format_tokens(task.context), parse_tokens
    )
    users = _again(_("   How many people use it at the same time?"), str(said.get("users") or 1), _users)
    hardware = _hardware(catalog, boxes, hardware)
    commercial = _again(
        _("3. Is it for commercial use? (yes or no)"), _("yes") if said.get("commercial") else _("no"), _yes
    )
    words = ["--task", task.name, "--context", format_tokens(context).replace(",", ""), "--users", str(users)]
    words += [*hardware.words(), *(["--commercial"] if commercial else []), *more]
    typer.echo(_("The same without questions: {command}", command=command_line(["recommend", *words])), err=True)
    return {"task": task.name, "context": context, "users": users, "commercial": commercial}, hardware


def _again(question: str, default: str, read: Callable[[str], Value]) -> Value:
    """The answer as `read` reads it, asked until it can."""
    while True:
        try:
            return read(_line(question, default))
        except QwenpickError as problem:
            typer.echo(f"   {problem}", err=True)


def _line(question: str, default: str) -> str:
    """What is typed after the question, or the default. (typer.prompt writes a space to stdout, which is the answer's.)"""
    typer.echo(f"{question} [{default}]: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    return line.strip() or default


def _task(said: Mapping[str, object]) -> Task:
    """The task, by its number in the list or by any of its names."""
    from qwenpick.recommending.tasks import TASKS, find_task

    tasks = list(TASKS.values())
    for number, task in enumerate(tasks, 1):
        typer.echo(f"  {number:>2}  {_('{task}: {title}', task=task.said, title=_(task.title))}", err=True)

    def read(text: str) -> Task:
        if not text.isdecimal():
            return find_task(text)
        if 1 <= int(text) <= len(tasks):
            return tasks[int(text) - 1]
        raise QwenpickError(_("the list ends at {count}", count=len(tasks)))

    return _again(_("1. What should it do? A number or a name"), str(said.get("task") or 1), read)


def _users(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= MOST_SEQUENCES:
        return int(text)
    raise QwenpickError(_("write a number from 1 to {most:,}", most=MOST_SEQUENCES))


def _yes(text: str) -> bool:
    folded = text.casefold()
    if folded in YES | NO:
        return folded in YES
    raise QwenpickError(_("write yes or no"))


def _hardware(catalog: Catalog, boxes: Sequence[tuple[str, Machine]], hardware: Box) -> Box:
    """The box that was found, or the GPU that is named instead with the RAM beside it."""
    from qwenpick.machine.simulate import simulate

    for label, machine in boxes:
        typer.echo(_("2. Found: {machine} ({label})", label=label, machine=box(machine)), err=True)

    def read(text: str) -> Box:
        folded = text.casefold()
        if folded in YES:
            return hardware
        if folded in CPU_WORDS:
            return Box(cpu_only=True)
        simulate(catalog, [text])  # raises with the nearest name
        return Box(gpu=[text])

    chosen = _again(_('   Is that the machine? yes, or name its GPU ("rtx 4090", "2x l40s"), or cpu'), _("yes"), read)
    if chosen is hardware or (chosen.gpu and simulate(catalog, chosen.gpu).devices[0].unified):
        return chosen
    ram = _again(_("   How much RAM does it have?"), USUAL_RAM, parse_memory)
    return Box(gpu=chosen.gpu, cpu_only=chosen.cpu_only, ram=format_bytes(ram, 0).replace(" ", ""))
