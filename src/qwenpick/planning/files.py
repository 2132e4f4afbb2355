"""Which published file a plan means: the repository or tag that holds a model in a format, with its names and bytes. No rule invents one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.names.spelling import fold
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS, stored_bytes
from qwenpick.memory.quantization.gguf import file_bytes
from qwenpick.memory.quantization.gguf.dynamic import DENSE, MIXES
from qwenpick.memory.quantization.recipes import estimate
from qwenpick.planning.library import library_bytes, library_tag
from qwenpick.runtimes import ON_LLAMACPP
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.catalog.schema import Published

MAKER, HUB = "Qwen/", "https://huggingface.co/"
# Whose file is taken where several publish one: the maker's, then those whose files most people run; anybody else after them
PUBLISHERS = ("Qwen", "unsloth", "bartowski", "mlx-community", "lmstudio-community", "ggml-org")
HALVES = frozenset({"bf16", "fp16", "fp32"})
PLAIN = 1.03  # of the smallest file of a format by a publisher many run: a larger one holds more than the format's recipe (Q8_0 heads, say)
OLDER = 0.92  # a dynamic file so much below the plain mix of its name is a listing of files that were made anew since: reports weigh more
HEADER = 0.002  # of a file: chat template, imatrix notes and vocabulary, which differ from publisher to publisher


@dataclass(frozen=True, slots=True)
class File:
    """A published set of weights: where it is, under which names, how large by the listing `source` on the day `checked`.

    `files` is empty where the whole repository is one checkpoint; `rounding` is how far `bytes` may be off, since listings round. Where no listing
    has it (`by_rule`), `least` and `most` are what others publish under the same words; None where the layout is known.
    """

    repository: str | None
    tag: str | None
    files: tuple[str, ...]
    bytes: int
    source: str
    checked: str
    rounding: int = 0
    mtp: bool = True
    projector: str | None = None
    by_rule: bool = False
    least: int | None = None
    most: int | None = None


def published_file(model: Model, format_name: str, engine: str, repo: str | None = None) -> File | None:
    """The file of that format that `engine` would load, of `repo` where one is asked for; None where no listing has it with its bytes.

    Ollama takes a tag of its library before a repository's file. `format_name` may be a format of ours or one that only its publisher spells so
    (UD-Q4_K_XL); on-load formats (fp8-online, nf4) are the 16-bit weights.
    """
    return _published_file(model, format_name, engine, repo)


@lru_cache(maxsize=8192)
def _published_file(model: Model, format_name: str, engine: str, repo: str | None) -> File | None:
    found = [file for file in files_of(model, format_name, engine) if repo is None or file.repository == repo]
    smallest = min((file.bytes for file in found if file.tag is None and _owner(file) in PUBLISHERS), default=0)
    best = min(found, key=lambda file: _rank(file, smallest), default=None)
    if best is None or best.files or best.tag:
        return best
    named = next((file for file in found if file.repository == best.repository and file.files), None)
    return replace(best, files=named.files) if named else best


def files_of(model: Model, format_name: str, engine: str) -> Iterator[File]:
    """Every published file of a model in that format that the engine loads, and the tag of Ollama's library where a listing has its size."""
    wanted = _stored_as(format_name)
    if engine == "ollama" and (tag := library_tag(model, wanted)) and tag.bytes:
        yield File(None, tag.name, (), tag.bytes, tag.source, tag.checked, tag.rounding)
    container = FORMATS[format_name].container if format_name in FORMATS else "gguf"
    for listing in model.published:
        if container == "gguf" and engine not in ON_LLAMACPP:
            continue
        if wanted in listing.files:
            yield _of_repository(listing, listing.files[wanted])
        elif wanted in listing.weights:
            half = (listing.step or 0) // 2
            yield File(
                listing.repo, None, (), listing.weights[wanted], listing.source, listing.checked, half, listing.mtp
            )
    for checkpoint in model.checkpoints:
        if checkpoint.format == wanted and checkpoint.repo and checkpoint.bytes and checkpoint.source:
            yield File(checkpoint.repo, None, (), checkpoint.bytes, checkpoint.source, model.checked)


