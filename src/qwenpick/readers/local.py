"""A model on this disk: a config.json, a directory of safetensors or MLX weights, a .gguf file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwenpick.bounded import file_size, read_bytes, read_json
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers import config as config_json
from qwenpick.readers import gguf, gguf_shape, quantized, safetensors
from qwenpick.readers.contradictions import refuse_contradictions
from qwenpick.readers.describe import Found, describe, paths
from qwenpick.readers.fields import natural
from qwenpick.readers.reading import Reading
from qwenpick.units import MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog


def read_path(path: Path, catalog: Catalog) -> Reading:
    """The model that a path holds. Raises QwenpickError for what is none, is damaged or is not complete."""
    if path.is_dir():
        return describe(catalog, _directory(path))
    if path.suffix.casefold() == ".gguf":
        return read_gguf(path, catalog)
    if path.suffix.casefold() == ".safetensors":
        raise QwenpickError(
            _("'{path}' does not say its architecture; give its directory, with config.json", path=path)
        )
    if path.suffix.casefold() == ".json":
        return describe(catalog, from_config(read_json(path), (_named(path),), (), str(path), _date(path)))
    file_size(path)  # what is not there is said so
    raise QwenpickError(_("'{path}' is neither a config.json, a .gguf file nor a model directory", path=path))


def read_gguf(path: Path, catalog: Catalog, names: tuple[str, ...] = ()) -> Reading:
    """The model in a GGUF file and its siblings: exact bytes of its tensors. `names` is what it is called where the file name is not its name."""
    return describe(catalog, from_gguf(gguf.read_files(path), names or (path.stem,), str(path), _date(path)))


def from_gguf(
    files: tuple[gguf.GgufFile, ...], names: tuple[str, ...], source: str, date: str, repo: str | None = None
) -> Found:
    """What the headers of a model's GGUF files say together."""
    metadata = {k: v for file in reversed(files) for k, v in file.metadata.items()}
    tensors = tuple(t for file in files for t in file.tensors)
    arch = metadata.get("general.architecture")
    stated = [v for k, v in sorted(metadata.items()) if re.fullmatch(r"general\.base_model\.\d+\.(name|repo_url)", k)]
    label = " ".join(paths([metadata.get("general.basename"), metadata.get("general.size_label")]))
    shape = gguf_shape.shape(metadata, tensors)
    refuse_contradictions(shape, tensors, in_gguf=True)
    checkpoint = {
        "format": gguf_shape.format_name(metadata, tensors),
        "repo": repo,
        "official": False,
        "bytes": sum(t.bytes for t in tensors),
        "note": _mix(tensors),
        "source": source,
    }
    return Found(
        shape=shape,
        names=names,
        bases=paths([*stated, metadata.get("general.name"), label]),
        context=natural(metadata, f"{arch}.context_length") or None,
        checkpoint=checkpoint,
        source=source,
        date=date,
        tensors=tensors,
        text_only=True,
    )


def _directory(path: Path) -> Found:
    if not (path / "config.json").exists():
        files = sorted(p for p in path.glob("*.gguf") if not p.name.startswith("mmproj"))
        if files:
            raise QwenpickError(
                _(
                    "'{path}' holds {count} .gguf file{value}; give one, e.g. {files}",
                    path=path,
                    count=len(files),
                    value="s" * (len(files) > 1),
                    files=files[0],
                )
            )
        if (path / "adapter_config.json").exists():
            base = read_json(path / "adapter_config.json").get("base_model_name_or_path")
            raise QwenpickError(
                _(
                    "'{path}' is a LoRA adapter, not a model; ask about its base{value}",
                    path=path,
                    value=f", {base}" if base else "",
                )
            )
        raise QwenpickError(_("'{path}' has no config.json: it is not a model's directory", path=path))
    config = read_json(path / "config.json")
    tensors = safetensors.read_directory(path)
    return from_config(config, (path.resolve().name,), _card(path), str(path), _date(path / "config.json"), tensors)


def from_config(
    config: Mapping[str, Any],
    names: tuple[str, ...],
    bases: tuple[str, ...],
    source: str,
    date: str,
    tensors: tuple[safetensors.StoredTensor, ...] = (),
) -> Found:
    """What config.json and the headers of the weights say."""
    size = sum(t.bytes for t in tensors)
    shape = config_json.shape(config)
    refuse_contradictions(shape, tensors)
    checkpoint = {"format": quantized.format_name(config), "official": False, "source": source}
    if size:
        checkpoint |= {"bytes": size, "note": _mix(tensors)}
    return Found(
        shape=shape,
        names=names,
        bases=(*bases, *paths([config.get("_name_or_path")])),
        context=config_json.context_window(config),
        checkpoint=checkpoint,
        source=source,
        date=date,
        tensors=tensors,
        speaks=config_json.speaks(config),
    )


def _card(directory: Path) -> tuple[str, ...]:
    """The base models that README.md's front matter names."""
    card = directory / "README.md"
    if not card.is_file() or card.stat().st_size > MIB:
        return ()
    return card_bases(read_bytes(card, MIB).decode("utf-8", "replace"))


def card_bases(card: str) -> tuple[str, ...]:
    """base_model of a model card's front matter, written as one name or as a list.

    >>> card_bases("---\\nlicense: mit\\nbase_model:\\n- Qwen/Qwen3-8B\\n---\\n# A model")
    ('Qwen/Qwen3-8B',)
    """
    front = re.match(r"---\r?\n(.*?)\r?\n---", card, re.DOTALL)
    value = re.search(r"^base_model:[ \t]*(\S*)((?:\r?\n[ \t]*- [^\r\n]*)*)", front[1], re.MULTILINE) if front else None
    names = [value[1], *re.findall(r"- ([^\r\n]*)", value[2])] if value else []
    return tuple(name.strip(" \t'\"") for name in names if name.strip(" \t'\""))


def _named(path: Path) -> str:
    """config.json goes by its directory's name, Qwen3-8B.json by its own."""
    return path.resolve().parent.name if path.stem == "config" else path.stem


def _date(path: Path) -> str:
    """When the file was last changed: the same file gives the same entry on any day."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _mix(tensors: tuple[safetensors.StoredTensor, ...]) -> str:
    """Bytes by stored type, largest first."""
    sums: dict[str, int] = {}
    for tensor in tensors:
        sums[tensor.type] = sums.get(tensor.type, 0) + tensor.bytes
    return "exact: " + ", ".join(
        _("{n} {b:,} bytes", n=n, b=b) for n, b in sorted(sums.items(), key=lambda item: -item[1])
    )
