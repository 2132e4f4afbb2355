"""The options that say which box is meant, and the box that they mean: probed, from a file, or pretended."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from qwenpick.cli.common.options import (
    CpuOnly,
    Gpus,
    LinkName,
    MachineFiles,
    Nodes,
    Ram,
    RamBandwidth,
    Reserve,
    System,
    Vram,
)
from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.units import parse_memory, parse_rate
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.scan.here import Here


PIPED = "box.json"  # what a command that is to be typed names in place of a box on standard input


def is_piped(path: object) -> bool:
    """Whether the box is read from standard input."""
    return str(path) == "-"


@dataclass(frozen=True, slots=True)
class Box:
    """The options that say which box is meant."""

    machine: MachineFiles = None
    gpu: Gpus = None
    vram: Vram = None
    ram: Ram = None
    cpu_only: CpuOnly = False
    reserve: Reserve = None
    system: System = None
    nodes: Nodes = 1
    link: LinkName = None
    ram_bandwidth: RamBandwidth = None

    def is_said(self) -> bool:
        """Whether any of them was given."""
        return bool(self.machine or self.gpu or self.vram or self.ram or self.cpu_only)

    def words(self) -> list[str]:
        """The options as they would be typed again."""
        said: list[tuple[str, object]] = [
            ("--machine", PIPED if is_piped(path) else path) for path in self.machine or ()
        ]
        said += [("--gpu", name) for name in self.gpu or ()]
        said += [("--vram", self.vram), ("--ram", self.ram), ("--reserve", self.reserve), ("--system", self.system)]
        said += [
            ("--ram-bandwidth", self.ram_bandwidth),
            ("--nodes", self.nodes if self.nodes > 1 else None),
            ("--link", self.link),
        ]
        typed = [word for option, value in said if value is not None for word in (option, str(value))]
        return [*typed, *(["--cpu-only"] if self.cpu_only else [])]

    def aside(self) -> str:
        """What is to be known of these words, as the end of a command line: a box that was piped in has no file yet."""
        told = _("what was piped in, saved as {file}", file=PIPED)
        return f"   # {told}" if any(map(is_piped, self.machine or ())) else ""

    def each(self) -> list[Box]:
        """The options of each box, where several files are given."""
        return [replace(self, machine=[path]) for path in self.machine] if self.machine else [self]

    def here(self) -> Here:
        """Where a plan's file lies on this disk; nowhere for a box that is not this machine."""
        from qwenpick.scan.here import nowhere, on_this_disk

        return nowhere if self.is_said() else on_this_disk()

    def read(self, catalog: Catalog) -> Machine:
        """The one box that the options mean: pretended, from a file, or probed."""
        machines = self.read_all(catalog)
        if len(machines) > 1:
            raise QwenpickError(_("this command takes one --machine; `recommend` compares several"))
        return machines[0][1]

    def read_all(self, catalog: Catalog) -> list[tuple[str, Machine]]:
        """(label, box) for every box that the options mean, nodes joined. Raises QwenpickError when files and pretended parts are mixed."""
        from qwenpick.machine.nodes import parse_link, rejoined

        link = parse_link(self.link) if self.link else None
        boxes = [(label, rejoined(box, self.nodes, link)) for label, box in self._boxes(catalog)]
        if not self.ram_bandwidth:
            return boxes
        from qwenpick.machine.probe.bandwidth import said

        for device in (device for _label, box in boxes for device in box.devices if device.unified):
            raise QwenpickError(
                _(
                    "--ram-bandwidth is of RAM beside a GPU; the {name} has one memory, whose bandwidth is known",
                    name=device.name,
                )
            )
        return [(label, said(box, parse_rate(self.ram_bandwidth))) for label, box in boxes]

    def _boxes(self, catalog: Catalog) -> list[tuple[str, Machine]]:
        """(label, box) for every single box that the options mean."""
        pretended = bool(self.gpu or self.vram or (self.ram and self.cpu_only))
        if self.machine and (pretended or self.ram):
            raise QwenpickError(_("--machine describes the whole machine; leave out --gpu, --vram and --ram"))
        from qwenpick.machine.reserve import reserved

        kept = parse_memory(self.reserve) if self.reserve is not None else None
        if self.machine and self.system:
            raise QwenpickError(_("--machine describes the whole machine; leave out --system"))
        if self.machine:
            from qwenpick.machine.file import read

            boxes = [(file.name, reserved(read(file), kept)) for file in self.machine]
            return [(name, _without_gpus(box) if self.cpu_only else box) for name, box in boxes]
        if pretended:
            from qwenpick.machine.simulate import simulate

            sizes = [parse_memory(size) if size else None for size in (self.vram, self.ram)]
            if 0 in sizes:
                raise QwenpickError(_("--ram and --vram must be more than 0, e.g. 16GiB"))
            system = read_system(self.system)
            box = simulate(catalog, self.gpu or [], sizes[0], sizes[1], self.cpu_only, system=system, reserve=kept)
            return [(_("simulated"), box)]
        if self.system:
            raise QwenpickError(_("--system goes with a machine that is described: add --gpu, --vram or --cpu-only"))
        from qwenpick.machine.probe import probe

        box = reserved(probe(catalog), kept)
        if self.ram:
            size = parse_memory(self.ram)
            box = replace(box, ram_total=size, ram_free=size)
        return [(_("this machine"), _without_gpus(box) if self.cpu_only else box)]


PROBED = Box()  # nothing said: this machine
FIELDS = tuple(field.name for field in fields(Box))  # its options, as parameters of a command


def _without_gpus(machine: Machine) -> Machine:
    from dataclasses import replace

    return replace(machine, devices=(), unreadable=())


def read_system(name: str | None) -> str | None:
    """linux, windows or darwin, of what `--system` says. Raises QwenpickError with those that are known."""
    known = {"linux": "linux", "windows": "windows", "mac": "darwin", "macos": "darwin", "darwin": "darwin"}
    if name is None:
        return None
    if found := known.get(name.casefold()):
        return found
    raise QwenpickError(_("--system must be linux, windows or mac, not '{name}'", name=shown(name)))
