"""The faults that public reports showed, each as the command that showed it."""

from __future__ import annotations

import shlex

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.units import GIB
from tests.conftest import Run, values


@pytest.mark.parametrize(
    "named",
    [
        "unsloth/Qwen3.8-27B-NVFP4",
        "Inferact/Qwen3.8-27B-NVFP4",
        "cyankiwi/Qwen3.6-27B-AWQ-INT4",
        "RedHatAI/Qwen3-8B-FP8-dynamic",
    ],
)
def test_the_repository_that_was_named_is_the_one_that_is_served(qwenpick: Run, named: str) -> None:
    for engine in ("vllm", "sglang"):
        served = values(qwenpick, f'launch {named} --runtime {engine} --gpu "2x h100" --context 8k')
        assert named in served["serve"]["argv"] and served["plan"]["repository"] == named


def test_whole_experts_need_no_whole_blocks_of_columns(qwenpick: Run) -> None:
    # 1,536 / 8 = 192 columns are one and a half blocks of 128; whole experts are not cut
    cut = '--gpu "8x h100" --quant fp8 --runtime vllm --context 32k -o tensor_parallel_size=8'
    assert values(qwenpick, f"fit qwen3-235b-a22b {cut}")["verdict"] == "refused"
    found = values(qwenpick, f"fit qwen3-235b-a22b {cut} -o enable_expert_parallel=true")
    assert found["fits"] and found["placement"]["expert_parallel"]
    flash = values(
        qwenpick, 'fit qwen3.8-flash-next --runtime sglang --gpu "2x h200" --quant fp8 -o tp_size=2 -o ep_size=2'
    )
    assert flash["fits"]


def test_experts_are_spread_over_all_copies_and_attention_is_not(qwenpick: Run) -> None:
    # vLLM's own report of the 480B in FP8 over 8 x H20: 48.66 GiB of cache at 0.9, and a rank holds every key-value head: 62.0 GiB for 262,144 tokens
    asked = 'fit qwen3-coder-480b-a35b-instruct --runtime vllm --gpu "8x h20 141gb" --quant fp8 --context 262144 -o version=0.10.1'
    found = values(
        qwenpick, f"{asked} -o data_parallel_size=8 -o enable_expert_parallel=true -o gpu_memory_utilization=0.9"
    )
    assert not found["fits"]
    assert found["engine"]["available_kv_cache_bytes"] / 2**30 == pytest.approx(48.66, rel=0.01)
    more = values(
        qwenpick, f"{asked} -o data_parallel_size=8 -o enable_expert_parallel=true -o gpu_memory_utilization=0.95"
    )
    assert more["engine"]["available_kv_cache_bytes"] / 2**30 == pytest.approx(55.65, rel=0.01)
    assert not more["engine"]["starts"] and "too small for one sequence" in more["engine"]["refusal"]


def test_a_release_is_text(qwenpick: Run) -> None:
    asked = "fit qwen3-8b --runtime vllm --gpu h100 --context 32k -o version="
    assert values(qwenpick, asked + "0.20")["engine"] == values(qwenpick, asked + "0.20.0")["engine"] | {
        "version": "0.20"
    }


def test_tokens_are_blocks_over_groups_up_to_0_20_0(qwenpick: Run) -> None:
    # public notes of 0.20.0: Qwen3.5-9B with an MTP draft on one RTX 5090, 41,184 tokens; 0.20.1 counts what sequences can hold
    asked = 'fit qwen3.5-9b --runtime vllm --gpu "rtx 5090" --quant bf16 --context 4096 -o gpu_memory_utilization=0.85'
    more = "-o usage_context=llm_class -o num_speculative_tokens=1 -o version=0.20"
    old, new = (values(qwenpick, f"{asked} {more}.{patch}")["engine"] for patch in (0, 1))
    assert old["kv_cache_tokens"] == pytest.approx(41_184, rel=0.03)
    assert old["blocks"] == new["blocks"] and new["kv_cache_tokens"] == pytest.approx(
        new["max_concurrency"] * 4096, rel=0.001
    )


