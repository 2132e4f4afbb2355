"""What is wrong with a catalogue file, as sentences that name the line, the entry, the field and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from qwenpick.bounded import parse_yaml
from qwenpick.catalog.formats import FORMAT_NAMES
from qwenpick.catalog.read import KINDS, read_file, shipped_records
from qwenpick.catalog.schema import Architecture, CloudOffer, Derivative, Gpu, Model, ModelFiles
from qwenpick.catalog.sentences import sentence
from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import N_, _

if TYPE_CHECKING:
    from yaml import Node

_TYPES: Mapping[str, type[BaseModel]] = {
    "architectures": Architecture,
    "models": Model,
    "files": ModelFiles,
    "derivatives": Derivative,
    "gpus": Gpu,
    "cloud": CloudOffer,
}
_REFERENCES = {
    "models": {
        "architecture": "architectures",
        "predecessor": "models",
        "successor": "models",
        "open_alternative": "models",
    },
    "derivatives": {"base": "models"},
    "cloud": {"gpu": "gpus"},
}
_NAMES = {
    "architectures": N_("architecture"),
    "models": N_("model"),
    "files": N_("files of model"),
    "derivatives": N_("derivative"),
    "gpus": N_("gpu"),
    "cloud": N_("cloud offer"),
}


def check(path: Path) -> list[str]:
    """The problems of a catalogue file laid over the shipped one; [] when there are none."""
    try:
        content = read_file(path)
    except QwenpickError as error:
        return [str(error)]
    shipped = shipped_records()
    return faults(content, {kind: shipped(kind) for kind in KINDS})


def faults(content: bytes, below: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The problems of a catalogue file's content, laid over the records `below`."""
    import yaml

    try:
        root, document = parse_yaml(content)
    except (yaml.YAMLError, ValueError) as error:
        return [_syntax(error)]
    if document is None:
        return [_("the file is empty; it needs a list 'architectures', 'models', 'gpus' or 'cloud'")]
    if not isinstance(document, dict):
        return [
            _(
                "line 1: the file must be a mapping with {known}, not {kind_of}",
                known=", ".join(KINDS),
                kind_of=_kind_of(document),
            )
        ]
    found = [*_duplicate_keys(root, set())]
    entries: dict[str, dict[str, tuple[str, Any]]] = {kind: {} for kind in KINDS}
    for kind, items in document.items():
        if kind not in KINDS:
            found.append(
                _(
                    "line {line}: unknown section '{kind}'{near} it can be {known}",
                    line=_line(root, kind),
                    kind=shown(kind),
                    near=did_you_mean(shown(kind), KINDS) or ";",
                    known=", ".join(KINDS),
                )
            )
        elif not isinstance(items, list | None):
            found.append(
                _(
                    "line {line}: '{kind}' must be a list of entries, each starting with '- id:'",
                    line=_line(root, kind),
                    kind=kind,
                )
            )
        else:
            for index, record in enumerate(items or ()):
                found += _entry_faults(kind, record, _line(root, kind, index), entries[kind])
    return [*found, *_dangling(entries, below), *_shared_tags(entries)]


def _entry_faults(kind: str, record: Any, line: int, seen: dict[str, tuple[str, Any]]) -> Iterator[str]:
    """The problems of one entry. Adds it, and where it stands in words, to `seen`."""
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        yield _(
            "line {line}: this {what} has no 'id'; add one, for example 'id: my-{kind}'",
            line=line,
            what=_(_NAMES[kind]),
            kind=_NAMES[kind].split()[-1],
        )
        return
    where = _("line {line}: {what} '{record}'", line=line, what=_(_NAMES[kind]), record=" ".join(record["id"].split()))
    if record["id"] in seen:
        yield _("{where} appears twice in this file; remove one or give it another id", where=where)
    seen[record["id"]] = (where, record)
    try:
        _TYPES[kind].model_validate(record)
    except ValidationError as error:
        broken = error.errors(include_url=False)
        for fault in broken:
            inner = any(
                len(other["loc"]) > len(fault["loc"]) and other["loc"][: len(fault["loc"])] == fault["loc"]
                for other in broken
            )
            if not (fault["type"] == "too_short" and inner):  # a list that is too short because its items are refused
                yield f"{where}: {sentence(_TYPES[kind], dict(fault))}"


