"""Models that no catalogue has: read from a file, a directory, Ollama's store or a hub, without loading a single weight."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.readers.entry import entry
from qwenpick.readers.reading import Reading
from qwenpick.units import format_gb

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.readers.reading import Fetch

_HUBS = ("hf:", "huggingface:", "modelscope:", "ms:")
_ANY = frozenset({"bf16", "fp16", "fp32"})  # what other formats are made from
WHOLE = 0.75  # files with less than this share of what a format takes are not the whole model; mixes of formats differ by less
_FILES = (".gguf", ".json", ".safetensors")


def read_model(text: str, catalog: Catalog, *, online: bool = False, fetch: Fetch | None = None) -> Reading:
    """The model that a text means: a catalogue name or tag, a path, a tag that Ollama pulled, or (only if `online`) a hub's owner/name.

    A catalogue name wins, so that the same request gives the same answer on any machine; write ./NAME for a directory of that name. `fetch`
    takes the place of the network; with it a repository of others whose size the catalogue does not have is read, if it can be.
    Raises QwenpickError, as one sentence, for everything else and for files that are damaged.
    """
    from qwenpick.catalog import find_model

    text = text.strip()
    if is_path(text):
        from qwenpick.readers.local import read_path

        return read_path(_path(text), catalog)
    try:
        model = find_model(catalog, text)
    except QwenpickError as unknown:
        return _beyond(text, catalog, online, fetch, unknown)
    if not model.open_weights or model.architecture is None:
        from qwenpick.catalog.lookup import closed_weights

        raise QwenpickError(closed_weights(model))
    if (online or fetch) and _has_no_size(model, text):
        with suppress(QwenpickError):
            return _on_hub(text, catalog, fetch)
    return Reading(model, catalog.architecture(model), model.checkpoints)


def is_path(text: str) -> bool:
    """Whether a text is meant as a path: by its look, or since a model is there."""
    if "\0" in text or len(text) > 4096:
        raise QwenpickError(_("a model's name or path has no such characters, or is not that long"))
    if text.startswith(_HUBS):
        return False
    if (
        text.startswith(("/", "./", "../", "~", "..\\", ".\\"))
        or text.casefold().endswith(_FILES)
        or text in (".", "..")
    ):
        return True
    return os.sep in text and _is_directory(text)


def _path(text: str) -> Path:
    """The path that a text means, its ~ followed. Raises QwenpickError for the home of nobody."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise QwenpickError(_("there is no home directory to '{text}'", text=shown(text))) from None


