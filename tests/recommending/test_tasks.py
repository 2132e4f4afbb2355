"""Tasks, scenarios, what serves what, and how much to think."""

from __future__ import annotations

from dataclasses import fields

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.recommending.request import Request
from qwenpick.recommending.scenarios import SCENARIOS, find_scenario
from qwenpick.recommending.task_names import CHINESE, SAID
from qwenpick.recommending.tasks import TASKS, find_task, serves
from qwenpick.recommending.thinking import efforts_for, seconds_to_answer, seconds_wanted, why_effort


def test_the_weights_of_every_task_add_up_to_one() -> None:
    assert {name: round(sum(task.weights.values()), 9) for name, task in TASKS.items()} == dict.fromkeys(TASKS, 1.0)


def test_no_two_tasks_share_a_name_or_an_alias() -> None:
    names = [name for task in TASKS.values() for name in (task.name, *task.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("chat", "chat"),
        ("OCR", "vision"),
        ("claude code", "coding-agent"),
        ("tool_calling", "agent"),
        ("TTS", "speech"),
        ("rag", "summarising"),
    ],
)
def test_a_task_is_found_by_any_of_its_names(word: str, name: str) -> None:
    assert find_task(word).name == name


def test_an_unknown_task_says_what_was_meant() -> None:
    with pytest.raises(QwenpickError, match="there is no task 'visoin'; did you mean vision"):
        find_task("visoin")


def test_every_task_is_served_by_some_model(catalog: Catalog) -> None:
    unserved = [t.name for t in TASKS.values() if all(serves(m, t) for m in catalog.models.values())]
    assert unserved == []


@pytest.mark.parametrize(
    ("model", "task", "why"),
    [
        ("qwen3-32b", "vision", "does not read pictures"),
        ("qwen3-8b-base", "chat", "a base model continues text"),
        ("qwen3guard-gen-8b", "chat", "a guard labels text"),
        ("qwen3-reranker-4b", "chat", "a reranker scores passages"),
        ("qwen3-embedding-8b", "chat", "an embedding model gives vectors"),
        ("qwen3.8-27b", "rag-embedding", "a chat model answers in text"),
        ("qwen-agentworld-35b-a3b", "agent", "a world model simulates environments"),
        ("qwen3-max", "chat", "no open weights"),
        ("qwen2.5-math-7b-instruct", "chat", "trained for mathematics only"),
        ("qwen-image-bench", "vision", "judges generated pictures"),
        ("qwen3.8-27b", "omni", "a chat model answers in text"),
        ("qwen3-omni-30b-a3b-thinking", "omni", "does not give speech"),
        ("qwen3-asr-1.7b", "speech", "does not give speech"),
    ],
)
def test_a_model_is_not_offered_for_what_it_was_not_made_for(catalog: Catalog, model: str, task: str, why: str) -> None:
    assert why in (serves(catalog.models[model], TASKS[task]) or "")


@pytest.mark.parametrize(
    ("model", "task"),
    [("qwen3.8-27b", "vision"), ("qwen3.8-27b", "chat"), ("qwen3-coder-next", "coding-agent"), ("qwen3-omni-30b-a3b-instruct", "omni"),
     ("qwen3-embedding-0.6b", "rag-embedding"), ("qwen3guard-gen-0.6b", "moderation"), ("qwen3-asr-0.6b", "transcription")],
)  # fmt: skip
def test_a_model_serves_what_it_was_made_for(catalog: Catalog, model: str, task: str) -> None:
    assert serves(catalog.models[model], TASKS[task]) is None


def test_no_api_only_name_serves_any_task(catalog: Catalog) -> None:
    closed = [m for m in catalog.models.values() if not m.open_weights]
    assert closed
    assert all(serves(m, t) for m in closed for t in TASKS.values())


def test_how_much_to_think_follows_the_model_and_the_task(catalog: Catalog) -> None:
    hybrid, small = catalog.models["qwen3.8-27b"], catalog.models["qwen3.5-0.8b"]
    assert efforts_for(hybrid, TASKS["math"]) == ("high", "low")
    assert efforts_for(hybrid, TASKS["vision"]) == ("off",)
    assert efforts_for(hybrid, TASKS["coding-agent"]) == ("low",)
    assert efforts_for(hybrid, TASKS["math"], "no") == ("off",)
    assert efforts_for(hybrid, TASKS["translation"], "yes") == ("low",)
    assert efforts_for(small, TASKS["math"]) == ("off",)  # 0.8B loops when it thinks
    assert efforts_for(catalog.models["qwq-32b"], TASKS["chat"], "no") == ("high",)  # it cannot be switched off
    assert efforts_for(catalog.models["qwen3-coder-next"], TASKS["coding"]) == ("off",)


def test_every_advice_on_thinking_has_a_reason(catalog: Catalog) -> None:
    for model in ("qwen3.8-27b", "qwen3.5-0.8b", "qwq-32b", "qwen3-coder-next"):
        for task in TASKS.values():
            assert all(
                why_effort(catalog.models[model], task, effort) for effort in efforts_for(catalog.models[model], task)
            )


def test_the_wait_counts_the_whole_answer_not_the_first_token() -> None:
    chat = TASKS["chat"]  # 500 tokens of prompt, 400 of answer
    assert seconds_to_answer(chat, "off", decode=40, prefill=1000) == 0.5 + 10
    assert seconds_to_answer(chat, "low", decode=40, prefill=1000) == 0.5 + 30  # three times the tokens
    assert seconds_wanted(chat) == (500 / 100 + 400 / 5, 500 / 400 + 400 / 20)


def test_a_comfortable_wait_is_shorter_than_a_usable_one() -> None:
    assert all(comfortable < usable for usable, comfortable in map(seconds_wanted, TASKS.values()))


def test_the_default_context_has_room_for_prompt_thinking_and_answer() -> None:
    tight = [
        t.name
        for t in TASKS.values()
        if t.context < t.prompt + 8 * t.answer * ("high" in t.efforts) + 3 * t.answer * ("low" in t.efforts)
    ]
    assert tight == []


def test_every_scenario_names_a_task_and_visible_constraints() -> None:
    assert all(find_task(scenario.task) and scenario.constraints for scenario in SCENARIOS.values())
    known = {one.name for one in fields(Request)}
    assert {name for scenario in SCENARIOS.values() for name in scenario.constraints} <= known, (
        "no field of recommending/request.py"
    )
    assert find_scenario("Multimodal Enterprise").task == "vision"
    with pytest.raises(QwenpickError, match="did you mean pilot"):
        find_scenario("pilto")


@pytest.mark.parametrize(
    "spelling", ["summarise", "summarize", "summarising", "summarizing", "summarisation", "summarization"]
)
def test_both_spellings_name_the_task(spelling: str) -> None:
    assert find_task(spelling).name == "summarising"


@pytest.mark.parametrize(
    ("name", "task"), [("写代码", "coding"), ("编程", "coding"), ("聊天", "chat"), ("检索", "rag-embedding")]
)
def test_tasks_have_chinese_names(name: str, task: str) -> None:
    assert find_task(name).name == task


def test_every_task_has_a_name_to_be_said_and_a_chinese_one_that_no_other_has() -> None:
    assert set(SAID) == set(TASKS) == set(CHINESE)
    names = [name for names in CHINESE.values() for name in names]
    assert len(names) == len(set(names))
