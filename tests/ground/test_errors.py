"""What was probably meant is named, and nothing is named where nothing is near."""

from __future__ import annotations

from qwenpick.errors import HardwareUnreadableError, QwenpickError, did_you_mean


def test_the_nearest_name_is_offered_whatever_its_case() -> None:
    assert did_you_mean("RTX-5900", ["rtx-5090", "h200"]) == "; did you mean rtx-5090?"


def test_nothing_is_offered_where_nothing_is_near() -> None:
    assert did_you_mean("zzz", ["rtx-5090"]) == ""


def test_a_bad_request_ends_with_2_and_unreadable_hardware_with_3() -> None:
    assert (QwenpickError.exit_code, HardwareUnreadableError.exit_code) == (2, 3)
