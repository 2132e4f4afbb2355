"""AMD on recorded sysfs trees and rocm-smi outputs (R01 to R06)."""

from __future__ import annotations

import pytest

from qwenpick.machine.probe import CommandOutput
from qwenpick.machine.probe.rocm import parse_rocm
from qwenpick.units import GIB, KIB, MIB
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import drm, pci

XTX = {
    "mem_info_vram_total": "25753026560",
    "mem_info_vram_used": "1073741824",
    "mem_info_gtt_total": str(62 * GIB),
    "unique_id": "abc123",
}


def node(number: int, version: int, location: int) -> dict[str, str]:
    return {
        f"/sys/class/kfd/kfd/topology/nodes/{number}/properties": f"simd_count 96\ngfx_target_version {version}\nlocation_id {location}\ndomain 0\n"
    }


def test_a_discrete_card_has_its_vram_and_never_the_gtt(look: Look) -> None:
    files = {
        **drm("card1", "0000:03:00.0", "0x1002", "0x744c", XTX),
        **node(1, 110000, 0x0300),
        "/sys/module/amdgpu/version": "6.12.12",
    }
    machine = look(files)
    device = machine.devices[0]
    assert (device.total, device.free) == (25753026560, 25753026560 - GIB)
    assert (device.compute_capability, device.gpu, device.unified) == ("gfx1100", "rx-7900-xtx", False)
    assert (device.uuid, device.pci_bus, machine.driver) == ("GPU-abc123", "0000:03:00.0", "amdgpu 6.12.12")


def test_strix_halo_is_carve_out_and_gtt_capped_by_ram(look: Look) -> None:  # R01
    # 512 MiB carve-out + 124 GiB GTT, MemTotal 121.6 GiB: the GPU may hold 0.5 + 121.6 GiB
    meminfo = {"/proc/meminfo": "MemTotal: 127506841 kB\nMemAvailable: 120000000 kB\n"}
    sizes = {
        "mem_info_vram_total": str(512 * MIB),
        "mem_info_vram_used": str(MIB),
        "mem_info_gtt_total": str(124 * GIB),
        "mem_info_gtt_used": "0",
    }
    device = look(
        {**meminfo, **drm("card0", "0000:c5:00.0", "0x1002", "0x1586", sizes), **node(1, 110501, 0xC500)}
    ).devices[0]
    assert device.total == 512 * MIB + 127506841 * KIB
    assert device.free == 511 * MIB + 120000000 * KIB
    assert (device.unified, device.kind, device.compute_capability, device.bandwidth) == (
        True,
        "igpu",
        "gfx1151",
        256e9,
    )
    assert device.gpu == "ryzen-ai-max-395-128gb"


