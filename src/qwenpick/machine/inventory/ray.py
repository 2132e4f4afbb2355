"""A Ray cluster from `ray.nodes()` or `ray list nodes --format json`, with what each node has free and what our probe saw there.

Ray knows no GPU memory. `accelerator_type:X` marks a node and counts nothing; before Ray 2.50 its name was cut to "G" for GeForce and "RTX" for
workstation cards, which say nothing (python/ray/_private/accelerators/nvidia_gpu.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qwenpick.i18n import N_
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node
from qwenpick.machine.inventory.quantities import table

if TYPE_CHECKING:
    from qwenpick.catalog.vendors import Vendor
    from qwenpick.machine.hardware import Machine

MARK = "accelerator_type:"
SAYS_NOTHING = ("G", "RTX", "GPU", "TITAN", "QUADRO")
RESOURCES: dict[str, Vendor | None] = {"GPU": None, "NPU": "ascend", "HPU": None}
OTHERS = ("TPU", "neuron_cores", "RBLN", "FURIOSA")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]i?B|B)")
_UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))} | {
    unit: 1000**power for power, unit in enumerate(("KB", "MB", "GB", "TB", "PB"), 1)
}


def parse(
    nodes: Iterable[Mapping[str, Any]],
    free: Mapping[str, Mapping[str, Any]] | None = None,
    probed: Mapping[str, Machine] | None = None,
) -> Cluster:
    """The cluster of these nodes. By node id, `free` is what is left and `probed` the machine that our probe saw; None where that was not asked."""
    found = tuple(sorted((_node(item, free, probed or {}) for item in nodes), key=lambda node: node.name))
    unclear = []
    if free is None and found:
        unclear.append(N_("the list does not say what running tasks hold: all is taken as free"))
    if any(node.accelerators and node.probed is None and node.out is None for node in found):
        unclear.append(
            N_("Ray does not know how much memory a GPU has: it is looked up by the name that a node is marked with")
        )
    return Cluster("ray", found, tuple(unclear))


def _node(item: Mapping[str, Any], free: Mapping[str, Mapping[str, Any]] | None, probed: Mapping[str, Machine]) -> Node:
    key = str(item.get("NodeID") or item.get("node_id") or "")
    resources = table(item.get("Resources") or item.get("resources_total"))
    labels = {str(name): str(text) for name, text in table(item.get("Labels") or item.get("labels")).items()}
    left = None if free is None else table(free.get(key))
    alive = item.get("Alive", item.get("alive", str(item.get("state", "ALIVE")).upper() == "ALIVE"))
    address = str(item.get("NodeManagerAddress") or item.get("node_ip") or key[:12])
    node = Node(
        name=str(item.get("NodeName") or item.get("node_name") or address) or key[:12],
        accelerators=tuple(_accelerators(resources, left, labels)),
        ram=_bytes(resources.get("memory")),
        ram_free=None if left is None else _bytes(left.get("memory", 0)),
        cpus=_number(resources.get("CPU")),
        cpus_free=None if left is None else _number(left.get("CPU", 0)),
        out=None if alive else N_("dead"),
        labels={name: text for name, text in labels.items() if name == "ray.io/accelerator-type"},
        notes=tuple(
            N_("it offers {resource}, which no engine here uses", resource=name)
            for name in OTHERS
            if resources.get(name)
        ),
    )
    return with_probe(node, probed[key]) if key in probed else node


def with_probe(node: Node, machine: Machine) -> Node:
    """The node with what our probe saw there: its RAM is believed before Ray's, its GPUs where it saw as many as Ray gives out."""
    declared = sum(entry.count for entry in node.accelerators)
    ram = machine.ram_total if machine.ram_total is not None else node.ram
    held = 0 if node.ram is None or node.ram_free is None else node.ram - node.ram_free
    known = machine.ram_free if machine.ram_free is not None else ram
    seen = replace(node, ram=ram, ram_free=None if known is None else max(0, min(known, (ram or known) - held)))
    if len(machine.devices) == declared and declared:
        return replace(seen, probed=machine)
    if declared:
        note = N_(
            "our probe saw {seen} GPUs there, Ray gives out {declared}", seen=len(machine.devices), declared=declared
        )
        return replace(seen, notes=(*node.notes, note))
    return seen


def _accelerators(
    resources: Mapping[str, Any], left: Mapping[str, Any] | None, labels: Mapping[str, str]
) -> Iterable[Accelerator]:
    marked = [key.removeprefix(MARK) for key in resources if key.startswith(MARK)]
    named = labels.get("ray.io/accelerator-type") or (marked[0] if len(marked) == 1 else None)
    for resource, vendor in RESOURCES.items():
        have = int(_number(resources.get(resource)) or 0)
        if have:
            spare = None if left is None else int(_number(left.get(resource, 0)) or 0)  # a part of a GPU is no GPU
            name = None if named is None or named.upper() in SAYS_NOTHING else named.replace("_", " ")
            kind = "gpu" if resource == "GPU" else "npu"
            yield Accelerator(name, have, spare, vendor=vendor, kind=kind, resource=resource)  # type: ignore[arg-type]


def _number(value: object) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63 else None
    )


def _bytes(value: object) -> int | None:
    """Bytes of a number, or of the text that `ray list nodes` prints: `119.209 GiB`."""
    if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        return int(float(found[1]) * _UNITS[found[2]])
    number = _number(value)
    return None if number is None else int(number)
