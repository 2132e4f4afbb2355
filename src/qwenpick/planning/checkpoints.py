"""Which checkpoints of a model an engine can take: the published ones, and those that anyone can convert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.machine.hardware import before_ampere
from qwenpick.memory.quantization import FORMATS, find_format, stored_bytes
from qwenpick.memory.quantization.gguf.dynamic import TWINS
from qwenpick.planning.files import HALVES, MAKER, own_mix, planned_file, published_file, settled
from qwenpick.planning.library import library_tag
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.formats import BY_NAME, OLLAMA_TAGS
from qwenpick.runtimes.llamacpp.projector import projector_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device
    from qwenpick.runtimes import Runtime

# precisions that each engine resolves to a format of its own
FAMILIES = ("fp16", "8bit", "6bit", "5bit", "4bit", "3bit", "2bit")
_SPELLINGS = {
    "16bit": "fp16",
    "f16": "fp16",
    "half": "fp16",
    "int8": "8bit",
    "int4": "4bit",
    "8-bit": "8bit",
    "4-bit": "4bit",
    **{spelled: f"{bits}bit" for bits in "234568" for spelled in (bits, f"q{bits}")},
}
# methods, containers and other names of a format -> the one of them that most is published in
_MEANT = {
    "gptq": "gptq-int4",
    "awq": "awq-int4",
    "w4a16": "gptq-int4",
    "mlx": "mlx-4bit",
    "bnb": "nf4",
    "bitsandbytes": "nf4",
    "fp4": "nvfp4",
    "gguf": "Q4_K_M",
}


def is_family(quant: str) -> bool:
    """Whether the word names a precision (4bit) rather than a format (Q4_K_M)."""
    return family(quant) is not None


def check_quant(quant: str) -> None:
    """Raises QwenpickError, with the nearest name, for a word that is neither a precision nor a format."""
    if not is_family(quant) and quant.casefold() not in {name.casefold() for name in FORMATS}:
        meant = _MEANT.get(quant.casefold())
        near = did_you_mean(meant, (meant,)) if meant else did_you_mean(quant, [*FORMATS, *FAMILIES])
        raise QwenpickError(
            _(
                "there is no quantization '{quant}'{near} (use 4bit, 8bit, fp16, or a format like Q4_K_M)",
                quant=quant,
                near=near,
            )
        )


def checkpoints(
    model: Model, runtime: Runtime, quant: str | None = None, *, any_source: bool = False
) -> tuple[Checkpoint, ...]:
    """The checkpoints of `model` that `runtime` loads, best precision first; of one precision or format where `quant` says so.

    Formats that need calibration (AWQ, GPTQ, NVFP4, …) count only where somebody publishes them, official ones first; GGUF and MLX
    files can be made from any weights, and on-load formats from the 16-bit ones. `repo` is None where no repository is known to hold it, or may.
    `any_source` also gives formats that nobody is known to publish.
    """
    return _checkpoints(model, runtime.NAME, quant, any_source)


@lru_cache(maxsize=8192)
def _checkpoints(model: Model, engine: str, quant: str | None, any_source: bool) -> tuple[Checkpoint, ...]:
    runtime = find_runtime(engine)
    if quant is None:
        offered = OLLAMA_TAGS if engine == "ollama" else runtime.FORMATS
        names: tuple[str, ...] = tuple(name for name in offered if name not in BY_NAME)
    elif named := family(quant):
        names = tuple(dict.fromkeys(_published_twin(model, name, engine) for name in runtime.FAMILIES.get(named, ())))
    else:
        find_format(quant)  # an unknown word is an error, a format of other engines is none of this one's
        names = tuple(
            _published_twin(model, name, engine) for name in runtime.FORMATS if name.casefold() == quant.casefold()
        )
    asked = any_source or (quant is not None and not is_family(quant))
    found = (_checkpoint(model, name, runtime.NAME, asked) for name in names)
    checkpoints = tuple(checkpoint for checkpoint in found if checkpoint)
    if quant and family(quant) == "fp16":  # all alike in size and quality: the one that is published
        return tuple(sorted(checkpoints, key=lambda checkpoint: not checkpoint.official))
    if quant and is_family(quant):  # what somebody publishes before what one makes oneself
        return tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.repo is None and runtime.NAME != "ollama"))
    return checkpoints


def _published_twin(model: Model, name: str, engine: str) -> str:
    """The dynamic file's name where a model is published in that alone, Flash-Next in UD-Q4_K_XL and not in Q4_K_M; else the name."""
    twin = TWINS.get(name)
    if (
        engine not in ("llamacpp", "lmstudio")
        or twin is None
        or published_file(model, name, engine)
        or not published_file(model, twin, engine)
    ):
        return name
    return name if any(name in checkpoint.formats for checkpoint in model.checkpoints) else twin


def without_bf16(found: Sequence[Checkpoint], quant: str | None, devices: Iterable[Device]) -> tuple[Checkpoint, ...]:
    """The checkpoints, without those in bf16 beside one in fp16 where a GPU has no units for it and nobody asked for it by name."""
    halves = {checkpoint.format for checkpoint in found} & {"F16", "fp16"}
    if not halves or (quant or "").casefold() == "bf16" or not any(map(before_ampere, devices)):
        return tuple(found)
    return tuple(checkpoint for checkpoint in found if checkpoint.format.casefold() != "bf16")


def family(quant: str) -> str | None:
    """The precision that a word names: 4bit for 4-bit and q4; None for a format such as int8 in an engine that has one."""
    word = quant.casefold()
    if word in FAMILIES:
        return word
    return _SPELLINGS.get(word) if word not in FORMATS else None


