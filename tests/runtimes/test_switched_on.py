"""What people switch on: adapters, pictures and videos of a prompt, the n-gram table in RAM, instances of a card."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes.adapters import adapter_bytes
from qwenpick.runtimes.vllm.attention import backend_of
from qwenpick.runtimes.vllm.encoder import Prompts, profiled
from tests.conftest import Run, values

MIB = 2**20


def parts(plan: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in plan["memory"]["parts"]:
        found[part["name"]] = found.get(part["name"], 0) + part["bytes"]
    return found


def test_an_adapter_holds_inputs_and_outputs_of_every_matrix(catalog: Catalog) -> None:
    # Qwen3-8B, a layer: q 4096 + 4096, k and v 2 x (4096 + 1024), o 4096 + 4096, gate and up 2 x (4096 + 12288), down 12288 + 4096: 75,776
    shape = catalog.architectures["qwen3-8b"]
    assert adapter_bytes(shape, 16, 1) == 36 * 75_776 * 16 * 2
    assert adapter_bytes(shape, 16, 3) == 3 * adapter_bytes(shape, 16, 1)
    # embeddings and head: 2 x (151936 + 4096)
    assert adapter_bytes(shape, 16, 1, embeddings=True) - adapter_bytes(shape, 16, 1) == 2 * 156_032 * 16 * 2
    # over two: q 4096 + 2048, k and v 4096 + 512, o 2048 + 4096, gate and up 4096 + 6144, down 6144 + 4096
    assert adapter_bytes(shape, 16, 1, 2) == 36 * (2 * 6144 + 2 * 4608 + 3 * 10_240) * 16 * 2


def test_adapters_of_experts_are_far_larger_than_those_of_what_runs(catalog: Catalog) -> None:
    # Qwen3-30B-A3B: 48 layers x 128 experts x 3 x (2048 + 768) inputs and outputs dwarf all else
    shape = catalog.architectures["qwen3-30b-a3b"]
    experts = 48 * 128 * 3 * (2048 + 768) * 16 * 2
    assert experts < adapter_bytes(shape, 16, 1) < 1.05 * experts
    assert adapter_bytes(shape, 16, 1, 4, whole_experts=True) < 0.3 * adapter_bytes(shape, 16, 1)


@pytest.mark.parametrize(("engine", "option"), [("vllm", "max_loras=4"), ("sglang", "max_loras_per_batch=4")])
def test_room_for_adapters_is_taken_from_the_cache_and_launch_says_so(qwenpick: Run, engine: str, option: str) -> None:
    asked = f"qwen3-8b --runtime {engine} --gpu h100 --quant bf16 --context 8k"
    plain, more = values(qwenpick, f"fit {asked}"), values(qwenpick, f"fit {asked} -o {option}")
    assert more["engine"]["kv_cache_tokens"] < plain["engine"]["kv_cache_tokens"]
    assert "--enable-lora" in values(qwenpick, f"launch {asked} -o {option}")["serve"]["argv"]


def test_what_prompts_may_hold_decides_how_the_tower_is_profiled(qwenpick: Run) -> None:
    asked = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "rtx 4090" --quant fp8 --context 8k'

    def tokens(limits: str = "") -> int:
        return int(values(qwenpick, f"{asked} {limits}")["engine"]["kv_cache_tokens"])

    pictures, videos, none = (
        tokens(f"""-o 'limit_mm_per_prompt={{"image": {i}, "video": {v}}}'""") for i, v in ((1, 0), (0, 1), (0, 0))
    )
    assert tokens() == pictures < videos < none
    text_only = values(qwenpick, f"{asked} -o language_model_only=true")
    assert text_only["engine"]["kv_cache_tokens"] == none
    for bad in ("limit_mm_per_prompt=two", 'limit_mm_per_prompt={"image": "many"}', "mm_processor_kwargs=1"):
        assert qwenpick(*shlex.split(asked), "-o", bad).code == 2


def test_the_batch_decides_how_many_pictures_are_profiled(catalog: Catalog) -> None:
    # vLLM 0.23.1rc1, nvidia/Qwen3.6-27B-NVFP4: "a budget of 65536 tokens, and profiled with 4 image items"; 8,192 tokens: 16384 and 1
    shape, new, old = catalog.architectures["qwen3.5-27b"], (0, 23), (0, 11)

    def tokens(batch: int, version: tuple[int, ...] = new, **prompts: Any) -> tuple[int, int]:
        found = profiled(shape, version, batch, 8, 262144, Prompts(**prompts))
        return found.tokens, found.kept

    assert tokens(65536) == (65536, 65536) and tokens(8192) == (16384, 16384)
    assert tokens(65536, pictures=1) == (65536, 65536)  # of eight prompts
    assert profiled(shape, new, 65536, 2, 262144, Prompts(pictures=1)).tokens == 2 * 16384
    assert tokens(32768, old) == (32768, 32768 + 2 * 32768)  # each copied into room for the whole budget
    # 1,003,520 pixels of 32 x 32 a token; a picture of 1024 x 512 to profile with does not change how many are
    assert tokens(2048, most=1_003_520) == (2 * 980, 2 * 980)
    assert tokens(65536, picture=(1024, 512)) == (4 * 512, 4 * 512)


def test_what_a_prompt_may_hold_is_read_in_every_form(qwenpick: Run) -> None:
    asked = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "rtx 4090" --quant fp8 --context 32k -o max_num_batched_tokens=32768'

    def tokens(*words: str) -> int:
        return int(values(qwenpick, " ".join((asked, *words)))["engine"]["kv_cache_tokens"])

    one = tokens("""-o 'limit_mm_per_prompt={"image": 1, "video": 0}'""", "-o max_num_seqs=1")
    assert one == tokens("-o limit_mm_per_prompt=image=1,video=0", "-o max_num_seqs=1")
    smaller = """-o 'limit_mm_per_prompt={"image": {"count": 1, "width": 512, "height": 512}, "video": 0}'"""
    assert one < tokens(smaller, "-o max_num_seqs=1")
    fewer = """-o limit_mm_per_prompt=image=1,video=0 -o 'mm_processor_kwargs={"max_pixels": 262144}'"""
    assert tokens(fewer, "-o max_num_seqs=1") == tokens(smaller, "-o max_num_seqs=1")


def test_flashinfer_attends_where_flash_attention_cannot() -> None:
    fp8, wide = KvCache("fp8", "fp8"), KvCache()
    assert {backend_of(c, fp8, (0, 27)) for c in ((7, 5), (8, 0), (8, 6), (8, 9), (12, 0), (12, 1))} == {"flashinfer"}
    assert backend_of((9, 0), fp8, (0, 27)) == backend_of((12, 0), wide, (0, 27)) == "flash_attn"
    assert backend_of((10, 0), wide, (0, 27)) == "flashinfer-trtllm"
    assert backend_of((7, 0), wide, (0, 27)) == backend_of((12, 0), fp8, (0, 11)) == "other"
    assert (
        backend_of((8, 6), wide, (0, 27), "FLASHINFER")
        == "flashinfer"
        != backend_of((8, 6), fp8, (0, 27), "TRITON_ATTN")
    )


def test_flashinfers_buffers_are_in_the_estimate_where_decoding_is_captured(qwenpick: Run) -> None:
    # a DGX Spark's public log, 27B, 8 sequences: "PIECEWISE=5 (largest=16), FULL=4 (largest=8)", estimated 0.61 GiB, taken 0.62
    box = 'fit nvidia/Qwen3.6-27B-NVFP4 --runtime vllm --gpu "dgx spark" --context 262144 -o version=0.24.0 -o max_num_seqs=8'
    graphs = [values(qwenpick, f"{box} --kv-cache {c}")["engine"]["cuda_graph_bytes"] for c in ("fp8", "f16")]
    assert graphs[0] - graphs[1] == (394 + 4 * 8) * 2**20
    # with drafts only pieces are captured ("FULL_AND_PIECEWISE is not supported with spec-decode"): the first request takes the buffers
    spoken = values(qwenpick, f"{box} --kv-cache fp8 -o num_speculative_tokens=2")["engine"]
    assert spoken["cuda_graph_bytes"] < 394 * 2**20 < graphs[0]


def test_a_mixtures_nvfp4_and_flashinfer_leave_the_cache_that_was_seen(qwenpick: Run) -> None:
    # club-3090 issues 612 and 652, one RTX 5090: 5.98 and 6.01 GiB; issue 858, two: 16.58 GiB a GPU
    asked = (
        "--runtime vllm --kv-cache fp8 -o max_num_seqs=1 -o max_num_batched_tokens=8192 -o enable_prefix_caching=true"
    )
    one = f'fit nvidia/Qwen3.6-35B-A3B-NVFP4 --gpu "rtx 5090" --context 131072 -o version=0.24.0 {asked}'
    two = f'fit nvidia/Qwen3.6-35B-A3B-NVFP4 --gpu "2x rtx 5090" --context 262144 -o version=0.25.0 -o tensor_parallel_size=2 {asked}'
    for said, real in ((one, 5.98), (two, 16.58)):
        assert values(qwenpick, said)["engine"]["available_kv_cache_bytes"] == pytest.approx(real * 2**30, rel=0.02)


def test_a_tower_that_is_not_cut_is_whole_on_every_gpu(qwenpick: Run) -> None:
    asked = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "2x rtx 4090" --quant bf16 --context 8k -o tensor_parallel_size=2'
    cut, whole = values(qwenpick, asked), values(qwenpick, f"{asked} -o mm_encoder_tp_mode=data")
    assert parts(whole)["vision weights"] == pytest.approx(2 * parts(cut)["vision weights"], rel=0.02)


def test_an_n_gram_table_goes_to_ram_where_the_gpus_are_too_small(qwenpick: Run) -> None:
    box = 'qwen3.8-flash-next --gpu "rtx pro 6000" --ram 128GiB --context 32k --quant nvfp4'
    for engine, flag in (("vllm", '{"cpu_offload": true}'), ("sglang", "--ple-offload-embedding")):
        found = values(qwenpick, f"fit {box} --runtime {engine}")
        assert found["fits"] and found["placement"]["table_in_ram"] and found["placement"]["mode"] == "gpu"
        in_ram = sum(part["bytes"] for part in found["memory"]["parts"] if part["where"] == "ram")
        assert in_ram == pytest.approx(51.2e9, rel=0.02)  # 51.2 billion elements of 8 bits
        assert flag in values(qwenpick, f"launch {box} --runtime {engine}")["serve"]["argv"]
    here = values(qwenpick, box.replace("rtx pro 6000", "b300").join(("fit ", " --runtime vllm")))
    assert here["fits"] and not here["placement"]["table_in_ram"]
    asked = values(qwenpick, f"""fit {box} --runtime vllm -o 'engram_config={{"cpu_offload": false}}'""")
    assert not asked["fits"]


def test_a_table_on_disk_keeps_eight_gigabytes_in_the_memory_of_a_spark(qwenpick: Run) -> None:
    box = 'fit qwen3.8-flash-next --runtime sglang --gpu "dgx spark" --quant nvfp4 --context 16k'
    found = values(qwenpick, f"{box} -o ple_offload_backend=file")
    assert found["fits"]
    assert sum(part["bytes"] for part in found["memory"]["parts"] if part["where"] == "ram") == 8 * 10**9


def test_a_draft_model_of_its_own_takes_its_weights_and_a_cache_for_its_layers(qwenpick: Run) -> None:
    asked = 'fit qwen3-8b --runtime vllm --gpu "2x rtx 4090" --quant bf16 --context 8k -o tensor_parallel_size=2 -o num_speculative_tokens=3'
    plain = values(qwenpick, asked)["engine"]
    drafted = values(qwenpick, f"{asked} -o draft_gb=0.8 -o draft_layers=5")["engine"]
    # the matrix that mixes three hidden states of 4,096 lies whole on both (vLLM models/llama_eagle3.py: ReplicatedLinear)
    mixer = 3 * 4096 * 4096 * 2
    assert drafted["weights_bytes"] - plain["weights_bytes"] == mixer + (800_000_000 - mixer) // 2
    # 36 layers x 2 x 4 heads x 128 x 2 bytes x 16 tokens, and five more
    cache = {what["available_kv_cache_bytes"] // what["blocks"] // 32768 for what in (plain, drafted)}
    assert cache == {36, 41}


@pytest.mark.parametrize(
    ("engine", "named", "tokens", "flags"),
    [
        (
            "vllm",
            "-o draft_model=incoai/Qwen3.8-27B-DFlash2 -o draft_method=dflash",
            "num_speculative_tokens=7",
            ['{"method": "dflash", "model": "incoai/Qwen3.8-27B-DFlash2", "num_speculative_tokens": 7}'],
        ),
        (
            "sglang",
            "-o speculative_draft_model_path=incoai/Qwen3.8-27B-DFlash2 -o speculative_algorithm=DFLASH",
            "speculative_num_draft_tokens=8",
            ["DFLASH", "--speculative-draft-model-path", "incoai/Qwen3.8-27B-DFlash2", "8"],
        ),
    ],
)
def test_a_hybrid_drafts_with_a_model_of_its_own_instead_of_its_block(
    qwenpick: Run, engine: str, named: str, tokens: str, flags: list[str]
) -> None:
    box = f"qwen3.8-27b --runtime {engine} --gpu h100 --quant fp8 --context 32k -o {tokens}"
    block, own = values(qwenpick, f"fit {box}"), values(qwenpick, f"fit {box} {named} -o draft_gb=4 -o draft_layers=5")
    assert "mtp weights" in parts(block) and "mtp weights" not in parts(own)
    joined = (
        5 * 2 * 4 * 256 * 5120 * 2 if engine == "vllm" else 0
    )  # five layers' keys and values once more: qwen3_dflash.py _fused_kv_weight
    assert sum(size for name, size in parts(own).items() if "draft model" in name) == 4 * 10**9 + joined
    assert own["engine"]["kv_cache_tokens"] < block["engine"]["kv_cache_tokens"]
    argv = values(qwenpick, f"launch {box} {named} -o draft_gb=4 -o draft_layers=5")["serve"]["argv"]
    assert set(flags) <= set(argv)
    refused = qwenpick(*shlex.split(f"fit {box} {named}"))
    assert refused.code == 2 and "draft_gb" in refused.err


def test_vllm_keeps_the_hidden_states_that_a_draft_model_reads_while_it_profiles(qwenpick: Run) -> None:
    drafting = "-o num_speculative_tokens=7 -o draft_gb=1.2 -o draft_layers=5"
    box = f"fit qwen3-8b --runtime vllm --gpu h100 --context 8k -o max_num_batched_tokens=8192 -o max_num_seqs=8 -o enforce_eager=true {drafting}"
    plain, drafted = (
        values(qwenpick, f"{box} -o version=0.26 -o draft_method={method}")["engine"]
        for method in ("draft_model", "dflash")
    )
    # gpu_model_runner.py _dummy_run: five layers' hidden states of 8,192 tokens, 16 bits
    assert drafted["peak_activation_bytes"] - plain["peak_activation_bytes"] == 5 * 8192 * 4096 * 2


def test_sglang_is_told_steps_branches_and_tokens_of_its_drafts(qwenpick: Run) -> None:
    # steps left out while tokens are given is an assertion in arg_groups/speculative_hook.py
    box = "launch qwen3.8-27b --runtime sglang --gpu h100 --quant fp8 --context 32k -o speculative_num_draft_tokens=4"
    argv = values(qwenpick, box)["serve"]["argv"]
    told = {flag: argv[argv.index(flag) + 1] for flag in argv if flag.startswith("--speculative")}
    assert told == {
        "--speculative-algorithm": "NEXTN",
        "--speculative-num-draft-tokens": "4",
        "--speculative-num-steps": "3",
        "--speculative-eagle-topk": "1",
    }


def test_named_batches_are_those_that_graphs_are_captured_for(qwenpick: Run) -> None:
    box = "qwen3-30b-a3b --runtime vllm --gpu h100 --quant fp8 --context 8k"

    def graphs(more: str = "") -> int:
        return int(values(qwenpick, f"fit {box} {more}")["engine"]["cuda_graph_bytes"])

    # 51 sizes by default; 1, 2, 4 and 8 to 128 in steps of 8 are 19; under the V1 runner each takes the same
    first = "-o version=0.28"
    assert graphs(f"{first} -o max_cudagraph_capture_size=128") == graphs(first) * 19 // 51
    assert graphs(f"{first} -o cudagraph_capture_sizes=1,2,4") == graphs(first) * 3 // 51
    assert graphs("-o cudagraph_capture_sizes=1,2,4") < graphs("-o max_cudagraph_capture_size=128") < graphs()
    assert graphs("-o cudagraph_capture_sizes=1,2,4 -o enforce_eager=true") == 0
    argv = values(qwenpick, f"launch {box} -o cudagraph_capture_sizes=1,2,4")["serve"]["argv"]
    assert argv[argv.index("--cudagraph-capture-sizes") :][1:4] == ["1", "2", "4"]
    assert qwenpick(*shlex.split(f"fit {box} -o cudagraph_capture_sizes=many")).code == 2


def test_a_tower_that_is_not_profiled_leaves_its_peak_to_the_cache(qwenpick: Run) -> None:
    box = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "rtx 4090" --quant fp8 --context 8k'
    plain, skipped = (values(qwenpick, box + more)["engine"] for more in ("", " -o skip_mm_profiling=true"))
    assert plain["weights_bytes"] == skipped["weights_bytes"]
    assert skipped["peak_activation_bytes"] < plain["peak_activation_bytes"]
    assert skipped["kv_cache_tokens"] > plain["kv_cache_tokens"]


def test_sglangs_pools_are_cut_as_they_are_asked_for(qwenpick: Run) -> None:
    box = "fit qwen3.8-27b --runtime sglang --gpu h100 --quant fp8 --context 8k --sequences 4"

    def engine(more: str = "") -> Any:
        return values(qwenpick, f"{box} {more}")["engine"]

    plain = engine()
    # as many bytes of states as of tokens, instead of 0.9 for each
    even = engine("-o mamba_full_memory_ratio=1.0")
    assert even["state_slots"] > plain["state_slots"] and even["kv_cache_tokens"] < plain["kv_cache_tokens"]
    slots = engine("-o max_mamba_cache_size=30")
    assert slots["state_slots"] == 30 and slots["kv_cache_tokens"] > plain["kv_cache_tokens"]
    assert engine("-o max_total_tokens=20000")["kv_cache_tokens"] == 20000
    # while it speculates every running request keeps the states of its drafts: 48 of them where nobody says
    drafting = "-o speculative_num_draft_tokens=4"
    few = engine(f"{drafting} -o max_running_requests=4 -o max_mamba_cache_size=60")
    assert few["kv_cache_tokens"] > engine(f"{drafting} -o max_mamba_cache_size=60")["kv_cache_tokens"]
    less = engine("-o mem_fraction_static=0.7")
    assert less["mem_fraction_static"] == 0.7 and less["kv_cache_tokens"] < plain["kv_cache_tokens"]


@pytest.mark.parametrize(("strategy", "slots"), [("no_buffer", 3), ("extra_buffer", 5), ("extra_buffer_lazy", 4)])
def test_a_running_request_of_sglang_holds_as_many_slots_as_its_strategy_keeps(
    qwenpick: Run, strategy: str, slots: int
) -> None:
    box = "fit qwen3.8-27b --runtime sglang --gpu h100 --quant fp8 --context 8k --sequences 4"
    found = values(qwenpick, f"{box} -o mamba_radix_cache_strategy={strategy}")
    states = sum(part["bytes"] for part in found["memory"]["parts"] if part["kind"] == "state")
    assert states == (4 * slots + 1) * 153_944_064


@pytest.mark.parametrize(
    ("version", "cut", "served"), [("0.20.2", "true", False), ("0.21.0", "true", True), ("0.20.2", "false", True)]
)
def test_adapters_of_experts_that_lie_whole_on_ranks_came_with_vllm_0_21(
    qwenpick: Run, version: str, cut: str, served: bool
) -> None:
    box = "qwen3.6-35b-a3b --quant fp8 --runtime vllm --gpu '2x h100' -o tensor_parallel_size=2 -o enable_lora=true"
    answer = qwenpick(*shlex.split(f"fit {box} -o version={version} -o enable_expert_parallel={cut}"))
    assert (answer.code == 0) == served and ("has no LoRA adapters beside" not in answer.out) == served


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (
            "qwen3-235b-a22b --quant fp8 --runtime vllm --gpu '8x h100' -o tensor_parallel_size=8",
            "-o tensor_parallel_size=8 --gpu '8x h100' -o enable_expert_parallel=true",
        ),
        (
            "qwen3.6-35b-a3b --quant fp8 --runtime vllm --gpu '2x h100' -o version=0.20.0 -o tensor_parallel_size=2 -o max_loras=2"
            " -o enable_expert_parallel=true",
            "-o version=0.20.0 -o tensor_parallel_size=2 -o max_loras=2 --gpu '2x h100' -o enable_expert_parallel=false",
        ),
        (
            "qwen3-32b --quant awq-int4 --runtime vllm --gpu '3x a100' -o tensor_parallel_size=3",
            "--runtime vllm --gpu '3x a100'",
        ),
        (
            "qwen3-32b --quant awq-int4 --runtime sglang --gpu '3x a100' -o tp=3 -o version=0.5.20",
            "--runtime sglang -o version=0.5.20 --gpu '3x a100'",
        ),
    ],
)
def test_another_cut_is_offered_where_the_one_that_was_asked_for_is_refused(
    qwenpick: Run, asked: str, command: str
) -> None:
    answer = values(qwenpick, f"fit {asked}")
    assert (
        answer["verdict"] == "refused"
        and not answer["engine"]["starts"]
        and answer["engine"]["refusal"] == answer["reason"]
    )
    fix = answer["fixes"][0]["command"].replace(" --json", "")
    assert fix.endswith(command), fix
    assert qwenpick(*shlex.split(fix)[1:]).code == 0


def test_copies_say_how_they_lie(qwenpick: Run) -> None:
    box = "fit qwen3-235b-a22b --quant fp8 --runtime vllm --gpu '8x h100' --context 8k"
    shared = qwenpick(*shlex.split(f"{box} -o data_parallel_size=8 -o enable_expert_parallel=true")).out
    assert (
        "on 8 GPUs: 8 copies that share the experts, each on 1 GPU;" in shared
        and "at once in each of its 8 copies" in shared
    )
    apart = qwenpick(
        *shlex.split(
            "fit qwen3-32b --quant fp8 --runtime vllm --gpu '4x h100' -o data_parallel_size=2 -o tensor_parallel_size=2"
        )
    ).out
    assert (
        "on 4 GPUs: 2 copies, each on 2 GPUs (tensor parallel);" in apart and "at once in each of its 2 copies" in apart
    )


def test_an_instance_of_a_card_is_asked_for_by_its_profile_and_never_twice(qwenpick: Run) -> None:
    written = qwenpick(*shlex.split("launch qwen3-8b --runtime vllm --gpu 'a100 3g.40gb' --kubernetes")).out
    assert "nvidia.com/mig-3g.40gb: '1'" in written and "nvidia.com/gpu" not in written
    short = values(qwenpick, "fit qwen3-8b --runtime vllm --gpu 'a100 1g.10gb'")
    assert short["fixes"] and not any("2x" in fix["command"] for fix in short["fixes"])


@pytest.mark.parametrize(
    ("engine", "option", "said"),
    [
        ("vllm", "dtype=bfloat16", "use --quant, e.g. bf16 or fp8"),
        ("vllm", "compilation_config={}", "use max_cudagraph_capture_size"),
        ("vllm", "enable_sleep_mode=true", "decides nothing that is planned here"),
        ("sglang", "quantization=fp8", "use --quant"),
        ("sglang", "enable_memory_saver=true", "decides nothing that is planned here"),
    ],
)
def test_what_is_said_in_another_way_or_not_at_all_is_told(qwenpick: Run, engine: str, option: str, said: str) -> None:
    answer = qwenpick("fit", "qwen3-8b", "--gpu", "h100", "--runtime", engine, "-o", option)
    assert answer.code == 2 and said in answer.err


def test_vllms_short_names_of_a_cut_are_read(qwenpick: Run) -> None:
    found = values(qwenpick, "fit qwen3-32b --quant fp8 --runtime vllm --gpu '8x h100' -o tp=2 -o pp=2 -o dp=2")[
        "placement"
    ]
    assert (found["tensor_parallel"], found["pipeline_parallel"], found["data_parallel"]) == (2, 2, 2)


@pytest.mark.parametrize("copies", ["data_parallel_size", "dp_size", "dp"])
def test_requests_at_once_are_of_every_copy(qwenpick: Run, copies: str) -> None:
    asked = "fit qwen3-8b --runtime sglang --gpu '2x h100' --context 8k --users 8 -o max_running_requests=4"
    assert qwenpick(*shlex.split(f"{asked} -o {copies}=2")).code == 0
    assert qwenpick(*shlex.split(asked)).code == 2
