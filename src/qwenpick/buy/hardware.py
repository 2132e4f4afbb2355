"""What hardware a model needs: for every GPU on sale the smallest number that runs it; what has a price first, smallest box first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import closed_weights
from qwenpick.catalog.prices import gpu_price, on_sale
from qwenpick.errors import QwenpickError
from qwenpick.memory.account import RAM
from qwenpick.planning.checkpoints import checkpoints, download_bytes, every_file
from qwenpick.planning.files import settled
from qwenpick.planning.limits import longest_context
from qwenpick.planning.plan import longest_allowed
from qwenpick.recommending.choose import Chooser, task_for
from qwenpick.recommending.request import HIGHEST
from qwenpick.recommending.search.cache_format import least_cache_bytes
from qwenpick.recommending.search.formats import named_bits, weights_of
from qwenpick.runtimes import ACROSS_NODES, RUNTIMES, find_runtime
from qwenpick.units import GIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.request import Request

COUNTS = (1, 2, 4, 8, 16, 24, 32)  # GPUs of one kind: a box holds up to 8, more are nodes of 8
PER_NODE = 8
MOST_SPARKS = 4  # two by a cable, up to four by a switch: NVIDIA DGX Spark user guide
LEAST_BITS = 4  # bits a weight: nobody buys a GPU to run a model in fewer, unless a format was asked for
# what the operating system, the engine's process and its caches leave no room without: our rule of thumb
SYSTEM_RAM = 8 * GIB
# a process with PyTorch for each GPU beyond the first of a node, pinned buffers and all: our rule of thumb
WORKER_RAM = 4 * GIB
THREADS_PER_GPU = 8  # hardware threads that feed a GPU: nine of ten machines for rent in the catalogue have as many


@dataclass(frozen=True, slots=True)
class Offer:
    """`count` GPUs of one kind that run the model, with the plan there. Prices are USD, power watts, of all GPUs together.

    `ram`, `disk` and `threads` are what the box, or each of its nodes, should have beside them; where the memory is shared, `ram` is all of it.
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
        """Boxes of up to eight GPUs; one each where GPU and system share the memory."""
        return self.count // min(self.count, per_box(self.gpu))

    @property
    def memory(self) -> int:
        """Bytes of all its GPUs: what "smallest" means."""
        return self.count * self.gpu.devices_per_board * (self.plan.placement.devices[0].total or 0)


def offers(
    catalog: Catalog,
    model: Model,
    request: Request,
    gpus: Iterable[Gpu] | None = None,
    budget: float | None = None,
    *,
    used: bool = False,
) -> tuple[Offer, ...]:
    """The smallest box of every GPU that runs the model as asked on GPUs alone; within `budget` USD where it is given.

    Those with a price come first; of them the smallest, of one size (GiB) the cheapest. Without `gpus`, all that are sold now count,
    laptops apart; with `used` those that were sold once too, at used prices where they are known.
    """
    pool = gpus if gpus is not None else on_sale(catalog, used=used)
    lightest = _lightest(catalog, model, request)
    buyers = {name: buyer(catalog, model, replace(request, runtime=name)) for name in (request.runtime, *ACROSS_NODES)}
    found = (_smallest(catalog, request, gpu, lightest, buyers, budget, used) for gpu in pool)
    return tuple(sorted((offer for offer in found if offer), key=_place))


def _place(offer: Offer) -> tuple[bool, int, float, str]:
    return offer.price is None, round(offer.memory / GIB), offer.price or 0.0, offer.gpu.id


def _lightest(catalog: Catalog, model: Model, request: Request) -> int:
    """Bytes of weights and cache that GPUs must hold at the very least, in any format that the request allows."""
    if not model.open_weights or not model.architecture:
        return 0
    architecture = catalog.architecture(model)
    asked = request.quant if request.quant != HIGHEST else None
    wanted = request.context or task_for([model], request).context
    tokens = min(wanted, longest_allowed(model) or wanted)
    least = []
    for engine in map(find_runtime, (request.runtime,) if request.runtime else RUNTIMES):
        found = every_file(checkpoints(model, engine, asked), model, architecture, engine.NAME)
        allowed = [settled(architecture, one) for one in found if asked or named_bits(one.format) >= LEAST_BITS]
        if allowed:
            cache = least_cache_bytes(engine.NAME, model, architecture, tokens, request)
            least.append(cache + min(weights_of(architecture, checkpoint) for checkpoint in allowed))
    return min(least, default=0)


