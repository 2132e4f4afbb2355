"""RAM bandwidth: measured when asked, remembered for this box, and said where it is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwenpick.machine.hardware import Cpu, Machine
from qwenpick.machine.probe.bandwidth import box_key, measure_bandwidth, measured, remember, remembered
from qwenpick.units import GIB, MIB


@pytest.mark.parametrize("threads", [1, 2])
def test_a_copy_moves_bytes_at_the_speed_of_a_memory(threads: int) -> None:
    # a Raspberry Pi moves 2 GB/s, sixteen threads out of the cache less than 5 TB/s
    assert 1e9 < measure_bandwidth(threads, size=32 * MIB, rounds=1) < 5e12


def test_a_measurement_is_remembered_for_its_box_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "bandwidth.json"
    assert remember("box a", 80e9, file) and remember("box b", 40e9, file)
    assert (remembered("box a", file), remembered("box b", file), remembered("box c", file)) == (80e9, 40e9, None)


@pytest.mark.parametrize("content", ["", "[]", '{"box": "fast"}', '{"box": -1}', "\0"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bandwidth.json"
    file.write_text(content)
    assert remembered("box", file) is None
    assert remember("box", 1e9, file) and remembered("box", file) == 1e9


def test_a_memory_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not remember("box", 1e9, tmp_path / "file" / "bandwidth.json")


def test_the_machine_says_that_it_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "bandwidth.json"
    machine = measured(Machine(cpu=Cpu(name="X", usable_cores=1.0), ram_installed=16 * GIB), file)
    assert machine.sources["cpu.bandwidth"].startswith("measured")
    assert remembered("X, 1.0 CPUs, 16 GiB", file) == pytest.approx(machine.cpu.bandwidth, rel=1e-6)


def test_the_key_tells_boxes_apart() -> None:
    assert box_key(Cpu(name="X", usable_cores=8.0), 16 * GIB) != box_key(Cpu(name="X", usable_cores=4.0), 16 * GIB)
    assert box_key(Cpu(), None) == "unknown CPU, ? CPUs, ? GiB"
