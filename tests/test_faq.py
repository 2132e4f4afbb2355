"""What docs/faq.md and docs/hardware.md say in words is what the tool plans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.vendors import maker
from qwenpick.runtimes.vllm.vendors import BUILDS
from tests.conftest import Run

DOCS = Path(__file__).parents[1] / "docs"
FAQ = (DOCS / "faq.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("gpu", "quant", "runs"),
    [
        ("t4", "fp8", True),
        ("rtx 3090", "fp8", True),
        ("rtx 4090", "fp8", True),
        ("t4", "nvfp4", True),
        ("rtx 4090", "nvfp4", True),
        ("v100", "fp8", False),
        ("v100", "nvfp4", False),
        ("ascend 910b", "fp8", False),
        ("ascend 910b", "gptq-int4", False),
    ],
)
def test_what_runs_on_older_cards(qwenpick: Run, gpu: str, quant: str, runs: bool) -> None:
    """ "Older cards from Turing on hold both as they are stored; V100 is refused both; makers' builds are refused what nobody names"."""
    found = qwenpick("fit", "qwen3-4b", "--quant", quant, "--gpu", gpu, "--ram", "64GiB", "--runtime", "vllm")
    assert ("cannot run" in found.out) is not runs, found.out


@pytest.mark.parametrize(
    ("where", "engine"),
    [
        (("--gpu", "rtx 4090"), "llama.cpp"),
        (("--gpu", "rtx 4090", "--sequences", "4"), "vLLM"),
        (("--gpu", "a10g", "--sequences", "4"), "vLLM"),
        (("--gpu", "t4"), "llama.cpp"),
        (("--gpu", "m4 max"), "MLX"),
        (("--cpu-only",), "llama.cpp"),
    ],
)
def test_which_engine_is_taken_unasked(qwenpick: Run, where: tuple[str, ...], engine: str) -> None:
    found = qwenpick("fit", "qwen3-4b", *where, "--ram", "64GiB")
    assert f" on {engine}, " in found.out.splitlines()[0]


def test_each_false_claim_of_the_article_is_shown_by_its_command(qwenpick: Run, catalog: Catalog) -> None:
    commands = re.findall(r"\(`qwenpick ([^`]+)`\) \|", FAQ[FAQ.index("## What an article") :])
    assert len(commands) >= 12
    big = qwenpick("fit", "qwen3-coder-480b", "--quant", "4bit", "--gpu", "rtx 4090", "--ram", "64GiB")
    assert "does not fit" in big.out and big.code == 1
    for name in ("qwen3-7b", "qwen3-72b"):
        assert qwenpick("fit", name, "--gpu", "rtx 4090").code == 2
    assert round((catalog.gpus["a10g"].memory_bytes or 0) / 2**30) == 24
    soon = catalog.gpus["rtx-5070-ti-super"]
    assert soon.status == "rumoured" and round((soon.memory_bytes or 0) / 2**30) == 24
    context = catalog.models["qwen3-8b"].context
    assert context and (context.native, context.extended) == (32_768, 131_072)
    assert catalog.models["qwen1.5-4b"].licence.commercial_use == "non-commercial"
    assert catalog.models["qwen1.5-0.5b"].licence.commercial_use == "non-commercial"
    uses = {i: catalog.models[f"qwen1.5-{i}"].licence.commercial_use for i in ("1.8b", "7b", "14b", "72b", "110b")}
    assert uses.pop("1.8b") == "non-commercial"
    assert set(uses.values()) == {"free-under-threshold"}
    small = ("fit", "qwen1.5-4b", "--quant", "4bit", "--vram", "4GiB", "--gpu-only")
    assert qwenpick(*small, "--context", "1k").code == 0
    assert qwenpick(*small, "--context", "8k").code == 1
    seven = ("fit", "qwen2-7b-instruct", "--vram", "8GiB", "--gpu-only", "--quant")
    assert qwenpick(*seven, "4bit").code == 0
    assert qwenpick(*seven, "fp16").code == 1
    read = {i: catalog.models[f"qwen2.5-{i}-instruct"].context for i in ("0.5b", "1.5b", "3b", "7b", "72b")}
    assert [context.extended or context.native for context in read.values() if context] == [32_768] * 3 + [131_072] * 2
    mixture = catalog.architecture(catalog.models["qwen3-vl-30b-a3b-instruct"])
    assert mixture.mlp is not None and mixture.mlp.kind == "moe"
    assert " fits, " in qwenpick("fit", "qwen3-32b", "--quant", "fp16", "--gpu", "h20").out


def test_the_processors_of_the_article_read_the_same_memory() -> None:
    """Two channels of DDR5-5600, over the 4.9 GB of an 8B in 4 bits."""
    bandwidth = 2 * 8 * 5600e6
    assert f"({bandwidth / 1e9:.1f} GB/s)" in FAQ and f"{bandwidth / 4.9e9:.0f} tokens/s" in FAQ


def test_the_makers_of_the_hardware_page_are_those_that_are_planned() -> None:
    page = (DOCS / "hardware.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) \(([^)]+)\) \|", page[page.index("## Accelerators made in China") :], re.MULTILINE)
    assert {name for name, _chinese in rows} == {
        maker(vendor).split(" (")[0].removesuffix(" CoreX") for vendor in BUILDS["vLLM"]
    }
