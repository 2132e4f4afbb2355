"""What a name states beyond the model: the repository or tag, the format in it, and the engine that is meant."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.names.spelling import bare, without_address
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.checkpoints import is_family
from qwenpick.planning.files import MAKER, nearest_format, published_file, published_formats
from qwenpick.readers.named import DEFAULT, assumed_format, named_format, repository_format
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Checkpoint, Model

_REPO = re.compile(r"(?P<repo>[\w.-]+/(?P<name>[\w.-]+))(?P<rest>[:/].*)?")
_LABEL = re.compile(r"(?i)(?:ud-)?(?:i?q\d|mxfp4|tq\d)(?:_[0-9a-z]+)*")  # a llama.cpp type as publishers spell theirs
_IN_FILE = (
    r"(?i)[-./](?P<label>(?:ud-)?(?:i?q\d(?:_[0-9a-z]+)+|mxfp4(?:_moe)?|bf16|f16|f32))(?:-\d{5}-of-\d{5})?(?:\.gguf)?$"
)


@dataclass(frozen=True, slots=True)
class Stated:
    """`format` is ours, `label` the publisher's where we have none of that name; what is left open is None. `note` says what was assumed."""

    format: str | None = None
    label: str | None = None
    repo: str | None = None
    runtime: str | None = None
    note: str | None = None


def stated(model: Model, text: str, quant: str | None = None, *, ollama: bool = False) -> Stated:
    """What `text`, a name of `model`, states; `quant` is what was asked for beside it, and wins.

    qwen3:8b is that tag's Q4_K_M on Ollama, mlx-community/Qwen3-8B-4bit is MLX's 4 bits, unsloth/Qwen3.8-27B-GGUF:UD-Q4_K_XL that very file.
    Raises QwenpickError for a format that nobody is known to publish and none is near to.
    """
    spelled = bare(without_address(text))
    found = _of_tag(model, spelled) or _of_repository(model, spelled) or Stated(*_of_words(model, text, ollama=ollama))
    if quant is None:
        return found
    label = (
        quant.upper()
        if _LABEL.fullmatch(quant) and quant.casefold() not in {name.casefold() for name in FORMATS}
        else None
    )
    if label and not is_family(quant):
        return _asked(model, label, found)
    same = found.format is not None and quant.casefold() == found.format.casefold()
    return replace(found, format=quant, note=None) if same else Stated(format=quant, runtime=found.runtime)


def holding(model: Model, source: Stated) -> Model:
    """The model as the stated repository holds it: no other is fetched for that format."""
    from qwenpick.catalog import Checkpoint

    if source.repo is None or source.format not in FORMATS:
        return model
    held = next((c for c in model.checkpoints if c.repo == source.repo and c.format == source.format), None)
    if held is None:
        held = Checkpoint(
            format=source.format, repo=source.repo, official=source.repo.startswith(MAKER), label=source.label
        )
        if source.label and (file := published_file(model, source.label, "llamacpp", source.repo)):
            held = held.model_copy(update={"bytes": file.bytes, "rounding": file.rounding or 1, "mtp": file.mtp})
    others: tuple[Checkpoint, ...] = tuple(c for c in model.checkpoints if c.format != source.format)
    published = tuple(one for one in model.published if one.repo == source.repo or source.format not in one.weights)
    # Ollama is to take the repository's file, not its library's
    listed = tuple(one for one in published if not one.tags)
    return model.model_copy(update={"checkpoints": (held, *others), "published": listed, "ollama": None})


def _of_tag(model: Model, spelled: str) -> Stated | None:
    """An Ollama tag: its library's format, as the listing has it, and Ollama."""
    if ":" not in spelled or "/" in spelled:
        return None
    tag = spelled.casefold()
    listed = (
        name for listing in model.published for name, tags in listing.tags.items() if tag in map(str.casefold, tags)
    )
    if known := next(listed, None) or named_format(model, spelled):
        return Stated(known, runtime="ollama")
    nearest, note = assumed_format(model, spelled) or (DEFAULT, None)
    return Stated(nearest, runtime="ollama", note=note)


