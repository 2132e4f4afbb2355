"""Catalogue x runtimes x placements x machine x workload -> Plans, each with a verdict and a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from qwenpick.errors import HardwareUnreadableError
from qwenpick.i18n import _
from qwenpick.machine.nodes import one_node, per_node
from qwenpick.memory.account import RAM, Memory, gpu
from qwenpick.memory.bands import Band, band, widened
from qwenpick.memory.quantization.recipes import estimate
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.planning.files import File, planned_file, settled
from qwenpick.planning.verdict import SEVERITY, Place, Verdict, reason_of, verdict_of
from qwenpick.runtimes import ACROSS_NODES, find_runtime
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.runtimes import Runtime
    from qwenpick.runtimes.ledger import Ledger
    from qwenpick.speed import Speed
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

# they cut a model over more GPUs at little cost, and may keep Flash-Next's n-gram table in RAM
SERVERS = ("vllm", "sglang")
# vLLM's docs/getting_started/installation/gpu.md ("does not support Windows natively … use WSL"), SGLang's docs/get_started/install.md (Linux)
NOT_ON_WINDOWS = frozenset({"vllm", "sglang"})
Mode = Literal["gpu", "gpu+experts-in-ram", "gpu+layers-in-ram", "cpu"]
# the parts of llama.cpp's memory (runtimes/llamacpp/run.py) that are there only where layers or the output lie in RAM
LAYERS_IN_RAM = ("layers in RAM", "output in RAM")


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to run one model, and whether it holds. `refusal` says why the engine would not run it; `band` is its error on real runs.

    `speed_without` is the speed without the speculation that the plan uses; None where it uses none of its own accord.
    `box` are all GPUs of the machine, of which the placement may use fewer.
    """

    model: Model
    architecture: Architecture
    checkpoint: Checkpoint
    runtime: str
    work: Serving
    placement: Placement
    memory: Memory
    places: tuple[Place, ...]
    verdict: Verdict
    refusal: str | None
    band: Band
    speed: Speed | None = None
    speed_without: Speed | None = None
    box: tuple[Device, ...] = ()

    @property
    def mode(self) -> Mode:
        """Where the weights lie: on GPUs, on GPUs with experts or layers in RAM, or in RAM only."""
        if not self.placement.devices:
            return "cpu"
        if self.placement.cpu_moe_layers:
            return "gpu+experts-in-ram"
        return "gpu" if self.memory.names.isdisjoint(LAYERS_IN_RAM) else "gpu+layers-in-ram"

    @property
    def file(self) -> File | None:
        """The published file that the engine would load; None where nobody is known to publish one."""
        return planned_file(self.model, self.architecture, self.checkpoint, self.runtime)

    @property
    def reason(self) -> str:
        """What the verdict rests on, as a sentence."""
        return self.refusal or reason_of(self.verdict, self.places)

    @property
    def headroom(self) -> int:
        """Bytes left at the fullest place; negative where it does not fit."""
        return min((place.headroom for place in self.places if place.headroom is not None), default=0)

    def holds(self, strict: bool = False) -> bool:
        """Whether it fits; `strict` takes the upper edge of the band."""
        return self.verdict == "fits" or (self.verdict == "tight" and not strict)


def evaluate(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    runtime: Runtime,
    work: Serving,
    machine: Machine,
    gpu_only: bool = False,
    strict: bool = False,
) -> Plan | None:
    """The preferred placement that holds, else the nearest miss; None where the engine has no way to run on this machine at all.

    With `strict` a tight placement gives way to one that fits, however slow; among misses the one with the least missing wins. On a Mac nothing
    is left to the CPU unless an option says so. With engines that serve a tight one gives way to one that fits over more GPUs, or with an n-gram
    table in RAM.
    """
    checkpoint = settled(architecture, checkpoint)
    machine = machine if runtime.NAME in ACROSS_NODES else one_node(machine)
    best: Plan | None = None
    tight: Plan | None = None
    serves, gpus = runtime.NAME in SERVERS and not strict, len(machine.devices)
    has_table = any(extra.name == NGRAM_TABLE for extra in architecture.extras)
    nothing_in_ram, dropped = gpu_only or (one_memory(machine) and not work.options), False
    for placement in runtime.placements(model, architecture, checkpoint, work, machine):
        if len(placement.devices) > 1 and any(device.kind == "mig" for device in placement.devices):
            continue  # CUDA shows a process one MIG instance
        if dropped and _leaves_layers(placement, architecture):
            continue
        plan = judge(model, architecture, checkpoint, runtime, work, placement, machine)
        if plan.mode != "gpu" and nothing_in_ram:
            dropped = True  # the engine runs it, and nobody asks what more in RAM would take
            continue
        roomier = len(placement.devices) < gpus or (has_table and not placement.host_table)
        if plan.verdict == "tight" and serves and roomier:
            tight = tight or plan
            continue
        if plan.holds(strict):
            return plan if plan.verdict == "fits" or tight is None else tight
        if best is None or (SEVERITY[plan.verdict], -plan.headroom) < (SEVERITY[best.verdict], -best.headroom):
            best = plan
    return tight or best


def _leaves_layers(placement: Placement, architecture: Architecture) -> bool:
    """Whether layers, or their experts, lie in RAM."""
    cut = placement.split is not None and sum(placement.split) < architecture.num_layers
    return cut or not placement.devices or placement.cpu_moe_layers > 0


