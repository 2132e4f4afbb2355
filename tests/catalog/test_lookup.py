"""Which model people mean."""

from __future__ import annotations

import pytest

from qwenpick.catalog import find_model, load
from qwenpick.catalog.lookup import hint
from qwenpick.errors import QwenpickError

CATALOG = load(own=False)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("qwen3-8b", "qwen3-8b"),
        ("Qwen/Qwen3-8B", "qwen3-8b"),
        ("Qwen3_8B", "qwen3-8b"),
        ("https://huggingface.co/Qwen/Qwen3-8B/tree/main", "qwen3-8b"),
        ("https://www.modelscope.cn/models/Qwen/Qwen3-8B", "qwen3-8b"),
        ("https://ollama.com/library/qwen3:8b", "qwen3-8b"),
        ("qwen3:8b", "qwen3-8b"),
        ("qwen3:8b-q4_K_M", "qwen3-8b"),
        ("qwen3:8b-fp16", "qwen3-8b"),
        ("qwen3:latest", "qwen3-8b"),
        ("qwen3-coder-next:latest", "qwen3-coder-next"),
        ("qwen3:30b-a3b-instruct-2507-q4_K_M", "qwen3-30b-a3b-instruct-2507"),
        ("qwen3:4b", "qwen3-4b-thinking-2507"),  # what Ollama serves: 256K context
        ("qwen3-4b", "qwen3-4b"),
        ("qwen:7b", "qwen1.5-7b-chat"),
        ("qwen2.5:7b", "qwen2.5-7b-instruct"),
        ("qwen2.5vl:7b", "qwen2.5-vl-7b-instruct"),
        ("qwen3.5:35b", "qwen3.5-35b-a3b"),
        ("hf.co/Qwen/Qwen3-8B-GGUF:Q4_K_M", "qwen3-8b"),
        ("hf.co/unsloth/Qwen3.6-27B-GGUF:UD-Q4_K_XL", "qwen3.6-27b"),
        ("nvidia/Qwen3.6-27B-NVFP4", "qwen3.6-27b"),
        ("Qwen3.5-27B-GPTQ-Int4", "qwen3.5-27b"),
        ("Qwen3-8B-Q4_K_M.gguf", "qwen3-8b"),
        ("qwen3-30b-a3b-2507", "qwen3-30b-a3b-instruct-2507"),
        ("qwen3-vl-8b", "qwen3-vl-8b-instruct"),
        ("qwen3-coder-30b", "qwen3-coder-30b-a3b-instruct"),
        ("qwen3.5-35b", "qwen3.5-35b-a3b"),
        ("qwen3-8b-instruct", "qwen3-8b"),
        ("qwen3-8b-thinking", "qwen3-8b"),  # it can do both
        ("qwen2.5-7b-chat", "qwen2.5-7b-instruct"),
        ("qwen2.5-7b-base", "qwen2.5-7b"),
        ("qwen2.5-7b", "qwen2.5-7b"),
        ("qwen-max", "qwen-max"),
    ],
)
def test_a_name_as_people_write_it_means_one_model(said: str, meant: str) -> None:
    assert find_model(CATALOG, said).id == meant


def test_every_id_name_repository_alias_and_tag_means_its_model() -> None:
    for model in CATALOG.models.values():
        for name in filter(None, (model.id, model.name, model.huggingface, model.ollama, *model.aliases)):
            assert find_model(CATALOG, name).id == model.id, name


def test_every_quantized_repository_means_its_model() -> None:
    for model in CATALOG.models.values():
        for checkpoint in model.checkpoints:
            assert checkpoint.repo and find_model(CATALOG, checkpoint.repo).id == model.id, checkpoint.repo


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("qwen3-7b", "there is no Qwen3-7B; did you mean qwen3-8b?"),  # not qwen2-7b, which is spelled nearer
        ("Qwen/Qwen3-7B", "there is no Qwen3-7B; did you mean qwen3-8b?"),
        ("qwen3.5-14b", "there is no Qwen3.5-14B; did you mean qwen3.5-9b?"),
        ("qwen2.5-9b", "there is no Qwen2.5-9B; did you mean qwen2.5-7b-instruct?"),
        ("qwen2.5-9b-base", "there is no Qwen2.5-9B-base; did you mean qwen2.5-7b?"),
        ("qwen3.8-2t", "there is no Qwen3.8-2T; did you mean qwen3.8-2.4t-a95b?"),
        ("qwen3.7-27b", "there is no model 'qwen3.7-27b'; did you mean qwen3.8-27b? (qwenpick models lists them)"),
        ("qwen3.8", "'qwen3.8' is a series: qwen3.8-27b, qwen3.8-2.4t-a95b; choose one"),
        (
            "llama",
            "'llama' is not a Qwen model; qwenpick knows Qwen models and those made from them (qwenpick models lists them)",
        ),
        ("", "no model was named (qwenpick models lists them)"),
    ],
)
def test_a_name_that_means_nothing_is_answered_with_the_nearest(said: str, answer: str) -> None:
    with pytest.raises(QwenpickError) as error:
        find_model(CATALOG, said)
    assert str(error.value) == answer


def test_a_base_model_hints_at_the_one_that_chats() -> None:
    def asked(name: str) -> str | None:
        return hint(CATALOG, find_model(CATALOG, name))

    assert asked("qwen2.5-7b") == "qwen2.5-7b is a base model: it continues text; the chat model is qwen2.5-7b-instruct"
    assert asked("qwen3-8b-base") == "qwen3-8b-base is a base model: it continues text; the chat model is qwen3-8b"
    assert asked("qwen3-8b") is None
