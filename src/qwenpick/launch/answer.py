"""The launch of an answer: exactly its plan, with what is on the disk, how it thinks and what is to be said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.launch import Launch, launch, run_of, visible_devices, with_disk
from qwenpick.launch.thinking import is_quiet, with_thinking

if TYPE_CHECKING:
    from qwenpick.fitting.answer import Answer
    from qwenpick.machine.hardware import Machine


def of_answer(
    answer: Answer,
    seen: Machine,
    path: str | None,
    hub: str,
    notes: tuple[str, ...] = (),
    *,
    docker: bool = False,
    compose: bool = False,
    systemd: bool = False,
) -> Launch:
    """What starts the answer's plan on the machine that it was `seen` on.

    `path` is of a local file, `hub` where the rest is fetched from, `notes` of the reading.
    """
    plan = answer.plan
    effort = answer.effort
    run = run_of(plan, path, visible_devices(plan.placement, seen), hub)
    run = replace(run, system=seen.system, quiet=is_quiet(plan.model, effort))
    if run.runtime == "vllm" and run.placement.nodes > 1:
        from qwenpick.launch.vllm import takes_nodes

        takes_nodes(run, refuse=True)
    found = with_disk(launch(run, docker=docker, compose=compose, systemd=systemd), seen)
    found = with_thinking(found, plan.model, effort)
    return replace(found, notes=(*found.notes, *notes, *answer.notes))
