"""LM Studio is llama.cpp under the app's settings: what it holds, and what its command line can be told."""

from __future__ import annotations

import json

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.runtimes import find_runtime
from tests.conftest import Run


@pytest.mark.parametrize("name", ["lmstudio", "LM-Studio", "lm studio", "lms"])
def test_it_is_known_by_the_names_people_write(name: str) -> None:
    assert find_runtime(name).TITLE == "LM Studio"


@pytest.mark.parametrize("name", ["qwen3-8b", "qwen3.5-9b"])
def test_it_holds_what_llama_cpp_holds_with_its_settings(catalog: Catalog, name: str) -> None:
    machine, model = simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False), find_model(catalog, name)
    asked = Request(quant="Q4_K_M", context=16384, runtime="lmstudio")
    there = fit(catalog, machine, model, asked).plan
    sees = bool(there.architecture.vision)
    options = {"n_batch": 512, "n_ubatch": 512, **({"mmproj": True} if sees else {})}
    plain = fit(
        catalog, machine, model, Request(quant="Q4_K_M", context=16384, runtime="llamacpp", options=options)
    ).plan
    assert there.memory.total == plain.memory.total and there.file == plain.file
    assert there.speed and plain.speed and there.speed.each == plain.speed.each


def test_a_wrong_option_names_the_app(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False)
    with pytest.raises(QwenpickError, match="LM Studio"):
        fit(catalog, machine, find_model(catalog, "qwen3-8b"), Request(runtime="lmstudio", options={"n_ubatchx": 1}))


def test_launch_is_lms_with_the_planned_context_slots_and_layers(qwenpick: Run) -> None:
    line = ("launch", "qwen3-8b:Q4_K_M", "--runtime", "lm studio", "--context", "16k", "--users", "2")
    values = json.loads(qwenpick(*line, "--gpu", "rtx 4090", "--ram", "64GiB", "--json").out)
    load = values["prepare"][-1]["argv"]
    assert load[:2] == ["lms", "load"] and values["serve"]["argv"] == ["lms", "server", "start", "--port", "1234"]
    said = dict(zip(load[3::2], load[4::2], strict=True))
    assert (said["--context-length"], said["--parallel"], said["--gpu"]) == ("16384", "2", "max")
    cpu = json.loads(qwenpick(*line, "--cpu-only", "--ram", "64GiB", "--json").out)
    assert cpu["prepare"][-1]["argv"][-1] == "off"


def test_what_lms_has_no_flag_for_is_said(qwenpick: Run) -> None:
    box = ("--gpu", "rtx 3060 12gb", "--ram", "64GiB")
    assert (
        "set in the app: force the expert weights"
        in qwenpick("launch", "qwen3.6-35b-a3b:Q4_K_M", "--runtime", "lmstudio", *box).out
    )
    small = qwenpick("launch", "qwen3-8b:Q4_K_M", "--runtime", "lmstudio", "--kv-cache", "q8_0", *box)
    assert "set in the app: K cache quantization q8_0" in small.out
