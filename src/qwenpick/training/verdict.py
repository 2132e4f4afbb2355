"""Whether a fine-tuning run holds, place by place, and what that rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError
from qwenpick.i18n import _
from qwenpick.memory.account import RAM, Memory, gpu
from qwenpick.memory.bands import band
from qwenpick.planning.verdict import UNCHECKED_RAM, Place, Verdict, reason_of
from qwenpick.training import memory, peaks
from qwenpick.training.estimate import PAGED, band_of
from qwenpick.training.sharding import part_of
from qwenpick.training.storage import PROCESS, loading, processes
from qwenpick.units import format_bytes
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Training

_ORDER: dict[Verdict, int] = {"fits": 0, "tight": 1, "no": 2, "refused": 3}


def judged(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    training: Training,
    devices: tuple[Device, ...],
    machine: Machine,
) -> tuple[Memory, tuple[Place, ...], Verdict]:
    """What the run needs, place by place: no where allocated bytes and the context pass the card, tight where cache and error may."""
    needed = memory(model, architecture, training, Placement(devices), checkpoint)
    edge = band(f"training-{band_of(training)}")
    places: list[Place] = []
    found: list[Verdict] = []
    paged = sum(part.bytes for part in needed.parts if part.name == PAGED)
    stays = True  # what can be paged stays on GPUs that have room for it
    for peak in peaks(needed):
        device = devices[next(index for index in range(len(devices)) if gpu(index) == peak.where)]
        budget = device.free if device.free is not None else device.total
        if budget is None:
            raise HardwareUnreadableError(_("the memory of {name} could not be read; give --vram", name=device.name))
        need, high = peak.need, peak.high(edge)
        found.append("fits" if high <= budget else "tight" if need <= budget else "no")
        stays = stays and high + part_of(paged, training.gpus) <= budget
        places.append(Place(peak.where, device.name, need, budget, device.total))
    free = machine.ram_free
    room = UNCHECKED_RAM if free is None else free * machine.nodes
    in_ram = needed.on(RAM) - (paged if stays else 0)
    loaded, always = loading(architecture, training)
    if free is not None and loaded > max(in_ram, room):  # before a step there is the loading
        found.append("no" if always else "tight")
        places.append(Place(RAM, "RAM", loaded, room, machine.ram_total))
    elif in_ram:
        found.append("fits" if in_ram * edge.high <= room else "tight" if in_ram <= room else "no")
        places.append(Place(RAM, "RAM", in_ram, None if free is None else room, machine.ram_total))
    if short_of_ram(training, tuple(places), machine) > 0:
        found.append("tight")
    verdict = max(found, key=_ORDER.__getitem__)
    return needed, tuple(places), verdict


def short_of_ram(training: Training, places: tuple[Place, ...], machine: Machine) -> int:
    """Bytes of RAM that lack for the run's processes beside what it keeps there; 0 or less if none do, or nobody knows."""
    kept = sum(place.need for place in places if place.where == RAM)
    return 0 if machine.ram_free is None else kept + processes(training) - machine.ram_free * machine.nodes


def reason(verdict: Verdict, places: tuple[Place, ...], short: int) -> str:
    """What the verdict rests on; unknown RAM is said where it decides, and RAM that is `short` for the processes."""
    unknown = any(place.where == RAM and place.budget is None and place.need > UNCHECKED_RAM for place in places)
    if verdict == "no" and unknown and all((place.headroom or 0) >= 0 for place in places if place.where != RAM):
        return _("optimizer states would lie in RAM, whose size is not known; give --ram")
    if verdict == "tight" and (lacking := min((place.headroom or 0 for place in places), default=0)) < 0:
        return _("{short} of RAM short while transformers 5 loads it", short=format_bytes(-lacking))
    if verdict == "tight" and short > 0:
        return _(
            "about {short} of RAM short for the run's processes, {each} each",
            short=format_bytes(short),
            each=format_bytes(PROCESS, 0),
        )
    return reason_of(verdict, places)
