"""A measured run beside what the tool needs to predict it, and the prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from benchmarks.scoreboard import Row, Skip
from qwenpick import speed
from qwenpick.catalog import Catalog, load
from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.machine.hardware import Machine
from qwenpick.runtimes.flags import read_flags
from qwenpick.speed import Band
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

# decode, prefill: of one stream. output: generated tokens over wall time, prompt included. both: prompt and generated tokens over wall time.
# together: generated tokens of all streams over wall time.
Quantity = Literal["decode", "prefill", "output", "both", "together"]


@dataclass(frozen=True, slots=True)
class Run:
    """What was run and what was measured (tokens/s). `cached` tokens stand before the prompt; `generated` follow it.

    `device` and `model` name the groups that cross-validation leaves out.
    """

    row: str
    engine: str
    quantity: Quantity
    measured: float
    architecture: Architecture
    checkpoint: Checkpoint
    work: Serving
    placement: Placement
    machine: Machine
    prompt: int = 0
    cached: int = 0
    generated: int = 0
    device: str = ""
    model: str = ""
    self_reported: bool = False
    source: str = ""  # who measured it, where the table holds several
    shared: bool = False  # the cached tokens are the same of all streams, which read them once

    @property
    def drafts(self) -> int:
        """Tokens that the model's MTP block proposes a step."""
        return read_flags(self.engine, self.work.options).drafts


Reader = Callable[[Iterable[Row]], Iterator[Run | Skip]]


@cache
def catalog() -> Catalog:
    """The shipped catalogue."""
    return load()


def predict(run: Run) -> Band | None:
    """The band of the quantity that was measured; None where a bandwidth is unknown."""
    depth = run.cached + run.prompt + run.generated // 2
    found = speed.estimate(
        run.architecture, run.checkpoint, run.engine, run.work, run.placement, run.machine, catalog().gpus,
        depth=depth, prompt=max(1, run.prompt), cached=run.cached, flags=read_flags(run.engine, run.work.options),
    )  # fmt: skip
    if found is None:
        return None
    if run.quantity == "decode":
        return found.decode
    if run.quantity == "prefill":
        return found.prefill
    if run.quantity == "together" and run.shared and run.cached:
        # one stream's step at that depth instead of one at the start, and the others' own tokens
        own, streams = run.generated // 2, run.work.sequences
        more = 1 / found.generation.each(depth, 1).value - 1 / found.generation.each(own, 1).value
        each = found.generation.each(own, streams)
        slower = 1 / (1 + more * each.value)
        return Band(*(streams * slower * figure for figure in (each.value, each.low, each.high)))
    if run.quantity == "together" and not run.prompt:
        return found.together
    if run.quantity == "together":
        return found.generation.served(run.work.sequences, run.prompt, run.generated, run.cached).together
    tokens = run.generated + (run.prompt if run.quantity == "both" else 0)

    def rate(prefill: float, decode: float) -> float:
        return tokens / (run.prompt / prefill + run.generated / decode)

    return Band(
        rate(found.prefill.value, found.each.value),
        rate(found.prefill.low, found.each.low),
        rate(found.prefill.high, found.each.high),
    )
