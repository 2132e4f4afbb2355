"""Devices that Kubernetes hands out by claims (dynamic resource allocation): ResourceSlices, and what ResourceClaims hold of them.

Attribute names: NVIDIA/k8s-dra-driver-gpu cmd/gpu-kubelet-plugin/deviceinfo.go, ROCm/k8s-gpu-dra-driver, intel-resource-drivers-for-kubernetes.
resource.k8s.io/v1beta1 puts a device's fields under `basic`, v1beta2 and v1 do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from qwenpick.catalog.vendors import Vendor
from qwenpick.machine.inventory.cluster import Accelerator
from qwenpick.machine.inventory.quantities import mappings, table, whole

DRIVERS: dict[str, Vendor] = {"gpu.nvidia.com": "nvidia", "gpu.amd.com": "amd", "gpu.intel.com": "intel"}
NAMES = ("productName", "model", "product")  # NVIDIA and AMD; Intel; others
Slices = Mapping[str, tuple[Accelerator, ...]]


def by_node(slices: Iterable[Mapping[str, Any]], claims: Iterable[Mapping[str, Any]]) -> Slices:
    """The accelerators of each node; `free` is what no claim holds, None where there are no claims to look at."""
    claims = list(claims)
    held = {
        (str(result.get("driver")), str(result.get("pool")), str(result.get("device")))
        for claim in claims
        for result in _results(claim)
    }
    newest: dict[tuple[str, str], int] = {}
    specs = [table(item.get("spec")) for item in slices]
    for spec in specs:  # a driver that changed its pool leaves slices of older generations for a while
        key = _pool(spec)
        newest[key] = max(newest.get(key, 0), _generation(spec))
    found: dict[str, list[Accelerator]] = {}
    for spec in specs:
        node, driver = spec.get("nodeName"), str(spec.get("driver", ""))
        if not node or driver not in DRIVERS or _generation(spec) < newest[_pool(spec)]:
            continue
        for device in _whole_devices(spec):
            own = (*_pool(spec), str(device.get("name")))
            found.setdefault(str(node), []).append(
                _accelerator(device, driver, None if not claims else int(own not in held))
            )
    return {node: _together(devices) for node, devices in found.items()}


def _pool(spec: Mapping[str, Any]) -> tuple[str, str]:
    return str(spec.get("driver", "")), str(table(spec.get("pool")).get("name", ""))


def _generation(spec: Mapping[str, Any]) -> int:
    said = table(spec.get("pool")).get("generation", 0)
    return said if isinstance(said, int) else 0


def _results(claim: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    devices = table(table(table(claim.get("status")).get("allocation")).get("devices"))
    return mappings(devices.get("results"))


def _whole_devices(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The devices of a slice, without those slices of a GPU that could be cut but are not: both are listed where a GPU may be parted on demand."""
    every = mappings(spec.get("devices"))
    usable = [item for item in every if _text(item, "type") not in ("vfio", "mig-device")]
    parted = {_text(item, "uuid") for item in usable if _text(item, "type") == "gpu"}
    return [item for item in usable if not (_text(item, "type") == "mig" and _text(item, "parentUUID") in parted)]


def _fields(device: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    return table(device.get(part) or table(device.get("basic")).get(part))


def _text(device: Mapping[str, Any], name: str) -> str | None:
    """An attribute; drivers may write their domain before its name."""
    attributes = _fields(device, "attributes")
    value = next((v for key, v in attributes.items() if key == name or key.endswith(f"/{name}")), None)
    said = table(value)
    found = said.get("string") or said.get("version") if said else value
    return str(found) if found is not None else None


def _accelerator(device: Mapping[str, Any], driver: str, free: int | None) -> Accelerator:
    capacity = _fields(device, "capacity")
    memory = next((v for key, v in capacity.items() if key == "memory" or key.endswith("/memory")), None)
    name, profile = next((said for key in NAMES if (said := _text(device, key))), None), _text(device, "profile")
    capability = (_text(device, "cudaComputeCapability") or "").split(".")
    return Accelerator(
        name=f"{name} MIG {profile}" if name and profile else name,
        count=1,
        free=free,
        memory=whole(table(memory).get("value") if isinstance(memory, Mapping) else memory),
        vendor=DRIVERS[driver],
        kind="mig" if profile else "gpu",
        resource=driver,
        compute_capability=".".join(capability[:2]) if len(capability) > 1 else None,
    )


def _together(devices: Iterable[Accelerator]) -> tuple[Accelerator, ...]:
    """Equal devices as one entry."""
    devices = list(devices)
    counted = Counter(replace(device, free=None) for device in devices)
    free = Counter(replace(device, free=None) for device in devices if device.free)
    known = all(device.free is not None for device in devices)
    return tuple(
        replace(device, count=number, free=free[device] if known else None) for device, number in counted.items()
    )
