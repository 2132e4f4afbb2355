"""How boxes, plans and licences are said in a few words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.hardware import Machine
    from qwenpick.plan import Plan, Verdict
    from qwenpick.render.report import Tone

TONES: dict[Verdict, Tone] = {"fits": "good", "tight": "warn", "no": "bad", "refused": "bad"}
VERDICTS: dict[Verdict, str] = {"fits": "fits", "tight": "tight", "no": "does not fit", "refused": "cannot run"}
LICENCES = {
    "free": "free",
    "free-under-threshold": "free below a threshold",
    "needs-request": "ask first",
    "non-commercial": "non-commercial",
    "unknown": "unknown",
}


def box(machine: Machine) -> str:
    """What was seen in the box, in one line.

    `2 x NVIDIA GeForce RTX 3090 (23.7 of 24.0 GiB free), 64.0 GiB RAM (60.1 free)`
    """
    counted = Counter((device.name, device.free, device.total) for device in machine.devices)
    parts = []
    for (name, free, total), count in counted.items():
        if total is None:
            memory = "memory unknown"
        elif free is None or free == total:
            memory = format_bytes(total, 1)
        else:
            memory = f"{format_bytes(free, 1)} of {format_bytes(total, 1)} free"
        parts.append(f"{f'{count} x ' if count > 1 else ''}{name} ({memory})")
    if not parts:
        parts.append("no GPU")
    if machine.ram_total is None:
        parts.append("RAM unknown")
    elif machine.ram_free is None or machine.ram_free == machine.ram_total:
        parts.append(f"{format_bytes(machine.ram_total, 1)} RAM")
    else:
        parts.append(f"{format_bytes(machine.ram_total, 1)} RAM ({format_bytes(machine.ram_free, 1)} free)")
    return ", ".join(parts)


def where_short(plan: Plan) -> str:
    """Where a plan runs, in a word: `GPU`, `2 GPUs`, `GPU+RAM`, `CPU`."""
    if plan.mode == "cpu":
        return "CPU"
    count = len(plan.placement.devices)
    return f"{'GPU' if count == 1 else f'{count} GPUs'}{'' if plan.mode == 'gpu' else '+RAM'}"


def where(plan: Plan) -> str:
    """Where a plan runs: `1 GPU`, `2 GPUs (tensor parallel)`, `GPU + 12 layers' experts in RAM`, `CPU`."""
    count = len(plan.placement.devices)
    gpus = f"{count} GPU{'s' * (count > 1)}"
    match plan.mode:
        case "cpu":
            return "CPU"
        case "gpu+experts-in-ram":
            return f"{gpus} + experts of {plan.placement.cpu_moe_layers} layers in RAM"
        case "gpu+layers-in-ram":
            held = sum(plan.placement.split or ())
            return f"{gpus} with {held} of {plan.architecture.num_layers + 1} layers, rest in RAM"
        case "gpu" if plan.placement.tensor_parallel > 1 and plan.placement.pipeline_parallel > 1:
            return f"{gpus} (tensor {plan.placement.tensor_parallel} x pipeline {plan.placement.pipeline_parallel})"
        case "gpu" if plan.placement.tensor_parallel > 1:
            return f"{gpus} (tensor parallel)"
        case _:
            return gpus
