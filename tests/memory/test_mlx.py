"""Sizes of MLX checkpoints: groups worked out by hand and published files."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.memory.quantization import sizes, stored_bytes


@pytest.mark.parametrize(
    ("form", "bits"),
    [
        ("mlx-3bit", 3.5),
        ("mlx-4bit", 4.5),
        ("mlx-5bit", 5.5),
        ("mlx-6bit", 6.5),
        ("mlx-8bit", 8.5),
        ("mlx-4bit-g32", 5),
        ("mlx-bf16", 16),
    ],
)
def test_a_weight_takes_its_bits_and_a_share_of_scale_and_bias(catalog: Catalog, form: str, bits: float) -> None:
    # 32 bits of scale and bias over 64 weights are half a bit each, over 32 a whole one
    found = {t.role: (t, stored) for t, stored in sizes(catalog.architecture(catalog.models["qwen3-8b"]), form)}
    for role in ("ffn_down", "attn_q", "token_embd", "output"):
        tensor, stored = found[role]
        assert stored == tensor.elements * bits / 8


def test_routers_keep_8_bits(catalog: Catalog) -> None:
    found = {
        t.role: (t, stored) for t, stored in sizes(catalog.architecture(catalog.models["qwen3-30b-a3b"]), "mlx-4bit")
    }
    router, stored = found["ffn_gate_inp"]
    assert stored == router.elements * 8.5 / 8
    experts, stored = found["ffn_down_exps"]
    assert stored == experts.elements * 4.5 / 8


def test_norms_convolutions_and_towers_stay_in_16_bits(catalog: Catalog) -> None:
    for tensor, stored in sizes(catalog.architecture(catalog.models["qwen3.5-9b"]), "mlx-4bit"):
        if tensor.part == "vision" or tensor.role == "ssm_conv1d" or tensor.role.endswith("norm"):
            assert stored == 2 * tensor.elements, tensor.role


def test_the_text_of_qwen3_4b_in_4_bits_is_2_26_gb(catalog: Catalog) -> None:
    # mlx-community/Qwen3-4B-Instruct-2507-4bit: 4,022,272,000 matrix weights x 4.5 / 8 bytes, and 196,096 norm weights x 2
    size = stored_bytes(catalog.architecture(catalog.models["qwen3-4b"]), "mlx-4bit", parts=frozenset({"text"}))
    assert size == 4_022_272_000 * 9 // 16 + 196_096 * 2


# mlx-community's repositories: total_size of model.safetensors.index.json, as exo's model cards have it
# (github.com/exo-explore/exo at b5375f8ce, resources/inference_model_cards, 2026-06-22); none holds the MTP block
@pytest.mark.parametrize(
    ("model", "format_name", "total"),
    [
        ("qwen3.5-2b", "mlx-8bit", 2_662_787_264),
        ("qwen3.5-9b", "mlx-4bit", 5_950_062_560),
        ("qwen3.5-9b", "mlx-8bit", 10_426_433_504),
        ("qwen3.6-27b", "mlx-4bit", 16_054_262_240),
        ("qwen3.6-27b", "mlx-8bit", 29_500_938_720),
        ("qwen3.6-27b", "mlx-bf16", 54_713_457_120),
        ("qwen3.6-35b-a3b", "mlx-4bit", 20_401_929_952),
        ("qwen3.6-35b-a3b", "mlx-5bit", 24_731_729_632),
        ("qwen3.6-35b-a3b", "mlx-8bit", 37_721_128_672),
    ],
)
def test_whole_repositories_agree_with_their_indices(
    catalog: Catalog, model: str, format_name: str, total: int
) -> None:
    architecture = catalog.architecture(catalog.models[model])
    block = stored_bytes(architecture, format_name, parts=frozenset({"mtp"}))
    assert stored_bytes(architecture, format_name) - block == pytest.approx(total, abs=2048)
