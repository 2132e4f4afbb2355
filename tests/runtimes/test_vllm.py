"""vLLM's arithmetic against real starts of 0.26 on one H200 (139.8007 GiB), its own plans, and numbers worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import sglang, vllm
from qwenpick.runtimes.vllm import cache
from qwenpick.runtimes.vllm.captures import graph_sizes
from qwenpick.runtimes.vllm.profile import forward
from qwenpick.runtimes.vllm.settings import settings
from qwenpick.runtimes.vllm.weights import rope_bytes, rounded
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import of

GIB, MIB = 2**30, 2**20
H200 = Device("NVIDIA H200", "nvidia", int(139.8007 * GIB), int(139.8007 * GIB), compute_capability="9.0", reserved=0)
RTX4090 = Device("NVIDIA GeForce RTX 4090", "nvidia", 24564 * MIB, 24564 * MIB, compute_capability="8.9")
BF16 = Checkpoint(format="bf16")


def started(context: int, **options: object) -> Serving:
    """A start as the measured ones: the LLM class, 90 % of the memory."""
    return Serving(
        context, options={"version": "0.26", "usage_context": "llm_class", "gpu_memory_utilization": 0.9, **options}
    )


@pytest.mark.parametrize(
    ("name", "work", "tokens"),
    [
        ("qwen3-0.6b", started(4096, enforce_eager=True), 1_161_264),
        ("qwen3-8b", started(4096), 791_792),
        ("qwen3-8b", started(4096, quantization="fp8"), 839_104),
        ("qwen3-8b", started(4096, enforce_eager=True, max_num_batched_tokens=2048, max_num_seqs=256), 801_664),
        ("qwen3-30b-a3b", started(32768), 708_336),
        ("qwen3-30b-a3b", started(32768, enforce_eager=True, max_num_batched_tokens=2048, max_num_seqs=256), 742_368),
    ],
)
def test_the_tokens_of_the_cache_are_those_vllm_printed(
    catalog: Catalog, name: str, work: Serving, tokens: int
) -> None:
    assert vllm.kv_tokens(*of(catalog, name), BF16, work, Placement((H200,))) == pytest.approx(tokens, rel=0.001)


@pytest.mark.parametrize(
    ("name", "work", "gib"),
    [
        # 16,384 tokens x 2 bytes x (3 x 12,288 + 4 x 4,096) elements = 1.625 GiB, and 32 MiB of cuBLAS's workspace
        ("qwen3-8b", started(4096, enforce_eager=True), 1.6563),
        ("qwen3-8b", started(4096, enforce_eager=True, max_num_batched_tokens=2048, max_num_seqs=256), 0.2344),
        # compiled: a second embedding matrix of 151,936 x 4,096 x 2 bytes = 1,187 MiB, and 33 MiB
        ("qwen3-8b", started(4096, max_num_batched_tokens=2048, max_num_seqs=16), 1.1914),
        ("qwen3-8b", started(4096), 1.5899),
        ("qwen3-0.6b", started(32768), 0.4961),
        ("qwen3-30b-a3b", started(32768), 3.2064),
    ],
)
def test_the_peak_of_the_profile_run_is_the_measured_one(
    catalog: Catalog, name: str, work: Serving, gib: float
) -> None:
    _, architecture = of(catalog, name)
    assert vllm.profiled(architecture, BF16, work, Placement((H200,))).activation / GIB == pytest.approx(gib, rel=0.005)


def test_a_start_that_cannot_hold_one_request_is_refused(catalog: Catalog) -> None:
    # measured: 3.87 GiB left of 19.6 requested, and 40,960 tokens x 147,456 bytes = 5.62 GiB needed
    options = {
        "version": "0.26",
        "gpu_memory_utilization": 0.1402,
        "enforce_eager": True,
        "max_num_batched_tokens": 2048,
        "max_num_seqs": 256,
    }
    work, placement = Serving(40960, options=options), Placement((H200,))
    run = (*of(catalog, "qwen3-8b"), BF16, work, placement)
    assert vllm.available_kv(*run) / GIB == pytest.approx(3.87, abs=0.01)
    assert vllm.max_concurrency(*run) < 1
    budget = vllm.budget(H200, work)
    assert budget
    assert vllm.memory(*run).total > budget


def test_more_than_is_free_may_not_be_requested_by_name(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    busy = Device("GPU", "nvidia", 24 * GIB, 16 * GIB, compute_capability="8.9", reserved=0)
    greedy = Serving(4096, options={"gpu_memory_utilization": 0.92})
    assert "vLLM asks for 22.08 GiB" in (vllm.refusal(architecture, BF16, greedy, Placement((busy,))) or "")
    assert vllm.refusal(architecture, BF16, Serving(4096), Placement((busy,))) is None
    # a default is lowered to what is free beside the CUDA context, and cuBLAS in it from 0.33 on
    assert vllm.budget(busy, Serving(4096, options={"version": "0.32"})) == 16 * GIB - 530 * MIB
    assert vllm.budget(busy, Serving(4096)) == 16 * GIB - 720 * MIB


@pytest.mark.parametrize(
    ("name", "caching", "block", "blocks", "tokens"),
    [
        ("qwen3.5-9b", False, 528, 6206, 3_081_184),
        ("qwen3.5-9b", True, 528, 6206, 2_947_220),
        ("qwen3.5-27b", False, 784, 2089, 1_521_163),
        ("qwen3.5-35b-a3b", False, 1056, 4964, 4_647_438),
    ],
)
def test_a_hybrids_pool_is_cut_as_vllm_plans_it(
    catalog: Catalog, name: str, caching: bool, block: int, blocks: int, tokens: int
) -> None:
    # vLLM 0.26's own plan for 100 GiB and sequences of 32,768 tokens
    _, architecture = of(catalog, name)
    chosen = settings(architecture, Serving(32768, options={"enable_prefix_caching": caching}), None)
    cut = cache.layout(architecture, chosen, KvCache(), 1)
    assert (cut.block_size, 100 * GIB // cut.block_bytes, cache.tokens(cut, 100 * GIB // cut.block_bytes, 32768)) == (
        block,
        blocks,
        tokens,
    )


def test_the_blocks_of_a_hybrid_before_0_20_are_divided_among_its_groups(catalog: Catalog) -> None:
    # a log of 0.18: Qwen3.5-35B-A3B-FP8, 55.72 GiB, 729,696 tokens = 2,766 blocks // 4 groups x 1,056
    _, architecture = of(catalog, "qwen3.5-35b-a3b")
    work = Serving(262144, options={"version": "0.18"})
    assert vllm.tokens_of(int(55.72 * GIB), architecture, work, Placement((H200,))) == 729_696


def test_a_log_of_0_29_is_read_back_to_the_token(catalog: Catalog) -> None:
    # Qwen3.8-27B bf16: 31.24 GiB, 652 blocks of 784 tokens, 8,192 tokens take 11 + 6 of them: 314,187 tokens
    _, architecture = of(catalog, "qwen3.8-27b")
    work = Serving(8192, options={"version": "0.29"})
    assert vllm.tokens_of(int(31.24 * GIB), architecture, work, Placement((H200,))) == 314_187


@pytest.mark.parametrize(
    ("name", "checkpoint", "gib"),
    [
        ("qwen3-0.6b", "bf16", 1.1213),
        ("qwen3-8b", "bf16", 15.2682),
        ("qwen3-8b", "fp8-online", 8.7996),
        ("qwen3-30b-a3b", "bf16", 56.8814),
        ("qwen3-4b", "bf16", 7.5552),  # 54 MiB are unsplittable rests of 95 and 47.5 MiB tensors
        ("qwen2.5-7b", "bf16", 14.2717),
        ("qwq-32b", "awq-int4", 18.1494),
        ("qwen3-8b", "nvfp4", 5.98),
        ("qwen3-30b-a3b-instruct-2507", "fp8", 29.0788),
        ("qwen3.8-27b", "bf16", 51.1),
    ],
)
def test_weights_are_those_that_logs_say(catalog: Catalog, name: str, checkpoint: str, gib: float) -> None:
    memory = vllm.memory(*of(catalog, name), Checkpoint(format=checkpoint), Serving(4096), Placement((H200,)))
    assert memory.of("weights") / GIB == pytest.approx(gib, rel=0.005)


def test_fp8_on_a_gpu_without_fp8_arithmetic_takes_wider_scales(catalog: Catalog) -> None:
    a100 = Device("NVIDIA A100", "nvidia", 80 * GIB, 80 * GIB, compute_capability="8.0")
    memory = vllm.memory(*of(catalog, "qwen3.5-35b-a3b"), Checkpoint(format="fp8"), Serving(2048), Placement((a100,)))
    assert memory.of("weights") / GIB == pytest.approx(34.71, rel=0.005)  # a log of 0.19


def test_torch_keeps_a_rest_of_one_mebibyte_with_its_tensor() -> None:
    assert rounded(95 * MIB) == 96 * MIB  # 2 x 9,728 x 2,560 x 2 bytes of Qwen3-4B
    assert rounded(24 * MIB + 512 * 1024) == 24 * MIB + 512 * 1024  # 1.5 MiB are split off


def test_images_widen_the_rope_table(catalog: Catalog) -> None:
    # 262,144 x 4 positions x 64 rotary dimensions x 2 bytes; Qwen3-8B has 32,768 x 128 x 2
    assert rope_bytes(*of(catalog, "qwen3.5-27b")) == 128 * MIB
    assert rope_bytes(*of(catalog, "qwen3.5-27b"), (0, 32)) == 32 * MIB
    older = of(catalog, "qwen2.5-vl-7b-instruct")
    assert rope_bytes(*older, (0, 33)) == rope_bytes(*older)
    assert rope_bytes(*of(catalog, "qwen3-8b")) == 8 * MIB


def test_a_measured_checkpoint_wins_over_the_formula(catalog: Catalog) -> None:
    # Qwen3-8B in GPTQ is 6.1 GB by the rule; a repository of twice that is held as it is
    model, architecture = of(catalog, "qwen3-8b")
    rule, larger = (
        vllm.memory(model, architecture, Checkpoint(format="gptq-int4", bytes=n), Serving(4096), Placement((H200,)))
        for n in (None, 12_200_000_000)
    )
    assert larger.of("weights") == pytest.approx(2 * rule.of("weights"), rel=0.01)


def test_an_indexer_holds_the_tokens_that_it_selects_in_each_of_its_layers(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3.8-flash-next")
    work = Serving(16384, options={"max_num_batched_tokens": 8192})
    sizes = {p.name: p.bytes for p in vllm.memory(model, architecture, BF16, work, Placement((H200,))).parts}
    assert sizes["selected tokens"] == 12 * 8192 * (2048 + 4) * 4
    plain = vllm.memory(*of(catalog, "qwen3-8b"), BF16, work, Placement((H200,)))
    assert "selected tokens" not in {p.name for p in plain.parts}


def test_four_residual_streams_are_alive_at_once(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3.8-flash-next")
    single = architecture.model_copy(update={"residual_streams": 1})
    chosen = settings(single, Serving(8192, options={"max_num_batched_tokens": 2048}), None)
    wide, narrow = (forward(shape, chosen, 1, True) for shape in (architecture, single))
    assert wide - narrow == 2048 * 3 * 2560 * 2


def test_the_n_gram_table_of_a_four_bit_repository_is_in_eight(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3.8-flash-next")
    checkpoint = next(c for c in model.checkpoints if c.format == "nvfp4" and c.bytes)
    sizes = {
        p.name: p.bytes for p in vllm.memory(model, architecture, checkpoint, Serving(4096), Placement((H200,))).parts
    }
    assert sizes["ngram-table weights"] == pytest.approx(51_200_245_760, rel=0.04)
    # all of it but the MTP block, as the headers of the files say: 125.96 GiB
    held = sum(size for name, size in sizes.items() if name.endswith(" weights"))
    assert held == pytest.approx(125.96 * GIB - 2 * 2_607_150_848, rel=0.01)


def test_the_batch_follows_the_gpu_and_the_entry_point(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    for device, usage, expected in (
        (H200, "llm_class", (16384, 1024)),
        (H200, "openai_api_server", (8192, 1024)),
        (RTX4090, "llm_class", (8192, 256)),
        (RTX4090, "openai_api_server", (2048, 256)),
    ):
        chosen = settings(architecture, Serving(4096, options={"usage_context": usage}), device)
        assert (chosen.batched_tokens, chosen.sequences) == expected


def test_the_captured_sizes_are_those_vllm_counted() -> None:
    now, old = (0, 26), (0, 11)
    assert [graph_sizes(n, now) for n in (512, 32, 0)] == [51, 7, 0] and graph_sizes(512, old) == 67


def test_heads_must_divide_over_tensor_parallel_gpus(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-8b")  # 32 heads, 8 key-value heads
    three = Placement((H200,) * 3, tensor_parallel=3)
    assert "32 attention heads do not divide by 3" in (vllm.refusal(architecture, BF16, Serving(4096), three) or "")
    assert vllm.refusal(architecture, BF16, Serving(4096), Placement((H200,) * 2, tensor_parallel=2)) is None


def test_block_scales_must_divide_too(catalog: Catalog) -> None:
    # Qwen3-235B-A22B-FP8: an expert of 1,536 columns over 8 GPUs leaves 192, one and a half blocks of 128
    _, architecture = of(catalog, "qwen3-235b-a22b")
    eight = Placement((H200,) * 8, tensor_parallel=8)
    assert "blocks of 128" in (vllm.refusal(architecture, Checkpoint(format="fp8"), Serving(4096), eight) or "")
    assert vllm.refusal(architecture, BF16, Serving(4096), eight) is None


@pytest.mark.parametrize(
    ("checkpoint", "device", "why"),
    [
        ("Q4_K_M", H200, "GGUF"),
        ("mlx-4bit", H200, "MLX"),
        ("bf16", Device("Apple M4", "apple", 36 * GIB, None, unified=True), "does not run on Apple M4"),
        (
            "awq-int4",
            Device("Tesla V100", "nvidia", 32 * GIB, None, compute_capability="7.0"),
            "compute capability 7.5",
        ),
    ],
)
def test_what_vllm_cannot_run_is_refused_with_the_reason(
    catalog: Catalog, checkpoint: str, device: Device, why: str
) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    assert why in (vllm.refusal(architecture, Checkpoint(format=checkpoint), Serving(4096), Placement((device,))) or "")


@pytest.mark.parametrize(
    ("repo", "capability", "starts"),
    [
        ("Freaksterz/Qwen3.8-27B-SmoothQuant-W8A8-INT8", "8.6", True),
        ("Freaksterz/Qwen3.8-27B-SmoothQuant-W8A8-INT8", "9.0", True),
        ("Freaksterz/Qwen3.8-27B-SmoothQuant-W8A8-INT8", "12.0", False),  # vllm issue 28856, on an RTX 5090
        ("RedHatAI/Qwen3.5-9B-quantized.w8a8", "10.0", False),
        ("RedHatAI/Qwen3.5-9B-quantized.w8a8", "7.0", False),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", "12.0", True),  # weights alone: Marlin
    ],
)
def test_integers_on_both_sides_are_multiplied_from_turing_to_hopper(
    catalog: Catalog, repo: str, capability: str, starts: bool
) -> None:
    _model, architecture = of(catalog, "qwen3.8-27b")
    device = Device("GPU", "nvidia", 80 * GIB, 80 * GIB, compute_capability=capability)
    checkpoint = Checkpoint(format="gptq-int8", repo=repo, official=False)
    for engine in (vllm, sglang):
        why = engine.refusal(architecture, checkpoint, Serving(4096), Placement((device,)))
        assert (why is None) == starts and (starts or "W8A8" in (why or ""))


def test_a_version_that_does_not_know_the_model_is_refused(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3.5-9b")
    assert "does not know qwen3_5" in (
        vllm.refusal(architecture, BF16, Serving(4096, options={"version": "0.11"}), Placement((H200,))) or ""
    )


def test_an_option_vllm_does_not_have_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="max_num_seqs"):
        vllm.memory(*of(catalog, "qwen3-8b"), BF16, Serving(4096, options={"max_num_seq": 4}), Placement((H200,)))


def test_one_gpu_comes_before_several_and_nobody_is_given_an_odd_number_of_stages(catalog: Catalog) -> None:
    found = list(vllm.placements(*of(catalog, "qwen3-8b"), BF16, Serving(4096), Machine((RTX4090,) * 6)))
    assert [(p.tensor_parallel, p.pipeline_parallel) for p in found] == [(1, 1), (2, 1), (4, 1)]


def test_two_gpus_hold_half_of_the_weights_each(catalog: Catalog) -> None:
    memory = vllm.memory(*of(catalog, "qwen3-32b"), BF16, Serving(4096), Placement((H200,) * 2, tensor_parallel=2))
    one = sum(p.bytes for p in memory.parts if p.kind == "weights" and p.where == "gpu0")
    assert one / GIB == pytest.approx(30.59, rel=0.005)  # a log: 30.59 GiB a worker
    assert memory.on("gpu0") == memory.on("gpu1")


def test_pipeline_stages_share_the_layers_and_the_ends_hold_the_vocabulary(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3-32b")
    whole = vllm.memory(model, architecture, BF16, Serving(4096), Placement((H200,))).of("weights")
    memory = vllm.memory(model, architecture, BF16, Serving(4096), Placement((H200,) * 4, pipeline_parallel=4))
    held = [sum(p.bytes for p in memory.parts if p.kind == "weights" and p.where == f"gpu{i}") for i in range(4)]
    assert sum(held) == pytest.approx(whole, rel=0.001)
    assert held[0] > held[1] == held[2] < held[3]


def test_vllms_own_batch_is_planned_where_it_holds(catalog: Catalog) -> None:
    h100 = Placement((Device("NVIDIA H100", "nvidia", 80 * GIB, 80 * GIB, compute_capability="9.0"),))
    # 73 GiB requested: 56.9 of weights and 1,024 sampled rows of 151,936 x 14 bytes = 2.0 GiB hold; 34 sequences of 0.375 GiB more do not
    run, version = (*of(catalog, "qwen3-30b-a3b"), BF16), {"version": "0.26"}
    assert vllm.planned(*run, Serving(4096, options=version), h100).sequences == 1024
    assert vllm.planned(*run, Serving(4096, 36, options=version), h100).sequences == 256


def test_a_larger_gpu_never_holds_less(catalog: Catalog) -> None:
    # from 70 GiB on vLLM's own batch is four times as large
    run = (*of(catalog, "qwen3.5-27b"), BF16, Serving(4096))
    gpus = [Device("GPU", "nvidia", n * GIB, n * GIB, compute_capability="9.0") for n in range(10, 150)]
    spare = [(vllm.budget(d, run[3]) or 0) - vllm.memory(*run, Placement((d,))).total for d in gpus]
    assert spare == sorted(spare)


def test_the_planned_share_is_lowered_to_what_is_free(catalog: Catalog) -> None:
    run = (*of(catalog, "qwen3-8b"), Checkpoint(format="awq-int4"), Serving(4096))
    free = Device("GPU", "nvidia", 24 * GIB, 24 * GIB, compute_capability="8.9", reserved=0)
    busy = Device("GPU", "nvidia", 24 * GIB, 16 * GIB, compute_capability="8.9", reserved=0)
    assert vllm.planned(*run, Placement((free,))).utilization == 0.92
    # 16 GiB less 530 MiB of context and what the graphs of 51 sizes take beyond their estimate, 51 x 36 layers x ... of 24 GiB
    assert vllm.planned(*run, Placement((busy,))).utilization == pytest.approx(0.6451, abs=0.02)


def test_a_hybrid_needs_a_block_for_every_sequence(catalog: Catalog) -> None:
    # a log of 0.29: Qwen3.8-27B in BF16 on 94.97 GiB has some 640 blocks of 49 MiB, so the default 1,024 sequences fail and 256 start
    pro = Device(
        "NVIDIA RTX PRO 6000", "nvidia", int(94.97 * GIB), int(94.97 * GIB), compute_capability="12.0", reserved=0
    )
    run = (*of(catalog, "qwen3.8-27b"), BF16)
    options = {"version": "0.29", "gpu_memory_utilization": 0.9}
    why = vllm.start_refusal(*run, Serving(8192, options=options), Placement((pro,))) or ""
    assert "max_num_seqs 1024 exceeds" in why
    assert vllm.start_refusal(*run, Serving(8192, options={**options, "max_num_seqs": 256}), Placement((pro,))) is None
    assert vllm.planned(*run, Serving(8192, options=options), Placement((pro,))).sequences < 640


def test_symmetric_gptq_holds_no_zero_points(catalog: Catalog) -> None:
    # measured on two GB10 with expert parallel: 57.64 GiB a node
    spark = Device("NVIDIA GB10", "nvidia", 120 * GIB, 120 * GIB, unified=True, compute_capability="12.1")
    two = Placement((spark, spark), tensor_parallel=2)
    work = Serving(4096, options={"enable_expert_parallel": True})
    memory = vllm.memory(*of(catalog, "qwen3-235b-a22b"), Checkpoint(format="gptq-int4"), work, two)
    assert sum(p.bytes for p in memory.parts if p.kind == "weights" and p.where == "gpu0") / GIB == pytest.approx(
        57.64, rel=0.005
    )


@pytest.mark.parametrize(("cache_type", "tokens"), [("fp8", 172_463), ("nvfp4", 273_066)])
def test_the_tokens_of_two_gib_are_those_of_a_public_log(catalog: Catalog, cache_type: str, tokens: int) -> None:
    # club-3090: Qwen3.6-35B-A3B on vLLM 0.25.1, 2 GiB of cache, 65,536 tokens, prefix caching
    _, architecture = of(catalog, "qwen3.6-35b-a3b")
    options = {"version": "0.25.1", "enable_prefix_caching": True}
    work = Serving(65536, 1, KvCache(cache_type, cache_type), options)
    assert vllm.tokens_of(2 * GIB, architecture, work, Placement((H200,))) == tokens


def test_scales_of_a_head_count_whatever_its_width(catalog: Catalog) -> None:
    # Qwen3-8B: 36 layers x 8 heads x 2 x (128 + 4 bytes of one FP32 scale) a token; turboquant: 64 + 2 for a key, 64 + 4 for a value
    _, architecture = of(catalog, "qwen3-8b")
    for name, each in [
        ("int8_per_token_head", 2 * 132),
        ("int4_per_token_head", 2 * 68),
        ("turboquant_4bit_nc", 66 + 68),
    ]:
        cut = cache.layout(architecture, settings(architecture, Serving(4096), None), KvCache(name, name), 1)
        assert cut.block_bytes == 36 * 8 * each * 16


def test_a_cache_that_came_later_is_refused_with_the_release(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-8b")
    b200 = Device("B200", "nvidia", 180 * GIB, 180 * GIB, compute_capability="10.0")
    old, new = ({"version": version} for version in ("0.20", "0.33"))
    asked = KvCache("nvfp4", "nvfp4")
    assert "0.22" in (vllm.refusal(architecture, BF16, Serving(4096, 1, asked, old), Placement((b200,))) or "")
    assert vllm.refusal(architecture, BF16, Serving(4096, 1, asked, new), Placement((b200,))) is None
    assert "Blackwell" in (vllm.refusal(architecture, BF16, Serving(4096, 1, asked, new), Placement((H200,))) or "")


def test_sparse_attention_runs_in_a_kernel_of_its_own(catalog: Catalog) -> None:
    # vLLM models/qwen4_exp/nvidia/qsa.py: 16 bits or FP8 in Triton, FP8 from 0.31 on (0.30 raises NotImplementedError)
    run = (*of(catalog, "qwen3.8-flash-next"), Checkpoint(format="nvfp4"))
    blackwell = Device("RTX PRO 6000", "nvidia", 96 * GIB, 96 * GIB, compute_capability="12.0")
    for device in (blackwell, H200):
        box = Placement((device,) * 4, tensor_parallel=4)
        wide, narrow = (
            vllm.profiled(*run[1:], Serving(32768, 1, KvCache(kind, kind)), box) for kind in ("bf16", "fp8")
        )
        assert wide == narrow
    box = Placement((blackwell,) * 4, tensor_parallel=4)
    for kind, version, reason in (
        ("fp8", "0.30", "0.31"),
        ("fp8", "0.33", ""),
        ("fp8_per_token_head", "0.33", "bf16, fp8"),
    ):
        why = vllm.refusal(*run[1:], Serving(32768, 1, KvCache(kind, kind), {"version": version}), box)
        assert reason in (why or "") and bool(why) is bool(reason)


def test_a_cache_in_bytes_stands_whatever_the_share(catalog: Catalog) -> None:
    run = (*of(catalog, "qwen3-8b"), BF16)
    for share in (0.5, 0.9):
        work = Serving(4096, options={"kv_cache_memory_bytes": 10 * GIB, "gpu_memory_utilization": share})
        assert vllm.kv_tokens(*run, work, Placement((H200,))) == 10 * GIB // (147_456 * 16) * 16


def test_offloaded_weights_lie_in_ram(catalog: Catalog) -> None:
    run = (*of(catalog, "qwen3-8b"), BF16)
    plain, less = (
        vllm.memory(*run, Serving(4096, options=options), Placement((H200,)))
        for options in ({}, {"cpu_offload_gb": 4.0})
    )
    assert plain.on("gpu0") - less.on("gpu0") == 4 * GIB == less.on("ram")


@pytest.mark.parametrize("ranks", [1, 2])
def test_only_layers_are_offloaded_however_much_is_asked_for(catalog: Catalog, ranks: int) -> None:
    # vLLM 0.33 models/utils.py make_layers: the 36 layers of 8B are 12.94 GiB, its embeddings and its head 1.16 each
    run, box = (*of(catalog, "qwen3-8b"), BF16), Placement((H200,) * ranks, tensor_parallel=ranks)
    plain, all_of_it = (
        vllm.memory(*run, Serving(4096, options=options), box) for options in ({}, {"cpu_offload_gb": 100.0})
    )
    assert all_of_it.on("ram") / GIB == pytest.approx(12.94, rel=0.01)
    assert (plain.on("gpu0") - all_of_it.on("gpu0")) * ranks == all_of_it.on("ram")
    left = sum(p.bytes for p in all_of_it.parts if p.name == "text weights" and p.where == "gpu0")
    assert left / GIB == pytest.approx(2 * 151_936 * 4096 * 2 / GIB / ranks, rel=0.001)


@pytest.mark.parametrize(("version", "tower"), [("0.28", True), ("0.29", False)])
def test_a_tower_is_offloaded_from_0_29_on(catalog: Catalog, version: str, tower: bool) -> None:
    # models/interfaces.py _mark_tower_model of 0.29 calls the offloader, that of 0.28 does not
    work = Serving(4096, options={"cpu_offload_gb": 4.0, "version": version})
    found = vllm.memory(*of(catalog, "qwen3-vl-8b-instruct"), BF16, work, Placement((H200,)))
    assert any(p.bytes for p in found.parts if "vision" in p.name and p.kind == "weights") is tower
    assert found.on("ram") == 4 * GIB


def test_uneven_stages_hold_what_they_were_given(catalog: Catalog) -> None:
    work = Serving(4096, options={"pp_layer_partition": "20,44"})
    placement = Placement((H200,) * 2, pipeline_parallel=2, stage_layers=(20, 44))
    found = vllm.ledger(*of(catalog, "qwen3-32b"), BF16, work, placement).ranks
    # 64 layers of 0.91 GiB: 44 - 20 = 24 of them more, the embedding and the head of 1.45 GiB each on one
    assert (found[1].weights_bytes - found[0].weights_bytes) / GIB == pytest.approx(24 * 0.909, rel=0.01)
    refused = vllm.refusal(of(catalog, "qwen3-32b")[1], BF16, work, Placement((H200,) * 2, 1, 2, stage_layers=(20, 40)))
    assert "64" in (refused or "")


@pytest.mark.parametrize(
    ("name", "tokens", "rows", "gib"),
    [("qwen3.5-35b-a3b", 2048, 16, 0.3027), ("qwen3-next-80b-a3b-instruct", 8192, 256, 1.472)],
)
def test_the_experts_workspace_is_still_there_while_the_next_layers_delta_net_runs(
    catalog: Catalog, name: str, tokens: int, rows: int, gib: float
) -> None:
    # vLLM 0.26 on an H200, eager: few rows are sampled, or a narrow vocabulary, so that the forward peaks
    model = catalog.models[name]
    options = {
        "version": "0.26",
        "max_num_batched_tokens": tokens,
        "max_num_seqs": rows,
        "enforce_eager": True,
        "language_model_only": True,
    }
    found = vllm.profiled(
        catalog.architecture(model),
        Checkpoint(format="bf16"),
        Serving(32768, options=options),
        Placement(simulate(catalog, ["h200"]).devices),
    )
    assert found.activation / 2**30 == pytest.approx(gib, rel=0.03)
