"""Public reports: each row is the command that asks the same question, and what really happened. The command is run as written, with --json."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from qwenpick.cli.main import run
from qwenpick.units import GB, GIB, MIB

UNITS = {"MiB": MIB, "GiB": GIB, "GB": GB}  # bytes in one of the row's unit
ENGINE_BLOCK = {  # the row's quantity -> the key of "engine" in the JSON of fit
    "gpu_kv_cache_tokens": "kv_cache_tokens",
    "max_total_num_tokens": "kv_cache_tokens",
    "available_kv_cache_gib": "available_kv_cache_bytes",
    "weights_gib_per_gpu": "weights_bytes",
    "peak_activation_gib": "peak_activation_bytes",
    "max_concurrency": "max_concurrency",
    "state_slots": "state_slots",
    "mem_usage_gib_per_gpu (weights + 92 MiB)": "weights_bytes + outside_torch_bytes",
}


def _parts(answer: dict[str, Any], *kinds: str) -> int:
    """Bytes of the parts of these kinds on GPUs; of all kinds where none is named."""
    return sum(
        part["bytes"]
        for part in answer["memory"]["parts"]
        if part["where"] != "ram" and (not kinds or part["kind"] in kinds)
    )


MEMORY: dict[str, Callable[[dict[str, Any]], int]] = {  # what the row counts -> bytes in the JSON of fit
    "MiB on GPU": _parts,
    "MiB on GPUs": _parts,
    "MiB in all": lambda answer: answer["memory"]["total"],
    "MiB on GPU without driver": lambda answer: _parts(answer, "weights", "kv cache", "state", "compute"),
    "MiB weights on GPU": lambda answer: _parts(answer, "weights"),
    "MiB compute buffer": lambda answer: _parts(answer, "compute"),
    "MiB KV cache": lambda answer: _parts(answer, "kv cache"),
    "MiB KV cache + state": lambda answer: _parts(answer, "kv cache", "state"),
}
PEAKS = {"peak reserved": "reserved_bytes", "process peak": "process_bytes", "peak per GPU": "process_bytes"}
RAN = ("runs", "starts", "fits", "yes", "all on gpu")
FAILED = ("oom", "no", "killed", "does not", "crash", "spills", "fails", "refus")
VERDICTS = ("fits or not", "training outcome", "speed in band")  # scored 1 where right, 0 where wrong


def field(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """field_inference.csv, field_serving.csv and field_serving_more.csv, field_training.csv and field_training_more.csv."""
    for row in rows:
        engine = (row.get("engine") or row.get("framework") or "").split(" ")[0]
        yield from _judged(row, engine, f"{row['id']} {row['command'].removeprefix('qwenpick ')[:80]}")


def _judged(row: Row, engine: str, label: str) -> Iterator[Score | Skip]:
    quantity, unit = row.get("quantity") or "", row.get("unit") or ""
    words = shlex.split(row["command"])
    if not words or words[0] != "qwenpick" or "..." in words:
        yield Skip(engine, "no command asks for it", label)
        return
    code, answer = _answer(tuple(words[1:]))
    value = _number(row["real_value"])
    if unit == "verdict" or quantity in ("starts", "outcome"):
        yield _verdict(engine, "training outcome" if quantity == "outcome" else "fits or not", row, code, answer, label)
    elif value is None:
        yield Skip(engine, "the report states no number", label)
    elif code not in (0, 1) or not answer:
        yield Score(engine, "answered", label, 0.0, 1.0)
    elif unit in ("tok/s", "tok/s prefill") or quantity.startswith("decode_tok_s"):
        yield from _speed(engine, quantity, unit, answer, value, label)
    elif quantity in PEAKS:
        yield Score(engine, "training peak", label, _peak(answer, quantity), value * UNITS.get(unit, MIB))
    elif quantity in ENGINE_BLOCK:
        block, key = answer.get("engine") or {}, ENGINE_BLOCK[quantity]
        ours = sum(block.get(name) or 0 for name in key.split(" + "))
        yield Score(engine, key, label, float(ours), value * (GIB if unit == "GiB" else 1))
    elif unit in MEMORY:
        yield Score(engine, "memory", label, MEMORY[unit](answer), value * MIB)
    else:
        yield Skip(engine, f"no command prints the quantity '{quantity or unit}'", label)


def _verdict(engine: str, quantity: str, row: Row, code: int, answer: dict[str, Any], label: str) -> Score | Skip:
    real = row["real_value"].lower()
    ran = real.startswith(RAN)
    if not ran and not real.startswith(FAILED):
        return Skip(engine, "the report does not say how it went", label)
    if (answer.get("verdict") or (answer.get("runs") or [{}])[0].get("verdict")) == "tight":
        return Skip(engine, "tight: counts neither way", label)
    refused = code == 2 and not ran and ("refus" in real or "columns" in real)
    return Score(engine, quantity, label, float(refused or (code in (0, 1) and (code == 0) == ran)), 1.0)


def _speed(
    engine: str, quantity: str, unit: str, answer: dict[str, Any], value: float, label: str
) -> Iterator[Score | Skip]:
    kind = "prefill" if "prefill" in unit else "together" if "together" in quantity else "each"
    speed = (answer.get("runs") or [{}])[0].get("speed") or answer.get("speed") or {}
    found = speed.get(kind)
    if kind == "each" and speed.get("by_depth"):  # the report filled the context that the command asks for
        found = max(speed["by_depth"], key=lambda one: one["depth"])["each"]
    if not found or "low" not in found:
        yield Score(engine, "answered", label, 0.0, 1.0)
        return
    yield Score(engine, f"speed ({kind})", label, found["value"], value)
    yield Score(engine, "speed in band", label, float(found["low"] <= value <= found["high"]), 1.0)


def _peak(answer: dict[str, Any], quantity: str) -> float:
    """Bytes of the fullest GPU, of the kind that the report states."""
    memory = answer["runs"][0]["memory"]
    if stated := [peak[PEAKS[quantity]] for peak in memory.get("peak") or () if peak.get(PEAKS[quantity]) is not None]:
        return float(max(stated))
    places = {part["where"] for part in memory["parts"] if part["where"].startswith("gpu")}
    return float(max((sum(p["bytes"] for p in memory["parts"] if p["where"] == place) for place in places), default=0))


@lru_cache(maxsize=1024)
def _answer(arguments: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """The exit code of a command, and its JSON."""
    out, before = io.StringIO(), sys.argv
    words = [*arguments, *([] if "--json" in arguments else ["--json"])]
    sys.argv = ["qwenpick", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = run(words)
    finally:
        sys.argv = before
    try:
        return code, json.loads(out.getvalue())
    except ValueError:
        return code, {}


def _number(text: str) -> float | None:
    found = re.search(r"-?\d[\d,]*\.?\d*", text or "")
    return float(found[0].replace(",", "")) if found else None


TABLES: dict[str, Scorer] = {
    f"field_{kind}.csv": field for kind in ("inference", "serving", "serving_more", "training", "training_more")
}
