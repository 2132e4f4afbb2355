"""What a card's process takes before an engine does anything."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import cuda_context
from qwenpick.machine.simulate import simulate

GIB = 2**30


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("h200", 0.51),
        ("l40s", 0.47),
        ("rtx 5090", 0.5),
        ("rtx 4090", 0.44),
        ("l4", 0.33),
        ("t4", 0.3),
        ("dgx spark", 0.51),
    ],
)
def test_a_context_follows_the_threads_that_a_card_holds(catalog: Catalog, name: str, said: float) -> None:
    device = simulate(catalog, [name], None, 64 * GIB, False, reserve=0).devices[0]
    assert cuda_context(device) / GIB == pytest.approx(said, abs=0.02)
