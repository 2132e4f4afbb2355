"""The names that people's tables use, as the speed scoreboard reads them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.speed import figures
from benchmarks.speed_scorers.llama_bench import h200
from benchmarks.speed_scorers.names import format_of, gpu_of, model_of, number
from benchmarks.speed_scorers.runs import Run, predict


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("unsloth/Qwen3.5-35B-A3B-GGUF", "qwen3.5-35b-a3b"),
        ("Qwen_Qwen3-30B-A3B-Thinking-2507-Q4_K_M.gguf", "qwen3-30b-a3b-thinking-2507"),
        ("qwen3.6:35b-mlx", "qwen3.6-35b-a3b"),
        ("qwen2.5-coder:14b", "qwen2.5-coder-14b"),
        ("DeepSeek-R1-Distill-Qwen-14B-Q4_K_M.gguf", "qwen2.5-14b"),
        ("Jackrong/Qwopus3.6-27B-v2-MTP-GGUF", "qwen3.6-27b"),
        ("Qwen3-8B-FP8", "qwen3-8b"),
    ],
)
def test_a_model_is_found_in_the_name_of_a_file_or_a_fine_tune(text: str, model: str) -> None:
    found = model_of(text)
    assert found is not None
    assert found[0] == model


def test_a_name_without_a_qwen_is_none() -> None:
    assert model_of("gpt-oss-120b") is None


@pytest.mark.parametrize(
    ("text", "engine", "name"),
    [
        ("gguf Q4_K_M", "llamacpp", "Q4_K_M"), ("UD-Q4_K_XL", "llamacpp", "Q4_K_M"), ("gguf Q4_K - Medium", "llamacpp", "Q4_K_M"),
        ("gguf MXFP4_MOE", "llamacpp", "MXFP4_MOE"), ("UD-Q8_K_XL", "llamacpp", "Q8_0"), ("UD-IQ2_XXS", "llamacpp", "IQ2_XXS"),
        ("mlx-q4", "mlx", "mlx-4bit"), ("bf16", "mlx", "mlx-bf16"), ("GPTQ-Int8", "vllm", "gptq-int8"), ("NVFP4", "vllm", "nvfp4"),
        ("awq", "sglang", "awq-int4"), ("", "vllm", None),
    ],
)  # fmt: skip
def test_a_label_means_a_format(text: str, engine: str, name: str | None) -> None:
    assert format_of(text, engine) == name


@pytest.mark.parametrize(
    ("text", "gpu"),
    [
        ("RTX 4090 24GB", "rtx-4090"), ("RTX 3060 (12GB)", "rtx-3060-12gb"), ("3090", "rtx-3090"), ("Apple M3 Ultra 512GB", "m3-ultra-512gb"),
        ("Apple M4 M4 Pro (24GB unified)", "m4-pro-24gb"), ("RTX 3090 Ti (24GB)", "rtx-3090-ti"), ("RX 7900 XTX (24GB)", "rx-7900-xtx"),
        ("NVIDIA A100 80GB", "a100-sxm4-80gb"), ("NVIDIA H20 96GB", "h20-96gb"), ("NVIDIA GB10 (121.63GB unified)", "gb10"),
    ],
)  # fmt: skip
def test_a_card_is_found_by_its_name_and_memory(text: str, gpu: str) -> None:
    found = gpu_of(text)
    assert found is not None
    assert found.id == gpu


def test_an_empty_cell_is_zero() -> None:
    assert (number(""), number(None), number("n/a"), number("3.5")) == (0, 0, 0, 3.5)


def test_a_row_becomes_a_run_with_what_predicts_it() -> None:
    # a row of llama.cpp b11434 on H200: Qwen3-8B Q8_0, 64 tokens at depth 0, 198.6 tokens/s
    row = {
        "model": "Qwen3-8B", "ftype": "Q8_0", "file_bytes": "8703585984", "n_prompt": "0", "n_gen": "64", "depth": "0", "kv_type": "f16",
        "flash_attn": "1", "n_ubatch": "512", "tok_s": "198.593",
    }  # fmt: skip
    (run,) = h200([row])
    assert isinstance(run, Run)
    assert (run.quantity, run.model, run.checkpoint.bytes, run.device) == (
        "decode",
        "qwen3-8b",
        8_703_585_984,
        "h200-sxm",
    )
    band = predict(run)
    assert band is not None
    assert band.contains(198.593)
    found = figures([(run, band)])
    assert found["rows"] == found["in_band"] == 1
    assert found["median"] == pytest.approx(abs(band.value / 198.593 - 1))
