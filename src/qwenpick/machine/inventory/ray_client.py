"""A running Ray cluster, asked through its own API (extra `[ray]`): nodes, what each has free, and our probe as a task on every node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.inventory.cluster import Cluster
from qwenpick.machine.inventory.ray import parse
from qwenpick.units import KIB, MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog

SECONDS = 60.0  # for the probes of all nodes together


def read(address: str | None, catalog: Catalog, seconds: float = SECONDS) -> Cluster:
    """The cluster at `address` (host:port; where None RAY_ADDRESS, else the one of this machine). Raises QwenpickError where it cannot be asked."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise QwenpickError(
            _(
                "reading a Ray cluster needs Ray: pip install 'qwenpick[ray]' (or pass a file: ray list nodes --format json)"
            )
        ) from None
    mine = not ray.is_initialized()
    try:
        if mine:
            _answers(address or os.environ.get("RAY_ADDRESS") or "auto")
            where = address or os.environ.get("RAY_ADDRESS") or "auto"
            ray.init(address=where, log_to_driver=False, logging_level="ERROR", configure_logging=False)
        nodes = [dict(node) for node in ray.nodes()]
        alive = [str(node["NodeID"]) for node in nodes if node.get("Alive")]
        free = _free()
        return parse(nodes, free, {key: _machine(seen, catalog) for key, seen in _probed(ray, alive, seconds).items()})
    except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError) as problem:
        line = str(problem).strip().splitlines()[:1] or [type(problem).__name__]
        raise QwenpickError(
            _("the Ray cluster at {address} cannot be asked: {problem}", address=address or "auto", problem=line[0])
        ) from None
    finally:
        if mine and ray.is_initialized():
            ray.shutdown()


def _answers(address: str) -> None:
    """Ray itself tries for ever where nobody listens. Raises OSError."""
    import socket

    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=5).close()


def _free() -> Mapping[str, Mapping[str, float]] | None:
    """What each node has left. Ray has no public name for it (2.60): `ray status -v` uses the same; None where it moved."""
    try:
        from ray._private.state import available_resources_per_node
    except ImportError:
        return None
    found: Mapping[str, Mapping[str, float]] = available_resources_per_node()
    return found


def _probed(ray: Any, nodes: list[str], seconds: float) -> dict[str, Mapping[str, Any]]:
    """What the task saw on each node that answered in time."""
    from ray import cloudpickle
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from qwenpick.machine.inventory import ray_task

    cloudpickle.register_pickle_by_value(ray_task)
    try:
        task = ray.remote(num_cpus=0, max_retries=0)(ray_task.look)
        asked = {
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False)).remote(): node
            for node in nodes
        }
        done, late = ray.wait(list(asked), num_returns=len(asked), timeout=seconds) if asked else ([], [])
        for reference in late:
            ray.cancel(reference, force=True)
        found = {}
        for reference in done:
            try:
                found[asked[reference]] = ray.get(reference)
            except ray.exceptions.RayError:  # that node's task failed: the others still count
                continue
        return found
    finally:
        cloudpickle.unregister_pickle_by_value(ray_task)


def _machine(seen: Mapping[str, Any], catalog: Catalog) -> Machine:
    """The machine that a task saw."""
    if "machine" in seen:
        from qwenpick.machine.file import from_json

        return from_json(seen["machine"])
    from qwenpick.machine.probe.identify import identify

    devices = tuple(
        Device(name=name, vendor="nvidia", total=int(total) * MIB, free=int(free) * MIB)
        for name, total, free in seen.get("gpus", [])
        if total.isdigit() and free.isdigit()
    )
    ram, free = seen.get("ram_kib"), seen.get("ram_free_kib")
    return Machine(
        devices=identify(devices, catalog, ram * KIB if ram else None),
        ram_total=ram * KIB if ram else None,
        ram_free=free * KIB if free else None,
        notes=(N_("qwenpick is not installed on the node: nvidia-smi and /proc/meminfo were read"),),
    )
