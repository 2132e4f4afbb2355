"""The model behind the abilities: its terms, their priors, and the linear system that fits them (see fit_abilities.py for the method)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qwenpick.catalog import Model

# Prior (mean, deviation) of each kind of term, in logits: chosen by the leave-one-out error below, see docs/ranking.md.
PRIOR = {
    "level": (0.0, 1.5), "total": (0.2, 0.15), "active": (0.2, 0.15), "years": (0.7, 0.4), "base": (-0.5, 0.5), "gain": (0.5, 0.5),
    "total in": (0.0, 0.1), "active in": (0.0, 0.1), "years in": (0.0, 0.3),
    "specialist": (0.4, 0.3), "outside": (-0.3, 0.3), "series": (0.0, 0.3), "series in": (0.0, 0.3), "shape": (0.0, 0.15),
    "model": (0.0, 0.15), "model in": (0.0, 0.15), "difficulty": (0.0, 2.0),
}  # fmt: skip
GENERATIVE = ("general", "knowledge", "reasoning", "code", "agents", "vision", "multilingual", "long context")
THINKS = ("hybrid", "always")
SPREAD = 0.3  # prior deviation of log discrimination
ROUNDS = 6


@dataclass(frozen=True)
class Observation:
    """One score: of a model (whether it thought, and whether it was its base before post-training), on a test of a capability."""

    model: str
    test: str
    capability: str
    thought: bool
    base: bool
    y: float
    variance: float
    source: str


def years(released: str | None) -> float:
    """Years since the start of 2024. A model without a date counts as of mid-2025.

    >>> years("2024-07")
    0.5
    """
    parts = [int(p) for p in (released or "2025-07").split("-")]
    return (
        parts[0]
        - 2024
        + ((parts[1] - 1) / 12 if len(parts) > 1 else 0.5)
        + ((parts[2] - 1) / 365 if len(parts) > 2 else 0)
    )


def terms(model: Model, capability: str) -> dict[tuple[str, ...], float]:
    """The terms that make up a model's ability without thinking, with their factors."""
    assert model.parameters is not None
    total, active = (math.log2(n / 8e9) for n in (model.parameters.total, model.parameters.active))
    # embedders and rerankers did not get better by the year
    age = years(model.released) if capability in GENERATIVE else 0.0
    shape = f"{model.parameters.total / 1e9:.1f}-{model.parameters.active / 1e9:.1f}"
    found: dict[tuple[str, ...], float] = {
        ("level", capability): 1, ("total",): total, ("active",): active, ("years",): age, ("total in", capability): total,
        ("active in", capability): active, ("years in", capability): age, ("series", model.series): 1,
        ("series in", model.series, capability): 1, ("shape", shape): 1, ("model", model.id): 1, ("model in", model.id, capability): 1,
    }  # fmt: skip
    home = {"code": ("code", "agents"), "math": ("reasoning",)}.get(model.kind)
    if home:
        found["specialist" if capability in home else "outside", model.kind] = 1
    return found


def how(capability: str, thought: bool, base: bool) -> dict[tuple[str, ...], float]:
    """The terms that stand for how a model was asked: after thinking, or before it was post-trained."""
    return ({("gain", capability): 1.0} if thought else {}) | ({("base",): 1.0} if base else {})


@dataclass(frozen=True)
class Fit:
    """The posterior: means and covariance of all terms, by name, and each test's discrimination."""

    index: dict[tuple[str, ...], int]
    mean: np.ndarray
    covariance: np.ndarray
    discrimination: dict[str, float]

    def ability(
        self, model: Model, capability: str, thinks: bool, base: bool, anchor: np.ndarray | None = None
    ) -> tuple[float, float]:
        """(mean, deviation) in logits. Terms that no score informed keep their prior.

        The deviation is that of the difference from the `anchor` (a mix of terms): what all models share does not change their order.
        """
        parts = terms(model, capability) | how(capability, thinks, base)
        known = self.row(parts)
        prior = [(f, *PRIOR[t[0]]) for t, f in parts.items() if t not in self.index]
        value = known @ self.mean + sum(g * m for g, m, _ in prior)
        apart = known if anchor is None else known - anchor
        return float(value), float(math.sqrt(apart @ self.covariance @ apart + sum((g * d) ** 2 for g, _, d in prior)))

    def row(self, parts: dict[tuple[str, ...], float]) -> np.ndarray:
        """The factors of the known terms, in the order of the system."""
        row = np.zeros(len(self.index))
        for t, factor in parts.items():
            if t in self.index:
                row[self.index[t]] = factor
        return row

    def anchor(self, models: list[Model], capability: str) -> np.ndarray:
        """The mean of the models' terms: what a capability's deviations are measured from."""
        rows = [terms(m, capability) | how(capability, m.thinking in THINKS, m.kind == "base") for m in models]
        return np.mean([self.row(parts) for parts in rows], axis=0)


def solve(
    data: list[Observation], models: dict[str, Model], discrimination: dict[str, float]
) -> tuple[Fit, np.ndarray, np.ndarray]:
    """(posterior, residuals of each score left out, fitted ability of each) given the tests' discriminations."""
    rows = [
        terms(models[o.model], o.capability) | how(o.capability, o.thought, o.base) | {("difficulty", o.test): -1.0}
        for o in data
    ]
    index = {t: i for i, t in enumerate(dict.fromkeys(t for row in rows for t in row))}
    design = np.zeros((len(data), len(index)))
    for i, row in enumerate(rows):
        for t, factor in row.items():
            design[i, index[t]] = factor
    a = np.array([discrimination[o.test] for o in data])
    y = np.array([o.y for o in data]) / a
    precision = a**2 / np.array([o.variance for o in data])
    prior_mean = np.array([PRIOR[t[0]][0] for t in index])
    prior_precision = np.array([PRIOR[t[0]][1] ** -2 for t in index])
    covariance = np.linalg.inv(design.T @ (design * precision[:, None]) + np.diag(prior_precision))
    mean = covariance @ (design.T @ (precision * y) + prior_precision * prior_mean)
    leverage = precision * np.einsum("ij,jk,ik->i", design, covariance, design)
    left_out = a * (y - design @ mean) / (1 - leverage)
    difficulty = np.array([mean[index["difficulty", o.test]] for o in data])
    return Fit(index, mean, covariance, discrimination), left_out, design @ mean + difficulty


def fit(data: list[Observation], models: dict[str, Model]) -> tuple[Fit, np.ndarray]:
    """(posterior, leave-one-out residuals in logits), with discriminations found by alternating."""
    discrimination = dict.fromkeys((o.test for o in data), 1.0)
    for _ in range(ROUNDS):
        found, left_out, ability = solve(data, models, discrimination)
        for test in discrimination:
            i = [n for n, o in enumerate(data) if o.test == test]
            x = ability[i] - ability[i].mean()
            y = np.array([data[n].y for n in i])
            weight = 1 / np.array([data[n].variance for n in i])
            # ridge towards 1: slope of y on ability, with prior deviation SPREAD
            slope = (weight @ (x * (y - y.mean())) + SPREAD**-2) / (weight @ x**2 + SPREAD**-2)
            discrimination[test] = float(min(max(slope, 0.4), 2.5))
    return found, left_out
