"""llama.cpp told how to share a model: --split-mode tensor, --tensor-split, -ngl over several GPUs, -ot, the projector in RAM."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import parse_cache
from qwenpick.recommending.request import Request
from qwenpick.runtimes.llamacpp.cut import experts_asked
from qwenpick.runtimes.llamacpp.options import read_options
from qwenpick.units import GIB, MIB
from tests.conftest import Run

PAIR = ["2x rtx 5060 ti 16gb"]
DENSE, MIXTURE = "qwen3.8-27b", "qwen3-30b-a3b"


def asked(
    catalog: Catalog, name: str, gpus: list[str], options: dict[str, object], context: int = 4096, cache: str = "f16"
) -> Answer:
    box = simulate(catalog, gpus, None, 64 * GIB, False)
    request = Request(runtime="llamacpp", quant="Q4_K_M", context=context, kv_cache=parse_cache(cache), options=options)
    return fit(catalog, box, catalog.models[name], request)


def needs(answer: Answer) -> list[int]:
    return [place.need for place in answer.plan.places if place.where != "ram"]


# MiB on each of two cards, 131k tokens, q4_0: sudoingX/qwen38-mtp c7bc415, PR 32
@pytest.mark.parametrize(("options", "measured"), [({}, 9808), ({"spec_type": "draft-mtp", "draft_n_max": 3}, 10684)])
def test_tensor_mode_shares_weights_cache_and_states(
    catalog: Catalog, options: dict[str, object], measured: float
) -> None:
    found = needs(asked(catalog, DENSE, PAIR, {"split_mode": "tensor", **options}, 131072, "q4_0"))
    assert found[0] == found[1]
    assert found[0] / MIB == pytest.approx(measured, rel=0.035)  # what the driver said, its own share within


def test_tensor_mode_reads_all_cards_at_once(catalog: Catalog) -> None:
    one, both = (asked(catalog, DENSE, PAIR, {"sm": mode}).plan.speed for mode in ("layer", "tensor"))
    assert one is not None and both is not None
    assert 1.5 < both.each.value / one.each.value < 1.9  # 22.1 and 37.1 tokens/s measured, 23.1 and 38.3 by another
    assert both.by_depth[0].each.contains(37.1) and one.by_depth[0].each.contains(22.1)


@pytest.mark.parametrize(
    "options", [{"flash_attn": "off"}, {"tensor_split": "3,1"}, {"n_gpu_layers": 20}, {"device": "Vulkan0"}]
)
def test_tensor_mode_is_refused_where_it_would_not_start_or_is_not_planned(
    catalog: Catalog, options: dict[str, object]
) -> None:
    assert asked(catalog, DENSE, PAIR, {"split_mode": "tensor", **options}).plan.refusal


def test_tensor_mode_takes_all_layers_by_any_large_number(catalog: Catalog) -> None:
    assert asked(catalog, DENSE, PAIR, {"sm": "tensor", "ngl": 99}).plan.placement.tensor_parallel == 2


def test_a_tensor_split_is_obeyed_in_the_order_of_the_gpus(catalog: Catalog) -> None:
    gpus = ["rtx 3090", "rtx 5090"]
    placement = asked(catalog, DENSE, gpus, {"tensor_split": "1,3"}).plan.placement
    assert (placement.devices[0].gpu, placement.split) == ("rtx-3090", (17, 48))
    with pytest.raises(QwenpickError, match="3 shares for 2 GPUs"):
        asked(catalog, DENSE, gpus, {"ts": "1,1,1"})
    with pytest.raises(QwenpickError, match="proportions like 3,1"):
        asked(catalog, DENSE, gpus, {"ts": "most"})


def test_all_layers_asked_onto_gpus_go_over_as_many_as_hold_them(catalog: Catalog) -> None:
    assert sum(asked(catalog, DENSE, PAIR, {"ngl": 99}).plan.placement.split or ()) == 65
    assert len(asked(catalog, DENSE, ["2x rtx 5090"], {"ngl": 99}).plan.placement.devices) == 1
    assert asked(catalog, MIXTURE, ["2x rtx 3060 12gb"], {"ncmoe": 4}).plan.placement.cpu_moe_layers == 4


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ({"n_cpu_moe": 99}, 48),
        ({"cpu_moe": True}, 48),
        ({"override_tensor": "exps=CPU"}, 48),
        ({"ot": r"blk\.(2[0-9]|3[0-9]|4[0-7])\.ffn_.*_exps\.=CPU"}, 28),
        ({"ot": r"ffn_(up|down)_exps=CPU"}, 32),  # two of three tensors of each layer
        ({"ot": r"blk\.0\.ffn_.*_exps=CPU,blk\.1\.ffn_.*_exps=CPU"}, 2),
    ],
)
def test_experts_are_kept_in_ram_as_the_pattern_says(options: dict[str, object], layers: int) -> None:
    assert experts_asked(read_options(options), 48) == layers


@pytest.mark.parametrize("rule", ["exps=CUDA1", ".ffn_.*=CPU", "token_embd=CPU", "((=CPU", "exps"])
def test_a_pattern_that_means_something_else_is_refused(rule: str) -> None:
    with pytest.raises(QwenpickError, match="experts alone"):
        experts_asked(read_options({"override_tensor": rule}), 48)


def test_the_projector_lies_in_ram_where_it_is_told_to(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 3090"], None, 64 * GIB, False)
    request = Request(runtime="llamacpp", quant="Q4_K_M", context=4096, image_tokens=1280)
    told = replace(request, options={"no_mmproj_offload": True})
    plans = [fit(catalog, box, catalog.models[DENSE], one).plan for one in (request, told)]
    held = [{part.where for part in plan.memory.parts if part.name.startswith("projector")} for plan in plans]
    assert held == [{"gpu0"}, {"ram"}]


def test_launch_hands_on_how_a_model_is_shared(qwenpick: Run) -> None:
    said = (
        "launch",
        "qwen3-30b-a3b",
        "--quant",
        "Q4_K_M",
        "--context",
        "4096",
        "--gpu",
        "2x rtx 3090",
        "--ram",
        "64GiB",
    )
    assert "-ngl 49 -sm tensor" in qwenpick(*said, "--runtime", "llama.cpp", "-o", "sm=tensor").out
    assert "-ngl 49 -ot exps=CPU" in qwenpick(*said, "--runtime", "llama.cpp", "-o", "ot=exps=CPU").out
    assert "-ts 37,12" in qwenpick(*said, "--runtime", "llama.cpp", "-o", "ts=3,1").out
    assert "LLAMA_ARG_SPLIT_MODE=tensor" in qwenpick(*said, "--runtime", "ollama", "-o", "sm=tensor").out


def test_a_draft_over_two_cards_copies_its_inputs_as_the_model_does(catalog: Catalog) -> None:
    # llama-server --verbose, Qwen3.8-27B Q4_K_M over 2x RTX 5060 Ti, 262,144 tokens q8_0, -ub 256, three drafts: 1,597.09 MiB each, 613.03 the draft
    options: dict[str, object] = {
        "ts": "17,13", "n_ubatch": 256, "n_batch": 1024, "spec_type": "draft-mtp", "draft_n_max": 3,
    }  # fmt: skip
    parts = asked(catalog, DENSE, PAIR, options, 262144, "q8_0").plan.memory.parts
    drafts = [part.bytes for part in parts if part.name == "draft compute"]
    buffers = [part.bytes for part in parts if part.name == "compute buffer" and part.where != "ram"]
    assert drafts == [pytest.approx(613.03 * MIB, rel=0.005)]
    assert buffers == [pytest.approx(1597.09 * MIB, rel=0.04)] * 2


@pytest.mark.parametrize(
    ("gpus", "model", "quant", "taken"),
    [
        # a P40 has half a GiB more free, and reads at a third of the rate: 41-88 tokens/s against 11-26
        (["p40", "rtx 3090"], "qwen3.8-27b", "Q4_K_M", "GeForce RTX 3090"),
        (["rtx 4090", "rx 7900 xtx"], "qwen3.8-27b", "Q4_K_M", "GeForce RTX 4090"),
        # an MI50's 1,024 GB/s are more than a 3090's 936, and less of them is reached
        (["mi50 32gb", "rtx 3090"], "qwen3.5-9b", "Q5_K_S", "GeForce RTX 3090"),
        (["rtx 4060 ti 16gb", "rtx 3060 12gb"], "qwen3.5-9b", "Q5_K_S", "GeForce RTX 3060 12GB"),
        (["rtx 4060 ti 16gb", "rtx 3060 12gb"], "qwen3.5-9b", "Q8_0", "GeForce RTX 3060 12GB"),
        # where the fast one has no room the roomy one is taken
        (["p40", "rtx 3060 12gb"], "qwen3.6-35b-a3b", "Q4_K_M", "Tesla P40"),
    ],
)
def test_of_unlike_gpus_that_hold_it_the_fastest_is_taken(
    catalog: Catalog, gpus: list[str], model: str, quant: str, taken: str
) -> None:
    request = Request(quant=quant, runtime="llamacpp")
    both, *each = [
        fit(catalog, simulate(catalog, names, None, 64 * GIB, False), catalog.models[model], request).plan
        for names in (gpus, *([name] for name in gpus))
    ]
    assert [device.name for device in both.placement.devices] == [taken] and both.verdict == "fits"
    rates = [alone.speed.each.value for alone in each if alone.speed and alone.mode == "gpu"]
    assert both.speed and both.speed.each.value == max(rates)
