"""How a plan's place and speed are said in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.units import GIB, format_bytes, format_gb

if TYPE_CHECKING:
    from qwenpick.planning.plan import Plan
    from qwenpick.speed import Speed
    from qwenpick.work.placement import Placement


def rate(low: float, high: float) -> str:
    """A range of tokens/s, never down to nothing: `29-49`, `2.7-4.6`, `0.4-0.9`."""
    return "-".join(
        f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.1g}"
        for value in (low, high)
    )


def speed_of(speed: Speed | None, *, writes: bool) -> str:
    """What a user sees while an answer is written, or while a text is read in a task that `writes` nothing: `29-49 tokens/s`."""
    if speed is None:
        return _("speed not known")
    if writes:
        return _("{rate} tokens/s", rate=rate(speed.each.low, speed.each.high))
    return _("reads {rate} tokens/s", rate=rate(speed.prefill.low, speed.prefill.high))


def size_note(plan: Plan) -> str | None:
    """That nobody states the size of the repository a plan loads, what it was taken for, and how to know it; None where it is known."""
    file = plan.file
    if file is None or file.least is None or file.most is None:
        return None
    return _(
        "the size of {repo} is not known: planned with {size}, as its method usually leaves it ({least} to {most}); "
        "--online or the path of its downloaded files gives its own",
        repo=file.repository,
        size=format_gb(file.bytes),
        least=format_gb(file.least),
        most=format_gb(file.most),
    )


def gpu_count(count: int) -> str:
    """`1 GPU`, `2 GPUs`."""
    return _("{count} GPUs", count=count) if count > 1 else _("1 GPU")


def where_short(plan: Plan) -> str:
    """Where a plan runs, in a word: `GPU`, `2 GPUs`, `GPU+RAM`, `CPU`."""
    if plan.mode == "cpu":
        return "CPU"
    count = len(plan.placement.devices)
    return (
        f"{'GPU' if count == 1 else gpu_count(count)}{'' if plan.mode == 'gpu' and not table_in_ram(plan) else '+RAM'}"
    )


def table_in_ram(plan: Plan) -> int:
    """Bytes of a table that is looked up in RAM while all layers are on GPUs (Flash-Next's n-grams); 0 where it is small, as token embeddings are.

    With vLLM's cpu_offload_gb the weights that lie there too.
    """
    held = sum(part.bytes for part in plan.memory.parts if part.where == RAM and part.kind == "weights")
    return held if plan.mode == "gpu" and held >= 4 * GIB else 0


def where(plan: Plan) -> str:
    """Where a plan runs: `1 GPU`, `2 GPUs (tensor parallel)`, `the GPU, with the experts of 12 layers in RAM`, `CPU`."""
    count = len(plan.placement.devices)
    gpus = gpu_count(count)
    if table := table_in_ram(plan):
        if plan.work.options.get("cpu_offload_gb"):
            return _("{gpus}, with {size} of the weights in RAM", gpus=gpus, size=format_bytes(table))
        return _("{gpus}, with a table of {size} in RAM", gpus=gpus, size=format_bytes(table))
    match plan.mode:
        case "cpu":
            return "CPU"
        case "gpu+experts-in-ram":
            layers = plan.placement.cpu_moe_layers
            if count == 1:
                return _("the GPU, with the experts of {layers} layers in RAM", layers=layers)
            return _("{gpus}, with the experts of {layers} layers in RAM", gpus=gpus, layers=layers)
        case "gpu+layers-in-ram":
            held = sum(plan.placement.split or ())
            of = plan.architecture.num_layers + 1
            if count == 1:
                return _("{held} of {of} layers on the GPU, the rest in RAM (slow)", held=held, of=of)
            return _("{held} of {of} layers on {gpus}, the rest in RAM (slow)", held=held, of=of, gpus=gpus)
        case "gpu" if (copies := plan.placement.data_parallel) > 1:
            each = _cut(plan.placement, gpu_count(count // copies))
            if plan.placement.expert_parallel and plan.architecture.is_moe:
                return _(
                    "{gpus}: {copies} copies that share the experts, each on {each}",
                    gpus=gpus,
                    copies=copies,
                    each=each,
                )
            return _("{gpus}: {copies} copies, each on {each}", gpus=gpus, copies=copies, each=each)
        case "gpu":
            return _cut(plan.placement, gpus)
        case _:
            return gpus


def _cut(placement: Placement, gpus: str) -> str:
    """How one copy lies on its GPUs."""
    if placement.tensor_parallel > 1 and placement.pipeline_parallel > 1:
        return _(
            "{gpus} (tensor {tensor_parallel} x pipeline {pipeline_parallel})",
            gpus=gpus,
            tensor_parallel=placement.tensor_parallel,
            pipeline_parallel=placement.pipeline_parallel,
        )
    if placement.tensor_parallel > 1:
        return _("{gpus} (tensor parallel)", gpus=gpus)
    return gpus
