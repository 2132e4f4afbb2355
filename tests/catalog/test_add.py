"""`catalog add` writes what was read so that the catalog knows it from then on."""

from __future__ import annotations

import json
from pathlib import Path

from qwenpick.catalog.add import add
from qwenpick.catalog.read import user_file
from tests.conftest import Run

CONFIG = {
    "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "hidden_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 3072, "vocab_size": 151936, "tie_word_embeddings": True,
    "max_position_embeddings": 40960, "torch_dtype": "bfloat16",
}  # fmt: skip


def test_a_model_that_was_read_is_known_from_then_on(qwenpick: Run, tmp_path: Path) -> None:
    directory = tmp_path / "my-qwen"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(CONFIG))
    assert qwenpick("fit", "my-qwen", "--gpu", "rtx 4090").code == 2
    added = qwenpick("catalog", "add", str(directory))
    assert added.code == 0, added.err
    assert str(user_file()) in added.err.replace("\n", "")
    try:
        assert qwenpick("fit", "my-qwen", "--quant", "4bit", "--gpu", "rtx 4090", "--ram", "32GiB").code == 0
        assert qwenpick("catalog", "check", str(user_file())).code == 0
    finally:
        user_file().unlink()


def test_an_entry_of_the_same_id_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    add(file, "models: [{id: b, name: one}, {id: a, name: first}]")
    add(file, "models: [{id: b, name: two}]\ngpus: [{id: g, name: card}]")
    text = file.read_text()
    assert [line.strip("- ") for line in text.splitlines() if "name:" in line] == [
        "name: first",
        "name: two",
        "name: card",
    ]
    assert list(tmp_path.iterdir()) == [file]


def test_a_model_that_is_known_is_not_copied(qwenpick: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    answer = qwenpick("catalog", "add", "qwen3-8b", "--to", str(own))
    assert answer.code == 0
    assert "Qwen3-8B is already known: qwenpick models qwen3-8b shows it" in answer.err
    assert not own.exists()
