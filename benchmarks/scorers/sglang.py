"""SGLang: log rows (weights as the driver sees them, the tokens that the stated pool holds), and our own starts. Its "GB" are GiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import found
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.machine.hardware import Device
from qwenpick.runtimes import sglang
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINE = "sglang"
FORMAT_OF = {"bf16": "bf16", "awq": "awq-int4", "gptq-int4": "gptq-int4", "int4": "gptq-int4"}


def log(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score | Skip]:
    """One log of SGLang."""
    ranks = int(row["tp"] or 1)
    placement = Placement((Device(row["gpu"], "nvidia", None, None),) * ranks, tensor_parallel=ranks)
    work = Serving(int(row["max_model_len"] or 4096), 1)
    quant = FORMAT_OF.get(row["quant"].split(" ")[0])
    if row["load_took_GiB"] and quant and quant != "bf16" and architecture.is_hybrid:
        yield Skip(ENGINE, "four-bit hybrids of third parties: every publisher keeps other layers in 16 bits", label)
    elif row["load_took_GiB"] and quant:
        memory = sglang.memory(model, architecture, Checkpoint(format=quant), work, placement)
        held = sum(p.bytes for p in memory.parts if (p.kind == "weights" or p.name == "loading") and p.where == "gpu0")
        yield Score(ENGINE, "weights", label, held / GIB, float(row["load_took_GiB"]))
    if row["available_kv_GiB"] and (match := re.match(r"(\d+)(K?)", row["kv_tokens"])):
        tokens = int(match[1]) * (1000 if match[2] else 1)
        predicted = sglang.pool_tokens(architecture, work, placement, int(float(row["available_kv_GiB"]) * GIB))
        yield Score(ENGINE, "kv tokens of the stated pool", label, predicted, tokens)
    if not row["load_took_GiB"] and not row["available_kv_GiB"]:
        yield Skip(ENGINE, "neither weights nor a pool is stated", label)


def h200(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """sglang_h200_2026_11_29.csv: what 0.5.16 printed when it started on one and two H200 by itself, all in 16 bits."""
    for row in rows:
        label = f"{row['model']} {row['options']}"
        pair = found(row["model"])
        if pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
            continue
        given = dict(option.split("=") for option in row["options"].split())
        stages, total = int(given.get("pp_size", 1)), int(139.8007 * GIB)
        card = Device("NVIDIA H200", "nvidia", total, total, gpu="h200", compute_capability="9.0", reserved=0)
        count = int(row["gpus"])
        placement = Placement((card,) * count, tensor_parallel=count // stages, pipeline_parallel=stages)
        options = given | {"version": row["sglang"]}
        work = Serving(int(row["context"] or 32768), 1, options=options)
        start = sglang.ledger(*pair, Checkpoint(format="bf16"), work, placement)
        measured = {
            "kv tokens": (start.kv_cache_tokens, row["max_total_num_tokens"]),
            "state slots": (start.state_slots or 0, row["state_slots"]),
            "static share": (start.mem_fraction_static or 0, row["mem_fraction_static"]),
        }
        if not row["draft_gib"]:  # a draft is loaded with matrices that it gives back
            loaded = (start.ranks[0].weights_bytes + start.ranks[0].outside_torch_bytes) / GIB
            measured["weights"] = (loaded, row["weights_gib"])
        for quantity, (predicted, actual) in measured.items():
            if actual:
                yield Score(ENGINE, quantity, label, predicted, float(actual))


TABLES: dict[str, Scorer] = {"sglang_h200_2026_11_29.csv": h200}
