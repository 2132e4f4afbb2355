"""The ways to lay a model out on a machine, preferred first: one GPU, several, experts in RAM, layers in RAM, CPU only.

What a placement needs is asked of `memory`; how many layers fit is searched, since every part grows with the layers held.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import Device
from qwenpick.memory.bands import band
from qwenpick.runtimes.llamacpp.cut import experts_asked, layers_asked
from qwenpick.runtimes.llamacpp.limits import budget, has_backend
from qwenpick.runtimes.llamacpp.options import Options, read_options
from qwenpick.runtimes.llamacpp.parts import copies_of, file_share, is_pooled, on_first_gpu, on_gpus
from qwenpick.runtimes.llamacpp.spread import spread
from qwenpick.runtimes.llamacpp.totals import totals
from qwenpick.runtimes.llamacpp.whole import layer_bytes, whole
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.serving import Serving


def placements(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """All layers on the fastest GPU with room, the roomiest, the fewest GPUs, experts in RAM, as many layers as fit, none; options are obeyed."""
    options = read_options(work.options)
    usable = tuple(filter(has_backend, machine.devices))
    devices = tuple(sorted(usable, key=lambda d: -(budget(d, work) or 0)))
    if options.split_mode == "none":
        devices = usable = devices[:1]
    if options.split_mode == "tensor" and len(devices) > 1:
        yield Placement(devices, tensor_parallel=len(devices))
    elif not devices:
        yield Placement()
    elif options.shares:
        yield _shared(architecture, options, usable)
    elif options.n_gpu_layers is not None or experts_asked(options, architecture.num_layers):
        yield from _asked(architecture, options, devices, work)
    else:
        yield from _on_gpus(architecture, checkpoint, work, devices, machine.ram_free, is_pooled(model))
        yield Placement()


def _asked(
    architecture: Architecture, options: Options, devices: tuple[Device, ...], work: Serving
) -> Iterator[Placement]:
    """What -ngl and --n-cpu-moe say: on one GPU, else on as many as hold it, each with a share by its memory."""
    moved = experts_asked(options, architecture.num_layers)
    everything, held = architecture.num_layers + 1, _held(architecture, options)
    yield Placement((devices[0],), split=None if held == everything else (held,), cpu_moe_layers=moved)
    for count in range(2, min(len(devices), held) + 1):
        rooms = [budget(device, work) or 1 for device in devices[:count]]
        yield Placement(devices[:count], split=shared_out(held, rooms), cpu_moe_layers=moved)


def _shared(architecture: Architecture, options: Options, devices: tuple[Device, ...]) -> Placement:
    """What --tensor-split says, of the GPUs in their order. One with a share of nothing takes no part."""
    shares = options.shares
    if len(shares) > len(devices):
        raise QwenpickError(
            _("tensor_split has {shares} shares for {count} GPUs", shares=len(shares), count=len(devices))
        )
    counts = shared_out(_held(architecture, options), shares)
    taken = [(device, count) for device, count in zip(devices, counts, strict=False) if count]
    moved = experts_asked(options, architecture.num_layers)
    return Placement(tuple(d for d, _n in taken), split=tuple(n for _d, n in taken), cpu_moe_layers=moved)


def _held(architecture: Architecture, options: Options) -> int:
    """How many layers are asked onto GPUs, the output one of them."""
    everything = architecture.num_layers + 1
    asked = layers_asked(architecture, options.n_gpu_layers)
    return everything if asked is None else min(asked, everything)


def shared_out(layers: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Layers by device: llama.cpp gives layer i to the first whose cumulative share lies above i / layers (load_tensors in llama-model.cpp).

    >>> shared_out(65, (3, 1))
    (49, 16)
    """
    ends = [sum(shares[: i + 1]) / sum(shares) for i in range(len(shares))]
    owners = [bisect_right(ends, i / layers) for i in range(layers)]
    return tuple(owners.count(device) for device in range(len(shares)))


def _on_gpus(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    devices: tuple[Device, ...],
    ram: int | None,
    pooled: bool,
) -> Iterator[Placement]:
    device = devices[0]
    alone = Placement((device,))
    holds = whole(architecture, checkpoint, work, pooled, copies_of((device,), work)).missing(device, work) <= 0
    if holds:
        yield from _faster(architecture, checkpoint, work, devices, pooled)
        yield alone
    # what is wanted may be more than that it just holds: each further GPU leaves more room
    for count in range(2, len(devices) + 1):
        if split := _best_split(architecture, checkpoint, work, devices[:count], pooled):
            yield split
    if ram is not None and layer_bytes(architecture, checkpoint) > ram + sum(budget(d, work) or 0 for d in devices):
        if not holds:
            yield Placement((device,), cpu_moe_layers=architecture.num_layers if architecture.is_moe else 0)
        return  # no cut of it holds
    like = _alike(device, work)
    found = set[Placement]()  # each is searched when it is asked for: who takes the first that holds needs no other
    # clear of the estimate's error; else what just holds, which leaves least to RAM
    for edge in (band("llamacpp").high, 1.0):
        alike = tuple(_alike(one, work) for one in devices)
        if len(devices) > 1 and (cut := spread(architecture, checkpoint, work, alike, edge, pooled)):
            yield from _new(found, Placement(devices, split=cut[0], cpu_moe_layers=cut[1]))
        if architecture.is_moe and (moved := fewest_experts(architecture, checkpoint, work, like, edge, pooled)):
            yield from _new(found, Placement((device,), cpu_moe_layers=moved))
        if layers := fewest_layers(architecture, checkpoint, work, like, edge, pooled):
            yield from _new(found, Placement((device,), split=(architecture.num_layers + 1 - layers,)))
    if not holds:
        yield alone


