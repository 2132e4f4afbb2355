"""`qwenpick launch --exec --verify`: the server is started, what it says of its memory is set beside the plan, and it goes on serving."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.launch import Launch
    from qwenpick.launch.execute import Runner
    from qwenpick.planning.plan import Plan

TOLERANCE = 0.10
# since 2026 buffers are told at level 4, the default is 3
LOUD = {"llamacpp": {"LLAMA_ARG_LOG_VERBOSITY": "4", "LLAMA_LOG_VERBOSITY": "4"}}
PORTS = {"vllm": 8000, "sglang": 30000}  # where the command does not say one


def runner(plan: Plan, planned: Launch, *, once: bool) -> Runner:
    """What starts the server and compares. Raises QwenpickError for engines whose server's log does not pass through here."""
    from qwenpick.launch.watch import watched
    from qwenpick.runtimes import find_runtime
    from qwenpick.verify.logs import PARSERS

    words = planned.serve.argv
    if plan.runtime == "ollama" or plan.runtime not in PARSERS or planned.others:
        raise QwenpickError(
            _(
                "--verify reads what the server prints: of llama.cpp, vLLM and SGLang on one machine; for {engine}: qwenpick verify --log FILE",
                engine=find_runtime(plan.runtime).TITLE,
            )
        )
    port = int(words[words.index("--port") + 1]) if "--port" in words else PORTS.get(plan.runtime, 8080)
    inner = watched(port, comparing(plan, once=once))

    def run(argv: Sequence[str], env: Mapping[str, str], directory: Path) -> int:
        return inner(argv, {**env, **LOUD.get(plan.runtime, {})}, directory)

    return run


def comparing(plan: Plan, *, once: bool) -> Callable[[str], int | None]:
    """What reads the log: it prints planned against real and keeps the correction.

    With `once` it gives the exit code: 0 within the tolerance, 1 beyond it or where the log cannot be read.
    """
    from qwenpick.render.forms.output import emit
    from qwenpick.render.verify import verify_report, verify_values
    from qwenpick.verify.corrections import learn, teaches
    from qwenpick.verify.logs import read_log
    from qwenpick.verify.predicted import compared
    from qwenpick.verify.recognise import Recognised

    run = Recognised(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)

    def told(log: str) -> int | None:
        try:
            seen = read_log(log, plan.runtime)
            found = compared(run, seen)
        except QwenpickError as problem:
            typer.echo(_("the server runs; its log cannot be compared: {problem}", problem=problem), err=True)
            return 1 if once else None
        devices = plan.placement.devices
        device = devices[0].name if devices else seen.device or "CPU"
        kept = teaches(found) and learn(seen.engine, device, found)
        outcome = seen, run, found, TOLERANCE, kept
        emit("verify", "table", verify_report(*outcome), verify_values(*outcome))
        sys.stdout.flush()
        return (0 if found.within(TOLERANCE) else 1) if once else None

    return told
