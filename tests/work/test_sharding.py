"""How tensor and pipeline parallel cut a model, worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Device, Machine
from qwenpick.work.parallel import parallel_placements
from qwenpick.work.sharding import shards, stage_layers, world_refusal

GIB = 2**30


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("qwen3-8b", (1, 2, 4, 8, 16, 32)),  # 32 heads, 8 key-value heads, 12,288 columns
        ("qwen2.5-7b", (1, 2, 4)),  # 28 heads, 4 key-value heads, 18,944 columns: 28 ranks leave no whole column
        ("qwen3.5-27b", (1, 2, 4, 8)),  # 24 heads, 16 key heads and 48 value heads of the delta net
    ],
)
def test_the_world_sizes_are_those_that_divide_every_kind_of_head(
    catalog: Catalog, name: str, sizes: tuple[int, ...]
) -> None:
    architecture = catalog.architecture(catalog.models[name])
    assert tuple(n for n in range(1, 33) if world_refusal(architecture, n) is None) == sizes


def test_block_scales_rule_out_sizes_that_heads_allow(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-235b-a22b"])  # experts of 1,536 columns, 12 blocks of 128
    assert world_refusal(architecture, 4, 128) is None
    assert "192" not in (world_refusal(architecture, 8) or "")
    assert "blocks of 128" in (world_refusal(architecture, 8, 128) or "")


def test_ranks_share_matrices_and_copy_norms_and_routers(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-30b-a3b"])
    whole, half = ({s.name: s.bytes for s in shards(architecture, "bf16", n)} for n in (1, 2))
    assert half["experts gate_up"] * 2 == whole["experts gate_up"] == 128 * 2 * 768 * 2048 * 2
    assert half["qkv"] * 2 == whole["qkv"] == (32 + 2 * 4) * 128 * 2048 * 2
    assert half["token_embd"] * 2 == whole["token_embd"] == 151_936 * 2048 * 2
    assert (half["attn_norm"], half["ffn_gate_inp"]) == (whole["attn_norm"], whole["ffn_gate_inp"])


def test_key_value_heads_are_copied_where_ranks_outnumber_them(catalog: Catalog) -> None:
    # 32 query heads over 8 ranks, and one of 4 key-value heads on each: (4 + 2) x 128 x 2,048 x 2 bytes
    architecture = catalog.architecture(catalog.models["qwen3-30b-a3b"])
    assert {s.name: s.bytes for s in shards(architecture, "bf16", 8)}["qkv"] == 6 * 128 * 2048 * 2


def test_stages_are_even_and_the_odd_layers_lie_before_the_last() -> None:
    assert [len(r) for r in stage_layers(64, 4)] == [16, 16, 16, 16]
    assert [len(r) for r in stage_layers(30, 4)] == [7, 8, 8, 7]
    assert stage_layers(3, 1) == (range(3),)


def test_unequal_gpus_of_one_vendor_come_last_and_together(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    a, b = (Device(name, "nvidia", 24 * GIB, 24 * GIB) for name in ("RTX 3090", "RTX 4090"))
    found = list(parallel_placements(architecture, "bf16", Machine((a, b)), ("nvidia",)))
    assert [p.devices for p in found] == [(a,), (b,), (a, b)]
    assert found[-1].tensor_parallel == 2


def test_other_vendors_are_left_out(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    apple = Device("M4", "apple", 24 * GIB, None, unified=True)
    assert not list(parallel_placements(architecture, "bf16", Machine((apple,)), ("nvidia", "amd")))
