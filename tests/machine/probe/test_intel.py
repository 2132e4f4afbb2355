"""Intel on recorded sysfs trees (I01 to I03)."""

from __future__ import annotations

from qwenpick.units import GIB, KIB
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml, drm


def test_xe_counts_the_memory_of_all_tiles(look: Look) -> None:  # I01
    tiles = {"tile0/physical_vram_size_bytes": str(64 * GIB), "tile1/physical_vram_size_bytes": str(64 * GIB)}
    device = look(drm("card1", "0000:4d:00.0", "0x8086", "0x0bd5", tiles)).devices[0]
    assert device.total == 128 * GIB and device.free is None
    assert any("2 tiles" in note for note in device.notes) and any(
        note.startswith("free memory:") for note in device.notes
    )


def test_i915_counts_the_local_memory_and_the_size_tells_the_card(look: Look) -> None:  # I02
    files = {
        **drm("card1", "0000:03:00.0", "0x8086", "0x56a0", {}),
        "/sys/class/drm/card1/lmem_total_bytes": str(16 * GIB),
    }
    device = look(files).devices[0]
    assert (device.total, device.gpu, device.name) == (16 * GIB, "arc-a770-16gb", "Arc A770 16GB")
    assert device.memory_from == "sysfs lmem_total_bytes (i915)"


UHD = drm("card0", "0000:00:02.0", "0x8086", "0xa7a0", {})


def test_integrated_graphics_have_a_share_of_ram_and_are_set_aside_where_they_are_no_faster(look: Look) -> None:  # I03
    machine = look(UHD)
    device = machine.hidden[0]
    assert machine.devices == ()
    assert (device.total, device.kind, device.unified) == (131072000 * KIB // 2, "igpu", True)
    assert device.notes[-1] == "graphics inside the CPU: no faster than the CPU"


def test_integrated_graphics_are_set_aside_beside_another_gpu(look: Look) -> None:  # I03
    machine = look(UHD, nvml=FakeNvml(Card()))
    assert [device.vendor for device in machine.devices] == ["nvidia"]
    assert machine.hidden[0].notes[-1].startswith("graphics inside the CPU: engines leave them out beside another GPU")


def test_a_discrete_card_whose_driver_is_silent_is_unreadable(look: Look) -> None:
    machine = look(drm("card1", "0000:03:00.0", "0x8086", "0x56a0", {}))
    assert machine.devices[0].total is None and len(machine.unreadable) == 1


def test_the_affinity_mask_is_honoured(look: Look) -> None:
    card = {"tile0/physical_vram_size_bytes": str(24 * GIB)}
    files = {
        **drm("card0", "0000:03:00.0", "0x8086", "0xe211", card),
        **drm("card1", "0000:04:00.0", "0x8086", "0xe211", card),
    }
    machine = look(files, environ={"ZE_AFFINITY_MASK": "1.0"})
    assert [device.pci_bus for device in machine.devices] == ["0000:04:00.0"] and len(machine.hidden) == 1
