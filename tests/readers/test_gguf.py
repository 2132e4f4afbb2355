"""The GGUF header reader, and what it makes of whole models."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.readers import read_model
from qwenpick.readers.gguf import read_header
from tests.readers.making import gguf, gguf_of, string, write

SMALL = {"general.architecture": "qwen3", "qwen3.block_count": 1}
ROWS = [("token_embd.weight", (64, 256), "Q4_K"), ("output_norm.weight", (256,), "F32")]


@pytest.mark.parametrize(
    "name",
    [
        "qwen-7b",
        "qwen2-7b",
        "qwen2-0.5b",
        "qwen3-8b",
        "qwen3-30b-a3b",
        "qwen1.5-moe-a2.7b",
        "qwen3-next-80b-a3b",
        "qwen3.5-27b",
    ],
)
def test_a_whole_gguf_file_is_recognised_by_its_shape(name: str, catalog: Catalog, tmp_path: Path) -> None:
    architecture = catalog.architectures[name]
    header, data = gguf_of(architecture)
    reading = read_model(str(write(tmp_path / "weights.gguf", header, data)), catalog)
    assert (reading.architecture.gguf_arch, reading.architecture.layer_list) == (
        architecture.gguf_arch,
        architecture.layer_list,
    )
    assert reading.architecture.mlp == architecture.mlp
    assert reading.checkpoints[0].format == "Q8_0"


def test_the_bytes_of_a_gguf_file_are_exact(tmp_path: Path, catalog: Catalog) -> None:
    # Qwen3-8B in Q8_0: (8,190,735,360 - 308,224 vector elements) x 34/32 + 308,224 x 4. Vectors: 36 x (2 x 4,096 + 2 x 128) + 4,096.
    header, data = gguf_of(catalog.architectures["qwen3-8b"])
    reading = read_model(str(write(tmp_path / "Qwen3-8B-Q8_0.gguf", header, data)), catalog)
    vectors = 36 * (2 * 4096 + 2 * 128) + 4096
    assert vectors == 308_224
    assert reading.checkpoints[0].bytes == (8_190_735_360 - vectors) * 34 // 32 + vectors * 4 == 8_703_561_728


def test_a_files_name_says_which_model_it_is(tmp_path: Path, catalog: Catalog) -> None:
    header, data = gguf_of(catalog.architectures["qwen3-8b"])
    same = read_model(str(write(tmp_path / "Qwen3-8B-Q8_0.gguf", header, data)), catalog).model
    assert (
        same.capabilities == catalog.models["qwen3-8b"].capabilities
        and same.licence == catalog.models["qwen3-8b"].licence
    )
    tuned = read_model(str(write(tmp_path / "bluebird.gguf", header, data)), catalog).model
    assert tuned.series == "Qwen3" and tuned.context == catalog.models["qwen3-8b"].context
    assert tuned.licence.commercial_use == "unknown" and "Qwen3-8B" in tuned.licence.clause


def test_split_files_are_one_model(tmp_path: Path, catalog: Catalog) -> None:
    first, data = gguf({**SMALL, "split.count": 2, "split.no": 0}, ROWS)
    second, more = gguf({"split.count": 2, "split.no": 1}, [("blk.0.ffn_down.weight", (256, 512), "Q4_K")])
    path = write(tmp_path / "m-00001-of-00002.gguf", first, data)
    with pytest.raises(QwenpickError, match=r"m-00002-of-00002.gguf' is missing: the model has 2 files"):
        read_model(str(path), catalog)
    write(tmp_path / "m-00002-of-00002.gguf", second, more)
    with pytest.raises(QwenpickError, match=r"attention\.head_count is missing"):
        read_model(str(path), catalog)


def test_a_real_file_of_the_gguf_library_is_read() -> None:
    """Written by gguf 0.19's GGUFWriter, and cut after its header: 24 tensors, alignment 32, data at byte 7,040."""
    path = Path(__file__).parent / "written-by-gguf-library.header"
    with pytest.raises(QwenpickError, match="tensors end at byte 774,656, the file at 7,040: it is cut off"):
        read_header(path)


