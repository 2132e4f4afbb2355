"""A machine from words: `--gpu "2x l40s" --ram 64GiB`, `--vram 24GiB`, `--cpu-only --ram 16GiB`. Nothing is probed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.machine.assumed import DDR4, assumed_ram
from qwenpick.machine.gpu_words import about, counted, meant, separate
from qwenpick.machine.hardware import Cpu, Device, Machine
from qwenpick.machine.mig import instance, split_name
from qwenpick.machine.nodes import several
from qwenpick.machine.reserve import reserved
from qwenpick.units import GIB, format_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu

USUAL_CAPABILITY = 8.0  # what a card of no name is taken to have at least: most that people still buy or own
# What an idle desktop or server keeps of its RAM, and the share of it that this is at most: assumed, and said in a note. Windows 11's own processes
# take 2 to 4 GB of 8 (windowsforum.com, threads/339807); Microsoft asks for 4 GB at the least.
SYSTEM_RAM = {"linux": (2 * GIB, 1 / 8), "darwin": (2 * GIB, 1 / 8), "windows": (4 * GIB, 1 / 4)}
# what an idle DGX Spark holds of its 121.7 GiB: five public starts of vLLM and SGLang had 112.0 to 114.5 free (2026)
UNIFIED_SYSTEM = int(8.7 * GIB)


def simulate(
    catalog: Catalog,
    gpus: list[str],
    vram: int | None = None,
    ram: int | None = None,
    cpu_only: bool = False,
    *,
    system: str | None = None,
    reserve: int | None = None,
) -> Machine:
    """The box that the options describe, with nothing else running on it but a desktop: `reserve` bytes (the system's usual where None) are left
    free on consumer and laptop cards. `system` is linux, windows or darwin; Apple chips run darwin, and others linux where it is None.

    Every assumption is a sentence in `notes`. Raises QwenpickError for an unknown GPU and for options that contradict each other.
    """
    box = _described(catalog, gpus, vram, ram, cpu_only, reserve)
    apple = any(device.vendor == "apple" for device in box.devices)
    if system and apple != (system == "darwin"):
        raise QwenpickError(
            _("Apple chips run macOS: --system mac, or leave it out")
            if apple
            else _("--system mac goes with Apple's chips; these GPUs run under linux or windows")
        )
    return reserved(_on_windows(box) if system == "windows" else box, reserve)


def _on_windows(box: Machine) -> Machine:
    """The box with what Windows keeps of its RAM."""
    ram = box.ram_total
    if not ram:
        return replace(box, system="windows")
    usual, said = _system_said(ram, box.system), _system_said(ram, "windows")
    notes = tuple(said if note == usual else note for note in box.notes)
    return replace(box, system="windows", ram_free=ram - _system_ram(ram, "windows"), notes=notes)


def _system_ram(ram: int, system: str) -> int:
    most, share = SYSTEM_RAM[system]
    return min(most, int(ram * share))


def _system_said(ram: int, system: str) -> str:
    return N_("assuming the system uses {size} of RAM", size=format_bytes(_system_ram(ram, system), 0))


def _described(
    catalog: Catalog, gpus: list[str], vram: int | None, ram: int | None, cpu_only: bool, reserve: int | None
) -> Machine:
    """The same before the desktop takes its part of cards; `reserve` is what is kept of memory that GPU and system share."""
    if cpu_only:
        return _cpu_box(gpus, vram, ram)
    if not gpus:
        return _nameless_box(catalog, vram, ram)
    words = [(count, *split_name(name)) for count, name in map(counted, separate(gpus))]
    named = [(count, *meant(catalog, name, vram, ram)) for count, name, _profile in words]
    unified = [gpu for _count, gpu, _notes in named if gpu.unified]
    if unified:
        return _unified_box(named, unified[0], vram, ram, reserve)
    devices = tuple(
        device
        for (count, gpu, _notes), (_count, _name, profile) in zip(named, words, strict=True)
        for device in ((instance(_whole(gpu), gpu, profile) if profile else _discrete(gpu, vram)),)
        * (count * (1 if profile else gpu.devices_per_board))
    )
    notes = [note for _count, _gpu, notes in named for note in notes] + (
        [] if ram else [N_("RAM is not known; give --ram to plan with it")]
    )
    return _box(devices, ram, notes, _processor(ram, [gpu for _unused, gpu, _notes in named]))


def _whole(gpu: Gpu) -> Device:
    """The card with all that its driver counts."""
    from qwenpick.catalog.usable import usable_memory

    return _device(gpu, usable_memory(gpu)[0], ())


def _discrete(gpu: Gpu, vram: int | None) -> Device:
    from qwenpick.catalog.usable import usable_memory

    total, note = (
        (vram, N_("its memory is as --vram says ({vram})", vram=format_bytes(vram))) if vram else usable_memory(gpu)
    )
    builds = [engine.build for engine in gpu.engines if engine.engine == "vllm"]
    own = (
        (N_("vLLM on {name} is {build}: what it holds was not measured", name=gpu.name, build=builds[0]),)
        if builds
        else ()
    )
    device = _device(gpu, total, ((note,) if note else ()) + own)
    return _idle(replace(device, reserved=total - gpu.cuda_bytes) if gpu.cuda_bytes and not vram else device)


def _idle(device: Device) -> Device:
    """The card as its driver reports it when nothing runs on it: what an NVIDIA driver keeps for itself is not free."""
    from qwenpick.machine.hardware import cuda_total

    kept = (device.total or 0) - (cuda_total(device) or 0)
    if not kept:
        return device
    note = N_("assuming the driver keeps {size} of the {name}", size=format_bytes(kept), name=device.name)
    return replace(device, free=(device.total or 0) - kept, notes=(*device.notes, note))


def _unified_box(
    named: list[tuple[int, Gpu, list[str]]], gpu: Gpu, vram: int | None, ram: int | None, reserve: int | None
) -> Machine:
    """A machine whose only GPU uses the machine's RAM, of which system and programs hold `reserve` bytes (what is usual where None)."""
    from qwenpick.catalog.usable import NVIDIA_UNIFIED_SHARE, mac_keeps, sold_memory, unified_memory

    if len(named) > 1:
        raise QwenpickError(_("{id} is a whole machine whose GPU shares its RAM; give it alone", id=gpu.id))
    if named[0][0] > 1 and gpu.vendor == "apple":
        raise QwenpickError(_("no engine here runs one model over several Macs; give {id} once", id=gpu.id))
    sold = (
        gpu.memory_bytes
        if ram and gpu.memory_bytes and about(gpu.memory_bytes, ram)
        else ram or sold_memory(gpu, "--ram")
    )
    total, note = (
        (vram, N_("its share of RAM is as --vram says ({vram})", vram=format_bytes(vram)))
        if vram
        else unified_memory(gpu, sold)
    )
    if total > sold:
        raise QwenpickError(
            _(
                "--vram {total} is more than the {sold} of RAM that {id} shares; give at most that",
                total=format_bytes(total),
                sold=format_bytes(sold, 0),
                id=gpu.id,
            )
        )
    seen = round(sold * NVIDIA_UNIFIED_SHARE) if gpu.vendor == "nvidia" else sold
    cpu = Cpu(
        bandwidth=gpu.bandwidth or DDR4[0],
        bandwidth_from=N_("{name}: CPU and GPU share the memory", name=gpu.name) if gpu.bandwidth else DDR4[1],
    )
    device = _device(gpu, total, (note,), bandwidth=gpu.bandwidth or DDR4[0])
    notes = [*named[0][2], note]
    if reserve is not None:
        kept = reserve
        said = N_("{size} of {name} left for other programs: asked for", size=format_bytes(reserve), name=gpu.name)
    elif gpu.vendor == "apple":
        kept = mac_keeps(sold)
        said = N_(
            "macOS and programs hold {kept} of {size}: assumed (64 GB Macs had 17 to 34 GB in use)",
            kept=format_bytes(kept, 1),
            size=format_bytes(sold, 0),
        )
    elif gpu.vendor == "nvidia" and not vram:
        kept = min(UNIFIED_SYSTEM, total // 8)
        said = N_(
            "assuming the system and its desktop use {size} of the {name}", size=format_bytes(kept), name=gpu.name
        )
    else:
        return several(_box((device,), seen, notes, cpu), named[0][0], None)  # each is a box of its own
    if reserve is not None or not vram:
        device = replace(device, free=max(0, min(total, seen - kept)))
    system = "darwin" if gpu.vendor == "apple" else "linux"
    # one memory: what is held of it is neither the GPU's nor the processor's
    box = replace(
        _box((device,), seen, notes, cpu, system),
        ram_free=max(0, seen - kept),
        notes=tuple(dict.fromkeys([*notes, said])),
    )
    return box if gpu.vendor == "apple" else several(box, named[0][0], None)


def _nameless_box(catalog: Catalog, vram: int | None, ram: int | None) -> Machine:
    """A box with a GPU of no name."""
    if vram is None:
        raise QwenpickError(_("--ram alone describes no machine; add --gpu NAME, --vram SIZE or --cpu-only"))
    like = _usual(catalog, vram)
    note = N_(
        "an unnamed GPU: planned as fast as a {like}, which is usual for that size; --gpu names another",
        like=like.name,
    )
    device = Device(
        "GPU",
        "nvidia",
        vram,
        vram,
        compute_capability=like.compute_capability,
        bandwidth=like.bandwidth,
        notes=(note,),
        gpu=like.id,
        display=_at_home(catalog, vram),
    )
    device = _idle(device)
    notes = [note] + ([] if ram else [N_("RAM is not known; give --ram to plan with it")])
    return _box((device,), ram, notes, _processor(ram))


def _usual(catalog: Catalog, vram: int) -> Gpu:
    """The NVIDIA card that stands for those of that much memory: of the nearest size, the one of middling bandwidth."""
    named = [
        gpu
        for gpu in catalog.gpus.values()
        if gpu.vendor == "nvidia" and not gpu.unified and gpu.memory_bytes and gpu.bandwidth and gpu.devices_per_board == 1
        and gpu.segment in ("consumer", "workstation", "datacenter") and gpu.compute_capability
        and float(gpu.compute_capability) >= USUAL_CAPABILITY
    ]  # fmt: skip
    nearest = min(abs((gpu.memory_bytes or 0) - vram) for gpu in named)
    alike = sorted((gpu.bandwidth or 0.0, gpu.id) for gpu in named if abs((gpu.memory_bytes or 0) - vram) == nearest)
    return catalog.gpus[alike[len(alike) // 2][1]]


def _at_home(catalog: Catalog, vram: int) -> bool:
    """Whether people's own cards have that much memory: then it is taken to drive a display too."""
    return any(gpu.segment == "consumer" and about(gpu.memory_bytes or 0, vram) for gpu in catalog.gpus.values())


def _cpu_box(gpus: list[str], vram: int | None, ram: int | None) -> Machine:
    """A box without a GPU."""
    if gpus or vram:
        raise QwenpickError(
            _("--cpu-only and {option} contradict each other; leave out one", option="--gpu" if gpus else "--vram")
        )
    if ram is None:
        raise QwenpickError(_("--cpu-only needs the RAM to plan with, e.g. --ram 16GiB"))
    rate, source = assumed_ram([], ram)
    note = N_("CPU memory bandwidth {source} ({rate} GB/s)", source=source, rate=rate / 1e9)
    return _box((), ram, [note], _processor(ram))


def _processor(ram: int | None, gpus: Sequence[Gpu] = ()) -> Cpu:
    """A CPU of no name beside these cards, with the RAM that such a box is sold with."""
    rate, source = assumed_ram(gpus, ram)
    return Cpu(bandwidth=rate, bandwidth_from=source)


def _device(gpu: Gpu, total: int, notes: tuple[str, ...], bandwidth: float | None = None) -> Device:
    integrated = gpu.unified and gpu.segment == "soc" and gpu.vendor in ("amd", "intel")
    return Device(
        name=gpu.name,
        vendor=gpu.vendor,
        total=total,
        free=total,
        unified=gpu.unified,
        gpu=gpu.id,
        compute_capability=gpu.compute_capability,
        bandwidth=bandwidth or gpu.bandwidth,
        kind="npu" if gpu.vendor == "ascend" else "igpu" if integrated else "gpu",
        notes=notes,
        display=gpu.segment == "consumer",  # a laptop's is driven by the graphics in its CPU
    )


def _box(devices: tuple[Device, ...], ram: int | None, notes: list[str], cpu: Cpu, system: str = "linux") -> Machine:
    assumptions = [note for device in devices for note in device.notes]
    if ram:
        assumptions.append(_system_said(ram, system))
    return Machine(
        devices=devices,
        ram_total=ram,
        ram_free=ram - _system_ram(ram, system) if ram else None,
        cpu=cpu,
        system=system,
        origin="simulated",
        notes=tuple(dict.fromkeys([*notes, *assumptions])),
    )