def one_memory(machine: Machine) -> bool:
    """Whether GPU and CPU share all of the memory, as on a Mac: then nothing is gained by leaving layers, or all of them, to the CPU."""
    return any(device.vendor == "apple" for device in machine.devices)


def judge(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    runtime: Runtime,
    work: Serving,
    placement: Placement,
    machine: Machine,
) -> Plan:
    """What one placement needs against what the engine may take there, with the verdict."""
    checkpoint = settled(architecture, checkpoint)
    refusal = not_on(machine.system, runtime) or runtime.refusal(architecture, checkpoint, work, placement)
    needed = Memory(()) if refusal else runtime.memory(model, architecture, checkpoint, work, placement)
    unsure = estimate(architecture, checkpoint.format, checkpoint.repo) if checkpoint.by_rule else None
    edge = widened(band(runtime.NAME), needed, unsure) if unsure else band(runtime.NAME)
    places = tuple(_places(needed, runtime, work, placement, machine))
    verdict: Verdict = "refused" if refusal else verdict_of(places, edge)
    plan = Plan(
        model, architecture, checkpoint, runtime.NAME, work, placement, needed, places, verdict, refusal, edge,
        box=machine.devices,
    )  # fmt: skip
    if plan.holds() and any(place.budget is None for place in places) and plan.mode != "gpu":
        return replace(plan, verdict="no")  # the weights would lie in RAM, and nobody knows how much there is
    return plan


def not_on(system: str, runtime: Runtime) -> str | None:
    """Why the engine does not run under the operating system at all; None if it does."""
    if system != "windows" or runtime.NAME not in NOT_ON_WINDOWS:
        return None
    return _(
        "{engine} does not run on Windows itself; in WSL 2 it does, and --system linux plans it there",
        engine=runtime.TITLE,
    )


def fast_enough(plan: Plan, floor: float | None, *, strict: bool) -> bool:
    """Whether each user gets so many tokens/s (`strict`: at the slow end of the range); yes if no speed was asked for, no if none is known."""
    if floor is None:
        return True
    return plan.speed is not None and (plan.speed.each.low if strict else plan.speed.each.value) >= floor


def with_memory(plan: Plan, needed: Memory, machine: Machine) -> Plan:
    """The plan with other figures for what it needs, judged anew."""
    places = tuple(_places(needed, find_runtime(plan.runtime), plan.work, plan.placement, machine))
    return replace(plan, memory=needed, places=places, verdict=verdict_of(places, plan.band), refusal=None)


def timed(
    plan: Plan,
    machine: Machine,
    catalog: Catalog,
    prompt: int | None = None,
    depth: int | None = None,
    predictable: bool = False,
) -> Plan:
    """The plan with its speed with `depth` tokens in the cache (its whole context), where the bandwidths are known; `predictable` text is code.

    A prompt longer than the context is cut to it: llama-bench's pp128 is no prompt of 500 tokens.
    """
    from qwenpick.runtimes.flags import read_flags
    from qwenpick.speed import estimate

    if plan.work.options.get("cpu_offload_gb"):
        return plan  # weights that are read over the bus every step: how fast is not known here

    speed = estimate(
        plan.architecture,
        plan.checkpoint,
        plan.runtime,
        plan.work,
        plan.placement,
        machine,
        catalog.gpus,
        depth=depth,
        prompt=min(prompt, plan.work.context) if prompt else None,
        flags=read_flags(plan.runtime, _as_chosen(plan).options),
        predictable=predictable,
    )
    return replace(plan, speed=speed)


def _as_chosen(plan: Plan) -> Serving:
    """The workload with what its engine chooses by itself on those devices."""
    choose = getattr(find_runtime(plan.runtime), "settled", None)
    if choose is None:
        return plan.work
    found: Serving = choose(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)
    return found


def plan_ledger(plan: Plan) -> Ledger | None:
    """The account that the plan's engine would log when it starts; None for engines that log none, or on no GPU of known size."""
    account = getattr(find_runtime(plan.runtime), "ledger", None)
    devices = plan.placement.devices
    wanted = plan.placement.tensor_parallel * plan.placement.pipeline_parallel * plan.placement.data_parallel
    if account is None or len(devices) < wanted or any(device.total is None for device in devices):
        return None
    found: Ledger = account(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)
    return replace(found, refusal=plan.refusal) if plan.verdict == "refused" else found


def longest_allowed(model: Model) -> int | None:
    """Tokens that the model reads at most, stretched as its card says; None where that is not known."""
    return (model.context.extended or model.context.native) if model.context else None


def _places(needed: Memory, runtime: Runtime, work: Serving, placement: Placement, machine: Machine) -> Iterator[Place]:
    devices: dict[str, Device] = {gpu(index): device for index, device in enumerate(placement.devices)}
    first = [gpu(index) for index in range(per_node(machine))]  # of several boxes: RAM is that of one
    # lies in the same RAM
    shared = sum(needed.on(where) for where in first if where in devices and devices[where].unified)
    for where in needed.places:
        if where == RAM:
            left = None if machine.ram_free is None else max(0, machine.ram_free - shared)
            yield Place(RAM, "RAM", needed.on(RAM), left, machine.ram_total)
        else:
            device = devices[where]
            if device.total is None and device.free is None:
                raise HardwareUnreadableError(
                    _(
                        "the memory of {name} could not be read; give --vram (qwenpick doctor says why)",
                        name=device.name,
                    )
                )
            yield Place(
                where, device.name, needed.on(where), runtime.budget(device, work), device.total, needed.surge(where)
            )
