"""The answer of `fit --train`: whether a fine-tuning run holds on a machine, how far it stretches, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.catalog import Checkpoint
from qwenpick.catalog.accelerator import ON_SALE
from qwenpick.catalog.lookup import closed_weights
from qwenpick.catalog.prices import gpu_price
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.i18n import _, retell
from qwenpick.memory.account import RAM, Memory, gpu
from qwenpick.memory.bands import Band, band
from qwenpick.memory.quantization import find_format
from qwenpick.planning.checkpoints import is_family
from qwenpick.planning.limits import most
from qwenpick.planning.plan import Place, Verdict, longest_allowed, reason_of, verdict_of
from qwenpick.training import DEFAULT_FORMAT, memory
from qwenpick.training.speed import Speed, speed
from qwenpick.training.storage import Storage, storage

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Gpu, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Training

METHODS = ("qlora", "lora", "full")  # from the one that needs least
STEP = 256  # tokens; sequences are cut to multiples of it
LARGEST_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Tuned:
    """One fine-tuning run on one machine. `longest` is tokens of a sequence, `largest` sequences per GPU, with the other settings as they are."""

    model: Model
    architecture: Architecture
    checkpoint: Checkpoint
    training: Training
    devices: tuple[Device, ...]
    memory: Memory
    places: tuple[Place, ...]
    verdict: Verdict
    reason: str
    band: Band
    speed: Speed | None
    storage: Storage
    longest: int | None
    largest: int | None

    def holds(self, strict: bool = False) -> bool:
        """Whether it fits; `strict` takes the upper edge of the band."""
        return self.verdict == "fits" or (self.verdict == "tight" and not strict)


def tune(
    catalog: Catalog, machine: Machine, model: Model, training: Training, quant: str | None = None, strict: bool = False
) -> Tuned:
    """The run on the machine's roomiest GPUs.

    Raises QwenpickError for what cannot be trained so, HardwareUnreadableError for GPUs that cannot be read.
    """
    if not model.open_weights or not model.architecture:
        raise QwenpickError(closed_weights(model))
    architecture = catalog.architecture(model)
    devices = _devices(machine, training)
    checkpoint = _checkpoint(model, training, quant)
    found = _judged(architecture, model, checkpoint, training, devices, machine)
    limit = longest_allowed(model) or 131072

    def holds(changed: Training) -> bool:
        return _judged(architecture, model, checkpoint, changed, devices, machine)[2] in (
            ("fits",) if strict else ("fits", "tight")
        )

    longest = most(limit // STEP + 1, lambda n: holds(replace(training, seq=n * STEP))) * STEP or None
    largest = most(LARGEST_BATCH + 1, lambda n: holds(replace(training, batch=n))) or None
    needed, places, verdict = found
    return Tuned(
        model, architecture, checkpoint, training, devices, needed, places, verdict, reason_of(verdict, places), band(training.method),
        speed(architecture, training, _rate(catalog, devices[0])), storage(architecture, training, checkpoint), longest, largest,
    )  # fmt: skip


def methods(
    catalog: Catalog, machine: Machine, model: Model, training: Training, strict: bool = False
) -> Iterator[Tuned | tuple[str, str]]:
    """QLoRA, LoRA and full fine-tuning with otherwise the same settings; (method, why not) for one that cannot be."""
    for method in METHODS:
        try:
            yield tune(catalog, machine, model, replace(training, method=method), None, strict)
        except HardwareUnreadableError:
            raise
        except QwenpickError as error:
            yield method, str(error)


def _devices(machine: Machine, training: Training) -> tuple[Device, ...]:
    """The GPUs with most free memory. Training is CUDA's (or ROCm's): the recipes' kernels run nowhere else."""
    able = sorted(
        (d for d in machine.devices if d.vendor in {"nvidia", "amd"}), key=lambda d: -(d.free or d.total or 0)
    )
    if not able and machine.unreadable:
        raise HardwareUnreadableError(
            _(
                "the GPU could not be read ({unreadable}); say it with --gpu",
                unreadable="; ".join(map(retell, machine.unreadable)),
            )
        )
    if not able:
        raise QwenpickError(_("fine-tuning is planned for NVIDIA and AMD GPUs, and this box has none"))
    if len(able) < training.gpus:
        raise QwenpickError(_("--gpus {gpus}: this box has {count}", gpus=training.gpus, count=len(able)))
    return tuple(able[: training.gpus])