def test_hyper_connections_lie_whole_on_every_rank(qwenpick: Run) -> None:
    # a public study: Qwen3.8-Flash-Next in 16 bits over eight H100, its table in RAM: "Model loading took 31.42 GiB"
    asked = 'fit qwen3.8-flash-next --runtime vllm --gpu "8x h100" --ram 1000GiB --quant bf16 --context 32k -o version=0.33.0'
    more = "-o tensor_parallel_size=8 -o enable_expert_parallel=true -o language_model_only=true"
    found = values(qwenpick, f"{asked} {more} -o 'engram_config={{\"cpu_offload\": true}}'")
    assert found["engine"]["weights_bytes"] / 2**30 == pytest.approx(31.42, rel=0.005)


def test_weights_in_ram_are_not_called_a_table(qwenpick: Run) -> None:
    asked = "fit qwen3-8b --runtime vllm --quant bf16 --gpu h200 --ram 64 -o cpu_offload_gb=8"
    shown = qwenpick(*shlex.split(asked)).out
    assert "with 8.00 GiB of the weights in RAM" in shown and "table" not in shown


def test_autorounds_draft_block_is_quantized_with_the_model(qwenpick: Run) -> None:
    # Frozenlock's file has 18,994,000,000 bytes; its MTP block but for fc (10240 x 5120 in 16 bits) is in 4 bits, 0.28 GiB instead of 0.79
    asked = 'fit Frozenlock/Qwen3.8-27B-int4-AutoRound --runtime vllm --gpu "rtx pro 6000" --context 8k'
    plain, drafting = (
        values(qwenpick, f"{asked} -o num_speculative_tokens={n}")["engine"]["weights_bytes"] for n in (0, 3)
    )
    assert (drafting - plain) / 2**30 == pytest.approx(0.28, abs=0.02)
    rope = 262_144 * 64 * 2 * 4
    assert drafting - rope == pytest.approx(18_994_000_000, rel=0.015)
    # both engines alike
    other = [
        values(qwenpick, f"{asked.replace('vllm', 'sglang')} {more}")["engine"]["weights_bytes"]
        for more in ("", "-o speculative_num_draft_tokens=4")
    ]
    assert other[1] - other[0] == pytest.approx(drafting - plain, rel=0.02)


def test_mixed_nvfp4_is_as_large_as_its_publishers_say(qwenpick: Run) -> None:
    # 20.42 GiB of files with 0.79 of MTP; 12.02 GiB a GPU over two; 10.64
    for name, gpus, gib in [
        ("nvidia/Qwen3.6-27B-NVFP4", 1, 19.63 + 0.125),
        ("Inferact/Qwen3.8-27B-NVFP4", 2, 12.02),
        ("unsloth/Qwen3.8-27B-NVFP4", 2, 10.64),
    ]:
        card = f'--gpu "{gpus}x h100" -o tensor_parallel_size={gpus}'
        found = values(qwenpick, f"fit {name} --runtime vllm {card} --context 8k")
        assert found["engine"]["weights_bytes"] / 2**30 == pytest.approx(gib, rel=0.015), name


def test_a_speculating_hybrid_keeps_a_state_of_every_draft(qwenpick: Run) -> None:
    # 147 MiB x (8 + 1) x 4 = 5.2 GiB, and five slots a request instead of three
    asked = "fit qwen3.8-27b --runtime sglang --quant fp8 --gpu h100 --context 32k --sequences 8"
    plain, drafting = (
        sum(part["bytes"] for part in values(qwenpick, asked + more)["memory"]["parts"] if part["kind"] == "state")
        for more in ("", " -o speculative_num_draft_tokens=4")
    )
    assert plain == 41 * 153_944_064
    assert drafting - plain == 9 * 4 * 153_944_064


