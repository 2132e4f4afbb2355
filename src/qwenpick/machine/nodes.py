"""Several equal boxes as one machine, and what joins them: `--nodes 2 --link 25GB/s`. Nothing is probed."""

from __future__ import annotations

import re
from dataclasses import replace

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _
from qwenpick.machine.hardware import Link, Machine
from qwenpick.units import parse_bytes

MOST_NODES = 1024
# Seconds of a small all-reduce between boxes: assumed, of the order that NCCL's own tests print for each kind of link
NVLINK, RDMA, ETHERNET = 10e-6, 20e-6, 40e-6
NVLINK_BANDWIDTH = 900e9  # bytes/s of one GPU in an NVL72 rack: NVIDIA GB200 NVL72 data sheet, 1.8 TB/s both ways
SPARK = Link("200 Gb/s ConnectX-7", 25e9, RDMA)  # what a DGX Spark has: NVIDIA DGX Spark user guide
SPARKS = "gb10"  # the GPU of boxes that it joins
USUAL = Link("100 Gb/s Ethernet", 12.5e9, ETHERNET)
_KINDS = {"ib": RDMA, "infiniband": RDMA, "roce": RDMA, "eth": ETHERNET, "ethernet": ETHERNET}
_NAMED = r"(ib|infiniband|roce|eth|ethernet)[ -]?(\d{1,5})(?:g|gb|gbe|gbit|gb/s|gbit/s)?"
_RATE = r"(.+?)\s*/\s*s(?:ec)?"


def parse_link(text: str) -> Link:
    """What joins the boxes: `25GB/s`, `nvlink`, `ib400`, `eth25` (the last two in gigabits a second). Raises QwenpickError for anything else.

    >>> parse_link("ib400").bandwidth, parse_link("25GB/s").bandwidth
    (50000000000.0, 25000000000.0)
    """
    folded = text.strip().casefold()
    if folded == "nvlink":
        return Link("NVLink", NVLINK_BANDWIDTH, NVLINK)
    if (match := re.fullmatch(_NAMED, folded)) and int(match[2]):
        return Link(f"{match[1]}{match[2]}", int(match[2]) * 1e9 / 8, _KINDS[match[1]])
    if (match := re.fullmatch(_RATE, text.strip())) and (rate := _bytes(match[1])):
        return Link(text.strip(), float(rate), RDMA)
    raise QwenpickError(
        _(
            "cannot read --link '{text}'; write it like 25GB/s, nvlink, ib400 or eth25 (gigabits a second)",
            text=shown(text),
        )
    )


def _bytes(text: str) -> int | None:
    try:
        return parse_bytes(text)
    except QwenpickError:
        return None


def several(machine: Machine, nodes: int, link: Link | None) -> Machine:
    """So many boxes like this one, joined. A link that nobody named is assumed, and said in a note."""
    if nodes == 1:
        return machine
    if not 1 < nodes <= MOST_NODES:
        raise QwenpickError(_("--nodes must be a whole number from 1 to {most:,}", most=MOST_NODES))
    if not machine.devices:
        raise QwenpickError(_("--nodes joins machines with GPUs; this one has none"))
    joined = link or (SPARK if machine.devices[0].gpu == SPARKS else USUAL)
    note = (
        N_("{nodes} such machines, joined by {link}", nodes=nodes, link=joined.name)
        if link
        else N_(
            "assuming {nodes} such machines are joined by {link}; --link says otherwise", nodes=nodes, link=joined.name
        )
    )
    return replace(machine, devices=machine.devices * nodes, nodes=nodes, link=joined, notes=(note, *machine.notes))


def rejoined(machine: Machine, nodes: int, link: Link | None) -> Machine:
    """The same of a box that may be several already (`--gpu "2x dgx spark"`): more nodes multiply, a link that is named stands.

    Raises QwenpickError for a link of a single box.
    """
    if nodes > 1 and machine.nodes > 1:
        return several(one_node(machine), nodes * machine.nodes, link or machine.link)
    if link and machine.nodes > 1:
        return several(one_node(machine), machine.nodes, link)
    if link and nodes == 1:
        raise QwenpickError(_("--link joins several machines: give their number with --nodes"))
    return several(machine, nodes, link)


def one_node(machine: Machine) -> Machine:
    """The first box of several: what an engine that stays in one box can use."""
    if machine.nodes == 1:
        return machine
    notes = machine.notes[1:]  # without the one that `several` put first
    return replace(machine, devices=machine.devices[: per_node(machine)], nodes=1, link=None, notes=notes)


def per_node(machine: Machine) -> int:
    """How many devices each box has."""
    return len(machine.devices) // machine.nodes
