"""From a node of a cluster to the machine that plans are made for: what is free there now, or all of it, with the catalogue's facts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.gpus import match_gpu, variants
from qwenpick.catalog.names.gpu_names import read_name
from qwenpick.catalog.usable import usable_memory
from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device, Machine, cuda_total
from qwenpick.machine.inventory.cluster import MOST_ACCELERATORS, Accelerator, Node
from qwenpick.machine.probe.identify import matched
from qwenpick.units import GIB, format_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu

INSTANCE = "node.kubernetes.io/instance-type"
UNNAMED = N_("an unnamed GPU")
# the card's memory over a MIG profile's, by its compute slices (a 3g has four of eight parts)
SLICES = {1: 8.0, 2: 4.0, 3: 2.0, 4: 2.0, 7: 1.0}
_PROFILE = re.compile(r"\b(\d)g\.(\d+)gb")
_FEATURE_SIZE = re.compile(r"(?<![a-z0-9])(?!mem|ram)(?:[a-z0-9]*?[a-z_-])?(\d{1,3})g(?:b|ib)?(?![a-z0-9])")


class Machines:
    """Nodes as machines. Equal accelerators are looked up once."""

    def __init__(self, catalog: Catalog, free: bool = True) -> None:
        self.catalog, self.free = catalog, free
        self._devices: dict[tuple[object, ...], Device] = {}
        self._instances: dict[str, str] | None = None

    def machine(self, node: Node) -> Machine:
        """The node's devices that are free (or, without `free`, all), its RAM, and what was taken for granted as notes. Nothing of another system."""
        if node.probed is not None:
            return self._probed(node, node.probed)
        devices = tuple(
            device for entry in node.accelerators for device in (self._device(entry, node),) * self.count(entry)
        )
        ram = node.ram_free if self.free and node.ram_free is not None else node.ram
        notes = [note for device in dict.fromkeys(devices) for note in device.notes]
        notes += [warning for entry in node.accelerators if (warning := _warning(entry))]
        return Machine(
            devices=devices,
            ram_total=node.ram,
            ram_free=ram,
            origin="file",
            notes=tuple(dict.fromkeys([*notes, *node.notes])),
        )

    def count(self, entry: Accelerator) -> int:
        """How many of these accelerators may be planned with; none of a number that no node can have."""
        known = entry.free if self.free and entry.free is not None else entry.count
        return known if 0 <= known <= entry.count <= MOST_ACCELERATORS else 0

    def resources(self, node: Node) -> dict[Device, str]:
        """What a workload asks its scheduler for, by device: `nvidia.com/gpu`, `gpu:a100`."""
        if node.probed is not None:
            named = next((entry.resource for entry in node.accelerators if entry.resource), None)
            return dict.fromkeys(node.probed.devices, named) if named else {}
        return {self._device(entry, node): entry.resource for entry in node.accelerators if entry.resource}

    def _probed(self, node: Node, machine: Machine) -> Machine:
        """What the probe saw, cut to as many GPUs as the scheduler has free: those with the most free memory."""
        wanted = sum(map(self.count, node.accelerators))
        ranked = sorted(
            machine.devices, key=lambda device: -(device.free if device.free is not None else device.total or 0)
        )
        kept = ranked[:wanted]
        devices = tuple(device for device in machine.devices if any(device is one for one in kept))
        if not self.free:
            devices = tuple(replace(device, free=device.total, used_by=()) for device in devices)
        ram = node.ram_free if self.free and node.ram_free is not None else node.ram
        return replace(
            machine,
            devices=devices,
            ram_total=node.ram,
            ram_free=ram,
            origin="file",
            notes=(*machine.notes, *node.notes),
            unreadable=(),
            hidden=(),
        )

    def _device(self, entry: Accelerator, node: Node) -> Device:
        instance = node.labels.get(INSTANCE) if entry.name is None else None
        features = node.features if entry.memory is None else ()
        key = (replace(entry, count=0, free=None), instance, features)
        if key not in self._devices:
            self._devices[key] = self._identified(entry, instance, features)
        return self._devices[key]

    def _identified(self, entry: Accelerator, instance: str | None, features: tuple[str, ...]) -> Device:
        """The accelerator as a device: found in the catalogue by the names that its records have, else by the cloud's instance type."""
        gpu = self._named(entry)
        notes: list[str] = []
        if gpu is None and instance and (known := self._by_instance(instance)):
            gpu = self.catalog.gpus[known]
            notes.append(N_("{name}: known by the instance type {instance}", name=gpu.name, instance=instance))
        total = entry.memory
        if gpu is not None and total is None and not entry.unified and not gpu.unified:
            if not notes:
                gpu, note = self._least(gpu, features, read_name(entry.name or "").gib)
                notes.append(note)
            total = usable_memory(gpu)[0] if gpu.memory_bytes else None
        elif gpu is not None and entry.rounded and entry.kind == "gpu" and total is not None:
            total = _driver_total(gpu, total)
        device = Device(
            name=_shown(entry, gpu),
            vendor=(gpu.vendor if gpu else None) or entry.vendor or "other",
            total=total,
            free=total,
            unified=entry.unified or bool(gpu and gpu.unified),
            compute_capability=entry.compute_capability,
            pci_id=entry.pci_id,
            kind=entry.kind,
            notes=tuple(notes),
        )
        return _idle(matched(device, gpu))

    def _named(self, entry: Accelerator) -> Gpu | None:
        """The catalogue's entry of the records' name; of a slice the card that its profile is a share of."""
        name = entry.name or ""
        if not name and not entry.pci_id:
            return None
        said, cut = read_name(name).gib, _PROFILE.search(name)
        if cut:
            size: int | None = round(int(cut[2]) * SLICES.get(int(cut[1]), 1.0) * GIB)
        else:
            size = entry.memory or (round(said * GIB) if said else None)
        gpu = match_gpu(self.catalog, name, size, entry.pci_id)
        if gpu is None and (entry.rounded or said or cut):
            gpu = match_gpu(self.catalog, name, None, entry.pci_id)
        return gpu

    def _least(self, gpu: Gpu, features: tuple[str, ...], named: float | None) -> tuple[Gpu, str]:
        """Of the sizes that a name may mean the one that a feature names, else the smallest: nothing may be said to fit that does not."""
        sizes = {round(other.memory_bytes / GIB): other for other in variants(self.catalog, gpu) if other.memory_bytes}
        family = gpu.name.partition(" ")[0]
        if len(sizes) < 2 or named:
            size = format_bytes(gpu.memory_bytes, 0) if gpu.memory_bytes else "?"
            note = N_("no record says how much memory {name} has: the catalog's {size} taken", name=gpu.name, size=size)
            return gpu, note
        said = {int(found[1]) for word in features if (found := _FEATURE_SIZE.search(word.casefold()))} & sizes.keys()
        size_said = said.pop() if len(said) == 1 else None
        listed = ", ".join(str(other) for other in sorted(sizes))
        if size_said is not None:
            note = N_(
                "{name} is sold with {listed} GiB; a feature of the node says {size}",
                name=family,
                listed=listed,
                size=size_said,
            )
            return sizes[size_said], note
        least = min(sizes)
        note = N_(
            "{name} is sold with {listed} GiB and no record says which: {size} assumed",
            name=family,
            listed=listed,
            size=least,
        )
        return sizes[least], note

    def _by_instance(self, instance: str) -> str | None:
        """The catalogue's accelerator of a cloud's machine type."""
        if self._instances is None:
            from qwenpick.catalog.entries import records

            offers = records(self.catalog.cloud).values()
            self._instances = {offer["instance"].casefold(): offer["gpu"] for offer in offers if offer.get("gpu")}
        return self._instances.get(instance.casefold())


