"""NVIDIA through NVML: every way it has been seen to answer or to fail in the field."""

from __future__ import annotations

import ctypes
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from qwenpick.machine.probe import CommandOutput
from qwenpick.machine.probe.nvml import is_vgpu
from qwenpick.units import GIB, KIB, MIB
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml, error, pci

ON_BUS = pci("0000:01:00.0", "0x10de", "0x2684")
SMI_ROW = "0, GPU-1, 00000000:01:00.0, 0x268410DE, 0x40E51458, NVIDIA GeForce RTX 4090, 24564, 24000, 8.9, 560.35.03\n"


def test_without_the_binding_the_box_is_cpu_only(look: Look) -> None:  # N01
    machine = look()
    assert machine.devices == () and machine.unreadable == ()
    assert machine.ram_total == 131072000 * KIB


def test_a_shadowing_package_without_v2_is_named_and_v1_is_used(look: Look) -> None:  # N02
    class Old(FakeNvml):
        __file__ = "/usr/lib/python3/dist-packages/pynvml/__init__.py"
        nvmlMemory_v2 = property()  # noqa: N815 (an AttributeError when asked for, as where it is missing)

    machine = look(nvml=Old(Card()))
    assert machine.devices[0].memory_from == "NVML memory v1"
    assert machine.devices[0].total == 24564 * MIB and machine.devices[0].reserved is None
    assert any("dist-packages/pynvml" in note and "shadows nvidia-ml-py" in note for note in machine.notes)


def test_a_shadowing_package_without_memory_calls_leaves_it_to_nvidia_smi(look: Look) -> None:  # N02
    old = SimpleNamespace(nvmlInit=lambda: None)
    machine = look(ON_BUS, nvml=old, outputs={"nvidia-smi": CommandOutput(SMI_ROW, 0)})
    assert machine.devices[0].total == 24564 * MIB
    assert machine.devices[0].memory_from == "nvidia-smi"
    assert any("shadows nvidia-ml-py" in note for note in machine.notes)


def test_no_library_and_no_chip_is_silence(look: Look) -> None:  # N03
    machine = look(nvml=FakeNvml(init=error(12)))
    assert machine.devices == () and machine.hidden == () and machine.unreadable == () and machine.notes == ()


@pytest.mark.parametrize("code", [12, 9])  # N03, N04
def test_a_chip_without_a_driver_is_shown_as_unused_with_a_hint(look: Look, code: int) -> None:
    machine = look(ON_BUS, nvml=FakeNvml(init=error(code)))
    assert machine.devices == () and machine.unreadable == ()
    assert [(d.pci_id, d.name, d.total) for d in machine.hidden] == [("10de:2684", "GeForce RTX 4090", None)]
    assert any("the NVIDIA driver is missing" in note for note in machine.notes)


def test_after_a_driver_update_the_name_is_from_the_bus_and_the_box_is_unreadable(look: Look) -> None:  # N05
    machine = look(ON_BUS, nvml=FakeNvml(init=error(18)))
    assert machine.devices[0].name == "GeForce RTX 4090"
    assert machine.devices[0].total is None
    assert "reboot" in machine.unreadable[0]


@pytest.mark.parametrize("code", [4, 999])  # N06
def test_lost_access_to_the_driver_is_unreadable_hardware(look: Look, code: int) -> None:
    machine = look({"/dev/nvidiactl": ""}, nvml=FakeNvml(init=error(code)))
    assert machine.devices == () and len(machine.unreadable) == 1


@pytest.mark.parametrize(
    "failure", [OSError("x"), AttributeError("y"), ctypes.ArgumentError("z"), RuntimeError()]
)  # N07
def test_an_init_that_fails_in_an_unforeseen_way_is_caught(look: Look, failure: Exception) -> None:
    machine = look(ON_BUS, nvml=FakeNvml(init=failure))
    assert machine.devices[0].total is None and machine.unreadable


def test_an_import_that_fails_in_an_unforeseen_way_is_caught(look: Look) -> None:  # N07
    def broken() -> object:
        raise ctypes.ArgumentError("bad library")

    machine = look(ON_BUS, loader=broken)
    assert machine.devices == () and machine.hidden[0].pci_id == "10de:2684"


