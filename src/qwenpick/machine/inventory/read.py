"""`--cluster WHAT`: a running cluster by its kind, or a file (`-`: standard input) that is recognised by what it holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwenpick.bounded import read_bytes
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.machine.inventory.cluster import Cluster, Node

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog

LIVE = ("k8s", "slurm", "ray")
LARGEST_FILE = 512 * 2**20  # bytes; kubectl's JSON of 1,000 nodes and 30,000 pods takes 300 MB


def read(what: str, catalog: Catalog) -> Cluster:
    """The cluster that `what` means: k8s, k8s=CONTEXT, slurm, ray, ray=ADDRESS, a file, or - for standard input. Raises QwenpickError."""
    kind, equals, where = what.strip().partition("=")
    if kind == "k8s":
        from qwenpick.machine.inventory import kubernetes_client

        return kubernetes_client.read(where or None)
    if kind == "ray":
        from qwenpick.machine.inventory import ray_client

        return ray_client.read(where or None, catalog)
    if kind == "slurm" and not equals:
        from qwenpick.machine.inventory import slurm_client

        return slurm_client.read()
    if what == "-":
        return recognised(_decoded(sys.stdin.buffer.read(LARGEST_FILE + 1), _("standard input")), _("standard input"))
    return recognised(_content(Path(what)), what)


def _content(path: Path) -> str:
    if not path.exists():
        raise QwenpickError(
            _(
                "there is no file {path}{near} (or: k8s, slurm, ray, ray=ADDRESS, -)",
                path=path,
                near=did_you_mean(str(path), LIVE),
            )
        )
    return _decoded(read_bytes(path, LARGEST_FILE), str(path))


def _decoded(content: bytes, name: str) -> str:
    if len(content) > LARGEST_FILE:
        raise QwenpickError(_("{name} is too large to be an inventory", name=name))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise QwenpickError(_("{name} is not text", name=name)) from None


def recognised(text: str, name: str) -> Cluster:
    """The cluster in a text, whichever of the forms it has. Raises QwenpickError that names the forms."""
    start = text.lstrip()[:64]
    try:
        if start.startswith(("NodeName=", "NODELIST")):
            from qwenpick.machine.inventory.slurm import parse

            return parse(text)
        if start.startswith(("{", "[")):
            return _of_json(_documents(text, name), name)
        from qwenpick.machine.inventory.plain_yaml import load

        return _of_json([load(text, name)], name)
    except QwenpickError as problem:
        said = str(problem)
        raise QwenpickError(said if said.startswith(name) else f"{name}: {said}") from None


def _documents(text: str, name: str) -> list[Any]:
    """The JSON documents that follow each other: `kubectl get nodes -o json; kubectl get pods -A -o json` write two."""
    decoder, found, at = json.JSONDecoder(), [], 0
    try:
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            found.append(document)
            while at < len(text) and text[at].isspace():
                at += 1
    except (ValueError, RecursionError) as problem:
        if text.lstrip().startswith("{") and not found and '"' not in text[:200]:  # YAML may begin so too
            from qwenpick.machine.inventory.plain_yaml import load

            return [load(text, name)]
        raise QwenpickError(_("this is not JSON: {problem}", problem=problem)) from None
    return found


def _of_json(documents: list[Any], name: str) -> Cluster:
    first = documents[0] if documents else None
    if isinstance(first, dict):
        if isinstance(first.get("items"), list) or first.get("kind") in ("Node", "NodeList"):
            from qwenpick.machine.inventory import kubernetes

            return kubernetes.parse(documents)
        if "machine_version" in first or "machine" in first:
            return _machine(first, name)
        nodes = first.get("nodes")
        if "sinfo" in first or (isinstance(nodes, list) and _is_slurm(nodes, first)):
            from qwenpick.machine.inventory import slurm

            return slurm.from_json(first)
        if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) and _is_ray(nodes[0]):
            return _ray(nodes)
        if isinstance(nodes, list):
            from qwenpick.machine.inventory import neutral

            return neutral.parse(first, name)
    if isinstance(first, list) and first and isinstance(first[0], dict) and _is_ray(first[0]):
        return _ray(first)
    raise QwenpickError(
        _(
            "not an inventory; what is read is kubectl's JSON of nodes (and pods), scontrol or sinfo output, "
            "`ray list nodes --format json`, or a file that begins with 'nodes:' (docs/fleet.md)"
        )
    )


def _is_slurm(nodes: list[Any], document: dict[str, Any]) -> bool:
    return ("meta" in document and "errors" in document) or (
        bool(nodes) and isinstance(nodes[0], dict) and "real_memory" in nodes[0]
    )


def _is_ray(item: dict[str, Any]) -> bool:
    return "NodeID" in item or ("node_id" in item and "resources_total" in item)


def _ray(nodes: list[Any]) -> Cluster:
    from qwenpick.machine.inventory import ray

    return ray.parse([item for item in nodes if isinstance(item, dict)])


def _machine(document: dict[str, Any], name: str) -> Cluster:
    """A saved box as a cluster of one."""
    from qwenpick.machine.file import from_json
    from qwenpick.machine.inventory.cluster import Accelerator

    machine = from_json(document)
    held = tuple(Accelerator(device.name, 1, 1, device.total, vendor=device.vendor) for device in machine.devices)
    return Cluster("file", (Node(Path(name).stem, held, machine.ram_total, machine.ram_free, probed=machine),))
