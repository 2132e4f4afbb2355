"""Tokens/s: what is read, where, how fast, and the band around it."""

from __future__ import annotations

import cProfile
from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.schema import Checkpoint
from qwenpick.machine.hardware import Cpu, Device, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes.flags import read_flags
from qwenpick.speed import Speed, estimate, unknown
from qwenpick.speed.decode import accepted_tokens
from qwenpick.speed.devices import class_of, place_of
from qwenpick.speed.stages import stages
from qwenpick.speed.traffic import attention, traffic
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

RAM = Cpu("two channels of DDR5-5600", cores=8, bandwidth=89.6e9)


def device(catalog: Catalog, gpu: str) -> Device:
    entry = catalog.gpus[gpu]
    return Device(entry.name, entry.vendor, entry.memory_bytes, entry.memory_bytes, unified=entry.unified, gpu=gpu)


def speed(
    catalog: Catalog,
    model: str,
    format_name: str = "Q4_K_M",
    engine: str = "llamacpp",
    gpus: tuple[str, ...] = ("rtx-4090",),
    work: Serving | None = None,
    placement: Placement | None = None,
    **options: int,
) -> Speed:
    devices = tuple(device(catalog, gpu) for gpu in gpus)
    found = estimate(
        catalog.architecture(catalog.models[model]),
        Checkpoint(format=format_name),
        engine,
        work or Serving(4096),
        replace(placement or Placement(), devices=devices),
        Machine(devices, cpu=RAM),
        catalog.gpus,
        flags=read_flags(engine, work.options) if work else None,
        **options,
    )
    assert found is not None
    return found


# llama.cpp b11434 on one H200, all layers on the GPU, 64 tokens at depth 0: tokens/s as llama-bench printed them
H200 = [
    ("qwen3-0.6b", "Q8_0", 674.9),
    ("qwen3-1.7b", "Q4_K_M", 545.0),
    ("qwen3-8b", "BF16", 200.9),
    ("qwen3-8b", "Q6_K", 185.8),
    ("qwen3-30b-a3b", "Q8_0", 248.5),
    ("qwen3.5-27b", "Q4_K_M", 76.3),
]


@pytest.mark.parametrize(("model", "format_name", "measured"), H200)
def test_a_large_gpu_is_predicted_for_small_and_large_models(
    catalog: Catalog, model: str, format_name: str, measured: float
) -> None:
    found = speed(catalog, model, format_name, gpus=("h200-sxm",), depth=32)
    assert found.decode.value == pytest.approx(measured, rel=0.2)
    assert found.decode.contains(measured)


def test_a_dense_token_reads_every_layer_and_the_head(catalog: Catalog) -> None:
    # Qwen3-8B in BF16: 8,190,735,360 parameters less the embedding (151,936 x 4,096), of which one row is read, and the last norm (4,096)
    weights = traffic(catalog.architecture(catalog.models["qwen3-8b"]), "bf16", None)
    assert weights.dense + weights.output == 2 * (8_190_735_360 - 151_936 * 4_096 - 4_096)


def test_a_tied_head_is_read_as_the_output(catalog: Catalog) -> None:
    weights = traffic(catalog.architecture(catalog.models["qwen3-0.6b"]), "bf16", None)
    assert weights.output == 2 * 151_936 * 1_024


def test_one_token_runs_eight_of_128_experts_and_many_tokens_nearly_all(catalog: Catalog) -> None:
    weights = traffic(catalog.architecture(catalog.models["qwen3-30b-a3b"]), "bf16", None)
    assert weights.touched(1) == pytest.approx(8 / 128)
    assert weights.touched(64) == pytest.approx(1 - (120 / 128) ** 64)  # 98.4 %


def test_linear_layers_have_a_state_and_no_cache(catalog: Catalog) -> None:
    # Qwen3.5-27B: 16 of 64 layers are full attention, 4 KV heads of 256: 2 x 16 x 4 x 256 elements per token
    per_sequence = attention(catalog.architecture(catalog.models["qwen3.5-27b"]))
    assert per_sequence.cache_elements(1) == 2 * 16 * 4 * 256
    # 48 layers read and write FP32 states of 48 heads of 128 x 128, and convolutions
    assert per_sequence.state > 48 * 2 * 4 * 48 * 128 * 128