def test_no_gpu_counted_is_no_gpu(look: Look) -> None:  # N08
    machine = look(nvml=FakeNvml())
    assert machine.devices == () and machine.unreadable == () and machine.driver == "580.159.04"


def test_a_count_that_fails_is_unreadable_hardware_if_there_is_any(look: Look) -> None:  # N08
    machine = look(ON_BUS, nvml=FakeNvml(count=error(999)))
    assert machine.devices[0].total is None and machine.unreadable


@pytest.mark.parametrize("code", [15, 11, 8, 16, 14])  # N09
def test_a_lost_gpu_leaves_the_others_readable(look: Look, code: int) -> None:
    cards = [Card(uuid=f"GPU-{i}", bus=f"0000000{i}:01:00.0") for i in range(3)]
    cards[1].handle = error(code)
    machine = look(nvml=FakeNvml(*cards))
    assert [device.total for device in machine.devices] == [24564 * MIB, None, 24564 * MIB]
    assert len(machine.unreadable) == 1 and machine.unreadable[0].startswith("GPU 1: ")


def test_a_lost_gpu_is_named_by_the_chip_that_no_other_is(look: Look) -> None:  # N09
    chips = {**pci("0000:01:00.0", "0x10de", "0x2684"), **pci("0000:02:00.0", "0x10de", "0x2204")}
    machine = look(chips, nvml=FakeNvml(Card(), Card(handle=error(15))))
    assert [(device.name, device.pci_bus) for device in machine.devices] == [
        ("NVIDIA GeForce RTX 4090", "0000:01:00.0"),
        ("GeForce RTX 3090", "0000:02:00.0"),
    ]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (b"Tesla T4", "Tesla T4"),
        ("Tesla T4 \0\0", "Tesla T4"),
        ("  NVIDIA L4  ", "NVIDIA L4"),
        (UnicodeDecodeError("utf-8", b"\xf8", 0, 1, "invalid start byte"), "GeForce RTX 4090"),  # of 10de:2684
        ("NVIDIA Graphics Device", "GeForce RTX 4090"),
    ],
)  # N10
def test_a_name_is_decoded_or_found_by_the_pci_id(look: Look, told: object, name: str) -> None:
    assert look(nvml=FakeNvml(Card(name=told))).devices[0].name == name


def test_a_name_that_nobody_knows_shows_the_pci_id(look: Look) -> None:  # N10
    broken = UnicodeDecodeError("utf-8", b"\xf8", 0, 1, "invalid start byte")
    device = look(nvml=FakeNvml(Card(name=broken, device_id=0xFFFE10DE))).devices[0]
    assert device.name == "unknown (10de:fffe)"
    assert device.gpu is None and any("not in the catalog" in note for note in device.notes)


@pytest.mark.parametrize("code", [13, 25])  # N11
def test_an_old_driver_is_asked_by_the_first_version(look: Look, code: int) -> None:
    device = look(nvml=FakeNvml(Card(memory_v2=error(code)))).devices[0]
    assert (device.total, device.memory_from) == (24564 * MIB, "NVML memory v1")


def test_gb10_shares_the_systems_memory(look: Look) -> None:  # N12
    card = Card("NVIDIA GB10", memory=error(3), memory_v2=error(3), capability=(12, 1), device_id=0x2E1210DE)
    meminfo = {"/proc/meminfo": "MemTotal: 127600748 kB\nMemAvailable: 118000000 kB\nMemFree: 3000000 kB\n"}
    machine = look(meminfo, nvml=FakeNvml(card), architecture="aarch64")
    device = machine.devices[0]
    assert (device.total, device.free) == (127600748 * KIB, 118000000 * KIB)
    assert device.unified and device.gpu == "gb10" and device.bandwidth == 273e9
    assert machine.cpu.bandwidth_from == "catalog: memory shared with gb10" or "platform" in (
        machine.cpu.bandwidth_from or ""
    )


def test_a_device_without_a_byte_shares_the_systems_memory(look: Look) -> None:  # N13
    device = look(nvml=FakeNvml(Card("NVIDIA N1X", memory=(0, 0), capability=error(13), device_id=0x2E0310DE))).devices[
        0
    ]
    assert device.unified and device.total == 131072000 * KIB


