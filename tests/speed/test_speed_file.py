"""data/speed.json: the shape of the file, and what every class of devices in it must keep to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from qwenpick.catalog.read import data_directory
from qwenpick.speed.constants import WIDEST, Spread
from qwenpick.speed.measured import FILE, SCHEMA, SpeedFile, measured, schema_text


def test_the_file_is_what_its_schema_says() -> None:
    content = json.loads((data_directory() / FILE).read_text(encoding="utf-8"))
    TypeAdapter(SpeedFile).validate_python(content)
    # python tools/fit_speed.py --truth DIR --write writes both anew
    written = json.loads((data_directory() / SCHEMA).read_text(encoding="utf-8"))
    assert _bare(written) == _bare(json.loads(schema_text()))


def _bare(schema: Any) -> Any:
    """A schema without its descriptions, which pydantic takes from other places before 2.13."""
    if isinstance(schema, dict):
        return {
            name: _bare(value) for name, value in schema.items() if name != "description" or isinstance(value, dict)
        }
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema


def _spreads() -> list[tuple[str, Spread]]:
    known = measured()
    found = [(f"{engine} {kind}", spread) for (engine, kind), spread in known.decode_spread.items()]
    found += [(f"{engine} {kind} prompts", spread) for (engine, kind), spread in known.prefill_spread.items()]
    return [*found, ("default", known.default_decode_spread), ("default prompts", known.default_prefill_spread)]


@pytest.mark.parametrize("engine", ["llamacpp", "mlx"])
def test_a_local_engine_s_range_holds_its_estimate_and_is_no_wider_than_40_percent_each_way(engine: str) -> None:
    for name, spread in _spreads():
        if name.startswith((engine, "default")):
            assert spread.low < 1 < spread.high, name
            assert spread.high <= WIDEST * spread.low * 1.01, name


def test_shares_of_bandwidth_stay_below_the_whole() -> None:
    for (engine, kind), decode in measured().decode.items():
        for share in (decode.weights, decode.experts, decode.cache):
            assert 0 < share <= 0.95, (engine, kind)


def test_two_ranges_together_are_no_wider_than_the_widest() -> None:
    both = Spread(0.5, 1.0).widened(Spread(0.9, 1.9))
    assert both.high / both.low == pytest.approx(WIDEST)
    assert Spread(0.8, 1.2).widened(Spread(0.7, 1.1)) == Spread(0.7, 1.2)
