"""Reads the words of a table of recommendations: a box, a task, a context, and the models that are named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.rank import Prefer
from qwenpick.recommending.request import Request
from qwenpick.units import GIB

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan

# A word of the task column -> our task; the first that is found wins, so what is special stands before what is general.
TASKS = (
    ("embedding", "rag-embedding"), ("rerank", "reranking"), ("text to speech", "speech"), ("tts", "speech"), ("asr", "transcription"),
    ("speech", "transcription"), ("translat", "translation"), ("omni", "omni"), ("voice", "omni"), ("audio", "audio"), ("video", "video"),
    ("vision", "vision"), ("ocr", "vision"), ("document", "vision"), ("guard", "moderation"), ("moderat", "moderation"),
    ("coding agent", "coding-agent"), ("coding", "coding"), ("code", "coding"), ("chat", "chat"), ("agent", "agent"), ("tools", "agent"),
    ("math", "math"), ("reasoning", "math"), ("knowledge", "knowledge"), ("long context", "summarising"), ("summar", "summarising"), ("edge", "edge"),
)  # fmt: skip
ORDINARY_RAM = 32.0  # GiB: a guide that names a card and not its box means an ordinary one
WORKSTATION = (
    48.0  # GiB of a card from which its box is one of workstations and servers, with as much RAM as its cards hold
)
# as constraints name them
ENGINES = (("vllm", "vllm"), ("sglang", "sglang"), ("ollama", "ollama"), ("llama.cpp", "llamacpp"))
SHARE_OF_UNIFIED = 0.75  # of the RAM, for a box with unified memory that is not in the catalogue: macOS' default limit
UNTRUSTED = ("low", "aggregator")  # of the trust column: pages that copy each other
_MODEL = re.compile(r"qwen[\w.]*(?:-[\w.]+)*", re.I)
_SIZE_ONLY = re.compile(r"^\s*(\d+(?:\.\d+)?B(?:-A\d+(?:\.\d+)?B)?)\b", re.I)


def trusted(row: dict[str, str]) -> bool:
    """Whether somebody measured, built or published what the row says."""
    return not row["trust"].startswith(UNTRUSTED)


def models(text: str, catalog: Catalog) -> dict[str, frozenset[str]]:
    """Each model named -> the catalogue ids it can mean: `Qwen3-VL-8B` is both its variants, in `Qwen3.5-0.8B / 2B` the second is a size only."""
    found: dict[str, frozenset[str]] = {}
    series = ""
    for piece in re.split(r"[;/,()]|\bor\b|\belse\b|\band\b", text):
        match = _MODEL.search(re.sub(r"(qwen[\d.]+) (?=\d+(\.\d+)?B)", r"\1-", piece, flags=re.I))
        name = match[0] if match else ""
        if match and re.search(r"\d", name):
            series = re.sub(r"-\d+(\.\d+)?B.*$", "", name, flags=re.I)
        elif series and (size := _SIZE_ONLY.match(piece)):
            name = f"{series}-{size[1]}"
        if ids := meant(name.casefold(), catalog):
            found[name] = ids
    return found


def meant(name: str, catalog: Catalog) -> frozenset[str]:
    """The ids of open models that a name can mean, base models aside."""
    if not name:
        return frozenset()
    able = [m for m in catalog.models.values() if m.open_weights and m.kind != "base"]
    exact = {m.id for m in able if m.id == name}
    return frozenset(exact | {m.id for m in able if m.id.startswith(f"{name}-")})


def machine(row: dict[str, str], catalog: Catalog) -> Machine | str:
    """The box of the row, or why it is left out: the named GPU where the catalogue has it, else a GPU of that much memory."""
    vram, ram = _number(row["vram_gb"]), _number(row["ram_gb"])
    if vram and row["unified"] != "y":
        ram = ram or (vram if vram / _cards(row["gpu"]) >= WORKSTATION else ORDINARY_RAM)
    for name in _gpu_names(row["gpu"], vram):
        try:
            return simulate(catalog, [name], None, _bytes(ram), False)
        except QwenpickError:
            continue
    if row["unified"] == "y" and (ram or vram):
        return simulate(catalog, [], round((ram or vram or 0) * SHARE_OF_UNIFIED * GIB), None, False)
    if vram:
        return simulate(catalog, [], _bytes(vram), _bytes(ram), False)
    if ram:
        return simulate(catalog, [], None, _bytes(ram), True)
    return "no memory stated"


def _gpu_names(text: str, vram: float | None) -> list[str]:
    """The names that a cell can mean, as they stand first: `RTX 4090/L4/A10G`, `8x H100 80 GB`, `GTX 1650 class`, `MacBook Pro M5 Pro`.

    With the memory of the row first, because one name is sold with several; then without the words before the name.
    """
    if text.startswith("none"):
        return []
    names: list[str] = []
    for piece in re.split(r"[/,+()]|\bor\b", text):
        words = re.sub(r"\bclass\b", "", piece).split()
        for first in range(len(words)):
            name = " ".join(words[first:])
            if re.search(r"[A-Za-z]", name) and re.search(r"\d", name) and not re.fullmatch(r"\W*[\d.]+ ?GB.*", name):
                sized = [f"{name} {vram:g} GB"] if vram and not re.search(r"\d ?GB|^\d+ ?x", name, re.I) else []
                names += [*sized, name]
        if words and words[-1].isalpha() and not names:
            names.append(" ".join(words))
    return names


def _cards(text: str) -> int:
    """How many cards a cell names: eight of `8x H100 80 GB`."""
    match = re.match(r"\s*(\d+)x\b", text)
    return int(match[1]) if match else 1


def _number(text: str) -> float | None:
    """The first number of a cell: `8-16` is 8, the lesser."""
    match = re.search(r"\d+(?:\.\d+)?", text)
    return float(match[0]) if match and float(match[0]) > 0 else None


def _bytes(gib: float | None) -> int | None:
    return round(gib * GIB) if gib else None


def request(row: dict[str, str]) -> Request:
    """The task and constraints of the row."""
    task_text, words = row["task"].casefold(), f"{row['task']} {row['constraints']}".casefold()
    parts = [part for part in re.split(r"[;,(]", task_text) if not part.strip().startswith("serving")] or [task_text]
    task = next((name for part in parts for word, name in TASKS if word in part), "chat")
    if task == "vision" and re.search(r"small objects|camera|many images", words):
        task = "detection"
    best = re.search(r"quality|\bmax\b|frontier", words)
    fast = re.search(r"\bspeed\b|throughput|\bfast\b", words)
    prefer: Prefer = "quality" if best else "speed" if fast else "balanced"
    users = (
        int(m[1])
        if (m := re.search(r"(\d+)\+? concurrent", words))
        else 4
        if "many users" in words or ("serving" in words and not row["context"])
        else 1
    )
    constraints = [part.strip() for part in re.split("[;,]", row["constraints"].casefold())]
    engine = next((name for word, name in ENGINES if word in constraints), None)
    cache = next((KvCache(name, name) for name in ("q8_0", "q5_1", "q4_0") if f"{name} kv" in words), None)
    return Request(
        task=task, context=_context(row["context"]), users=users, runtime=engine, kv_cache=cache, prefer=prefer, commercial="commercial" in words,
        gpu_only="fit fully" in words, thinking="no" if "thinking off" in words else "yes" if "thinking on" in words else "either",
    )  # fmt: skip


def _context(text: str) -> int | None:
    """Tokens of the first figure of a cell: `64K (256K with 3-4 bit KV)` is 65536, `28,672 (predicted)` 28672."""
    if match := re.search(r"(\d+(?:\.\d+)?)\s*K\b", text, re.I):
        thousands = float(match[1])
        return 262144 if thousands in (256, 262) else round(thousands * 1024)
    if match := re.search(r"\d{1,3}(?:,\d{3})+|\d{3,}", text):
        return int(match[0].replace(",", ""))
    return None


def as_warned(row: dict[str, str], plan: Plan) -> bool:
    """Whether a plan is what a warning is about: its format and its engine, where the row names them."""
    said = f"{row['recommended_models']} {row['quant']}".casefold()
    formats = {name for name in FORMATS if re.search(rf"(?<![\w]){re.escape(name.casefold())}(?![\w])", said)}
    if formats and plan.checkpoint.format not in formats:
        return False
    runtime = row["runtime"].casefold()
    return not runtime or plan.runtime.replace("llamacpp", "llama.cpp") in runtime
