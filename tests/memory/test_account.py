"""The parts add up."""

from __future__ import annotations

import pytest

from qwenpick.memory.account import RAM, Memory, Part, gpu, memory


def test_the_total_is_the_sum_of_the_parts_and_of_the_places() -> None:
    run = Memory(
        (Part("a", 5, gpu(0), "", "weights"), Part("b", 7, gpu(1), "", "kv cache"), Part("c", 11, RAM, "", "weights"))
    )
    assert run.total == 23
    assert run.places == ("gpu0", "gpu1", "ram")
    assert sum(run.on(where) for where in run.places) == run.total
    assert run.of("weights") == 16


def test_a_part_of_less_than_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="-1 bytes"):
        Part("a", -1, RAM, "", "weights")


def test_empty_parts_are_left_out() -> None:
    assert memory([Part("a", 0, RAM, "", "weights")]) == Memory(())
