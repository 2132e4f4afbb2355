"""What the desktop keeps of a GPU: by kind of card and system, counted once, and switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.file import from_json, to_json
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.reserve import reserved
from qwenpick.machine.simulate import simulate
from qwenpick.units import GIB, MIB
from tests.conftest import Run


def kept(catalog: Catalog, gpu: str, **options: object) -> list[int]:
    box = simulate(catalog, [gpu], None, 64 * GIB, False, **options)  # type: ignore[arg-type]
    return [device.reserved_bytes for device in box.devices]


def test_a_pretended_consumer_card_leaves_room_for_a_desktop_and_a_server_card_none(catalog: Catalog) -> None:
    assert kept(catalog, "rtx 4090") == [600 * MIB]
    assert kept(catalog, "rtx 4090", system="windows") == [1_288_490_188]  # 1.2 GiB
    assert kept(catalog, "h100") == [0]
    assert kept(catalog, "rtx 4090", reserve=0) == [0]
    assert kept(catalog, "2x rtx 3090", reserve=GIB) == [GIB, GIB]


def test_asked_for_by_size_it_is_kept_on_cards_without_a_display_too(catalog: Catalog) -> None:
    assert kept(catalog, "l40s", reserve=2 * GIB) == [2 * GIB]


def test_a_mac_and_other_shared_memories_are_left_alone(catalog: Catalog) -> None:
    for name in ("m4 max 64gb", "strix halo", "dgx spark"):
        box = simulate(catalog, [name])
        assert [device.reserved_bytes for device in box.devices] == [0]


def test_what_the_desktop_holds_already_counts_towards_it() -> None:
    card = Device(
        "GPU", "nvidia", 24 * GIB, 24 * GIB - 400 * MIB, display=True, memory_from="NVML memory v2", reserved=0
    )
    first = reserved(Machine((card,)))
    assert first.devices[0].reserved_bytes == 200 * MIB
    assert first.devices[0].free == 24 * GIB - 600 * MIB
    assert reserved(replace(first, notes=())).devices == first.devices  # a saved machine, read again


def test_a_probed_card_without_a_display_keeps_all_that_is_free() -> None:
    card = Device("GPU", "nvidia", 24 * GIB, 23 * GIB, display=False)
    assert reserved(Machine((card,))).devices == (card,)


def test_the_file_of_a_machine_brings_it_back(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    assert from_json(to_json(box)) == box


def test_the_system_fits_the_chip(catalog: Catalog) -> None:
    assert simulate(catalog, ["m4 max 64gb"]).system == "darwin"
    for name, system in (("m4 max 64gb", "linux"), ("rtx 4090", "darwin")):
        with pytest.raises(QwenpickError, match="--system mac"):
            simulate(catalog, [name], system=system)


def test_the_command_line_says_it_in_one_line_and_refuses_nonsense(qwenpick: Run) -> None:
    box = ("fit", "qwen3-8b", "--gpu", "rtx 4090", "--ram", "64")
    assert "assuming the desktop keeps 600 MiB of the GeForce RTX 4090" in qwenpick(*box).out
    assert "the desktop keeps" not in qwenpick(*box, "--reserve", "0").out
    assert qwenpick(*box, "--system", "dos").code == qwenpick(*box, "--reserve", "much").code == 2
    assert qwenpick("fit", "qwen3-8b", "--system", "windows").code == 2  # the box is probed
