"""AMD GPUs through amdgpu's files in sysfs: no tool needed. On APUs the carve-out and what the GPU may map of RAM count together."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.pci import AMD, PciChip, chip_of, chips
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.rocm import read_rocm
from qwenpick.machine.probe.visible import choose, hide
from qwenpick.machine.probe.world import Found, World, fields, integer
from qwenpick.units import GIB

# LLVM docs/AMDGPUUsage.rst, processors of type APU: these share the system's RAM.
APU_TARGETS = {
    "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1037", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153",
}  # fmt: skip
# pci.ids
APU_CHIPS = {
    0x1586,
    0x150E,
    0x1114,
    0x15BF,
    0x15C8,
    0x1900,
    0x1681,
    0x1638,
    0x1636,
    0x164C,
    0x15DD,
    0x15D8,
    0x164E,
    0x13C0,
    0x163F,
}
SMALL_CARVE_OUT = GIB  # no discrete card that amdgpu drives and a model fits has so little; APUs mostly have 512 MiB


def amd(world: World, ram: Ram) -> Found:
    """The AMD GPUs this process may use; a GPU without the amdgpu driver is said, not counted."""
    targets = gfx_targets(world)
    devices, bound, carved = [], set(), [0]
    for card in cards(world):
        chip = chip_of(world, f"{card}/device")
        if chip is None or chip.vendor != AMD:
            continue
        vram = world.number(f"{card}/device/mem_info_vram_total")
        target = targets.get(chip.bus)
        if vram is None and target is None and not world.exists("/sys/module/amdgpu"):
            continue  # another driver's card: radeon, or a firmware's frame buffer
        bound.add(chip.bus)
        devices.append(_device(world, card, chip, target, ram))
        carved += [vram or 0] if devices[-1].unified else []
    without = [chip for chip in chips(world, AMD) if chip.bus not in bound]
    if world.system == "linux" and without and not devices:
        devices += list(read_rocm(world))
    notes = (
        []
        if devices
        else [
            N_("AMD {id} at {bus} is on the PCI bus, but the amdgpu driver does not drive it", id=chip.id, bus=chip.bus)
            for chip in without
        ]
    )
    found = _visible(world, sorted(devices, key=lambda d: d.pci_bus or ""), notes)
    unreadable = tuple(
        N_("{name} at {pci_bus}: its memory could not be read", name=device.name, pci_bus=device.pci_bus)
        for device in found.devices
        if device.total is None
    )
    return replace(found, carved=sum(carved), unreadable=unreadable)


def cards(world: World) -> tuple[str, ...]:
    """The graphics cards of the kernel (`/sys/class/drm/card1`), without their outputs (`card1-DP-1`). Numbers have gaps and are no indices."""
    return tuple(
        f"/sys/class/drm/{name}"
        for name in world.names("/sys/class/drm")
        if name.startswith("card") and name[4:].isdigit()
    )


def gfx_targets(world: World) -> dict[str, str]:
    """gfx target by bus address, from the compute driver's topology: `gfx_target_version 110501` is gfx1151."""
    found = {}
    base = "/sys/class/kfd/kfd/topology/nodes"
    for node in world.names(base):
        properties = fields(world.read(f"{base}/{node}/properties"), " ")
        version, location = integer(properties.get("gfx_target_version")), integer(properties.get("location_id"))
        if version and location is not None:
            domain = integer(properties.get("domain")) or 0
            bus = f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"
            found[bus] = gfx_name(version)
    return found


