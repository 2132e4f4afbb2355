"""A machine from words."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.units import GIB, MIB


@pytest.mark.parametrize(
    ("name", "total", "kept", "seen"),
    [("t4", 15360, 450, 440), ("rtx 3090", 24576, 462, 451), ("l4", 23034, 460, 475), ("h100 80gb", 81559, 479, 480), ("h200", 143771, 617, 615)],
)  # fmt: skip
def test_what_the_driver_keeps_of_a_card_is_not_free(
    catalog: Catalog, name: str, total: int, kept: int, seen: int
) -> None:
    """`seen` is what the drivers of real cards kept, in MiB; where logs of engines say CUDA's total, it is in the catalogue (H100, 79.18 GiB)."""
    (device,) = simulate(catalog, [name], None, 64 * GIB, False, reserve=0).devices
    assert device.total == total * MIB
    assert device.free is not None
    assert round((device.total - device.free) / MIB) == kept
    assert abs(kept - seen) < 60
    assert any("driver keeps" in note for note in device.notes)


def test_of_memory_that_was_said_all_but_the_driver_s_is_free(catalog: Catalog) -> None:
    for names in (["rtx 4090"], []):
        (device,) = simulate(catalog, names, 20 * GIB, 64 * GIB, False, reserve=0).devices
        assert device.total == 20 * GIB
        assert device.free == 20 * GIB - 430 * MIB - int(0.0013 * 20 * GIB)


