"""GGUF files against llama.cpp's own quantizer (dry run of build b11434) and sizes worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Architecture, Catalog
from qwenpick.catalog.formats import GGUF_BITS
from qwenpick.memory.quantization import gguf, stored_bytes
from qwenpick.memory.quantization.gguf.header import header_bytes
from qwenpick.memory.quantization.gguf.layout import gguf_tensors
from qwenpick.memory.quantization.gguf.rules import (
    DEFAULT_TYPE,
    OLLAMA_HALF_VALUES,
    OLLAMA_HYBRID,
    tensor_types,
    use_more_bits,
)
from qwenpick.memory.quantization.gguf.types import BLOCKS, fallback, row_bytes


def without_mtp(architecture: Architecture) -> Architecture:
    return architecture.model_copy(update={"mtp_layers": 0})


def types_of(architecture: Architecture, file_type: str, role: str) -> tuple[str, ...]:
    return next(types for tensor, types in tensor_types(architecture, file_type) if tensor.role == role)


# (architecture, file type, bytes of the file): llama-quantize --dry-run of b11434
FILES = [
    ("qwen1.5-0.5b", "Q4_K_M", 407_159_488),  # holds its head again
    ("qwen2-0.5b", "Q4_K_M", 397_808_768),  # 896 columns: Q5_0 and Q8_0 stand in
    ("qwen2.5-3b", "Q8_0", 3_285_477_056),
    ("qwen2-72b", "Q4_K_M", 47_415_716_032),  # 80 layers: values in Q5_K
    ("codeqwen1.5-7b", "Q4_K_M", 4_741_036_096),
    ("qwen3-8b", "Q4_K_M", 5_027_783_232),
    ("qwen3-30b-a3b", "Q4_0", 17_304_489_248),
    ("qwen3-coder-480b-a35b", "Q8_0", 510_351_873_696),
    ("qwen3-vl-30b-a3b", "Q4_K_M", 18_556_685_760),
    ("qwen3.5-0.8b", "F16", 1_515_586_720),
    ("qwen3.5-27b", "Q4_K_M", 16_546_241_184),
    ("qwen3.5-397b-a17b", "Q4_K_M", 240_603_777_568),
]


@pytest.mark.parametrize(("architecture", "file_type", "size"), FILES)
def test_a_file_is_as_long_as_the_quantizer_makes_it(
    catalog: Catalog, architecture: str, file_type: str, size: int
) -> None:
    assert gguf.file_bytes(without_mtp(catalog.architectures[architecture]), file_type) == size


def test_an_mtp_block_is_in_the_file_but_no_part_of_the_text(catalog: Catalog) -> None:
    architecture = catalog.architectures["qwen3.5-4b"]
    whole, text = stored_bytes(architecture, "Q4_K_M"), stored_bytes(architecture, "Q4_K_M", parts=frozenset({"text"}))
    vision = stored_bytes(architecture, "Q4_K_M", parts=frozenset({"vision"}))
    assert whole - text - vision == stored_bytes(architecture, "Q4_K_M", parts=frozenset({"mtp"})) > 60_000_000


def test_a_row_of_4096_columns_in_q4_k_takes_16_blocks() -> None:
    assert row_bytes("Q4_K", 4096) == 16 * 144


def test_columns_that_are_no_whole_blocks_fall_back() -> None:
    assert fallback("Q4_K", 896) == "Q5_0"  # 896 = 3.5 x 256 = 28 x 32
    assert fallback("Q6_K", 896) == "Q8_0"
    assert fallback("Q4_K", 100) == "F16"


def test_the_first_and_last_eighth_and_every_third_layer_between_get_more_bits() -> None:
    chosen = [layer for layer in range(36) if use_more_bits(layer, 36)]
    # 36 // 8 = 4: layers 0-3; then 6, 9, …, 30; then from 7 x 36 // 8 = 31 on
    assert chosen == [0, 1, 2, 3, *range(6, 31, 3), *range(31, 36)]


def test_norms_routers_and_convolutions_stay_in_32_bits(catalog: Catalog) -> None:
    architecture = catalog.architectures["qwen3.5-35b-a3b"]
    for role in ("attn_norm", "ffn_gate_inp", "ssm_conv1d", "ffn_gate_inp_shexp"):
        assert set(types_of(architecture, "Q4_K_M", role)) == {"F32"}


def test_a_tied_embedding_takes_the_type_of_the_head(catalog: Catalog) -> None:
    assert types_of(catalog.architectures["qwen3-4b"], "Q4_K_M", "token_embd") == ("Q6_K",)
    assert types_of(catalog.architectures["qwen3-8b"], "Q4_K_M", "token_embd") == ("Q4_K",)


def test_gen_1_files_hold_queries_keys_and_values_as_one_tensor(catalog: Catalog) -> None:
    roles = {tensor.role: tensor for tensor in gguf_tensors(catalog.architectures["qwen-7b"])}
    assert roles["attn_qkv"].shape == (3 * 4096, 4096)
    assert "attn_q" not in roles


def test_more_bits_never_make_a_smaller_file(catalog: Catalog) -> None:
    order = (
        "IQ2_XXS",
        "IQ2_M",
        "Q2_K",
        "Q3_K_S",
        "Q3_K_M",
        "Q3_K_L",
        "Q4_K_S",
        "Q4_K_M",
        "Q5_K_S",
        "Q5_K_M",
        "Q6_K",
        "Q8_0",
        "BF16",
        "F32",
    )
    for name in ("qwen3-8b", "qwen3-30b-a3b", "qwen3.5-27b", "qwen2.5-3b"):
        sizes = [gguf.file_bytes(catalog.architectures[name], file_type) for file_type in order]
        assert sizes == sorted(sizes), name


def test_every_format_has_a_nominal_width_and_a_default_type() -> None:
    named = GGUF_BITS.keys() | {OLLAMA_HYBRID, *OLLAMA_HALF_VALUES.values()}
    assert named - DEFAULT_TYPE.keys() == set(), "no DEFAULT_TYPE in memory/quantization/gguf/rules.py"
    assert DEFAULT_TYPE.keys() - named == set(), "no nominal bits in catalog/formats.py"
    assert set(DEFAULT_TYPE.values()) <= BLOCKS.keys(), "no block size in memory/quantization/gguf/types.py"


def test_a_longer_vocabulary_has_a_longer_header(catalog: Catalog) -> None:
    small, large = catalog.architectures["qwen2.5-3b"], catalog.architectures["qwen2.5-14b"]
    # 152064 - 151936 = 128 tokens that fill up: 8 bytes of length, 11 of text, 4 of type each
    tensors = 48 * 12 + 3 - (36 * 12 + 2)
    assert header_bytes(large) - header_bytes(small) > 128 * 23 + tensors * 24
