"""A repository whose size no listing states: planned by its method, with a band as wide as what goes by its name, and said so by every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.simulate import simulate
from qwenpick.planning.words import size_note
from qwenpick.readers import resolve
from qwenpick.recommending.request import Request
from qwenpick.units import GIB
from tests.conftest import Run

NOT_LISTED = (
    # (repository, box, bytes of the language model that loads: from starts that were logged)
    ("nobody/Qwen3.6-27B-int4-AutoRound", "2x rtx 3090", 17.8e9),
    ("nobody/Qwen3.6-35B-A3B-int4-mixed-AutoRound", "2x rtx 5090", 20.9e9),
    ("nobody/Qwen3.8-27B-W4A16", "rtx 3090", 16.1e9),
    ("cyankiwi/Qwen3.5-35B-A3B-AWQ-4bit", "2x rtx 3090", 23.5e9),
)


def answer(catalog: Catalog, text: str, gpu: str, context: int = 32768) -> Answer:
    found = resolve(text, catalog, runtime="vllm")
    request = Request(quant=found.quant, runtime="vllm", context=context)
    return fit(found.catalog, simulate(found.catalog, [gpu]), found.model, request)


@pytest.mark.parametrize(("text", "gpu", "loads"), NOT_LISTED)
def test_what_really_loads_is_within_the_band_and_a_note_says_that_the_size_is_not_known(
    text: str, gpu: str, loads: float, catalog: Catalog
) -> None:
    found = answer(catalog, text, gpu)
    plan, file = found.plan, found.plan.file
    assert file is not None and file.repository == text and file.by_rule and file.least and file.most
    assert file.least <= file.bytes <= file.most
    assert any(text in note and "not known" in note for note in found.notes)
    others = plan.memory.total - sum(part.bytes for part in plan.memory.parts if part.name == "text weights")
    assert plan.memory.total * plan.band.low - others <= loads <= plan.memory.total * plan.band.high - others


def test_the_band_of_a_listed_file_is_the_engines_and_nothing_is_said(catalog: Catalog) -> None:
    listed = answer(catalog, "Frozenlock/Qwen3.8-27B-int4-AutoRound", "2x rtx 3090")
    alike = answer(catalog, "nobody/Qwen3.8-27B-int4-AutoRound", "2x rtx 3090")
    assert size_note(listed.plan) is None and not listed.plan.checkpoint.by_rule
    assert alike.plan.band.high > listed.plan.band.high and alike.plan.band.low < listed.plan.band.low
    assert alike.plan.memory.total == pytest.approx(listed.plan.memory.total, rel=0.03)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (
            "Lorbus/Qwen3.6-27B-int4-AutoRound",
            18_996_000_000,
        ),  # its card: 18 GB, which is GiB; auto-round's default is within that
        ("cyankiwi/Qwen-AgentWorld-35B-A3B-AWQ-INT4", 23_519_913_216),
        ("Intel/Qwen3.5-122B-A10B-int4-AutoRound", 76_800_000_000),
    ],
)
def test_a_file_whose_size_is_stated_is_planned_with_it(text: str, size: int, catalog: Catalog) -> None:
    plan = answer(catalog, text, "8x rtx 3090").plan
    assert size_note(plan) is None and not plan.checkpoint.by_rule and plan.file and plan.file.repository == text
    assert plan.checkpoint.bytes == pytest.approx(
        size, rel=0.035
    )  # with an MTP block of 16 bits: what engines take sizes for


def test_fits_is_not_said_where_a_file_of_that_name_may_not(catalog: Catalog) -> None:
    # 19.5 GB of weights by gptqmodel's and auto-round's default, 28.8 GB with the delta nets in 16 bits: two cards of 16 GiB hold one of them
    plan = answer(catalog, "nobody/Qwen3.8-27B-W4A16", "2x rtx 5060 ti 16gb", 16384).plan
    assert plan.verdict == "tight" and plan.holds() and not plan.holds(strict=True)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("nobody/Qwen3.6-27B-AWQ-BF16-INT4", "awq-int4"),
        ("nobody/Qwen3.6-27B-W4A16-G128", "gptq-int4"),
        ("nobody/Qwen3.5-35B-A3B-GPTQ-8bit", "gptq-int8"),
        ("nobody/Qwen3.6-27B-NVFP4-MSE", "nvfp4"),
        ("nobody/Qwen3.6-35B-A3B-int4-mixed-AutoRound", "gptq-int4"),
        ("hf:nobody/Qwen3.6-27B-int4-AutoRound", "gptq-int4"),
    ],
)
def test_a_named_repository_is_planned_in_the_format_that_its_name_states(
    text: str, form: str, catalog: Catalog
) -> None:
    found = resolve(text, catalog, runtime="vllm")
    assert found.quant == form and found.model.checkpoints[0].repo == text.removeprefix("hf:")


def test_online_reads_the_repositorys_own_header(catalog: Catalog) -> None:
    from qwenpick.readers import read_model
    from tests.readers.test_read_model import recorded

    text = "nobody/Qwen3-8B-AWQ"
    asked: list[str] = []
    nothing = recorded({})

    def fetch(repo: str, file: str, first: int, last: int) -> bytes | None:
        asked.append(repo)
        return nothing(repo, file, first, last)

    assert (
        read_model(text, catalog, fetch=fetch).model.id == "qwen3-8b"
    )  # as the catalogue has it, where the hub has nothing
    assert asked[0] == text
    asked.clear()
    read_model("Qwen/Qwen3-8B-AWQ", catalog, fetch=fetch)
    read_model("QuantTrio/Qwen3.6-27B-AWQ", catalog, fetch=fetch)
    assert asked == []


def test_every_command_says_it(qwenpick: Run, tmp_path: Path) -> None:
    text, box = "nobody/Qwen3.6-27B-int4-AutoRound", ("--gpu", "2x rtx 3090", "--ram", "64")
    asked = (text, "--runtime", "vllm", "--context", "32768", *box)
    fits = json.loads(qwenpick("fit", *asked, "--json").out)
    assert fits["file"]["by_rule"] and fits["file"]["least"] < fits["file"]["bytes"] < fits["file"]["most"]
    assert any("is not known" in note for note in fits["notes"])
    launched = json.loads(qwenpick("launch", *asked, "--json").out)
    assert any("is not known" in note for note in launched["notes"])
    assert text in json.dumps(launched["serve"])
    (tmp_path / "models.yaml").write_text(
        "models:\n  - {model: " + text + ", runtime: vllm, context: 32k, machine: {gpus: [2x rtx 3090], ram: 64GiB}}\n"
    )
    checked = json.loads(qwenpick("check", str(tmp_path / "models.yaml"), "--json").out)
    (result,) = checked["results"]
    assert result["status"] == "pass" and "is not known" in result["warning"]
    assert result["plan"]["memory"]["total"] == fits["memory"]["total"]
    assert fits["memory"]["high"] - fits["memory"]["total"] > 0.02 * fits["memory"]["total"] > GIB / 100