def test_a_card_has_what_its_driver_reports(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    (device,) = machine.devices
    assert (device.gpu, device.total) == ("rtx-4090", 24564 * MIB)
    assert machine.origin == "simulated"
    assert (machine.ram_total, machine.ram_free) == (64 * GIB, 62 * GIB)  # 2 GiB for the system
    assert device.bandwidth == 1008.4e9
    assert device.compute_capability == "8.9"


@pytest.mark.parametrize("words", ["2x l40s", "2xl40s", "2 x L40S", "l40s x2", "l40s x 2"])
def test_a_count_is_read_before_or_after_the_name(catalog: Catalog, words: str) -> None:
    assert [d.gpu for d in simulate(catalog, [words]).devices] == ["l40s", "l40s"]


def test_different_cards_stand_in_the_order_given(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 3060 12gb", "2x rtx 3090"], None, 64 * GIB, False)
    assert [d.gpu for d in machine.devices] == ["rtx-3060-12gb", "rtx-3090", "rtx-3090"]


def test_a_board_of_several_devices_shows_them_all(catalog: Catalog) -> None:
    # an MI250 is two dies of 68702699520 bytes, an A16 four GPUs of 15356 MiB
    assert [d.total for d in simulate(catalog, ["mi250"]).devices] == [65520 * MIB] * 2
    assert [d.total for d in simulate(catalog, ["a16"]).devices] == [15356 * MIB] * 4


def test_unknown_ram_stays_unknown_and_is_said(catalog: Catalog) -> None:
    machine = simulate(catalog, ["h200"])
    assert machine.ram_total is None
    assert "RAM is not known; give --ram to plan with it" in machine.notes


def test_an_open_memory_size_is_assumed_aloud(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 3060"], None, 32 * GIB, False, reserve=0)
    kept = "assuming the driver keeps 446 MiB of the GeForce RTX 3060 12GB"
    system = "assuming the system uses 2 GiB of RAM"
    assert machine.notes == ("'rtx 3060' is sold with 8 and 12 GiB; 12 GiB assumed", kept, system)
    assert simulate(catalog, ["rtx 3060 12gb"], None, 32 * GIB, False, reserve=0).notes == (kept, system)


def test_vram_picks_the_variant_and_is_taken_as_said(catalog: Catalog) -> None:
    (device,) = simulate(catalog, ["rtx 3060"], 8 * GIB, None, False).devices
    assert (device.gpu, device.total) == ("rtx-3060-8gb", 8 * GIB)


@pytest.mark.parametrize(
    ("name", "ram", "gpu", "total"),
    [
        ("m4 max", 64 * GIB, "m4-max-64gb", 48 * GIB),  # 3/4
        ("m4 max", 64 * 10**9, "m4-max-64gb", 48 * GIB),  # "64GB" on the box means 64 GiB
        ("m4 max 128gb", None, "m4-max-128gb", 96 * GIB),
        ("m1", 16 * GIB, "m1-16gb", 11453251584),  # seen; 2/3
        ("m3 ultra", 256 * GIB, "m3-ultra-256gb", 223338299392),  # seen; 81.25 %
    ],
)
def test_an_apple_chip_gets_metals_working_set(
    catalog: Catalog, name: str, ram: int | None, gpu: str, total: int
) -> None:
    machine = simulate(catalog, [name], None, ram, False)
    (device,) = machine.devices
    assert (device.gpu, device.total, device.unified, machine.system) == (gpu, total, True, "darwin")
    assert machine.cpu.bandwidth == device.bandwidth


def test_apple_chips_of_another_memory_size_have_another_bandwidth(catalog: Catalog) -> None:
    assert simulate(catalog, ["m4 max"], None, 36 * GIB, False).devices[0].bandwidth == 410e9
    assert simulate(catalog, ["m4 max"], None, 128 * GIB, False).devices[0].bandwidth == 546e9


def test_other_unified_memory_is_a_share_of_ram(catalog: Catalog) -> None:
    gb10 = simulate(catalog, ["gb10"])
    assert gb10.ram_total == gb10.devices[0].total == 127600748 * 1024
    halo = simulate(catalog, ["strix halo"], None, 128 * GIB, False)
    assert halo.devices[0].total == 96 * GIB
    assert simulate(catalog, ["780m"], None, 32 * GIB, False).devices[0].total == 16 * GIB


def test_vram_alone_is_a_card_of_no_name_planned_as_a_usual_one(catalog: Catalog) -> None:
    machine = simulate(catalog, [], 24 * GIB, 32 * GIB, False)
    (device,) = machine.devices
    usual = catalog.gpus[device.gpu or ""]
    assert (device.name, device.total, device.bandwidth) == ("GPU", 24 * GIB, usual.bandwidth)
    assert usual.memory_bytes == 24 * GIB
    assert any(usual.name in note for note in machine.notes)


def test_a_box_without_a_gpu_has_a_cpu_of_assumed_bandwidth(catalog: Catalog) -> None:
    machine = simulate(catalog, [], None, 16 * GIB, True)
    assert machine.devices == ()
    assert machine.cpu.bandwidth == 51.2e9
    assert machine.cpu.bandwidth_from == "assumed: dual-channel DDR4-3200"


@pytest.mark.parametrize(
    ("gpus", "vram", "ram", "cpu_only", "says"),
    [
        ([], None, None, True, "--cpu-only needs the RAM to plan with, e.g. --ram 16GiB"),
        ([], None, 16 * GIB, False, "--ram alone describes no machine; add --gpu NAME, --vram SIZE or --cpu-only"),
        (["rtx 4090"], None, 16 * GIB, True, "--cpu-only and --gpu contradict each other; leave out one"),
        (
            ["0x rtx 4090"],
            None,
            None,
            False,
            "cannot read --gpu '0x rtx 4090'; write it like 'rtx 4090', '2x l40s' or 'rtx 3060 12gb'",
        ),
        (
            ["2x m4 max"],
            None,
            None,
            False,
            "no engine here runs one model over several Macs; give m4-max-128gb once",
        ),
        (
            ["m4 max 128gb"],
            None,
            64 * GIB,
            False,
            "'m4 max 128gb' has 128 GiB of RAM, and --ram says 64 GiB; leave out one",
        ),
        (
            ["780m"],
            None,
            None,
            False,
            "how much memory a ryzen-7040-8040-radeon-780m has depends on the machine; give --ram, e.g. --ram 32GiB",
        ),
        (
            ["rtx 9999"],
            None,
            None,
            False,
            "there is no GPU 'rtx 9999' in the catalog (qwenpick gpus lists them; or give its memory: --vram 8GiB)",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    catalog: Catalog, gpus: list[str], vram: int | None, ram: int | None, cpu_only: bool, says: str
) -> None:
    with pytest.raises(QwenpickError) as error:
        simulate(catalog, gpus, vram, ram, cpu_only)
    assert str(error.value) == says


@pytest.mark.parametrize(("ram", "linux", "windows"), [(8, 7, 6), (16, 14, 12), (64, 62, 60)])
def test_windows_keeps_more_of_the_ram(catalog: Catalog, ram: int, linux: int, windows: int) -> None:
    for system, free in (("linux", linux), ("windows", windows)):
        box = simulate(catalog, ["rtx 4070"], None, ram * GIB, False, system=system)
        assert (box.system, box.ram_free) == (system, free * GIB)
        assert f"assuming the system uses {ram - free} GiB of RAM" in box.notes


@pytest.mark.parametrize(
    "name", ["jetson agx orin 64gb", "jetson orin nano 8gb", "dgx spark", "jetson thor", "m4 max 64gb"]
)
@pytest.mark.parametrize("reserve", [None, 4 * GIB])
def test_what_is_held_of_one_memory_is_free_for_neither_gpu_nor_processor(
    name: str, reserve: int | None, catalog: Catalog
) -> None:
    """A plan that fills the GPU's share finds nothing more in the RAM: a Jetson's 122B had 2.7 GiB of experts in what the desktop holds."""
    box = simulate(catalog, [name], reserve=reserve)
    device = box.devices[0]
    assert box.ram_free is not None and device.free is not None
    assert box.ram_free < (box.ram_total or 0) and device.free <= box.ram_free
    if device.vendor == "nvidia":
        assert device.free == box.ram_free  # 53.2 of a Jetson AGX Orin's 60.8 GiB
    assert sum("use" in note and "RAM" in note and "assuming the system" in note for note in box.notes) == 0


@pytest.mark.parametrize(
    "words", ["rtx 3090, 2x rtx 3060 12gb", "rtx 3090 + 2x rtx 3060 12gb", "rtx 3090，2x rtx 3060 12gb,"]
)
def test_unlike_gpus_may_stand_in_one_option(words: str, catalog: Catalog) -> None:
    apart = simulate(catalog, ["rtx 3090", "2x rtx 3060 12gb"], None, 64 * GIB, False)
    assert simulate(catalog, [words], None, 64 * GIB, False) == apart and len(apart.devices) == 3


@pytest.mark.parametrize(
    "words", ["iris xe", "intel uhd graphics 770", "vega 8", "steam deck", "raspberry pi 5 8gb", "iphone 16", "核显"]
)
def test_what_has_no_memory_of_its_own_is_planned_by_its_processor(words: str, catalog: Catalog) -> None:
    """Not by --vram, which gives it memory that it has not."""
    with pytest.raises(QwenpickError, match="--cpu-only --ram 16GiB") as refused:
        simulate(catalog, [words], None, 16 * GIB, False)
    assert "--vram" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "gpu"), [("m2 air", "m2"), ("m4 mini", "m4"), ("4090m", "rtx-4090-laptop"), ("adreno x1", "snapdragon-x-elite"),
                       ("vega 64", "rx-vega-64")]
)  # fmt: skip
def test_people_say_the_machine_or_an_m_for_mobile(words: str, gpu: str, catalog: Catalog) -> None:
    device = simulate(catalog, [words], None, 16 * GIB, False).devices[0]
    assert (device.gpu or "").startswith(gpu)
