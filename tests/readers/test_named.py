"""A name that states a format is answered in that format: a gate that asks for the AWQ repository must not judge the 16-bit one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.planning.checkpoints import checkpoints, lighter
from qwenpick.planning.files import planned_file, settled
from qwenpick.readers import resolve
from qwenpick.readers.sources import stated
from qwenpick.runtimes import find_runtime
from tests.readers.making import bf16_of, safetensors, write

CONFIG = {
    "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "hidden_size": 4096, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
    "max_position_embeddings": 40960, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "quant"),
    [
        ("qwen3-8b", None),
        ("Qwen/Qwen3-8B", None),
        ("qwen3:8b", "Q4_K_M"),  # what the library holds under that tag
        ("Qwen/Qwen3-8B-GGUF", "Q4_K_M"),  # holds several; llama-server -hf takes this one
        ("Qwen/Qwen3-0.6B-GGUF", "Q8_0"),  # the only one there
        ("unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", "UD-Q4_K_XL"),
        ("unsloth/Qwen3-8B-GGUF:UD-Q6_K_XL", "UD-Q6_K_XL"),
        ("unsloth/Qwen3-8B-GGUF:UD-Q8_K_XL", "UD-Q8_K_XL"),
        ("Qwen3-8B-Q3_K_XL", "Q3_K_L"),
        ("unsloth/Qwen3-8B-bnb-4bit", "nf4"),
        ("Qwen/Qwen3-8B-AWQ", "awq-int4"),
        ("https://huggingface.co/Qwen/Qwen3-8B-AWQ", "awq-int4"),
        ("Qwen/Qwen3-8B-FP8", "fp8"),
        ("nvidia/Qwen3-8B-NVFP4", "nvfp4"),
        ("Qwen/Qwen3-8B-MLX-4bit", "mlx-4bit"),
        ("RedHatAI/Qwen3-8B-quantized.w4a16", "gptq-int4"),
        ("qwen3:8b-q4_K_M", "Q4_K_M"),
        ("qwen3:8b-fp16", "F16"),
        ("qwen2.5:7b-instruct-q8_0", "Q8_0"),
        ("unsloth/Qwen3-8B-GGUF:Q5_K_M", "Q5_K_M"),
        ("Qwen3-8B-W8A8", "gptq-int8"),
        ("Qwen3-8B-AutoRound", "gptq-int4"),
        ("Qwen3-8B-FP8-Dynamic", "fp8"),
        ("Qwen3-32B-NVFP4A16", "nvfp4"),
        ("mlx-community/Qwen3-30B-A3B-4bit-DWQ", "mlx-4bit"),
        ("mlx-community/Qwen3.6-27B-oQ4", "mlx-4bit"),
        ("Qwen3-32B exl3 4.0bpw", "Q4_K_M"),
        ("turboderp/Qwen3-32B-exl3-6.0bpw", "Q6_K"),
    ],
)
def test_the_format_of_a_name_is_the_one_that_is_judged(catalog: Catalog, text: str, quant: str | None) -> None:
    assert resolve(text, catalog).quant == quant


def test_what_was_assumed_of_a_name_is_said(catalog: Catalog) -> None:
    assert "UD-Q4_K_XL" not in str(resolve("unsloth/Qwen3-8B-GGUF:Q4_K_M", catalog).notes)
    assert resolve("unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", catalog).notes == ()  # a format of its own
    assert "planned as Q4_K_M" in resolve("Qwen/Qwen3-8B-GGUF", catalog).notes[0]
    assert "run in ExLlama" in resolve("Qwen3-8B-exl2", catalog).notes[0]
    with pytest.raises(QwenpickError, match="Q7_K is not known here"):
        resolve("unsloth/Qwen3-8B-GGUF:Q7_K", catalog)


def test_an_ollama_tag_is_what_the_library_holds_where_ollama_runs_it(catalog: Catalog) -> None:
    assert resolve("qwen3:8b", catalog, runtime="ollama").quant == "Q4_K_M"
    assert resolve("qwen3:8b-q8_0", catalog, runtime="ollama").quant == "Q8_0"
    assert resolve("qwen3:8b", catalog, "8bit", runtime="ollama").quant == "8bit"
    assert resolve("qwen3-8b", catalog, runtime="ollama").quant is None


def test_what_is_asked_for_wins_over_the_name(catalog: Catalog) -> None:
    assert resolve("Qwen/Qwen3-8B-AWQ", catalog, "fp8").quant == "fp8"


def test_no_catalogue_name_is_taken_for_a_format(catalog: Catalog) -> None:
    for model in catalog.models.values():
        if model.open_weights and model.architecture:
            assert resolve(model.id, catalog).quant is None, model.id
            assert resolve(model.huggingface or model.id, catalog).quant is None, model.huggingface


def test_fit_and_launch_judge_a_bare_config_alike(qwenpick: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    plans = [
        json.loads(
            qwenpick(*words, str(tmp_path), "--gpu", "rtx 4060", "--ram", "16GiB", "--reserve", "0", "--json").out
        )  # type: ignore[attr-defined]
        for words in (("fit",), ("launch", "--force"))
    ]
    assert plans[0]["format"] == plans[1]["plan"]["format"] == "Q4_K_M"


def test_a_config_without_weights_is_not_launched(qwenpick: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    answer = qwenpick("launch", str(tmp_path), "--gpu", "rtx 4090")
    assert (answer.code, answer.out) == (2, "")  # type: ignore[attr-defined]
    assert "no weights at" in answer.err  # type: ignore[attr-defined]


def test_heads_that_key_value_heads_do_not_divide_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"num_key_value_heads": 7}), encoding="utf-8")
    with pytest.raises(QwenpickError, match="32 attention heads cannot share 7 key-value heads"):
        resolve(str(tmp_path), catalog)


def test_files_that_lack_most_of_the_model_are_told_of(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    rows = bf16_of(catalog.architectures["qwen3-8b"])
    write(tmp_path / "model.safetensors", *safetensors(rows))
    assert resolve(str(tmp_path), catalog).notes == ()
    write(tmp_path / "model.safetensors", *safetensors(dict(list(rows.items())[:20])))
    with pytest.raises(QwenpickError, match="tensors are missing"):
        resolve(str(tmp_path), catalog)


def test_a_name_that_is_none_but_a_directory_here_is_told_how_to_write_it(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m8").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QwenpickError, match=r"the directory here is ./m8"):
        resolve("m8", catalog)
    with pytest.raises(QwenpickError) as plain:
        resolve("m9", catalog)
    assert "directory" not in str(plain.value)


@pytest.mark.parametrize(
    ("text", "quant", "repo", "runtime"),
    [
        ("qwen3:8b", "Q4_K_M", None, "ollama"),
        ("qwen3:8b-q8_0", "Q8_0", None, "ollama"),
        ("qwen3.5:0.8b", "Q8_0", None, "ollama"),  # the library's smallest are of eight bits
        ("mlx-community/Qwen3-8B-4bit", "mlx-4bit", "mlx-community/Qwen3-8B-4bit", "mlx"),
        ("lmstudio-community/Qwen3.6-27B-MLX-6bit", "mlx-6bit", "lmstudio-community/Qwen3.6-27B-MLX-6bit", "mlx"),
        ("hf.co/unsloth/Qwen3.5-9B-GGUF:Q5_K_S", "Q5_K_S", "unsloth/Qwen3.5-9B-GGUF", "llamacpp"),
        ("bartowski/Qwen_Qwen3.6-27B-GGUF:IQ4_XS", "IQ4_XS", "bartowski/Qwen_Qwen3.6-27B-GGUF", "llamacpp"),
        ("QuantTrio/Qwen3-VL-235B-A22B-Instruct-AWQ", "awq-int4", "QuantTrio/Qwen3-VL-235B-A22B-Instruct-AWQ", None),
        ("Inferact/Qwen3.8-27B-NVFP4", "nvfp4", "Inferact/Qwen3.8-27B-NVFP4", None),
        ("cyankiwi/Qwen3.6-27B-AWQ-INT4", "awq-int4", "cyankiwi/Qwen3.6-27B-AWQ-INT4", None),
        ("RedHatAI/Qwen3-8B-FP8-dynamic", "fp8", "RedHatAI/Qwen3-8B-FP8-dynamic", None),
        ("Qwen/Qwen3-8B-AWQ", "awq-int4", "Qwen/Qwen3-8B-AWQ", None),
        ("Qwen/Qwen3.5-122B-A10B-GPTQ-Int4", "gptq-int4", "Qwen/Qwen3.5-122B-A10B-GPTQ-Int4", None),
    ],
)
def test_a_named_repository_or_tag_is_the_one_that_is_planned(
    catalog: Catalog, text: str, quant: str, repo: str | None, runtime: str | None
) -> None:
    found = resolve(text, catalog)
    assert (found.quant, found.runtime) == (quant, runtime)
    engine = find_runtime(runtime or "vllm")
    first = checkpoints(found.model, engine, quant)[0]
    assert first.repo == repo
    assert found.catalog.models[found.model.id] is found.model
    if repo:  # nor is a lighter one of another publisher
        assert not lighter(found.model, found.catalog.architecture(found.model), first, engine.NAME)


def test_a_publishers_mix_is_as_large_as_its_file(catalog: Catalog) -> None:
    # 17,559,178,144 bytes; the nearest plain format would take 16.8 GB
    for found in (
        resolve("unsloth/Qwen3.8-27B-GGUF:UD-Q4_K_XL", catalog),
        resolve("qwen3.8-27b", catalog, "UD-Q4_K_XL"),
        resolve("qwen 3.8 27b", catalog, "ud-q4_k_xl"),
    ):
        assert (found.quant or "").upper() == "UD-Q4_K_XL"
        (checkpoint, *_rest) = checkpoints(found.model, find_runtime("llamacpp"), "UD-Q4_K_XL")
        assert (checkpoint.format, checkpoint.bytes) == ("UD-Q4_K_XL", 17_559_178_144)
        architecture = catalog.architecture(found.model)
        file = planned_file(found.model, architecture, checkpoint, "llamacpp")
        assert file
        assert file.files == ("Qwen3.8-27B-UD-Q4_K_XL.gguf",)
        assert settled(architecture, checkpoint).bytes == 17_559_178_144
    with pytest.raises(QwenpickError, match="no file of Qwen3-8B in UD-Q9_K_XL is known"):
        resolve("qwen3-8b", catalog, "UD-Q9_K_XL")


def test_an_engine_that_is_asked_for_wins_over_the_names(catalog: Catalog) -> None:
    assert resolve("qwen3:8b", catalog, runtime="vllm").quant is None
    assert resolve("qwen3:8b-q8_0", catalog, runtime="llama.cpp").quant == "Q8_0"
    kept = resolve("unsloth/Qwen3.5-9B-GGUF:Q5_K_S", catalog, runtime="ollama")
    assert checkpoints(kept.model, find_runtime("llamacpp"), "Q5_K_S")[0].repo == "unsloth/Qwen3.5-9B-GGUF"


@pytest.mark.parametrize(
    ("tag", "format_name", "said"),
    [("qwen3-8b:q5", "Q5_K_M", "Q5 is not known here"), ("qwen3:8b-q6", "Q6_K", "Q6 is not known here"), ("qwen3:8b", "Q4_K_M", "")],
)  # fmt: skip
def test_a_tag_that_nobody_publishes_is_planned_as_near_as_it_says(
    tag: str, format_name: str, said: str, catalog: Catalog
) -> None:
    """Five bits were asked for, and four were planned without a word."""
    source = stated(catalog.models["qwen3-8b"], tag)
    assert (source.format, source.runtime) == (format_name, "ollama") and said in (source.note or "")