def own_mix(model: Model, format_name: str) -> str | None:
    """The publisher's own GGUF format, the smallest if several, for one of ours that nobody publishes: Flash-Next's Q2_K is UD-Q2_K_XL."""
    alike = [
        label
        for label in published_formats(model, "llamacpp")
        if label not in FORMATS and _near(label) == format_name and published_file(model, label, "llamacpp")
    ]
    return min(alike, key=lambda label: (file_size(model, label, "llamacpp"), label), default=None)


def file_size(model: Model, format_name: str, engine: str) -> int:
    """Bytes of the published file; 0 where there is none."""
    file = published_file(model, format_name, engine)
    return file.bytes if file else 0


@lru_cache(maxsize=512)
def _near(label: str) -> str | None:
    try:
        return nearest_format(label)
    except QwenpickError:
        return None


def planned_file(model: Model, architecture: Architecture, checkpoint: Checkpoint, engine: str) -> File | None:
    """The published file of a checkpoint that an engine was planned with; None where nobody is known to publish it.

    Of a repository of whole weights (safetensors, MLX) of which no listing states the size, it is what the publisher's format makes of the
    architecture: `by_rule`. A GGUF file is only one that a listing names. Ollama fetches the tag of its library, whole, where that holds the format
    and no repository was asked for.
    """
    if engine == "ollama" and checkpoint.repo is None and (tag := library_tag(model, checkpoint.format)):
        size = library_bytes(model, architecture, checkpoint.format, tag)
        return File(None, tag.name, (), size, tag.source, tag.checked, by_rule=size != tag.bytes)
    if file := published_file(model, checkpoint.label or checkpoint.format, engine, checkpoint.repo):
        return file
    if checkpoint.repo is None or FORMATS[checkpoint.format].container == "gguf":
        return None
    stored = _stored_as(checkpoint.format)
    cast = stored in HALVES  # an engine casts one to the other as it loads
    known = next(
        (
            c
            for c in model.checkpoints
            if c.repo == checkpoint.repo and (c.format == stored or (cast and c.format in HALVES))
        ),
        None,
    )
    if known is None:
        return None
    source, found = known.source or HUB + checkpoint.repo, estimate(architecture, known.format, known.repo)
    if known.bytes is None and found:
        sizes = found.bytes, found.least, found.most
        return File(known.repo, None, (), sizes[0], source, model.checked, 0, True, None, True, *sizes[1:])
    size = known.bytes or stored_bytes(architecture, known.format)
    return File(known.repo, None, (), size, source, model.checked, by_rule=True)


