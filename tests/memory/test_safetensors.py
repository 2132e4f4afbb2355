"""Sizes of safetensors checkpoints: published weight indices to the byte, and matrices worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.formats import SAFETENSORS_BITS
from qwenpick.memory.quantization import FORMATS, sizes, stored_bytes


@pytest.mark.parametrize(
    ("name", "total"),
    [
        # model.safetensors.index.json, metadata.total_size
        ("qwen3.5-0.8b", 1_746_882_752),
        ("qwen3.5-4b", 9_319_737_856),
        ("qwen3.5-9b", 19_306_216_416),
        ("qwen3.5-27b", 55_562_872_800),
        ("qwen3.5-35b-a3b", 71_903_655_008),
        ("qwen3.5-397b-a17b", 806_795_875_168),
        ("qwen3.8-2.4t-a95b", 4_892_365_451_008),
    ],
)
def test_a_bf16_checkpoint_is_as_large_as_its_index_says(catalog: Catalog, name: str, total: int) -> None:
    assert stored_bytes(catalog.architecture(catalog.models[name]), "bf16") == total


@pytest.mark.parametrize(
    ("name", "form", "size", "within"),
    [
        # sums of the repositories' .safetensors files
        ("qwen3.5-397b-a17b", "fp8", 406_151_669_464, 0.0001),
        ("qwen3.5-397b-a17b", "gptq-int4", 235_708_083_992, 0.0003),
        ("qwen3.5-27b", "gptq-int4", 30_200_000_000, 0.002),
        ("qwen3-coder-next", "fp8", 80_400_000_000, 0.001),
        ("qwen3.8-flash-next", "fp8", 185_500_000_000, 0.003),
    ],
)
def test_official_quantized_repositories_are_as_large_as_the_rule_says(
    catalog: Catalog, name: str, form: str, size: int, within: float
) -> None:
    assert stored_bytes(catalog.architecture(catalog.models[name]), form) == pytest.approx(size, rel=within)


@pytest.mark.parametrize(
    ("form", "size"),
    [
        # Qwen3-8B's down projection, 4,096 rows x 12,288 columns = 50,331,648 elements in 96 groups of 128
        ("bf16", 100_663_296),
        ("fp8", 50_331_648 + 32 * 96 * 4),
        ("fp8-online", 50_331_648 + 4),
        ("gptq-int4", 25_165_824 + 4096 * 96 * 5 // 2 + 4 * 12_288),
        ("gptq-int8", 50_331_648 + 4096 * 96 * 3 + 4 * 12_288),
        ("awq-int4", 25_165_824 + 4096 * 96 * 5 // 2),
        ("nvfp4", 25_165_824 + 50_331_648 // 16),
        ("mxfp4", 25_165_824 + 50_331_648 // 32),
        ("nf4", 25_165_824 + 50_331_648 // 64 + 4 * 3072),
        ("int8", 50_331_648 + 4 * 4096),
    ],
)
def test_a_matrix_takes_its_weights_scales_and_zero_points(catalog: Catalog, form: str, size: int) -> None:
    found = {t.role: stored // t.count for t, stored in sizes(catalog.architecture(catalog.models["qwen3-8b"]), form)}
    assert found["ffn_down"] == size


@pytest.mark.parametrize("form", sorted(set(SAFETENSORS_BITS) - {"fp32"}))
def test_embeddings_head_norms_and_routers_stay_in_16_bits(catalog: Catalog, form: str) -> None:
    for tensor, stored in sizes(catalog.architecture(catalog.models["qwen3-30b-a3b"]), form):
        if tensor.role in {"token_embd", "output", "ffn_gate_inp"} or tensor.role.endswith("norm"):
            assert stored == 2 * tensor.elements, tensor.role


def test_towers_and_the_mtp_block_stay_in_16_bits(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3.5-27b"])
    for part in ("vision", "mtp"):
        assert stored_bytes(architecture, "gptq-int4", parts=frozenset({part})) == stored_bytes(
            architecture, "bf16", parts=frozenset({part})
        )


def test_formats_made_on_load_say_so() -> None:
    assert {name for name, form in FORMATS.items() if form.on_load} == {"nf4", "int8", "fp8-online"}


@pytest.mark.parametrize(
    ("model", "format_name", "gib"),
    [
        # vLLM's log "Checkpoint size: 28.75 GiB": github.com/noonghunna/club-3090/issues/1011 and /pull/594
        ("qwen3.6-27b", "fp8", 28.75),
        ("qwen3.8-27b", "fp8", 28.75),
        # ai.gitee.com/hf-models/Qwen/Qwen1.5-1.8B-Chat-AWQ and -4B-Chat-AWQ: "Size of remote file"
        ("qwen1.5-1.8b-chat", "awq-int4", 1.75),
        ("qwen1.5-4b-chat", "awq-int4", 2.98),
        # huggingface.co/Qwen/Qwen3-4B-FP8/tree/main: 4.41 GB, and 778 MB that are the tied head a second time
        ("qwen3-4b", "fp8", 4.41e9 / 2**30),
    ],
)
def test_whole_repositories_are_as_large_as_their_listings_say(
    catalog: Catalog, model: str, format_name: str, gib: float
) -> None:
    assert stored_bytes(catalog.architecture(catalog.models[model]), format_name) / 2**30 == pytest.approx(
        gib, abs=0.006
    )