def _checkpoint(model: Model, name: str, engine: str, any_source: bool) -> Checkpoint | None:
    """The published checkpoint in that format, official ones first, then what the engine's recipe serves; else one that can be made; else None.

    Of Ollama it is the tag of its library before any repository's file: that is what a name starts there.
    """
    from qwenpick.catalog import Checkpoint

    if engine == "ollama" and library_tag(model, name):
        return Checkpoint(format=name, official=False)
    published = sorted(
        (c for c in model.checkpoints if c.format == name), key=lambda c: (not c.official, engine not in c.recipes)
    )
    fmt = FORMATS[name]
    if published:
        return _sized(model, published[0], engine)
    if not fmt.on_load and (file := published_file(model, name, engine)):
        found = Checkpoint(format=name, repo=file.repository, official=(file.repository or "").startswith(MAKER))
        return _sized(model, found, engine)
    if fmt.container == "gguf" and (label := own_mix(model, name)):
        return _sized(
            model, Checkpoint(format=name, label=label, repo=_publisher(model, label), official=False), engine
        )
    if fmt.container == "gguf":
        repositories = sorted((c for c in model.checkpoints if c.format == "gguf"), key=lambda c: not c.official)
        holding = next((c for c in repositories if name in c.formats), None)
        listed = {listing.repo for listing in model.published}
        # what it holds is not known
        perhaps = next((c for c in repositories if not c.formats and c.repo not in listed), None)
        repository = holding or perhaps
        return Checkpoint(
            format=name, repo=repository.repo if repository else None, official=bool(holding and holding.official)
        )
    base = next((c for c in model.checkpoints if c.format in {"bf16", "fp16"}), None)
    if base and (fmt.on_load or name in {"bf16", "fp16", "fp32", "mlx-bf16"}):  # which MLX reads as they are
        return Checkpoint(format=name, repo=base.repo, official=base.official)
    if fmt.container == "mlx" or any_source:
        return Checkpoint(format=name, repo=None, official=False)
    return None


def _publisher(model: Model, label: str) -> str | None:
    file = published_file(model, label, "llamacpp")
    return file.repository if file else None


def _sized(model: Model, checkpoint: Checkpoint, engine: str) -> Checkpoint:
    """A published checkpoint with the size that a listing states of it, where the catalogue's own entry states none.

    Not of MLX, whose repositories hold towers that mlx-lm drops, and not of Ollama's tags, whose listing has two figures: there the rule is nearer.
    """
    if checkpoint.bytes or checkpoint.repo is None or FORMATS[checkpoint.format].container == "mlx":
        return checkpoint
    file = published_file(model, checkpoint.label or checkpoint.format, engine, checkpoint.repo)
    if file is None:
        return checkpoint
    return checkpoint.model_copy(update={"bytes": file.bytes, "rounding": file.rounding or 1, "mtp": file.mtp})


def every_file(
    found: Iterable[Checkpoint], model: Model, architecture: Architecture, engine: str
) -> Iterator[Checkpoint]:
    """The checkpoints, behind each the lighter files of its format: the order in which they are tried."""
    for one in found:
        yield one
        yield from lighter(model, architecture, one, engine)


def lighter(model: Model, architecture: Architecture, checkpoint: Checkpoint, engine: str) -> tuple[Checkpoint, ...]:
    """Others' weights in the checkpoint's format that take fewer bytes, as a listing states them, the most bytes first.

    Publishers leave other tensors in 16 bits: a 27B in NVFP4 is 26.38 GB by one and 21.95 by another. GGUF and MLX files of one format are alike.
    """
    fmt = FORMATS[checkpoint.format]
    if checkpoint.repo is None or fmt.on_load or fmt.container != "safetensors" or checkpoint.format in HALVES:
        return ()
    return _lighter(model, architecture, checkpoint, engine)


@lru_cache(maxsize=8192)
def _lighter(model: Model, architecture: Architecture, checkpoint: Checkpoint, engine: str) -> tuple[Checkpoint, ...]:
    from qwenpick.catalog import Checkpoint

    name = checkpoint.format
    known = {one.repo: one for one in model.checkpoints if one.format == name and one.repo}
    for listing in model.published:
        if name in listing.weights and listing.repo:
            found = Checkpoint(format=name, repo=listing.repo, official=listing.repo.startswith(MAKER))
            known.setdefault(listing.repo, found)
    own = _taken(architecture, checkpoint)
    others = (_sized(model, one, engine) for one in known.values() if one.repo != checkpoint.repo)
    sizes = {one: _taken(architecture, one) for one in others if one.bytes}
    fewer = [one for one, size in sizes.items() if size + one.rounding < own]
    return tuple(sorted(fewer, key=lambda one: -sizes[one]))


def _taken(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of a checkpoint's weights as engines take its size: that of all tensors."""
    return settled(architecture, checkpoint).bytes or stored_bytes(architecture, checkpoint.format)


def download_bytes(model: Model, architecture: Architecture, checkpoint: Checkpoint, engine: str) -> int:
    """Bytes on disk of what an engine's checkpoint is loaded from: the published file, else by the format.

    Ollama fetches the projector of a repository too; a tag's size has it.
    """
    if file := planned_file(model, architecture, checkpoint, engine):
        beside = projector_bytes(architecture) if engine == "ollama" and not file.tag and file.projector else 0
        return file.bytes + beside
    checkpoint = settled(architecture, checkpoint)
    return checkpoint.bytes or stored_bytes(architecture, checkpoint.format)
