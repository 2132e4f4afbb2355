"""Tables in narrow terminals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Result


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_name_is_cut_where_a_column_can_go(
    qwenpick: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "64GiB").out
    table = [line for line in shown.splitlines() if line.startswith((" 1 ", " 2 ", " 3 ", " 4 ", " 5 "))]
    assert len(table) == 5
    assert all(line.split()[1].startswith("Qwen") and len(line.rstrip()) <= width for line in table)
    assert shown.index(" 5   ") < shown.index("\n1. ")
    assert ("Format" in shown, "Runtime" in shown) == {60: (False, False), 80: (True, True), 100: (True, True)}[width]
    between = shown[shown.index(" 1   ") : shown.index("\n1. ")].strip().splitlines()
    assert len(between) == 5  # nothing is folded
