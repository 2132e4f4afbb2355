"""What quantization leaves of a model's quality."""

from __future__ import annotations

import itertools

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.quantization_loss import CACHE, ROWS, TABLE, cache_retention, for_task, retention

SIZES = (1_000_000_000, 4_000_000_000, 8_000_000_000, 32_000_000_000, 110_000_000_000, 400_000_000_000)


def test_every_format_that_is_planned_has_evidence() -> None:
    assert set(FORMATS) - set(ROWS) == set(), "no row in recommending/quantization_loss.py"
    assert set(ROWS.values()) == set(TABLE)


def test_nothing_is_kept_beyond_all_of_it() -> None:
    for name, size in itertools.product(FORMATS, SIZES):
        kept = retention(name, size)
        assert 0 <= kept.low <= kept.value <= kept.high <= 1


def test_a_larger_model_never_keeps_less() -> None:
    for name in FORMATS:
        values = [retention(name, size).value for size in SIZES]
        assert values == sorted(values), name


def test_fewer_bits_of_one_kind_never_keep_more() -> None:
    ladder = ("BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "IQ3_XXS", "Q2_K", "IQ2_XXS", "IQ1_S")
    for size in SIZES:
        values = [retention(name, size).value for name in ladder]
        assert values == sorted(values, reverse=True)


def test_a_2_bit_32b_keeps_less_than_an_8_bit_14b_and_is_not_advised() -> None:
    assert retention("Q2_K", 32_000_000_000).value == 0.88
    assert retention("Q8_0", 14_000_000_000).value == 0.998
    assert not retention("Q2_K", 32_000_000_000).advised
    assert retention("IQ2_M", 397_000_000_000).advised  # the floor of 200B and more is 2.1 bits


def test_what_is_extrapolated_says_so() -> None:
    assert retention("Q2_K", 4_000_000_000).confidence == "low"
    assert retention("Q8_0", 4_000_000_000).confidence == "high"


def test_total_parameters_count_not_active_ones() -> None:
    assert retention("IQ3_M", 35_000_000_000) == retention("IQ3_M", 27_000_000_000)


def test_an_unknown_format_says_which_is_known() -> None:
    with pytest.raises(QwenpickError, match="did you mean Q4_K_"):
        retention("Q4_K_N", 8_000_000_000)


def test_four_bit_keys_break_models_with_a_key_bias_and_no_others() -> None:
    # transformers#35185: Qwen2.5-7B with an int4 cache solves 0 of 120 where it solved 98
    assert cache_retention("qkv-bias", 4.5, 4.5).value == 0
    assert cache_retention("hybrid", 4.5, 4.5).value == 0.96
    assert cache_retention("hybrid", 8.5, 8.5).value == pytest.approx(0.999)
    assert cache_retention("qkv-bias", 16, 16).value == 1
    assert all(sorted(kept, reverse=True) == list(kept) for kept in CACHE.values())


def test_code_and_agents_lose_more_than_chat() -> None:
    kept = retention("Q4_K_M", 8_000_000_000)  # 2 % lost on an average test
    assert for_task(kept, {"general": 1.0}) == pytest.approx(0.98)
    assert for_task(kept, {"agents": 0.6, "code": 0.4}) == pytest.approx(0.96)  # twice that


def test_the_table_covers_six_classes_of_size() -> None:
    assert {len(row) for row in TABLE.values()} == {6}
