"""The neutral inventory: a YAML (or JSON) file of nodes, which people write and `qwenpick fleet --save` writes.

nodes:
  - name: cg14             # or names: [cg14, cg15]
    count: 1               # so many equal nodes
    gpus: [{name: NVIDIA A40, count: 4, free: 3, memory_mib: 46068}]
    ram_mib: 512000
    cpus: 32
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qwenpick.errors import QwenpickError, did_you_mean, wrong
from qwenpick.i18n import _
from qwenpick.machine.inventory.cluster import LARGEST_COUNT, MOST_ACCELERATORS, Accelerator, Cluster, Node, Taint
from qwenpick.machine.inventory.nvidia_labels import profile_memory
from qwenpick.units import MIB

Text = Annotated[str, Field(max_length=500)]
Amount = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(ge=0, le=MOST_ACCELERATORS)]


class Strict(BaseModel):
    """Fields that are not known are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Gpus(Strict):
    """Equal accelerators. `shared` is among how many workloads each is time-sliced, `mig` the profile that it is cut to."""

    name: Text | None = None
    count: Count = 1
    free: Count | None = None
    memory_mib: Annotated[float, Field(gt=0, lt=2**43)] | None = None
    memory_bytes: Amount | None = None
    shared: Annotated[int, Field(ge=1, le=1000)] = 1
    sharing: Literal["time-slicing", "mps"] | None = None
    mig: Text | None = None
    kind: Literal["gpu", "mig", "vgpu", "npu"] | None = None
    vendor: Literal["nvidia", "amd", "intel", "apple", "ascend", "other"] | None = None
    resource: Text | None = None
    compute_capability: Text | None = None
    pci_id: Text | None = None
    unified: bool = False
    rounded: bool = False

    @model_validator(mode="after")
    def _no_more_free_than_there_are(self) -> Gpus:
        if self.free is not None and self.free > self.count:
            raise ValueError(f"free is {self.free} of {self.count}")
        return self


class Tainted(Strict):
    """A Kubernetes taint."""

    key: Text
    value: Text | None = None
    effect: Text = "NoSchedule"


class Entry(Strict):
    """One node, or several equal ones. `source` says where it was read; `out` why it takes no work."""

    name: Text | None = None
    names: tuple[Text, ...] | None = Field(default=None, min_length=1, max_length=LARGEST_COUNT)
    count: Annotated[int, Field(ge=1, le=LARGEST_COUNT)] = 1
    gpus: tuple[Gpus, ...] = Field(default=(), max_length=64)
    ram_mib: Annotated[float, Field(ge=0, lt=2**43)] | None = None
    ram_bytes: Amount | None = None
    ram_free_mib: Annotated[float, Field(ge=0, lt=2**43)] | None = None
    ram_free_bytes: Amount | None = None
    cpus: Annotated[float, Field(ge=0, lt=10**6)] | None = None
    cpus_free: Annotated[float, Field(ge=0, lt=10**6)] | None = None
    out: Text | None = None
    labels: dict[Text, Text] = {}
    taints: tuple[Tainted, ...] = ()
    features: tuple[Text, ...] = ()
    partitions: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    machine: dict[str, Any] | None = None
    source: Text | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Entry:
        if self.names and (self.name is not None or self.count > 1):
            raise ValueError("names stands alone: leave out name and count beside it")
        return self


class Inventory(Strict):
    """The whole file."""

    nodes: tuple[Entry, ...] = Field(min_length=1)
    source: Literal["kubernetes", "slurm", "ray", "file"] = "file"
    unclear: tuple[Text, ...] = ()


def parse(content: object, name: str) -> Cluster:
    """The cluster that a file's content describes. Raises QwenpickError that names the node and the field."""
    try:
        file = Inventory.model_validate(content)
    except ValidationError as problem:
        raise QwenpickError(f"{name}: {_sentence(problem, content)}") from None
    nodes = [node for number, entry in enumerate(file.nodes, 1) for node in _nodes(entry, number)]
    return Cluster("file", tuple(nodes), file.unclear)


def _nodes(entry: Entry, number: int) -> Iterable[Node]:
    probed = None
    if entry.machine is not None:
        from qwenpick.machine.file import from_json

        probed = from_json(entry.machine)
    first, *others = entry.names or (entry.name or f"node-{number}",)
    node = Node(
        name=first,
        accelerators=tuple(map(_accelerator, entry.gpus)),
        ram=_bytes(entry.ram_bytes, entry.ram_mib),
        ram_free=_bytes(entry.ram_free_bytes, entry.ram_free_mib),
        cpus=entry.cpus,
        cpus_free=entry.cpus_free,
        out=entry.out or None,
        labels=entry.labels,
        taints=tuple(Taint(taint.key, taint.value, taint.effect) for taint in entry.taints),
        features=entry.features,
        partitions=entry.partitions,
        notes=entry.notes,
        probed=probed,
        count=entry.count,
    )
    return [node, *(replace(node, name=other) for other in others)]


