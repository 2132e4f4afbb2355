"""config.json of every model_type against the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.readers import config, quantized, read_model
from qwenpick.readers.known import find_base, plain_name, same_shapes

CONFIGS = sorted((Path(__file__).parent / "configs").glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_a_published_config_is_the_catalogues_architecture(path: Path, catalog: Catalog) -> None:
    published = json.loads(path.read_text())
    alike = same_shapes(catalog, config.shape(published), speaks=config.speaks(published))
    base = find_base(catalog, [path.stem], [], alike)
    assert base == (find_model(catalog, path.stem), True)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_the_formula_of_a_vision_tower_gives_the_counted_parameters(path: Path, catalog: Catalog) -> None:
    known = catalog.architecture(find_model(catalog, path.stem)).vision
    read = config.shape(json.loads(path.read_text())).get("vision")
    assert (read is None) == (known is None)
    if known and read and "parameters" in read:
        assert read["parameters"] == known.parameters


QWEN3_8B = json.loads((Path(__file__).parent / "configs" / "Qwen3-8B.json").read_text())


def test_every_model_type_of_the_catalogue_is_known(catalog: Catalog) -> None:
    assert {a.model_type for a in catalog.architectures.values()} <= set(config.GGUF_ARCH)
    assert {json.loads(p.read_text())["model_type"] for p in CONFIGS} == {
        a.model_type for a in catalog.architectures.values()
    }


def test_layer_types_are_folded_into_their_shortest_pattern() -> None:
    hybrid = {
        **QWEN3_8B, "num_hidden_layers": 8, "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 2,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    }  # fmt: skip
    layers = config.shape(hybrid)["layers"]
    assert [(layer["kind"], layer.get("count", 1)) for layer in layers] == [
        ("linear_attention", 3),
        ("full_attention", 1),
    ]


def test_a_sliding_window_covers_the_layers_after_max_window_layers() -> None:
    windowed = {**QWEN3_8B, "use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 28}
    layers = config.shape(windowed)["layers"]
    assert [(layer["kind"], layer["count"]) for layer in layers] == [("full_attention", 28), ("sliding_attention", 8)]
    assert layers[1]["window"] == 4096


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model_type": "llama"}, "model_type 'llama' is not a Qwen architecture"),
        ({"model_type": "qwen33"}, "did you mean qwen3"),
        ({"model_type": None}, "no model_type"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": -1}, "hidden_size is '-1'"),
        ({"hidden_size": 2**63}, "not a whole number"),
        ({"hidden_size": True}, "hidden_size is 'True'"),
        ({"hidden_size": "4096"}, "not a whole number"),
        ({"num_hidden_layers": 10**9}, "at most 256 are believed"),
        ({"layer_types": ["full_attention"]}, "does not list 36 layers"),
        ({"layer_types": ["mamba"] * 36}, "unknown kind 'mamba'"),
        ({"tie_word_embeddings": "yes"}, "neither true nor false"),
        ({"text_config": 5}, "text_config is a int"),
        ({"num_experts": 8, "num_experts_per_tok": 9, "moe_intermediate_size": 64}, "9, of 8 experts"),
        (
            {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "decoder_sparse_step": 2},
            "dense layers among",
        ),
    ],
)
def test_a_config_that_describes_no_qwen_gets_a_sentence(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence.replace("(", r"\(")):
        config.shape({**QWEN3_8B, **change})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "bf16"),
        ({"torch_dtype": "float16"}, "fp16"),
        ({"dtype": "bfloat16"}, "bf16"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}, "gptq-int4"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 8}}, "gptq-int8"),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "awq-int4"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}, "fp8"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "nf4"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "int8"),
        (
            {
                "quantization_config": {
                    "quant_method": "auto-round",
                    "bits": 4,
                    "packing_format": "auto_round:auto_gptq",
                }
            },
            "gptq-int4",
        ),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "nvfp4"),
        (
            {"quantization": {"group_size": 64, "bits": 4}, "quantization_config": {"group_size": 64, "bits": 4}},
            "mlx-4bit",
        ),
        (
            {
                "quantization_config": {
                    "quant_method": "compressed-tensors",
                    "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}},
                }
            },
            "awq-int4",
        ),
        (
            {
                "quantization_config": {
                    "quant_method": "compressed-tensors",
                    "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
                }
            },
            "fp8",
        ),
    ],
)
def test_a_quantization_config_is_one_of_our_formats(fields: dict[str, object], name: str) -> None:
    assert quantized.format_name(fields) == name


def test_an_unknown_quantization_says_which_are_known() -> None:
    with pytest.raises(QwenpickError, match="stored as 'exl2', which is not a format with known sizes"):
        quantized.format_name({"quantization_config": {"quant_method": "exl2"}})


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Qwen/Qwen3-8B-AWQ", "Qwen3-8B"),
        ("Qwen3.5-27B-GPTQ-Int4", "Qwen3.5-27B"),
        ("unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF", "Qwen3-30B-A3B-Instruct-2507"),
        ("Qwen3-Coder-480B-A35B-Instruct-UD-Q2_K_XL-00001-of-00004.gguf", "Qwen3-Coder-480B-A35B-Instruct"),
        ("Qwen3-8B-IQ4_XS.gguf", "Qwen3-8B"),
        ("mlx-community/Qwen3-4B-4bit", "Qwen3-4B"),
        ("my-finetune", "my-finetune"),
    ],
)
def test_a_name_is_freed_of_what_says_how_it_is_quantized(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_a_bare_config_answers_without_weights(catalog: Catalog) -> None:
    reading = read_model(str(Path(__file__).parent / "configs" / "Qwen3.5-27B.json"), catalog)
    assert reading.architecture is catalog.architectures["qwen3.5-27b"]
    assert reading.checkpoints[0].bytes is None and reading.checkpoints[0].format == "bf16"
    assert reading.model.context == catalog.models["qwen3.5-27b"].context
