"""What users' logs of vLLM and SGLang print about weights, the profiled peak and the KV cache."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers import sglang
from benchmarks.scorers.catalogue import found
from benchmarks.scorers.vllm import ENGINE, FP8_CACHE, weights_gib
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.machine.hardware import Device
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import vllm
from qwenpick.units import GIB, MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

# when a version came out, for rows that state a date only: the first day each was seen in these logs
_BY_DATE = (
    ("2026-09-01", "0.29"),
    ("2026-08-01", "0.26"),
    ("2026-07-01", "0.24"),
    ("2026-05-01", "0.20"),
    ("2026-01-01", "0.18"),
    ("2025-05-01", "0.9"),
)
_QUANTS = {
    "bf16": "bf16",
    "fp16": "fp16",
    "awq": "awq-int4",
    "gptq": "gptq-int4",
    "fp8": "fp8",
    "nvfp4": "nvfp4",
    "gptq-int4": "gptq-int4",
}
# GiB, from rows that state it
_TOTALS = {"A100 80GB": 79.25, "H100 80GB": 79.18, "RTX 3090": 23.56, "RTX 5090": 31.4, "RTX PRO 6000": 94.97}
_CAPABILITIES = {
    "A100": "8.0",
    "RTX 30|A6000": "8.6",
    "RTX 40|L40": "8.9",
    "H100|H200|H20 ": "9.0",
    "RTX 50|PRO 6000|GB10|Spark": "12.0",
}
_PREFIX_CACHING = ("club3090", "malaiwah", "mitchross")  # these sources' launch commands turn it on


def logs(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """logs_vllm_sglang_logs.csv: what users' logs of both engines say. SGLang's "GB" are GiB."""
    for row in rows:
        engine = "sglang" if row["runtime"].startswith("sglang") else ENGINE
        label = f"{row['source_id']} {row['model'][:40]} {row['quant']}"
        pair = found(base_name(row["model"]))
        if row["runtime"] not in {"vllm", "sglang"}:
            yield Skip(engine, "a fork or a port of the engine", label)
        elif re.search(r"not in excerpt|unconfirmed|inferred|-class|\?", row["model"]):
            yield Skip(engine, "the source does not name the model", label)
        elif pair is None:
            yield Skip(engine, "the model is not in the catalogue", label)
        elif engine == "sglang":
            yield from sglang.log(row, label, *pair)
        else:
            yield from _log(row, label, *pair)


def base_name(text: str) -> str:
    """The model that a row names, without owner, remarks and the suffixes of quantized repositories."""
    name = re.split(r"[\s(+]", text.rsplit("/", 1)[-1] if " " not in text else text.split("/")[-1])[0]
    return re.sub(r"-(FP8|AWQ|AWQ-4bit|NVFP4|GPTQ-4bit|GPTQ-Int4|GPTQ-Int8)$", "", name)


def _log(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score | Skip]:
    """One log of vLLM: weights per GPU, the KV cache that follows from the whole chain, and the tokens that the stated cache holds."""
    quant, known = row["quant"].split(" ")[0], version_of(row)
    if known is None and architecture.is_hybrid:
        yield Skip(ENGINE, "a hybrid's cache depends on the version, which the source does not state", label)
        return
    options: dict[str, object] = {"version": known or "0.26"}
    for name in ("gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens"):
        if match := re.match(r"[\d.]+", row[name]):
            options[name] = float(match[0]) if "utilization" in name else int(match[0])
    if row["enforce_eager"] == "True":
        options["enforce_eager"] = True
    if match := re.search(r"mtp n=(\d+)", row["spec_decode"]):
        options["num_speculative_tokens"] = int(match[1])
    if row["source_id"].startswith(_PREFIX_CACHING) and architecture.is_hybrid:
        options["enable_prefix_caching"] = True
    if "language_model_only" in row["model"]:
        options["language_model_only"] = True
    context = int(row["max_concurrency_at"] or (row["max_model_len"] if row["max_model_len"].isdigit() else "") or 0)
    # ModelOpt's NVFP4 sets an FP8 cache
    eight = row["kv_cache_dtype"].startswith("fp8") or (not row["kv_cache_dtype"] and quant == "nvfp4")
    work = Serving(context or 4096, 1, FP8_CACHE if eight else KvCache(), options)
    ranks = int(row["tp"][0]) if row["tp"] else 1
    total, reserved = total_of(row)
    capability = next((cc for pattern, cc in _CAPABILITIES.items() if re.search(pattern, row["gpu"])), None)
    device = Device(row["gpu"] or "GPU", "nvidia", total, total, compute_capability=capability, reserved=reserved)
    run = (
        model,
        architecture,
        Checkpoint(format=_QUANTS.get(quant, "bf16")),
        work,
        Placement((device,) * ranks, tensor_parallel=ranks),
    )
    yield from _log_weights(row, label, quant, run)
    yield from _log_profile(row, label, run, known)
    yield from _log_cache(row, label, run)


def _log_weights(row: Row, label: str, quant: str, run: Run) -> Iterator[Score | Skip]:
    """ "Model loading took"; nothing where the row states none or the weights are not what a rule could give."""
    stated = row["load_took_GiB"]
    if not stated or "offload" in row["notes"]:
        return
    if quant not in _QUANTS:
        yield Skip(ENGINE, "weights in a format of one third party (EXL3, AutoRound): no rule gives their size", label)
    elif quant in {"nvfp4", "awq", "gptq"} and run[1].is_hybrid:
        yield Skip(ENGINE, "four-bit hybrids of third parties: every publisher keeps other layers in 16 bits", label)
    elif row["spec_decode"] and "num_speculative_tokens" not in run[3].options:
        yield Skip(ENGINE, "loads a draft model that the source does not name", label)
    else:
        yield Score(ENGINE, "weights", label, weights_gib(vllm.memory(*run)), float(stated))


def _log_profile(row: Row, label: str, run: Run, version: str | None) -> Iterator[Score | Skip]:
    """The peak of the profile run, where the row states a version and the batch that it is profiled with."""
    if not row["peak_activation_GiB"] or row["spec_decode"]:
        return
    if (
        version is None
        or not (row["max_num_batched_tokens"] and row["max_num_seqs"])
        or row["quant"].split(" ")[0] not in _QUANTS
    ):
        yield Skip(ENGINE, "the profiled peak depends on version and batch, which the source does not state", label)
        return
    predicted = max(rank.peak_activation_bytes for rank in vllm.ledger(*run).ranks) / GIB  # as it is printed
    yield Score(ENGINE, "peak activation", label, predicted, float(row["peak_activation_GiB"]))


def _log_cache(row: Row, label: str, run: Run) -> Iterator[Score | Skip]:
    """KV tokens: of the cache that the row states, and of the whole chain where the GPU and its share are stated."""
    model, architecture, checkpoint, work, placement = run
    if not row["kv_tokens"].isdigit():
        return
    actual, stated = int(row["kv_tokens"]), float(row["available_kv_GiB"] or 0)
    if row["kv_cache_dtype"] not in {"", "auto", "fp8", "fp8_e4m3", "fp8_e5m2", "fp16", "bfloat16 (auto)"}:
        yield Skip(ENGINE, "a cache format that upstream vLLM does not have", label)
    elif row["spec_decode"] and "num_speculative_tokens" not in work.options:
        yield Skip(ENGINE, "how many tokens are speculated is not stated, and a hybrid keeps a state for each", label)
    elif stated > 0 and row["max_concurrency_at"]:
        predicted = vllm.tokens_of(int(stated * GIB), architecture, work, placement)
        yield Score(ENGINE, "kv tokens of the stated cache", label, predicted, actual)
    device = placement.devices[0]
    if (
        device.total
        and "gpu_memory_utilization" in work.options
        and row["quant"].split(" ")[0] in _QUANTS
        and not row["spec_decode"]
    ):
        yield Score(
            ENGINE, "kv tokens", label, vllm.kv_tokens(model, architecture, checkpoint, work, placement), actual
        )


def total_of(row: Row) -> tuple[int | None, int | None]:
    """(total, what the driver keeps of it): CUDA's total keeps nothing; the driver's own total, in MiB in a remark, does."""
    if row["gpu_total_GiB"]:
        return int(float(row["gpu_total_GiB"]) * GIB), 0
    if match := re.search(r"\((\d+) MiB\)", row["gpu"]):
        return int(match[1]) * MIB, None
    if match := re.search(r"\(([\d.]+) GiB", row["gpu"]):
        return int(float(match[1]) * GIB), 0
    return next((int(gib * GIB) for name, gib in _TOTALS.items() if row["gpu"].startswith(name)), None), 0


def version_of(row: Row) -> str | None:
    """The version that the row states, else the one of its date; None where it has neither."""
    # a local build's own numbering: go by its date
    fork = "+" in row["runtime_version"] and not re.search(r"rc\d", row["runtime_version"])
    if not fork and (match := re.search(r"(\d+\.\d+)", row["runtime_version"])):
        return match[1]
    if match := re.search(r"v(\d+\.\d+)\.|^(\d+\.\d+)\.\d", row["date_or_version"]):
        return match[1] or match[2]
    date = row["date_or_version"][:10]
    return next(
        (version for day, version in _BY_DATE if date[:4].isdigit() and date >= day[: len(date)]),
        "0.8" if date[:4].isdigit() else None,
    )


Run = tuple[Model, Architecture, Checkpoint, Serving, Placement]
TABLES: dict[str, Scorer] = {"logs_vllm_sglang_logs.csv": logs}
