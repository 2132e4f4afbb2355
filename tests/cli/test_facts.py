"""`models`, `gpus` and `catalog`: what is known, and where from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run


def test_models_lists_open_models_and_api_names_when_asked(qwenpick: Run) -> None:
    assert "195 models" in qwenpick("models").out
    assert "241 models" in qwenpick("models", "--api").out


def test_models_lists_the_newest_series_first_and_its_small_ones_before_its_large(qwenpick: Run) -> None:
    out = qwenpick("models").out
    places = [
        out.index(f" {name} ") for name in ("qwen3.8-27b", "qwen3.8-2.4t-a95b", "qwen3-0.6b", "qwen3-8b", "qwen-7b")
    ]
    assert places == sorted(places)


def test_filters_leave_what_was_asked_for(qwenpick: Run) -> None:
    listed = json.loads(qwenpick("models", "--series", "qwen3.5", "--kind", "base", "--json").out)["models"]
    assert [model["id"] for model in listed] == [
        f"qwen3.5-{size}-base" for size in ("0.8b", "2b", "35b-a3b", "4b", "9b")
    ]
    commercial = json.loads(qwenpick("models", "--commercial", "--json").out)["models"]
    assert {m["licence"]["commercial_use"] for m in commercial} == {"free", "free-under-threshold"}
    assert not any("successor" in m for m in json.loads(qwenpick("models", "--current", "--json").out)["models"])


def test_everything_about_a_model_has_its_sources(qwenpick: Run) -> None:
    out = qwenpick("models", "qwen3:8b").out
    for words in (
        "Qwen/Qwen3-8B-AWQ",
        "36 full attention",
        "8 key-value heads of 128",
        "qwen3.5-9b",
        "source: https://",
        "checked 2026-11-23",
    ):
        assert words in out


def test_a_name_of_the_api_says_so_and_what_is_open(qwenpick: Run) -> None:
    assert "API only; the nearest open model is qwen3.8-2.4t-a95b" in qwenpick("models", "qwen-max").out


def test_json_of_one_model_holds_its_architecture(qwenpick: Run) -> None:
    (model,) = json.loads(qwenpick("models", "qwen3-8b", "--json").out)["models"]
    assert model["architecture"]["num_layers"] == 36
    assert model["parameters"]["total"] == 8190735360


def test_gpus_are_filtered_and_shown(qwenpick: Run) -> None:
    listed = json.loads(qwenpick("gpus", "--vendor", "nvidia", "--min-memory", "140GiB", "--json").out)["gpus"]
    assert {"h200-sxm", "b200", "b300"} <= {gpu["id"] for gpu in listed}
    assert all(gpu["vendor"] == "nvidia" and gpu["memory_bytes"] >= 140 * 2**30 for gpu in listed)
    out = qwenpick("gpus", "rtx 4090").out
    for words in (
        "24,564 MiB",
        "1,008.4 GB/s",
        "10de:2684",
        "$1,599 (2022-10-12; more than a year old)",
        "source: https://",
    ):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("models", "--series", "qwen3.55"), "there is no series 'qwen3.55'; did you mean Qwen3.5?"),
        (("models", "qwen3-7b"), "there is no Qwen3-7B; did you mean qwen3-8b?"),
        (
            ("gpus", "rtx-9999"),
            "there is no GPU 'rtx-9999' in the catalog (qwenpick gpus lists them; or give its memory: --vram 8GiB)",
        ),
        (("gpus", "--vendor", "nvidea"), "there is no vendor 'nvidea'; did you mean nvidia?"),
        (("gpus", "h100", "--min-memory", "24"), "a name shows that one alone: leave out --min-memory"),
        (
            ("models", "qwen3-8b", "--series", "Qwen2", "--api"),
            "a name shows that one alone: leave out --series, --api",
        ),
    ],
)
def test_what_is_not_known_is_answered_with_what_is(qwenpick: Run, arguments: tuple[str, ...], says: str) -> None:
    result = qwenpick(*arguments)
    assert (result.code, result.out, result.err.strip()) == (2, "", f"qwenpick: {says}")


def test_catalog_check_ends_with_the_answer(qwenpick: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    entry = "gpus:\n- {id: my-card, name: My Card, vendor: amd, segment: consumer, status: shipping, source: s, checked: '2026-11-24'}\n"
    good.write_text(entry)
    bad.write_text(entry.replace("amd", "amb"))
    assert qwenpick("catalog", "check", str(good)).code == 0
    result = qwenpick("catalog", "check", str(good), str(bad))
    assert result.code == 1
    assert "'vendor' is 'amb'; did you mean amd?" in result.out
    assert "my-card" in qwenpick("gpus", "my card", "--catalog", str(good)).out


def test_catalog_where_names_the_files(qwenpick: Run) -> None:
    out = qwenpick("catalog", "where").out
    assert "models.yaml" in out and "catalog.schema.json" in out and "catalog.yaml (not there)" in out
