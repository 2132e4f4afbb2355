"""The data files themselves: no duplicate keys or ids, sorted, sourced, dated, with schemas that do not drift."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from qwenpick.catalog.check import faults
from qwenpick.catalog.read import KINDS, SHIPPED, data_date, data_directory
from qwenpick.catalog.schema_json import SECTIONS, text
from qwenpick.recommending.quality import load_abilities
from tests.catalog.shipped import content, document, merged


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_has_no_faults(name: str) -> None:
    # duplicate keys and ids, unknown fields, dangling references, unknown formats
    assert faults(content(name), merged()) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_entries_are_sorted_by_id(name: str) -> None:
    for entries in document(name).values():
        names = [entry["id"] for entry in entries]
        assert names == sorted(names)


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_has_a_source_and_a_date(kind: str) -> None:
    for entry in merged()[kind].values():
        assert entry.get("source") or entry.get("sources"), entry["id"]
        assert date.fromisoformat(entry["checked"]) >= date(2026, 11, 1), entry["id"]
        assert all(source.strip() for source in entry.get("sources", [entry.get("source", "")]))


def urls(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [url for inner in value.values() for url in urls(inner)]
    if isinstance(value, list):
        return [url for inner in value for url in urls(inner)]
    return re.findall(r"\S*https?:\S*", value) if isinstance(value, str) else []


def test_urls_are_well_formed() -> None:
    found = [url.strip("()'\"") for name in SHIPPED for url in urls(document(name))]
    assert len(found) > 500
    for url in found:
        assert re.fullmatch(r"https?://[a-z0-9.-]+\.[a-z]{2,}(/[^\s<>\"{}|\\^`]*)?[;,)]?", url), url


@pytest.mark.parametrize("name", SECTIONS)
def test_the_published_schema_is_the_one_of_the_models(name: str) -> None:
    # python -m qwenpick.catalog.schema_json writes them anew
    assert (data_directory() / f"{name}.schema.json").read_text(encoding="utf-8") == text(name)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.endswith(".yaml")])
def test_the_first_line_tells_editors_the_schema(name: str) -> None:
    first = content(name).decode().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={name.removesuffix('.yaml')}.schema.json"


def test_memory_that_drivers_report_is_plausible() -> None:
    for gpu in merged()["gpus"].values():
        sold, usable = gpu.get("memory_bytes"), gpu.get("usable_bytes")
        if sold and usable:
            least = 0.6 if gpu.get("unified") else 0.92
            assert least * sold <= usable <= 1.02 * sold, gpu["id"]


def test_rates_get_faster_with_fewer_bits() -> None:
    # but for FP32-accumulating FP16 figures of laptop parts, which are not sourced, and INT8, which Blackwell Ultra all but dropped
    for gpu in merged()["gpus"].values():
        rates = gpu.get("rates", {})
        known = [rates[name] for name in ("fp16", "fp8", "fp4") if name in rates]
        assert known == sorted(known), gpu["id"]


def test_prices_have_a_date() -> None:
    for gpu in merged()["gpus"].values():
        for name in ("launch_price", "street_price", "used_price"):
            assert name not in gpu or gpu[name]["date"], gpu["id"]
            price = gpu.get(name, {})
            assert price.get("usd_to", 1e9) > price.get("usd", 0), gpu["id"]


def test_offers_have_a_price_but_for_those_that_publish_none() -> None:
    offers = merged()["cloud"].values()
    assert len(offers) == 261
    priceless = [o["id"] for o in offers if not {"usd_per_hour", "spot_usd_per_hour", "native_price"} & set(o)]
    assert [o for o in priceless if not o.startswith("alibaba-")] == [
        "aws-p5e.48xlarge-us-east-1",  # none in the region's file
        "aws-trn2.48xlarge-us-east-1",
    ]
    assert {o.split(".")[1].split("-")[0] for o in priceless if o.startswith("alibaba-")} == {
        "ebmgn9gc",
        "ebmgn9ge",
        "gn8is",
        "gn8v",
    }


def test_the_catalogue_is_as_old_as_its_newest_entry() -> None:
    newest = max(entry["checked"] for kind in KINDS for entry in merged()[kind].values())
    assert data_date() == newest


def test_what_a_gpu_of_the_last_six_years_lacks_has_its_reason() -> None:
    today = date.fromisoformat(data_date())
    since = today.replace(year=today.year - 6).isoformat()
    looked_at = [
        gpu
        for gpu in merged()["gpus"].values()
        if (gpu["released"] >= since if "released" in gpu else gpu["status"] != "discontinued")
    ]
    assert len(looked_at) > 300
    for gpu in looked_at:
        missing = {name for name in ("memory_bytes", "bandwidth", "power_watts") if name not in gpu}
        if "fp16" not in gpu.get("rates", {}):
            missing.add("fp16")
        assert missing == set(gpu.get("unknown", ())), gpu["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_sources_are_public_addresses(kind: str) -> None:
    for entry in merged()[kind].values():
        for source in sources(entry):
            assert re.search(r"https?://[a-z0-9.-]+\.[a-z]+", source), (entry["id"], source)
            assert not re.search(r"\bids? \d{5,}|transcription", source), (entry["id"], source)


def test_the_abilities_name_public_addresses() -> None:
    for source in load_abilities().sources:
        assert re.fullmatch(r"https://\S+( .*)?", source) and not re.search(r"\bids? \d{5,}", source), source


def sources(value: object) -> Iterator[str]:
    """Every source in an entry, its parts' included."""
    if isinstance(value, dict):
        for field, part in value.items():
            if field in ("source", "sources"):
                yield from [part] if isinstance(part, str) else part
            else:
                yield from sources(part)
    elif isinstance(value, list):
        for part in value:
            yield from sources(part)