def test_pools_are_sized_beside_the_drafts_own_embedding_and_head(qwenpick: Run) -> None:
    # a public start of June 2026 on one RTX PRO 6000: 1,206,208 tokens; the draft took 5.19 GB, 4.74 of them given back later
    asked = 'fit qwen3.6-27b --runtime sglang --gpu "rtx pro 6000" --quant fp8 --context 262144 --kv-cache fp8 -o mem_fraction_static=0.92'
    drafting = (
        f"{asked} -o max_running_requests=4 -o page_size=64 -o cuda_graph_max_bs=4 -o speculative_num_draft_tokens=4"
    )
    found = values(qwenpick, f"{drafting} -o version=0.5.16 -o mamba_radix_cache_strategy=extra_buffer")
    assert found["engine"]["kv_cache_tokens"] == pytest.approx(1_206_208, rel=0.01)
    whole = 2 * 248_320 * 5120 * 2
    assert whole in [part["bytes"] for part in found["memory"]["parts"]]
    # before 0.5.14 the draft was loaded after the pools
    before, after = (values(qwenpick, f"{drafting} -o version=0.5.{patch}")["engine"] for patch in (13, 14))
    assert before["kv_cache_tokens"] > 1.05 * after["kv_cache_tokens"]
    # a head that is the embedding stands once, and ranks share them
    small = values(
        qwenpick,
        'fit qwen3.5-4b --runtime sglang --gpu "2x h100" --context 8k -o tp_size=2 -o speculative_num_draft_tokens=4',
    )
    assert 248_320 * 2560 in [part["bytes"] for part in small["memory"]["parts"]]


def test_a_block_that_is_loaded_by_its_path_widens_a_token(qwenpick: Run) -> None:
    # noonghunna/club-3090#1331, SGLang 0.5.19 over two RTX 3090, bf16 states: 182,901 tokens with 10 slots, 158,116 with the usual 21
    box = 'qwen3.8-27b --runtime sglang --gpu "2x rtx 3090" --reserve 0 --quant fp8 --context 131072 --kv-cache fp8 -o version=0.5.19'
    more = "-o tp_size=2 -o mem_fraction_static=0.92 -o max_running_requests=1 -o mamba_ssm_dtype=bfloat16 -o speculative_num_draft_tokens=5"
    path = "-o speculative_algorithm=NEXTN -o speculative_draft_model_path=Qwen/Qwen3.8-27B-FP8"
    few = values(qwenpick, f"fit {box} {more} {path} -o max_mamba_cache_size=10")["engine"]
    many = values(qwenpick, f"fit {box} {more} {path}")["engine"]
    assert few["kv_cache_tokens"] == pytest.approx(182_901, rel=0.02) and many["state_slots"] == 21
    assert many["kv_cache_tokens"] == pytest.approx(158_116, rel=0.02)
    plain = values(qwenpick, f"fit {box} {more} -o max_mamba_cache_size=10")["engine"]
    assert plain["kv_cache_tokens"] == pytest.approx(few["kv_cache_tokens"] * 17 / 16, rel=0.001)
    argv = values(qwenpick, f"launch {box} {more} {path}")["serve"]["argv"]
    assert argv[argv.index("--speculative-draft-model-path") + 1] == "Qwen/Qwen3.8-27B-FP8"


def test_amds_attention_leaves_less_of_the_share(qwenpick: Run) -> None:
    # public starts of 0.5.17 on an MI355X: 1,360,288 tokens with 0.6, 1,543,256 with 0.85
    for asked, share, tokens in [
        ("qwen3-0.6b --quant bf16 -o mem_fraction_static=0.6", 0.51, 1_360_288),
        ("qwen3.8-27b --quant fp8 -o mem_fraction_static=0.85 -o max_running_requests=32", 0.722, 1_543_256),
    ]:
        command = f"fit {asked} --runtime sglang --gpu mi355x -o version=0.5.17"
        found = values(qwenpick, f"{command} --context 32768")["engine"]
        assert found["mem_fraction_static"] == pytest.approx(share, abs=0.001)
        assert found["kv_cache_tokens"] == pytest.approx(tokens, rel=0.01)
        short = values(qwenpick, f"{command} --context 8192")["engine"]
        assert short["mem_fraction_static"] == pytest.approx(share / 0.85, abs=0.001)
    # the share that is asked for is the one before that
    argv = values(qwenpick, "launch qwen3-8b --runtime sglang --gpu mi300x --context 32k -o mem_fraction_static=0.8")[
        "serve"
    ]["argv"]
    assert argv[argv.index("--mem-fraction-static") + 1] == "0.800"
    argv = values(qwenpick, "launch qwen3-8b --runtime sglang --gpu mi300x --context 32k")["serve"]["argv"]
    assert 0.5 < float(argv[argv.index("--mem-fraction-static") + 1]) < 1


