"""The Python API speaks the command line's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qwenpick
from qwenpick.errors import QwenpickError
from tests.conftest import Run, values

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


BOX: dict[str, Any] = {"gpu": "rtx 4090", "ram": "64GiB"}


def test_the_functions_answer_as_the_commands_do(qwenpick: Run) -> None:
    import qwenpick as api

    words = ("--gpu", "rtx 4090", "--ram", "64GiB", "--json")
    asked = api.fit("qwen3-8b", quant="4bit", context="32k", **BOX)
    said = json.loads(qwenpick("fit", "qwen3-8b", "--quant", "4bit", "--context", "32k", *words).out)
    assert asked.fits and asked.exit_code == 0
    # a command line's own, as are those of fixes
    assert said["start"].startswith("qwenpick launch qwen3-8b --quant 4bit")
    assert asked.to_json() | {"start": said["start"]} == {name: said[name] for name in asked.to_json()}
    short = api.fit("qwen3-32b", quant="fp16", gpu="rtx 4090", ram="32GiB")
    said = json.loads(
        qwenpick("fit", "qwen3-32b", "--quant", "fp16", "--gpu", "rtx 4090", "--ram", "32GiB", "--json").out
    )
    ways = [{**way, "command": None} for way in said["fixes"]]  # which is a command line's
    assert ways and short.to_json()["fixes"] == ways
    best = api.recommend(task="rag-embedding", **BOX)
    said = json.loads(qwenpick("recommend", "--task", "rag-embedding", *words).out)["boxes"][0]
    assert [pick.plan.model.id for pick in best.picks] == [pick["plan"]["model"] for pick in said["picks"]]
    assert best.plan == api.fit(best.picks[0].plan.model.id, task="rag-embedding", **BOX).plan
    needed = api.plan("qwen3-8b", gpu=["rtx 4090", "rtx 3060 12gb"])
    assert needed.fits and needed.plan and needed.to_json()["model"] == "qwen3-8b"


def test_a_saved_box_leaves_its_display_the_same_room_as_on_the_command_line(
    qwenpick: Run, tmp_path: Path, machines: Path
) -> None:
    import qwenpick as api

    document = json.loads((machines / "rtx-4090.json").read_text())
    document["devices"][0] |= {"display": True, "free": document["devices"][0]["total"]}
    (tmp_path / "box.json").write_text(json.dumps(document))
    said = values(qwenpick, f"fit qwen3-8b --machine {tmp_path}/box.json")
    assert api.fit("qwen3-8b", machine=tmp_path / "box.json").plan.places[0].budget == said["places"][0]["budget"]


def test_a_box_is_said_once_and_users_are_counted() -> None:
    with pytest.raises(QwenpickError, match="leave out gpu and ram"):
        qwenpick.fit("qwen3-8b", machine="box.json", gpu="rtx 4090")
    with pytest.raises(QwenpickError, match="users must be 1 or more, not 0"):
        qwenpick.fit("qwen3-8b", users=0, **BOX)


def test_what_does_not_fit_says_so_by_its_exit_code() -> None:
    answer = qwenpick.fit("qwen3-235b-a22b", quant="4bit", gpu="rtx 4090", ram="16GiB")
    assert not answer.fits and answer.exit_code == 1 and answer.plan.verdict == "no"


@pytest.mark.parametrize("name", ["fit", "recommend", "plan", "estimate"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    import doctest

    from qwenpick import api

    finder = doctest.DocTestFinder().find(getattr(api, name), name, globs={})
    results = [doctest.DocTestRunner().run(one) for one in finder]
    assert sum(one.attempted for one in results) > 0 and not any(one.failed for one in results)


def test_an_embedding_model_in_four_bits_is_answered_on_a_data_centres_gpu() -> None:
    # the maker's own repository of it is GGUF files, which is no one format
    found = qwenpick.fit("qwen3-embedding-8b", gpu="h100", quant="awq-int4", runtime="vllm", context=4096)
    assert found.fits and found.exit_code == 0


CARD: dict[str, Any] = {"gpu": "rtx 4090", "ram": "64GiB"}


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: qwenpick.plan("qwen3-8b", budget="1500 dollars"), "cannot read the budget '1500 dollars'"),
        (lambda: qwenpick.plan("qwen3-8b", budget=-5), "budget must be 0 or more USD"),
        (lambda: qwenpick.plan("qwen3-8b", budget=float("nan")), "budget must be"),
        (lambda: qwenpick.plan("qwen3-8b", gpu="2x rtx 3090"), "name it once"),
        (lambda: qwenpick.plan(3), "model must be a name"),  # type: ignore[arg-type]
        (lambda: qwenpick.fit(None), "model must be a name, as text, not None"),  # type: ignore[arg-type]
        (lambda: qwenpick.fit("qwen3-8b", gpu=5), "gpu must be a name"),  # type: ignore[arg-type]
        (lambda: qwenpick.fit("qwen3-8b", gpu=[5]), "gpu must be a name"),  # type: ignore[list-item]
        (lambda: qwenpick.fit("qwen3-8b", gpu=[]), "gpu must be a name"),
        (lambda: qwenpick.fit("qwen3-8b", gpu=["rtx 4090", ""]), "gpu must be a name"),
        (lambda: qwenpick.fit("qwen3-8b", machine=5), "machine must be the path"),  # type: ignore[arg-type]
        *(
            (lambda name=name, value=value: qwenpick.fit("qwen3-8b", **CARD, **{name: value}), f"{name} must be")
            for name, value in (
                ("users", "many"), ("users", 1.5), ("users", True), ("users", 0), ("context", [1]), ("options", "a=1"),
                ("quant", 4), ("runtime", 4), ("task", 4), ("quant", ""), ("runtime", " "), ("task", ""), ("context", ""),
            )
        ),
        *((lambda value=value: qwenpick.recommend(**CARD, limit=value), "limit must be") for value in (-1, "x", None)),
        *(
            (lambda name=name, value=value: qwenpick.estimate("qwen3-8b", **{name: value}), f"{name} must be")
            for name, value in (("sequences", "a"), ("gpus", "a"), ("quant", None), ("runtime", None), ("options", [1]), ("kv_cache", 3))
        ),
        (lambda: qwenpick.estimate(None), "model must be"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_one_sentence(ask: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence) as found:
        ask()
    assert "\n" not in str(found.value)


def test_a_budget_is_a_number_or_words() -> None:
    words, number = (qwenpick.plan("qwen3-8b", gpu="rtx 3060 12gb", budget=said) for said in ("$1,500", 1500))
    assert words.offers == number.offers and words.fits


def test_a_session_sees_an_answer_in_a_line_and_what_there_is_to_ask() -> None:
    import qwenpick as api

    assert {"fit", "recommend", "plan", "estimate"} <= set(dir(api)) and api.QwenpickError is QwenpickError
    assert issubclass(api.HardwareUnreadableError, api.QwenpickError)
    shown = [repr(api.fit("qwen3-8b", **BOX)), repr(api.recommend(**BOX)), repr(api.plan("qwen3-8b", gpu="rtx 4090"))]
    assert all("fits, " in one and "\n" not in one and len(one) < 150 for one in shown)
    assert repr(api.plan("qwen3-32b", budget=10)) == "<Planned: nothing fits>"


def test_an_engines_options_are_read_with_dashes_too() -> None:
    # 28 GiB of cache are too much beside 5.7 of weights on 24
    found = qwenpick.fit("qwen3-8b", gpu="rtx 4090", runtime="vllm", options={"kv-cache-memory-bytes": 28 * 2**30})
    assert found.to_json()["fixes"][0]["flags"].startswith("-o kv_cache_memory_bytes=")