def test_a_discrete_card_without_memory_calls_is_unreadable(look: Look) -> None:  # N14
    machine = look(nvml=FakeNvml(Card(memory=error(3), memory_v2=error(3))))
    assert machine.devices[0].total is None and not machine.devices[0].unified
    assert "memory: not supported" in machine.unreadable[0]


def test_a_vgpu_without_memory_calls_is_assumed_by_its_profile(look: Look) -> None:  # N14
    card = Card("GRID A100-40C", memory=error(3), memory_v2=error(3), capability=(8, 0), device_id=0)
    assert look(nvml=FakeNvml(card)).devices[0].total == 40 * GIB


MIG_PARENT = Card("NVIDIA A100-SXM4-80GB", memory=error(4), memory_v2=error(4), capability=(8, 0), device_id=0x20B210DE)
SLICE_10 = Card("NVIDIA A100-SXM4-80GB MIG 1g.10gb", (9728, 9700), capability=error(3), uuid="MIG-aaaa", device_id=0)
SLICE_40 = Card("NVIDIA A100-SXM4-80GB MIG 3g.40gb", (40192, 40100), capability=error(3), uuid="MIG-bbbb", device_id=0)


def test_mig_instances_are_devices_and_their_parent_is_not(look: Look) -> None:  # N15, N16
    machine = look(nvml=FakeNvml(replace(MIG_PARENT, mig={0: SLICE_10, 2: SLICE_40})))
    assert [(d.kind, d.total, d.uuid) for d in machine.devices] == [
        ("mig", 9728 * MIB, "MIG-aaaa"),
        ("mig", 40192 * MIB, "MIG-bbbb"),
    ]
    assert machine.unreadable == ()
    assert all(d.compute_capability == "8.0" and "one MIG instance per process" in d.notes[-1] for d in machine.devices)
    # its share of the card's 2039 GB/s goes with its share of 81920 MiB (one eighth is 9728 with the overhead taken off)
    assert machine.devices[0].bandwidth == pytest.approx(2039e9 / 8, rel=0.06)


def test_mig_without_an_instance_offers_nothing(look: Look) -> None:  # N16
    machine = look(nvml=FakeNvml(replace(MIG_PARENT, mig={})))
    assert machine.devices == () and any("has no instance" in note for note in machine.notes)


def test_an_absurd_total_is_not_believed(look: Look) -> None:  # N17
    machine = look(nvml=FakeNvml(Card(memory=(17592186044134, 1))))
    assert machine.devices[0].total is None
    assert "absurd" in machine.unreadable[0]


def test_more_free_than_total_is_clamped_and_said(look: Look) -> None:  # N17
    device = look(nvml=FakeNvml(Card(memory=(24564, 30000)))).devices[0]
    assert device.free == device.total == 24564 * MIB
    assert any("taken as all free" in note for note in device.notes)


def test_free_is_the_drivers_and_not_a_difference(look: Look) -> None:  # N18
    device = look(nvml=FakeNvml(Card(memory=(24564, 20000)))).devices[0]
    assert (device.free, device.reserved) == (20000 * MIB, 600 * MIB)


@pytest.mark.parametrize(
    ("name", "mib", "gpu"),
    [
        ("Tesla T4", 15360, "t4"),
        ("NVIDIA A10G", 23028, "a10g"),
        ("NVIDIA GeForce RTX 4090", 24564, "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", 49140, "rtx-4090-48gb-modded"),
        ("NVIDIA GeForce RTX 2080 Ti", 22528, "rtx-2080-ti-22gb-modded"),
        ("NVIDIA GeForce RTX 3060", 8192, "rtx-3060-8gb"),
        ("NVIDIA GeForce RTX 3060", 12288, "rtx-3060-12gb"),
        ("NVIDIA GeForce RTX 5060 Ti", 8151, "rtx-5060-ti-8gb"),
        ("NVIDIA GeForce RTX 5060 Ti", 16311, "rtx-5060-ti-16gb"),
        ("NVIDIA H100 80GB HBM3", 81559, "h100-sxm5-80gb"),
        ("NVIDIA H100 NVL", 95830, "h100-nvl-94gb"),
        ("NVIDIA H200", 143771, "h200-sxm"),
    ],
)  # N19
def test_one_name_with_two_memories_is_two_cards(look: Look, name: str, mib: int, gpu: str) -> None:
    card = Card(name, (mib, mib), device_id=0)
    assert look(nvml=FakeNvml(card)).devices[0].gpu == gpu


