"""What `read_model` takes: names, paths, Ollama's store, a hub; and what it writes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from qwenpick import catalog as catalogue
from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.readers import entry, read_model
from qwenpick.readers.reading import Fetch
from tests.readers.making import bf16_of, gguf, gguf_of, safetensors, write

QWEN3_8B = (Path(__file__).parent / "configs" / "Qwen3-8B.json").read_bytes()


def recorded(files: dict[str, bytes]) -> Fetch:
    """A hub made of files at hand."""

    def fetch(repo: str, file: str, first: int, last: int) -> bytes | None:
        data = files.get(f"{repo}/{file}")
        return data if data is None or last < 0 else data[first : last + 1]

    return fetch


@pytest.mark.parametrize("name", ["qwen3-8b", "Qwen/Qwen3-8B", "Qwen3_8B"])
def test_a_catalogue_name_gives_the_catalogue_entry(name: str, catalog: Catalog) -> None:
    assert read_model(name, catalog).model is catalog.models["qwen3-8b"]


def test_a_name_without_weights_says_so(catalog: Catalog) -> None:
    closed = next(m for m in catalog.models.values() if not m.open_weights)
    with pytest.raises(QwenpickError, match=r"weights are not published|has no open weights"):
        read_model(closed.id, catalog)


def test_an_unknown_name_keeps_its_suggestion(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="there is no Qwen3-9B; did you mean qwen3-8b"):
        read_model("qwen3-9b", catalog)


@pytest.mark.parametrize("path", ["./no-such-model", "/no/such/model.gguf", "missing.json", "a\0b"])
def test_a_path_to_nothing_gets_a_sentence(path: str, catalog: Catalog) -> None:
    with pytest.raises(QwenpickError):
        read_model(path, catalog)


def test_an_unknown_repository_is_asked_for_only_online(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="'acme/bluebird' is not in the catalog; add --online"):
        read_model("acme/bluebird", catalog)


def test_a_repository_is_read_by_its_headers(catalog: Catalog) -> None:
    header, size = safetensors(bf16_of(catalog.architectures["qwen3-8b"]))
    card = b"---\nbase_model:\n- Qwen/Qwen3-8B\n---\n"
    files = {"config.json": QWEN3_8B, "README.md": card, "model.safetensors": header}
    fetch = recorded({f"acme/bluebird/{name}": data for name, data in files.items()})
    reading = read_model("acme/bluebird", catalog, fetch=fetch)
    assert reading.checkpoints[0].bytes == size == 2 * 8_190_735_360
    assert reading.checkpoints[0].repo == "acme/bluebird"
    assert "Qwen3-8B" in reading.model.licence.clause and reading.model.sources == (
        "https://huggingface.co/acme/bluebird",
    )
    assert read_model("modelscope:acme/bluebird", catalog, fetch=fetch).model.sources == (
        "https://modelscope.cn/models/acme/bluebird",
    )


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("acme/Bluebird-8B-GGUF:Q8_0", "Bluebird-8B-Q8_0.gguf"),
        ("acme/Bluebird-8B-GGUF:Q8_0", "bluebird-8b-q8_0.gguf"),
        ("modelscope:acme/Bluebird-8B-GGUF:Q8_0", "Bluebird-8B.Q8_0.gguf"),
        ("hf:acme/Bluebird-8B-GGUF/some/thing.gguf", "some/thing.gguf"),
    ],
)
def test_a_gguf_repository_is_read_by_the_first_bytes_of_the_file(text: str, file: str, catalog: Catalog) -> None:
    header, _ = gguf_of(catalog.architectures["qwen3-8b"])
    # the weights are not there, and not asked for
    fetch = recorded({f"acme/Bluebird-8B-GGUF/{file}": header + b"\0" * 100})
    reading = read_model(text, catalog, fetch=fetch)
    assert reading.architecture.id == "qwen3-8b" and reading.checkpoints[0].repo == "acme/Bluebird-8B-GGUF"
    assert reading.checkpoints[0].bytes == 8_703_561_728 and reading.checkpoints[0].format == "Q8_0"


def test_a_gguf_repository_in_parts_is_one_model(catalog: Catalog) -> None:
    rows = [("token_embd.weight", (64, 256), "Q4_K"), ("blk.0.ffn_down.weight", (256, 512), "Q4_K")]
    shape = {"general.architecture": "qwen3", "qwen3.block_count": 1, "qwen3.attention.head_count": 4, "split.count": 2}
    parts = {
        f"a/b-GGUF/b-Q4_K_M-0000{n}-of-00002.gguf": gguf(shape if n == 1 else {}, [rows[n - 1]])[0] for n in (1, 2)
    }
    reading = read_model("a/b-GGUF:Q4_K_M", catalog, fetch=recorded(parts))
    assert reading.checkpoints[0].bytes == (64 * 256 + 256 * 512) // 256 * 144


@pytest.mark.parametrize(
    ("text", "files", "sentence"),
    [
        ("a/b-GGUF:Q4_K_M", {}, r"'a/b-GGUF' has no file called like b-Q4_K_M\.gguf; name it: hf:a/b-GGUF/FILE\.gguf"),
        ("hf:a/b-GGUF/x.gguf", {}, r"'a/b-GGUF' has no x\.gguf"),
        ("hf:a/b-GGUF/x.gguf", {"a/b-GGUF/x.gguf": b"GGUF"}, "cut off inside its header"),
        ("hf:a/b-GGUF/x.gguf", {"a/b-GGUF/x.gguf": b"MZ" * 9}, "does not begin with 'GGUF'"),
        ("hf:a/../x.gguf", {}, "there is no"),
    ],
)
def test_a_gguf_repository_that_is_damaged_gets_a_sentence(
    text: str, files: dict[str, bytes], sentence: str, catalog: Catalog
) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        read_model(text, catalog, fetch=recorded(files))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "there is no 'acme/bluebird' with a config.json"),
        ({"config.json": b"{"}, "not valid JSON"),
        ({"config.json": b'{"model_type": "llama"}'}, "not a Qwen architecture"),
        ({"config.json": QWEN3_8B, "model.safetensors": b"\xff" * 8}, "not a safetensors file"),
        ({"config.json": QWEN3_8B, "model.safetensors": struct.pack("<Q", 99) + b"{"}, "ended inside its header"),
        (
            {"config.json": QWEN3_8B, "model.safetensors.index.json": b'{"weight_map": {"a": "../x.safetensors"}}'},
            "names no weight files",
        ),
    ],
)
def test_a_repository_that_is_damaged_gets_a_sentence(files: dict[str, bytes], sentence: str, catalog: Catalog) -> None:
    fetch = recorded({f"acme/bluebird/{name}": data for name, data in files.items()})
    with pytest.raises(QwenpickError, match=sentence):
        read_model("acme/bluebird", catalog, fetch=fetch)


def test_a_tag_that_ollama_pulled_is_read_from_its_blob(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "a" * 64
    store = tmp_path / "models"
    (store / "blobs").mkdir(parents=True)
    write(store / "blobs" / f"sha256-{digest}", *gguf_of(catalog.architectures["qwen3-8b"], name="Bluebird"))
    manifest = store / "manifests" / "registry.ollama.ai" / "acme" / "bluebird" / "8b"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        json.dumps(
            {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}]}
        )
    )
    places = (("ollama", tmp_path / "mine"), ("ollama", store))  # a person's own, and that of Linux' service
    with monkeypatch.context() as patch:
        patch.setattr("qwenpick.machine.installed.stores.store_places", lambda *_: places)
        assert read_model("acme/bluebird:8b", catalog).model.id == "bluebird-8b"
    monkeypatch.setenv("OLLAMA_MODELS", str(store))
    reading = read_model("acme/bluebird:8b", catalog)
    assert reading.model.id == "bluebird-8b" and reading.architecture.hidden_size == 4096
    manifest.write_text(
        json.dumps(
            {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../x", "size": 1}]}
        )
    )
    with pytest.raises(QwenpickError, match="names no weights"):
        read_model("acme/bluebird:8b", catalog)


def test_an_entry_reads_back_as_what_was_read(catalog: Catalog, tmp_path: Path) -> None:
    header, data = gguf_of(catalog.architectures["qwen3-8b"])
    reading = read_model(str(write(tmp_path / "Bluebird 8B.gguf", header, data)), catalog)
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(entry(reading.model, reading.architecture, catalog.architectures), encoding="utf-8")
    again = catalogue.load([overlay])
    assert again.models["bluebird-8b"] == reading.model and "architectures:" not in overlay.read_text()
    overlay.write_text(entry(reading.model, reading.architecture), encoding="utf-8")
    assert catalogue.load([overlay]).architectures["qwen3-8b"] == catalog.architectures["qwen3-8b"]