def test_convolutions_keep_a_row_of_every_draft(qwenpick: Run) -> None:
    # public boots: blocks of 1,600 tokens with three drafts (27B), 2,128 with two (35B-A3B)
    for name, drafts, tokens in [("qwen3.6-27b", 3, 1600), ("qwen3.6-35b-a3b", 2, 2128)]:
        asked = f'fit {name} --runtime vllm --gpu "2x rtx 5090" --quant fp8 --context 131072 --kv-cache fp8 -o tensor_parallel_size=2'
        asked += " -o version=0.25.1"
        found = values(qwenpick, f"{asked} -o num_speculative_tokens={drafts} -o enable_prefix_caching=true")
        assert found["engine"]["block_tokens"] == tokens


def test_graphs_of_0_17_come_out_of_what_was_not_requested(qwenpick: Run) -> None:
    # vllm issue 36861: it works
    asked = 'fit qwen3.5-35b-a3b --runtime vllm --gpu "4x a10" --quant bf16 --context 160000 -o version=0.17.0 -o gpu_memory_utilization=0.9'
    more = "-o max_num_seqs=32 -o max_num_batched_tokens=4096 -o tensor_parallel_size=4 -o enable_prefix_caching=true"
    assert qwenpick(*shlex.split(f"{asked} {more}")).code == 0


def test_the_largest_cards_batch_more_and_a_spark_less(qwenpick: Run) -> None:
    def batch(gpu: str) -> list[str]:
        argv = values(qwenpick, f'launch qwen3-8b --runtime vllm --gpu "{gpu}" --context 32k')["serve"]["argv"]
        return [
            argv[argv.index(flag) + 1]
            for flag in ("--max-num-batched-tokens", "--max-num-seqs", "--gpu-memory-utilization")
        ]

    assert batch("b200") == ["16384", "1024", "0.92"]
    assert batch("h100") == ["8192", "1024", "0.92"]
    assert batch("dgx spark") == ["2048", "256", "0.85"]


def test_several_sparks_are_said_by_their_count(qwenpick: Run) -> None:
    served = values(qwenpick, 'launch qwen3-235b-a22b --quant nvfp4 --runtime vllm --gpu "2x dgx spark" --context 8k')
    assert served["plan"]["placement"]["tensor_parallel"] == 2
    assert [command["argv"][-4:-3] for command in served["others"]] == [["1"]]
    assert "--nnodes" in served["serve"]["argv"]


def test_words_point_to_the_option_that_is_meant(qwenpick: Run) -> None:
    box = '--runtime vllm --gpu "rtx 4090" --context 8k'
    assert "--kv-cache" in qwenpick(*shlex.split(f"fit qwen3-8b {box} -o kv_cache_dtype=fp8")).err
    assert "num_speculative_tokens" in qwenpick(*shlex.split(f"fit qwen3-8b {box} -o speculative_config=mtp")).err


def test_the_configs_own_positions_are_no_stretch(qwenpick: Run) -> None:
    # config.json of the first Qwen3: max_position_embeddings 40960
    served = values(qwenpick, "launch qwen3-8b --runtime vllm --gpu h100 --context 40960")
    assert "--hf-overrides" not in served["serve"]["argv"]
    assert qwenpick("fit", "qwen3-0.6b", "--context", "40960", "--gpu", "h100").code == 0
    assert qwenpick("fit", "qwen3-0.6b", "--context", "40961", "--gpu", "h100").code == 2