def _shown(entry: Accelerator, gpu: Gpu | None) -> str:
    """The catalogue's name where it was found there, so that it is seen what was understood; a slice with its profile."""
    if gpu is None:
        return entry.name or UNNAMED
    _card, mig, profile = (entry.name or "").rpartition(" MIG ")
    return f"{gpu.name} MIG {profile}" if mig else entry.name or gpu.name if entry.kind == "vgpu" else gpu.name


def _driver_total(gpu: Gpu, rounded: int) -> int:
    """What the driver reports where a label rounds it: the catalogue's figure if that is near, else a hundredth less than the label says."""
    near = [size for size in (gpu.memory_bytes, gpu.usable_bytes) if size and abs(size - rounded) <= 0.08 * rounded]
    return usable_memory(gpu)[0] if near and not gpu.unified else min(rounded, int(rounded * 0.99))


def _idle(device: Device) -> Device:
    """A GPU that nothing holds: what an NVIDIA driver keeps for itself is not free."""
    free = cuda_total(device)
    return device if free is None else replace(device, free=free)


def _warning(entry: Accelerator) -> str | None:
    """What sharing means for a plan."""
    if entry.sharing == "time-slicing":
        return N_(
            "its GPUs are time-sliced among {shared}: one workload a GPU is planned, since each sees all of the memory",
            shared=entry.shared,
        )
    if entry.sharing == "mps":
        size = format_bytes(entry.memory) if entry.memory else N_("its share")
        return N_(
            "its GPUs are shared by MPS: each of {shared} gets {size} of the memory, and the bandwidth is shared",
            shared=entry.shared,
            size=size,
        )
    return None