def settled(architecture: Architecture, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint without a listing's size where that is, as far as it is told, what the format's own rule makes of the architecture.

    The rule is exact where it holds, and a listing rounds; where they differ (calibrated mixes, an MTP block more or less, a head stored twice)
    the file's size stands, with the block that it leaves out, since the engines' arithmetic takes the size as that of all tensors. `rounding` 0 is
    a size that was measured: it always stands. A repository of others without a size has what their method makes of the architecture: `by_rule`.
    """
    if checkpoint.bytes is None:
        found = estimate(architecture, checkpoint.format, checkpoint.repo)
        return _as_all_tensors(architecture, checkpoint, found.text, by_rule=True) if found else checkpoint
    return _settled(architecture, checkpoint) if checkpoint.rounding else checkpoint


def _as_all_tensors(architecture: Architecture, checkpoint: Checkpoint, text: int, *, by_rule: bool) -> Checkpoint:
    """The checkpoint with a language model of `text` bytes beside an MTP block and towers as the format has them: what engines take sizes for."""
    whole, own = (stored_bytes(architecture, checkpoint.format, parts=parts) for parts in (None, frozenset({"text"})))
    return checkpoint.model_copy(update={"bytes": text + whole - own, "rounding": 0, "mtp": True, "by_rule": by_rule})


@lru_cache(maxsize=8192)
def _settled(architecture: Architecture, checkpoint: Checkpoint) -> Checkpoint:
    if found := estimate(architecture, checkpoint.format, checkpoint.repo):
        near = abs((checkpoint.bytes or 0) - found.bytes) <= checkpoint.rounding + HEADER * found.bytes
        if near and checkpoint.mtp:
            return _as_all_tensors(architecture, checkpoint, found.text, by_rule=False)
    by_rule = (
        file_bytes(architecture, checkpoint.format)
        if FORMATS[checkpoint.format].container == "gguf"
        else stored_bytes(architecture, checkpoint.format)
    )
    left_out = 0 if checkpoint.mtp else stored_bytes(architecture, checkpoint.format, parts=frozenset({"mtp"}))
    size = (checkpoint.bytes or 0) + left_out
    if checkpoint.format in MIXES and not architecture.is_moe and size < OLDER * by_rule:
        size = round(by_rule * DENSE.get(checkpoint.format, 1.0))
    if abs(size - by_rule) > checkpoint.rounding + HEADER * by_rule:
        return checkpoint.model_copy(update={"bytes": size, "rounding": 0, "mtp": True})
    return checkpoint.model_copy(update={"bytes": None, "rounding": 0, "mtp": True})


def published_formats(model: Model, engine: str) -> frozenset[str]:
    """The formats, as their publishers spell them, that a listing has of a model for an engine of GGUF files."""
    spelled = {name for listing in model.published for name in listing.files if not name.startswith("mlx-")}
    tags = {name for listing in model.published for name in listing.tags} if engine == "ollama" else set()
    return frozenset(spelled | tags)


def _of_repository(listing: Published, names: Mapping[str, int]) -> File:
    step = listing.step or 0
    return File(
        listing.repo,
        None,
        tuple(sorted(names)),
        sum(names.values()),
        listing.source,
        listing.checked,
        step * len(names) // 2,
        listing.mtp,
        min(listing.projectors, key=lambda name: ("F16" not in name.upper().replace("BF16", ""), name), default=None),
    )


def _stored_as(format_name: str) -> str:
    """The format in which weights that are converted on load, or read as they are, are published."""
    converted = format_name in FORMATS and FORMATS[format_name].on_load
    return "bf16" if converted or format_name == "mlx-bf16" else format_name


def _rank(file: File, smallest: int) -> tuple[bool, bool, bool, int, bool, int, str]:
    """A tag of the engine's own library first, then the maker's, then by publisher those that keep to the format's recipe.

    Then a plain file before one with an MTP block, exact before rounded.
    """
    owner = _owner(file)
    return (
        file.tag is None,
        owner + "/" != MAKER,
        file.bytes > PLAIN * smallest or owner not in PUBLISHERS,
        PUBLISHERS.index(owner) if owner in PUBLISHERS else len(PUBLISHERS),
        file.mtp,
        file.rounding,
        file.repository or "",
    )


def _owner(file: File) -> str:
    return (file.repository or "").partition("/")[0]


def nearest_format(word: str) -> str:
    """The GGUF format of as many bits that is spelled most alike, the larger where several are: q4-k-xl is Q4_K_M."""
    word = fold(word).removeprefix("ud-")
    kind = re.match(r"i?q\d|mxfp4", word)
    alike = {fold(name): name for name in FORMATS if kind and fold(name).startswith(kind[0])}
    if word.endswith("l"):  # XL and L are more than the plain format, never its small variant
        alike = {near: name for near, name in alike.items() if not near.endswith("-s")} or alike
    if not alike:
        raise QwenpickError(
            _(
                "the format {name} is not known here; choose a known one with --quant",
                name=word.replace("-", "_").upper(),
            )
        )

    def likeness(name: str) -> tuple[int, float]:
        return next((i for i, (a, b) in enumerate(zip(name, word, strict=False)) if a != b), len(name)), FORMATS[
            alike[name]
        ].bits

    return alike[max(alike, key=likeness)]
