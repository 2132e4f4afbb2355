"""Real logs of four engines: what is read, and how far the estimate is from it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import RAM, Memory, Part
from qwenpick.runtimes import find_runtime
from qwenpick.verify.compare import Comparison, Row, compare
from qwenpick.verify.corrections import Correction, corrected, learned, load, save
from qwenpick.verify.logs import read_log
from qwenpick.verify.observation import Observation
from qwenpick.verify.predicted import predicted_memory, predicted_tokens
from qwenpick.verify.recognise import logged_format, recognise

LOGS = Path(__file__).parent / "logs"
MIB, GIB = 2**20, 2**30


def log(name: str) -> Observation:
    return read_log((LOGS / f"{name}.log").read_text())


def mib(seen: Observation) -> dict[tuple[str, str], float]:
    """(name, place) -> MiB, to two digits."""
    return {(part.name, part.where): round(part.bytes / MIB, 2) for part in seen.memory.parts}


def test_llamacpps_buffers_are_read_with_the_drafts_apart() -> None:
    seen = log("llamacpp-27b-mtp-vulkan")
    assert (seen.engine, seen.context, seen.sequences, seen.layers_on_gpu, seen.device) == (
        "llamacpp",
        32768,
        1,
        66,
        "NVIDIA GeForce RTX 3090",
    )
    assert seen.options == {"kv_unified": False, "spec_type": "draft-mtp", "draft_n_max": 2}
    assert mib(seen) == {
        ("weights", "gpu0"): 18163.06, ("kv cache", "gpu0"): 2048, ("recurrent state", "gpu0"): 448.88, ("compute buffer", "gpu0"): 664.18,
        ("draft kv cache", "gpu0"): 128, ("draft compute buffer", "gpu0"): 520.06, ("weights", RAM): 682.03, ("output buffer", RAM): 0.95,
        ("compute buffer", RAM): 208.07, ("draft output buffer", RAM): 0.95, ("draft compute buffer", RAM): 208.07,
    }  # fmt: skip


def test_llamacpps_partial_offload_is_exact_where_the_log_says_all(catalog: Catalog) -> None:
    seen = log("llamacpp-9b-partial-vulkan")
    run = recognise(catalog, seen, (), "qwen3.5-9b", "Q4_K_M")
    assert run.placement.split == (20,) and run.work.context == 8192
    predicted = find_runtime("llamacpp").memory(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    rows = {(row.kind, row.where): row for row in compare(predicted, seen).rows}
    assert rows["kv cache", "gpu0"].predicted == 160 * MIB == rows["kv cache", "gpu0"].actual
    assert rows["kv cache", RAM].predicted == 96 * MIB == rows["kv cache", RAM].actual
    assert abs(rows["state", "gpu0"].error or 1) < 0.001 and abs(rows["state", RAM].error or 1) < 0.001
    assert not rows["compute", "gpu0"].counts  # n_ubatch was 2,048, and this excerpt does not say so


def test_a_context_is_that_of_one_sequence() -> None:
    start = (
        "load_tensors: CUDA0 model buffer size = 1.00 MiB\nllama_context: n_seq_max = 4\nllama_context: n_ctx = 32768\n"
    )
    assert [read_log(start + f"llama_context: kv_unified = {word}").context for word in ("true", "false")] == [
        8192,
        8192,
    ]


def test_a_library_that_reserves_all_outputs_is_told_from_a_server() -> None:
    start = "load_tensors: CUDA0 model buffer size = 1.00 MiB\nllama_context: n_ubatch = 512\n"
    line = "graph_reserve: reserving a graph for ubatch with n_tokens =  512, n_seqs =  1, n_outputs ="
    assert (
        read_log(f"{start}{line}  512").options == {"server": False} and read_log(f"{start}{line}    1").options == {}
    )


def test_the_words_of_2025_are_read_too() -> None:
    seen = log("llamacpp-235b-two-gpus-2025")
    assert (seen.model, seen.kv_cache, seen.ranks) == ("Qwen3 235B A22B", "q8_0", 2)
    assert mib(seen)["kv cache", "gpu0"] == 816.02 and mib(seen)["compute buffer", "gpu1"] == 312.75


def test_vllms_workers_are_read_apart(catalog: Catalog) -> None:
    seen = log("vllm-30b-a3b-four-ranks-0.8.5")
    assert (seen.ranks, seen.kv_tokens, seen.context) == (4, 198_784, 8192)
    assert {place: value for (name, place), value in mib(seen).items() if name == "weights"} == {
        f"gpu{i}": 14589.34 for i in range(4)
    }
    run = recognise(catalog, seen, (), "qwen3-30b-a3b")
    predicted = predicted_memory(run, "vllm")
    assert abs(compare(predicted, seen).total_error or 1) < 0.005  # 14.2474 GiB of weights a rank


def test_vllms_closing_line_is_read() -> None:
    seen = log("vllm-27b-fp8-two-5090")
    assert (seen.total, seen.free, seen.ranks) == (round(31.4 * GIB), round(30.27 * GIB), 2)
    assert mib(seen)["peak activation", "gpu1"] == 1628.16 and mib(seen)["cuda graphs", "gpu0"] == 92.16


def test_vllms_arguments_are_read() -> None:
    seen = log("vllm-35b-a3b-nvfp4-5090")
    assert (seen.version, seen.model, seen.format, seen.kv_cache) == (
        "0.24.0",
        "~/.cache/huggingface/qwen3.6-35b-a3b-nvfp4",
        "nvfp4",
        "fp8",
    )
    assert (
        seen.options
        == {
            "max_num_seqs": 1,
            "max_num_batched_tokens": 8192,
            "enable_prefix_caching": True,
            "limit_mm_per_prompt": '{"image": 2, "audio": 0}',
            "version": "0.24",
        }
        and seen.context == 131_072
    )
    assert (seen.kv_tokens, mib(seen)["kv cache", "gpu0"]) == (567_978, 6123.52)


def test_what_sets_the_cache_aside_is_read_with_its_arguments() -> None:
    said = {
        "model_tag": "Qwen/Qwen3.5-9B",
        "max_model_len": 32768,
        "kv_cache_memory_bytes": 5368709120,
        "cpu_offload_gb": 0,
        "max_loras": 4,
        "limit_mm_per_prompt": {"image": {"count": 1, "width": 512, "height": 512}, "video": 0},
        "gdn_prefill_backend": "triton",
    }
    lines = [
        f"INFO [utils.py:278] non-default args: {said}",
        "INFO [gpu_worker.py:501] Initial free memory 94.43 GiB, reserved 5.0 GiB memory for KV Cache as specified by kv_cache_memory_bytes config",
        "INFO [kv_cache_utils.py:2146] GPU KV cache size: 105,202 tokens",
    ]
    seen = read_log("\n".join(lines))
    assert mib(seen)["kv cache", "gpu0"] == 5120
    assert seen.options == {  # adapters that are not served are none, and nothing is offloaded
        "kv_cache_memory_bytes": 5368709120,
        "limit_mm_per_prompt": '{"image": {"count": 1, "width": 512, "height": 512}, "video": 0}',
        "gdn_prefill_backend": "triton",
    }


@pytest.mark.parametrize(
    ("name", "model", "tolerance"), [("vllm-4b-strix-halo", "qwen3-4b", 0.02), ("sglang-14b", "qwen3-14b", 0.005)]
)
def test_weights_are_predicted(name: str, model: str, tolerance: float, catalog: Catalog) -> None:
    seen = log(name)
    run = recognise(catalog, seen, (), model)
    predicted = predicted_memory(run, seen.engine)
    assert abs(compare(predicted, seen).total_error or 1) < tolerance


H200 = [
    row
    for row in csv.DictReader(
        (Path(__file__).parents[2] / "benchmarks" / "truth" / "vllm_h200.csv").open(encoding="utf-8")
    )
    if row["status"] == "ok" and row["log_kv_tokens"] and row["vision"] == "False"
]


@pytest.mark.parametrize("row", H200, ids=lambda row: row["case"])
def test_a_start_on_an_h200_is_predicted(row: dict[str, str], catalog: Catalog) -> None:
    """What vLLM 0.26.0 printed there: its own lines are quoted in the table, the rest in columns that begin with log_."""
    asked = {
        **json.loads(row["kw"]),
        "max_num_batched_tokens": int(row["max_num_batched_tokens"]),
        "max_num_seqs": int(row["max_num_seqs"]),
    }
    text = "\n".join(
        [
            f"INFO [utils.py:233] non-default args: {asked}",
            f"INFO [core.py:114] Initializing a V1 LLM engine (v0.26.0) with config: model='{row['model']}'",
            f"INFO [gpu_model_runner.py:5405] Model loading took {row['log_model_loading_gib']} GiB memory and 1.0 seconds",
            f"INFO [kv_cache_utils.py:2235] GPU KV cache size: {int(row['log_kv_tokens']):,} tokens",
            f"INFO [kv_cache_utils.py:2236] Maximum concurrency for {int(row['max_model_len']):,} tokens per request: 1.00x",
            *row["note"].split(" | "),
        ]
    )
    seen = read_log(text)
    assert (
        seen.context == int(row["max_model_len"])
        and seen.kv_tokens == int(row["log_kv_tokens"])
        and seen.version == "0.26.0"
    )
    run = recognise(catalog, seen, (), row["model"], "bf16" if row["quant"] == "bf16" else None)
    found = compare(
        predicted_memory(run, "vllm"),
        seen,
        predicted_tokens(run, seen),
    )
    assert found.off_by is not None and found.off_by < 0.03, found.rows


def test_sglangs_pools_are_read() -> None:
    seen = log("sglang-14b")
    assert (seen.format, seen.kv_tokens) == ("bf16", 91_749)
    assert {part.kind: part.bytes for part in seen.memory.parts} == {
        "weights": round(27.57 * GIB),
        "kv cache": 14 * GIB,
    }
    ranks = log("sglang-omni-four-ranks")
    assert ranks.kv_tokens == 2_090_351 and {part.where for part in ranks.memory.parts} == {"gpu1", "gpu2"}


def test_sglangs_mamba_pool_is_read() -> None:
    line = "[2026-01-01 00:01:01 TP0] Mamba Cache is allocated. max_mamba_cache_size: 22, conv_state size: 0.06GB, ssm_state size: 3.23GB "
    part = read_log(f"Load weight end. mem usage=20.00 GB.\n{line}").memory.parts[1]
    assert part.kind == "state" and part.bytes == round(0.06 * GIB) + round(3.23 * GIB)


def test_a_number_at_the_end_of_a_sentence_is_read() -> None:
    asked = "vllm serve Qwen/Qwen3-8B --max-num-seqs 8 --enable-lora --max-loras 4."
    seen = read_log(f"{asked}\nINFO [gpu_worker.py:300] Available KV cache memory: 4.0 GiB\n")
    assert seen.options == {"max_num_seqs": 8, "enable_lora": True, "max_loras": 4}


def test_sglangs_newer_names_are_read() -> None:
    line = "server_args=ServerArgs(model_path='Qwen/Qwen3.5-9B', cuda_graph_max_bs_decode=12, language_model_only=True, mamba_ssm_dtype='bfloat16')"
    seen = read_log(f"{line}\nLoad weight end. mem usage=20.00 GB.\n")
    assert seen.options == {"cuda_graph_max_bs": 12, "language_only": True, "mamba_ssm_dtype": "bfloat16"}


def test_ollamas_runner_is_read_as_llamacpp_where_it_is() -> None:
    seen = log("ollama-32b")
    assert (seen.engine, seen.kv_cache, mib(seen)["compute buffer", "gpu0"]) == ("ollama", "f16", 1092)


def test_ollamas_own_engine_and_its_older_plan_are_read() -> None:
    seen = log("ollama-new-engine")
    assert mib(seen) == {("weights", "gpu0"): 11776, ("weights", "gpu1"): 12185.6, ("weights", RAM): 680}
    assert (seen.layers_on_gpu, seen.format) == (41, "Q8_0")
    old = log("ollama-old-offload")
    assert mib(old)["kv cache", "gpu0"] == 992 and (old.context, old.layers_on_gpu) == (8192, 48)


def test_ollamas_load_request_says_the_context_of_one_slot() -> None:
    request = 'msg=load request="{Operation:commit LoraPath:[] Parallel:4 BatchSize:512 FlashAttention:Enabled KvSize:16384 KvCacheType:q8_0 x}"'
    size = 'source=device.go:251 msg="kv cache" device=CUDA0 size="1.5 GiB"'
    seen = read_log(f"{request}\n{size}\n")
    assert (seen.context, seen.sequences, seen.kv_cache, seen.kv_tokens) == (4096, 4, "q8_0", 16384)


def test_the_last_start_in_a_log_is_the_one_that_is_read() -> None:
    text = (LOGS / "llamacpp-9b-partial-vulkan.log").read_text()
    again = text.replace("3393.11", "1111.11").replace("160.00", "80.00")
    assert (
        mib(read_log(text + again))["weights", "gpu0"] == 1111.11
        and mib(read_log(text + again))["kv cache", "gpu0"] == 80
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the log is empty"),
        ("hello\n" * 100, "not a log of llama.cpp"),
        ("sglang is starting\n", "has no line about memory"),
    ],
)
def test_a_text_that_says_nothing_gets_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        read_log(text)


def test_a_log_that_names_no_model_says_how_to_name_it(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="does not say which model it is; give it: qwenpick verify MODEL"):
        recognise(catalog, log("llamacpp-9b-partial-vulkan"), ())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qwen3.8-27b-ud-q5km.gguf", "UD-Q5_K_M"),
        ("Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"),
        ("Qwen/Qwen3-30B-A3B-GPTQ-Int4", "gptq-int4"),
        ("Qwen/Qwen3-8B", None),
    ],
)
def test_a_name_tells_its_format(name: str, found: str | None) -> None:
    assert logged_format(name) == found


SCRAPS = st.lists(
    st.one_of(
        st.sampled_from(
            [line for path in sorted(LOGS.glob("*.log")) for line in path.read_text().splitlines()]
        ).flatmap(lambda line: st.integers(0, len(line)).map(lambda end: line[:end])),
        st.text(max_size=60),
    ),
    max_size=30,
)


@given(scraps=SCRAPS)
def test_any_scraps_of_logs_are_read_or_get_a_sentence(scraps: list[str]) -> None:
    try:
        seen = read_log("\n".join(scraps))
    except QwenpickError:
        return
    assert seen.says_something and all(part.bytes >= 0 for part in seen.memory.parts)


# -- comparing and remembering -----------------------------------------------------------------------------------------


def part(kind: str, size: int, where: str = "gpu0", name: str = "x") -> Part:
    return Part(name, size, where, "", kind)


def test_only_what_the_engine_prints_counts() -> None:
    predicted = Memory((part("weights", 110), part("compute", 30), part("overhead", 999)))
    seen = Observation("llamacpp", Memory((part("weights", 100), part("compute", 50))), context=4096)
    rows = compare(predicted, seen)
    assert {row.kind: row.counts for row in rows.rows} == {"weights": True, "compute": True, "overhead": False}
    assert rows.total_error == pytest.approx((140 - 150) / 150) and rows.off_by == pytest.approx(10 / 150)


def test_the_tokens_of_the_cache_count_beside_the_bytes() -> None:
    seen = Observation("vllm", Memory((part("weights", 100),)), kv_tokens=1000)
    assert compare(Memory((part("weights", 100),)), seen, 900).off_by == pytest.approx(0.1)


def test_a_correction_is_the_median_of_what_was_seen(tmp_path: Path) -> None:
    store = tmp_path / "a" / "corrections.json"
    assert load(store) == ()
    found: tuple[Correction, ...] = ()
    for actual in (110, 120, 190):
        found = learned(found, "vllm", "L40S", Comparison((Row("weights", "gpu0", 100, actual),)))
    save(store, found)
    assert load(store) == found == (Correction("vllm", "L40S", "weights", (1.1, 1.2, 1.9)),)
    estimate = Memory((part("weights", 1000), part("compute", 500), part("weights", 70, RAM)))
    assert [p.bytes for p in corrected(estimate, found, "vllm", "L40S").parts] == [1200, 500, 70]
    assert corrected(estimate, found, "vllm", "another card") == estimate


def test_what_cannot_be_an_error_of_the_estimate_is_not_learned() -> None:
    assert learned((), "vllm", "L40S", Comparison((Row("weights", "gpu0", 100, 900),))) == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "corrections": []}', '{"version": 1, "corrections": [5]}', "[" * 100_000]
)
def test_a_damaged_store_gets_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    path.write_text(text)
    with pytest.raises(QwenpickError, match="delete it to start afresh"):
        load(path)


def test_devices_that_the_person_names_win_over_the_log(catalog: Catalog) -> None:
    mine = Device("L40S", "nvidia", 48 * GIB, 47 * GIB)
    assert (
        recognise(catalog, log("vllm-30b-a3b-four-ranks-0.8.5"), (mine,), "qwen3-30b-a3b").placement.devices
        == (mine,) * 4
    )
