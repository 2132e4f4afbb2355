"""AMD GPUs through rocm-smi's JSON, where sysfs does not show them: keys that change from release to release, warnings before the document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.pci import normal_bus
from qwenpick.machine.probe.world import World, integer

COMMAND = ("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showbus", "--showuniqueid", "--json")


def read_rocm(world: World) -> tuple[Device, ...]:
    """The devices rocm-smi lists; none if it is not there or says nothing readable."""
    answer = world.run(COMMAND, world.timeout)
    return () if answer.problem else parse_rocm(answer.out)


def parse_rocm(text: str) -> tuple[Device, ...]:
    """The devices in rocm-smi's output. `card0` or `card:0`; "Card series" or "Card Series"; values are strings; bytes, not MB."""
    start = text.find("{")
    try:
        document, _unused = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else ({}, 0)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, dict):
        return ()
    named = {
        name: card for name, card in document.items() if re.fullmatch(r"card:?\d+", name) and isinstance(card, dict)
    }
    return tuple(
        _device(card) for _unused, card in sorted(named.items(), key=lambda pair: int(re.sub(r"\D", "", pair[0])))
    )


def _device(card: Mapping[str, Any]) -> Device:
    values = {re.sub(r"[^a-z]", "", key.casefold()): str(value).strip() for key, value in card.items()}
    known = {key: value for key, value in values.items() if value.casefold() not in {"", "n/a", "none", "unknown"}}
    total, used = integer(known.get("vramtotalmemoryb")), integer(known.get("vramtotalusedmemoryb"))
    chip = known.get("cardmodel") or known.get("deviceid")
    chip = f"1002:{integer(chip):04x}" if chip and chip.startswith("0x") and integer(chip) is not None else None
    return Device(
        name=known.get("cardseries")
        or known.get("productname")
        or known.get("marketname")
        or f"AMD GPU {chip or 'of no name'}",
        vendor="amd",
        total=total,
        free=None if total is None or used is None else max(0, total - used),
        compute_capability=known.get("gfxversion"),
        uuid=f"GPU-{known['uniqueid'].removeprefix('0x')}" if "uniqueid" in known else None,
        pci_id=chip,
        pci_bus=normal_bus(known.get("pcibus")),
        memory_from="rocm-smi" if total else None,
        notes=() if total else (N_("memory: rocm-smi does not say"),),
    )