def _checkpoint(model: Model, training: Training, quant: str | None) -> Checkpoint:
    """The weights that are trained: the 16-bit repository, quantized on load for QLoRA, or the format that was asked for."""
    name = DEFAULT_FORMAT.get(training.method, "bf16") if quant is None or is_family(quant) else find_format(quant).name
    published = next((c for c in model.checkpoints if c.format == name), None)
    base = next((c for c in model.checkpoints if c.format == "bf16"), None)
    return published or Checkpoint(format=name, repo=base.repo if base else None, official=bool(base and base.official))


def _judged(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    training: Training,
    devices: tuple[Device, ...],
    machine: Machine,
) -> tuple[Memory, tuple[Place, ...], Verdict]:
    from qwenpick.work.placement import Placement

    needed = memory(model, architecture, training, Placement(devices), checkpoint)
    named = {gpu(index): device for index, device in enumerate(devices)}
    places = []
    for where in needed.places:
        if where == RAM:
            places.append(Place(RAM, "RAM", needed.on(RAM), machine.ram_free, machine.ram_total))
            continue
        device = named[where]
        budget = device.free if device.free is not None else device.total
        if budget is None:
            raise HardwareUnreadableError(
                _("the memory of {name} could not be read; say it with --vram", name=device.name)
            )
        places.append(Place(where, device.name, needed.on(where), budget, device.total))
    return needed, tuple(places), verdict_of(tuple(places), band(training.method))


def _rate(catalog: Catalog, device: Device) -> float | None:
    """Dense 16-bit FLOP/s of the GPU; None where the catalogue does not know it."""
    entry = catalog.gpus.get(device.gpu) if device.gpu else None
    return entry.rates.fp16 if entry else None


@dataclass(frozen=True, slots=True)
class TuningOffer:
    """`count` GPUs of one kind on which the run holds. Prices are USD, power watts, of all of them together."""

    gpu: Gpu
    count: int
    tuned: Tuned
    price: float | None
    price_note: str | None
    power: float | None

    @property
    def memory(self) -> int:
        """Bytes of all its GPUs."""
        return sum(device.total or 0 for device in self.tuned.devices)


def tuning_offers(
    catalog: Catalog,
    model: Model,
    training: Training,
    gpus: Iterable[Gpu] | None = None,
    budget: float | None = None,
    strict: bool = False,
) -> tuple[TuningOffer, ...]:
    """The fewest of every GPU (up to 8) on which the run holds, smallest first, then cheapest; within `budget` USD where it is given.

    More than one share a run by ZeRO-3 (QLoRA by FSDP) unless the training says how. Without `gpus`, all that are sold now count, laptops apart.
    """
    pool = (
        gpus
        if gpus is not None
        else [g for g in catalog.gpus.values() if g.status == "shipping" and g.segment in ON_SALE]
    )
    found = [offer for gpu in pool if (offer := _smallest(catalog, model, training, gpu, strict))]
    if budget is not None:
        found = [offer for offer in found if offer.price is not None and offer.price <= budget]
    return tuple(sorted(found, key=lambda o: (o.memory, o.price if o.price is not None else float("inf"), o.gpu.id)))


def _smallest(catalog: Catalog, model: Model, training: Training, gpu: Gpu, strict: bool) -> TuningOffer | None:
    from qwenpick.machine.simulate import simulate

    for count in (1,) if gpu.unified else (1, 2, 4, 8):
        try:
            box = simulate(catalog, [gpu.id if count == 1 else f"{count}x {gpu.id}"], None, None, False)
            tuned = tune(catalog, box, model, _shared(training, count), None, strict)
        except QwenpickError:
            return None  # it cannot be trained there at all
        if tuned.holds(strict):
            price, note = gpu_price(gpu)
            return TuningOffer(
                gpu, count, tuned, price and price * count, note, gpu.power_watts and gpu.power_watts * count
            )
    return None


def _shared(training: Training, count: int) -> Training:
    """The run over `count` GPUs."""
    if count == 1 or training.zero or training.fsdp:
        return replace(training, gpus=count)
    return (
        replace(training, gpus=count, fsdp=True)
        if training.method == "qlora"
        else replace(training, gpus=count, zero=3)
    )
