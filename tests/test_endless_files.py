"""A device or a pipe has no size: what is read of one is bounded, and a sentence comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwenpick import machine_file, requirements
from qwenpick.catalog.read import read_file
from qwenpick.errors import QwenpickError

ENDLESS = Path("/dev/zero")


@pytest.mark.skipif(not ENDLESS.exists(), reason="no /dev/zero on this system")
@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (machine_file.read, "too large to be a machine"),
        (requirements.read, "no file of requirements"),
        (read_file, "no catalogue"),
    ],
)
def test_an_endless_file_is_refused_with_a_sentence(read: Callable[[Path], object], sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        read(ENDLESS)
