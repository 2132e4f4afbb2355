"""Was the prediction right? One parser per engine reads what it really allocated; the rest compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _
from qwenpick.memory.account import Memory, Part, memory
from qwenpick.runtimes import find_runtime
from qwenpick.verify.compare import Comparison, Row, compare
from qwenpick.verify.observation import Observation, believable, lines

if TYPE_CHECKING:
    from qwenpick.runtimes.ledger import Ledger, Rank
    from qwenpick.verify.recognise import Recognised

PARSERS = {name: f"qwenpick.verify.{name}" for name in ("llamacpp", "ollama", "vllm", "sglang", "mlx")}
_MARKS = {
    "ollama": re.compile(r"source=\w+\.go:\d+|\bollama\[|OLLAMA_"),
    "vllm": re.compile(
        r"\[?(gpu_worker|gpu_model_runner|kv_cache_utils|model_runner|loader|core)\.py:\d+\]|GPU KV cache size|vLLM API server"
    ),
    "sglang": re.compile(r"Load weight end\.|KV Cache is allocated\.|max_total_num_tokens=|sglang"),
    "llamacpp": re.compile(
        r"(load_tensors|llama_kv_cache\w*|llama_context|sched_reserve|llama_new_context_with_model|llama_memory_recurrent|\w*memory_breakdown\w*):"
        r"|\|\s+(?:pp|tg)\d+.*±|slot print_timing|llama_perf_context_print|srv +load_model"
    ),
    "mlx": re.compile(r"mlx_lm|tokens-per-sec|generation_tps=|Peak memory: [\d.]+ GB"),
}
_LOUDER = {"llamacpp": N_("llama-server says it with -lv 4 (since 2026 not by default)")}
TRIED = 20_000  # lines that are read one by one to find the one that cannot be


def read_log(text: str, engine: str | None = None) -> Observation:
    """What the log of an engine says. Raises QwenpickError where it is no such log, or holds no number."""
    log = lines(text)
    name = engine or recognise_engine(log)
    if name not in PARSERS:
        raise QwenpickError(_("logs of {name} are not read (known: {known})", name=name, known=", ".join(PARSERS)))
    try:
        seen: Observation = import_module(PARSERS[name]).parse(log)
        believable(seen)
    except (ValueError, ArithmeticError) as problem:
        raise QwenpickError(
            _(
                "this log of {name} holds a number that cannot be read ({problem}){line}",
                name=name,
                problem=shown(problem),
                line=_culprit(log, name),
            )
        ) from None
    if not seen.says_something:
        raise QwenpickError(
            _(
                "this log of {name} has no line about memory in {count:,} lines (the last: '{line}'); {advice}",
                name=name,
                count=len(log),
                line=shown(log[-1].strip()) if log else "",
                advice=_(_LOUDER.get(name, N_("start the server with its default log level, and give all of it"))),
            )
        )
    return seen


def _culprit(log: list[str], name: str) -> str:
    """Which line it is, in words; nothing where no line is at fault alone."""
    parse = import_module(PARSERS[name]).parse
    for number, line in enumerate(log[:TRIED], 1):
        try:
            believable(parse([line]))
        except (ValueError, ArithmeticError):
            return _(", in line {number}: '{line}'", number=number, line=shown(line.strip()))
    return ""


def recognise_engine(log: list[str]) -> str:
    """The engine whose words are in the log. Ollama's may hold llama.cpp's too. Raises QwenpickError for none."""
    hits = {name: sum(1 for line in log if mark.search(line)) for name, mark in _MARKS.items()}
    if hits["ollama"]:
        return "ollama"
    best = max(hits, key=hits.__getitem__)
    if not hits[best]:
        begins = shown(log[0].strip()) if log else ""
        raise QwenpickError(
            _(
                "this is not a log of llama.cpp, Ollama, vLLM, SGLang or MLX; if it is, name the engine with --runtime (it begins: '{line}')",
                line=begins,
            )
        )
    return best


def predicted_memory(run: Recognised, engine: str) -> Memory:
    """What the engine would print of its memory: vLLM's and SGLang's own account, else what the run must hold."""
    runtime = find_runtime(engine)
    account = getattr(runtime, "ledger", None)
    if account is None or not run.placement.devices or run.placement.devices[0].free is None:
        return runtime.memory(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    found: Ledger = account(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    return memory(part for rank in found.ranks for part in _parts(rank, engine))


def _parts(rank: Rank, engine: str) -> Iterator[Part]:
    """A rank's account as parts, called as the logs' parts are."""
    # SGLang prints what left the driver
    loaded = rank.weights_bytes + (rank.outside_torch_bytes if engine == "sglang" else 0)
    yield Part("weights", loaded, rank.where, "", "weights")
    if engine == "vllm":
        yield Part("peak activation", rank.peak_activation_bytes, rank.where, "", "compute")
        yield Part("outside torch", rank.outside_torch_bytes, rank.where, "", "overhead")
        yield Part("cuda graphs", rank.cuda_graph_bytes, rank.where, "", "overhead")


def predicted_tokens(run: Recognised, seen: Observation) -> int | None:
    """Tokens of cache that the engine would print; of the cache that the log states where the device is not known; None for other engines.

    SGLang's logs print all arguments, its share among them: where that is missing, the log is an excerpt, and the cache it states is counted.
    """
    runtime = find_runtime(seen.engine)
    count, holds = getattr(runtime, "kv_tokens", None), getattr(runtime, "tokens_of", None)
    arguments = (run.model, run.architecture, run.checkpoint, run.work, run.placement)
    tokens: int | None = None
    whole = seen.engine != "sglang" or "mem_fraction_static" in seen.options
    if count and whole and run.placement.devices and run.placement.devices[0].free is not None:
        tokens = count(*arguments)
    elif holds and (stated := min((p.bytes for p in seen.memory.parts if p.kind == "kv cache"), default=0)):
        tokens = holds(stated, run.architecture, run.work, run.placement)
    return tokens


def predicted_blocks(run: Recognised, seen: Observation) -> int | None:
    """Blocks of the cache, where the log states them and the device is known."""
    account = getattr(find_runtime(seen.engine), "ledger", None)
    if account is None or seen.blocks is None or not run.placement.devices or run.placement.devices[0].free is None:
        return None
    found: Ledger = account(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    return found.blocks


def compared(run: Recognised, seen: Observation) -> Comparison:
    """Predicted against actual, row by row."""
    tokens, blocks = predicted_tokens(run, seen), predicted_blocks(run, seen)
    return compare(predicted_memory(run, seen.engine), seen, tokens, blocks)


__all__ = [
    "Comparison",
    "Observation",
    "Row",
    "compare",
    "compared",
    "predicted_memory",
    "predicted_tokens",
    "read_log",
    "recognise_engine",
]
