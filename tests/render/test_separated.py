"""CSV: the rows of the JSON with raw values, for every command that lists something, `fit` too."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.conftest import Run

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


def tables(text: str) -> list[list[dict[str, str]]]:
    return [list(csv.DictReader(io.StringIO(part))) for part in text.split("\n\n")]


def test_fit_prints_its_plan_and_its_parts_in_bytes(qwenpick: Run) -> None:
    words = ("fit", "qwen3-8b", "--quant", "4bit", *BOX)
    plan, parts = tables(qwenpick(*words, "--format", "csv").out)
    said = json.loads(qwenpick(*words, "--json").out)
    assert plan[0]["memory.total"] == str(said["memory"]["total"])
    assert plan[0]["fits"] == "true"
    assert [int(row["bytes"]) for row in parts] == [part["bytes"] for part in said["memory"]["parts"]]


def test_recommend_prints_a_row_a_pick_with_raw_numbers(qwenpick: Run) -> None:
    words = ("recommend", "--task", "coding", "--series", "Qwen3.5", *BOX)
    (rows,) = tables(qwenpick(*words, "--format", "csv").out)
    picks = json.loads(qwenpick(*words, "--json").out)["boxes"][0]["picks"]
    assert [row["plan.model"] for row in rows] == [pick["plan"]["model"] for pick in picks]
    assert [float(row["quality.value"]) for row in rows] == [pick["quality"]["value"] for pick in picks]
    assert [int(row["longest_context"]) for row in rows] == [pick["longest_context"] for pick in picks]
    assert {row["task"] for row in rows} == {"coding"}


@pytest.mark.parametrize(
    ("words", "column", "value"),
    [
        (("plan", "qwen3-8b", "--budget", "300"), "price_usd", "249.0"),
        (("plan", "qwen3-8b", "--cloud"), "usd_per_hour", "0.33"),
        (("compare", "rtx 3060", "rtx 5090"), "name", "GeForce RTX 5090"),
        (("compare", "qwen3-8b", "qwen3.5-9b", *BOX), "model", "qwen3.5-9b"),
        (("compare", "rtx 3060", "--model", "qwen3-8b"), "gpu", "rtx-3060-12gb"),
        (("replace", "qwen2.5-7b-instruct"), "model", "qwen2.5-7b-instruct"),
        (("models", "--series", "qwen3.5"), "id", "qwen3.5-9b"),
        (("gpus", "--vendor", "intel"), "id", "arc-b570"),
        (("tasks",), "name", "coding"),
        (("scenarios",), "name", "pilot"),
        (("machine", *BOX), "name", "GeForce RTX 4090"),
        (("fit", "qwen3-8b", "--train", "lora", *BOX), "training.method", "lora"),
    ],
)
def test_every_list_has_rows_of_raw_values(qwenpick: Run, words: tuple[str, ...], column: str, value: str) -> None:
    (rows, *_more) = tables(qwenpick(*words, "--format", "csv").out)
    assert value in [row[column] for row in rows]


def test_csv_is_the_same_in_every_language(qwenpick: Run) -> None:
    words = ("recommend", *BOX, "--format", "csv")
    assert qwenpick("--lang", "zh", *words).out == qwenpick(*words).out
