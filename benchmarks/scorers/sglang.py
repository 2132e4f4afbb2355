"""SGLang's log rows: weights as the driver sees them, and the tokens that the stated pool holds. Its "GB" are GiB."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
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


TABLES: dict[str, Scorer] = {}