def test_the_first_qwen3_vl_releases_profile_a_video_with_its_timestamps(qwenpick: Run) -> None:
    # QwenLM/Qwen3-VL issue 1684: "GPU KV cache size: 796,000 tokens", then out of memory while graphs were captured
    asked = 'fit qwen3-vl-235b-a22b-instruct --runtime vllm --gpu "8x a100 80gb" --quant fp8 --context 100000'
    found = values(qwenpick, f"{asked} -o version=0.11.0 -o tensor_parallel_size=8 -o enable_expert_parallel=true")
    assert found["engine"]["kv_cache_tokens"] == pytest.approx(796_000, rel=0.02)
    assert not found["engine"]["starts"] and "graphs" in found["engine"]["refusal"]


def test_old_graphs_over_several_gpus_are_not_promised_room(qwenpick: Run) -> None:
    # vllm issue 17469: out of memory with graphs, works without
    asked = 'fit qwen3-30b-a3b --runtime vllm --gpu "4x a10" --quant bf16 --context 1024 -o version=0.8.5 -o tensor_parallel_size=4 -o max_num_seqs=1'
    assert values(qwenpick, asked)["verdict"] != "fits"
    assert values(qwenpick, f"{asked} -o enforce_eager=true")["verdict"] == "fits"
    # QwenLM/Qwen3-VL issue 1489: a share that was asked for by name is not lowered; 128 tokens capture 19 sizes instead of 67
    named = (
        'fit qwen3-vl-235b-a22b-instruct --runtime vllm --gpu "8x h100" --quant bf16 --context 41960 -o version=0.11.0'
    )
    cut = "-o tensor_parallel_size=8 -o gpu_memory_utilization=0.9"
    assert values(qwenpick, f"{named} {cut} -o max_num_batched_tokens=8192")["verdict"] == "refused"
    assert values(qwenpick, f"{named} {cut} -o max_num_batched_tokens=128")["fits"]


def test_graphs_of_a_hybrid_are_profiled_with_a_state_for_each_sequence(qwenpick: Run) -> None:
    # vllm-project/recipes Qwen3.8-27B on one RTX 5090: dies asking for 784 MiB = 256 blocks x 3.0625 MiB, the states of one of 16 layers
    asked = (
        'fit qwen3.8-27b --runtime vllm --gpu "rtx 5090" --quant nvfp4 --context 32768 --kv-cache fp8 -o version=0.27.0'
    )
    found = values(qwenpick, asked)
    assert not found["engine"]["starts"] and "12.25 GiB for the states of 256 sequences" in found["engine"]["refusal"]
    assert not values(qwenpick, f"{asked} -o max_num_seqs=256")["fits"]
    assert values(qwenpick, f"{asked} -o enforce_eager=true")["engine"]["starts"]


def test_sglangs_speed_on_new_cards_lies_in_the_range_that_is_told(qwenpick: Run) -> None:
    # sglang issue 35777: 59.4 tokens/s on one RTX 5090; a DGX Spark with 32 requests: 178 together
    for command, figure, measured in (
        ('qwen3.8-27b --gpu "rtx 5090" --quant nvfp4 --context 32768 --kv-cache fp8', "each", 59.4),
        ('qwen3.6-27b --gpu "dgx spark" --quant nvfp4 --context 2048 --sequences 32', "together", 177.99),
    ):
        told = values(qwenpick, f"fit {command} --runtime sglang")["speed"][figure]
        assert told["low"] <= measured <= told["high"] <= 2.4 * told["low"], command


def test_a_spark_has_what_its_system_leaves_and_sglang_cuts_its_share_of_that(qwenpick: Run) -> None:
    # SGLang, static 0.70, 360 slots of states: 228,520 tokens
    asked = 'fit nvidia/Qwen3.8-27B-NVFP4 --runtime sglang --gpu "dgx spark" --context 262144 --kv-cache fp8'
    found = values(
        qwenpick, f"{asked} -o mem_fraction_static=0.7 -o max_mamba_cache_size=360 -o max_running_requests=72"
    )
    assert found["engine"]["kv_cache_tokens"] == pytest.approx(228_520, rel=0.03)


