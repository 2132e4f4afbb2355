"""The published files: none without its bytes and the listing that states them, and a plan's file is one of them."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.catalog.schema import Published
from qwenpick.launch import Run, launch
from qwenpick.memory.quantization.gguf import file_bytes
from qwenpick.planning.checkpoints import checkpoints
from qwenpick.planning.files import files_of, planned_file, published_file, settled
from qwenpick.planning.library import library_tag
from qwenpick.runtimes import find_runtime
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

WHOLE = {"repo": "Qwen/Qwen3-8B-GGUF", "source": "https://huggingface.co/Qwen/Qwen3-8B-GGUF", "checked": "2026-08-22"}


@pytest.mark.parametrize(
    "lacking",
    [
        {**WHOLE},
        {**WHOLE, "files": {"Q4_K_M": {}}},
        {**WHOLE, "files": {"Q4_K_M": {"Qwen3-8B-Q4_K_M.gguf": None}}},
        {**WHOLE, "files": {"Q4_K_M": {"Qwen3-8B-Q4_K_M.gguf": 0}}},
        {**WHOLE, "weights": {"fp8": None}},
        {**WHOLE, "tags": {"Q4_K_M": {"qwen3:8b": 5_200_000_000}}},
        {key: value for key, value in WHOLE.items() if key != "source"} | {"files": {"Q4_K_M": {"a.gguf": 1}}},
        {key: value for key, value in WHOLE.items() if key != "checked"} | {"files": {"Q4_K_M": {"a.gguf": 1}}},
        {key: value for key, value in WHOLE.items() if key != "repo"} | {"files": {"Q4_K_M": {"a.gguf": 1}}},
    ],
)
def test_an_entry_without_bytes_source_or_day_is_none(lacking: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Published.model_validate(lacking)


def test_every_shipped_file_has_bytes_a_public_address_and_a_day(catalog: Catalog) -> None:
    seen = 0
    for model in catalog.models.values():
        for listing in model.published:
            assert listing.source.startswith("https://"), (model.id, listing.source)
            assert date(2025, 6, 1) <= date.fromisoformat(listing.checked) <= date(2026, 11, 29)
            for names in [*listing.files.values(), *listing.tags.values()]:
                assert names
                assert all(size > 10**6 for size in names.values()), (model.id, names)
                seen += len(names)
            # a file that is cut in parts is there whole
            for names in listing.files.values():
                parts = [name.rsplit("-of-", 1)[1][:5] for name in names if "-of-" in name]
                assert len(names) == (int(parts[0]) if parts else 1), (model.id, names)
    assert seen > 5000


def test_a_plans_file_is_one_that_a_listing_names(catalog: Catalog) -> None:
    for model in catalog.models.values():
        if not model.open_weights or not model.architecture:
            continue
        named = {name for listing in model.published for names in listing.files.values() for name in names}
        tags = {name for listing in model.published for names in listing.tags.values() for name in names}
        for engine in ("llamacpp", "ollama", "mlx"):
            for checkpoint in checkpoints(model, find_runtime(engine)):
                file = planned_file(model, catalog.architecture(model), checkpoint, engine)
                if file is None:
                    continue
                assert set(file.files) <= named
                assert file.tag is None or file.tag in tags or (file.tag == model.ollama and file.by_rule)
                assert bool(file.repository) is not bool(file.tag)
                assert file.bytes > 0
                assert file.source
                assert file.checked


def test_the_file_is_the_makers_else_that_of_the_publisher_most_people_take(catalog: Catalog) -> None:
    def where(model: str, format_name: str, engine: str = "llamacpp") -> str | None:
        file = published_file(catalog.models[model], format_name, engine)
        return file and (file.repository or file.tag)

    assert where("qwen3-8b", "Q4_K_M") == "Qwen/Qwen3-8B-GGUF"
    assert where("qwen3.5-9b", "Q5_K_S") == "unsloth/Qwen3.5-9B-GGUF"
    assert where("qwen3.8-27b", "UD-Q4_K_XL") == "unsloth/Qwen3.8-27B-GGUF"
    assert where("qwen3-8b", "Q8_0", "ollama") == "qwen3:8b-q8_0"
    assert where("qwen3.6-27b", "mlx-4bit", "mlx") == "mlx-community/Qwen3.6-27B-4bit"
    assert where("qwen2.5-math-7b", "IQ1_S") is None
    assert where("qwen3-8b", "Q4_K_M", "vllm") is None  # it reads no GGUF here


def test_several_parts_of_one_file_add_up(catalog: Catalog) -> None:
    # 10,946,624 + 49,835,229,856 + 43,836,407,744
    file = published_file(catalog.models["qwen3.8-flash-next"], "UD-IQ4_XS", "llamacpp")
    assert file
    assert file.bytes == 93_682_584_224
    assert len(file.files) == 3
    assert file.rounding == 0


def test_an_exact_listing_wins_over_a_rounded_one(catalog: Catalog) -> None:
    file = published_file(catalog.models["qwen3.8-27b"], "UD-Q4_K_XL", "llamacpp")
    assert file
    assert (file.bytes, file.rounding, file.files) == (17_559_178_144, 0, ("Qwen3.8-27B-UD-Q4_K_XL.gguf",))
    assert len(list(files_of(catalog.models["qwen3.8-27b"], "UD-Q4_K_XL", "llamacpp"))) == 2


def test_a_rounded_size_gives_way_to_the_rule_that_it_confirms(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    architecture = catalog.architecture(model)
    rule = file_bytes(architecture, "Q4_K_M")
    near = Checkpoint(format="Q4_K_M", bytes=rule + 40_000_000, rounding=53_687_091)
    far = Checkpoint(format="Q4_K_M", bytes=rule + 200_000_000, rounding=53_687_091)
    measured = Checkpoint(format="Q4_K_M", bytes=rule + 40_000_000)
    assert settled(architecture, near).bytes is None
    assert settled(architecture, far).bytes == far.bytes
    assert settled(architecture, measured) == measured


def test_a_file_without_the_mtp_block_is_not_a_smaller_model(catalog: Catalog) -> None:
    # unsloth's Qwen3.5 files leave the block out: 2 % of the file that llama.cpp's rule makes, none of the weights that are loaded
    model = catalog.models["qwen3.5-9b"]
    architecture = catalog.architecture(model)
    block = file_bytes(architecture, "Q8_0") - file_bytes(architecture.model_copy(update={"mtp_layers": 0}), "Q8_0")
    assert block > 200_000_000
    without = Checkpoint(format="Q8_0", bytes=file_bytes(architecture, "Q8_0") - block, rounding=53_687_091, mtp=False)
    assert settled(architecture, without).bytes is None
    assert settled(architecture, without.model_copy(update={"mtp": True})).bytes == without.bytes


def test_the_rule_and_the_listings_agree_on_most_plain_files(catalog: Catalog) -> None:
    agree = known = 0
    for model in catalog.models.values():
        if not model.open_weights or not model.architecture:
            continue
        for checkpoint in checkpoints(model, find_runtime("llamacpp")):
            if checkpoint.bytes:
                known += 1
                agree += settled(catalog.architecture(model), checkpoint).bytes is None
    assert known > 1400
    assert agree / known > 0.7  # the rest are calibrated mixes, and heads stored twice


def test_what_ollama_is_planned_with_is_the_tag_that_launch_fetches(catalog: Catalog) -> None:
    seen = 0
    for model in catalog.models.values():
        if not model.open_weights or not model.architecture:
            continue
        architecture = catalog.architecture(model)
        for checkpoint in checkpoints(model, find_runtime("ollama")):
            tag = library_tag(model, checkpoint.format)
            file = planned_file(model, architecture, checkpoint, "ollama")
            assert (file and file.tag) == (tag and tag.name), (model.id, checkpoint)
            if tag and file:
                seen += 1
                assert checkpoint.repo is None and checkpoint.bytes is None
                run = Run(model, architecture, checkpoint, "ollama", Serving(4096), Placement())
                (fetched,) = launch(run).downloads
                assert (fetched.what, fetched.bytes) == (tag.name, file.bytes)
                assert f"FROM {tag.name}\n" in launch(run).files["Modelfile"]
    assert seen > 250


# decimal bytes of the library's manifests: qwen3:30b-a3b-q4_K_M 18,622,563,179 and qwen3:4b-q4_K_M 2,620,788,260 in all (with template and licence)
@pytest.mark.parametrize(
    ("name", "whole"),
    [("qwen3-30b-a3b", 18_622_563_179), ("qwen3-4b", 2_620_788_260), ("qwen3-vl-32b-thinking", 20_910_297_800)],
)
def test_the_bytes_of_a_tag_are_those_of_its_manifest(catalog: Catalog, name: str, whole: int) -> None:
    model = catalog.models[name]
    file = planned_file(model, catalog.architecture(model), Checkpoint(format="Q4_K_M"), "ollama")
    assert file and file.bytes == pytest.approx(whole, rel=0.003)
