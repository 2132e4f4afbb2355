"""Predicted against actual, part by part."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from qwenpick.memory.account import Memory
from qwenpick.values import dataclass
from qwenpick.verify.observation import Observation

KINDS = ("weights", "kv cache", "state", "compute", "overhead")
WHOLE = "peak memory"  # the kind of a figure for everything together: MLX's peak
CONTEXT = "context"  # the part of llama-server's table that holds cache and state together
CONSUMED = "weights and outside torch"  # the part of vLLM's account, from 0.27 on, that holds both in one figure
SLIGHT = 0.1  # of the tolerance: a part that is off by less than that share of the whole moves nothing

# What each engine prints of its own. vLLM and SGLang fill their memory with cache: there the tokens it holds are compared, not its bytes.
COMPARED: dict[str, tuple[str, ...]] = {
    "llamacpp": ("weights", "kv cache", "state", "compute"),
    "ollama": ("weights", "kv cache", "state", "compute"),
    "vllm": ("weights", "compute", "overhead"),
    "sglang": ("weights",),
    "mlx": (WHOLE,),
}

# as large as memory allows, not as asked
_POOLS = {"vllm": ("kv cache", "state"), "sglang": ("kv cache", "state", "compute")}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of memory at one place, the tokens of the cache, or a speed. `counts` says whether it is part of the verdict.

    A speed is predicted as a range, `low` to `high`: it is right where the actual one lies in it.
    """

    kind: str
    where: str
    predicted: float | None
    actual: float | None
    unit: Literal["bytes", "tokens", "blocks", "tokens/s"] = "bytes"
    counts: bool = True
    low: float | None = None
    high: float | None = None

    @property
    def error(self) -> float | None:
        """(predicted - actual) / actual; None where either is missing."""
        if self.predicted is None or not self.actual:
            return None
        return (self.predicted - self.actual) / self.actual


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, and how far off the whole is."""

    rows: tuple[Row, ...]

    @property
    def total_error(self) -> float | None:
        """(predicted - actual) / actual over all bytes that count; None where no part can be compared."""
        counted = [row for row in self.rows if row.counts and row.unit == "bytes" and row.error is not None]
        actual = sum(row.actual or 0 for row in counted)
        return (sum(row.predicted or 0 for row in counted) - actual) / actual if actual else None

    @property
    def off_by(self) -> float | None:
        """The larger of the two errors, without sign: all bytes together, and the tokens of the cache."""
        units = ("tokens", "blocks")
        tokens = [abs(row.error) for row in self.rows if row.unit in units and row.counts and row.error is not None]
        whole = [abs(self.total_error)] if self.total_error is not None else []
        return max([*whole, *tokens], default=None)

    def beyond(self, tolerance: float) -> tuple[Row, ...]:
        """The rows that are off by more than the tolerance: sizes that matter to the whole, counts of the cache, and speeds out of their range."""
        counted = [row for row in self.rows if row.counts and row.error is not None]
        whole = sum(row.actual or 0 for row in counted if row.unit == "bytes")
        return tuple(row for row in counted if _is_beyond(row, tolerance, whole))

    def within(self, tolerance: float) -> bool:
        """Whether the whole is right, and every part of it."""
        return self.compares and (self.off_by or 0.0) <= tolerance and not self.beyond(tolerance)

    @property
    def compares(self) -> bool:
        """Whether anything was predicted and measured."""
        return any(row.counts and row.error is not None for row in self.rows)


def _is_beyond(row: Row, tolerance: float, whole: float) -> bool:
    assert row.predicted is not None and row.actual is not None and row.error is not None
    if row.low is not None and row.high is not None:
        return not row.low <= row.actual <= row.high
    slight = row.unit == "bytes" and abs(row.predicted - row.actual) <= SLIGHT * tolerance * whole
    return abs(row.error) > tolerance and not slight


def compare(
    predicted: Memory, seen: Observation, kv_tokens: int | None = None, blocks: int | None = None
) -> Comparison:
    """Rows by kind and place. `kv_tokens` is how many tokens of cache were predicted, for the engines that fill their memory.

    What depends on a setting that the log does not state (context, batch sizes) is shown and does not count.
    """
    counted = [kind for kind in COMPARED[seen.engine] if _is_stated(kind, seen)]
    places = [place for place in predicted.places if place in seen.memory.places] or list(predicted.places)
    if seen.speeds and not seen.says_sizes:
        return Comparison(())
    names = frozenset(part.name for part in seen.memory.parts if part.kind == "overhead")
    if any(part.kind == WHOLE for part in seen.memory.parts):
        return Comparison(
            tuple(Row(WHOLE, place, predicted.on(place), _sum(seen.memory, WHOLE, place)) for place in places)
        )
    if any(part.name == CONTEXT for part in seen.memory.parts):  # cache and state in one figure
        predicted = Memory(
            tuple(replace(part, kind="kv cache") if part.kind == "state" else part for part in predicted.parts)
        )
    if any(part.name == CONSUMED for part in seen.memory.parts):
        predicted = Memory(
            tuple(replace(part, kind="weights") if part.name == "outside torch" else part for part in predicted.parts)
        )
    rows = [
        Row(
            kind,
            place,
            None if kind in _POOLS.get(seen.engine, ()) else _sum(predicted, kind, place, names),
            _sum(seen.memory, kind, place),
            counts=kind in counted,
        )
        for place in places
        for kind in KINDS
    ]
    if kv_tokens is not None and seen.kv_tokens is not None:
        rows.append(Row("kv cache", "all", kv_tokens, seen.kv_tokens, "tokens"))
    # a refused start says how long a sequence its cache would hold
    elif kv_tokens is not None and seen.longest is not None:
        rows.append(Row("longest sequence", "all", kv_tokens, seen.longest, "tokens"))
    if seen.blocks is not None:
        rows.append(Row("kv cache", "all", blocks, seen.blocks, "blocks"))
    return Comparison(tuple(row for row in rows if row.predicted or row.actual))


def _is_stated(kind: str, seen: Observation) -> bool:
    """Whether the log states what this kind of memory depends on."""
    if kind in ("weights", "state"):
        return True
    return seen.context is not None if kind == "kv cache" else seen.settled


def _sum(memory: Memory, kind: str, place: str, named: frozenset[str] = frozenset()) -> int | None:
    """Bytes of one kind at one place, of the parts called `named` if any are; None if there is no such part."""
    found = [part for part in memory.parts if part.kind == kind and part.where == place]
    alike = [part for part in found if part.name in named] or found
    return sum(part.bytes for part in alike) if found else None
