"""What holds for every model, box and request: what is said is granted, more memory keeps a fit, less work keeps it, bytes add up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from qwenpick.catalog import Catalog, Model, load
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import parse_cache
from qwenpick.recommending.request import Request
from qwenpick.units import GIB

SIZE = 37_000  # cases of a long run
GPUS = (
    "rtx-4090",
    "rtx-3060-12gb",
    "rtx-5060-laptop",
    "rtx-4000-ada",
    "l40s",
    "h200",
    "arc-pro-b50",
    "rx-7900-xtx",
    "m4-max-40",
    "a100-80gb-sxm",
    "rtx-2080",
)
CONTEXTS = (512, 2048, 8192, 16384, 32768, 131072)


@dataclass(frozen=True)
class Case:
    """One request on one box."""

    model: Model
    machine: Machine
    request: Request

    def __str__(self) -> str:
        devices = [f"{d.name} {d.total}" for d in self.machine.devices]
        return f"{self.model.id} on {devices} with {self.machine.ram_total} of RAM: {self.request}"


def cases(catalog: Catalog, seed: int) -> Iterator[Case]:
    """Random cases without end, the same for the same seed."""
    chance = random.Random(seed)
    models = [model for model in catalog.models.values() if model.open_weights and model.architecture]
    gpus = [gpu for gpu in GPUS if gpu in catalog.gpus]
    while True:
        count, gpu = chance.choice((0, 1, 1, 1, 1, 2, 4, 8)), chance.choice(gpus)
        unified = catalog.gpus[gpu].unified
        ram = chance.choice((16, 32, 64, 128, 256)) * GIB
        named = [] if not count else [gpu if count == 1 or unified else f"{count}x {gpu}"]
        try:
            box = simulate(catalog, named, None, ram, not named)
        except QwenpickError:
            continue
        request = Request(
            quant=chance.choice((None, "4bit", "8bit", "fp16")),
            context=chance.choice(CONTEXTS),
            users=chance.choice((1, 1, 1, 2, 7, 16)),
            runtime=chance.choice((None, None, "llama.cpp", "ollama", "vllm", "sglang", "transformers", "mlx")),
            kv_cache=parse_cache("q8_0") if chance.random() < 0.1 else None,
            gpu_only=chance.random() < 0.3,
            strict=chance.random() < 0.3,
        )
        yield Case(chance.choice(models), box, request)


def asked(catalog: Catalog, case: Case, **change: Any) -> Answer | None:
    """The answer; None for a request that cannot be asked."""
    try:
        return fit(catalog, case.machine, case.model, replace(case.request, **change))
    except QwenpickError:
        return None


def larger(machine: Machine, vram: int = 0, ram: int = 0) -> Machine:
    """The box with so many bytes more on each GPU of its own memory, and of RAM."""
    devices = tuple(
        d if d.unified or d.total is None else replace(d, total=d.total + vram, free=(d.free or d.total) + vram)
        for d in machine.devices
    )
    return replace(
        machine, devices=devices, ram_total=(machine.ram_total or 0) + ram, ram_free=(machine.ram_free or 0) + ram
    )


def violations(seed: int, count: int) -> dict[str, Any]:
    """Run `count` cases; how often each property was compared and violated, and the cases that violate one."""
    catalog, tally, failures = load(own=False), Counter[str](), list[str]()
    chance = random.Random(seed)
    for _unused, case in zip(range(count), cases(catalog, seed), strict=False):
        tally["cases"] += 1
        answer = asked(catalog, case)
        if answer is None:
            continue
        for name, kept in _compared(catalog, case, answer, chance):
            tally[f"compared {name}"] += 1
            tally["derived"] += 1
            if not kept:
                tally[f"violated {name}"] += 1
                failures.append(f"{name}, seed {seed}: {case}")
    return {"cases": 0, "derived": 0, **tally, "failures": failures}


def _compared(catalog: Catalog, case: Case, answer: Answer, chance: random.Random) -> Iterator[tuple[str, bool]]:
    plan, request = answer.plan, case.request
    if plan.verdict != "refused":
        yield "parts add up to the places", plan.memory.total == sum(place.need for place in plan.places)
    if not answer.fits:
        return
    yield (
        "what fits is within its budget",
        all(p.budget is None or p.need <= p.budget <= (p.total or p.budget) for p in plan.places),
    )
    if answer.longest:
        again = asked(catalog, case, context=answer.longest, quant=plan.checkpoint.format, runtime=plan.runtime)
        yield "the longest context is granted", again is not None and again.fits
    for name, machine in (
        ("more VRAM keeps a fit", larger(case.machine, vram=chance.choice((2**26, 2**28, 2**30, 2**33)))),
        ("more RAM keeps a fit", larger(case.machine, ram=chance.choice((2**28, 2**30, 2**34)))),
    ):
        more = asked(catalog, replace(case, machine=machine))
        yield name, more is not None and more.fits
    if request.context and request.context > 512:
        less = asked(catalog, case, context=chance.choice([c for c in CONTEXTS if c < request.context]))
        yield "less context keeps a fit", less is not None and less.fits
    if request.users > 1:
        fewer = asked(catalog, case, users=chance.randint(1, request.users - 1))
        yield "fewer sequences keep a fit", fewer is not None and fewer.fits
