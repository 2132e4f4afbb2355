"""Sizes of the tags in Ollama's library (decimal, two digits) against our file sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.llamacpp import entry
from qwenpick.memory.quantization import FORMATS
from qwenpick.runtimes import ollama
from qwenpick.units import GB, MB

ENGINE = "ollama"
_FIRST_GENERATION = ("1.8b", "7b", "14b", "72b")  # sizes of qwen: whose tags without v1.5 hold the first generation
_FORMATS = {name.casefold(): name for name in FORMATS} | {"fp16": "F16"}


def library(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Every tag whose model is in the catalogue."""
    for row in rows:
        tag = row["tag"] if ":" in row["tag"] else f"{row['slug']}:{row['tag']}"
        try:
            actual = float(row["size_value"]) * {"GB": GB, "MB": MB}[row["size_unit"]]
        except (KeyError, ValueError):
            yield Skip(ENGINE, "the size is not readable", tag)
            continue
        found = entry(f"{name}+mtp") if (name := model_name(row["slug"], tag)) else None
        if found is None:
            yield Skip(ENGINE, "the tag does not say which model it is", tag)
            continue
        format_name = _FORMATS.get((row["quant"] or _tagged(tag) or "").casefold())
        if format_name is None:
            yield Skip(ENGINE, "the tag does not say which format it holds", tag)
            continue
        half_digit = 10 ** (len(str(int(float(row["size_value"])))) - 2) / 2 * (GB if row["size_unit"] == "GB" else MB)
        yield Score(ENGINE, "tag size", tag, ollama.tag_bytes(*found, format_name), actual, slack=half_digit)


def model_name(slug: str, tag: str) -> str | None:
    """The catalogue's name of the model in a tag: qwen3:30b-a3b-q8_0 -> qwen3-30b-a3b; None for `latest`."""
    words = tag.split(":", 1)[1]
    if not (size := re.match(r"(\d+(?:\.\d+)?b)(-a\d+b)?", words)):
        return None
    if slug == "qwen":
        series = (
            "qwen"
            if size[1] in _FIRST_GENERATION and "v1.5" not in words and "-" in words and _tagged(tag)
            else "qwen1.5"
        )
        return f"{series}-{size[1]}"
    series = {"qwen2.5vl": "qwen2.5-vl", "codeqwen": "codeqwen1.5", "qwen3.5-instruct(frob)": "qwen3.5"}.get(slug, slug)
    experts = {
        "30b": "-a3b",
        "235b": "-a22b",
        "480b": "-a35b",
        "35b": "-a3b",
        "122b": "-a10b",
        "397b": "-a17b",
        "80b": "-a3b",
    }
    return f"{series}-{size[1]}{size[2] or (experts.get(size[1], '') if series.startswith('qwen3') else '')}"


def _tagged(tag: str) -> str | None:
    """The format that a tag ends in."""
    found = re.search(r"(q\d_\d|q\d_K(?:_[SML])?|fp16|bf16)$", tag, re.IGNORECASE)
    return found[1] if found else None


TABLES: dict[str, Scorer] = {"ollama_library_sizes.csv": library}
