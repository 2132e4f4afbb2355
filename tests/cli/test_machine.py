"""`qwenpick machine` and `qwenpick doctor`: what they print, save and exit with."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from qwenpick.machine.file import from_json, read, save
from tests.conftest import Run


def test_a_box_shows_what_it_has_what_may_be_used_and_why(qwenpick: Run, machines: Path) -> None:
    out = qwenpick("machine", "--machine", str(machines / "container-8gib.json")).out
    # memory.max 8 GiB, memory.current 700 MiB of which 200 MiB are inactive page cache: 8192 - 500 = 7692 MiB
    row = next(line for line in out.splitlines() if line.strip().startswith("RAM  "))
    assert row.split()[1:5] == ["62.79", "GiB", "7.51", "GiB"]
    assert "8.00 GiB allowed" in row and "lets this process use 4 of 16 CPUs" in out


def test_what_is_saved_is_read_back(qwenpick: Run, machines: Path, tmp_path: Path) -> None:
    box, again = str(machines / "8x-h100.json"), tmp_path / "again.json"
    shown = json.loads(qwenpick("machine", "--machine", box, "--save", str(again), "--json").out)
    assert read(again) == read(Path(box)) == from_json(shown)
    assert len(shown["machine"]["devices"]) == 8


def test_a_pretended_box_can_be_saved(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "box.json"
    assert qwenpick("machine", "--gpu", "2x l40s", "--ram", "128GiB", "--save", str(file)).code == 0
    assert qwenpick("fit", "qwen3-8b", "--quant", "4bit", "--machine", str(file)).code == 0


def test_hardware_that_could_not_be_read_ends_with_3(qwenpick: Run, machines: Path, tmp_path: Path) -> None:
    box = replace(read(machines / "rtx-4090.json"), unreadable=("GPU 1: the GPU is lost (it fell off the bus)",))
    save(box, tmp_path / "box.json")
    result = qwenpick("machine", "--machine", str(tmp_path / "box.json"))
    assert result.code == 3 and "could not be read: GPU 1" in result.out


def test_hidden_and_busy_devices_are_shown(qwenpick: Run, machines: Path, tmp_path: Path) -> None:
    box = read(machines / "rtx-4090.json")
    device = replace(box.devices[0], used_by=("ollama (pid 7) 5.00 GiB",))
    other = replace(device, name="Other GPU", notes=("CUDA_VISIBLE_DEVICES=0 hides it",))
    save(replace(box, devices=(device,), hidden=(other,)), tmp_path / "box.json")
    out = qwenpick("machine", "--machine", str(tmp_path / "box.json")).out
    assert (
        "ollama (pid 7) 5.00 GiB" in out and "Other GPU (not used)" in out and "CUDA_VISIBLE_DEVICES=0 hides it" in out
    )


def test_measuring_is_for_this_box(qwenpick: Run, machines: Path) -> None:
    result = qwenpick("machine", "--measure", "--machine", str(machines / "l4.json"))
    assert result.code == 2 and "--measure measures this machine" in result.err


def test_a_measured_bandwidth_is_remembered(qwenpick: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = json.loads(qwenpick("machine", "--measure", "--json").out)["machine"]["cpu"]
    second = json.loads(qwenpick("machine", "--json").out)["machine"]["cpu"]
    assert first["bandwidth_from"].startswith("measured") and second["bandwidth"] == pytest.approx(
        first["bandwidth"], rel=1e-6
    )


@pytest.mark.parametrize("content", ["", "{}", '{"machine_version": 1, "ram_total": "64GiB"}'])
def test_a_file_that_is_no_machine_is_a_bad_request(qwenpick: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "box.json"
    file.write_text(content)
    result = qwenpick("machine", "--machine", str(file))
    assert result.code == 2 and str(file) in result.err and result.out == ""


def test_the_doctor_tells_programs_too(qwenpick: Run) -> None:
    result = qwenpick("doctor", "--json")
    document = json.loads(result.out)
    assert result.code == (0 if document["healthy"] else 1)
    assert all(
        finding["level"] in ("error", "warning", "advice") and finding["remedy"] for finding in document["findings"]
    )


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_the_doctor_tells_people_in_every_format(qwenpick: Run, form: str, machines: Path) -> None:
    result = qwenpick("doctor", "--format", form, "--machine", str(machines / "container-8gib.json"))
    assert result.code == 0 and "this process may use 8.0 GiB" in result.out


def test_the_doctor_ends_with_1_where_hardware_cannot_be_used(qwenpick: Run, machines: Path, tmp_path: Path) -> None:
    save(replace(read(machines / "l4.json"), unreadable=("GPU 1: the GPU needs a reset",)), tmp_path / "box.json")
    assert qwenpick("doctor", "--machine", str(tmp_path / "box.json")).code == 1


def test_the_doctor_has_nothing_to_say_of_a_healthy_box(qwenpick: Run, machines: Path) -> None:
    first, second = qwenpick("doctor", "--machine", str(machines / "rtx-4090.json")).out.splitlines()
    assert first == "Nothing wrong in this description." and "were not looked at" in second


def test_the_doctor_says_what_it_looked_at(qwenpick: Run) -> None:
    assert "nothing of a real machine was looked at" in qwenpick("doctor", "--gpu", "rtx 4090", "--ram", "64").out
    assert "looked at:" in qwenpick("doctor").out


def test_installed_engines_are_said_of_this_box_alone(
    qwenpick: Run, machines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "lms"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for command in ("machine", "doctor"):
        values = json.loads(qwenpick(command, "--json").out)
        assert {"name": "lmstudio", "title": "LM Studio", "path": str(program)} in values["engines"]
        assert "LM Studio (" in qwenpick(command).out
        saved = sorted(machines.glob("*.json"))[0]
        assert json.loads(qwenpick(command, "--machine", str(saved), "--json").out)["engines"] is None
