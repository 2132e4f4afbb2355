"""A model that no single node holds: tensor parallel inside each node, pipeline stages across nodes of one kind, and what their network takes.

Between two stages the hidden states of a step's tokens cross the network: tokens x hidden size x 2 bytes, once a boundary and step. That is what NCCL
sends for pipeline parallelism in vLLM 0.26 (v1/worker/gpu_model_runner.py, IntermediateTensors: hidden states and residual, so twice that).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.machine.nodes import several
from qwenpick.runtimes import ACROSS_NODES
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.fleet.kinds import Kind
    from qwenpick.machine.hardware import Link
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.request import Request
    from qwenpick.speed import Band, Speed

TENSORS = 2  # hidden states and residual
WIDTH = 2  # bytes of an element: 16 bits
MOST_STAGES = 16
# How much better and worse than its name a network is between two stages: of the latency of a small all-reduce, and of the rate that one stream gets
QUICKEST, SLOWEST, PART = 0.5, 4.0, 0.5


@dataclass(frozen=True, slots=True)
class Staged:
    """A plan over `nodes` nodes, timed with their network, and its points as they are without that."""

    plan: Plan
    nodes: int
    ranked: Ranked | None = None


def staged(
    catalog: Catalog, kind: Kind, model: Model, request: Request, link: Link, missed: Plan | None = None
) -> Staged | None:
    """The fewest nodes of the kind that hold the model in stages, all of a node's equal GPUs in each; None where all of them do not.

    vLLM, unless SGLang is asked for: they are the engines that run so. `missed` is the plan on one node, which says from how many on to look.
    """
    runtime = request.runtime or "vllm"
    if runtime not in ACROSS_NODES or kind.idle is not None or kind.count < 2 or not kind.machine.devices:
        return None
    ranks = _ranks(kind)
    names = ("tensor_parallel_size", "pipeline_parallel_size") if runtime == "vllm" else ("tp_size", "pp_size")
    if any(name in request.options for name in names):
        return None
    total = kind.machine.devices[0].total or 1
    least = missed.memory.total // 2 // (ranks * total) if missed else 0  # half: other formats may be smaller
    for nodes in range(max(2, least), min(kind.count, MOST_STAGES) + 1):
        machine = several(replace(kind.machine, devices=kind.machine.devices[:1] * ranks), nodes, link)
        cut = {**request.options, names[0]: ranks, names[1]: nodes}
        try:
            answer = fit(catalog, machine, model, replace(request, runtime=runtime, options=cut, gpu_only=True))
        except QwenpickError:
            return None
        if answer.fits:
            plan = replace(answer.plan, speed=crossed(answer.plan, nodes, link) if answer.plan.speed else None)
            return Staged(plan, nodes, answer.ranked)
    return None


def _ranks(kind: Kind) -> int:
    """GPUs of a node that share a layer: the largest power of two among those that are equal."""
    first = kind.machine.devices[0]
    equal = sum(device == first for device in kind.machine.devices)
    return 1 << (equal.bit_length() - 1)


def crossed(plan: Plan, nodes: int, link: Link) -> Speed | None:
    """The plan's speed with what its stages send over the network, and a band from the fastest to the slowest that such a network is."""
    speed = plan.speed
    if speed is None:
        return None
    hidden = plan.architecture.hidden_size
    size = speed.sequences * hidden * WIDTH * TENSORS
    prompt = speed.prompt * hidden * WIDTH * TENSORS
    hops = nodes - 1

    def slowed(band: Band, tokens: float, sent: int) -> Band:
        """tokens/s after each step of `tokens` waits for the network: 1 / (1 / rate + wait / tokens)."""
        least = hops * (link.latency * QUICKEST + sent / link.bandwidth)
        most = hops * (link.latency * SLOWEST + sent / (link.bandwidth * PART))
        middle = (least * most) ** 0.5

        def after(rate: float, wait: float) -> float:
            return rate / (1 + rate * wait / tokens)

        return replace(band, value=after(band.value, middle), low=after(band.low, most), high=after(band.high, least))

    decode, each = slowed(speed.decode, 1, size), slowed(speed.each, 1, size)
    together, prefill = (
        slowed(speed.together, speed.sequences, size),
        slowed(speed.prefill, max(1, speed.prompt), prompt),
    )
    return replace(speed, decode=decode, each=each, together=together, prefill=prefill)