def _faster(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: tuple[Device, ...], pooled: bool
) -> Iterator[Placement]:
    """Alone on a GPU that reads its memory faster than the roomiest, fastest first, where it has room beyond the estimate's error."""
    others = [one for one in dict.fromkeys(devices[1:]) if _pace(one) > _pace(devices[0])]
    for device in sorted(others, key=_pace, reverse=True):
        need = whole(architecture, checkpoint, work, pooled, copies_of((device,), work)).on_gpu.with_driver(device)
        if need * band("llamacpp").high <= (budget(device, work) or 0):
            yield Placement((device,))


def _pace(device: Device) -> float:
    """Bytes/s of weights that llama.cpp reads of its memory; 0 where that is not known."""
    from qwenpick.speed.devices import class_of
    from qwenpick.speed.efficiency import decode_constants

    return (device.bandwidth or 0.0) * decode_constants("llamacpp", class_of(device, None)).weights


def _new(found: set[Placement], placement: Placement) -> Iterator[Placement]:
    """The placement, where it has not been found before."""
    if placement not in found:
        found.add(placement)
        yield placement


def _alike(device: Device, work: Serving) -> Device:
    """A device of which only that is kept which decides how a model is cut, so that the search is done once for all like it."""
    return Device("", device.vendor, None, budget(device, work) or 0, compute_capability=device.compute_capability)


@lru_cache(maxsize=8192)
def fewest_experts(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, device: Device, edge: float, pooled: bool = False
) -> int | None:
    """The fewest layers whose experts must lie in RAM for the rest to fit the GPU; None where even all of them are not enough."""
    sums = totals(architecture, checkpoint.format, work, file_share(architecture, checkpoint)).without_experts
    return _fewest(
        architecture, checkpoint, work, device, lambda n: Placement((device,), cpu_moe_layers=n), sums, edge, pooled
    )


@lru_cache(maxsize=8192)
def fewest_layers(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, device: Device, edge: float, pooled: bool = False
) -> int | None:
    """The fewest layers that must lie in RAM for the rest to fit the GPU; None where the GPU does not even hold the output."""
    everything = architecture.num_layers + 1
    sums = totals(architecture, checkpoint.format, work, file_share(architecture, checkpoint)).from_layer
    return _fewest(
        architecture,
        checkpoint,
        work,
        device,
        lambda n: Placement((device,), split=(everything - n,)),
        sums,
        edge,
        pooled,
    )


def _fewest(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    device: Device,
    placed: Callable[[int], Placement],
    falling: Sequence[int],
    edge: float,
    pooled: bool,
) -> int | None:
    """The smallest number from 1 to all layers whose placement fits the GPU, as those of all after it do; None where none does.

    `edge` is what the estimate is multiplied by. It is searched with the rough compute buffer, which is the same for all, and `falling` sums
    for a workload without options (totals.py); then it is made sure of with the exact one.
    """
    last, room = architecture.num_layers, budget(device, work) or 0

    def exactly(n: int, *, rough: bool = False) -> int:
        return on_first_gpu(architecture, checkpoint, work, placed(n), pooled=pooled, rough=rough)

    least = exactly(last, rough=True)
    if round(least * edge) > room:
        return None
    if work.options:

        def need(n: int) -> int:
            return exactly(n, rough=True)
    else:
        rest = least + falling[-1]

        def need(n: int) -> int:
            return rest - falling[n - 1]

    found = bisect_left(range(1, last), True, key=lambda n: round(need(n) * edge) <= room) + 1
    return next((n for n in range(found, last + 1) if round(exactly(n) * edge) <= room), None)


def _best_split(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: tuple[Device, ...], pooled: bool
) -> Placement | None:
    """All layers over these devices, in proportion to their memory, then moved one by one to where there is room; None where they do not fit.

    One that is clear of the estimate's error comes before one that just holds.
    """
    everything, edge = architecture.num_layers + 1, band("llamacpp").high
    room = [budget(d, work) or 0 for d in devices]
    if not all(room):
        return None
    ends = [everything * sum(room[: i + 1]) // sum(room) for i in range(len(devices))]
    split = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    held: Placement | None = None
    for _step in range(everything + 1):
        placement = Placement(devices, split=tuple(split))
        need = on_gpus(architecture, checkpoint, work, placement, pooled=pooled)
        spare = [size - held_here * edge for size, held_here in zip(room, need, strict=True)]
        if min(spare) >= 0:
            return placement
        if held is None and all(size >= held_here for size, held_here in zip(room, need, strict=True)):
            held = placement
        worst, best = spare.index(min(spare)), spare.index(max(spare))
        if split[worst] <= 1 or spare[best] <= 0:
            break
        split[worst] -= 1
        split[best] += 1
    return held
