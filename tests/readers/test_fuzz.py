"""Damaged files: whatever is changed in a good one, the answer is a model or a sentence, soon and in little memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.readers import config, read_model
from tests.readers.making import safetensors, write

GGUF = (Path(__file__).parent / "written-by-gguf-library.header").read_bytes()
SAFETENSORS = safetensors(
    {"a.weight": ("BF16", (4, 8), 64), "b.weight": ("I32", (2, 2), 16), "c": ("F8_E4M3", (3,), 3)}
)
CONFIGS = [json.loads(p.read_text()) for p in sorted((Path(__file__).parent / "configs").glob("*.json"))]
WORDS = (
    b"\xff" * 8,
    b"\0" * 8,
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\0\0\0\0\0\0\0\x80",
    b"\x01\0\0\0",
    b"GGUF",
    b"\x09\0\0\0\x09\0\0\0",
)
EDIT = st.tuples(
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.sampled_from(WORDS), st.binary(min_size=1, max_size=9)),
    st.booleans(),
)
EDITS = st.lists(EDIT, min_size=1, max_size=6)
QUICK = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def edited(data: bytes, edits: list[tuple[float, bytes, bool]], keep: float) -> bytes:
    """`data` with bytes overwritten or put in, then cut to a share of its length."""
    for where, new, insert in edits:
        at = int(where * len(data))
        data = data[:at] + new + data[at if insert else at + len(new) :]
    return data[: int(keep * len(data)) + 1]


def read_soon(text: str, catalog: Catalog) -> None:
    """Read it; a sentence is right, anything else is a failure, and so are two seconds."""
    begin = time.process_time()
    try:
        read_model(text, catalog)
    except QwenpickError as sentence:
        assert "\n" not in str(sentence) and len(str(sentence)) < 2000
    assert time.process_time() - begin < 2


@QUICK
@given(edits=EDITS, keep=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.01]))
def test_a_damaged_gguf_file_is_a_model_or_a_sentence(
    edits: list[tuple[float, bytes, bool]], keep: float, tmp_path: Path, catalog: Catalog
) -> None:
    read_soon(str(write(tmp_path / "m.gguf", edited(GGUF, edits, keep), 767_616)), catalog)


@QUICK
@given(edits=EDITS, keep=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.01]))
def test_a_damaged_safetensors_file_is_a_model_or_a_sentence(
    edits: list[tuple[float, bytes, bool]], keep: float, tmp_path: Path, catalog: Catalog
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[0]))
    write(tmp_path / "model.safetensors", edited(SAFETENSORS[0], edits, keep), SAFETENSORS[1])
    read_soon(str(tmp_path), catalog)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@QUICK
@given(data=st.data())
def test_a_damaged_config_is_a_model_or_a_sentence(data: st.DataObject, tmp_path: Path, catalog: Catalog) -> None:
    damaged = json.loads(json.dumps(data.draw(st.sampled_from(CONFIGS))))
    for _ in range(data.draw(st.integers(1, 3))):
        table = damaged
        while (
            isinstance(inner := table[key := data.draw(st.sampled_from(sorted(table)))], dict)
            and inner
            and data.draw(st.booleans())
        ):
            table = inner
        table[key] = data.draw(JUNK)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(damaged))
    read_soon(str(path), catalog)


@given(table=st.dictionaries(st.sampled_from([*sorted(CONFIGS[0]), "quantization_config", "text_config"]), JUNK))
def test_a_config_of_junk_gets_a_sentence(table: dict[str, object]) -> None:
    with pytest.raises(QwenpickError):
        config.shape(table)


def test_a_file_of_zero_strings_takes_little_memory_and_time(tmp_path: Path, catalog: Catalog) -> None:
    """A header that claims 300,000 empty strings, all really there: 2.4 MB are walked through, none is kept."""
    import struct

    count = 300_000
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, count)
    path = write(tmp_path / "m.gguf", header, 8 * count + 64)
    tracemalloc.start()
    begin = time.process_time()
    with pytest.raises(QwenpickError, match="architecture 'None'"):
        read_model(str(path), catalog)
    seconds, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20 and seconds < 10  # tracing slows it about fivefold
