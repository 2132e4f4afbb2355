"""What a model is worth for a task: its fitted abilities, weighed as the task weighs them, after quantization.

The abilities are data/abilities.json, written by tools/fit_abilities.py from published scores. Nothing here averages raw percentages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from qwenpick.recommending.effort import THINKING_GAIN
from qwenpick.recommending.quantization_loss import Retention, for_task
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from qwenpick.recommending.effort import Effort
    from qwenpick.recommending.tasks import Task


@dataclass(frozen=True, slots=True)
class Ability:
    """One latent ability in logits, with the deviation of its difference from others; `inferred` where no score of the model is behind it."""

    value: float
    deviation: float
    inferred: bool
    tests: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Abilities:
    """All of data/abilities.json. `gain` is what thinking adds, `reference` the ability that solves half of the current tests."""

    models: Mapping[str, Mapping[str, Any]]
    gain: Mapping[str, float]
    reference: Mapping[str, float]
    sources: tuple[str, ...]
    unknown: Mapping[str, Any] = field(default_factory=dict)  # of a model that is not among them

    def of(self, model: str, capability: str) -> Ability | None:
        """The ability of a model (with thinking, where it can); None where the catalogue has none."""
        entry = self.models.get(model, self.unknown).get(capability)
        if entry is None:
            return None
        return Ability(
            entry["ability"],
            entry["deviation"],
            entry["inferred"],
            tuple(entry["tests"]),
            tuple(self.sources[n] for n in entry["sources"]),
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """Points out of 100 for a task: the share of the current tests of its abilities that the model would solve, less what quantization costs.

    `deviation` is in points too. `inferred` is true where less than half of the weight rests on scores of the model itself.
    """

    value: float
    deviation: float
    kept: float
    inferred: bool
    abilities: tuple[Ability, ...]


@cache
def load_abilities() -> Abilities:
    """The shipped abilities."""
    from qwenpick.catalog.read import data_directory

    return _read(data_directory() / "abilities.json")


@cache
def alike() -> Abilities:
    """All models worth the same, half of the tests: what orders the plans of a model of whose quality nothing is known."""
    known = load_abilities()
    entry = {"deviation": 1.0, "inferred": True, "tests": (), "sources": ()}
    capabilities = {
        **known.reference,
        **{name: 0.0 for name in ("embedding", "reranking") if name not in known.reference},
    }
    unknown = {name: {"ability": known.reference.get(name, 0.0), **entry} for name in capabilities}
    return Abilities({}, known.gain, known.reference, (), unknown)


def _read(path: Path) -> Abilities:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Abilities(content["models"], content["thinking_gain"], content["reference"], tuple(content["sources"]))


@lru_cache(maxsize=16384)
def quality(
    abilities: Abilities, model: str, can_think: bool, task: Task, effort: Effort, kept: Retention
) -> Quality | None:
    """What the model is worth for the task when it thinks with that effort, its weights kept as said; None without any ability on record.

    The stored ability of a model that can think is with thinking; without, the capability's measured gain is taken off. Where the task is not
    helped by thinking, a model that always thinks gains nothing by it either.
    """
    whole = _whole(abilities, model, can_think, task, effort)
    if whole is None:
        return None
    full, deviation, inferred, found = whole
    share = for_task(kept, task.weights)
    return Quality(full * share, deviation * share, share, inferred, found)


@lru_cache(maxsize=4096)
def _whole(
    abilities: Abilities, model: str, can_think: bool, task: Task, effort: Effort
) -> tuple[float, float, bool, tuple[Ability, ...]] | None:
    """(points, deviation, whether they are inferred, abilities) of the weights as they were published."""
    gained = min(THINKING_GAIN[effort], max(THINKING_GAIN[known] for known in task.efforts))
    found = {c: a for c in task.weights if (a := abilities.of(model, c))}
    total = sum(task.weights[c] for c in found)
    if not total:
        return None
    shares = {c: w / total for c, w in task.weights.items() if c in found}
    points = {
        c: _points(found[c].value - _lost(abilities, c, can_think, gained) - abilities.reference.get(c, 0.0))
        for c in found
    }
    full = sum(shares[c] * points[c] for c in found)
    # dp/dx of 100 sigmoid(x) is p (100 - p) / 100 points a logit
    variance = sum((shares[c] * points[c] * (100 - points[c]) / 100 * found[c].deviation) ** 2 for c in found)
    scored = sum(shares[c] for c in found if not found[c].inferred)
    return full, math.sqrt(variance), scored < 0.5, tuple(found.values())


def _lost(abilities: Abilities, capability: str, can_think: bool, gained: float) -> float:
    return (1 - gained) * abilities.gain.get(capability, 0.0) if can_think else 0.0


def _points(logits: float) -> float:
    """The share of tests solved, in points out of 100."""
    return 100 / (1 + math.exp(-logits))