def gfx_name(version: int) -> str:
    """The target's name: major in tens of thousands, then minor and stepping, the last two in hex.

    >>> gfx_name(110000), gfx_name(110501), gfx_name(90010), gfx_name(90402)
    ('gfx1100', 'gfx1151', 'gfx90a', 'gfx942')
    """
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _device(world: World, card: str, chip: PciChip, target: str | None, ram: Ram) -> Device:
    base = f"{card}/device"
    total, used = world.number(f"{base}/mem_info_vram_total"), world.number(f"{base}/mem_info_vram_used")
    shares = is_apu(chip, target, total)
    if total is not None and total <= 0 and not (shares and total == 0):
        total = None
    product = world.read(f"{base}/product_name")
    unique = world.read(f"{base}/unique_id")
    notes = [] if target else [N_("gfx target: not known, the compute driver (kfd) lists no such GPU")]
    device = Device(
        name=product if product and product != "N/A" else f"AMD GPU {chip.id}",
        vendor="amd",
        total=total,
        free=None if total is None or used is None else max(0, total - used),
        compute_capability=target,
        uuid=f"GPU-{unique}" if unique else None,
        pci_id=chip.id,
        pci_bus=chip.bus,
        notes=tuple(notes),
        memory_from="sysfs mem_info_vram_total" if total is not None else None,
    )
    return _with_gtt(world, base, device, ram) if shares else device


def is_apu(chip: PciChip, target: str | None, vram: int | None) -> bool:
    """Whether the GPU shares the CPU's RAM: by its gfx target, else its PCI id, else by a VRAM that is a mere carve-out."""
    if target is not None:
        return target in APU_TARGETS
    return chip.device in APU_CHIPS or (vram is not None and 0 < vram <= SMALL_CARVE_OUT)


def _with_gtt(world: World, base: str, device: Device, ram: Ram) -> Device:
    """An APU with what it may map of RAM (GTT), which is never more than the RAM there is."""
    gtt, gtt_used = world.number(f"{base}/mem_info_gtt_total"), world.number(f"{base}/mem_info_gtt_used")
    if gtt is None or device.total is None:
        return replace(
            device,
            unified=True,
            kind="igpu",
            notes=(*device.notes, N_("GTT: not known, so only the carve-out counts")),
        )
    mapped = gtt if ram.total is None else min(gtt, ram.total)
    room = max(0, gtt - (gtt_used or 0))
    room = room if ram.free is None else min(room, ram.free)
    note = N_(
        "shares the system's RAM: the BIOS carve-out and what the driver lets it map (ttm.pages_limit raises that)"
    )
    return replace(
        device,
        total=device.total + mapped,
        free=None if device.free is None else min(device.free + room, device.total + mapped),
        unified=True,
        kind="igpu",
        notes=(*device.notes, note),
        memory_from="sysfs mem_info_vram_total + mem_info_gtt_total" + (N_(", capped by RAM") if mapped < gtt else ""),
    )


def _visible(world: World, devices: list[Device], notes: list[str]) -> Found:
    """What ROCR_VISIBLE_DEVICES, then HIP_VISIBLE_DEVICES (else CUDA_VISIBLE_DEVICES, which HIP reads too) leave; both index what is left before."""
    kept: tuple[Device, ...] = tuple(devices)
    hidden: tuple[Device, ...] = ()
    hip = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in world.environ else "CUDA_VISIBLE_DEVICES"
    for name in ("ROCR_VISIBLE_DEVICES", hip):
        value = world.environ.get(name)
        if value is None or not kept:
            continue
        chosen = choose(value, [(device,) for device in kept])
        hidden += hide(kept, chosen, N_("{name}={value} hides it", name=name, value=value))
        notes = [
            *notes,
            N_(
                "{name}={value} leaves {count} of {kept} AMD devices to this process",
                name=name,
                value=value,
                count=len(chosen),
                kept=len(kept),
            ),
        ]
        kept = chosen
    override = world.environ.get("HSA_OVERRIDE_GFX_VERSION")
    if override and kept:
        notes = [
            *notes,
            N_("HSA_OVERRIDE_GFX_VERSION={override}: ROCm takes the AMD GPUs for that target", override=override),
        ]
    driver = world.read("/sys/module/amdgpu/version")
    return Found(kept, hidden, tuple(notes), driver=f"amdgpu {driver}" if driver and kept else None)
