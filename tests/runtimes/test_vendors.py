"""Accelerators beside NVIDIA's, AMD's and Intel's: an engine plans on those it has a build for, and only formats that the build loads."""

from __future__ import annotations

import re

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.gpus import find_gpu
from qwenpick.machine.simulate import simulate
from qwenpick.runtimes.llamacpp.limits import has_backend
from qwenpick.runtimes.vllm.vendors import BUILDS, build_refusal, vendors
from qwenpick.units import GIB
from tests.conftest import Run


@pytest.mark.parametrize(
    ("name", "format_name", "refused"),
    [
        ("ascend 910b", "bf16", False),
        ("ascend 910b", "fp8", True),
        ("ascend 950", "fp8", False),
        ("kunlun p800", "awq-int4", False),
        ("mtt s4000", "gptq-int4", True),
        ("rtx 4090", "gptq-int4", False),
    ],
)
def test_a_build_loads_what_its_vendor_says(catalog: Catalog, name: str, format_name: str, refused: bool) -> None:
    (device,) = simulate(catalog, [name], None, 64 * GIB, False).devices
    why = build_refusal(format_name, device, "vLLM")
    assert bool(why) is refused
    assert why is None or re.search(f"is not known to load {format_name} on .*; it loads bf16, fp16", why)


def test_every_build_is_of_a_vendor_whose_parts_name_it(catalog: Catalog) -> None:
    named = {(e.engine, gpu.vendor) for gpu in catalog.gpus.values() for e in gpu.engines}
    for title, builds in BUILDS.items():
        for vendor in builds:
            assert vendor in vendors(title)
            assert (title.lower(), vendor) in {(engine.lower(), v) for engine, v in named}, (title, vendor)


@pytest.mark.parametrize(
    ("name", "runs"), [("tpu v5e", False), ("ascend 910b", False), ("mtt s4000", True), ("arc b580", True)]
)
def test_llama_cpp_plans_only_where_it_has_a_backend(catalog: Catalog, name: str, runs: bool) -> None:
    assert find_gpu(catalog, name)
    (device,) = simulate(catalog, [name], None, 64 * GIB, False).devices
    assert has_backend(device) is runs


@pytest.mark.parametrize(
    ("name", "runs"), [("trainium2", False), ("tpu v6e", False), ("ascend 910b", True), ("rtx 4090", True)]
)
def test_transformers_is_not_planned_where_torch_has_no_device(qwenpick: Run, name: str, runs: bool) -> None:
    found = qwenpick("fit", "qwen3-0.6b", "--gpu", name, "--runtime", "transformers", "--quant", "bf16", "--gpu-only")
    assert ("was never measured" not in found.out) is runs


@pytest.mark.parametrize(
    ("gpu", "model", "knows"),
    [
        ("kunlun p800", "qwen3-8b", True),
        ("kunlun p800", "qwen3.8-27b", False),
        ("ascend 910b", "qwen3.6-27b", True),
        ("ascend 910b", "qwen3.8-flash-next", False),
    ],
)
def test_a_build_knows_the_models_of_the_release_that_it_follows(
    qwenpick: Run, gpu: str, model: str, knows: bool
) -> None:
    found = qwenpick("fit", model, "--gpu", f"8x {gpu}", "--runtime", "vllm", "--quant", "bf16", "--ram", "512GiB")
    assert ("does not know" not in found.out) is knows, found.out
