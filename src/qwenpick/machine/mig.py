"""MIG instances by name: `h100 mig 3g.40gb` is three of seven compute slices and 40 of the card's 80 GB.

Profiles: NVIDIA's MIG user guide. An A100, H100, H200 or B200 has seven compute slices and eight of memory, an A30 and an RTX PRO 6000 four of both.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.machine.hardware import Device

_NAMED = re.compile(
    r"(?P<card>.*?\S)[\s-]+(?:mig[\s-]*)?(?P<slices>[1-7])g\.(?P<gb>\d{1,3})gb(?:\+\S+)?", re.IGNORECASE
)
_PROFILE = r"(?i)\b([1-7])g\.\d{1,3}gb"
# (compute slices, memory slices) of a card; ids begin with these
_CUT = {"a100": (7, 8), "a30": (4, 4), "a800": (7, 8), "h100": (7, 8), "h800": (7, 8), "h20": (7, 8), "h200": (7, 8), "gh200": (7, 8), "b200": (7, 8),
        "b300": (7, 8), "gb200": (7, 8), "gb300": (7, 8), "rtx-pro-6000-blackwell": (4, 4)}  # fmt: skip
# What an instance has of its share of the card's memory: 4,864 of 5,120 MiB for one slice of an A100 40GB, 19,968 of 20,480 for four, 40,192 of
# 40,960 for four of 80 GB (labels of NVIDIA's GPU feature discovery, nvidia.com/mig-….memory)
LEFT_OF_ONE, LEFT = 0.95, 0.975


def split_name(name: str) -> tuple[str, str | None]:
    """('h100', '3g.40gb') of 'h100 mig 3g.40gb'; (name, None) of a whole card.

    >>> split_name("h100 mig 3g.40gb"), split_name("rtx 4090")
    (('h100', '3g.40gb'), ('rtx 4090', None))
    """
    found = _NAMED.fullmatch(name.strip())
    return (found["card"], f"{found['slices']}g.{found['gb']}gb") if found else (name, None)


def cut_of(gpu: str | None) -> tuple[int, int] | None:
    """(compute slices, memory slices) of a card by its id; None for one that cannot be cut."""
    known = [name for name in _CUT if (gpu or "").startswith(name)]
    return _CUT[max(known, key=len)] if known else None


def instance(device: Device, gpu: Gpu, profile: str) -> Device:
    """The MIG instance of a card as a device of its own. Raises QwenpickError where the card has no such profile."""
    cut = cut_of(gpu.id)
    if cut is None or not device.total or not gpu.memory_bytes:
        raise QwenpickError(_("{name} cannot be cut into MIG instances", name=gpu.name))
    compute, gigabytes = (int(number) for number in re.findall(r"\d+", profile))
    slices = round(gigabytes / (gpu.memory_bytes / 2**30 / cut[1]))
    if compute > cut[0] or not 1 <= slices <= cut[1] or slices < compute * cut[1] // (cut[0] + 1):
        raise QwenpickError(
            _(
                "{name} has no MIG profile {profile}: it has {compute} compute slices and {memory} of {size} each",
                name=gpu.name,
                profile=profile,
                compute=cut[0],
                memory=cut[1],
                size=format_bytes(gpu.memory_bytes // cut[1], 0),
            )
        )
    share = slices / cut[1]
    total = int(device.total * share * (LEFT_OF_ONE if slices == 1 else LEFT)) if slices < cut[1] else device.total
    said = N_("{size} of {profile} on {name}: assumed", size=format_bytes(total), profile=profile, name=gpu.name)
    return replace(
        device,
        name=f"{device.name} MIG {profile}",
        kind="mig",
        total=total,
        free=total,
        bandwidth=device.bandwidth * share if device.bandwidth else None,
        notes=(N_("a MIG instance of {name}; CUDA uses one MIG instance per process", name=gpu.name), said),
    )


def compute_share(device: Device) -> float:
    """The part of its card's multiprocessors that a device has: 3/7 of a 3g instance; 1 where it is a whole card or the name says nothing."""
    if device.kind != "mig":
        return 1.0
    found, cut = re.search(_PROFILE, device.name), cut_of(device.gpu)
    return int(found[1]) / cut[0] if found and cut else 1.0
