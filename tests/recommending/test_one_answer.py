"""One answer: what is recommended is what is planned by itself, what is launched, and a file that exists."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.launch import launch, run_of, visible_devices
from qwenpick.machine.file import read
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from qwenpick.units import GIB
from tests.conftest import mostly_slow
from tests.recommending.engine_refusals import REFUSALS, refused

SAVED = sorted((Path(__file__).resolve().parents[1] / "machines").glob("*.json"))
SIMULATED = [
    *((gpu, ram) for gpu in ("gtx 1060 6gb", "gtx 1660 super", "rtx 2060", "rtx 3060 12gb", "rtx 3080 10gb", "rtx 4060", "rtx 4060 ti 16gb",
                             "rtx 4070", "rtx 4090", "rtx 5070 ti", "rtx 5090", "rx 7800 xt", "rx 7900 xtx", "arc b580") for ram in (16, 64)),
    *((gpu, 256) for gpu in ("2x rtx 3090", "3x rtx 3060 12gb", "4x rtx 4090", "2x rtx 5090", "5x rtx 3090", "7x rtx 4090", "l40s", "rtx a6000",
                             "rtx pro 6000 blackwell workstation", "a100 80gb pcie", "h100 80gb", "4x h100 80gb", "8x h100 80gb", "8x h200")),
    *((gpu, None) for gpu in ("m2 16gb", "m3 pro 36gb", "m4 max 64gb", "m3 ultra 256gb", "strix halo", "dgx spark")),
    *((None, ram) for ram in (8, 16, 32, 128)),
]  # fmt: skip
BOXES = [*SAVED, *SIMULATED]
TASKS = ("chat", "coding", "vision", "rag-embedding")
QUICK = [SAVED[0], ("rtx 4060", 16), ("4x h100 80gb", 256), ("m4 max 64gb", None), (None, 16)]


def box(catalog: Catalog, which: Path | tuple[str | None, int | None]) -> Machine:
    if isinstance(which, Path):
        return read(which)
    gpu, ram = which
    return simulate(catalog, [gpu] if gpu else [], None, ram * GIB if ram else None, gpu is None)


def check(catalog: Catalog, which: Path | tuple[str | None, int | None], task: str) -> None:
    machine = box(catalog, which)
    for pick in recommend(catalog, machine, Request(task=task), 3, details=False).picks:
        plan = pick.plan
        alone = fit(catalog, machine, plan.model, Request(task=task))
        assert (alone.plan, alone.longest) == (plan, pick.longest)
        started = launch(run_of(alone.plan, None, visible_devices(plan.placement, machine)))
        words = " ".join([started.serve.line(), *started.files.values(), *(one.line() for one in started.prepare)])
        if plan.checkpoint.repo:
            assert plan.checkpoint.repo in words
        assert str(plan.work.context) in words or plan.runtime in ("mlx", "transformers")
        if plan.runtime in ("vllm", "sglang"):
            assert plan.placement.tensor_parallel in (1, 2, 4, 8)
            assert plan.placement.pipeline_parallel in (1, 2, 4, 8)
        assert not refused(plan)  # by the engine's own rules, told anew from its source
        if plan.speed:
            assert plan.speed.each.high <= plan.speed.roofline.tokens_per_second * 1.001


@pytest.mark.parametrize(
    ("which", "task"), mostly_slow([(QUICK[0], "chat"), (QUICK[1], "coding"), *product(QUICK, TASKS[:2])], 2)
)
def test_a_pick_is_planned_and_launched_alike(
    catalog: Catalog, which: Path | tuple[str | None, int | None], task: str
) -> None:
    check(catalog, which, task)


@pytest.mark.slow
@pytest.mark.parametrize(("which", "task"), [*product(BOXES, TASKS)])
def test_every_pick_is_planned_and_launched_alike(
    catalog: Catalog, which: Path | tuple[str | None, int | None], task: str
) -> None:
    check(catalog, which, task)


ASKED = [
    *product(("sglang", "ollama", "lmstudio"), (("2x rtx 3090", 128), ("rtx 3060 12gb", 32), ("h100 80gb", 256), ("t4", 32))),
    *product(("mlx", "ollama", "lmstudio"), (("m2 16gb", None), ("m4 max 64gb", None))),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "which"), mostly_slow(ASKED, 1))
def test_no_engine_refuses_what_is_planned_for_it_where_it_is_asked_for(
    catalog: Catalog, engine: str, which: tuple[str, int | None]
) -> None:
    for users, context in ((1, None), (4, None), (1, 131072)):
        asked = Request(task="chat", runtime=engine, users=users, context=context)
        for pick in recommend(catalog, box(catalog, which), asked, 3, details=False).picks:
            assert not refused(pick.plan), pick.plan.model.name


def test_there_are_sixty_boxes() -> None:
    assert len(BOXES) >= 60


def test_the_engines_rules_refuse_what_they_are_about(catalog: Catalog) -> None:
    """Each rule bites: a plan that breaks it is found, and names where the engine's source says so."""
    machine = simulate(catalog, ["8x h100 80gb"], None, 256 * GIB, False)
    plan = fit(catalog, machine, catalog.models["qwen3.8-27b"], Request(runtime="vllm")).plan
    assert plan is not None
    cut = replace(plan, placement=replace(plan.placement, tensor_parallel=7))
    assert any("model.py:1230" in said for said in refused(cut))
    mixed = replace(plan, runtime="ollama", work=replace(plan.work, sequences=2, kv_cache=KvCache("q8_0", "q4_0")))
    assert {said.partition(":")[0] for said in refused(mixed)} >= {"llm/llama_server.go", "server/sched.go"}
    assert any("qwen3_5.py" in said for said in refused(replace(cut, runtime="sglang")))
    unknown = replace(
        plan, runtime="mlx", architecture=plan.architecture.model_copy(update={"model_type": "qwen3_asr"})
    )
    assert refused(unknown) == ["mlx_lm/utils.py:225: model type not supported"]
    assert all(rule.source.rpartition(":")[2].isdecimal() for rule in REFUSALS)
