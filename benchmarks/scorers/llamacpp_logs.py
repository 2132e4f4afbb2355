"""What users' llama.cpp and ik_llama.cpp printed at start: model size, cache and recurrent state. Builds and mixes vary, so only what is stated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.llamacpp import entry
from qwenpick.catalog import Architecture, Checkpoint
from qwenpick.memory.account import Memory
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import gguf
from qwenpick.runtimes import llamacpp
from qwenpick.units import MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

# ik_llama.cpp and unsloth have mixes of their own; these names mean llama.cpp's quantizer
_TYPES = {
    "Q4_K - Medium": "Q4_K_M",
    "Q5_K - Medium": "Q5_K_M",
    "Q4_K_M": "Q4_K_M",
    "Q8_0": "Q8_0",
    "Q6_K": "Q6_K",
    "f16": "F16",
}
_UNSLOTH = ("-128K", "UD-", "unsloth")


def logs(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Each quantity that the row states, against ours."""
    for row in rows:
        engine = (
            "ollama"
            if "ollama" in row["runtime"]
            else "ik_llama.cpp"
            if row["runtime"].startswith("ik")
            else "llamacpp"
        )
        label = " ".join(row[c] for c in ("model_name", "quant", "n_ctx", "n_seq_max", "kv_type", "date_or_version"))
        architecture = _architecture(row["model_name"])
        if architecture is None:
            yield Skip(engine, "the log does not name the model", label)
            continue
        found = list(_scores(row, engine, label, architecture))
        yield from found
        if not found:
            yield Skip(
                engine,
                "the log states no context or cache type, and the file is not a mix of llama.cpp's own quantizer",
                label,
            )


def _architecture(name: str) -> Architecture | None:
    """Of a model as a log names it: `Qwen3 235B A22B (general.name=Models)`."""
    plain = re.sub(r"\(.*?\)|-128K|-class.*", "", name).strip().replace(" ", "-")
    found = entry(plain)
    return found[1] if found else None


def _scores(row: Row, engine: str, label: str, architecture: Architecture) -> Iterator[Score]:
    cache = re.match(r"(\w+)/(\w+)$", row["kv_type"])
    if cache and row["n_ctx"] and row["kv_size_MiB"]:
        work = Serving(int(row["n_ctx"]), 1, KvCache(cache[1], cache[2]))
        yield Score(
            engine,
            "kv cache (logs)",
            label,
            sum(p.bytes for p in _memory(architecture, "Q4_K_M", work).parts if p.name == "kv cache"),
            float(row["kv_size_MiB"]) * MIB,
        )
    if row["rs_size_MiB"] and (states := _states(row)):
        predicted = _memory(architecture, "Q4_K_M", Serving(256, 1)).of("state") * states
        yield Score(engine, "recurrent state (logs)", label, predicted, float(row["rs_size_MiB"]) * MIB)
    format_name = _TYPES.get(row["quant"].strip())
    if (
        format_name
        and row["model_size"]
        and row["model_size_unit"] == "GiB"
        and not any(word in f"{row['model_name']} {row['cmd']}" for word in _UNSLOTH)
    ):
        predicted = gguf.file_bytes(architecture, format_name) - gguf.header_bytes(architecture)
        yield Score(engine, "model size (logs)", label, predicted, float(row["model_size"]) * 2**30)


def _memory(architecture: Architecture, format_name: str, work: Serving) -> Memory:
    model = entry(architecture.id)
    assert model
    return llamacpp.memory(model[0], architecture, Checkpoint(format=format_name), work, Placement())


def _states(row: Row) -> int | None:
    """States kept: sequences, times one more per drafted token; None where the log does not say how many."""
    if not row["n_seq_max"]:
        return None
    drafted = re.search(r"--spec-draft-n-max (\d+)", row["cmd"])
    return int(row["n_seq_max"]) * (1 + int(drafted[1]) if drafted else 1)


TABLES: dict[str, Scorer] = {"logs_llamacpp_hand_collected.csv": logs, "logs_llamacpp_ik_github_data.csv": logs}