def test_a_real_file_of_the_gguf_library_has_its_size(tmp_path: Path) -> None:
    header = (Path(__file__).parent / "written-by-gguf-library.header").read_bytes()
    file = read_header(write(tmp_path / "whole.gguf", header, 767_616))
    assert (file.data, file.size, len(file.tensors)) == (7040, 774_656, 24)
    # 1 x 64 rows of embedding, 2 layers of v (128 rows) and down (256 rows of 512) in Q6_K: 210 bytes per 256 weights
    assert sum(t.bytes for t in file.tensors if t.type == "Q6_K") == (64 + 2 * 128 + 2 * 512) * 210
    assert file.metadata["general.name"] == "Tiny Qwen3" and file.metadata["tokenizer.chat_template"] is None


def header(**changes: bytes) -> bytes:
    parts = {
        "magic": b"GGUF",
        "version": struct.pack("<I", 3),
        "tensors": struct.pack("<Q", 0),
        "keys": struct.pack("<Q", 0),
        "rest": b"\0" * 64,
    }
    return b"".join((parts | changes).values())


KEY = struct.pack("<Q", 1)
ONE_TENSOR = struct.pack("<Q", 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cut off"),
        (b"GGUF", "cut off"),
        (header(magic=b"GGML"), "does not begin with 'GGUF'"),
        (header(version=struct.pack("<I", 1)), "version is 1; 2 and 3"),
        (header(version=struct.pack(">I", 3)), "big-endian"),
        (header(tensors=struct.pack("<Q", 2**63)), "claims 9,223,372,036,854,775,808 tensors"),
        (header(keys=struct.pack("<Q", 2**64 - 1)), "claims 18,446,744,073,709,551,615 metadata keys"),
        (header(keys=KEY, rest=struct.pack("<Q", 2**63) + b"\0" * 64), "a name of 9,223,372,036,854,775,808 bytes"),
        (header(keys=KEY, rest=string("k") + struct.pack("<IQ", 8, 2**63)), "cut off"),
        (
            header(keys=KEY, rest=string("k") + struct.pack("<IIQ", 9, 8, 2**62)),
            "claims 4,611,686,018,427,387,904 strings",
        ),
        (header(keys=KEY, rest=string("k") + struct.pack("<IIQ", 9, 4, 2**61)), "array elements"),
        (header(keys=KEY, rest=string("k") + struct.pack("<IIQ", 9, 9, 1) + b"\0" * 20), "array of the unknown type 9"),
        (header(keys=KEY, rest=string("k") + struct.pack("<I", 99) + b"\0" * 20), "value of the unknown type 99"),
        (header(keys=struct.pack("<Q", 2), rest=(string("k") + struct.pack("<II", 4, 1)) * 2), "'k' appears twice"),
        (header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<I", 9) + b"\0" * 64), "has 9 dimensions"),
        (
            header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<IQIQ", 1, 2**63, 0, 0) + b"\0" * 32),
            "cannot have the shape",
        ),
        (
            header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<IQIQ", 1, 100, 12, 0) + b"\0" * 64),
            "Q4_K cannot have the shape",
        ),
        (
            header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<IQIQ", 1, 4, 77, 0) + b"\0" * 32),
            "unknown type 77",
        ),
        (header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<IQIQ", 1, 4, 0, 2**63) + b"\0" * 32), "cut off"),
        (header(tensors=ONE_TENSOR, rest=string("t") + struct.pack("<IQIQ", 1, 4, 0, 7) + b"\0" * 32), "not aligned"),
    ],
)
def test_a_damaged_header_gets_a_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(QwenpickError, match=sentence):
        read_header(path)


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"general.architecture": "llama"}, "GGUF architecture 'llama' is not a Qwen's"),
        ({"general.architecture": "clip"}, "vision projector"),
        ({"general.architecture": 7}, "architecture '7'"),
        ({}, "architecture 'None'"),
        ({"general.architecture": "qwen3"}, "block_count is missing"),
        ({"general.architecture": "qwen3", "qwen3.block_count": 2**31}, "block_count is"),
        (
            {"general.architecture": "qwen3", "qwen3.block_count": 1, "qwen3.attention.head_count": "many"},
            "head_count is 'many'",
        ),
    ],
)
def test_a_gguf_of_something_else_gets_a_sentence(
    metadata: dict[str, object], sentence: str, tmp_path: Path, catalog: Catalog
) -> None:
    header, data = gguf(metadata, [*ROWS, ("blk.0.ffn_down.weight", (256, 512), "Q4_K")])
    with pytest.raises(QwenpickError, match=sentence):
        read_model(str(write(tmp_path / "m.gguf", header, data)), catalog)