def _is_directory(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except OSError:
        return False


def _beyond(text: str, catalog: Catalog, online: bool, fetch: Fetch | None, unknown: QwenpickError) -> Reading:
    """What the catalogue does not know: Ollama's store, then a hub."""
    from qwenpick.catalog.unknown import is_no_qwen
    from qwenpick.readers import hub, ollama
    from qwenpick.readers.derived import read_derived

    pulled = ollama.read_pulled(text, catalog)
    if pulled is not None:
        return pulled
    if not (hub.is_id(text) and (online or fetch)) and (made := read_derived(text, catalog)):
        return made
    if not hub.is_id(text):
        if _is_directory(text):
            raise QwenpickError(_("{unknown}; the directory here is ./{name}", unknown=unknown, name=text))
        raise unknown
    if not online and fetch is None:
        if is_no_qwen(text):
            raise unknown
        raise QwenpickError(
            _(
                "'{text}' is not in the catalog; add --online to ask the hub for its config and headers, or give a local path",
                text=text,
            )
        )
    return _on_hub(text, catalog, fetch)


def _on_hub(text: str, catalog: Catalog, fetch: Fetch | None) -> Reading:
    from datetime import UTC, datetime

    from qwenpick.readers import hub

    if fetch is None:
        from qwenpick.readers.hub_client import online_fetch
        from qwenpick.storage import folder

        fetch = online_fetch(text, folder("hub"))
    return hub.read_id(text, catalog, fetch, datetime.now(UTC).date().isoformat())


def _has_no_size(model: Model, text: str) -> bool:
    """Whether a text names a quantized repository of others whose size no listing states."""
    from qwenpick.catalog.names.spelling import bare, without_address
    from qwenpick.planning.files import MAKER
    from qwenpick.readers import hub
    from qwenpick.readers.named import repository_format

    repo = bare(without_address(text))
    sized = {listing.repo for listing in model.published} | {c.repo for c in model.checkpoints if c.bytes}
    return (
        hub.is_id(repo)
        and not repo.startswith(MAKER)
        and repo not in sized
        and bool(repository_format(repo.rpartition("/")[2]))
    )


def extended(catalog: Catalog, reading: Reading) -> Catalog:
    """The catalogue with the model that was read, and its architecture, laid over it."""
    from collections import ChainMap
    from dataclasses import replace

    return replace(
        catalog,
        architectures=ChainMap(
            {reading.architecture.id: reading.architecture}, cast(dict[str, Any], catalog.architectures)
        ),
        models=ChainMap({reading.model.id: reading.model}, cast(dict[str, Any], catalog.models)),
    )


class Resolved(NamedTuple):
    """What a command needs of the text that names its model: see `resolve`."""

    catalog: Catalog
    model: Model
    quant: str | None
    path: str | None
    notes: tuple[str, ...] = ()
    runtime: str | None = None


def _in_engine(format_name: str | None, runtime: str) -> str | None:
    """The format that a name states where another engine than the name's is asked for, if that engine has it."""
    from qwenpick.runtimes import find_runtime

    return format_name if format_name in find_runtime(runtime).FORMATS else None


def resolve(
    text: str, catalog: Catalog, quant: str | None = None, *, online: bool = False, runtime: str | None = None
) -> Resolved:
    """The model that a text means, in a catalogue that has it; where no format is asked for, the one of its files or of its name; and their path.

    16-bit weights of which there is only a config.json may be in any format. `notes` say what was assumed of a name that leaves the format open;
    `runtime` is the engine that the name states: a tag is Ollama's, a repository of MLX files is MLX's.
    Raises QwenpickError as `read_model` does.
    """
    reading = read_model(text, catalog, online=online)
    known = reading.model.id in catalog.models and reading.model is catalog.models[reading.model.id]
    if known or reading.note:
        from qwenpick.readers.sources import Stated, holding, stated
        from qwenpick.runtimes import find_runtime

        engine = find_runtime(runtime).NAME if runtime else None
        source = stated(reading.model, text, quant, ollama=engine == "ollama")
        if engine and source.runtime and engine != source.runtime:
            both = source.repo is not None and {engine, source.runtime} == {"llamacpp", "ollama"}
            source = source if both else Stated(quant or _in_engine(source.format, engine))
        model = holding(reading.model, source)
        if model is not reading.model or not known:
            catalog = extended(catalog, reading._replace(model=model))
        notes = tuple(note for note in (reading.note, source.note) if note)
        return Resolved(catalog, model, source.format, None, notes, source.runtime)
    first = reading.checkpoints[0] if reading.checkpoints else None
    fixed = first is not None and (first.bytes is not None or first.format not in _ANY)
    own = first.format if first and fixed else None
    refuse_incomplete(reading)
    return Resolved(extended(catalog, reading), reading.model, quant or own, path_of(text, reading))


def refuse_incomplete(reading: Reading) -> None:
    """Raises QwenpickError where the files hold far less than the language model that their config describes."""
    from qwenpick.memory.quantization import stored_bytes

    first = reading.checkpoints[0]
    whole = stored_bytes(reading.architecture, first.format, parts=frozenset({"text"}))
    if first.bytes is not None and first.bytes < WHOLE * whole:
        raise QwenpickError(
            _(
                "the files hold {there} of the {whole} that such a model takes in {format}: tensors are missing",
                there=format_gb(first.bytes),
                whole=format_gb(whole),
                format=first.format,
            )
        )


def path_of(text: str, reading: Reading) -> str | None:
    """The absolute path of local weights that a text means: the file, or the directory beside a config.json; None for a name."""
    if not is_path(text.strip()) or reading.checkpoints[0].bytes is None:
        return None
    path = _path(text.strip()).resolve()
    return str(path.parent if path.name == "config.json" else path)


__all__ = ["Reading", "Resolved", "entry", "extended", "is_path", "path_of", "read_model", "resolve"]
