"""A little of every kind of hostile input; `python tools/reliability.py` runs as much as docs/reliability.md says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fuzz.inputs import KINDS
from tests.fuzz.processes import signals, starts
from tests.fuzz.properties import violations
from tests.fuzz.running import tally

SEED = int(os.environ.get("QWENPICK_FUZZ_SEED", "1"))
COUNT = int(os.environ.get("QWENPICK_FUZZ_COUNT", "120"))

pytestmark = [pytest.mark.fuzz, pytest.mark.skipif(sys.platform == "win32", reason="the timer of the process is POSIX")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_is_an_internal_error_a_hang_or_steers_an_output(kind: str, tmp_path: Path) -> None:
    found = tally(kind, SEED, KINDS[kind](SEED, tmp_path), COUNT)
    assert found.inputs == COUNT
    assert found.wrong == 0, f"seed {SEED}: " + "\n".join(found.failures[:3])


def test_no_random_request_violates_a_property() -> None:
    found = violations(SEED, COUNT)
    assert found["cases"] == COUNT
    assert not found["failures"], "\n".join(found["failures"][:3])


def test_processes_that_start_together_say_the_same_and_leave_nothing_behind() -> None:
    found = starts(6)
    assert (found["outputs"], found["failed"], found["left"]) == (1, 0, 0), found


def test_a_signal_ends_it_with_its_code() -> None:
    found = signals(8, SEED)
    assert (found["wrong"], found["left"]) == (0, 0), found
