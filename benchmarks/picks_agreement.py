"""How people run what they recommend, against how we would: for each pick that names an engine or a format, our plan of that model on that box.

An engine agrees where it is among those that the row names; LM Studio, Lemonade and ik_llama.cpp are llama.cpp, and so is Ollama. A format agrees
where it is of the same family: GGUF, MLX, FP8, NVFP4, 4-bit or 8-bit integers, 16 bits. Speech, embedding and reranking are left out, and Macs and
engines that we do not know.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.choose import choose

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import picks_reading as reading

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine

ENGINES = (("llama", "llamacpp"), ("lm studio", "llamacpp"), ("lemonade", "llamacpp"), ("ollama", "llamacpp"), ("vllm", "vllm"), ("sglang", "sglang"),
           ("mlx", "mlx"), ("transformers", "transformers"))  # fmt: skip
# A word of the quant column -> the family of the format.
FAMILIES = (
    (r"mlx|oq4|ud-mlx", "MLX"), (r"nvfp4", "NVFP4"), (r"\bfp8\b", "FP8"), (r"awq|gptq|autoround|int4|sym_int4", "int4"), (r"int8|w8a8", "int8"),
    (r"bf16|fp16", "16 bit"), (r"gguf|\bi?q\d|ud-i?q|mxfp4", "GGUF"),
)  # fmt: skip
LEFT_OUT = frozenset({"rag-embedding", "reranking", "speech", "transcription", "omni", "audio"})


@dataclass(frozen=True)
class Agreement:
    """One row: what it names and what we plan, as engine and as family of formats; None where the row names none that we know."""

    id: str
    box: str
    model: str
    engines: tuple[str, ...]
    families: tuple[str, ...]
    engine: str
    format: str

    @property
    def same_engine(self) -> bool | None:
        """Whether our engine is one of those named."""
        return self.engine in self.engines if self.engines else None

    @property
    def same_family(self) -> bool | None:
        """Whether our format is of a family that is named."""
        return family_of(self.format) in self.families if self.families else None


def agreement(
    row: dict[str, str], expected: dict[str, frozenset[str]], machine: Machine, catalog: Catalog
) -> Agreement | None:
    """The row's way of running its model beside ours; None where it names none, or is left out."""
    request = replace(reading.request(row), kv_cache=None)
    engines, families = engines_of(row["runtime"]), families_of(row)
    nameless_mac = row["unified"] == "y" and bool(machine.devices) and not machine.devices[0].unified
    if row["polarity"] != "pick" or request.task in LEFT_OUT or nameless_mac or not (engines or families):
        return None
    for name, ids in expected.items():
        models = [catalog.models[one] for one in sorted(ids)]
        if places := choose(catalog, models, machine, request):
            plan = places[0].plan
            engine = "llamacpp" if plan.runtime == "ollama" else plan.runtime
            return Agreement(row["id"], row["gpu"], name, engines, families, engine, plan.checkpoint.format)
    return None


def engines_of(text: str) -> tuple[str, ...]:
    """The engines that a cell names, of those that we know."""
    folded = text.casefold()
    return tuple(
        dict.fromkeys(engine for word, engine in ENGINES if word in folded and "fork" not in folded.split(word)[0])
    )


def families_of(row: dict[str, str]) -> tuple[str, ...]:
    """The families of formats that a row names; a plain "Q4" or "4-bit" is that of its engine."""
    folded = row["quant"].casefold()
    found = [family for words, family in FAMILIES if re.search(words, folded)]
    if "MLX" in found:
        found = ["MLX"]
    if re.search(r"\bmlx", row["runtime"].casefold()) and found:
        found = ["MLX"]
    return tuple(dict.fromkeys(found))


def family_of(format_name: str) -> str:
    """The family of one of our formats."""
    form = FORMATS[format_name]
    if form.container == "gguf":
        return "GGUF"
    if form.container == "mlx":
        return "MLX"
    if format_name.startswith("fp8") or format_name == "mxfp8":
        return "FP8"
    if format_name in ("nvfp4", "mxfp4"):
        return "NVFP4"
    return "16 bit" if form.bits >= 16 else "int8" if form.bits >= 8 else "int4"


def shares(rows: list[Agreement]) -> dict[str, object]:
    """How many rows agree, of those that name an engine or a format."""
    engines = [row.same_engine for row in rows if row.same_engine is not None]
    families = [row.same_family for row in rows if row.same_family is not None]
    return {
        "engines_named": len(engines),
        "engines_agree": round(sum(engines) / len(engines), 4) if engines else None,
        "formats_named": len(families),
        "formats_agree": round(sum(families) / len(families), 4) if families else None,
    }


def differing(rows: list[Agreement]) -> Iterator[str]:
    """A line for every row that differs."""
    for row in rows:
        if row.same_engine is False or row.same_family is False:
            said = " or ".join((*row.engines, *row.families))
            yield f"DIFF {row.id} {row.box} {row.model}: {said}; planned {row.engine} {row.format}"