def test_a_published_size_scales_the_weights(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    formula = traffic(architecture, "bf16", None)
    halved = traffic(architecture, "bf16", 8_190_735_360)
    assert halved.dense == pytest.approx(formula.dense / 2, rel=0.001)


def test_more_context_never_makes_generation_faster(catalog: Catalog) -> None:
    rates = [speed(catalog, "qwen3-8b", depth=depth).decode.value for depth in (0, 1_000, 10_000, 30_000)]
    assert rates == sorted(rates, reverse=True)


def test_a_hybrid_slows_less_with_context_than_a_full_attention_model(catalog: Catalog) -> None:
    def share_left(model: str) -> float:
        return speed(catalog, model, depth=32_000).decode.value / speed(catalog, model, depth=0).decode.value

    assert share_left("qwen3.5-9b") > share_left("qwen3-8b")


def test_fewer_bits_are_faster_where_bandwidth_is_the_limit(catalog: Catalog) -> None:
    four, eight, sixteen = (speed(catalog, "qwen3-8b", f, depth=0).decode.value for f in ("Q4_K_M", "Q8_0", "BF16"))
    assert four > eight > sixteen


def test_a_small_model_on_a_big_gpu_is_bound_by_launches(catalog: Catalog) -> None:
    # the H200 reads 4.76 times as fast as the 4090: an 8B model gains from it, a 0.6B model hardly
    gain = {
        model: speed(catalog, model, "BF16", gpus=("h200-sxm",), depth=0).decode.value
        / speed(catalog, model, "BF16", depth=0).decode.value
        for model in ("qwen3-0.6b", "qwen3-8b")
    }
    assert gain["qwen3-0.6b"] < gain["qwen3-8b"] < 4.76


def test_layers_and_experts_in_ram_cost_speed(catalog: Catalog) -> None:
    whole = speed(catalog, "qwen3-30b-a3b").decode.value
    some = speed(catalog, "qwen3-30b-a3b", placement=Placement(cpu_moe_layers=24)).decode.value
    all_experts = speed(catalog, "qwen3-30b-a3b", placement=Placement(cpu_moe_layers=48)).decode.value
    cpu = speed(catalog, "qwen3-30b-a3b", gpus=()).decode.value
    assert whole > some > all_experts > cpu


def test_more_layers_on_the_gpu_are_never_slower(catalog: Catalog) -> None:
    rates = [
        speed(catalog, "qwen3-32b", placement=Placement(split=(held,))).decode.value for held in (0, 16, 32, 48, 65)
    ]
    assert rates == sorted(rates)


def test_experts_in_ram_are_predicted(catalog: Catalog) -> None:
    # Qwen3-30B-A3B-Instruct-2507 Q4_K_M, RTX 2080 with a Core i9-10900X (102 GB/s measured), --n-cpu-moe 36: 36.7 tokens/s by llama-server
    devices = (device(catalog, "rtx-2080"),)
    cpu = Cpu("i9-10900X", cores=10, features=("avx2", "avx512f"), bandwidth=102e9)
    found = estimate(
        catalog.architecture(catalog.models["qwen3-30b-a3b-instruct-2507"]),
        Checkpoint(format="Q4_K_M"),
        "llamacpp",
        Serving(4096),
        Placement(devices, cpu_moe_layers=36),
        Machine(devices, cpu=cpu),
        catalog.gpus,
        depth=128,
    )
    assert found is not None
    assert found.decode.contains(36.7)


def test_a_layer_split_over_two_gpus_is_no_faster_and_a_tensor_parallel_one_is(catalog: Catalog) -> None:
    one = speed(catalog, "qwen3-32b", "fp8", "vllm", ("h100-sxm5-80gb",)).decode.value
    split = speed(catalog, "qwen3-32b", "fp8", "vllm", ("h100-sxm5-80gb",) * 2).decode.value
    parallel = speed(
        catalog, "qwen3-32b", "fp8", "vllm", ("h100-sxm5-80gb",) * 2, placement=Placement(tensor_parallel=2)
    ).decode.value
    assert split == pytest.approx(one)
    assert one < parallel < 2 * one


def test_many_users_share_the_weights(catalog: Catalog) -> None:
    alone = speed(catalog, "qwen3-8b", "bf16", "vllm", ("h200-sxm",), depth=64)
    users = speed(catalog, "qwen3-8b", "bf16", "vllm", ("h200-sxm",), Serving(4096, sequences=32), depth=64)
    # vLLM 0.26 on one H200: 196 tokens/s alone, 5,301 of 32 streams together
    assert alone.decode.value == pytest.approx(196, rel=0.2)
    assert users.together.value == pytest.approx(5_301, rel=0.2)
    assert users.each.value == pytest.approx(users.together.value / 32)
    assert users.decode == alone.decode


def test_without_captured_graphs_the_host_sets_the_pace(catalog: Catalog) -> None:
    # vLLM 0.26 with enforce_eager on one H200: Qwen3-8B 58.7 tokens/s
    eager = Serving(4096, options={"enforce_eager": True})
    found = speed(catalog, "qwen3-8b", "bf16", "vllm", ("h200-sxm",), eager, depth=64)
    assert found.decode.value == pytest.approx(58.7, rel=0.2)


def test_speculation_pays_and_its_band_is_wider(catalog: Catalog) -> None:
    plain = speed(catalog, "qwen3.6-27b", gpus=("rtx-3090",), depth=500).decode
    options = {"spec_type": "draft-mtp", "draft_n_max": 3}
    drafted = speed(catalog, "qwen3.6-27b", gpus=("rtx-3090",), work=Serving(4096, options=options), depth=500).decode
    assert drafted.value > plain.value
    assert drafted.high / drafted.low >= plain.high / plain.low
    assert drafted.contains(50.3)  # club-3090: Qwen3.6-27B Q4_K_M with its MTP block, 800-word essay


def test_a_model_without_an_mtp_block_does_not_speculate(catalog: Catalog) -> None:
    options = {"spec_type": "draft-mtp"}
    assert speed(catalog, "qwen3-8b", work=Serving(4096, options=options)).decode == speed(catalog, "qwen3-8b").decode


def test_a_step_yields_one_token_without_drafts_and_less_than_all_with() -> None:
    assert accepted_tokens(0) == 1
    assert 1 < accepted_tokens(1) < 2
    assert accepted_tokens(2) < accepted_tokens(3) < 4


def test_flags_are_read_by_each_engines_own_names() -> None:
    assert read_flags("vllm", {"num_speculative_tokens": 2}).drafts == 2
    assert read_flags("sglang", {"speculative_num_draft_tokens": 4}).drafts == 3
    assert read_flags("llamacpp", {"--spec-type": "draft-mtp"}).drafts == 3
    assert read_flags("llamacpp", {"ub": 2048}).chunk == 2048
    assert read_flags("mlx", {}).chunk == 2048
    assert read_flags("llamacpp", {"device": "Vulkan0"}).vulkan


def test_a_longer_prompt_takes_longer_and_the_first_token_waits_for_it(catalog: Catalog) -> None:
    short, long = (speed(catalog, "qwen3-8b", prompt=prompt) for prompt in (512, 16_384))
    assert short.first_token.value < long.first_token.value
    assert long.first_token.value == pytest.approx(16_384 / long.prefill.value + 1 / long.decode.value)


def test_tokens_after_a_cached_prefix_read_slower(catalog: Catalog) -> None:
    assert (
        speed(catalog, "qwen3-8b", prompt=512, cached=30_000).prefill.value
        < speed(catalog, "qwen3-8b", prompt=512).prefill.value
    )


def test_a_quantized_cache_costs_llamacpp_time(catalog: Catalog) -> None:
    # llama.cpp b11434 on H200, Qwen3-8B at 32,704 tokens: 160 tokens/s with f16, 111 with q8_0
    work = Serving(32_768, kv_cache=KvCache("q8_0", "q8_0"))
    plain = speed(catalog, "qwen3-8b", gpus=("h200-sxm",), depth=32_704).decode.value
    packed = speed(catalog, "qwen3-8b", gpus=("h200-sxm",), work=work, depth=32_704).decode.value
    assert packed == pytest.approx(111, rel=0.25)
    assert packed < plain


def test_every_band_holds_its_value_and_is_ordered(catalog: Catalog) -> None:
    found = speed(catalog, "qwen3.6-35b-a3b", gpus=("rx-7900-xtx",), work=Serving(8192, sequences=4))
    for band in (found.decode, found.prefill, found.first_token, found.together, found.each):
        assert 0 < band.low < band.value < band.high


def test_an_unknown_bandwidth_gives_no_speed_and_a_reason(catalog: Catalog) -> None:
    devices = (Device("Mystery", "other", 8 << 30, 8 << 30),)
    architecture = catalog.architecture(catalog.models["qwen3-0.6b"])
    machine, placement = Machine(devices), Placement(devices)
    checkpoint = Checkpoint(format="Q4_K_M")
    assert estimate(architecture, checkpoint, "llamacpp", Serving(512), placement, machine, {}) is None
    assert unknown(architecture, placement, machine, {}) == "the memory bandwidth of Mystery is not known"
    assert unknown(architecture, Placement(), machine, {}) == "the bandwidth of RAM is not known"


def test_an_integrated_gpu_reads_what_the_ram_gives(catalog: Catalog) -> None:
    igpu = Device("Radeon 780M", "amd", 16 << 30, 16 << 30, unified=True, kind="igpu")
    assert place_of(igpu, {}) is None
    place = place_of(igpu, {}, ram=89.6e9)
    assert place is not None
    assert (place.kind, place.bandwidth) == ("amd-apu", 89.6e9)


@pytest.mark.parametrize(
    ("gpu", "kind"),
    [
        ("gtx-1050-ti", "pascal"), ("rtx-2080", "turing"), ("rtx-3090", "ampere"), ("a100-sxm4-80gb", "a100"), ("rtx-4090", "ada"),
        ("h200-sxm", "hopper"), ("b200", "hopper"), ("rtx-5090", "blackwell"), ("gb10", "spark"), ("rx-7900-xtx", "rdna"), ("mi300x", "cdna"),
        ("ryzen-ai-max-395-128gb", "amd-apu"), ("m3-ultra-512gb", "apple"), ("m5-max-48gb", "apple-m5"), ("arc-pro-b70", "arc-xe2"),
        ("arc-a770-16gb", "arc"), ("v100-sxm2-32gb", "volta"), ("p40", "pascal"), ("radeon-pro-v620", "rdna"), ("mi25", "cdna"),
    ],
)  # fmt: skip
def test_every_generation_has_its_class(catalog: Catalog, gpu: str, kind: str) -> None:
    assert class_of(device(catalog, gpu), catalog.gpus[gpu]) == kind


def test_gpus_that_hold_layers_read_a_long_prompt_in_line(catalog: Catalog) -> None:
    # llama-bench b8797, Qwen3.5-27B UD-Q4_K_XL on 2x R9700 with ROCm: 1,092 tokens/s at 512 tokens, one micro-batch; 1,800 at 4,096, eight of them,
    # of which two cards work through nine turns: 2 x 8 / 9 times as fast. One card 1,133 and 1,053
    one, two = (("radeon-ai-pro-r9700",) * n for n in (1, 2))
    split = Placement(split=(32, 32))

    def gain(prompt: int) -> float:
        both = speed(catalog, "qwen3.5-27b", gpus=two, placement=split, prompt=prompt).prefill.value
        return both / speed(catalog, "qwen3.5-27b", gpus=one, prompt=prompt).prefill.value

    assert gain(512) == pytest.approx(1.0, abs=0.01)
    assert gain(4096) == pytest.approx(2 * 8 / 9, abs=0.01)


def test_the_shares_of_all_stages_add_up_to_the_model(catalog: Catalog) -> None:
    devices = (device(catalog, "rtx-3090"), device(catalog, "rtx-3060-12gb"))
    placements = (
        Placement(devices),
        Placement(devices, split=(20, 10)),
        Placement(devices, split=(30, 19), cpu_moe_layers=20),
        Placement(),
    )
    for placement in placements:
        parts = stages(48, placement, Machine(devices, cpu=RAM), catalog.gpus)
        assert not isinstance(parts, str)
        assert sum(s.layers for s in parts) == pytest.approx(1)
        assert sum(s.experts for s in parts) == pytest.approx(1)
        assert sum(s.output for s in parts) == 1


def test_the_reason_says_what_is_read_and_where(catalog: Catalog) -> None:
    # Qwen3-8B at 1,000 tokens: 2 x 36 layers x 8 KV heads x 128 x 2 bytes x 1,000 = 0.147 GB of cache
    why = speed(catalog, "qwen3-8b", "BF16", depth=1_000).why
    assert why.startswith("15.14 GB of weights and 0.15 GB of cache and state at 1,000 tokens, read at 1,008 GB/s")


def test_an_estimate_takes_few_calls(catalog: Catalog) -> None:
    work, profile = Serving(8192, sequences=4), cProfile.Profile()
    speed(catalog, "qwen3.6-35b-a3b", work=work)
    profile.runcall(speed, catalog, "qwen3.6-35b-a3b", work=work)
    assert sum(entry.callcount for entry in profile.getstats()) < 600  # 505 on Python 3.11


def test_transformers_is_slower_with_awq_than_with_bf16(catalog: Catalog) -> None:
    # the vendor's table, A100, 6,144 prompt and 2,048 generated tokens: Qwen2.5-3B-Instruct 32.2 tokens/s in BF16, 24.9 in AWQ
    plain, awq = (
        speed(catalog, "qwen2.5-3b-instruct", f, "transformers", ("a100-sxm4-80gb",), depth=7_168).decode.value
        for f in ("bf16", "awq-int4")
    )
    assert plain == pytest.approx(32.2, rel=0.2)
    assert awq == pytest.approx(24.9, rel=0.2)


@pytest.mark.parametrize("kind", ["ada", "ampere", "blackwell", "turing"])
def test_python_is_no_faster_on_a_small_card(kind: str) -> None:
    from qwenpick.speed.efficiency import decode_constants

    assert decode_constants("transformers", kind).layer == decode_constants("transformers", "hopper").layer  # type: ignore[arg-type]
    assert decode_constants("transformers", kind).layer > 5 * decode_constants("vllm", kind).layer  # type: ignore[arg-type]
