"""Several models on one box: shares add up, commands name files and ports of their own, and a group in qwenpick.yaml is one case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.fitting.together import MOST, Together, together, without
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from tests.conftest import Run

GIB = 2**30
BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


def placed(catalog: Catalog, gpus: str, ram: int | None, *names: str) -> Together:
    machine = simulate(catalog, [gpus], None, ram * GIB if ram else None, False)
    return together(machine, [(catalog, find_model(catalog, name), Request()) for name in names])


@pytest.mark.parametrize(
    ("gpus", "ram", "names"),
    [
        ("rtx 4090", 64, ("qwen3.8-27b", "qwen3-embedding-0.6b", "qwen3-reranker-0.6b")),
        ("2x rtx 3090", 64, ("qwen3-embedding-8b", "qwen3.8-27b")),
        ("rtx 3060 12gb", 16, ("qwen3.5-9b", "qwen3.6-35b-a3b")),
        ("l40s", 128, ("qwen3.8-27b", "qwen3-embedding-4b")),
        ("m4 max 64gb", None, ("qwen3.6-35b-a3b", "qwen3-embedding-0.6b")),
        ("strix halo", None, ("qwen3.6-35b-a3b", "qwen3.5-9b")),
    ],
)
def test_the_shares_of_all_models_fit_into_every_place(
    catalog: Catalog, gpus: str, ram: int | None, names: tuple[str, ...]
) -> None:
    found = placed(catalog, gpus, ram, *names)
    assert found.fits
    assert [member.answer.plan.model.id for member in found.members] == [find_model(catalog, n).id for n in names]
    for place in found.places:
        assert place.budget is None or place.need <= place.budget
        assert place.need == sum(member.shares.get(place.where, 0) for member in found.members)
    for member in found.members:
        assert sum(member.shares.values()) >= member.answer.plan.memory.total


def test_each_alone_fits_and_both_do_not(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090"], None, 16 * GIB, False)
    asked = Request(quant="4bit", gpu_only=True)
    models = [find_model(catalog, name) for name in ("qwen3.8-27b", "qwen3-32b")]
    assert all(fit(catalog, machine, model, asked).fits for model in models)
    both = together(machine, [(catalog, model, asked) for model in models])
    assert not both.fits and [member.answer.fits for member in both.members].count(True) == 1


def test_vllm_is_held_to_its_share_so_that_another_has_room(catalog: Catalog) -> None:
    found = placed(catalog, "l40s", 128, "qwen3.8-27b", "qwen3-embedding-4b")
    parts = [member.answer.plan.work.options["gpu_memory_utilization"] for member in found.members]
    assert sum(parts) < 1


def test_what_lies_on_a_unified_gpu_is_gone_from_ram_too(catalog: Catalog) -> None:
    machine = simulate(catalog, ["strix halo"])
    left = without(machine, {"gpu0": 10 * GIB, "ram": GIB})
    assert machine.ram_free and left.ram_free == machine.ram_free - 11 * GIB
    assert left.devices[0].free == (machine.devices[0].free or 0) - 11 * GIB


def test_too_many_models_are_refused(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="at most"):
        placed(catalog, "h200", 512, *["qwen3-0.6b"] * (MOST + 1))


def test_fit_of_several_says_what_each_may_take(qwenpick: Run) -> None:
    values = json.loads(qwenpick("fit", "qwen3.8-27b", "+", "qwen3-embedding-0.6b*4", *BOX, "--json").out)
    assert (values["fits"], values["exit_code"], values["together"]) == (True, 0, True)
    assert [one["model"] for one in values["models"]] == ["qwen3.8-27b", "qwen3-embedding-0.6b"]
    assert values["models"][1]["sequences"] == 4
    for place in values["places"]:
        assert place["need"] == sum(one["share_bytes"].get(place["where"], 0) for one in values["models"])
    no = qwenpick("fit", "qwen3.8-27b:fp8", "+", "qwen3-8b", *BOX, "--gpu-only")
    assert no.code == 1 and "do not fit together: Qwen3.8-27B" in no.out
    assert qwenpick("fit", "qwen3-8b", "+", *BOX).code == 2
    assert qwenpick("fit", "qwen3-8b", "+", "qwen3-4b", *BOX, "--explain").code == 2


def test_launch_of_several_gives_each_a_port(qwenpick: Run) -> None:
    line = ("launch", "qwen3-8b:Q4_K_M", "+", "qwen3-4b:Q4_K_M", "--runtime", "llama.cpp", *BOX)
    values = json.loads(qwenpick(*line, "--json").out)
    ports = [one["serve"]["argv"][one["serve"]["argv"].index("--port") + 1] for one in values["models"]]
    assert ports == ["8080", "8081"]
    script = qwenpick(*line).out
    served = [text for text in script.splitlines() if text.startswith("llama-server")]
    assert [text.endswith(" &") for text in served] == [True, False]
    assert qwenpick("launch", "qwen3-8b", "+", "qwen3-4b", *BOX, "--docker").code == 2


def test_a_group_in_a_file_is_one_requirement(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "qwenpick.yaml"
    file.write_text(
        "machine: {gpus: [rtx 4090], ram: 64GiB}\nmodels:\n"
        "  - name: rag\n    together: [{model: qwen3.8-27b}, {model: qwen3-embedding-0.6b, users: 4}]\n"
        "  - together: [{model: qwen3.8-27b, quant: 4bit, gpu_only: true}, {model: qwen3-32b, quant: 4bit, gpu_only: true}]\n",
        encoding="utf-8",
    )
    found = qwenpick("check", str(file), "--json")
    results = json.loads(found.out)["results"]
    assert found.code == 1 and [one["status"] for one in results] == ["pass", "fail"]
    assert results[1]["name"] == "qwen3.8-27b + qwen3-32b"
    assert qwenpick("check", str(file), "--format", "junit").out.count("<testcase") == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("models: [{name: a}]", ":1: 'model' is missing"),
        ("models: [{model: a, together: [{model: a}, {model: b}]}]", "beside together stand"),
        ("models: [{together: [{model: a, disk: 1}, {model: b}]}]", ":1: there is no field 'disk'"),
    ],
)
def test_a_group_that_is_wrong_says_where(qwenpick: Run, tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "qwenpick.yaml"
    file.write_text(text, encoding="utf-8")
    result = qwenpick("check", str(file))
    assert result.code == 2 and sentence in result.err
