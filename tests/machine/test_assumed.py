"""The RAM of a pretended box, where nobody says what it gives."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.probe.bandwidth import said
from qwenpick.machine.simulate import simulate
from qwenpick.units import GIB, parse_rate


@pytest.mark.parametrize(
    ("gpu", "ram", "rate"),
    [
        ("rtx 3090", 64, 51.2e9),  # 2020: DDR4 boards
        ("rtx 4090", 64, 89.6e9),  # October 2022: DDR5 boards
        ("rtx 3090", 96, 89.6e9),  # two modules of 48 GB are DDR5
        ("rtx 3090", 512, 204.8e9),  # no desktop board takes that much
    ],
)
def test_a_box_has_the_ram_that_boxes_of_its_age_and_size_are_sold_with(
    catalog: Catalog, gpu: str, ram: int, rate: float
) -> None:
    box = simulate(catalog, [gpu], None, ram * GIB, False)
    assert box.cpu.bandwidth == rate
    assert (box.cpu.bandwidth_from or "").startswith("assumed")


def test_what_a_person_says_of_the_ram_stands(catalog: Catalog) -> None:
    box = said(simulate(catalog, ["rtx 3090"], None, 64 * GIB, False), parse_rate("102.4 GB/s"))
    assert box.cpu.bandwidth == 102.4e9
    assert "--ram-bandwidth" in (box.cpu.bandwidth_from or "")


@pytest.mark.parametrize("text", ["fast", "-3GB/s", "0", "10 parsecs"])
def test_a_bandwidth_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(QwenpickError, match="bandwidth"):
        parse_rate(text)
