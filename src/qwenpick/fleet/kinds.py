"""The nodes of a cluster by kind: those that are equal in what can be planned with, so that each kind is planned once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.machine.inventory.cluster import MOST_ACCELERATORS
from qwenpick.machine.inventory.machines import INSTANCE, Machines
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.machine.inventory.cluster import Cluster, Node, Taint

UNREAD = N_("how much memory its GPUs have is not known")
STEPS = 4  # RAM sizes in a doubling that are told apart; in a kind the least one counts. Kubernetes' figure differs by kilobytes between equal nodes
# bytes that an engine's process takes of RAM for each GPU beside what its plan counts there: assumed
ENGINE_RAM = 8 * 2**30


@dataclass(frozen=True, slots=True)
class Kind:
    """Nodes that are equal in what can be planned with. `machine` is one of them, the one with the least RAM.

    `free_gpus` are those of all its nodes together, `gpus` those that they have at all. `idle` says why nothing can be planned there now, None where
    it can. `labels` are those that all of its nodes have, `taints` all that any has.
    """

    nodes: tuple[str, ...]
    count: int
    machine: Machine
    gpus: int
    free_gpus: int
    cpus: float | None
    idle: str | None
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    resources: Mapping[Device, str]
    partitions: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """A cluster as it can be planned with: its kinds, those with the most GPU memory first; `out` counts nodes that take no work, by the reason."""

    source: str
    when: str  # free, total
    nodes: int
    kinds: tuple[Kind, ...]
    out: Mapping[str, int]
    unclear: tuple[str, ...]


def fleet(cluster: Cluster, catalog: Catalog, free: bool = True) -> Fleet:
    """The cluster with what is free now, or (`free` false) with all that its working nodes have."""
    groups: dict[tuple[object, ...], list[Node]] = {}
    out: Counter[str] = Counter()
    known = False
    for node in cluster.nodes:
        if node.out is not None:
            out[node.out] += node.count
            continue
        known = known or any(entry.free is not None for entry in node.accelerators) or node.ram_free is not None
        groups.setdefault(_key(node, free), []).append(node)
    machines = Machines(catalog, free)
    kinds = sorted((_kind(nodes, machines, free) for nodes in groups.values()), key=_order)
    unclear = [*cluster.unclear, *(note for kind in kinds for note in _unread(kind))]
    when = "free" if free and (known or not groups) else "total"
    return Fleet(
        cluster.source,
        when,
        sum(node.count for node in cluster.nodes),
        tuple(kinds),
        dict(out),
        tuple(dict.fromkeys(unclear)),
    )


def _key(node: Node, free: bool) -> tuple[object, ...]:
    """What makes two nodes equal for a plan."""
    entries = node.accelerators if free else tuple(replace(entry, free=None) for entry in node.accelerators)
    ram = node.ram_free if free and node.ram_free is not None else node.ram
    unnamed = any(entry.name is None for entry in entries)
    unsized = any(entry.memory is None for entry in entries)
    cramped = free and node.cpus_free is not None and node.cpus_free < 1
    return (
        entries,
        _step(ram),
        _step(node.ram),
        node.labels.get(INSTANCE) if unnamed else None,
        node.features if unsized else None,
        repr(node.probed) if node.probed else None,
        cramped,
    )


def _step(ram: int | None) -> int | None:
    return None if ram is None else round(STEPS * math.log2(ram)) if ram > 0 else -1


def _kind(nodes: list[Node], machines: Machines, free: bool) -> Kind:
    least = min(nodes, key=lambda node: (_ram(node, free) is None, _ram(node, free) or 0))
    seen = machines.machine(least)
    devices = tuple(device for device in seen.devices if device.total is not None or device.free is not None)
    machine = replace(seen, devices=devices)
    count = sum(node.count for node in nodes)
    labels = dict(set(nodes[0].labels.items()).intersection(*(node.labels.items() for node in nodes[1:])))
    cpus = [node.cpus_free if free and node.cpus_free is not None else node.cpus for node in nodes]
    return Kind(
        nodes=tuple(node.name for node in nodes),
        count=count,
        machine=machine,
        gpus=sum(entry.count for entry in least.accelerators if entry.count <= MOST_ACCELERATORS) * count,
        free_gpus=len(seen.devices) * count,
        cpus=None if None in cpus else min(filter(None, cpus), default=0.0),
        idle=_idle(least, machine, len(seen.devices), free),
        labels=dict(sorted(labels.items())),
        taints=tuple(dict.fromkeys(taint for node in nodes for taint in node.taints)),
        resources=machines.resources(least),
        partitions=tuple(name for name in nodes[0].partitions if all(name in node.partitions for node in nodes)),
        features=nodes[0].features,
    )  # fmt: skip


def _ram(node: Node, free: bool) -> int | None:
    return node.ram_free if free and node.ram_free is not None else node.ram


def _idle(node: Node, machine: Machine, seen: int, free: bool) -> str | None:
    """Why nothing can be planned on a node: a node that has GPUs is not planned without them."""
    if node.accelerators and not seen:
        return N_("all of its GPUs are held")
    if node.accelerators and not machine.devices:
        return UNREAD
    if node.accelerators and machine.ram_free is not None and machine.ram_free < ENGINE_RAM:
        return N_("its RAM is held")
    if free and node.cpus_free is not None and node.cpus_free < 1:
        return N_("its CPUs are held")
    return None


def _unread(kind: Kind) -> list[str]:
    if kind.idle != UNREAD:
        return []
    named = ", ".join(kind.nodes[:3]) + (", …" if len(kind.nodes) > 3 else "")
    return [N_("no record says which GPUs {nodes} have, or how much memory: they are not counted", nodes=named)]


def _order(kind: Kind) -> tuple[bool, int, str]:
    """Kinds with GPUs first, those with the largest GPU first, and by name."""
    sizes = [device.total or 0 for device in kind.machine.devices]
    return not kind.gpus, -max(sizes, default=0) * len(sizes), kind.nodes[0]
