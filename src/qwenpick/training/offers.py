"""GPUs to buy and machines to rent on which a fine-tuning run holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.prices import gpu_price, is_old, on_sale
from qwenpick.errors import QwenpickError
from qwenpick.training.answer import Tuned, stretched, tune
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.catalog.offer import CloudOffer
    from qwenpick.machine.hardware import Machine


BOX = 8  # GPUs of one machine
FARTHER = (2, 4, 8)  # boxes of eight GPUs, tried of GPUs that are named


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


def within(price: float | None, budget: float | None) -> bool:
    """Whether a price is known and no more than a budget; any is where there is none."""
    return budget is None or (price is not None and price <= budget)


def tuning_offers(
    catalog: Catalog,
    model: Model,
    training: Training,
    gpus: Iterable[Gpu] | None,
    strict: bool = False,
    *,
    used: bool = False,
) -> tuple[TuningOffer, ...]:
    """The fewest of every GPU (up to 8) on which the run holds: those with a price first, the smallest of them first.

    A run over more than one GPU is taken as it was asked, on as many; else more than one share it by ZeRO-3 (adapters by FSDP) unless it says how.
    Without `gpus`, all that are sold now count, laptops apart;
    with `used` those that were sold once too.
    """
    pool = gpus if gpus is not None else on_sale(catalog, used=used)
    known: Reaches = {}
    found = [
        offer
        for gpu in pool
        if (offer := _smallest(catalog, model, training, gpu, strict, known, far=gpus is not None, used=used))
    ]
    return tuple(sorted(found, key=lambda o: (o.price is None, o.memory, o.price or 0.0, o.gpu.id)))


Reaches = dict[tuple[object, ...], Tuned]  # what cards of the same memory and kind hold was looked for once


def _stretched(tuned: Tuned, machine: Machine, strict: bool, known: Reaches) -> Tuned:
    """With its longest sequence and largest batch."""
    kinds = tuple((d.free, d.total, d.vendor, d.compute_capability, "GeForce" in d.name) for d in tuned.devices)
    key = (kinds, machine.ram_free, machine.nodes, tuned.training)
    if key not in known:
        known[key] = stretched(tuned, machine, strict)
    return replace(tuned, longest=known[key].longest, largest=known[key].largest)


def _smallest(
    catalog: Catalog, model: Model, training: Training, gpu: Gpu, strict: bool, known: Reaches, *, far: bool, used: bool
) -> TuningOffer | None:
    """The fewest of this GPU that hold the run: up to eight in a box, and `far` up to eight such boxes."""
    from qwenpick.machine.nodes import several
    from qwenpick.machine.simulate import simulate

    for count in _counts(training, gpu, far):
        each = min(count, BOX)
        try:
            box = simulate(catalog, [gpu.id if each == 1 else f"{each}x {gpu.id}"])
            box = several(box, count // each, None)
            tuned = tune(catalog, box, model, _shared(training, count), None, strict, reach=False)
        except QwenpickError:
            continue  # it cannot be divided so
        if tuned.holds(strict):
            tuned = _stretched(tuned, box, strict, known)
            price, note = gpu_price(gpu, used=used)
            return TuningOffer(
                gpu, count, tuned, price and price * count, note, gpu.power_watts and gpu.power_watts * count
            )
    return None


def _counts(training: Training, gpu: Gpu, far: bool) -> Iterable[int]:
    """The numbers of this GPU that are tried: as many as were asked for where that is more than one, in boxes of eight."""
    asked = training.gpus
    if asked > 1:
        return (asked,) if not gpu.unified and (asked <= BOX or asked % BOX == 0) else ()
    boxes = (1,) if gpu.unified else (1, 2, 4, BOX)
    return (*boxes, *(BOX * nodes for nodes in FARTHER)) if far and not gpu.unified else boxes


def _shared(training: Training, count: int) -> Training:
    """The run over `count` GPUs, which is as it was asked where that says more than one."""
    if training.gpus > 1:
        return training
    if count == 1 or training.zero or training.fsdp:
        return replace(training, gpus=count)
    if training.method == "full":
        return replace(training, gpus=count, zero=3)
    return replace(training, gpus=count, fsdp=True)  # frozen layers stay gathered under ZeRO 3


@dataclass(frozen=True, slots=True)
class RentedRun:
    """A machine to rent on which the run holds; an hour and the whole run in the offer's currency."""

    offer: CloudOffer
    tuned: Tuned

    def paid(self, tokens: int | None) -> float | None:
        """What a budget is compared with: the whole run where its tokens are known, else an hour."""
        return self.whole(tokens) if tokens else self.offer.hour

    def whole(self, tokens: int | None) -> float | None:
        """What `tokens` tokens of training cost; None where the speed or their number is not known."""
        if self.tuned.speed is None or not tokens or self.offer.hour is None:
            return None
        return self.offer.hour * self.tuned.speed.hours(tokens)[0]


def rented_runs(
    catalog: Catalog,
    model: Model,
    training: Training,
    tokens: int | None,
    strict: bool,
) -> tuple[RentedRun, ...]:
    """Machines with whole GPUs and a price in USD on which the run holds: the cheapest run first, or the cheapest hour where no data is named."""
    answers: dict[tuple[str, int, int | None], Tuned | None] = {}
    found = []
    for offer in catalog.cloud.values():
        if offer.gpu is None or not offer.count or offer.gpu_bytes or offer.hour is None or offer.priced_in != "USD":
            continue
        key = (offer.gpu, int(offer.count), offer.ram_bytes)
        if key not in answers:
            answers[key] = _on(catalog, model, training, key, strict)
        if tuned := answers[key]:
            found.append(RentedRun(offer, tuned))
    return tuple(sorted(found, key=lambda one: _cheapest(one, tokens)))


def _cheapest(one: RentedRun, tokens: int | None) -> tuple[bool, float, str]:
    paid = one.whole(tokens) if tokens else one.offer.hour
    return is_old(one.offer.price_date), paid if paid is not None else float("inf"), one.offer.id


def _on(
    catalog: Catalog, model: Model, training: Training, key: tuple[str, int, int | None], strict: bool
) -> Tuned | None:
    from qwenpick.machine.simulate import simulate

    name, count, ram = key
    if count < training.gpus:
        return None
    try:
        box = simulate(catalog, [name if count == 1 else f"{count}x {name}"], ram=ram)
        tuned = tune(catalog, box, model, _shared(training, count), None, strict, reach=False)
    except QwenpickError:
        return None  # it cannot be trained there
    return stretched(tuned, box, strict) if tuned.holds(strict) else None
