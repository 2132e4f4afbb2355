"""vLLM: real starts of 0.26 and 0.33 on one and two H200.

`blind_*` in vllm_h200_2026_11_30_options.csv is what qwenpick said of each start before it: 31 starts of 0.33.0 (torch 2.14.0, NCCL 2.30.7, random
weights of the released shapes, `LLM(load_format="dummy", **kw)`), cache tokens -1.7 to +0.8 %, activations and what lies outside torch -17 to +63 %,
graphs -11 to +307 %. Not run: FlashInfer (sampler, delta nets), DeepGEMM, pipeline and expert parallelism, a cache in FP8, NVFP4 and four-bit
weights, Flash-Next, graphs with more than one draft, and SGLang newer than 0.5.16.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import found
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import Memory
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import vllm
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINE = "vllm"
FP8_CACHE = KvCache("fp8", "fp8")
VERSION = "0.26"
# fp8 of the H200 tables is made on load, fp8block is what the official repositories hold
FORMAT_OF = {"awq": "awq-int4", "gptq": "gptq-int4", "int4": "awq-int4", "fp8block": "fp8", "fp8": "bf16"}


def weights_gib(memory: Memory) -> float:
    """GiB of the weights on the first GPU, the rope table included: "Model loading took"."""
    return sum(p.bytes for p in memory.parts if p.kind == "weights" and p.where == "gpu0") / GIB


def h200(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """vllm_h200*.csv: every figure that vLLM printed when it started, a row a rank, and the starts that it refused; 0.26 where it says no other."""
    for row in rows:
        if row["status"].startswith("timeout") and not row["kv_tokens"] and not row.get("version"):
            yield Skip(ENGINE, "the start was cut off before it stated its memory", row["case"])
            continue
        pair = found(row["model"])
        if pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", row["case"])
            continue
        name = next((ours for theirs, ours in FORMAT_OF.items() if row["quant"].startswith(theirs)), row["quant"])
        if name not in vllm.FORMATS:
            yield Skip(ENGINE, "a format that qwenpick does not know", row["case"])
            continue
        given = json.loads(row["kw"])
        cache_type = str(given.pop("kv_cache_dtype", "auto"))
        options = {name: value for name, value in given.items() if name in vllm.Options.__dataclass_fields__}
        options |= {
            "usage_context": "llm_class",
            "language_model_only": row["vision"] == "False",
            "version": row.get("version") or VERSION,
        }
        if row.get("version"):
            options["flashinfer_sampler"] = False  # not there in any start of 0.33
        if drafted := given.get("speculative_config"):
            options["num_speculative_tokens"] = drafted["num_speculative_tokens"]
        if row["quant"] == "fp8":
            options["quantization"] = "fp8"
        context = int(given.get("max_model_len") or (pair[0].context.native if pair[0].context else 4096))
        work = Serving(context, 1, FP8_CACHE if "fp8" in cache_type else KvCache(), options)
        total = int(float(row["total_gib"] or 139.8007) * GIB)
        card = Device("NVIDIA H200", "nvidia", total, total, gpu="h200", compute_capability="9.0", reserved=0)
        ranks = int(row.get("tp") or 1)
        placement = Placement((card,) * ranks, tensor_parallel=ranks)
        checkpoint = Checkpoint(format=name)
        yield from (_later if row.get("version") else _start)(row, *pair, checkpoint, work, placement)


def _start(
    row: Row, model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Iterator[Score]:
    """The scores of one start, in GiB, tokens and yes or no."""
    run = (model, architecture, checkpoint, work, placement)
    refused = vllm.start_refusal(*run) is not None
    # 2 where vLLM refuses and 1 where it starts, so that either mistake is an error of 50 or 100 %
    yield Score(ENGINE, "refused", row["case"], 1.0 + refused, 1.0 + (row["status"] == "failed"))
    memory, found_peaks = vllm.memory(*run), vllm.profiled(architecture, checkpoint, work, placement)
    measured = {
        "weights": (weights_gib(memory), row["weights_gib"]),
        "peak activation": (found_peaks.activation / GIB, row["peak_activation_gib"]),
        "outside torch": (found_peaks.non_torch / GIB, row["non_torch_gib"]),
        "cuda graphs, estimated": (found_peaks.graph_estimate / GIB, row["cudagraph_est_gib"]),
        "cuda graphs": (found_peaks.graphs / GIB, row["cudagraph_actual_gib"]),
        "kv cache": (vllm.available_kv(*run) / GIB, row["available_kv_gib"]),
        "kv tokens": (float(vllm.kv_tokens(*run)), row["kv_tokens"]),
        "max concurrency": (vllm.max_concurrency(*run), row["max_concurrency"]),
    }
    for quantity, (predicted, actual) in measured.items():
        if actual and float(actual) > 0:
            yield Score(ENGINE, quantity, row["case"], predicted, float(actual))


def _later(
    row: Row, model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Iterator[Score | Skip]:
    """The scores of a start of 0.33, in GiB and tokens: activations and what is outside torch as the sum that the cache pays for both."""
    run = (model, architecture, checkpoint, work, placement)
    yield Score(ENGINE, "weights", row["case"], weights_gib(vllm.memory(*run)), float(row["weights_gib"]))
    if row["status"] != "ok":
        yield Skip(ENGINE, "the start was cut off after it stated its weights", row["case"])
        return
    found_peaks = vllm.profiled(architecture, checkpoint, work, placement)
    beside = float(row["peak_activation_gib"]) + float(row["non_torch_gib"])
    predicted = (found_peaks.activation + found_peaks.non_torch) / GIB
    yield Score(ENGINE, "activations and outside torch", row["case"], predicted, beside)
    if row["cudagraph_actual_gib"]:
        graphs = (found_peaks.graph_estimate / GIB, float(row["cudagraph_est_gib"]))
        yield Score(ENGINE, "cuda graphs, estimated", row["case"], *graphs)
        yield Score(ENGINE, "cuda graphs", row["case"], found_peaks.graphs / GIB, float(row["cudagraph_actual_gib"]))
    yield Score(ENGINE, "kv cache", row["case"], vllm.available_kv(*run) / GIB, float(row["available_kv_gib"]))
    yield Score(ENGINE, "kv tokens", row["case"], float(vllm.kv_tokens(*run)), float(row["kv_tokens"]))


TABLES: dict[str, Scorer] = dict.fromkeys(
    (
        "vllm_h200.csv",
        "vllm_h200_2026_11_28.csv",
        "vllm_h200_2026_11_30.csv",
        "vllm_h200_2026_11_30_options.csv",
    ),
    h200,
)