def _accelerator(gpu: Gpus) -> Accelerator:
    memory = _bytes(gpu.memory_bytes, gpu.memory_mib)
    cut = gpu.mig and memory is None
    return Accelerator(
        name=f"{gpu.name or ''} MIG {gpu.mig}".strip() if gpu.mig else gpu.name,
        count=gpu.count,
        free=gpu.free,
        memory=profile_memory(gpu.mig or "") if cut else memory,
        rounded=bool(cut) or gpu.rounded,
        vendor=gpu.vendor,
        kind=gpu.kind or ("mig" if gpu.mig else "gpu"),
        shared=gpu.shared,
        sharing=gpu.sharing or ("time-slicing" if gpu.shared > 1 else None),
        resource=gpu.resource,
        compute_capability=gpu.compute_capability,
        pci_id=gpu.pci_id,
        unified=gpu.unified,
    )


def _bytes(exact: int | None, mib: float | None) -> int | None:
    return exact if exact is not None else None if mib is None else round(mib * MIB)


def _sentence(problem: ValidationError, content: object) -> str:
    """The first fault in words: which node, which field, what would be right."""
    fault = max(problem.errors(include_url=False), key=lambda e: (len(e["loc"]), e["type"] == "extra_forbidden"))
    place = [step for step in fault["loc"] if not (isinstance(step, str) and "[" in step)]
    if not place or not isinstance(content, dict) or "nodes" not in content:
        return _("an inventory begins with 'nodes:' (docs/fleet.md shows one)")
    where = ".".join(str(step + 1) if isinstance(step, int) else step for step in place)
    if fault["type"] == "extra_forbidden":
        known = (
            Gpus if "gpus" in place else Tainted if "taints" in place else Entry if len(place) > 1 else Inventory
        ).model_fields
        return _(
            "there is no field '{where}'{near} (known: {known})",
            where=where,
            near=did_you_mean(str(place[-1]), known),
            known=", ".join(known),
        )
    return _("{where}: {wrong}", where=where, wrong=wrong(fault))


def text(cluster: Cluster) -> str:
    """The file's content: equal nodes as one entry with their names, so that reading it back gives an equal cluster."""
    import yaml

    grouped: dict[str, tuple[dict[str, Any], list[Node]]] = {}
    for node in cluster.nodes:
        entry = _entry(node)
        grouped.setdefault(repr(entry), (entry, []))[1].append(node)
    entries = [
        ({"name": nodes[0].name, **({"count": nodes[0].count} if nodes[0].count > 1 else {})} if len(nodes) == 1 or nodes[0].count > 1
         else {"names": [node.name for node in nodes]}) | entry
        for entry, group in grouped.values()
        for nodes in (([node] for node in group) if group[0].count > 1 else [group])
    ]  # fmt: skip
    document = {
        "source": cluster.source,
        "nodes": entries,
        **({"unclear": list(cluster.unclear)} if cluster.unclear else {}),
    }
    written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return written


def _entry(node: Node) -> dict[str, Any]:
    """A node without its name, in the words of the file; what is not known is left out."""
    said: dict[str, Any] = {
        "gpus": [_gpus(entry) for entry in node.accelerators],
        **_sized("ram", node.ram),
        **_sized("ram_free", node.ram_free),
        "cpus": node.cpus,
        "cpus_free": node.cpus_free,
        "out": node.out,
        "labels": dict(node.labels),
        "taints": [{k: v for k, v in (("key", t.key), ("value", t.value), ("effect", t.effect)) if v} for t in node.taints],
        "features": list(node.features),
        "partitions": list(node.partitions),
        "notes": list(node.notes),
    }  # fmt: skip
    if node.probed is not None:
        from qwenpick.machine.file import to_json

        said["machine"] = to_json(node.probed)
    return {key: value for key, value in said.items() if value not in (None, [], {})} | (
        {"count": node.count} if node.count > 1 else {}
    )


def _sized(name: str, size: int | None) -> dict[str, int]:
    if size is None:
        return {}
    return {f"{name}_mib": size // MIB} if size % MIB == 0 else {f"{name}_bytes": size}


def _gpus(entry: Accelerator) -> dict[str, Any]:
    usual = {field.name: field.default for field in fields(Accelerator)}
    said = {key: getattr(entry, key) for key in usual if key not in ("memory", "name", "count")}
    kept = {key: value for key, value in said.items() if value != usual[key]}
    return {"name": entry.name, "count": entry.count, **_sized("memory", entry.memory), **kept}
