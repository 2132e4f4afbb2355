"""Sizes and contexts are read as people write them, and refused with an example where they cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.errors import QwenpickError
from qwenpick.units import format_bytes, format_count, format_gb, format_tokens, parse_bytes, parse_tokens


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 2**30), ("24 GB", 24 * 10**9), ("24g", 24 * 2**30), ("512MiB", 512 * 2**20), ("1.5 TiB", 3 * 2**39),
        ("0,5GB", 500_000_000), ("8Gi", 8 * 2**30), ("1_000 kB", 1_000_000), ("7b", 7),
    ],
)  # fmt: skip
def test_a_size_is_read_as_it_is_written(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "24 potatoes", "-3GiB", "1.2.3GiB", "24 GiB of RAM", "nan GiB", "infGB"])
def test_a_size_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(QwenpickError, match="24GiB"):
        parse_bytes(text)


def test_a_size_without_a_unit_is_refused_with_both_readings() -> None:
    with pytest.raises(QwenpickError, match=r"24GiB \(2\^30\) or 24GB \(10\^9\)"):
        parse_bytes("24")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("32k", 32768), ("32768", 32768), ("128K", 131072), ("40,960", 40960), ("1M", 1_000_000), ("1.5k", 1536)],
)
def test_a_context_is_read_as_it_is_written(text: str, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "0", "many", "-1", "32 kB", "32GiB", "k", "0.0001k"])
def test_a_context_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(QwenpickError, match="32k"):
        parse_tokens(text)


def test_every_printed_number_carries_its_unit() -> None:
    assert format_bytes(16_381_470_720) == "15.26 GiB"  # 8,190,735,360 parameters x 2 bytes / 2^30
    assert format_bytes(300 * 2**20) == "300 MiB"
    assert format_bytes(2048) == "2 KiB"
    assert format_bytes(0) == "0 MiB"
    assert format_gb(5_027_783_232) == "5.03 GB"
    assert format_tokens(131072) == "128k"
    assert format_tokens(1_010_000) == "1.01M"
    assert format_count(2_446_182_725_504) == "2.45T"


@given(st.integers(min_value=2**20, max_value=2**50))
def test_what_is_printed_is_read_back_to_the_printed_digits(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == pytest.approx(size, rel=0.006, abs=2**19)