def _dangling(
    entries: Mapping[str, Mapping[str, tuple[str, Any]]], below: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """References to entries and formats that do not exist."""
    known = {kind: {*below[kind], *entries[kind]} for kind in KINDS}
    for where, record in entries["files"].values():
        if record["id"] not in known["models"] | known["derivatives"]:
            yield _("{where}: there is no model of that id; add it", where=where)
    for kind, fields in _REFERENCES.items():
        for where, record in entries[kind].values():
            for field, target in fields.items():
                value = record.get(field)
                if isinstance(value, str) and value not in known[target]:
                    remedy = did_you_mean(value, known[target]) or _("; add it or remove the field")
                    yield _(
                        "{where}: {field} '{value}' is not in the catalog{remedy}",
                        where=where,
                        field=field,
                        value=value,
                        remedy=remedy,
                    )
    for where, record in entries["models"].values():
        checkpoints = record.get("checkpoints")
        for checkpoint in checkpoints if isinstance(checkpoints, list) else ():
            name = checkpoint.get("format") if isinstance(checkpoint, dict) else None
            held = checkpoint.get("formats") if isinstance(checkpoint, dict) else None
            for wrong in (
                w for w in (held if isinstance(held, list) else ()) if isinstance(w, str) and w not in FORMAT_NAMES
            ):
                yield _(
                    "{where}: there is no format '{name}'{near}",
                    where=where,
                    name=wrong,
                    near=did_you_mean(wrong, FORMAT_NAMES) or _(" (such as bf16, fp8, awq-int4, gguf)"),
                )
            if isinstance(name, str) and name not in {*FORMAT_NAMES, "gguf"}:
                yield _(
                    "{where}: there is no format '{name}'{near}",
                    where=where,
                    name=name,
                    near=did_you_mean(name, FORMAT_NAMES) or _(" (such as bf16, fp8, awq-int4, gguf)"),
                )


def _shared_tags(entries: Mapping[str, Mapping[str, tuple[str, Any]]]) -> Iterator[str]:
    """Tags of Ollama's library that two models have: what is fetched under one name is one model."""
    owner: dict[str, str] = {}
    for kind in ("models", "files"):
        for where, record in entries[kind].values():
            for tag in _tags(record):
                if owner.setdefault(tag, record["id"]) != record["id"]:
                    yield _(
                        "{where}: the tag '{value}' is {other}'s; a tag holds one model",
                        where=where,
                        value=shown(tag),
                        other=owner[tag],
                    )


def _tags(record: Mapping[str, Any]) -> Iterator[str]:
    """The tags of a model's entry, or of its listings; nothing of what is not written as it should be."""
    if isinstance(tag := record.get("ollama"), str):
        yield tag
    listings = record.get("published")
    for listing in listings if isinstance(listings, list) else ():
        formats = listing.get("tags") if isinstance(listing, dict) else None
        for tags in formats.values() if isinstance(formats, dict) else ():
            yield from (tag for tag in (tags if isinstance(tags, dict) else ()) if isinstance(tag, str))


def _duplicate_keys(node: Node | None, visited: set[int]) -> Iterator[str]:
    """Keys that a mapping has twice, which YAML readers accept silently."""
    import yaml

    if id(node) in visited:  # an anchor that is used again
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield _("line {line}: a key is a word, not a list or a mapping", line=line)
                continue
            if key.value in seen:
                yield _(
                    "line {line}: '{value}' appears again (first on line {seen}); keep one",
                    line=line,
                    value=shown(key.value),
                    seen=seen[key.value],
                )
            seen.setdefault(key.value, line)
            yield from _duplicate_keys(value, visited)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_keys(item, visited)


def _line(root: Node | None, kind: str, index: int | None = None) -> int:
    """The line on which a section, or an entry of it, begins."""
    for key, value in getattr(root, "value", ()):
        if key.value == kind:
            items = value.value if index is not None else ()
            node = items[index] if index is not None and index < len(items) else key
            return int(node.start_mark.line) + 1
    return 1


def _syntax(error: Exception) -> str:
    """A YAML error in one sentence."""
    where = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if where is None:
        return _("this is not YAML: {problem}", problem=problem)
    return _(
        "line {line}, column {column}: this is not YAML: {problem} (check indentation, colons and quotes there)",
        line=where.line + 1,
        column=where.column + 1,
        problem=problem,
    )


def _kind_of(value: Any) -> str:
    names = {"str": "text", "int": "number", "float": "number"}
    return names.get(type(value).__name__, type(value).__name__)
