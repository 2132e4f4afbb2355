"""Names as people type them, and what they are answered with: a model, a model that others made with the right base, or one sentence."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.catalog.names.derivatives import derived
from qwenpick.errors import QwenpickError
from qwenpick.readers import read_model, resolve

# what people type -> the catalog model that is meant
MEANT = {
    # spaces, dots, hyphens
    "qwen 3 8b": "qwen3-8b",
    "Qwen 3 8B": "qwen3-8b",
    "qwen3 8b": "qwen3-8b",
    "qwen-3-8b": "qwen3-8b",
    "Qwen 3.5 9B": "qwen3.5-9b",
    "qwen 2.5 7b instruct": "qwen2.5-7b-instruct",
    "qwen2.5.7b": "qwen2.5-7b",
    "qwen38b": "qwen3-8b",
    "qwen3.8b": "qwen3-8b",
    "qwen 3.8 27": "qwen3.8-27b",
    "qwen 3 8b instruct": "qwen3-8b",
    "qwen2.5 coder 32b q4_k_m": "qwen2.5-coder-32b",
    "qwen2.5-coder 7B instruct": "qwen2.5-coder-7b-instruct",
    "qwen3 30ba3b": "qwen3-30b-a3b",
    "Qwen3 235B A22B Thinking 2507": "qwen3-235b-a22b-thinking-2507",
    "qwen3 vl 8b": "qwen3-vl-8b-instruct",
    "qwen3vl 8b thinking": "qwen3-vl-8b-thinking",
    "qwen 2.5 vl 7b": "qwen2.5-vl-7b-instruct",
    "qwen3 embedding 0.6b": "qwen3-embedding-0.6b",
    "qwen3 guard 8b": "qwen3guard-gen-8b",
    "qwq": "qwq-32b",
    "QwQ 32B": "qwq-32b",
    "qwen3 coder next": "qwen3-coder-next",
    "QVQ 72B": "qvq-72b-preview",
    "qwen3-tts 1.7b": "qwen3-tts-12hz-1.7b-customvoice",
    "qwen3.8:latest": "qwen3.8-27b",
    "Qwen3.8-27B-MTP": "qwen3.8-27b",
    "unsloth/Qwen3-14B-unsloth-bnb-4bit": "qwen3-14b",
    # the article's spellings
    "Qwen1.5-14BA2.7B": "qwen1.5-moe-a2.7b",
    "Qwen1.5-14B-A2.7B": "qwen1.5-moe-a2.7b",
    "Qwen-VL-7B": "qwen-vl",
    "Qwen-Audio-7B": "qwen-audio",
    "Qwen2.0-7B": "qwen2-7b",
    "Qwen3-VL-30B": "qwen3-vl-30b-a3b-instruct",
    "Qwen3-VL-235B": "qwen3-vl-235b-a22b-instruct",
    "Qwen3-30B": "qwen3-30b-a3b",
    "Qwen3-VL-30B-Thinking": "qwen3-vl-30b-a3b-thinking",
    "Qwen3-Coder-480B": "qwen3-coder-480b-a35b-instruct",
    # Chinese
    "通义千问": "qwen3.8-27b",
    "通义千问VL": "qwen3-vl-8b-instruct",
    "通义千问Coder": "qwen3-coder-30b-a3b-instruct",
    "通义千问Math": "qwen2.5-math-7b-instruct",
    "通义千问Audio": "qwen2-audio-7b-instruct",
    "通义千问3-8B": "qwen3-8b",
    "通义千问 2.5 7B": "qwen2.5-7b",
    "千问3.5 9b": "qwen3.5-9b",
    "QWEN3－8B": "qwen3-8b",
    "flash next": "qwen3.8-flash-next",
    "qwen 3 coder next 80b": "qwen3-coder-next",
    # repositories, tags, files
    "qwen3:8b-q4_K_M": "qwen3-8b",
    "mlx-community/Qwen3-8B-4bit": "qwen3-8b",
    "bartowski/Qwen_Qwen3.6-27B-GGUF": "qwen3.6-27b",
    "hf.co/unsloth/Qwen3.5-9B-GGUF:Q5_K_S": "qwen3.5-9b",
    "QuantTrio/Qwen3-VL-235B-A22B-Instruct-AWQ": "qwen3-vl-235b-a22b-instruct",
    "mradermacher/Qwen3-14B-i1-GGUF": "qwen3-14b",
    # mixtures with a letter missing, and by their word
    "qwen3-30b-a3": "qwen3-30b-a3b",
    "Qwen3-30A3B": "qwen3-30b-a3b",
    "Qwen3-Coder-480a35b": "qwen3-coder-480b-a35b-instruct",
    "qwen3 30b moe": "qwen3-30b-a3b",
    # no version: the newest of that kind and size
    "qwen coder 7b": "qwen2.5-coder-7b-instruct",
    "qwen-vl-8b": "qwen3-vl-8b-instruct",
    "qwen vl 7b": "qwen-vl",
    "qwen embedding 8b": "qwen3-embedding-8b",
    "通义千问Coder 32B": "qwen2.5-coder-32b-instruct",
    "千问3语音识别1.7b": "qwen3-asr-1.7b",
    "Qwen3-8b量化版": "qwen3-8b",
}

# names of files, and moving and dated names of the API
SNAPSHOTS = {
    "qwen3-8b.Q5_K_M.gguf": "qwen3-8b",
    "Qwen3-8B.i1-Q4_K_M.gguf": "qwen3-8b",
    "Qwen3.5-9B.BF16.gguf": "qwen3.5-9b",
    "Qwen3-ForcedAligner-0.6B-hf": "qwen3-forcedaligner-0.6b",
    "qwen-plus-latest": "qwen-plus",
    "qwen-max-2025-01-25": "qwen-max",
    "qwen-max-0125": "qwen-max",
    "qwen3-coder-plus-2025-09-23": "qwen3-coder-plus",
}

# names of models that others made -> what lies underneath
MADE_OF = {
    "DeepSeek-R1-Distill-Qwen-1.5B": "qwen2.5-math-1.5b",
    "DeepSeek-R1-Distill-Qwen-7B": "qwen2.5-math-7b",
    "DeepSeek-R1-Distill-Qwen-14B": "qwen2.5-14b",
    "DeepSeek-R1-Distill-Qwen-32B": "qwen2.5-32b",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": "qwen2.5-math-7b",
    "deepseek-r1:14b": "qwen2.5-14b",
    "deepseek-r1:8b": "qwen3-8b",
    "unsloth/DeepSeek-R1-Distill-Qwen-7B-GGUF:Q4_K_M": "qwen2.5-math-7b",
    "huihui-ai/DeepSeek-R1-Distill-Qwen-14B-abliterated-v2": "qwen2.5-14b",
    "DeepSeek-R1-0528-Qwen3-8B": "qwen3-8b",
    "Tongyi-DeepResearch-30B-A3B": "qwen3-30b-a3b",
    "AceReason-Nemotron-14B": "qwen2.5-14b",
    "Nemotron-Cascade-8B": "qwen3-8b",
    "Sky-T1-32B-Preview": "qwen2.5-32b-instruct",
    "Hermes-4-14B": "qwen3-14b",
    "NousResearch/Hermes-4-14B": "qwen3-14b",
    "OpenThinker3-7B": "qwen2.5-7b-instruct",
    "QwenLong-L1-32B": "qwen2.5-32b",
    "QwenLong-L1": "qwen2.5-32b",
    "Kimi-Dev-72B": "qwen2.5-72b",
    "Jan-v1-4B": "qwen3-4b-thinking-2507",
    "gte-Qwen2-7B-instruct": "qwen2-7b-instruct",
    "Qwen3-8B-abliterated": "qwen3-8b",
    "Qwen3.8-9B": "qwen3.5-9b",
    "Qwen3.8-4B": "qwen3.5-4b",
    "Qwen3.8-35B-A3B": "qwen3.5-35b-a3b",
    "empero-ai/Qwen3.8-9B-Distill": "qwen3.5-9b",
    "Qwen3.8-27B-Ridge": "qwen3.8-27b",
    "HauhauCS/Qwen3.8-27B-Uncensored": "qwen3.8-27b",
    "huihui-ai/Huihui-Qwen3.8-27B-abliterated": "qwen3.8-27b",
    "Josiefied-Qwen3-14B-abliterated-v3": "qwen3-14b",
    "EVA-Qwen2.5-32B-v0.2": "qwen2.5-32b-instruct",
    "Dolphin3.0-Qwen2.5-3b": "qwen2.5-3b-instruct",
    "huihui-ai/QwQ-32B-abliterated": "qwq-32b",
    "Jackrong/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled": "qwen3.5-27b",
    "UI-TARS-1.5-7B": "qwen2.5-vl-7b-instruct",
    "olmOCR-2-7B-1025": "qwen2.5-vl-7b-instruct",
    "deepcoder:14b": "qwen2.5-14b",
    "Ornith-1.5-9B": "qwen3.5-9b",
    "VibeThinker-1.5B": "qwen2.5-math-1.5b",
    "Qwen2.5-Coder-14B-Instruct-Uncensored": "qwen2.5-coder-14b-instruct",
    "Qwen3-8B-abliterated.Q4_K_M": "qwen3-8b",
    "Sakura-14B-Qwen2.5-v1.0": "qwen2.5-14b-instruct",  # the size before the series
    "DistilQwen2.5-7B-Instruct": "qwen2.5-7b-instruct",
    "Qwopus3.6-27B-Coder": "qwen3.6-27b",
    "Jackrong/Qwopus3.5-9B-v3-GGUF": "qwen3.5-9b",
    "Tess-4-27B": "qwen3.5-27b",
    "Tongyi-Finance-14B-Chat": "qwen-14b-chat",
    "Lucy-128k": "qwen3-1.7b",
    "Carnice-V2-27B": "qwen3.6-27b",
    "huihui_ai/qwen3-abliterated:8b": "qwen3-8b",  # words between the series and the size
    "Qwen2.5-Bakeneko-32B": "qwen2.5-32b-instruct",
    "Qwen3-Swallow-32B-RL-v0.2": "qwen3-32b",
    "ThinkingCap-27B": "qwen3.6-27b",
}

# names that mean no model here -> what the sentence says; none of them names a base or a neighbour
TOLD = {
    "Qwen-Image": "makes pictures",
    "Qwen-Image-Edit-2511": "makes pictures",
    "Wan2.2": "makes pictures",
    "Wan2.2-T2V-A14B": "makes pictures",
    "LLaMA 3": "is not a Qwen model",
    "llama3": "is not a Qwen model",
    "gpt-oss-20b": "is not a Qwen model",
    "gemma-3-27b-it": "is not a Qwen model",
    "deepseek-v3": "is not a Qwen model",
    "DeepSeek-R1-Distill-Llama-8B": "is not a Qwen model",
    "Mistral-7B-Instruct-v0.3": "is not a Qwen model",
    "glm-4.5-air": "is not a Qwen model",
    "AceReason-Nemotron": "choose one",
    "Qwen3-Coder-REAP-25B-A3B": "--online",
    "someone/qwen-experiment": "--online",
    "Qwen3-8B-EAGLE3": "--online",
    "Qwen3-MOE-4x1.7B": "--online",
    "deepseek-ai/DeepSeek-V3": "is not a Qwen model",
    "mlx-community/Qwen3.8-27B-MTP-4bit": "--online",  # the MTP block alone
    "Qwen3-53B-A3B": "--online",
    "qwen mt": "choose one",
    "Qwen3Guard": "choose one",
    "qwen2.5-coder": "choose one",
    "通义灵码": "--online",
    "Qwen3-Aligner-8B": "--online",
    "Intern-S1-mini": "--online",  # no s1-mini
    "llava-onevision-qwen2-7b-ov-hf": "--online",  # a tower of its own
    "klingon": "there is no model 'klingon' in the catalog (qwenpick models lists them; fit --online asks the hub about owner/name)",
    "7B-Qwen2.5-VL-finetune": "--online",
    "Llama-3-8B-Qwen3-merge": "--online",
    "qwen3-8b-moe": "--online",
    "qwen-embedding": "qwen3-embedding-0.6b, qwen3-embedding-4b, qwen3-embedding-8b; choose one",
    "qwen-coder": "qwen3-coder-30b-a3b-instruct, qwen3-coder-480b-a35b-instruct, qwen3-coder-next; choose one",
    "qwen-math": "qwen2.5-math-1.5b-instruct",
    "chatgpt": "is not a Qwen model",
    "medgemma-4b": "is not a Qwen model",
    "bge-m3": "is not a Qwen model",
    "豆包": "is not a Qwen model",
    "文心一言": "is not a Qwen model",
    "midjourney": "makes pictures",
}


@pytest.mark.parametrize(("said", "meant"), MEANT.items())
def test_a_name_means_its_model(catalog: Catalog, said: str, meant: str) -> None:
    assert read_model(said, catalog).model is catalog.models[meant]


@pytest.mark.parametrize(("said", "meant"), SNAPSHOTS.items())
def test_a_file_or_dated_name_means_the_name_behind_it(catalog: Catalog, said: str, meant: str) -> None:
    assert find_model(catalog, said).id == meant


@pytest.mark.parametrize(("said", "base"), MADE_OF.items())
def test_a_model_that_others_made_is_planned_as_what_lies_underneath(catalog: Catalog, said: str, base: str) -> None:
    found = resolve(said, catalog)
    under = catalog.models[base]
    assert found.model.architecture == under.architecture
    assert found.model.id not in catalog.models
    assert not found.model.official
    assert found.notes
    assert under.name in found.notes[0]


@pytest.mark.parametrize(("said", "told"), TOLD.items())
def test_a_name_that_means_nothing_gets_one_sentence(catalog: Catalog, said: str, told: str) -> None:
    with pytest.raises(QwenpickError) as error:
        read_model(said, catalog)
    assert told in str(error.value)
    assert "did you mean" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("qwne3-8b", "qwen3-8b"),
        ("qwen3-8bb", "qwen3-8b"),
        ("qwen3-7b", "qwen3-8b"),
        ("qwen-8b", "qwen3-8b"),
        ("qwen3-8b-instruct-2507", "qwen3-8b"),
        ("qwen3.5-14b", "qwen3.5-9b"),
        ("qwen-image-bensch", None),
        ("qwen3-8x", "qwen3-8b"),
        ("qwen3-9x", None),
        ("foo", None),
    ],
)
def test_a_suggestion_is_close_or_there_is_none(catalog: Catalog, said: str, near: str | None) -> None:
    with pytest.raises(QwenpickError) as error:
        read_model(said, catalog)
    assert (f"did you mean {near}?" in str(error.value)) if near else ("did you mean" not in str(error.value))


def test_a_series_of_the_makers_is_nobody_elses(catalog: Catalog) -> None:
    begun = {"-".join(i.split("-")[:n]) for i in catalog.models for n in range(1, i.count("-") + 1)}
    assert not {name for name in begun if derived(catalog, name)} - catalog.models.keys()


def test_a_size_needs_no_letter(catalog: Catalog) -> None:
    assert resolve("qwen3-14", catalog).model.id == "qwen3-14b"


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("qwen3-8b on 4090", "qwen3-8b"),
        ("qwen 3 8b vllm", "qwen3-8b"),
        ("qwen3-vl 8b now", "qwen3-vl-8b-instruct"),
        ("Hermes 4 14B on vllm", "hermes-4-14b"),
    ],
)
def test_words_beside_a_name_are_no_model_that_others_made(catalog: Catalog, said: str, near: str) -> None:
    with pytest.raises(QwenpickError, match=f"there is no model '{said}'; did you mean {near}[?]"):
        resolve(said, catalog)


def test_a_derivative_without_a_repository_of_its_base_promises_no_file(catalog: Catalog) -> None:
    found = resolve("Qwen3-8B-abliterated", catalog)
    assert found.model.huggingface is None
    assert [c.repo for c in found.model.checkpoints] == [None]
    assert found.model.published == ()


def test_every_listed_derivative_has_a_base_with_an_architecture(catalog: Catalog) -> None:
    assert len(catalog.derivatives) > 300
    for listed in catalog.derivatives.values():
        base = catalog.models[listed.base]
        assert base.architecture
        assert listed.source.startswith(("https://huggingface.co/", "https://github.com/"))
        assert listed.id not in catalog.models
