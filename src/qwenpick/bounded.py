"""Reading files nobody vouches for: regular files only, with a size limit, and JSON without its traps."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, NoReturn

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import format_bytes

CONFIG_LIMIT = 8 * 2**20  # the largest config.json of a Qwen is 12 KiB
YAML_DEPTH = 64  # collections inside each other; the shipped catalogue has 6. libyaml's composer recurses in C: tens of thousands end the process
LIBYAML_DEPTH = "exceeded maximum nesting depth"  # what the libyaml of PyYAML 6.0.4 says from 1,000 collections on
INDEX_LIMIT = 64 * 2**20  # an index names every tensor: about 100 bytes each


def file_size(path: Path) -> int:
    """Bytes of a regular file. Raises QwenpickError for what is none: a directory, a pipe, a device, a loop of links, nothing."""
    try:
        found = path.stat()
    except (OSError, ValueError, RuntimeError) as problem:
        raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None
    if not stat.S_ISREG(found.st_mode):
        raise QwenpickError(_("'{path}' is not a regular file", path=path))
    return found.st_size


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a file that may have `limit` bytes at most."""
    size = file_size(path)
    if size > limit:
        raise QwenpickError(
            _(
                "'{path}' has {size}; at most {limit} are read of such a file",
                path=path,
                size=format_bytes(size),
                limit=format_bytes(limit),
            )
        )
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as problem:
        raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None


def refuse_deep_yaml(text: str | bytes) -> None:
    """Raises ValueError for YAML whose collections nest deeper than any real file; yaml.YAMLError where it is none. To be called before composing."""
    import yaml

    depth, too_deep = 0, ValueError(_("it nests deeper than {limit}", limit=YAML_DEPTH))
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > YAML_DEPTH:
                raise too_deep
    except yaml.MarkedYAMLError as fault:
        if fault.problem == LIBYAML_DEPTH:  # it looks ahead, and may say so before the events tell
            raise too_deep from None
        raise


def read_json(path: Path, limit: int = CONFIG_LIMIT) -> dict[str, Any]:
    """The JSON object in a file."""
    return parse_json(read_bytes(path, limit), str(path))


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in `data`. Duplicate keys, NaN, infinities, other encodings, absurd depth and other values are refused.

    >>> parse_json(b'{"hidden_size": 4096}', "config.json")
    {'hidden_size': 4096}
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise QwenpickError(_("'{what}' is nested too deeply to be a model's file", what=what)) from None
    except ValueError as problem:
        raise QwenpickError(_("'{what}' is not valid JSON: {problem}", what=what, problem=problem)) from None
    if not isinstance(value, dict):
        raise QwenpickError(_("'{what}' holds a JSON {kind}, not an object", what=what, kind=type(value).__name__))
    return value


def reason(problem: BaseException) -> str:
    """What the system said, without its error number.

    >>> reason(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return text[:1].lower() + text[1:]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _unused in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
