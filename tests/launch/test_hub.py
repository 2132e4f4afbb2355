"""Under --from modelscope, and for readers of Chinese, every launch fetches from where mainland China can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Run

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


def launched(qwenpick: Run, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(qwenpick("launch", *words, "--json").out)
    return found


@pytest.mark.parametrize(
    ("runtime", "variable"),
    [("llama.cpp", "MODEL_ENDPOINT"), ("vllm", "VLLM_USE_MODELSCOPE"), ("sglang", "SGLANG_USE_MODELSCOPE")],
)
def test_the_engine_is_told_by_its_own_variable(qwenpick: Run, runtime: str, variable: str) -> None:
    words = ("qwen3-8b", "--runtime", runtime, *BOX)
    assert variable in launched(qwenpick, *words, "--from", "modelscope")["serve"]["env"]
    assert variable not in launched(qwenpick, *words)["serve"]["env"]


def test_mlx_is_told_too(qwenpick: Run) -> None:
    found = launched(qwenpick, "qwen3-8b", "--from", "ms", "--runtime", "mlx", "--gpu", "m3-max", "--ram", "64GiB")
    assert found["serve"]["env"] == {"MLXLM_USE_MODELSCOPE": "True"}


def test_ollama_builds_on_modelscopes_repository(qwenpick: Run) -> None:
    found = launched(qwenpick, "qwen3-8b", "--from", "modelscope", "--runtime", "ollama", *BOX)
    assert found["files"]["Modelfile"].startswith("FROM modelscope.cn/")
    assert found["downloads"]


def test_transformers_loads_what_modelscope_gave(qwenpick: Run) -> None:
    found = launched(qwenpick, "qwen3-8b", "--from", "modelscope", "--runtime", "transformers", *BOX)
    assert found["prepare"][0]["argv"][:2] == ["modelscope", "download"]
    assert "NAME = './Qwen3-8B'" in found["files"]["run.py"]


def test_weights_that_are_made_first_come_from_modelscope(qwenpick: Run) -> None:
    words = ("qwen2.5-0.5b", "--quant", "Q3_K_S", "--runtime", "llama.cpp", "--from", "modelscope", "--force", *BOX)
    found = launched(qwenpick, *words)
    assert found["prepare"][0]["argv"][:4] == ["modelscope", "download", "--model", "Qwen/Qwen2.5-0.5B"]


def test_containers_and_clusters_are_told_too(qwenpick: Run) -> None:
    words = ("qwen3-8b", "--runtime", "vllm", "--from", "modelscope", *BOX)
    assert "VLLM_USE_MODELSCOPE=True" in launched(qwenpick, *words, "--docker")["serve"]["argv"]
    assert "VLLM_USE_MODELSCOPE" in launched(qwenpick, *words, "--compose")["files"]["compose.yaml"]
    assert "VLLM_USE_MODELSCOPE" in qwenpick("launch", *words, "--kubernetes").out
    assert "VLLM_USE_MODELSCOPE" in qwenpick("launch", *words, "--ray").out
    assert "VLLM_USE_MODELSCOPE" in qwenpick("launch", *words, "--slurm").out


@pytest.mark.parametrize(
    ("trainer", "variable"),
    [("llama-factory", "USE_MODELSCOPE_HUB"), ("unsloth", "UNSLOTH_USE_MODELSCOPE"), ("trl", "HF_ENDPOINT")],
)
def test_trainers_are_told_too(qwenpick: Run, trainer: str, variable: str) -> None:
    words = ("qwen3-8b", "--train", "lora", "--trainer", trainer, "--from", "modelscope", *BOX)
    assert variable in launched(qwenpick, *words)["serve"]["env"]


def test_readers_of_chinese_get_modelscope_unasked_and_can_decline(qwenpick: Run) -> None:
    words = ("launch", "qwen3-8b", "--runtime", "vllm", *BOX)
    assert "VLLM_USE_MODELSCOPE=True" in qwenpick("--lang", "zh", *words).out
    assert "VLLM_USE_MODELSCOPE" not in qwenpick("--lang", "zh", *words, "--from", "huggingface").out


def test_an_unknown_hub_names_the_nearest(qwenpick: Run) -> None:
    answer = qwenpick("launch", "qwen3-8b", "--from", "modelscop", *BOX)
    assert answer.code == 2
    assert "did you mean modelscope?" in answer.err