def test_a_start_on_a_spark_is_tight_where_other_programs_may_take_what_is_left(qwenpick: Run) -> None:
    # public starts of 0.18 and 0.23 on a GB10 had 3.5 and 4.9 GiB less cache than a start of a 0.6B implies
    asked = 'fit qwen3.6-35b-a3b --runtime vllm --gpu "dgx spark" --quant fp8 --context 32k -o max_num_seqs=16'
    near, far = (values(qwenpick, f"{asked} -o gpu_memory_utilization={share}") for share in (0.35, 0.42))
    assert (
        0 < near["engine"]["available_kv_cache_bytes"] / 2**30 < 5 < far["engine"]["available_kv_cache_bytes"] / 2**30
    )
    assert (near["verdict"], far["verdict"]) == ("tight", "fits")


def test_a_named_mix_of_nvfp4_with_drafts_holds_the_tokens_that_its_users_report(qwenpick: Run) -> None:
    # club-3090's compose of vLLM 0.25.1 over two RTX 3090: 518,430 tokens
    asked = 'fit RadixArk/Qwen3.8-27B-NVFP4 --runtime vllm --gpu "2x rtx 3090" --context 262144 --kv-cache fp8 -o version=0.25.0'
    batch = "-o gpu_memory_utilization=0.9 -o max_num_seqs=2 -o max_num_batched_tokens=8192"
    more = "-o tensor_parallel_size=2 -o num_speculative_tokens=3 -o enable_prefix_caching=true"
    found = values(qwenpick, f"{asked} {batch} {more}")
    assert found["engine"]["kv_cache_tokens"] == pytest.approx(518_430, rel=0.02)


def test_who_names_options_describes_a_start_and_learns_which_would_hold(qwenpick: Run) -> None:
    # a public start of 0.29 with this share: "max_num_seqs (1024) exceeds available Mamba cache blocks (635)"
    asked = '--runtime vllm --gpu "rtx pro 6000" --quant bf16 --context 8192 -o version=0.29.0'
    named = f"fit qwen3.8-27b {asked} -o gpu_memory_utilization=0.9"
    found = values(qwenpick, named)
    assert (found["exit_code"], found["verdict"]) == (1, "no") and "max_num_seqs 1024 exceeds" in found["reason"]
    fixed = values(qwenpick, f"{named} {found['fixes'][0]['flags']}")
    assert fixed["fits"] and fixed["engine"]["starts"]
    # a release is no setting, and `launch` writes its own
    assert values(qwenpick, f"fit qwen3.8-27b {asked}")["fits"]
    assert (
        "--max-num-seqs"
        in values(qwenpick, f"launch qwen3.8-27b {asked} -o gpu_memory_utilization=0.9")["serve"]["argv"]
    )


@pytest.mark.parametrize(
    ("gpu", "options", "tokens", "blocks"),
    [
        # 2,146,304 B of state / 2,048 B a token: 1,048 tokens, 1,056 in steps of 16; 125 blocks of 1,056 and 2 for each of 3 groups of delta nets
        ("h200", "-o gdn_prefill_backend=triton", 1056, 131),  # the start on an H200: 2,968 blocks, 22.66 sequences
        ("l40s", "", 1056, 131),  # FlashInfer's kernel does not run there
        ("h200", "-o version=0.32.0", 1056, 131),
        ("h200", "-o enable_prefix_caching=false", 1056, 128),
        # in steps of 64: 1,088; 121 blocks, and a state more for each group
        ("h200", "", 1088, 130),
        ("rtx pro 6000", "", 1088, 130),
    ],
)
def test_a_hybrid_keeps_states_within_its_prompts(
    qwenpick: Run, gpu: str, options: str, tokens: int, blocks: int
) -> None:
    asked = f'fit qwen3.5-35b-a3b --runtime vllm --gpu "{gpu}" --quant nvfp4 --context 131072 -o max_num_seqs=16'
    found = values(qwenpick, f"{asked} {options}")["engine"]
    assert found["block_tokens"] == tokens
    assert found["kv_cache_tokens"] == found["blocks"] * 131072 // blocks


