"""Records that are not as they should be: whatever stands in them, a cluster or a sentence comes back, and a plan is never made of nonsense."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fleet.kinds import fleet
from qwenpick.machine.inventory.neutral import text
from qwenpick.machine.inventory.read import recognised

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*"))
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    10**30,
    "",
    "x" * 300,
    "-5Gi",
    "1e99",
    [],
    {},
    [None],
    {"a": 1},
    "gpu:a100:-3",
    "\u0000",
    "9" * 50,
)


def spoiled(value: Any, dice: random.Random) -> Any:
    """The value with one thing in twenty replaced by something odd."""
    if dice.random() < 0.05:
        return dice.choice(ODD)
    if isinstance(value, dict):
        return {key: spoiled(item, dice) for key, item in value.items() if dice.random() > 0.02}
    return [spoiled(item, dice) for item in value] if isinstance(value, list) else value


def answered(content: str, catalog: Catalog) -> None:
    try:
        cluster = recognised(content, "f")
    except QwenpickError as error:
        assert "Traceback" not in str(error)
        return
    for free in (True, False):
        found = fleet(cluster, catalog, free)
        for kind in found.kinds:
            assert 0 <= kind.free_gpus <= max(kind.gpus, len(kind.machine.devices) * kind.count)
            assert all(device.total is None or device.total >= 0 for device in kind.machine.devices)
    text(cluster)


@pytest.mark.fuzz
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_spoiled_records_are_a_cluster_or_a_sentence(catalog: Catalog, sample: Path) -> None:
    written = sample.read_text()
    for seed in range(40):
        dice = random.Random(seed)
        if written.lstrip().startswith(("{", "[")):
            answered(json.dumps(spoiled(json.loads(written), dice)), catalog)
        at, length = dice.randrange(len(written)), dice.randrange(1, 80)
        answered(written[:at] + dice.choice(("", "=", "\x00", "9" * 40, "{", ":")) + written[at + length :], catalog)


@pytest.mark.parametrize(("count", "gpus"), [("99999999999", 0), ("1e9", 0), ("100001", 0), ("2", 2)])
def test_a_count_of_gpus_that_no_node_has_is_not_believed(catalog: Catalog, count: str, gpus: int) -> None:
    labels = {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"}
    item = {
        "kind": "Node",
        "metadata": {"name": "n", "labels": labels},
        "status": {"allocatable": {"nvidia.com/gpu": count, "memory": "1Ti"}},
    }
    cluster = recognised(json.dumps({"kind": "List", "items": [item]}), "f")
    assert [(kind.gpus, len(kind.machine.devices)) for kind in fleet(cluster, catalog, True).kinds] == [(gpus, gpus)]