SERVED = (
    "Qwen1.5",
    "Qwen1.5-MoE",
    "Qwen2",
    "Qwen2.5",
    "Qwen2.5-VL",
    "Qwen3",
    "Qwen3-VL",
    "Qwen3-Next",
    "Qwen3.5",
    "Qwen3.6",
)


def test_an_engine_is_known_to_start_with_some_release_for_every_series_that_it_serves() -> None:
    def of(model: str, engine: str = "vllm") -> str | None:
        found: str | None = merged()["models"][model].get("min_versions", {}).get(engine)
        return found

    assert (
        of("qwen3-8b") == "0.8.5"
        and of("qwen3guard-gen-4b") == "0.9.0"
        and of("qwen3-next-80b-a3b-instruct") == "0.10.2"
    )
    assert of("qwen2.5-vl-7b-instruct") == "0.7.0" and of("qwen3-asr-1.7b") == "0.12.0"
    assert of("qwen3-tts-12hz-1.7b-base") == "0.20.0"
    for model in merged()["models"].values():
        if model["series"] in SERVED:
            assert of(model["id"]), model["id"]


def test_inputs_are_what_the_makers_pages_say() -> None:
    inputs = {model["id"]: model["inputs"] for model in merged()["models"].values()}
    for name in ("qwen3.6-plus", "qwen3.6-flash", "qwen3.7-plus", "qwen3.7-flash", "qwen3.8-flash"):
        assert inputs[name] == ["text", "image", "video"], name
    assert inputs["qwen3-livetranslate-flash-realtime"] == ["text", "image", "audio", "video"]
    assert inputs["qwen3-tts-12hz-1.7b-customvoice"] == ["text"] and "audio" in inputs["qwen3-tts-12hz-1.7b-base"]


def test_one_pci_id_is_one_kind_of_board() -> None:
    owners: dict[str, set[str]] = {}
    for gpu in merged()["gpus"].values():
        for pci in gpu.get("pci_ids", ()):
            owners.setdefault(pci, set()).add("laptop" if "Laptop" in gpu["name"] else "desktop")
    assert {pci: kinds for pci, kinds in owners.items() if len(kinds) > 1} == {}