def buyer(catalog: Catalog, model: Model, request: Request) -> Chooser:
    """What chooses on each candidate box: on its GPUs alone, in four bits or more unless a format was asked for.

    Raises QwenpickError for a model without open weights.
    """
    if not model.open_weights or not model.architecture:
        raise QwenpickError(closed_weights(model))
    asked = replace(request, gpu_only=True, least_bits=LEAST_BITS)
    return Chooser(catalog, [model], task_for([model], asked), asked)


def _smallest(
    catalog: Catalog,
    request: Request,
    gpu: Gpu,
    lightest: int,
    buyers: dict[str | None, Chooser],
    budget: float | None,
    used: bool,
) -> Offer | None:
    """The fewest of this GPU that run the model; None where even the most that the budget allows do not, or its memory is not known."""
    each = max(gpu.memory_bytes or 0, gpu.usable_bytes or 0) * gpu.devices_per_board
    price, note = gpu_price(gpu, used=used)
    if not each or (budget is not None and price is None):
        return None
    for count in _counts(gpu):
        if count * each < lightest:
            continue
        if budget is not None and price is not None and price * count > budget:
            return None
        if chosen := _chosen(catalog, request, gpu, count, buyers):
            plan, longest = chosen
            return Offer(
                gpu,
                count,
                plan,
                longest,
                price and price * count,
                note,
                gpu.power_watts and gpu.power_watts * count,
                (gpu.memory_bytes or each) if gpu.unified else needed_ram(plan, min(count, per_box(gpu))),
                download_bytes(plan.model, plan.architecture, plan.checkpoint, plan.runtime),
                THREADS_PER_GPU * min(count, per_box(gpu)),
            )
    return None


def per_box(gpu: Gpu) -> int:
    """How many GPUs of this kind a box holds."""
    return 1 if gpu.unified else PER_NODE


def _counts(gpu: Gpu) -> Iterator[int]:
    """A machine whose GPU shares its RAM has one, and of these DGX Sparks are joined; other GPUs outside datacenters are not, across nodes."""
    from qwenpick.machine.nodes import SPARKS

    alone = MOST_SPARKS if gpu.id == SPARKS else 1
    most = alone if gpu.unified else COUNTS[-1] if gpu.segment == "datacenter" else PER_NODE
    return (count for count in COUNTS if count <= most)


def _chosen(
    catalog: Catalog, request: Request, gpu: Gpu, count: int, buyers: dict[str | None, Chooser]
) -> tuple[Plan, int | None] | None:
    """The usable plan on `count` GPUs and the longest context in it; beyond one node, in an engine that spans nodes. None where there is none."""
    from qwenpick.machine.nodes import several
    from qwenpick.machine.simulate import simulate

    asked = find_runtime(request.runtime).NAME if request.runtime else None
    each = min(count, per_box(gpu))
    names = (request.runtime,) if count == each else [name for name in ACROSS_NODES if asked in {None, name}]
    for name in names:
        try:
            box = simulate(catalog, [gpu.id if each == 1 else f"{each}x {gpu.id}"])
            box = several(box, count // each, None)
            ranked = buyers[name].one(box)
        except QwenpickError:
            continue  # no engine runs it there
        if ranked and ranked.usable:
            return ranked.plan, longest_context(ranked.plan, box, request.strict, gpu_only=True)
    return None


def needed_ram(plan: Plan, gpus: int) -> int:
    """RAM for a box of that many GPUs: what the plan keeps there, the system and its workers, rounded up to a size that is sold (bytes)."""
    needed = plan.memory.on(RAM) + SYSTEM_RAM + WORKER_RAM * (gpus - 1)
    return next(
        (size * GIB for size in (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024) if size * GIB >= needed),
        needed,
    )
