"""GPUs on Windows that no vendor's library shows: the display adapters and the registry's memory sizes, in one PowerShell call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.pci import VENDORS
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.world import Found, World, integer

if TYPE_CHECKING:
    from qwenpick.catalog.vendors import Vendor

CLASS = r"HKLM:\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}\0*"  # display adapters
SCRIPT = (
    "$a = @(Get-CimInstance Win32_VideoController | Select-Object Name, AdapterRAM, PNPDeviceID, DriverVersion); "
    f"$r = @(Get-ItemProperty '{CLASS}' -ErrorAction SilentlyContinue | Select-Object DriverDesc, "
    "@{n='Memory';e={$v = $_.'HardwareInformation.qwMemorySize'; if ($v -is [byte[]]) { [BitConverter]::ToUInt64($v, 0) } else { $v }}}); "
    "ConvertTo-Json -Compress -Depth 3 @{adapters = $a; registry = $r}"
)
SATURATED = 4293918720  # AdapterRAM is a uint32: 4095 MiB is what it says of anything of 4 GiB and more
VIRTUAL = re.compile(
    r"Microsoft (?:Basic|Remote|Hyper-V)|Parsec|Citrix|IddCx|Indirect Display|Virtual|Remote|DisplayLink|Meta Monitor",
    re.IGNORECASE,
)
INTEGRATED_SHARE = 0.5  # Windows lets integrated graphics take up to half of the RAM ("shared GPU memory")


def windows(world: World, ram: Ram) -> Found:
    """Adapters other than NVIDIA's, which NVML shows better. No PowerShell: nothing is known, and that is said."""
    if world.system != "windows":
        return Found()
    answer = world.run(["powershell", "-NoProfile", "-NonInteractive", "-Command", SCRIPT], max(world.timeout, 10.0))
    found = None if answer.problem else parse_adapters(answer.out, ram)
    if found is None:
        line = N_(
            "display adapters: {problem}", problem=answer.problem or N_("PowerShell's answer is not a list of them")
        )
        return Found(notes=(line,), unreadable=(line,))
    devices = tuple(d for d in found if d.vendor != "nvidia")
    unreadable = tuple(
        N_("{name}: its memory could not be read", name=d.name) for d in devices if d.total is None and not d.unified
    )
    return Found(devices, unreadable=unreadable)


def parse_adapters(text: str, ram: Ram) -> tuple[Device, ...] | None:
    """The adapters in the script's JSON, without virtual ones. Memory is matched by the driver's description, never by position.

    None where the text is no such JSON.
    """
    try:
        document = json.loads(text[text.find("{") :])
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "adapters" not in document:
        return None
    registry = _records(document.get("registry"))
    adapters = [a for a in _records(document.get("adapters")) if a.get("Name") and not VIRTUAL.search(str(a["Name"]))]
    return tuple(_device(adapter, registry, ram) for adapter in adapters)


def _records(value: Any) -> list[Mapping[str, Any]]:
    """PowerShell writes a list of one as the one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _device(adapter: Mapping[str, Any], registry: Sequence[Mapping[str, Any]], ram: Ram) -> Device:
    name = str(adapter["Name"]).strip()
    ids = re.search(
        r"VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})(?:&SUBSYS_([0-9A-F]{4})([0-9A-F]{4}))?",
        str(adapter.get("PNPDeviceID", "")),
        re.IGNORECASE,
    )
    vendor: Vendor = VENDORS.get(int(ids[1], 16), "other") if ids else "other"
    sizes = [
        size
        for entry in registry
        if str(entry.get("DriverDesc", "")).strip() == name and (size := _size(entry.get("Memory")))
    ]
    said = _size(adapter.get("AdapterRAM"))
    total, source = (max(sizes), "registry qwMemorySize") if sizes else (said, "Win32_VideoController AdapterRAM")
    notes: tuple[str, ...] = ()
    if not sizes and said is not None and said >= SATURATED:
        total, source, notes = (
            None,
            "",
            (N_("memory: AdapterRAM stops at 4 GiB, and the registry has no size for it"),),
        )
    pci = None
    if ids:
        pci = f"{ids[1]}:{ids[2]}".casefold() + (f"/{ids[4]}:{ids[3]}".casefold() if ids[3] else "")
    if _integrated(vendor, name):
        share = None if ram.total is None else int(ram.total * INTEGRATED_SHARE) + (total or 0)
        free = None if share is None or ram.free is None else min(share, ram.free)
        return Device(
            name,
            vendor,
            share,
            free,
            unified=True,
            pci_id=pci,
            kind="igpu",
            notes=(N_("half of RAM assumed"),),
            memory_from=N_("half of RAM assumed"),
        )
    return Device(
        name,
        vendor,
        total,
        None,
        pci_id=pci,
        notes=(*notes, N_("free memory: not known")),
        memory_from=source or None,
    )


def _size(value: Any) -> int | None:
    number = value if isinstance(value, int) else integer(value) if isinstance(value, str) else None
    return number if number is not None and number > 0 else None


def _integrated(vendor: str, name: str) -> bool:
    """Graphics inside the CPU, by name: `Intel(R) UHD Graphics`, `AMD Radeon(TM) 8060S Graphics`, `AMD Radeon(TM) Graphics`.

    >>> _integrated("intel", "Intel(R) Arc(TM) A770 Graphics"), _integrated("intel", "Intel(R) Iris(R) Xe Graphics")
    (False, True)
    >>> _integrated("amd", "AMD Radeon(TM) 780M Graphics"), _integrated("amd", "AMD Radeon RX 7900 XTX")
    (True, False)
    """
    bare = re.sub(r"\((?:R|TM)\)", "", name, flags=re.IGNORECASE)
    if vendor == "intel":
        return not re.search(r"Arc (?:Pro )?[AB]\d{2,3}\b|Data Center|Flex|Max \d", bare)
    return vendor == "amd" and bool(re.search(r"Radeon(?: \d{3,4}[MS]| Vega \d+)? Graphics", bare))