def test_a_large_carve_out_is_told_by_the_ram_that_is_left(look: Look) -> None:  # R01
    # 96 GiB carved out of 128: the system sees 31 GiB, and half of that may be mapped
    meminfo = {"/proc/meminfo": f"MemTotal: {31 * 2**20} kB\nMemAvailable: {29 * 2**20} kB\n"}
    sizes = {
        "mem_info_vram_total": str(96 * GIB),
        "mem_info_vram_used": "0",
        "mem_info_gtt_total": str(31 * GIB // 2),
        "mem_info_gtt_used": "0",
    }
    device = look({**meminfo, **drm("card0", "0000:c5:00.0", "0x1002", "0x1586", sizes)}).devices[0]
    assert device.total == 96 * GIB + 31 * GIB // 2 and device.gpu == "ryzen-ai-max-395-128gb"


def test_a_small_discrete_card_with_much_gtt_is_no_apu(look: Look) -> None:
    sizes = {
        "mem_info_vram_total": str(4 * GIB),
        "mem_info_vram_used": "0",
        "mem_info_gtt_total": str(62 * GIB),
        "mem_info_gtt_used": "0",
    }
    assert look(drm("card0", "0000:03:00.0", "0x1002", "0x743f", sizes)).devices[0].total == 4 * GIB


def test_mi250_is_two_devices(look: Look) -> None:  # R02
    sizes = {"mem_info_vram_total": "68702699520", "mem_info_vram_used": "0"}
    files = {
        **drm("card1", "0000:31:00.0", "0x1002", "0x740c", sizes),
        **drm("card2", "0000:34:00.0", "0x1002", "0x740c", sizes),
        **node(1, 90010, 0x3100),
    }
    machine = look(files)
    assert [device.total for device in machine.devices] == [68702699520, 68702699520]
    assert machine.devices[0].compute_capability == "gfx90a"


WARNED = (
    "WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n"
    '{"card0": {"Unique ID": "0xabc", "VRAM Total Memory (B)": "25753026560", "VRAM Total Used Memory (B)": "26000000", '
    '"Card Series": '
    '"Radeon RX 7900 XTX", "Card Model": "0x744c", "PCI Bus": "0000:03:00.0", "GFX Version": "gfx1100"}, '
    '"system": {"Driver version": "6.7"}}\ntrailing'
)


def test_warnings_before_the_document_are_skipped() -> None:  # R03
    (device,) = parse_rocm(WARNED)
    assert (device.total, device.free, device.pci_bus) == (25753026560, 25727026560, "0000:03:00.0")
    assert (device.name, device.pci_id, device.uuid) == ("Radeon RX 7900 XTX", "1002:744c", "GPU-abc")


@pytest.mark.parametrize(
    ("old", "new"),
    [("Card Series", "Card series"), ("card0", "card:0"), ("VRAM Total Memory (B)", "vram Total Memory (B)")],
)  # R04
def test_keys_that_were_renamed_are_read(old: str, new: str) -> None:
    (device,) = parse_rocm(WARNED.replace(old, new))
    assert (device.name, device.total) == ("Radeon RX 7900 XTX", 25753026560)


def test_a_name_that_is_not_available_falls_back_to_the_chip() -> None:  # R05
    (device,) = parse_rocm(WARNED.replace("Radeon RX 7900 XTX", "N/A"))
    assert device.name == "AMD GPU 1002:744c"


@pytest.mark.parametrize("text", ["", "ERROR: no GPU", "{", "[]", '{"card0": 1}', "{" * 100_000])  # R03
def test_what_is_no_document_is_no_device(text: str) -> None:
    assert parse_rocm(text) == ()


def test_rocm_smi_is_asked_where_sysfs_shows_a_chip_and_no_memory(look: Look) -> None:
    machine = look(pci("0000:03:00.0", "0x1002", "0x744c"), outputs={"rocm-smi": CommandOutput(WARNED, 0)})
    assert machine.devices[0].memory_from == "rocm-smi" and machine.devices[0].gpu == "rx-7900-xtx"


def test_two_identical_cards_are_two(look: Look) -> None:  # R06
    files = {
        **drm("card1", "0000:03:00.0", "0x1002", "0x744c", XTX),
        **drm("card10", "0000:83:00.0", "0x1002", "0x744c", XTX),
    }
    assert [device.pci_bus for device in look(files).devices] == ["0000:03:00.0", "0000:83:00.0"]


def test_a_chip_without_its_driver_is_said(look: Look) -> None:
    machine = look(pci("0000:03:00.0", "0x1002", "0x744c"))
    assert machine.devices == () and any("amdgpu driver does not drive it" in note for note in machine.notes)


@pytest.mark.parametrize(
    ("environ", "buses"),
    [
        ({"HIP_VISIBLE_DEVICES": "1"}, ["83"]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, ["83"]),  # HIP counts what ROCR leaves
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "1"}, ["03"]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-abc123"}, []),  # both have that id: ambiguous
    ],
)
def test_visible_devices_are_honoured(look: Look, environ: dict[str, str], buses: list[str]) -> None:
    files = {
        **drm("card1", "0000:03:00.0", "0x1002", "0x744c", XTX),
        **drm("card2", "0000:83:00.0", "0x1002", "0x744c", XTX),
    }
    machine = look(files, environ=environ)
    assert [(device.pci_bus or "")[5:7] for device in machine.devices] == buses
    assert len(machine.devices) + len(machine.hidden) == 2


def test_memory_whose_use_is_not_told_has_no_known_free(look: Look) -> None:
    device = look(drm("card0", "0000:03:00.0", "0x1002", "0x744c", {"mem_info_vram_total": "25753026560"})).devices[0]
    assert (device.total, device.free) == (25753026560, None)


def test_a_known_apu_is_used_alone_and_set_aside_beside_a_card(look: Look) -> None:
    sizes = {
        "mem_info_vram_total": str(512 * MIB),
        "mem_info_vram_used": "0",
        "mem_info_gtt_total": str(16 * GIB),
        "mem_info_gtt_used": "0",
    }
    apu = drm("card0", "0000:c5:00.0", "0x1002", "0x150e", sizes)
    assert look(apu).devices[0].kind == "igpu"
    both = look({**apu, **drm("card1", "0000:03:00.0", "0x1002", "0x744c", XTX)})
    assert [device.gpu for device in both.devices] == ["rx-7900-xtx"] and len(both.hidden) == 1