def test_two_identical_cards_are_two(look: Look) -> None:  # N20
    machine = look(nvml=FakeNvml(Card(uuid="GPU-1"), Card(uuid="GPU-2", bus="00000000:02:00.0")))
    assert [device.pci_bus for device in machine.devices] == ["0000:01:00.0", "0000:02:00.0"]


@pytest.mark.parametrize("code", [3, 13])  # N22
def test_a_capability_the_driver_does_not_tell_is_the_catalogues(look: Look, code: int) -> None:
    assert look(nvml=FakeNvml(Card(capability=error(code)))).devices[0].compute_capability == "8.9"


@pytest.mark.parametrize(
    ("told", "cuda"),
    [(12080, "12.8"), (b"12.8", "12.8"), ("12080", "12.8"), (13000, "13.0"), (error(13), None), (None, None)],
)  # N23
def test_the_cuda_version_is_read_in_every_spelling(look: Look, told: object, cuda: str | None) -> None:
    machine = look(nvml=FakeNvml(Card(), cuda=told, driver=b"560.35.03"))
    assert (machine.cuda, machine.driver) == (cuda, "560.35.03")


@pytest.mark.parametrize("told", [[], error(4), error(7), None])  # N24
def test_processes_that_cannot_be_listed_are_nobody(look: Look, told: object) -> None:
    assert look(nvml=FakeNvml(Card(processes=told))).devices[0].used_by == ()


def test_processes_are_named_with_what_they_hold(look: Look) -> None:  # N24
    holders = [SimpleNamespace(pid=7, usedGpuMemory=None), SimpleNamespace(pid=4242, usedGpuMemory=3 * GIB)]
    device = look({"/proc/4242/comm": "python\n"}, nvml=FakeNvml(Card(processes=holders))).devices[0]
    assert device.used_by == ("python (pid 4242) 3.00 GiB", "a process (pid 7) an unknown size")


def test_a_shutdown_that_fails_changes_nothing(look: Look) -> None:  # N25
    nvml = FakeNvml(Card(), shutdown=error(1))
    assert look(nvml=nvml).devices[0].total == 24564 * MIB
    assert nvml.calls == ["shutdown"]


def test_a_call_that_hangs_ends_the_waiting_not_the_probe(look: Look) -> None:  # N26
    cards = [Card(uuid="GPU-1"), Card(uuid="GPU-2", delay=30), Card(uuid="GPU-3")]
    start = time.monotonic()
    machine = look(nvml=FakeNvml(*cards), timeout=0.2)
    assert time.monotonic() - start < 5
    assert [device.uuid for device in machine.devices] == ["GPU-1"]
    assert machine.unreadable == ("GPU 1: NVML gave no answer in 0.2 s", "GPU 2: NVML gave no answer in 0.2 s")


def test_an_nvml_that_hangs_at_once_leaves_it_to_nvidia_smi(look: Look) -> None:  # N26
    machine = look(
        ON_BUS, nvml=FakeNvml(Card(delay=30)), timeout=0.2, outputs={"nvidia-smi": CommandOutput(SMI_ROW, 0)}
    )
    assert machine.devices[0].memory_from == "nvidia-smi" and machine.driver == "560.35.03"


def test_errors_are_neither_hashed_nor_compared(look: Look) -> None:  # N27
    everything = Card(
        name=error(999), memory=error(999), memory_v2=error(999), capability=error(999), uuid=error(999), processes=error(999), ecc=error(999)
    )  # fmt: skip
    with pytest.raises(TypeError):
        hash(error(3))  # what must not be done is indeed an error
    machine = look(nvml=FakeNvml(everything, cuda=error(999), driver=error(999), shutdown=error(999)))
    assert machine.devices[0].total is None and machine.unreadable


