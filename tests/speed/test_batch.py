"""Many users at once, by what must hold of any engine and by runs of servers under load."""

from __future__ import annotations

import itertools
import shlex

import pytest

import qwenpick
from qwenpick.speed.estimate import Generation
from tests.conftest import Run, values


@pytest.fixture(scope="module")
def generation() -> Generation:
    found = qwenpick.fit("qwen3-8b", gpu="h100", quant="bf16", runtime="vllm", context="16k").plan.speed
    assert found
    return found.generation


def test_more_users_get_less_each_and_more_together(generation: Generation) -> None:
    seen = [generation.served(users, 1000, 300) for users in (1, 2, 4, 8, 16, 32, 64, 128, 256)]
    assert all(a.each.value > b.each.value for a, b in itertools.pairwise(seen))
    assert all(a.together.value < b.together.value for a, b in itertools.pairwise(seen))


def test_reading_the_prompts_of_others_slows_every_answer(generation: Generation) -> None:
    # 64 prompts of 8,000 tokens are 2 x 8.2e9 x 512,000 FLOP: 17 s at half an H100's rate, beside 300 steps of some 20 ms
    short, long = (generation.served(64, prompt, 300) for prompt in (10, 8000))
    assert long.each.value < 0.5 * short.each.value
    assert 300 / long.each.value > 2 * 8.2e9 * 64 * 8000 / 989e12


def test_one_user_reads_and_writes_in_turn(generation: Generation) -> None:
    # nobody else's prompt is in between: 500 tokens read at the speed of prompts, then 400 steps
    found = generation.served(1, 500, 400)
    alone = 400 / (500 / generation.prefill(500).value + 400 / generation.each(700, 1).value)
    assert found.each.value == pytest.approx(alone, rel=0.08)


@pytest.mark.parametrize(("users", "measured"), [(1, 133), (2, 257), (4, 497), (8, 917)])
def test_a_server_of_an_8b_under_load(generation: Generation, users: int, measured: float) -> None:
    # GPUStack's performance lab: Qwen3-8B, vLLM, one H100, 232 tokens asked and 220 answered
    assert generation.served(users, 232, 220).together.value == pytest.approx(measured, rel=0.12)


def test_fit_says_how_many_users_get_the_speed_that_was_asked_for(qwenpick: Run) -> None:
    asked = "fit qwen3-8b --gpu h100 --runtime vllm --quant bf16 --context 8k"
    found = values(qwenpick, f"{asked} --min-speed 60")
    most = found["users"]["most"]
    assert found["exit_code"] == 0 and 1 < most <= found["users"]["room"]
    assert found["users"]["then"]["each"]["value"] >= 60
    assert values(qwenpick, f"{asked} --users {most} --min-speed 60")["exit_code"] == 0
    slow = values(qwenpick, f"{asked} --min-speed 5000")
    assert (slow["fits"], slow["exit_code"], slow["users"]["most"]) == (True, 1, 0)
    assert values(qwenpick, asked)["users"] is None


def test_drafts_of_code_are_right_more_often_than_those_of_prose() -> None:
    # club-3090: a program is written 1.28 times as fast as an essay with three drafts a step
    box = {"gpu": "2x rtx 3090", "quant": "fp8", "runtime": "vllm", "context": "16k"}
    drafting = {"num_speculative_tokens": 3}
    speeds = [
        qwenpick.fit("qwen3.6-27b", task=task, options=drafting, **box).plan.speed
        for task in ("chat", "coding")  # type: ignore[arg-type]
    ]
    essay, program = (speed.generation.each(900, 1).value for speed in speeds if speed)
    assert program / essay == pytest.approx(1.28, abs=0.02)


def test_memory_bounds_the_users_where_speed_does_not(qwenpick: Run) -> None:
    found = values(qwenpick, "fit qwen3-8b --gpu h100 --runtime vllm --quant bf16 --context 32k --min-speed 5")["users"]
    assert found["most"] == found["room"]
    said = qwenpick(
        *shlex.split("fit qwen3-8b --gpu h100 --runtime vllm --quant bf16 --context 32k --min-speed 5 --users 4")
    ).out
    assert "memory holds no more" in said and "4 users" in said


def test_users_beyond_the_engines_own_cache_are_held_by_the_settings_that_launch_writes(qwenpick: Run) -> None:
    # vLLM's own steps on an H100 are of 8,192 tokens and 1,024 sequences: they leave less for the cache than those of `launch --users`
    asked = "qwen3-30b-a3b --gpu h100 --ram 256GiB --runtime vllm --quant fp8 --context 16k"
    found = values(qwenpick, f"fit {asked} --min-speed 1")
    most, own = found["users"]["most"], found["engine"]["max_concurrency"]
    assert own < most
    assert (
        f"with the settings of `qwenpick launch --users {most}`"
        in qwenpick(*shlex.split(f"fit {asked} --min-speed 1")).out
    )
    crowded = qwenpick(*shlex.split(f"fit {asked} --users {most}")).out
    assert "with its own settings has a cache" in crowded and f"writes settings that hold {most}" in crowded
    command = qwenpick(*shlex.split(f"launch {asked} --users {most}")).out
    written = {
        name: command.split(f"--{name.replace('_', '-')} ")[1].split()[0]
        for name in ("max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization")
    }
    options = " ".join(f"-o {name}={value}" for name, value in written.items())
    assert values(qwenpick, f"fit {asked} {options}")["engine"]["max_concurrency"] >= most
    few = qwenpick(*shlex.split(f"fit {asked} --users {int(own)} --min-speed 1")).out
    assert "writes settings that hold" not in few
