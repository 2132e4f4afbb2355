"""Every form of a vLLM or SGLang log that people show: what is stated is read, what is not known is said, and nothing else is compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qwenpick.verify.logs import read_log
from tests.conftest import Result, Run

LOGS = Path(__file__).parent / "logs"
PIPELINE = (LOGS / "vllm-pipeline.log").read_text(encoding="utf-8").strip()
STAGES = (LOGS / "vllm-stages.log").read_text(encoding="utf-8").strip()
LEDGER = (LOGS / "vllm-account.log").read_text(encoding="utf-8").strip()
DRAFTS = (LOGS / "vllm-drafts.log").read_text(encoding="utf-8").strip()
TOO_SMALL = (LOGS / "vllm-too-small.log").read_text(encoding="utf-8").strip()
FEW_BLOCKS = (LOGS / "vllm-few-blocks.log").read_text(encoding="utf-8").strip()
SGLANG = (LOGS / "sglang-pool.log").read_text(encoding="utf-8").strip()


def verified(qwenpick: Run, tmp_path: Path, text: str, *words: str) -> Result:
    log = tmp_path / "engine.log"
    log.write_text(text + "\n", encoding="utf-8")
    return qwenpick("verify", *words, "--log", str(log), "--no-record")


def values(found: Result) -> Any:
    return json.loads(found.out)


def test_every_stage_is_compared_with_its_own_layers(qwenpick: Run, tmp_path: Path) -> None:
    for text in (PIPELINE, STAGES):
        found = verified(qwenpick, tmp_path, text, "--json")
        assert found.code == 0, found.out
        weights = [row for row in values(found)["rows"] if row["kind"] == "weights"]
        assert len(weights) == text.count("Model loading took")
        assert all(abs(row["error"]) < 0.01 for row in weights), weights


def test_the_account_that_a_running_server_prints_states_weights_and_cache() -> None:
    seen = read_log("\n".join(LEDGER.format(rank=rank) for rank in (1, 2)))
    assert {part.kind for part in seen.memory.parts} == {"weights", "compute", "overhead", "kv cache"}
    assert seen.ranks == 3 and seen.options["gpu_memory_utilization"] == 0.85 and seen.unread == ()


def test_an_account_that_tells_weights_and_the_rest_in_one_is_compared_in_one(qwenpick: Run, tmp_path: Path) -> None:
    # the wording of 0.27 and later, of a server whose first lines are lost: Qwen3.8-27B-FP8 over two RTX 5090, 15.03 GiB
    text = (
        "(Worker_TP0 pid=223) INFO 08-22 04:42:13 [gpu_worker.py:789] Free memory on device (30.27/31.4 GiB) on startup. Desired GPU memory "
        "utilization is (0.92, 28.88 GiB). Actual usage is 15.03 GiB for consumed memory (weights + non-torch), 1.59 GiB for peak activation, and "
        "0.09 GiB for CUDAGraph memory. Current kv cache memory in use is 12.26 GiB."
    )
    text += "\n" + text.replace("TP0", "TP1").replace("15.03", "15.05")
    found = verified(qwenpick, tmp_path, text, "qwen3.8-27b", "--quant", "fp8", "--gpu", "2x rtx 5090", "--json")
    rows = [row for row in values(found)["rows"] if row["kind"] == "weights"]
    assert [row["where"] for row in rows] == ["gpu0", "gpu1"] and all(abs(row["error"]) < 0.05 for row in rows)
    assert found.code == 0


def test_drafts_and_prefix_caching_are_read_and_the_tokens_are_exact(qwenpick: Run, tmp_path: Path) -> None:
    # 5.33 GiB of 26.0 MiB blocks of 1,600 tokens on each of two ranks
    found = verified(qwenpick, tmp_path, DRAFTS, "--json")
    assert [row["error"] for row in values(found)["rows"] if row["unit"] == "tokens"] == [0.0]


def test_a_draft_model_of_its_own_is_named_and_not_taken_for_the_models_block(qwenpick: Run, tmp_path: Path) -> None:
    text = DRAFTS.replace("'method': 'mtp'", "'method': 'dflash', 'model': 'z-lab/Qwen3.6-27B-DFlash'")
    found = verified(qwenpick, tmp_path, text, "--json")
    assert any("dflash" in line for line in values(found)["unread"])


def test_a_refused_start_says_how_long_a_sequence_its_cache_would_hold(qwenpick: Run, tmp_path: Path) -> None:
    found = verified(qwenpick, tmp_path, TOO_SMALL, "--json")
    assert [row["predicted"] for row in values(found)["rows"] if row["kind"] == "longest sequence"] == [32768]


def test_blocks_are_compared_once_the_card_is_known(qwenpick: Run, tmp_path: Path) -> None:
    asked = verified(qwenpick, tmp_path, FEW_BLOCKS)
    assert asked.code == 2 and "786 blocks" in asked.err and "--gpu NAME" in asked.err
    found = verified(qwenpick, tmp_path, FEW_BLOCKS, "--gpu", "h100", "--json")
    assert [row["actual"] for row in values(found)["rows"] if row["unit"] == "blocks"] == [786]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("auto_round", "INFO non-default args: {'model': 'qwen3.6-27b-autoround-int4', 'quantization': 'auto_round'}"),
        (
            "compressed-tensors",
            "INFO Initializing a V1 LLM engine (v0.27.1) with config: model='RedHatAI/Qwen3-8B-quantized.w4a16', quantization=compressed-tensors",
        ),
    ],
)
def test_a_word_that_several_layouts_share_is_no_16_bit_model(
    qwenpick: Run, tmp_path: Path, word: str, line: str
) -> None:
    text = f"INFO vLLM API server version 0.27.1\n{line}\nINFO [gpu_model_runner.py:508] Model loading took 5.7 GiB memory and 10 seconds"
    found = verified(qwenpick, tmp_path, text)
    assert found.code == 2 and word in found.err and "--quant" in found.err


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("modelopt_fp4", "nvfp4"),
        ("awq_marlin", "awq-int4"),
        ("gptq_marlin", "gptq-int4"),
        ("modelopt_fp8", "fp8"),
        ("w8a8_int8", "gptq-int8"),
    ],
)
def test_sglangs_words_for_formats_are_known(word: str, ours: str) -> None:
    line = f"[2026-08-28 21:32:38] Load weight end. elapsed=7.5 s, type=Qwen3ForCausalLM, quant={word}, avail mem=29.01 GB, mem usage=82.97 GB."
    assert read_log(line).format == ours


def test_sglangs_pool_follows_from_what_it_printed_as_free(qwenpick: Run, tmp_path: Path) -> None:
    found = verified(qwenpick, tmp_path, SGLANG, "--json")
    assert found.code == 0
    assert [abs(row["error"]) < 0.01 for row in values(found)["rows"] if row["unit"] == "tokens"] == [True]


FLASH = """\
[2026-08-28 21:19:23] server_args=ServerArgs(model_path='RadixArk/Qwen3.8-Flash-Next-NVFP4', tp_size=1)
[2026-08-28 21:19:30] Load weight begin. avail mem=111.97 GB
[2026-08-28 21:32:38] Load weight end. elapsed=787.55 s, type=Qwen4ExpForConditionalGeneration, quant=modelopt_fp4, mem usage=82.97 GB.
"""


@pytest.mark.parametrize(("box", "one_memory"), [("dgx spark", True), ("rtx pro 6000", False)])
def test_what_a_machine_of_one_memory_lost_is_not_the_size_of_weights(
    qwenpick: Run, tmp_path: Path, box: str, one_memory: bool
) -> None:
    # psutil's "available" before and after: the MTP block of 4.9 GiB that was loaded next took -1.86 GB by it
    said = verified(qwenpick, tmp_path, FLASH, "--gpu", box).out
    assert "off by 11.4%" in said and ("on a machine of one memory" in said) is one_memory
    taught = qwenpick("verify", "--gpu", box, "--log", str(tmp_path / "engine.log")).out
    assert ("kept as a correction" in taught) is not one_memory


def test_a_table_that_is_mapped_from_a_file_says_that_the_memory_is_one(qwenpick: Run, tmp_path: Path) -> None:
    mapped = FLASH + "[2026-08-28 21:19:32] PLE table -> mmap /ple/table.bin (47.7 GiB, dtype=torch.float8_e4m3fn)\n"
    assert read_log(mapped).options["ple_offload_backend"] == "file"
    assert "on a machine of one memory" in verified(qwenpick, tmp_path, mapped).out
    notes = values(qwenpick("verify", "--json", "--no-record", "--log", str(tmp_path / "engine.log")))["notes"]
    assert any("on a machine of one memory" in note for note in notes)


def test_sglangs_own_slots_are_read(qwenpick: Run) -> None:
    line = "server_args=ServerArgs(model_path='nvidia/Qwen3.8-27B-NVFP4', max_mamba_cache_size=360, max_running_requests=72)"
    options = read_log(line + "\n[2026-09-20 12:02:00] max_total_num_tokens=228520").options
    assert (options["max_mamba_cache_size"], options["max_running_requests"]) == (360, 72)


def test_sglangs_share_is_the_one_it_was_started_with_on_amds_gpus() -> None:
    printed = (
        "server_args=ServerArgs(model_path='Qwen/Qwen3-0.6B', attention_backend='aiter', mem_fraction_static=0.51)"
    )
    for length, share in [(32768, 0.6), (8192, 0.51)]:
        line = f"[2026-08-20 12:02:00] max_total_num_tokens=1360288, context_len={length}"
        assert read_log(f"{printed}\n{line}").options["mem_fraction_static"] == share


def test_a_line_of_memory_that_is_not_understood_is_named() -> None:
    seen = read_log(LEDGER.format(rank=0) + "\nINFO some new pool holds 3.50 GiB of memory")
    assert seen.unread == ("INFO some new pool holds 3.50 GiB of memory",)


TABLE = """[2026-08-28 21:19:23] server_args=ServerArgs(model_path='RadixArk/Qwen3.8-Flash-Next-NVFP4', tp_size=1)
[2026-08-28 21:19:30] Load weight begin. avail mem=111.97 GB
[2026-08-28 21:32:38] Load weight end. elapsed=787.55 s, quant=modelopt_fp4, quant_algo=NVFP4, avail mem=38.00 GB, mem usage=73.97 GB.
[2026-08-28 21:34:15] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 159552, K size: 1.83 GB, V size: 1.83 GB"""


def test_an_n_gram_table_that_no_gpu_holds_is_recognised_by_what_is_loaded(qwenpick: Run, tmp_path: Path) -> None:
    # a DGX Spark: 126 GiB of files, of which the table stayed on disk; the log does not say so. Its share is not there either
    said = values(verified(qwenpick, tmp_path, TABLE, "--json"))
    weights = [row for row in said["rows"] if row["kind"] == "weights"]
    assert len(weights) == 1 and abs(weights[0]["error"]) < 0.02
    assert not [row for row in said["rows"] if row["unit"] == "tokens"]
    asked = TABLE.replace("tp_size=1", "tp_size=1, ple_offload_backend='file'")
    assert values(verified(qwenpick, tmp_path, asked, "--json"))["rows"] == said["rows"]
