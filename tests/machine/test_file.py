"""A machine is written and read back value for value; what is no machine gets a sentence."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.file import MACHINE_VERSION, from_json, read, save, text, to_json
from qwenpick.machine.hardware import Cpu, Device, Machine
from qwenpick.units import GIB, MIB

BOXES = sorted((Path(__file__).parents[1] / "machines").glob("*.json"))
SIZES = st.none() | st.integers(0, 2**50)
TEXTS = st.text(max_size=20)


@st.composite
def devices(draw: st.DrawFn) -> Device:
    total = draw(SIZES)
    free = draw(st.none() | st.integers(0, total)) if total is not None else None
    vendor = draw(st.sampled_from(["nvidia", "amd", "intel", "apple", "ascend", "other"]))
    return Device(
        draw(TEXTS), vendor, total, free, bandwidth=draw(st.none() | st.floats(0, 1e15)), uuid=draw(st.none() | TEXTS),
        ecc=draw(st.none() | st.booleans()), notes=tuple(draw(st.lists(TEXTS, max_size=3))),
    )  # fmt: skip


@given(st.lists(devices(), max_size=3), SIZES, st.none() | st.floats(0, 1e6), st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_every_machine_comes_back_as_it_was(
    found: list[Device], ram: int | None, cores: float | None, sources: dict[str, str]
) -> None:
    machine = Machine(tuple(found), ram, ram, Cpu("x", usable_cores=cores), hidden=tuple(found), sources=sources)
    assert from_json(json.loads(text(machine))) == machine


@pytest.mark.parametrize("box", BOXES, ids=lambda path: path.stem)
def test_a_saved_box_is_read_and_written_byte_for_byte(box: Path, tmp_path: Path) -> None:
    machine = from_json(json.loads(box.read_text()))
    save(machine, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == box.read_bytes()


@pytest.mark.parametrize("box", BOXES, ids=lambda path: path.stem)
def test_a_saved_box_names_gpus_that_the_catalogue_has(box: Path, catalog: Catalog) -> None:
    machine = read(box)
    assert machine.origin == "file" and machine.unreadable == ()
    assert all(device.gpu in catalog.gpus and device.total and device.bandwidth for device in machine.devices)


def test_the_boxes_that_people_have_are_there() -> None:
    boxes = (
        "rtx-4090 2x-rtx-3090 8x-h100 l4 t4 strix-halo gb10 m3-max m4-max-128 cpu-laptop container-8gib mig-slice h200"
    )
    assert set(boxes.split()) <= {path.stem for path in BOXES}


def test_the_real_h200_says_what_its_own_tool_said() -> None:
    # nvidia-smi 580.159.04 at the same moment: 143771 MiB total, 143156 free, 616 reserved (it rounds up), capability 9.0, ECC enabled
    device = read(Path(__file__).parents[1] / "machines" / "h200.json").devices[0]
    assert (device.total, device.compute_capability, device.ecc, device.gpu) == (143771 * MIB, "9.0", True, "h200-sxm")
    assert device.free is not None and device.reserved is not None
    assert (round(device.free / MIB), math.ceil(device.reserved / MIB)) == (143156, 616)


def test_the_same_file_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    box = Path(__file__).parents[1] / "machines" / "2x-rtx-3090.json"
    command = [sys.executable, "-m", "qwenpick", "fit", "qwen3-8b", "--quant", "4bit", "--json", "--machine", str(box)]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2] / "src"), *sys.path]))
    here = {
        "PYTHONPATH": paths,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
    }
    elsewhere = {
        **here,
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HOME": "/none",
        "COLUMNS": "40",
        "LC_ALL": "C",
        "TZ": "Asia/Shanghai",
        "PYTHONHASHSEED": "7",
    }
    runs = [
        subprocess.run(command, env=e, cwd=tmp_path, capture_output=True, check=True).stdout for e in (here, elsewhere)
    ]
    assert runs[0] == runs[1] and json.loads(runs[0])["fits"] is True


def test_every_field_is_written() -> None:
    device = Device("x", "other", 1, 1)
    written = to_json(Machine(devices=(device,) * 2, nodes=2))
    assert set(written) == {"machine_version"} | {field.name for field in fields(Machine)}
    assert set(written) - set(to_json(Machine(devices=(device,)))) == {"nodes", "link"}
    assert set(written["devices"][0]) == {field.name for field in fields(Device)}


def test_the_envelope_of_the_command_is_read_too() -> None:
    machine = Machine(ram_total=GIB)
    assert from_json({"schema_version": "1.0", "command": "machine", "machine": to_json(machine)}) == machine


def test_a_field_that_is_left_out_is_not_known() -> None:
    assert from_json({"machine_version": MACHINE_VERSION, "ram_total": GIB}) == Machine(ram_total=GIB)


Change = Callable[[dict[str, Any]], object]
GOOD = to_json(Machine(devices=(Device("x", "nvidia", 10, 5),), ram_total=10, ram_free=5))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ram_total": "64GiB"}, 'ram_total is "64GiB"; it must be a whole number'),
        ({"ram_total": True}, "ram_total is true; it must be a whole number"),
        ({"ram_total": 1.5}, "ram_total is 1.5; it must be a whole number"),
        ({"ram_total": -1}, "ram_total is -1; it must be zero or more, and a size that exists"),
        ({"ram_total": 2**63}, f"ram_total is {2**63}; it must be zero or more, and a size that exists"),
        ({"ram_free": 11}, "ram_free is 11, more than the total of 10"),
        ({"ram": 1}, "ram is not a field of a machine"),
        ({"ram_fre": 1}, "ram_fre is not a field of a machine; did you mean ram_free?"),
        ({"system": None}, "system is null; it must be text"),
        ({"origin": "guess"}, 'origin is "guess"; known: probe, file, simulated'),
        ({"notes": "none"}, 'notes is "none"; it must be a list'),
        ({"cpu": []}, "cpu is []; it must be an object"),
        ({"cpu": {"features": [1]}}, "cpu.features[0] is 1; it must be text"),
        ({"sources": {"x": 1}}, "sources.x is 1; it must be text"),
        ({"devices": [{"name": "x"}]}, "devices[0] lacks vendor and total and free (null where it is not known)"),
        (
            {"devices": [{"name": "x", "vendor": "matrox", "total": None, "free": None}]},
            'devices[0].vendor is "matrox"',
        ),
        (
            {"devices": [{"name": "x", "vendor": "amd", "total": 1, "free": 2}]},
            "devices[0].free is 2, more than the total of 1",
        ),
        ({"devices": [{"name": "x", "vendor": ["amd"], "total": 1, "free": 1}]}, 'devices[0].vendor is ["amd"]'),
        ({"machine_version": 2}, "machine_version 2 is not known; this qwenpick reads 1"),
        ({"machine_version": None}, "not a machine: it has no machine_version"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(QwenpickError) as error:
        from_json({**GOOD, **change})
    assert sentence in str(error.value)


@pytest.mark.parametrize("document", [None, 1, "x", [], [GOOD], {}, {"machine": 1}])
def test_what_is_no_machine_at_all_is_said(document: object) -> None:
    with pytest.raises(QwenpickError, match="not a machine"):
        from_json(document)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"machine_version": NaN}', "NaN is not a number"),
        (b" " * (8 * 2**20 + 1), "at most 8 MiB of such a file is read"),
        (b'{"machine_version": 1, "cpu": {"bandwidth": Infinity}}', "Infinity is not a number"),
    ],
)
def test_a_hostile_file_gets_a_sentence_that_names_it(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "box.json"
    file.write_bytes(content)
    with pytest.raises(QwenpickError) as error:
        read(file)
    assert str(file) in str(error.value) and sentence in str(error.value)


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(QwenpickError, match="machine --save"):
        read(tmp_path / "box.json")


@pytest.mark.parametrize("act", [read, lambda path: save(Machine(), path)])
def test_a_directory_is_no_file(act: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(QwenpickError, match=r"cannot write|not a regular file"):
        act(tmp_path)


def test_a_file_that_leaves_memory_open_says_which_device_was_not_read(machines: Path, tmp_path: Path) -> None:
    saved = json.loads((machines / "l4.json").read_text(encoding="utf-8"))
    for device in saved["devices"]:
        device |= {"total": None, "free": None}
    file = tmp_path / "box.json"
    for unreadable in ([], [""]):
        file.write_text(json.dumps(saved | {"unreadable": unreadable}), encoding="utf-8")
        assert read(file).unreadable == ("the file does not say how much memory NVIDIA L4 has",)
    file.write_text(json.dumps(saved | {"unreadable": ["NVML: no permission"]}), encoding="utf-8")
    assert read(file).unreadable == ("NVML: no permission",)
    assert read(machines / "l4.json").unreadable == ()


def test_a_machine_is_handed_on_over_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(devices=(Device("x", "nvidia", GIB, GIB),), ram_total=GIB)
    envelope = json.dumps({"schema_version": "1.0", "command": "machine", "machine": to_json(machine)}).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(envelope)))
    assert read(Path("-")) == replace(machine, origin="file")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(QwenpickError, match="'-' is empty"):
        read(Path("-"))
