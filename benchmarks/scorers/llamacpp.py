"""llama.cpp: file sizes and buffers against its own planning path, and against what drivers and kernels reported of real runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model, find_model, load
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import RAM, Memory, gpu
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import gguf
from qwenpick.runtimes import llamacpp
from qwenpick.units import MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINE = "llamacpp"


@cache
def catalog() -> Catalog:
    """The shipped catalogue."""
    return load()


@cache
def entry(name: str) -> tuple[Model, Architecture] | None:
    """The model of a table's name and its architecture; `+mtp` says that the file holds the MTP block. None where there is no such model."""
    plain = name.removesuffix("+mtp")
    try:
        model = find_model(catalog(), plain)
        architecture = catalog().architecture(model)
    except QwenpickError:
        known = catalog().architectures.get(plain.lower())
        if known is None:
            return None
        model = next(m for m in catalog().models.values() if m.architecture == known.id)
        architecture = known
    if not name.endswith("+mtp"):
        architecture = architecture.model_copy(update={"mtp_layers": 0})
    return model, architecture


def gguf_sizes(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """File sizes and tensor bytes."""
    for row in rows:
        label = f"{row['model']} {row['ftype']}"
        if (found := entry(row["model"])) is None:
            yield Skip("gguf", "no such model in the catalogue", label)
            continue
        predicted = gguf.file_bytes(found[1], row["ftype"])
        yield Score("gguf", "file bytes", label, predicted, float(row["file_bytes"]))


def buffers(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Planned buffers: total, per device, cache, state and compute."""
    for row in rows:
        label = " ".join(
            row[c]
            for c in (
                "model",
                "ftype",
                "n_ctx",
                "n_ubatch",
                "n_seq",
                "flash_attn",
                "kv_type_k",
                "n_outputs_max",
                "ngl",
                "n_cpu_moe",
                "device",
            )
        )
        if (found := entry(row["model"])) is None:
            yield Skip(ENGINE, "no such model in the catalogue", label)
            continue
        yield from _buffer_scores(row, label, _planned(row, *found))


def _planned(row: Row, model: Model, architecture: Architecture) -> Memory:
    sequences = int(row["n_seq"])
    options: dict[str, object] = {
        "n_batch": int(row["n_batch"]), "n_ubatch": int(row["n_ubatch"]), "kv_unified": row["kv_unified"] == "1",
        "flash_attn": row["flash_attn"] == "1",
        "server": row["n_outputs_max"] != "0", "load_mtp": row["load_mtp"] == "1",
    }  # fmt: skip
    devices: tuple[Device, ...] = ()
    if row["device"] == "cuda_sim":
        devices = (Device("sim", "nvidia", None, None, compute_capability="9.0"),)
    if row["ngl"] != "all":
        options["n_gpu_layers"] = int(row["ngl"])
    work = Serving(int(row["n_ctx"]) // sequences, sequences, KvCache(row["kv_type_k"], row["kv_type_v"]), options)
    placement = Placement(devices, cpu_moe_layers=int(row["n_cpu_moe"]))
    return llamacpp.memory(model, architecture, Checkpoint(format=row["ftype"]), work, placement)


def _buffer_scores(row: Row, label: str, memory: Memory) -> Iterator[Score]:
    buffers = [p for p in memory.parts if p.kind != "overhead"]
    kind = {"E": "partial "}.get(row["design"], "")

    def mib(*columns: str) -> float:
        return sum(float(row[c] or 0) for c in columns) * MIB

    def ours(kind: str, where: str | None = None) -> int:
        return sum(p.bytes for p in buffers if p.kind == kind and where in (None, p.where))

    yield Score(ENGINE, f"{kind}total", label, sum(p.bytes for p in buffers), mib("total_mib"))
    yield Score(ENGINE, "kv cache", label, ours("kv cache"), mib("kv_buffer_mib", "host_kv_mib"))
    if mib("rs_buffer_mib", "host_rs_mib"):
        yield Score(ENGINE, "recurrent state", label, ours("state"), mib("rs_buffer_mib", "host_rs_mib"))
    if row["device"] == "cuda_sim":
        yield Score(
            ENGINE,
            f"{kind}gpu total",
            label,
            sum(p.bytes for p in buffers if p.where == gpu(0)),
            mib("device_total_mib"),
        )
        yield Score(
            ENGINE, f"{kind}ram total", label, sum(p.bytes for p in buffers if p.where == RAM), mib("host_total_mib")
        )
        yield Score(ENGINE, f"{kind}gpu compute", label, ours("compute", gpu(0)), mib("compute_buffer_mib"))
    else:
        yield Score(ENGINE, "cpu compute", label, ours("compute"), mib("compute_buffer_mib", "output_buffer_mib"))


def driver(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """What the driver reported at the peak of llama-bench runs on one H200, less what it reported before: the whole footprint on the device."""
    h200 = Device("NVIDIA H200", "nvidia", None, None, compute_capability="9.0")
    for row in rows:
        label = " ".join(
            row[c] for c in ("model", "ftype", "n_prompt", "n_gen", "n_ctx", "kv_type", "flash_attn", "n_ubatch")
        )
        if (found := entry(row["model"])) is None:
            yield Skip(ENGINE, "no such model in the catalogue", label)
            continue
        prompt = int(row["n_prompt"]) or min(int(row["depth"]), int(row["n_ubatch"]))
        tokens = prompt or int(row["n_gen"])  # llama-bench's batch is no longer than the test
        options: dict[str, object] = {
            "n_ubatch": min(int(row["n_ubatch"]), tokens), "flash_attn": row["flash_attn"] == "1", "server": False, "kv_unified": False,
        }  # fmt: skip
        work = Serving(int(row["n_ctx"]), 1, KvCache(row["kv_type"], row["kv_type"]), options)
        memory = llamacpp.memory(*found, Checkpoint(format=row["ftype"]), work, Placement((h200,)))
        used = (float(row["nvml_peak_used_mib"]) - float(row["nvml_idle_mib"])) * MIB
        yield Score(ENGINE, "driver's number", label, memory.on(gpu(0)), used, slack=64 * MIB)
        yield Score(
            ENGINE,
            "compute buffer of real runs",
            label,
            compute_on(memory, gpu(0)),
            float(row["gpu_compute_mib"]) * MIB,
        )


def compute_on(memory: Memory, where: str) -> int:
    """Bytes of compute buffers there."""
    return sum(p.bytes for p in memory.parts if p.kind == "compute" and p.where == where)


def resident(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Peak resident memory of real CPU runs: mapped file and repacked copy at once, logits of one token touched."""
    for row in rows:
        label = " ".join(row[c] for c in ("model", "ftype", "n_ctx", "kv", "fa", "opts", "cpu"))
        if (found := entry(row["model"])) is None:
            yield Skip(ENGINE, "no such model in the catalogue", label)
            continue
        if row["cpu"] == "amx":
            yield Skip(ENGINE, "AMX interleaves other types than AVX2", label)
            continue
        options: dict[str, object] = {
            "flash_attn": row["fa"] == "on",
            "mmap": "-lm none" not in row["opts"],
            "repack": "--no-repack" not in row["opts"],
        }
        work = Serving(int(row["n_ctx"]), 1, KvCache(row["kv"], row["kv"]), options)
        predicted = llamacpp.resident(found[1], Checkpoint(format=row["ftype"]), work, prompt_tokens=530)
        yield Score(ENGINE, "resident memory", label, predicted, float(row["peak_rss_mib"]) * MIB)


TABLES: dict[str, Scorer] = {
    "gguf_sizes.csv": gguf_sizes,
    "llamacpp_buffers.csv": buffers,
    "llamacpp_cpu_rss.csv": resident,
    "llamacpp_h200.csv": driver,
}
