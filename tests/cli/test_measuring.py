"""RAM bandwidth is measured once, on a terminal, for a probed box, where a plan reads weights from RAM; never otherwise."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.cli.common.box import Box
from qwenpick.cli.common.measuring import measured_once
from qwenpick.fitting.answer import bandwidth_notes, fit
from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import bandwidth
from qwenpick.machine.simulate import simulate
from qwenpick.planning.plan import Plan
from qwenpick.recommending.request import Request
from qwenpick.units import GIB


@pytest.fixture
def probed(catalog: Catalog) -> Machine:
    box = simulate(catalog, [], None, 32 * GIB, True)
    cpu = replace(box.cpu, bandwidth=51.2e9, bandwidth_from="assumed: dual-channel DDR4-3200")
    return replace(box, origin="probe", cpu=cpu)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls = list[int]()

    def rate(threads: int) -> float:
        calls.append(threads)
        return 40e9

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(bandwidth, "measure_bandwidth", rate)
    return calls


def _plan(catalog: Catalog, box: Machine) -> Plan:
    return fit(catalog, box, catalog.models["qwen3-4b"], Request(runtime="llamacpp", quant="Q4_K_M")).plan


def test_on_a_terminal_it_is_measured_once_and_kept(catalog: Catalog, probed: Machine, terminal: list[int]) -> None:
    plan = _plan(catalog, probed)
    box = measured_once(probed, Box(), plan, "table")
    assert box and box.cpu.bandwidth == 40e9 and len(terminal) == 1
    assert measured_once(box, Box(), plan, "table") is None and len(terminal) == 1
    kept = bandwidth.remembered(bandwidth.box_key(probed.cpu, probed.ram_installed), bandwidth.bandwidth_file())
    assert kept == 40e9
    slower, faster = _plan(catalog, box).speed, plan.speed
    assert slower and faster and slower.each.value < faster.each.value


def test_nothing_is_measured_elsewhere(
    catalog: Catalog, probed: Machine, terminal: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = _plan(catalog, probed)
    on_gpu = _plan(catalog, simulate(catalog, ["rtx 4090"], None, 64 * GIB, False))
    assert measured_once(probed, Box(), on_gpu, "table") is None
    assert measured_once(probed, Box(), None, "table") is None
    assert measured_once(probed, Box(), plan, "json") is None
    assert measured_once(probed, Box(ram_bandwidth="80GB/s"), plan, "table") is None
    assert measured_once(probed, Box(gpu=["rtx 4090"]), plan, "table") is None
    assert measured_once(replace(probed, origin="file"), Box(), plan, "table") is None
    monkeypatch.setenv("CI", "true")
    assert measured_once(probed, Box(), plan, "table") is None
    monkeypatch.delenv("CI")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert measured_once(probed, Box(), plan, "table") is None
    assert not terminal


def test_what_is_assumed_is_said(catalog: Catalog, probed: Machine) -> None:
    plan = _plan(catalog, probed)
    assert "51.2 GB/s (assumed" in " ".join(bandwidth_notes(plan, probed))
    known = replace(probed, cpu=replace(probed.cpu, bandwidth_from=bandwidth.MEASURED))
    assert not bandwidth_notes(plan, known) and not bandwidth_notes(plan, replace(probed, origin="simulated"))
