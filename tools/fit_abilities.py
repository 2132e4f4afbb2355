# /// script
# dependencies = ["numpy>=2", "qwenpick"]
# ///
"""Fits one latent ability per model and capability over all published scores, and writes data/abilities.json.

    python tools/fit_abilities.py --scores scores.csv        # columns: model, benchmark, score, mode, source, table_heading

Models were never all run on one benchmark, so raw percentages cannot be averaged: a model that was tested on easy tests only would win. Each
score becomes a logit and is explained, as in item response theory, by the model's ability and the test's difficulty and discrimination:

    logit(score) = a[test] x (ability[model, capability] + gain[capability] if the model thought first - difficulty[test]) + noise
    ability[model, capability] = level[capability] + slopes x (log2 total, log2 active parameters, years since 2024; each per capability)
                               + kind (base, code, math) + series + series in this capability + shape + model + model in this capability

All terms are normal with the prior deviations in PRIOR, so the fit is one linear system with an exact covariance. That is what shrinks a model
with few scores to what its size, date, series and shape predict (`shape` is shared by models of the same parameter counts: Qwen3.5-27B, 3.6-27B
and 3.8-27B), and what gives a model without any score a value with an honest uncertainty: those are marked `inferred`. Discriminations are found
by alternating. The printed check leaves out each score in turn (exactly, from the hat matrix), and then each model with all its scores.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from qwenpick.catalog import Model, load

sys.path.insert(0, str(Path(__file__).parent))
from ability_model import GENERATIVE, THINKS, Fit, Observation, fit
from benchmark_names import benchmark, logit, share

REFERENCE_SINCE = "2025-04"  # release of the models whose tests set the reference of a capability: Qwen3 and later
NOISE = 0.22  # logits, beside the sampling error of QUESTIONS answers
QUESTIONS = 300


def find_id(name: str, thought: bool, heading: str, models: dict[str, Model]) -> str | None:
    """The catalogue id that a score's model name means. A bare VL or post-training name means the instruct (or thinking) variant.

    The base of a model of which only the post-trained one was released speaks of what that one knows.
    """
    plain = name.casefold().removesuffix("-base (not released)")
    instruct, thinking = f"{plain}-instruct", f"{plain}-thinking"
    post_trained = "-vl-" in plain or (heading == "Performance" and plain in ("qwen2-7b", "qwen2.5-7b"))
    if thinking in models and thought:
        return thinking
    if instruct in models and (post_trained or plain not in models):
        return instruct
    return plain if plain in models else None


def observations(path: Path, models: dict[str, Model]) -> list[Observation]:
    """Every score of the file that measures a capability of a model in the catalogue; several prints of one score count once."""
    seen: dict[tuple[str, str, str, bool, bool], list[tuple[float, str]]] = defaultdict(list)
    for row in csv.DictReader(path.open()):
        found = benchmark(row["benchmark"], row["table_heading"], row["source"])
        thought = row["mode"].startswith("thinking") or (row["mode"] == "" and "qwen3.5 (page" in row["source"])
        model = find_id(row["model"], thought, row["table_heading"], models)
        if found is None or model is None:
            continue
        test, capability = found
        if models[model].kind != "base" and row["mode"] == "base" and capability != "knowledge":
            continue  # post-training changes how a model reasons, hardly what it knows
        base = models[model].kind == "base" or row["mode"] == "base"
        if base:
            test += " (base)"
        seen[model, test, capability, thought, base].append((share(test, float(row["score"])), address(row["source"])))
    return [
        Observation(model, test, capability, thought, base, logit(p := sum(s for s, _ in rows) / len(rows)),
                    NOISE**2 + 1 / (QUESTIONS * p * (1 - p)), rows[0][1])
        for (model, test, capability, thought, base), rows in sorted(seen.items())
    ]  # fmt: skip


def capabilities_of(model: Model) -> tuple[str, ...]:
    """What a model of this kind can be asked for."""
    if model.kind in ("embedding", "reranker"):
        return ("embedding",) if model.kind == "embedding" else ("reranking",)
    return tuple(c for c in GENERATIVE if c != "vision" or "image" in model.inputs)


def origin(model: Model, models: dict[str, Model]) -> Model:
    """The model whose ability it has: a tune for safety is no abler than the model it was tuned from, which its architecture is named after."""
    return models.get(model.architecture or "", model) if model.variant == "safety aligned" else model


def records(
    found: Fit, models: dict[str, Model], data: list[Observation], sources: list[str]
) -> dict[str, dict[str, dict[str, object]]]:
    """Per model and capability the ability, its deviation, and the scores behind it."""
    entries: dict[str, dict[str, dict[str, object]]] = {}
    scored: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for o in data:
        scored[o.model, o.capability].append(o)
    anchors = {c: found.anchor([models[m] for m, k in scored if k == c], c) for c in {o.capability for o in data}}
    for model in sorted(models.values(), key=lambda m: m.id):
        for capability in capabilities_of(model):
            value, deviation = found.ability(
                origin(model, models), capability, model.thinking in THINKS, model.kind == "base", anchors[capability]
            )
            mine = scored[model.id, capability]
            entries.setdefault(model.id, {})[capability] = {
                "ability": round(value, 3), "deviation": round(deviation, 3), "inferred": not mine,
                "tests": sorted({o.test for o in mine}), "sources": sorted({sources.index(o.source) for o in mine}),
            }  # fmt: skip
    return entries


def references(found: Fit, models: dict[str, Model], data: list[Observation]) -> dict[str, float]:
    """The mean difficulty of the tests that recent models were given, per capability: a model of that ability solves half of them."""
    recent: dict[str, set[str]] = defaultdict(set)
    for o in data:
        if (models[o.model].released or "") >= REFERENCE_SINCE:
            recent[o.capability].add(o.test)
    return {
        c: round(float(np.mean([found.mean[found.index["difficulty", t]] for t in sorted(tests)])), 3)
        for c, tests in sorted(recent.items())
    }


def address(source: str) -> str:
    """A source as a public address: whose table it is and where, without the numbers of the copy it was read in.

    >>> address("HF card Qwen/Qwen3.5-4B (copy id 5640)"), address("arXiv 2603.00729 table 6 (copy id 1)")
    ('https://huggingface.co/Qwen/Qwen3.5-4B (model card)', 'https://arxiv.org/abs/2603.00729 table 6')
    """
    bare = re.sub(r" \((?:[^()]*\bids? [^()]*|git [^()]*|text|models\.dev [^()]*)\)", "", source)
    bare = re.sub(r"^HF card (\S+)", r"https://huggingface.co/\1 (model card)", bare)
    bare = re.sub(r"^arXiv (\d{4}\.\d{5})", r"https://arxiv.org/abs/\1", bare)
    return re.sub(r"^(Qwen3_Technical_Report\.pdf),?", r"https://github.com/QwenLM/Qwen3/blob/main/\1", bare)


def write(path: Path, content: dict[str, object]) -> None:
    """JSON with one line per source, test, and model's capability, so that a refit can be read as a diff."""
    lines = ["{"]
    for n, (key, value) in enumerate(content.items()):
        comma = "," if n + 1 < len(content) else ""
        if key == "models" and isinstance(value, dict):
            body = ",\n".join(
                f"  {json.dumps(m)}: {{\n"
                + ",\n".join(f"   {json.dumps(c)}: {json.dumps(e, ensure_ascii=False)}" for c, e in entry.items())
                + "}"
                for m, entry in value.items()
            )
            lines.append(f" {json.dumps(key)}: {{\n{body}\n }}{comma}")
        elif isinstance(value, dict) and key == "tests":
            body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{body}\n }}{comma}")
        elif isinstance(value, list):
            body = ",\n".join(f"  {json.dumps(v, ensure_ascii=False)}" for v in value)
            lines.append(f" {json.dumps(key)}: [\n{body}\n ]{comma}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}{comma}")
    path.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


