"""The tags of Ollama's library: each belongs to one model, and is that model by its size and by its name."""

from __future__ import annotations

from collections import defaultdict

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.catalog.check import faults
from qwenpick.planning.library import library_tag
from tests.catalog.shipped import merged


def listed(catalog: Catalog) -> dict[str, list[tuple[str, str, int]]]:
    """Tag -> (model, format, bytes) of every listing."""
    found: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for model in catalog.models.values():
        for listing in model.published:
            for format_name, tags in listing.tags.items():
                for tag, size in tags.items():
                    found[tag].append((model.id, format_name, size))
    return found


def test_no_tag_belongs_to_two_models(catalog: Catalog) -> None:
    tags = listed(catalog)
    assert len(tags) > 800
    assert {tag: owners for tag, owners in tags.items() if len(owners) > 1} == {}
    for model in catalog.models.values():
        names = [name for name in (model.ollama, *model.aliases) if name and ":" in name]
        assert {tags[name][0][0] for name in names if name in tags} <= {model.id}


def test_a_file_that_gives_one_tag_to_two_models_is_refused() -> None:
    listing = '{source: "https://a.b", checked: 2026-11-29, tags: {Q4_K_M: {"qwen3:4b": 2500000000}}}'
    entry = "- {id: %s, source: 'https://a.b', checked: 2026-11-29, published: [" + listing + "]}\n"
    text = "files:\n" + entry % "qwen3-4b" + entry % "qwen3-4b-thinking-2507"
    found = faults(text.encode(), merged())
    assert [fault for fault in found if "qwen3:4b' is qwen3-4b's" in fault], found
    assert not [fault for fault in faults(("files:\n" + entry % "qwen3-4b").encode(), merged()) if "tag" in fault]


def test_a_listed_tag_is_found_by_its_name(catalog: Catalog) -> None:
    for tag, [(owner, _format, _size)] in listed(catalog).items():
        assert find_model(catalog, tag).id == owner, tag


def test_the_tags_of_one_model_and_format_are_one_file(catalog: Catalog) -> None:
    # where two are of different sizes one of them is another model: qwen3:4b-q4_K_M is 2.6 GB and qwen3:4b-thinking-2507-q4_K_M 2.5
    for model in catalog.models.values():
        for listing in model.published:
            for format_name, tags in listing.tags.items():
                assert len(set(tags.values())) == 1, (model.id, format_name, tags)


# digests, as people's `ollama list` shows them: qwen3:30b and 30b-a3b ad815644918f, 30b-a3b-q4_K_M 0b28110b7a33; qwen3:4b 359d7dd4bcda,
# 4b-q4_K_M 2bfd38a7daaf; qwen3-vl:4b and 4b-thinking 1343d82ebee3, 8b and 8b-thinking-q4_K_M 901cae732162, 30b-a3b and 30b-a3b-thinking
# eda0be100877, 32b and 32b-thinking-q4_K_M ff2e46876908
@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        ("qwen3:30b", "qwen3-30b-a3b-thinking-2507"),
        ("qwen3:30b-a3b", "qwen3-30b-a3b-thinking-2507"),
        ("qwen3:30b-a3b-q4_K_M", "qwen3-30b-a3b"),
        ("qwen3:30b-a3b-q8_0", "qwen3-30b-a3b"),
        ("qwen3:4b-q4_K_M", "qwen3-4b"),
        ("qwen3:235b-a22b-fp16", "qwen3-235b-a22b"),
        ("qwen3-vl:8b", "qwen3-vl-8b-thinking"),
        ("qwen3-vl:32b", "qwen3-vl-32b-thinking"),
        ("qwen3-vl:30b-a3b", "qwen3-vl-30b-a3b-thinking"),
        ("qwen3-vl:8b-instruct-q8_0", "qwen3-vl-8b-instruct"),
        ("qwen:14b-chat-q4_K_M", "qwen-14b-chat"),
        ("qwen:14b-chat-v1.5-q4_K_M", "qwen1.5-14b-chat"),
        ("qwen:14b-chat", "qwen1.5-14b-chat"),
    ],
)
def test_a_tag_means_the_model_that_the_library_has_under_it(catalog: Catalog, tag: str, meant: str) -> None:
    assert find_model(catalog, tag).id == meant


@pytest.mark.parametrize(
    ("model", "format_name", "tag"),
    [
        ("qwen3-30b-a3b-thinking-2507", "Q4_K_M", "qwen3:30b-a3b-thinking-2507-q4_K_M"),
        ("qwen3-30b-a3b", "Q4_K_M", "qwen3:30b-a3b-q4_K_M"),
        ("qwen3.6-27b", "Q4_K_M", "qwen3.6:27b"),  # its default, of which no listing has a size
        ("qwen3.5-0.8b", "Q4_K_M", None),  # qwen3.5:0.8b is of eight bits
        ("qwen3.5-0.8b", "Q8_0", "qwen3.5:0.8b-q8_0"),
        ("qwen2-math-72b-instruct", "Q4_0", "qwen2-math:72b-instruct"),
        ("qwen1.5-0.5b-chat", "Q4_K_M", "qwen:0.5b-chat-v1.5-q4_K_M"),
        ("qwen3-8b", "Q6_K", None),
    ],
)
def test_the_tag_of_a_format_holds_that_format(catalog: Catalog, model: str, format_name: str, tag: str | None) -> None:
    found = library_tag(catalog.models[model], format_name)
    assert (found and found.name) == tag
