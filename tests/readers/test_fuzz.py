"""Damaged files: whatever is changed in a good one, the answer is a model or a sentence, soon and in little memory."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.readers import config, read_model
from tests.fuzz.inputs import KINDS
from tests.readers.making import write

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    *json.loads((Path(__file__).parent / "configs" / "Qwen3-8B.json").read_text()),
    "quantization_config",
    "text_config",
)


@pytest.mark.parametrize("kind", ["ggufs", "weights", "configs"])
def test_a_damaged_file_is_a_model_or_a_sentence(kind: str, tmp_path: Path, catalog: Catalog) -> None:
    """A sentence is right, anything else is a failure, and so are two seconds."""
    for case in islice(KINDS[kind](1, tmp_path), 100):
        begin = time.process_time()
        try:
            read_model(case.arguments[1], catalog)
        except QwenpickError as sentence:
            assert "\n" not in str(sentence) and len(str(sentence)) < 2000
        assert time.process_time() - begin < 2


@given(table=st.dictionaries(st.sampled_from(FIELDS), JUNK))
def test_a_config_of_junk_gets_a_sentence(table: dict[str, object]) -> None:
    with pytest.raises(QwenpickError):
        config.shape(table)


def test_a_file_of_zero_strings_takes_little_memory_and_time(tmp_path: Path, catalog: Catalog) -> None:
    """A header that claims 300,000 empty strings, all really there: 2.4 MB are walked through, none is kept."""
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
