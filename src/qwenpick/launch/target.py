"""Where in a cluster a plan is to run, as its scheduler is told: what to ask for, by what to choose nodes, what to tolerate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from qwenpick.fleet.rooms import host_ram
from qwenpick.units import GIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.fleet.kinds import Kind
    from qwenpick.machine.inventory.cluster import Taint
    from qwenpick.planning.plan import Plan

CORES = 4  # per GPU, and for a plan without: assumed, where the nodes have as many
UNTOLD = ("kubernetes.io/arch",)
GENERAL = ("node.kubernetes.io/instance-type",)  # chooses nodes where nothing names the GPU itself


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of node as a scheduler is told of it. `gpus`, `cores` and `ram` (bytes) are what one copy takes on each of its `nodes`."""

    resource: str | None
    gpus: int
    cores: int
    ram: int
    nodes: int = 1
    replicas: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    partitions: tuple[str, ...] = ()
    constraint: str | None = None


def target(plan: Plan, kind: Kind | None = None, replicas: int = 1, nodes: int = 1) -> Target:
    """The target of a plan on a kind of node; on any node where no cluster was read."""
    devices = plan.placement.devices
    gpus = len(devices) // nodes
    ram = max(1, -(-host_ram(plan) // nodes // GIB)) * GIB
    cores = max(1, CORES * gpus)
    if kind is None:
        return Target(None, gpus, cores, ram, nodes, replicas)
    fitting = max(1, len(kind.machine.devices) // gpus) if gpus else 1
    if kind.cpus is not None:
        cores = max(1, min(cores, int(kind.cpus) // fitting))
    named = {key: text for key, text in kind.labels.items() if key not in (*UNTOLD, *GENERAL)}
    general = {key: text for key, text in kind.labels.items() if key in GENERAL}
    return Target(
        resource=next((kind.resources[device] for device in devices if device in kind.resources), None),
        gpus=gpus,
        cores=cores,
        ram=ram if kind.machine.ram_free is None else min(ram, kind.machine.ram_free // GIB * GIB or ram),
        nodes=nodes,
        replicas=replicas,
        labels=(named or general) if devices else {},
        taints=kind.taints,
        partitions=kind.partitions,
        constraint=_constraint(kind),
    )


def _constraint(kind: Kind) -> str | None:
    """The feature that tells a GPU's memory size where its type does not."""
    told = any("a feature of the node says" in note for note in kind.machine.notes)
    return next((word for word in kind.features if told and re.search(r"\d{2,3}g", word.casefold())), None)


def object_name(model: str) -> str:
    """A model's id as DNS takes it: small letters, digits and '-', at most 50 characters.

    >>> object_name("qwen3.5-9b"), object_name("Qwen/Qwen3-8B")
    ('qwen3-5-9b', 'qwen-qwen3-8b')
    """
    return re.sub(r"[^a-z0-9]+", "-", model.casefold()).strip("-")[:50].rstrip("-") or "model"
