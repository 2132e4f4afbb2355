"""SGLang's arithmetic against its own rules, what logs print, and numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import sglang
from qwenpick.runtimes.given import read
from qwenpick.runtimes.sglang.options import Options
from qwenpick.runtimes.sglang.pools import stages_of
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import of

GIB, MIB = 2**30, 2**20
BF16 = Checkpoint(format="bf16")


def gpu(total: int, count: int = 1, tensor_parallel: int = 1) -> Placement:
    return Placement(
        (Device("GPU", "nvidia", total, total, compute_capability="9.0", reserved=0),) * count, tensor_parallel
    )


@pytest.mark.parametrize(
    ("total", "gpus", "chunk", "batch", "share"),
    [
        # 512 + 2,048 x 1.5 + 128 + 8 x 2 + 42 x 8 = 4,064 of 16,384 MiB
        (16, 1, 2048, 8, 0.752),
        # 512 + 4,096 x 1.5 + 128 + 48 x 2 + 50 x 8 = 7,280 of 24,576 MiB
        (24, 1, 4096, 48, 0.704),
        # 512 + 8,192 x 1.5 + 128 + 256 x 2 + 58 x 8 = 13,904 of 81,920 MiB
        (80, 1, 8192, 256, 0.83),
        # eight GPUs: 512 + 12,288 + 1,024 + 512 x 2 + 58 x 8 = 15,312 of 81,920 MiB
        (80, 8, 8192, 512, 0.813),
    ],
)
def test_the_static_share_follows_the_gpus_memory(
    catalog: Catalog, total: int, gpus: int, chunk: int, batch: int, share: float
) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    chosen = sglang.settings(architecture, Serving(4096, 512), gpu(total * GIB, gpus, gpus))
    assert (chosen.chunk, chosen.graph_batch, chosen.static) == (chunk, batch, share)


@pytest.mark.parametrize(
    ("total", "gpus", "options", "share"),
    [
        # up to 0.5.19 cards of 24 GiB take chunks of 2,048 and batches of 24, 80 from four GPUs on: 512 + 3,072 + 128 + 48 + 42 x 8 = 4,096
        (24, 1, {"version": "0.5.19"}, 0.833),
        (24, 4, {"version": "0.5.19"}, 0.813),
        (24, 1, {"version": "0.5.20"}, 0.704),
        # prefill was not captured up to 0.5.9
        (24, 1, {"version": "0.5.9"}, 0.847),
        # what leaves prefill uncaptured: 464 MiB less aside
        (80, 1, {"version": "0.5.13", "enable_lora": True}, 0.836),
        (80, 1, {"version": "0.5.14", "enable_lora": True}, 0.83),
        (80, 1, {"version": "0.5.16", "enable_lora": True}, 0.836),
        (80, 1, {"version": "0.5.17", "enable_lora": True}, 0.83),
        # drafting set 2 GiB more aside, 4 from 0.5.10 on, 6 with a model of its own, nothing from 0.5.14 on
        (80, 1, {"version": "0.5.9", "speculative_num_draft_tokens": 4}, 0.811),
        (80, 1, {"version": "0.5.13", "speculative_num_draft_tokens": 4}, 0.786),
        (80, 1, {"version": "0.5.13", "speculative_num_draft_tokens": 4, "speculative_algorithm": "STANDALONE"}, 0.761),
        (80, 1, {"version": "0.5.14", "speculative_num_draft_tokens": 4}, 0.83),
        # graphs that are switched off count no more from 0.5.14 on
        (80, 1, {"version": "0.5.13", "disable_cuda_graph": True}, 0.83),
        (80, 1, {"version": "0.5.14", "disable_cuda_graph": True}, 0.842),
        # up to 0.4.7 by the number of GPUs
        (48, 1, {"version": "0.4.6"}, 0.88),
        (24, 4, {"version": "0.4.7"}, 0.85),
        (48, 16, {"version": "0.4.3"}, 0.79),
        (141, 1, {"version": "0.4.6"}, 0.8723),
        (48, 1, {"version": "0.4.8"}, 0.792),
        # 0.4.10: 2.9 GiB, 10 GiB, 32 GiB
        (16, 1, {"version": "0.4.10"}, 0.819),
        (80, 1, {"version": "0.4.10"}, 0.875),
        (180, 1, {"version": "0.4.10"}, 0.822),
        # from 0.5.22 on no larger batch is captured than runs at once
        (80, 1, {"version": "0.5.21", "max_running_requests": 8}, 0.83),
        (80, 1, {"version": "0.5.22", "max_running_requests": 8}, 0.836),
    ],
)
def test_the_static_share_is_the_releases(
    catalog: Catalog, total: int, gpus: int, options: dict[str, object], share: float
) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    work = Serving(4096, 512, options=options)
    assert sglang.settings(architecture, work, gpu(total * GIB, gpus, gpus)).static == pytest.approx(share, abs=0.0006)


def test_a_vision_tower_lowers_the_share(catalog: Catalog) -> None:
    # 0.95 x (1 - 0.1 x (1,152^2 / 1,024^2 - 1)) = 0.92477 of 0.836, prefill is not captured
    _, architecture = of(catalog, "qwen3-vl-8b-instruct")
    assert sglang.settings(architecture, Serving(4096, 512), gpu(80 * GIB)).static == pytest.approx(
        0.92477 * 0.836, rel=1e-4
    )


@pytest.mark.parametrize(
    ("name", "release", "stages", "captured"),
    [
        ("qwen3-8b", "0.5.9", 1, False),
        ("qwen3-8b", "0.5.10", 1, True),
        ("qwen3-8b", "0.5.13", 2, False),
        ("qwen3-8b", "0.5.18", 2, True),
        ("qwen3-8b", "0.5.19", 2, False),
        ("qwen3-vl-8b-instruct", "0.5.13", 1, False),
        ("qwen3-vl-8b-instruct", "0.5.14", 1, True),
        ("qwen3-vl-8b-instruct", "0.5.23", 1, False),
        ("qwen3.5-9b", "0.5.13", 1, False),
        ("qwen3.5-9b", "0.5.15", 1, False),
        ("qwen3.5-9b", "0.5.16", 1, True),
        ("qwen3.8-flash-next", "0.5.21", 1, False),
        ("qwen3.8-flash-next", "0.5.22", 1, True),
    ],
)
def test_prefill_is_captured_where_the_release_does(
    catalog: Catalog, name: str, release: str, stages: int, captured: bool
) -> None:
    _, architecture = of(catalog, name)
    work = Serving(4096, 512, options={"version": release})
    placement = replace(gpu(80 * GIB, stages), pipeline_parallel=stages)
    assert sglang.settings(architecture, work, placement).prefill is captured


@pytest.mark.parametrize(
    ("name", "work", "ranks", "gib", "tokens"),
    [
        # logs: K and V of 0.82 GB each, 15,387 tokens; 5.57 each, 104,273; 4.15 each per rank of two, 580,364
        ("qwen3-0.6b", Serving(4096), 1, 1.64, 15_387),
        ("qwen3-0.6b", Serving(4096), 1, 11.14, 104_273),
        ("qwen3.5-397b-a17b", Serving(8192), 2, 8.30, 580_364),
    ],
)
def test_a_pool_holds_the_tokens_that_logs_say(
    catalog: Catalog, name: str, work: Serving, ranks: int, gib: float, tokens: int
) -> None:
    _, architecture = of(catalog, name)
    placement = gpu(80 * GIB, ranks, ranks)
    assert sglang.pool_tokens(architecture, work, placement, int(gib * GIB)) == pytest.approx(tokens, rel=0.003)


@pytest.mark.parametrize(
    ("name", "ranks", "gib"), [("qwen3-0.6b", 1, 1.20), ("qwq-32b", 4, 15.54), ("qwen3.8-27b", 1, 51.05)]
)
def test_loading_takes_what_logs_say(catalog: Catalog, name: str, ranks: int, gib: float) -> None:
    memory = sglang.memory(*of(catalog, name), BF16, Serving(4096), gpu(80 * GIB, ranks, ranks))
    held = sum(p.bytes for p in memory.parts if p.where == "gpu0" and (p.kind == "weights" or p.name == "loading"))
    assert held / GIB == pytest.approx(gib, rel=0.01)


def test_a_running_request_holds_five_slots_of_the_mamba_pool_three_before_0_5_16_and_one_without_the_radix_cache(
    catalog: Catalog,
) -> None:
    # Qwen3.5-27B: 48 x (3 x 10,240 x 2 + 48 x 128 x 128 x 4) = 153,944,064 bytes a slot, and one slot for padded writes
    run = (*of(catalog, "qwen3.5-27b"), BF16)
    old = {"version": "0.5.12"}
    assert sglang.memory(*run, Serving(4096, 2), gpu(80 * GIB)).of("state") == 11 * 153_944_064
    assert sglang.memory(*run, Serving(4096, 2, options=old), gpu(80 * GIB)).of("state") == 7 * 153_944_064
    assert (
        sglang.memory(*run, Serving(4096, 2, options={"disable_radix_cache": True}), gpu(80 * GIB)).of("state")
        == 3 * 153_944_064
    )


def test_the_pool_grows_with_sequences_and_halves_in_fp8(catalog: Catalog) -> None:
    # Qwen3-8B: 147,456 bytes a token; one page more for padded writes
    run = (*of(catalog, "qwen3-8b"), BF16)
    assert sglang.memory(*run, Serving(4096, 3), gpu(80 * GIB)).of("kv cache") == (3 * 4096 + 1) * 147_456
    eight = Serving(4096, 3, KvCache("fp8", "fp8"))
    assert sglang.memory(*run, eight, gpu(80 * GIB)).of("kv cache") == (3 * 4096 + 1) * 73_728


def test_a_plan_sets_aside_what_the_smallest_chunk_needs(catalog: Catalog) -> None:
    # 512 + 2,048 x 1.5 + 128 + 1 x 2 + 42 x 8 = 4,050 of 81,390 MiB: a share of 0.9502, 0.951 to three decimals
    memory = sglang.memory(*of(catalog, "qwen3-8b"), BF16, Serving(4096), gpu(80 * GIB))
    assert memory.of("compute") == round((80 * GIB - 530 * MIB) * (1 - 0.951))


def test_a_named_share_stands(catalog: Catalog) -> None:
    work = Serving(4096, options={"mem_fraction_static": 0.7})
    memory = sglang.memory(*of(catalog, "qwen3-8b"), BF16, work, gpu(80 * GIB))
    assert memory.of("compute") == round((80 * GIB - 530 * MIB) * (1 - 0.7))


def test_the_servers_own_settings_are_kept_where_they_hold(catalog: Catalog) -> None:
    # 0.836 of 79.5 GiB are 66.5 GiB: room for 56.9 GiB of weights, not for 65.0
    work, placement = Serving(4096), gpu(80 * GIB)
    assert sglang.planned(*of(catalog, "qwen3-30b-a3b"), BF16, work, placement).chunk == 8192
    assert sglang.planned(*of(catalog, "qwen3.5-35b-a3b"), BF16, work, placement).chunk == 2048


def test_a_larger_gpu_never_holds_less(catalog: Catalog) -> None:
    # the server's own chunk doubles at 20, 60 and 160 GiB, and so does what it sets aside
    run = (*of(catalog, "qwen3-8b"), BF16, Serving(4096))
    spare = [
        (sglang.budget(p.devices[0], run[3]) or 0) - sglang.memory(*run, p).total
        for p in (gpu(n * GIB) for n in range(10, 200))
    ]
    assert spare == sorted(spare)


def test_more_memory_gives_more_tokens(catalog: Catalog) -> None:
    run = (*of(catalog, "qwen3.5-9b"), BF16, Serving(4096))
    assert 0 < sglang.kv_tokens(*run, gpu(40 * GIB)) < sglang.kv_tokens(*run, gpu(80 * GIB))


def test_what_sglang_cannot_run_is_refused_with_the_reason(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    assert "GGUF" in (sglang.refusal(architecture, Checkpoint(format="Q4_K_M"), Serving(4096), gpu(80 * GIB)) or "")
    assert "divide by 3" in (sglang.refusal(architecture, BF16, Serving(4096), gpu(80 * GIB, 3, 3)) or "")
    with pytest.raises(QwenpickError, match="mem_fraction_static"):
        sglang.refusal(architecture, BF16, Serving(4096, options={"mem_fraction": 0.8}), gpu(80 * GIB))


def test_one_gpu_comes_before_several(catalog: Catalog) -> None:
    machine = Machine(gpu(80 * GIB, 2).devices)
    assert [p.tensor_parallel for p in sglang.placements(*of(catalog, "qwen3-8b"), BF16, Serving(4096), machine)] == [
        1,
        2,
    ]


def test_four_bit_integers_of_quark_are_not_loaded(catalog: Catalog) -> None:
    model = catalog.models["qwen3.8-27b"]
    architecture = catalog.architecture(model)
    h100 = Placement((Device("H100", "nvidia", 80 * GIB, 80 * GIB, compute_capability="9.0"),))
    why = {
        one.repo: sglang.refusal(architecture, one, Serving(4096), h100)
        for one in model.checkpoints
        if one.format == "awq-int4"
    }
    assert [repo for repo, said in why.items() if said] == ["amd/Qwen3.8-27B-Quark-AWQ-INT4-W4A16"]
    assert len(why) > 1


def test_stages_hold_what_they_were_given_else_the_last_ones_the_odd_layers(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3-32b")
    three = replace(gpu(80 * GIB, 3), pipeline_parallel=3)
    assert [len(layers) for layers in stages_of(architecture, three)] == [21, 21, 22]  # vLLM: 21, 22, 21
    options = {"pp_layer_partition": "20,44"}
    asked = read(Options, options).parallel
    assert asked and (asked.pipeline, asked.stage_layers) == (2, (20, 44))
    uneven = replace(gpu(80 * GIB, 2), pipeline_parallel=2, stage_layers=(20, 44))
    work = Serving(4096, options=options)
    held = sglang.memory(model, architecture, BF16, work, uneven)
    cache = [sum(p.bytes for p in held.parts if p.where == f"gpu{i}" and p.kind == "kv cache") for i in (0, 1)]
    assert cache[1] / cache[0] == pytest.approx(44 / 20)
    even = replace(uneven, stage_layers=None)
    first, second = (sglang.ledger(model, architecture, BF16, work, cut) for cut in (uneven, even))
    # the fuller card has 12 layers more of 0.91 GiB and divides what is left by 44 in place of 32
    assert first.kv_cache_tokens < second.kv_cache_tokens
    last, halves = first.ranks[1], second.ranks[1]
    assert (last.weights_bytes - halves.weights_bytes) / GIB == pytest.approx(12 * 0.909, rel=0.01)
    assert first.kv_cache_tokens == last.available_kv_cache_bytes // (44 * 2 * 8 * 128 * 2)
    wrong = sglang.refusal(architecture, BF16, work, replace(uneven, stage_layers=(20, 40)))
    assert "64" in (wrong or "")


def test_a_hybrids_stage_keeps_the_states_of_its_own_delta_nets(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3.6-27b")  # 64 layers, every fourth attends
    uneven = replace(gpu(80 * GIB, 2), pipeline_parallel=2, stage_layers=(16, 48))
    held = sglang.memory(model, architecture, BF16, Serving(4096), uneven)
    states = [sum(p.bytes for p in held.parts if p.where == f"gpu{i}" and p.kind == "state") for i in (0, 1)]
    assert states[1] == 3 * states[0] > 0