@pytest.mark.parametrize(
    ("name", "mib", "kind", "gpu"),
    [
        ("GRID A100-40C", 40960, "vgpu", "a100-sxm4-40gb"),
        ("NVIDIA A16-4Q", 4096, "vgpu", "a16"),
        ("NVIDIA L40S", 46068, "gpu", "l40s"),
    ],
)  # N28
def test_a_vgpu_is_known_by_its_profile_and_has_the_drivers_memory(
    look: Look, name: str, mib: int, kind: str, gpu: str
) -> None:
    device = look(nvml=FakeNvml(Card(name, (mib, mib), device_id=0))).devices[0]
    assert (device.kind, device.total, device.gpu) == (kind, mib * MIB, gpu)


def test_form_factors_are_no_vgpu_profiles() -> None:
    assert not any(
        map(is_vgpu, ["NVIDIA A100-PCIE-40GB", "NVIDIA H100 80GB HBM3", "Tesla V100-SXM2-32GB", "NVIDIA RTX A6000"])
    )


def test_a_placeholder_without_a_chip_is_no_gpu(look: Look) -> None:  # N30
    machine = look(nvml=FakeNvml(Card("JMJWOA-Generic-GPU", device_id=0)))
    assert machine.devices == () and any("placeholder" in note for note in machine.notes)


@pytest.mark.parametrize(
    "sign", [pci("0000:01:00.0", "0x10de", "0x2e2a"), {"/sys/class/dmi/id/product_name": "NVIDIA_DGX_Spark"}]
)  # N30
def test_a_placeholder_with_a_chip_is_believed(look: Look, sign: dict[str, str]) -> None:
    machine = look(
        sign, nvml=FakeNvml(Card("JMJWOA-Generic-GPU", memory=error(3), memory_v2=error(3), capability=(12, 1)))
    )
    assert machine.devices[0].unified


def test_a_memory_limit_of_the_container_is_the_total(look: Look) -> None:
    device = look(nvml=FakeNvml(Card()), environ={"CUDA_DEVICE_MEMORY_LIMIT_0": "8000m"}).devices[0]
    assert device.total == device.free == 8000 * MIB


def test_a_jetson_without_nvml_is_known_by_its_device_tree(look: Look) -> None:
    machine = look(
        {
            "/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
            "/proc/meminfo": "MemTotal: 64353212 kB\nMemAvailable: 60000000 kB",
        },
        architecture="aarch64",
    )
    device = machine.devices[0]
    assert device.unified and device.total == 64353212 * KIB
    assert (device.name, device.bandwidth) == ("Orin (nvgpu)", 204.8e9)


def test_a_container_without_gpu_access_is_told_from_a_box_without_gpu(look: Look) -> None:
    machine = look({"/proc/driver/nvidia/version": "NVRM version: 580"}, nvml=FakeNvml(init=error(12)))
    assert machine.devices == () and any(note.startswith("NVIDIA:") for note in machine.notes)


def test_the_limit_of_the_container_replaces_memory_that_is_not_told(look: Look) -> None:
    card = Card(memory=error(3), memory_v2=error(3))
    device = look(nvml=FakeNvml(card), environ={"CUDA_DEVICE_MEMORY_LIMIT": "4g"}).devices[0]
    assert device.total == 4 * GIB and not any(note.startswith("memory:") for note in device.notes)


def test_a_gpu_whose_memory_nvidia_smi_does_not_know_is_unreadable(look: Look) -> None:
    machine = look(ON_BUS, outputs={"nvidia-smi": CommandOutput(SMI_ROW.replace("24564", "[N/A]"), 0)})
    assert machine.devices[0].total is None
    assert machine.unreadable == ("NVIDIA GeForce RTX 4090: its memory could not be read",)
    assert any(note.startswith("NVML: nvidia-ml-py is not installed") for note in machine.notes)


def test_gb10_is_unified_through_nvidia_smi_too(look: Look) -> None:
    row = "0, GPU-1, 0000000F:01:00.0, 0x2E1210DE, 0x0, NVIDIA GB10, [N/A], [N/A], 12.1, 580.95.05\n"
    machine = look(pci("000f:01:00.0", "0x10de", "0x2e12"), outputs={"nvidia-smi": CommandOutput(row, 0)})
    assert machine.devices[0].unified and machine.unreadable == ()