def main() -> None:
    """Fit, print the checks, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data" / "abilities.json")
    parser.add_argument("--check-models", action="store_true", help="also refit without each model in turn (a minute)")
    options = parser.parse_args()
    models = {m.id: m for m in load().models.values() if m.open_weights and m.parameters}
    data = observations(options.scores, models)
    found, left_out = fit(data, models)
    absolute = np.abs(left_out)
    print(f"{len(data)} scores of {len({o.model for o in data})} models on {len({o.test for o in data})} tests")
    print(
        f"one score left out: median |error| {np.median(absolute):.3f}, 90 % below {np.quantile(absolute, 0.9):.3f} logits"
    )
    if options.check_models:
        check_models(data, models)
    sources = sorted({o.source for o in data})
    tests = {
        t: {"capability": next(o.capability for o in data if o.test == t), "models": len({o.model for o in data if o.test == t}),
            "difficulty": round(float(found.mean[found.index["difficulty", t]]), 3), "discrimination": round(found.discrimination[t], 3)}
        for t in sorted(found.discrimination)
    }  # fmt: skip
    gains = {c: round(float(found.mean[found.index["gain", c]]), 3) for c in GENERATIVE if ("gain", c) in found.index}
    content = {
        "schema": 1, "unit": "logits", "thinking_gain": gains, "reference": references(found, models, data), "sources": sources, "tests": tests,
        "models": records(found, models, data, sources),
    }  # fmt: skip
    write(options.out, content)


def check_models(data: list[Observation], models: dict[str, Model]) -> None:
    """Print how well a model is predicted from its size, date, series and shape alone: all its scores left out, difficulties from the others."""
    errors = []
    for left in sorted({o.model for o in data}):
        rest, mine = [o for o in data if o.model != left], [o for o in data if o.model == left]
        found, _ = fit(rest, models)
        known = [o for o in mine if o.test in found.discrimination]
        bias = [
            o.y / found.discrimination[o.test]
            + found.mean[found.index["difficulty", o.test]]
            - found.ability(models[left], o.capability, o.thought, o.base)[0]
            for o in known
        ]
        if bias:
            errors.append((float(np.mean(bias)), left, len(bias)))
    values = np.abs([e for e, _, n in errors if n >= 5])
    print(f"one model left out ({len(values)} models of 5 scores or more):")
    print(f"  median |bias| {np.median(values):.3f}, 90 % below {np.quantile(values, 0.9):.3f} logits")
    for error, model, n in sorted(errors, key=lambda e: -abs(e[0]))[:12]:
        print(f"  {model:36} {error:+.2f} over {n} scores")


if __name__ == "__main__":
    main()