def _of_repository(model: Model, spelled: str) -> Stated | None:
    """owner/name, with :FORMAT or a file behind it where it is of GGUF files; None for the maker's own 16-bit weights."""
    match = _REPO.fullmatch(spelled)
    if match is None:
        return None
    repo, name, rest = match["repo"], match["name"].casefold(), match["rest"] or ""
    if "gguf" in name:
        return _of_gguf(model, repo, rest)
    if "mlx" in repo.casefold():
        listed = (f for listing in model.published if listing.repo == repo for f in listing.files if f in FORMATS)
        bits = re.search(r"(?P<n>\d)-?bit|-oq(?P<o>\d)", name)  # oQ4: oMLX's mix of that many bits
        format_name = next(listed, None) or (f"mlx-{bits['n'] or bits['o']}bit" if bits else None)
        return Stated(format_name if format_name in FORMATS else None, repo=repo, runtime="mlx")
    format_name = named_format(model, spelled)
    if format_name not in FORMATS:
        format_name = repository_format(match["name"]) or format_name
    return Stated(format_name, repo=repo if format_name in FORMATS else None) if format_name else None


def _of_gguf(model: Model, repo: str, rest: str) -> Stated:
    file = re.search(_IN_FILE, rest.replace(":", "/"))
    if file is None and rest.startswith(":"):
        label: str | None = rest[1:].upper()
    else:
        label = file["label"].upper() if file else None
    known = [f for listing in model.published if listing.repo == repo for f in listing.files]
    known += [f for c in model.checkpoints if c.repo == repo for f in c.formats]
    note = None
    if label is None:
        label = next((f for f in (DEFAULT, "UD-Q4_K_M", "UD-Q4_K_XL") if f in known), known[0] if known else DEFAULT)
        note = _(
            "a GGUF repository holds several formats: planned as {format}, which llama-server -hf takes; --quant names another",
            format=label,
        )
    if label in FORMATS:
        return Stated(label, repo=repo, runtime="llamacpp", note=note)
    return replace(_labelled(label, repo), note=note or _said_of(model, label, repo))


def _asked(model: Model, label: str, found: Stated) -> Stated:
    """A publisher's format that --quant names: of the repository that the name states, else of whoever publishes it."""
    file = published_file(model, label, "llamacpp", found.repo) or published_file(model, label, "llamacpp")
    if file is None:
        there = ", ".join(sorted(published_formats(model, "llamacpp")))
        raise QwenpickError(
            _(
                "no file of {name} in {label} is known{there}",
                name=model.name,
                label=label,
                there=f" ({there})" if there else "",
            )
        )
    return replace(_labelled(label, file.repository), note=_said_of(model, label, file.repository))


def _labelled(label: str, repo: str | None) -> Stated:
    return Stated(nearest_format(label), label, repo, "llamacpp")


def _said_of(model: Model, label: str, repo: str | None) -> str:
    """That a publisher's mix is planned with the types of the nearest format, as large as the file is where a listing says that."""
    near = nearest_format(label)
    if file := published_file(model, label, "llamacpp", repo):
        from qwenpick.units import format_gb

        return _(
            "{label} is its publisher's own mix: planned with the types of {format}, as large as the file ({size})",
            label=label,
            format=near,
            size=format_gb(file.bytes),
        )
    return _(
        "{name} is not known here: planned as {format}, the nearest; --quant names another", name=label, format=near
    )


def _of_words(model: Model, text: str, *, ollama: bool) -> tuple[str | None, None, None, None, str | None]:
    """The format that the words at the end of a name state, or leave open."""
    if said := named_format(model, text):
        return said, None, None, None, None
    format_name, note = assumed_format(model, text, ollama=ollama) or (None, None)
    return format_name, None, None, None, note
