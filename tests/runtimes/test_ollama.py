"""Ollama: what differs from llama.cpp, against its library's tags."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.fitting.answer import fit
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization.gguf import layer_sizes
from qwenpick.memory.quantization.gguf.rules import OLLAMA_HALF_VALUES, tensor_types
from qwenpick.planning.checkpoints import checkpoints
from qwenpick.recommending.request import Request
from qwenpick.runtimes import find_runtime, llamacpp, ollama
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

CARD = Device("a card", "nvidia", 24 * GIB, 24 * GIB, compute_capability="8.9")

# (model, format, decimal GB of the tag): ollama.com/library, March 2026
TAGS = [
    ("qwen1.5-0.5b", "Q4_K_M", 0.407),
    ("qwen2-7b", "Q4_K_M", 4.7),
    ("qwen3-0.6b", "F16", 1.5),  # holds its head again
    ("qwen3-0.6b", "Q4_K_M", 0.523),  # holds its values in 16 bits, as do those of April 2025
    ("qwen3-0.6b", "Q8_0", 0.832),
    ("qwen3-1.7b", "Q4_K_M", 1.4),
    ("qwen3-4b", "Q4_K_M", 2.6),
    ("qwen3-8b", "Q4_K_M", 5.2),
    ("qwen3-8b", "Q8_0", 8.9),
    ("qwen3-14b", "Q4_K_M", 9.3),
    ("qwen3-4b-instruct-2507", "Q4_K_M", 2.5),
    ("qwen3-vl-32b-instruct", "Q4_K_M", 21),
    ("qwen3-coder-480b-a35b-instruct", "Q4_K_M", 290),
    ("qwen3.5-27b", "BF16", 56),
    ("qwen3.5-35b-a3b", "Q4_K_M", 24),
]


@pytest.mark.parametrize(("name", "format_name", "size"), TAGS)
def test_a_tag_is_as_large_as_the_library_says(catalog: Catalog, name: str, format_name: str, size: float) -> None:
    model = catalog.models[name]
    found = ollama.tag_bytes(model, catalog.architecture(model), format_name) / 1e9
    assert f"{found:.2g}" == f"{size:.2g}" or found == pytest.approx(size, rel=0.015)


def test_a_first_qwen3_holds_the_types_that_its_file_lists(catalog: Catalog) -> None:
    # ollama/ollama#14774, qwen3:32b: "type f32: 257 tensors", f16 64, q4_K 353, q6_K 33, "file size = 18.81 GiB"
    types = tensor_types(catalog.architectures["qwen3-32b"], OLLAMA_HALF_VALUES["Q4_K_M"])
    assert Counter(kind for _, kinds in types for kind in kinds) == {"F32": 257, "F16": 64, "Q4_K": 353, "Q6_K": 33}
    sizes = layer_sizes(catalog.architectures["qwen3-32b"], OLLAMA_HALF_VALUES["Q4_K_M"])
    assert f"{sum(sum(layers) for _, layers in sizes) / GIB:.2f}" == "18.81"


def test_only_the_librarys_own_files_hold_their_values_in_16_bits(catalog: Catalog) -> None:
    def weights(name: str) -> tuple[int, int]:
        model = catalog.models[name]
        asked = (model, catalog.architecture(model), Checkpoint(format="Q4_K_M"), Serving(4096), Placement((CARD,)))
        return ollama.memory(*asked).of("weights"), llamacpp.memory(*asked).of("weights")

    theirs, plain = weights("qwen3-8b")
    values = 36 * 4096 * 1024  # layers x hidden x key-value width
    half = 36 // 2  # every second layer's have 6.5625 bits in llama.cpp's Q4_K_M, the others 4.5
    assert theirs - plain == values * 2 - values * half // 36 * (6.5625 + 4.5) / 8
    assert len(set(weights("qwen3-4b-thinking-2507"))) == 1  # later than April 2025: a plain Q4_K_M


def test_a_repositorys_file_is_held_as_llama_cpp_made_it(catalog: Catalog) -> None:
    for name in ("qwen3-8b", "qwen3-0.6b"):
        model = catalog.models[name]
        file = Checkpoint(format="Q4_K_M", repo="somebody/GGUF")
        asked = (model, catalog.architecture(model), file, Serving(4096), Placement((CARD,)))
        assert ollama.memory(*asked).of("weights") == llamacpp.memory(*asked).of("weights")


def test_the_cut_is_that_of_the_file(catalog: Catalog) -> None:
    model = catalog.models["qwen3-32b"]
    arguments = (model, catalog.architecture(model), Checkpoint(format="Q4_K_M"), Serving(4096))
    need = ollama.memory(*arguments, Placement((CARD,))).on("gpu0")
    fitting, small = replace(CARD, free=need), replace(CARD, free=need - 1)
    assert next(iter(ollama.placements(*arguments, Machine((fitting,))))).split is None
    assert next(iter(ollama.placements(*arguments, Machine((small,))))).split is not None


def test_a_vision_tag_loads_its_projector_for_text_too(catalog: Catalog) -> None:
    model = catalog.models["qwen3-vl-8b-instruct"]
    architecture = catalog.architecture(model)
    arguments = (model, architecture, Checkpoint(format="Q4_K_M"), Serving(4096), Placement((CARD,)))
    names = {part.name for part in ollama.memory(*arguments).parts}
    assert "projector" in names
    assert "projector" not in {part.name for part in llamacpp.memory(*arguments).parts}


def test_the_experts_of_a_large_model_go_to_ram(catalog: Catalog) -> None:
    model = catalog.models["qwen3-235b-a22b"]
    architecture = catalog.architecture(model)
    found = list(ollama.placements(model, architecture, Checkpoint(format="Q4_K_M"), Serving(4096), Machine((CARD,))))
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


@pytest.mark.parametrize("quant", ["Q6_K", "Q4_K_S", "UD-Q4_K_XL", "IQ4_XS", "6bit"])
def test_any_gguf_file_runs(catalog: Catalog, quant: str) -> None:
    box = simulate(catalog, ["3x rtx 3090"], None, 64 * GIB, False)
    plan = fit(catalog, box, catalog.models["qwen3-32b"], Request(runtime="ollama", quant=quant, context=8192)).plan
    assert plan.holds()
    assert plan.checkpoint.format == ("Q6_K" if quant == "6bit" else quant)


def test_the_library_s_own_formats_are_what_is_offered_unasked(catalog: Catalog) -> None:
    found = checkpoints(catalog.models["qwen3-32b"], find_runtime("ollama"))
    assert {checkpoint.format for checkpoint in found} <= {"F16", "BF16", "Q8_0", "Q4_K_M"}


# ollama/ollama#14141: 93 GB on a DGX Spark, whose 128 GB get 262,144 tokens of context
@pytest.mark.parametrize(
    ("gpu", "name", "said"),
    [
        ("dgx spark", "qwen3-vl-32b-instruct", "256k tokens of context on such a machine: 88."),
        ("rtx 3060 12gb", "qwen3-8b", "4k tokens of context on such a machine: 6."),
        ("rtx 3090", "qwen3.5-9b", "32k tokens of context on such a machine: 8."),
    ],
)
def test_what_it_holds_with_its_own_context_is_said(catalog: Catalog, gpu: str, name: str, said: str) -> None:
    box = simulate(catalog, [gpu], None, None if "spark" in gpu else 32 * GIB, False)
    notes = fit(catalog, box, catalog.models[name], Request(runtime="ollama", quant="Q4_K_M")).notes
    assert sum(said in note for note in notes) == 1
    asked = fit(catalog, box, catalog.models[name], Request(runtime="ollama", quant="Q4_K_M", context=16384))
    assert not any("by itself" in note for note in asked.notes)


# server/sched.go, automaticGenerationBatch: it reckons the file, and 16 bits of every layer's cache with heads that are hidden / heads wide
@pytest.mark.parametrize(
    ("name", "gpus", "context", "batch"),
    [
        (
            "qwen3.8-27b",
            ["rtx 4090"],
            200_704,
            512,
        ),  # 41.4 GiB of cache: as a 24 GB card's log says (-b 512 -ub 512, 0.32.15)
        ("qwen3.8-27b", ["a100 80gb"], 200_704, 1024),
        (
            "qwen3.5-9b",
            ["rtx 4090"],
            200_704,
            2048,
        ),  # its header lists the heads, 0 of a delta net: as the log says (0.33.3)
        ("qwen3-8b", ["rtx 3090"], 4096, 512),
        ("qwen3-8b", ["rtx 3090"], 8194, 1024),
        ("qwen3-8b", ["rtx 3090"], 65_536, 1024),  # 13.7 GiB of 24: over 60 %
        ("qwen3-8b", ["rtx 5090"], 65_536, 2048),
        ("qwen3-8b", ["2x rtx 3090"], 65_536, 1024),  # one card holds it, so the other's memory does not count
        ("qwen3-8b", ["tesla m40"], 4096, 512),  # no flash attention before Pascal
        ("qwen3-8b", [], 65_536, 2048),
        ("qwen3-embedding-0.6b", ["rtx 3060 12gb"], 1024, 1024),
        ("qwen3-embedding-0.6b", ["rtx 3060 12gb"], 32_768, 2048),
    ],
)
def test_its_micro_batch_follows_the_context_and_the_free_memory(
    catalog: Catalog, name: str, gpus: list[str], context: int, batch: int
) -> None:
    model = catalog.models[name]
    box = simulate(catalog, gpus, None, 64 * GIB, not gpus)
    work = Serving(context, options={})
    chosen = ollama.settled(
        model, catalog.architecture(model), Checkpoint(format="Q4_K_M"), work, Placement(box.devices)
    )
    assert (chosen.options["n_ubatch"], chosen.options["n_batch"]) == (batch, batch)


@pytest.mark.parametrize("name", ["num_batch", "n_batch", "n_ubatch", "ub"])
def test_a_batch_that_is_said_is_both(catalog: Catalog, name: str) -> None:
    model = catalog.models["qwen3-8b"]
    asked = (model, catalog.architecture(model), Checkpoint(format="Q4_K_M"))
    found = ollama.settled(*asked, Serving(8192, options={name: 256}), Placement((CARD,))).options
    assert (found["n_batch"], found["n_ubatch"]) == (256, 256)
    parts = ollama.memory(*asked, Serving(8192, options={name: 256}), Placement((CARD,))).parts
    assert any("micro-batch of 256 tokens" in part.formula for part in parts)


def test_tokens_to_draft_are_all_it_needs_to_draft(catalog: Catalog) -> None:
    model = catalog.models["qwen3.8-27b"]
    asked = (model, catalog.architecture(model), Checkpoint(format="Q4_K_M"))

    def names(options: dict[str, object]) -> set[str]:
        return {part.name for part in ollama.memory(*asked, Serving(8192, options=options), Placement((CARD,))).parts}

    assert "draft kv cache" in names({"draft_num_predict": 4})
    assert "draft kv cache" not in names({}) | names({"draft_num_predict": 0})


def test_a_refusal_reads_the_modelfiles_names(catalog: Catalog) -> None:
    work = Serving(4096, kv_cache=KvCache("q8_0", "q8_0"), options={"num_gpu": 99, "num_batch": 1024})
    assert not ollama.refusal(catalog.architectures["qwen3-8b"], Checkpoint(format="Q4_K_M"), work, Placement((CARD,)))


# What llama.cpp's fit projected in MiB, as Ollama 0.33.3 logged it on a CUDA card, with the 512 or 2,048 tokens a batch that it took
@pytest.mark.parametrize(
    ("name", "quant", "cache", "context", "drafts", "said"),
    [
        ("qwen3.8-27b", "Q4_K_M", "q8_0", 200_704, 4, 24_859),
        ("qwen3.8-27b", "Q4_K_M", "f16", 40_960, 4, 19_107),
        ("qwen3.6-35b-a3b", "Q4_K_M", "q8_0", 200_704, 2, 23_967),
        ("qwen3.5-9b", "Q4_K_M", "q4_0", 200_704, 0, 8_323),
        ("qwen3.5-0.8b", "Q8_0", "q8_0", 200_704, 0, 3_304),
    ],
)
def test_what_its_log_projects(
    catalog: Catalog, name: str, quant: str, cache: str, context: int, drafts: int, said: int
) -> None:
    model = catalog.models[name]
    options: dict[str, object] = {
        "mmproj": False,
        "n_gpu_layers": 99,
        **({"draft_num_predict": drafts} if drafts else {}),
    }
    work = Serving(context, kv_cache=KvCache(cache, cache), options=options)
    memory = ollama.memory(model, catalog.architecture(model), Checkpoint(format=quant), work, Placement((CARD,)))
    held = sum(part.bytes for part in memory.parts if part.where == "gpu0" and part.kind != "overhead")
    assert held / 2**20 == pytest.approx(said, rel=0.006)
