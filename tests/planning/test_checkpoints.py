"""Which checkpoints an engine can take: published ones first, conversions where anybody can make them, nothing that nobody has."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.checkpoints import FAMILIES, check_quant, checkpoints, download_bytes, family, lighter
from qwenpick.runtimes import RUNTIMES, find_runtime


def test_a_precision_resolves_to_each_engines_own_format(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    first = {name: checkpoints(model, find_runtime(name), "4bit")[0].format for name in RUNTIMES}
    assert first == {
        "llamacpp": "Q4_K_M", "ollama": "Q4_K_M", "vllm": "awq-int4", "sglang": "awq-int4", "transformers": "nf4", "mlx": "mlx-4bit",
        "lmstudio": "Q4_K_M",
    }  # fmt: skip


def test_a_format_that_needs_calibration_counts_only_where_somebody_publishes_it(catalog: Catalog) -> None:
    vllm = find_runtime("vllm")
    assert not [c for c in checkpoints(catalog.models["qwen3-8b-base"], vllm, "4bit") if c.format == "awq-int4"]
    asked = checkpoints(catalog.models["qwen3-8b-base"], vllm, "awq-int4")
    assert [(c.format, c.repo, c.official) for c in asked] == [("awq-int4", None, False)]


def test_every_format_of_every_engine_is_known() -> None:
    for name in RUNTIMES:
        engine = find_runtime(name)
        assert set(engine.FORMATS) <= set(FORMATS), name
        assert set(engine.FAMILIES) <= set(FAMILIES), name
        assert {fmt for formats in engine.FAMILIES.values() for fmt in formats} <= set(engine.FORMATS), name


@pytest.mark.parametrize(("word", "near"), [("5bits", "5bit"), ("Q4_KM", "Q4_K_M"), ("awq", "awq-int4")])
def test_a_word_that_is_no_format_is_answered_with_the_nearest(word: str, near: str) -> None:
    with pytest.raises(QwenpickError, match=near):
        check_quant(word)


def test_a_format_made_on_load_is_downloaded_in_16_bits(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    architecture = catalog.architecture(model)
    nf4 = checkpoints(model, find_runtime("transformers"), "nf4")[0]
    # 8,190,735,360 parameters x 2 bytes
    assert download_bytes(model, architecture, nf4, "transformers") == pytest.approx(16_381_470_720, rel=0.001)


def test_a_format_is_found_in_each_engines_own_spelling(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    assert [c.format for c in checkpoints(model, find_runtime("vllm"), "BF16")] == ["bf16"]
    assert [c.format for c in checkpoints(model, find_runtime("llamacpp"), "bf16")] == ["BF16"]
    assert checkpoints(model, find_runtime("vllm"), "q4_k_m") == ()


def test_a_gguf_file_is_official_only_where_the_repository_is_known_to_hold_it(catalog: Catalog) -> None:
    llamacpp = find_runtime("llamacpp")

    def offered(model: str, quant: str) -> tuple[str | None, bool]:
        found = checkpoints(catalog.models[model], llamacpp, quant)[0]
        return found.repo, found.official

    assert offered("qwen3-8b", "Q4_K_M") == ("Qwen/Qwen3-8B-GGUF", True)
    assert offered("qwen3-8b", "BF16") == ("unsloth/Qwen3-8B-GGUF", False)
    assert offered("qwen2.5-7b-instruct", "F16") == ("Qwen/Qwen2.5-7B-Instruct-GGUF", True)
    assert offered("qwen2.5-7b-instruct", "IQ4_XS") == ("bartowski/Qwen2.5-7B-Instruct-GGUF", False)
    assert offered("qwen2.5-math-7b", "IQ4_XS") == (None, False)  # nobody is known to publish it
    assert checkpoints(catalog.models["qwen2.5-7b-instruct"], llamacpp, "fp16")[0].format == "F16"


def test_lighter_files_of_a_format_stand_behind_the_preferred_one_by_their_bytes(catalog: Catalog) -> None:
    model = catalog.models["qwen3.8-27b"]
    architecture, vllm = catalog.architecture(model), find_runtime("vllm")
    preferred = checkpoints(model, vllm, "nvfp4")[0]
    behind = lighter(model, architecture, preferred, "vllm")
    assert preferred.repo == "Inferact/Qwen3.8-27B-NVFP4" and preferred.bytes == 26_380_000_000
    assert [one.repo for one in behind if one.bytes] == [
        "unsloth/Qwen3.8-27B-NVFP4", "RedHatAI/Qwen3.8-27B-NVFP4", "RadixArk/Qwen3.8-27B-NVFP4", "nvidia/Qwen3.8-27B-NVFP4",
    ]  # fmt: skip
    assert not lighter(model, architecture, behind[-1], "vllm")  # none is lighter than the lightest


@pytest.mark.parametrize("form", ["bf16", "fp8-online", "Q4_K_M", "mlx-4bit"])
def test_files_that_are_alike_or_made_on_load_have_no_lighter_one(form: str, catalog: Catalog) -> None:
    model = catalog.models["qwen3.8-27b"]
    engine = next(found for found in map(find_runtime, RUNTIMES) if form in found.FORMATS)
    found = checkpoints(model, engine, form)
    assert found and not lighter(model, catalog.architecture(model), found[0], engine.NAME)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("gptq", "gptq-int4"), ("AWQ", "awq-int4"), ("fp4", "nvfp4"), ("bnb", "nf4"), ("mlx", "mlx-4bit"), ("gguf", "Q4_K_M"), ("q4km", "Q4_K_M")],
)  # fmt: skip
def test_a_method_is_answered_with_the_format_that_most_is_published_in(said: str, meant: str) -> None:
    with pytest.raises(QwenpickError, match=rf"did you mean {meant}\?"):
        check_quant(said)


@pytest.mark.parametrize(
    ("said", "precision"), [("q2", "2bit"), ("Q5", "5bit"), ("6", "6bit"), ("4", "4bit"), ("q8", "8bit")]
)
def test_a_number_of_bits_is_a_precision_however_it_is_written(said: str, precision: str) -> None:
    assert family(said) == precision
