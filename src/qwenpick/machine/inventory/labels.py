"""The accelerators of a Kubernetes node, a family of labels and resources after the other; NVIDIA's are in nvidia_labels.

Read from: ROCm/k8s-device-plugin 1.31 cmd/k8s-node-labeller, intel-device-plugins-for-kubernetes 0.35 cmd/gpu_plugin/labels.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from qwenpick.i18n import N_
from qwenpick.machine.inventory.cluster import Accelerator
from qwenpick.machine.inventory.nvidia_labels import mig, nvidia
from qwenpick.machine.inventory.offers import Told
from qwenpick.machine.inventory.quantities import count, whole
from qwenpick.units import GIB

INTEL = ("gpu.intel.com/i915", "gpu.intel.com/xe")
INTEL_DEVICE = re.compile(r"gpu\.intel\.com/device-id\.03\d\d-([0-9a-f]{4})\.count")
INTEL_PRODUCTS = {"Max": "Intel(R) Data Center GPU Max", "Flex": "Intel(R) Data Center GPU Flex"}
ASCEND = re.compile(r"huawei\.com/Ascend(\d{3}\w{0,3})")
UNUSED = ("google.com/tpu", "aws.amazon.com/neuron", "aws.amazon.com/neuroncore", "aws.amazon.com/neurondevice", "qualcomm.com/qaic",
          "volcano.sh/vgpu-number", "aliyun.com/gpu-mem", "aliyun.com/gpu-count")  # fmt: skip


def accelerators(told: Told) -> tuple[tuple[Accelerator, ...], tuple[str, ...]]:
    """(what the node has, notes on it). Resources that no engine here uses are said in a note."""
    notes: list[str] = []
    found = [*nvidia(told, notes), *mig(told), *_amd(told, notes), *_intel(told), *_others(told)]
    notes += [
        N_("it offers {resource}, which no engine here uses", resource=resource)
        for resource in UNUSED
        if told.offered(resource)
    ]
    return tuple(found), tuple(notes)


def _amd(told: Told, notes: list[str]) -> Iterator[Accelerator]:
    """`amd.com/gpu` with the labeller's properties; the older ones carry the value in the key: `beta.amd.com/gpu.vram.16G: "1"`."""
    offered = told.offered("amd.com/gpu")
    if told.offered("amd.com/gpu") == 0:
        notes += [
            N_("its {resource} are partitions of a GPU, which are not read", resource=resource)
            for resource in sorted(told.allocatable)
            if re.fullmatch(r"amd\.com/[dqc]px_nps\d", resource) and told.offered(resource)
        ]
        return
    labels = told.labels
    size = count(_amd_label(labels, "vram").removesuffix("G"))
    device = _amd_label(labels, "device-id")
    yield Accelerator(
        name=labels.get("amd.com/gpu.product-name", "").replace("_", " ") or None,
        count=offered,
        free=told.left("amd.com/gpu", offered),
        memory=size * GIB if size else None,
        rounded=True,
        vendor="amd",
        resource="amd.com/gpu",
        pci_id=f"1002:{device.casefold()}" if re.fullmatch(r"[0-9a-fA-F]{4}", device) else None,
    )


def _amd_label(labels: Mapping[str, str], name: str) -> str:
    """A property's value: of the label, or behind its older key where the node has GPUs of one kind."""
    if said := labels.get(f"amd.com/gpu.{name}") or labels.get(f"beta.amd.com/gpu.{name}"):
        return said
    older = [key for key in labels if key.startswith((f"amd.com/gpu.{name}.", f"beta.amd.com/gpu.{name}."))]
    values = {key.rpartition(".")[2] for key in older}
    return values.pop() if len(values) == 1 else ""


def _intel(told: Told) -> Iterator[Accelerator]:
    """`gpu.intel.com/i915` or `/xe`: the product's or the PCI id's label, and `memory.max`, which sums the node's GPUs."""
    labels = told.labels
    ids = {match[1]: count(value) or 0 for key, value in labels.items() if (match := INTEL_DEVICE.fullmatch(key))}
    physical = count(labels.get("gpu.intel.com/device.count")) or sum(ids.values())
    for resource in INTEL:
        offered = told.offered(resource)
        if not offered:
            continue
        real = min(physical, offered) if physical else offered
        family, _, number = labels.get("gpu.intel.com/product", "").partition("_")
        total, left = whole(labels.get("gpu.intel.com/memory.max")), told.left(resource, offered)
        shared = offered // real
        yield Accelerator(
            name=f"{INTEL_PRODUCTS[family]} {number}" if family in INTEL_PRODUCTS else None,
            count=real,
            free=None if left is None else max(0, real - (offered - left)) if shared > 1 else left,
            memory=total // physical if total and physical else None,
            vendor="intel",
            shared=shared,
            sharing="time-slicing" if shared > 1 else None,
            resource=resource,
            pci_id=f"8086:{next(iter(ids))}" if len(ids) == 1 else None,
        )


def _others(told: Told) -> Iterator[Accelerator]:
    """Gaudi and Ascend."""
    for resource in sorted(told.allocatable):
        offered = told.offered(resource)
        if offered and resource == "habana.ai/gaudi":
            yield Accelerator(None, offered, told.left(resource, offered), kind="npu", resource=resource)
        elif offered and (found := ASCEND.fullmatch(resource)):
            name = told.labels.get("node.kubernetes.io/npu.chip.name") or f"Ascend {found[1]}"
            yield Accelerator(
                name, offered, told.left(resource, offered), vendor="ascend", kind="npu", resource=resource
            )