def test_the_cache_of_flash_next_holds_n_grams_and_open_groups_too(qwenpick: Run) -> None:
    # a public start: 5 GiB in blocks of 1,600 tokens hold 105,202. A block: 13 layers x 1,600 x (2,048 + 64) B; a sequence: 21 blocks,
    # (1 + 3 drafts) x (3 groups of delta nets + the n-grams' convolution) and one of the keys that wait for their group of four
    found = values(
        qwenpick,
        'fit qwen3.8-flash-next --runtime vllm --gpu "rtx pro 6000" --ram 180GiB --quant nvfp4 --context 32768 -o kv_cache_memory_bytes=5368709120'
        " -o max_num_seqs=8 -o enable_prefix_caching=false -o num_speculative_tokens=3",
    )["engine"]
    assert (found["block_tokens"], found["blocks"]) == (1600, 122)
    assert found["kv_cache_tokens"] == 122 * 32768 // (21 + 4 * 4 + 1) == 105_202


def test_layers_counted_out_for_unlike_cards_lie_in_the_machines_order(qwenpick: Run) -> None:
    # vllm-project/vllm#34076: 16 layers on the card that is named first; vLLM found 3.18 GiB for the cache there
    asked = 'fit qwen3-coder-30b-a3b-instruct --runtime vllm --gpu "rtx 5070 ti" --gpu "rtx 5090 d" --reserve 0 --quant fp8 --context 32768'
    asked += " -o version=0.15.0 -o gpu_memory_utilization=0.9 -o pipeline_parallel_size=2 -o pp_layer_partition=16,32"
    found = values(qwenpick, asked)
    assert [place["name"] for place in found["places"][:2]] == ["GeForce RTX 5070 Ti", "GeForce RTX 5090 D"]
    assert found["engine"]["available_kv_cache_bytes"] / 2**30 == pytest.approx(3.18, rel=0.05)


def test_awq_runs_on_amds_cards_in_vllm(qwenpick: Run) -> None:
    # Tanguille/cluster#4509: an R9700 with vLLM 0.27.1, 6 GiB of cache: 187,945 tokens, 1.68 sequences of 112,000
    asked = "fit cyankiwi/Qwen3.8-27B-AWQ-INT4 --gpu r9700 --reserve 0 --context 112000 --kv-cache fp8"
    # 256 sequences by default: no graphs are profiled where the cache is set, which would want a state of each; 125 blocks hold the states of as many
    served = values(
        qwenpick, f"{asked} --runtime vllm -o version=0.27.1 -o kv_cache_memory_bytes=6442450944 -o max_num_seqs=125"
    )
    assert served["fits"] and served["engine"]["kv_cache_tokens"] == pytest.approx(187_945, rel=0.01)
    assert not values(qwenpick, f"{asked} --runtime sglang")["fits"]


@pytest.mark.parametrize("engine", ["vllm", "sglang", "transformers"])
@pytest.mark.parametrize(
    ("gpus", "taken"),
    [
        (["rtx 3090", "rtx 4090"], "GeForce RTX 4090"),  # whichever was named first
        (["a100 80gb", "h100 80gb"], "H100 SXM5 80GB"),
        (["rtx a6000", "rtx 5090"], "GeForce RTX 5090"),  # 48 GiB at 768 GB/s beside 32 GiB at 1,792
    ],
)
def test_of_unlike_gpus_that_hold_it_the_fastest_serves(
    catalog: Catalog, engine: str, gpus: list[str], taken: str
) -> None:
    for names in (gpus, gpus[::-1]):
        box = simulate(catalog, names, None, 64 * GIB, False)
        plan = fit(catalog, box, catalog.models["qwen3-4b"], Request(quant="bf16", runtime=engine)).plan
        assert [device.name for device in plan.placement.devices] == [taken] and plan.verdict == "fits"
