"""safetensors headers and model directories."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.readers import read_model
from qwenpick.readers.safetensors import read_header
from tests.readers.making import bf16_of, safetensors, write

CONFIGS = Path(__file__).parent / "configs"


def model_directory(path: Path, catalog: Catalog, **changes: object) -> Path:
    """Qwen3-8B in BF16 in two shards, weights as holes."""
    path.mkdir()
    config = json.loads((CONFIGS / "Qwen3-8B.json").read_text()) | changes
    (path / "config.json").write_text(json.dumps(config))
    entries = bf16_of(catalog.architectures["qwen3-8b"])
    names = sorted(entries)
    weight_map = {}
    for number, part in enumerate((names[:200], names[200:]), 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        write(path / file, *safetensors({n: entries[n] for n in part}))
        weight_map |= dict.fromkeys(part, file)
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return path


def test_a_directory_has_the_exact_bytes_of_its_tensors(catalog: Catalog, tmp_path: Path) -> None:
    reading = read_model(str(model_directory(tmp_path / "Qwen3-8B", catalog)), catalog)
    assert reading.checkpoints[0].bytes == 2 * 8_190_735_360  # parameters of Qwen3-8B x 2 bytes
    assert reading.checkpoints[0].format == "bf16" and reading.architecture.id == "qwen3-8b"
    assert reading.model.licence.id == catalog.models["qwen3-8b"].licence.id


def test_a_finetune_is_recognised_by_its_card(catalog: Catalog, tmp_path: Path) -> None:
    path = model_directory(tmp_path / "bluebird-v2", catalog)
    (path / "README.md").write_text("---\nlicense: mit\nbase_model: Qwen/Qwen3Guard-Gen-8B\n---\n# Bluebird\n")
    model = read_model(str(path), catalog).model
    assert (model.id, model.official, model.kind) == ("bluebird-v2", False, "guard")
    assert model.licence.id == "unknown" and "Qwen3Guard-Gen-8B" in model.licence.clause


def test_a_finetune_is_recognised_by_its_name(catalog: Catalog, tmp_path: Path) -> None:
    model = read_model(str(model_directory(tmp_path / "acme-qwen3-8b-base-sql", catalog)), catalog).model
    assert model.kind == "base" and "Qwen3-8B-Base" in (model.notes or "")


def test_a_shorter_context_in_the_config_wins(catalog: Catalog, tmp_path: Path) -> None:
    model = read_model(str(model_directory(tmp_path / "short", catalog, max_position_embeddings=4096)), catalog).model
    assert model.context and model.context.native == 4096 and model.context.extended is None


def test_a_new_size_has_its_own_architecture(catalog: Catalog, tmp_path: Path) -> None:
    reading = read_model(str(model_directory(tmp_path / "wider", catalog, intermediate_size=16384)), catalog)
    assert reading.architecture.id == "wider" and reading.architecture.id not in catalog.architectures
    # three matrices of 4,096 more rows x 4,096 in 36 layers
    assert reading.model.parameters and reading.model.parameters.total == 8_190_735_360 + 3 * 4096 * 4096 * 36


def test_a_missing_shard_is_named(catalog: Catalog, tmp_path: Path) -> None:
    path = model_directory(tmp_path / "m", catalog)
    (path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(QwenpickError, match=r"lacks 1 of 2 weight files \(first: model-00002-of-00002.safetensors\)"):
        read_model(str(path), catalog)
    (path / "model.safetensors.index.json").unlink()  # the numbered name still tells
    with pytest.raises(QwenpickError, match="lacks 1 of 2 weight files"):
        read_model(str(path), catalog)


def test_an_index_cannot_name_files_elsewhere(catalog: Catalog, tmp_path: Path) -> None:
    path = model_directory(tmp_path / "m", catalog)
    (path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../etc/passwd.safetensors"}})
    )
    with pytest.raises(QwenpickError, match="not a weight file beside it"):
        read_model(str(path), catalog)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: None, "has no config.json"),
        (lambda p: (p / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen3-8B"}'), "LoRA adapter.*Qwen/Qwen3-8B"),
        (lambda p: (p / "a.gguf").write_bytes(b""), "holds 1 .gguf file; give one"),
        (lambda p: (p / "config.json").write_text("[]"), "JSON, but not an object"),
        (lambda p: (p / "config.json").write_text('{"a": NaN}'), "NaN is not a number"),
        (lambda p: (p / "config.json").write_text('{"a": 1, "a": 2}'), "the key 'a' appears twice"),
        (lambda p: (p / "config.json").write_text('{"a":' * 100_000), "nested too deeply"),
        (lambda p: (p / "config.json").write_text("1" * 5000), "not valid JSON"),
        (lambda p: (p / "config.json").write_bytes(b"\xff\xfe{}"), "not text in UTF-8"),
        (lambda p: (p / "config.json").write_text(" " * (9 * 2**20)), "at most 8 MiB"),
        (lambda p: (p / "config.json").mkdir(), "not a regular file"),
        (lambda p: (p / "config.json").symlink_to(p / "config.json"), "has no config.json|symbolic links"),
        (lambda p: os.mkfifo(p / "config.json"), "not a regular file"),
    ],
)  # fmt: skip
def test_a_directory_that_is_no_model_gets_a_sentence(
    make: object, sentence: str, tmp_path: Path, catalog: Catalog
) -> None:
    path = tmp_path / "m"
    path.mkdir()
    make(path)  # type: ignore[operator]
    with pytest.raises(QwenpickError, match=sentence):
        read_model(str(path), catalog)


def raw(header: object, data: bytes = b"\0" * 64) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def one(**changes: object) -> bytes:
    return raw({"t": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64], **changes}})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cut off"),
        (b"\0" * 8, "cut off"),
        (struct.pack("<Q", 2**63) + b"{}", "cut off"),
        (struct.pack("<Q", 40) + b"{}", "cut off"),
        (raw(b"not json"), "not valid JSON"),
        (one(dtype="FP13"), "unknown type 'FP13'"),
        (one(shape=[4, -8]), "impossible shape"),
        (one(shape=[2**50, 2]), "impossible shape"),
        (one(shape=[4, True]), "entry of tensor 't' is damaged"),
        (one(shape=[1] * 9), "impossible shape"),
        (one(data_offsets=[64, 0]), "impossible shape or place"),
        (one(data_offsets=[0, 65]), "cannot take 65 bytes"),
        (one(data_offsets=[8, 72]), "starts at byte 8 of the data, not at 0"),
        (one(data_offsets="0"), "damaged"),
        (raw({"t": {"dtype": "BF16", "shape": [40, 8], "data_offsets": [0, 640]}}), "take 640 bytes, 64 are there"),
        (raw({"t": 5}), "damaged"),
    ],
)
def test_a_damaged_safetensors_file_gets_a_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    with pytest.raises(QwenpickError, match=sentence):
        read_header(path)


def test_packed_four_bit_elements_take_half_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(raw({"t": {"dtype": "F4", "shape": [8, 16], "data_offsets": [0, 64]}}))
    assert read_header(path)[0].bytes == 64
