"""Ollama: what differs from llama.cpp, against its library's tags."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.hardware import Device, Machine
from qwenpick.placement import Placement
from qwenpick.runtimes import llamacpp, ollama
from qwenpick.units import GIB
from qwenpick.workload import Serving

CARD = Device("a card", "nvidia", 24 * GIB, 24 * GIB, compute_capability="8.9")

# (architecture, format, decimal GB of the tag, digits shown): ollama.com/library, March 2026
TAGS = [
    ("qwen1.5-0.5b", "Q4_K_M", 0.407),
    ("qwen2-7b", "Q4_K_M", 4.7),
    ("qwen3-0.6b", "F16", 1.5),  # holds its head again
    ("qwen3-4b", "Q4_K_M", 2.5),
    ("qwen3-vl-32b", "Q4_K_M", 21),
    ("qwen3-coder-480b-a35b", "Q4_K_M", 290),
    ("qwen3.5-27b", "BF16", 56),
    ("qwen3.5-35b-a3b", "Q4_K_M", 24),
]


@pytest.mark.parametrize(("architecture", "format_name", "size"), TAGS)
def test_a_tag_is_as_large_as_the_library_says(
    catalog: Catalog, architecture: str, format_name: str, size: float
) -> None:
    assert ollama.tag_bytes(catalog.architectures[architecture], format_name) / 1e9 == pytest.approx(size, rel=0.025)


def test_a_vision_tag_loads_its_projector_for_text_too(catalog: Catalog) -> None:
    model = catalog.models["qwen3-vl-8b-instruct"]
    architecture = catalog.architecture(model)
    arguments = (model, architecture, Checkpoint(format="Q4_K_M"), Serving(4096), Placement((CARD,)))
    names = {part.name for part in ollama.memory(*arguments).parts}
    assert "projector" in names
    assert "projector" not in {part.name for part in llamacpp.memory(*arguments).parts}


def test_the_experts_of_a_large_model_go_to_ram(catalog: Catalog) -> None:
    architecture = catalog.architectures["qwen3-235b-a22b"]
    found = list(ollama.placements(architecture, Checkpoint(format="Q4_K_M"), Serving(4096), Machine((CARD,))))
    assert found[0].cpu_moe_layers


def test_its_own_mix_of_a_hybrid_weighs_more_than_llama_cpps(catalog: Catalog) -> None:
    model = catalog.models["qwen3.5-35b-a3b"]
    architecture = catalog.architecture(model)
    arguments = (
        model,
        architecture,
        Checkpoint(format="Q4_K_M"),
        Serving(4096, options={"mmproj": False}),
        Placement((CARD,)),
    )
    theirs, plain = ollama.memory(*arguments).of("weights"), llamacpp.memory(*arguments).of("weights")
    # 20 of 40 layers' down experts go from Q4_K to Q6_K: 20 x 256 x 2048 x 512 x (210 - 144) / 256 bytes, and attn_qkv from Q5_K/Q6_K to Q4_K
    assert 1.05 < theirs / plain < 1.10


def test_its_refusals_name_ollama(catalog: Catalog) -> None:
    reason = ollama.refusal(catalog.architectures["qwen3-8b"], Checkpoint(format="nf4"), Serving(4096), Placement())
    assert reason
    assert reason.startswith("Ollama")
