"""Whose log is this, and what does it say? Each engine's words are read by the module of its name."""

from __future__ import annotations

import re
from importlib import import_module

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _
from qwenpick.verify.observation import Observation, believable, lines

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
        if not any(line.strip() for line in log):
            raise QwenpickError(_("the log is empty"))
        begins = shown(log[0].strip())
        raise QwenpickError(
            _(
                "this is not a log of llama.cpp, Ollama, vLLM, SGLang or MLX; if it is, name the engine with --runtime (it begins: '{line}')",
                line=begins,
            )
        )
    return best
