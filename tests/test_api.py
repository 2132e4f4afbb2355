"""The Python API speaks the command line's words."""

from __future__ import annotations

from typing import Any

import pytest

import qwenpick
from qwenpick.errors import QwenpickError

GIB = 2**30


def test_the_estimate_is_named_bytes_with_formulas() -> None:
    memory = qwenpick.estimate("qwen3-8b", runtime="vllm", quant="fp16", context=4096)
    assert memory.total == sum(part.bytes for part in memory.parts)
    # 2 x 36 layers x 8 heads x 128 x 4,096 tokens x 2 bytes
    assert memory.of("kv cache") == 603_979_776
    assert all(part.formula and part.where for part in memory.parts)


@pytest.mark.parametrize("runtime", ["llamacpp", "llama.cpp", "ollama", "vllm", "sglang", "transformers", "mlx"])
def test_every_engine_answers(runtime: str) -> None:
    assert 4 * GIB < qwenpick.estimate("Qwen/Qwen3-8B", runtime=runtime, quant="4bit", context=8192).total < 12 * GIB


def test_options_are_the_engines_own_flags() -> None:
    plain = qwenpick.estimate("qwen3-8b", "llamacpp", "4bit", 8192)
    large = qwenpick.estimate("qwen3-8b", "llamacpp", "4bit", 8192, options={"n_ubatch": 2048})
    assert large.of("compute") > plain.of("compute")
    split = qwenpick.estimate("qwen3-32b", "vllm", "fp16", 8192, options={"tensor_parallel_size": 2})
    assert split.on("gpu0") < qwenpick.estimate("qwen3-32b", "vllm", "fp16", 8192).on("gpu0")
    assert split.places == ("gpu0", "gpu1")


def test_what_is_not_known_is_one_sentence() -> None:
    with pytest.raises(QwenpickError, match="did you mean"):
        qwenpick.estimate("qwen3-8b", options={"n_ubach": 512})
    with pytest.raises(QwenpickError, match="API only"):
        qwenpick.estimate("qwen-max")
    with pytest.raises(AttributeError):
        _ = qwenpick.nonsense


@pytest.mark.parametrize(
    "wrong", [{"context": 0}, {"context": -5}, {"context": "many"}, {"sequences": 0}, {"gpus": -1}]
)
def test_a_number_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QwenpickError):
        qwenpick.estimate("qwen3-8b", **wrong)


def test_a_context_may_be_written_as_on_the_command_line() -> None:
    assert qwenpick.estimate("qwen3-8b", context="32k") == qwenpick.estimate("qwen3-8b", context=32768)
