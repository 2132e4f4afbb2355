"""What hardware a model needs: for every GPU on sale the smallest number that runs it, smallest box first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.catalog.accelerator import ON_SALE
from qwenpick.catalog.prices import gpu_price
from qwenpick.fitting.answer import PRECISIONS, Answer, Request, default_context, fit
from qwenpick.memory.account import RAM
from qwenpick.memory.cache import KvCache, kv_bytes
from qwenpick.planning.checkpoints import checkpoints, download_bytes
from qwenpick.recommending.search.candidates import weights_of
from qwenpick.runtimes import RUNTIMES, find_runtime
from qwenpick.units import GIB

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.planning.plan import Plan

COUNTS = (1, 2, 4, 8, 16, 24, 32)  # GPUs of one kind: a box holds up to 8, more are nodes of 8
PER_NODE = 8
ACROSS_NODES = ("vllm", "sglang")  # engines that one model can run in on several nodes
SYSTEM_RAM = (
    8 * GIB
)  # what the operating system, the engine's process and its caches leave no room without: our rule of thumb
WORKER_RAM = (
    4 * GIB
)  # a process with PyTorch for each GPU beyond the first of a node, pinned buffers and all: our rule of thumb
THREADS_PER_GPU = 8  # hardware threads that feed a GPU: nine of ten machines for rent in the catalogue have as many


@dataclass(frozen=True, slots=True)
class Offer:
    """`count` GPUs of one kind that run the model, with the plan there. Prices are USD, power watts, of all GPUs together.

    `ram`, `disk` and `threads` are what the box, or each of its nodes, should have beside them.
    """

    gpu: Gpu
    count: int
    plan: Plan
    longest: int | None
    price: float | None
    price_note: str | None
    power: float | None
    ram: int
    disk: int
    threads: int

    @property
    def nodes(self) -> int:
        """Boxes of up to eight GPUs."""
        return max(1, self.count // PER_NODE)

    @property
    def memory(self) -> int:
        """Bytes of all its GPUs: what "smallest" means."""
        return self.count * self.gpu.devices_per_board * (self.plan.placement.devices[0].total or 0)


def offers(
    catalog: Catalog, model: Model, request: Request, gpus: Iterable[Gpu] | None = None, budget: float | None = None
) -> tuple[Offer, ...]:
    """The smallest box of every GPU that runs the model as asked on GPUs alone, smallest first, then cheapest; within `budget` USD where it is given.

    Without `gpus`, all that are sold now count, laptops apart.
    """
    pool = (
        gpus
        if gpus is not None
        else [g for g in catalog.gpus.values() if g.status == "shipping" and g.segment in ON_SALE]
    )
    lightest = _lightest(catalog, model, request)
    found = [offer for gpu in pool if (offer := _smallest(catalog, model, request, gpu, lightest))]
    if budget is not None:
        found = [offer for offer in found if offer.price is not None and offer.price <= budget]
    return tuple(sorted(found, key=lambda o: (o.memory, o.price if o.price is not None else float("inf"), o.gpu.id)))


def _lightest(catalog: Catalog, model: Model, request: Request) -> int:
    """Bytes of weights and cache that GPUs must hold at the very least, in any format that the request allows."""
    if not model.open_weights or not model.architecture:
        return 0
    architecture = catalog.architecture(model)
    engines = map(find_runtime, (request.runtime,) if request.runtime else RUNTIMES)
    precisions = (request.quant,) if request.quant else PRECISIONS
    found = (one for engine in engines for precision in precisions for one in checkpoints(model, engine, precision))
    tokens = request.context or default_context(model)
    cache = request.sequences * kv_bytes(architecture, tokens, request.kv_cache or KvCache())
    return min((weights_of(architecture, checkpoint) for checkpoint in found), default=0) + cache


def _smallest(catalog: Catalog, model: Model, request: Request, gpu: Gpu, lightest: int) -> Offer | None:
    """The fewest of this GPU that run the model; None where even the largest count does not, or its memory is not known."""
    each = max(gpu.memory_bytes or 0, gpu.usable_bytes or 0) * gpu.devices_per_board
    if not each:
        return None
    for count in _counts(gpu):
        if count * each < lightest:
            continue
        answer = _answer(catalog, model, request, gpu, count)
        if answer and answer.fits:
            price, note = gpu_price(gpu)
            return Offer(
                gpu,
                count,
                answer.plan,
                answer.longest,
                price and price * count,
                note,
                gpu.power_watts and gpu.power_watts * count,
                needed_ram(answer.plan, min(count, PER_NODE)),
                download_bytes(answer.plan.model, answer.plan.architecture, answer.plan.checkpoint),
                THREADS_PER_GPU * min(count, PER_NODE),
            )
    return None


def _counts(gpu: Gpu) -> Iterator[int]:
    """A machine whose GPU shares its RAM has one; GPUs outside datacenters are not joined across nodes."""
    most = 1 if gpu.unified else COUNTS[-1] if gpu.segment == "datacenter" else PER_NODE
    return (count for count in COUNTS if count <= most)


def _answer(catalog: Catalog, model: Model, request: Request, gpu: Gpu, count: int) -> Answer | None:
    """What fits on `count` GPUs; beyond one node, what fits in an engine that spans nodes. None where no engine runs it there."""
    from qwenpick.errors import QwenpickError
    from qwenpick.machine.simulate import simulate

    asked = find_runtime(request.runtime).NAME if request.runtime else None
    names = (asked,) if count <= PER_NODE else [name for name in ACROSS_NODES if asked in {None, name}]
    found = None
    for name in names:
        try:
            box = simulate(catalog, [gpu.id if count == 1 else f"{count}x {gpu.id}"], None, None, False)
            found = fit(catalog, box, model, replace(request, gpu_only=True, runtime=name))
        except QwenpickError:
            continue
        if found.fits:
            break
    return found


def needed_ram(plan: Plan, gpus: int = 1) -> int:
    """RAM for a box of that many GPUs: what the plan keeps there, the system and its workers, rounded up to a size that is sold (bytes)."""
    needed = plan.memory.on(RAM) + SYSTEM_RAM + WORKER_RAM * (gpus - 1)
    return next(
        (size * GIB for size in (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024) if size * GIB >= needed),
        needed,
    )
