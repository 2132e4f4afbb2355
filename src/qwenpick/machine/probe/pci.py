"""Graphics and accelerator chips on the PCI bus: what is in the box whatever the drivers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.machine.probe.world import World, fields, integer
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog.vendors import Vendor

NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086
HUAWEI = 0x19E5
VENDORS: dict[int, Vendor] = {NVIDIA: "nvidia", AMD: "amd", INTEL: "intel", HUAWEI: "ascend"}
DISPLAY, ACCELERATOR = 0x03, 0x12  # PCI base classes: display controllers; processing accelerators


@dataclass(frozen=True, slots=True)
class PciChip:
    """A chip's bus address (`0000:01:00.0`) and ids; `subsystem` is `vvvv:dddd` of the board's maker where known."""

    bus: str
    vendor: int
    device: int
    subsystem: str | None = None

    @property
    def id(self) -> str:
        """`10de:2684/1458:40e5`, or `10de:2684` where the board is not known."""
        return pci_id(self.vendor, self.device, self.subsystem)


def pci_id(vendor: int, device: int, subsystem: str | None = None) -> str:
    """Ids as the catalogue writes them.

    >>> pci_id(0x10DE, 0x2684, "1458:40e5"), pci_id(0x10DE, 0x2684)
    ('10de:2684/1458:40e5', '10de:2684')
    """
    return f"{vendor:04x}:{device:04x}" + (f"/{subsystem}" if subsystem else "")


def packed(device: object, subsystem: object = None) -> str | None:
    """Ids as NVML packs them: the vendor in the lower half, the device in the upper.

    >>> packed(0x268410DE, 0x40E51458), packed(0x268410DE), packed(0)
    ('10de:2684/1458:40e5', '10de:2684', None)
    """
    if not isinstance(device, int) or device <= 0:
        return None
    board = (
        f"{subsystem & 0xFFFF:04x}:{subsystem >> 16 & 0xFFFF:04x}"
        if isinstance(subsystem, int) and subsystem > 0
        else None
    )
    return pci_id(device & 0xFFFF, device >> 16 & 0xFFFF, board)


def chips(world: World, vendor: int) -> tuple[PciChip, ...]:
    """The vendor's display controllers and accelerators, in bus order. Sound and USB functions of the same card are left out."""
    found = []
    for bus in world.names("/sys/bus/pci/devices"):
        base = f"/sys/bus/pci/devices/{bus}"
        kind = world.number(f"{base}/class")
        if world.number(f"{base}/vendor") != vendor or kind is None or kind >> 16 not in (DISPLAY, ACCELERATOR):
            continue
        device = world.number(f"{base}/device")
        if device is not None:
            found.append(PciChip(bus, vendor, device, _subsystem(world, base)))
    return tuple(found)


def chip_of(world: World, directory: str) -> PciChip | None:
    """The PCI chip behind a sysfs device directory such as /sys/class/drm/card0/device; None if it is not on PCI."""
    vendor, device = world.number(f"{directory}/vendor"), world.number(f"{directory}/device")
    if vendor is None or device is None:
        return None
    bus = fields(world.read(f"{directory}/uevent"), "=").get("PCI_SLOT_NAME") or ""
    return PciChip(bus, vendor, device, _subsystem(world, directory))


def _subsystem(world: World, directory: str) -> str | None:
    maker, board = world.number(f"{directory}/subsystem_vendor"), world.number(f"{directory}/subsystem_device")
    return None if maker is None or board is None else f"{maker:04x}:{board:04x}"


def normal_bus(text: str | None) -> str | None:
    """A bus address as sysfs writes it.

    >>> normal_bus("00000000:01:00.0"), normal_bus("0000:C1:00.0"), normal_bus("01:00.0")
    ('0000:01:00.0', '0000:c1:00.0', '0000:01:00.0')
    """
    pieces = (text or "").strip().casefold().split(":")
    if len(pieces) == 2:
        pieces = ["0", *pieces]
    domain = integer("0x" + pieces[0]) if len(pieces) == 3 else None
    return None if domain is None else f"{domain:04x}:{pieces[1]}:{pieces[2]}"
