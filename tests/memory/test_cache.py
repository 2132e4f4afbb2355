"""What tokens and states cost, worked out by hand, and CUDA's total beside the driver's."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Device, cuda_free, cuda_total
from qwenpick.memory.cache import KvCache, kv_bytes, kv_bytes_per_token, state_bytes

GIB, MIB = 2**30, 2**20


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("qwen3-8b", 2 * 36 * 8 * 128 * 2),
        ("qwen2.5-7b", 2 * 28 * 4 * 128 * 2),
        ("qwen3.5-27b", 2 * 16 * 4 * 256 * 2),  # one of four layers keeps keys and values
        ("qwen3.8-flash-next", (2 * 2 * 256 + 128 // 4) * 12 * 2),  # an indexer's key beside them for every four tokens
    ],
)
def test_a_token_costs_keys_and_values_of_the_layers_that_keep_them(catalog: Catalog, name: str, size: int) -> None:
    assert kv_bytes_per_token(catalog.architecture(catalog.models[name])) == size


def test_keys_and_values_may_have_formats_of_their_own(catalog: Catalog) -> None:
    # 36 x 8 x 128 x (8.5 + 4.5) bits
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    assert kv_bytes_per_token(architecture, KvCache("q8_0", "q4_0")) == 36 * 8 * 128 * 13 // 8


def test_a_rank_keeps_at_least_one_key_value_head(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-30b-a3b"])  # 4 heads
    assert (
        kv_bytes_per_token(architecture, KvCache(), 8)
        == kv_bytes_per_token(architecture, KvCache(), 4)
        == 2 * 48 * 128 * 2
    )


def test_a_cache_is_its_tokens(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    assert kv_bytes(architecture, 32768) == 32768 * 147_456 == 4.5 * GIB


def test_a_state_is_a_convolution_and_a_matrix_per_value_head(catalog: Catalog) -> None:
    # Qwen3.5-27B: 48 x (3 x 10,240 x 2 + 48 x 128 x 128 x 4)
    assert state_bytes(catalog.architecture(catalog.models["qwen3.5-27b"])) == 48 * (
        3 * 10_240 * 2 + 48 * 128 * 128 * 4
    )
    assert state_bytes(catalog.architecture(catalog.models["qwen3-8b"])) == 0


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        # MiB that nvidia-smi reports, GiB that engines' logs say of the same card
        (15360, 14.57),  # T4
        (24576, 23.56),  # RTX 3090
        (32607, 31.4),  # RTX 5090
        (81559, 79.18),  # H100
        (97887, 94.97),  # RTX PRO 6000
        (143771, 139.80),  # H200
    ],
)
def test_cuda_has_less_than_the_driver_reports(driver: int, cuda: float) -> None:
    total = cuda_total(Device("GPU", "nvidia", driver * MIB, None))
    assert total
    assert total / GIB == pytest.approx(cuda, rel=0.002)


def test_what_the_driver_says_it_keeps_is_taken_at_its_word() -> None:
    assert cuda_total(Device("GPU", "nvidia", 24 * GIB, None, reserved=GIB)) == 23 * GIB
    assert cuda_total(Device("GPU", "amd", 24 * GIB, None)) == 24 * GIB
    assert cuda_free(Device("GPU", "nvidia", 24 * GIB, 24 * GIB, reserved=GIB)) == 23 * GIB
    assert cuda_free(Device("GPU", "nvidia", 24 * GIB, 8 * GIB, reserved=GIB)) == 8 * GIB
    assert cuda_total(Device("GPU", "nvidia", None, None)) is None
