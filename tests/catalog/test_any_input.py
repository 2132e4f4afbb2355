"""Whatever people type or write into a file, the answer is an entry or one sentence."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import find_gpu, find_model, load, match_gpu
from qwenpick.catalog.check import faults
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from tests.catalog.shipped import merged

CATALOG = load(own=False)
WORDS = [
    "rtx",
    "4090",
    "2x",
    "x2",
    "m4",
    "max",
    "128gb",
    "qwen3",
    "8b",
    ":",
    "/",
    "-",
    "a100",
    "laptop",
    "q4_K_M",
    " ",
    "base",
    "0",
    "gguf",
    "h100",
]
NAMES = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=6).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
)
SIZES = st.one_of(st.none(), st.integers(1, 2**45))


@given(NAMES)
def test_any_name_is_a_model_or_a_sentence(name: str) -> None:
    with contextlib.suppress(QwenpickError):
        assert find_model(CATALOG, name).id in CATALOG.models


@given(NAMES)
def test_any_name_is_a_gpu_or_a_sentence(name: str) -> None:
    with contextlib.suppress(QwenpickError):
        assert find_gpu(CATALOG, name).id in CATALOG.gpus


@given(NAMES, SIZES, st.one_of(st.none(), st.from_regex(r"\A[0-9a-f]{4}:[0-9a-f]{4}\Z")))
def test_any_device_is_matched_or_not(name: str, total: int | None, pci_id: str | None) -> None:
    gpu = match_gpu(CATALOG, name, total, pci_id)
    assert gpu is None or gpu.id in CATALOG.gpus


@given(st.lists(NAMES, max_size=2), SIZES, SIZES, st.booleans())
def test_any_options_are_a_machine_or_a_sentence(
    gpus: list[str], vram: int | None, ram: int | None, cpu_only: bool
) -> None:
    with contextlib.suppress(QwenpickError):
        machine = simulate(CATALOG, gpus, vram, ram, cpu_only)
        assert all(0 <= (device.free or 0) <= (device.total or 0) for device in machine.devices)


# YAML of any shape, and shipped entries with a field replaced by anything.
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "kind", "name", "layers", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["architectures", "models", "gpus", "cloud"]), st.integers(0, 10**6), st.integers(0, 10**6), VALUES
)
def test_a_field_of_any_value_is_right_or_a_sentence(kind: str, entry: int, field: int, value: object) -> None:
    import yaml

    entries = list(merged()[kind].values())
    record = dict(entries[entry % len(entries)])
    record[list(record)[field % len(record)]] = value
    for problem in faults(yaml.safe_dump({kind: [record]}).encode(), merged()):
        assert problem.startswith("line ") and "\n" not in problem


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_bytes_of_any_kind_are_a_file_or_a_sentence(content: bytes) -> None:
    assert all("\n" not in problem for problem in faults(content, merged()))


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    from qwenpick.catalog.check import check

    assert check(tmp_path) == [f"'{tmp_path}' is not a regular file"]
