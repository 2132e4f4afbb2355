"""MIG instances by name."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.speed.devices import place_of

MIB = 2**20


@pytest.mark.parametrize(
    ("name", "mib"),
    [("a100 40gb mig 1g.5gb", 4864), ("a100-sxm4-40gb 3g.20gb", 19968), ("a100 80gb mig 3g.40gb", 40192)],
)
def test_an_instance_has_the_memory_that_its_driver_reports(catalog: Catalog, name: str, mib: int) -> None:
    (device,) = simulate(catalog, [name]).devices
    assert device.kind == "mig" and device.total == pytest.approx(mib * MIB, rel=0.015)


def test_an_instance_has_its_share_of_bandwidth_and_multiprocessors(catalog: Catalog) -> None:
    whole, part = (simulate(catalog, [name]).devices[0] for name in ("h100", "h100 mig 3g.40gb"))
    here, there = place_of(whole, catalog.gpus), place_of(part, catalog.gpus)
    assert here and there
    assert there.bandwidth == pytest.approx(here.bandwidth / 2) and there.rate == pytest.approx(here.rate * 3 / 7)


def test_several_instances_are_several_devices(catalog: Catalog) -> None:
    assert len(simulate(catalog, ["2x a100 40gb mig 3g.20gb"]).devices) == 2


@pytest.mark.parametrize("name", ["rtx 4090 mig 1g.3gb", "h100 mig 3g.20gb", "a30 mig 7g.24gb"])
def test_what_a_card_cannot_be_cut_into_is_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(QwenpickError):
        simulate(catalog, [name])
