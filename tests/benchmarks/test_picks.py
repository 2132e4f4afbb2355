"""The words of a table of recommendations, read into a box, a request and models; and two rows of it asked."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import picks
from benchmarks import picks_reading as reading
from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Machine
from qwenpick.units import GIB

COLUMNS = ("id", "gpu", "vram_gb", "ram_gb", "unified", "task", "context", "constraints", "recommended_models", "quant", "runtime", "polarity",
           "trust", "status", "current_equivalent")  # fmt: skip


def a_row(**said: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | {"polarity": "pick", "status": "current", "trust": "measured"} | said


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Qwen3.6-35B-A3B; else Qwen3.5-4B", {"qwen3.6-35b-a3b", "qwen3.5-4b"}),
        ("1B-2B class (Qwen3.5-0.8B / 2B)", {"qwen3.5-0.8b", "qwen3.5-2b"}),
        ("Qwen3-VL-8B", {"qwen3-vl-8b-instruct", "qwen3-vl-8b-thinking"}),
        ("Qwen3-Embedding-0.6B / 4B / 8B", {"qwen3-embedding-0.6b", "qwen3-embedding-4b", "qwen3-embedding-8b"}),
        ('Phi-4 Mini; "Qwen3 1.5B"; Gemma 3 2B', set()),  # names no model that exists
    ],
)
def test_models_are_read_as_people_write_them(catalog: Catalog, text: str, ids: set[str]) -> None:
    assert {name for meant in reading.models(text, catalog).values() for name in meant} == ids


@pytest.mark.parametrize(
    ("said", "count", "gib"),
    [
        ({"gpu": "2x RTX 3090", "vram_gb": "48"}, 2, 24),
        ({"gpu": "GTX 1060", "vram_gb": "6", "ram_gb": "24"}, 1, 6),
        ({"gpu": "8x H200/H20", "vram_gb": "1128"}, 8, 140),
        ({"gpu": "MacBook Pro M5 Pro", "vram_gb": "48", "ram_gb": "48", "unified": "y"}, 1, 37),
        ({"gpu": "16 GB", "vram_gb": "16"}, 1, 16),
    ],
)
def test_a_box_is_read_as_people_write_it(catalog: Catalog, said: dict[str, str], count: int, gib: int) -> None:
    box = reading.machine(a_row(**said), catalog)
    assert isinstance(box, Machine)
    assert (len(box.devices), round((box.devices[0].total or 0) / GIB)) == (count, gib)


def test_a_box_without_a_gpu_is_its_ram(catalog: Catalog) -> None:
    box = reading.machine(a_row(gpu="none (laptop)", vram_gb="0", ram_gb="8-16"), catalog)
    assert isinstance(box, Machine)
    assert not box.devices and box.ram_total == 8 * GIB


def test_a_box_of_no_size_is_left_out(catalog: Catalog) -> None:
    left_out: Counter[str] = Counter()
    assert picks.judge(a_row(gpu="any", recommended_models="Qwen3.5-9B"), catalog) == "no memory stated"
    assert not left_out


@pytest.mark.parametrize(
    ("said", "task", "prefer", "context"),
    [
        ({"task": "chat, agent", "context": "64K (256K with 3-4 bit KV)"}, "chat", "balanced", 65536),
        ({"task": "serving, coding, vision", "context": "262K"}, "coding", "balanced", 262144),
        ({"task": "IDE coding agent", "context": "~12K practical"}, "coding-agent", "balanced", 12288),
        ({"task": "max knowledge"}, "knowledge", "quality", None),
        ({"task": "coding, fast chat", "context": "28,672 (predicted)"}, "coding", "speed", 28672),
        ({"task": "embedding / RAG", "context": "256-512 tok"}, "rag-embedding", "balanced", 256),
    ],
)
def test_a_wish_is_read_as_people_write_it(said: dict[str, str], task: str, prefer: str, context: int | None) -> None:
    request = reading.request(a_row(**said))
    assert (request.task, request.prefer, request.context) == (task, prefer, context)


def test_a_pick_is_met_when_a_named_model_is_among_the_first(catalog: Catalog) -> None:
    # theneuralfeed's 14-day test of agents on one RTX 3090 (2026), with its current equivalent
    row = a_row(
        id="G051",
        gpu="RTX 3090",
        vram_gb="24",
        task="agent planning",
        recommended_models="Qwen3.6-27B",
        current_equivalent="Qwen3.8-27B",
    )
    verdict = picks.judge(row, catalog)
    assert isinstance(verdict, picks.Verdict)
    assert verdict.passed and verdict.hits == ("Qwen3.8-27B",)


def test_a_warning_is_kept_when_what_it_warns_of_is_not_among_the_first(catalog: Catalog) -> None:
    # llmfit#230: 122B-A10B is no perfect fit on 48 GB, whatever its active parameters
    row = a_row(
        id="G078", gpu="M4 Pro", vram_gb="48", ram_gb="48", unified="y", task="any", polarity="avoid",
        recommended_models="Qwen3.5-122B-A10B",
    )  # fmt: skip
    verdict = picks.judge(row, catalog)
    assert isinstance(verdict, picks.Verdict)
    assert verdict.passed
