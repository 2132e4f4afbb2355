"""The one door through which every file is read: regular files only, of a limited size, and JSON and YAML without their traps.

Nobody vouches for what is read: a file may be a pipe that never ends, a number may have a million digits, a document may nest or repeat itself
without end. What comes out is bounded in bytes, values, depth and digits, so that no input takes long or grows large.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _, retell
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from yaml import Node

CONFIG_LIMIT = 8 * 2**20  # bytes; the largest config.json of a Qwen is 12 KiB
INDEX_LIMIT = 64 * 2**20  # bytes; an index names every tensor: about 100 bytes each
JSON_VALUES = 1_000_000  # of one document; an index of the largest Qwen names 50,000 tensors
DIGITS = 20  # of a whole number; 2^63 has 19
YAML_VALUES = 100_000  # of one document, aliases counted as what they stand for; the shipped catalogue has 57,000
YAML_DEPTH = 64  # collections inside each other; the shipped catalogue has 6. libyaml's composer recurses in C: tens of thousands end the process
LIBYAML_DEPTH = "exceeded maximum nesting depth"  # what the libyaml of PyYAML 6.0.4 says from 1,000 collections on
_LONG_NUMBER = r"[-+]?(0[xX][0-9a-fA-F_]+|[0-9][0-9_:]*\.?[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9_]+)"


def open_file(path: Path, buffering: int = -1) -> BinaryIO:
    """A regular file, to be read. Raises QwenpickError for what is none: a directory, a pipe, a device, a loop of links, nothing.

    It is opened without waiting, and looked at once it is open: what a name stands for may change in between.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise QwenpickError(_("'{path}' is not a regular file", path=path)) from None
    except (OSError, ValueError, RuntimeError) as problem:
        raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise QwenpickError(_("'{path}' is not a regular file", path=path))
        return os.fdopen(number, "rb", buffering)
    except BaseException:
        os.close(number)
        raise


def file_size(path: Path) -> int:
    """Bytes of a regular file. Raises QwenpickError as `open_file`."""
    with open_file(path) as file:
        return os.fstat(file.fileno()).st_size


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a file that may have `limit` bytes at most."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            content = file.read(limit + 1) if size <= limit else b""
        except OSError as problem:
            raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None
    if max(size, len(content)) > limit:
        raise QwenpickError(
            _(
                "'{path}' has {size}; at most {limit} of such a file is read",
                path=path,
                size=format_bytes(max(size, len(content))),
                limit=format_bytes(limit),
            )
        )
    return content


def read_ends(path: Path, limit: int) -> bytes:
    """The content of a file; of one with more than `limit` bytes its beginning and its end, half of the limit each, as whole lines."""
    with open_file(path) as file:
        try:
            if os.fstat(file.fileno()).st_size <= limit:
                return file.read(limit)
            start = file.read(limit // 2)
            file.seek(-(limit // 2), os.SEEK_END)
            end = file.read(limit // 2)
        except OSError as problem:
            raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None
    return start[: start.rfind(b"\n") + 1] + end[end.find(b"\n") + 1 :]


def read_json(path: Path, limit: int = CONFIG_LIMIT) -> dict[str, Any]:
    """The JSON object in a file."""
    return parse_json(read_bytes(path, limit), str(path))


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in `data`. Duplicate keys, NaN, infinities, other encodings, absurd depth, length and numbers, and other values are refused.

    >>> parse_json(b'{"hidden_size": 4096}', "config.json")
    {'hidden_size': 4096}
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > JSON_VALUES:
        raise QwenpickError(_("'{what}' has more than {limit:,} values", what=what, limit=JSON_VALUES))
    text = decoded(data, what)
    if not text.strip():
        raise QwenpickError(_("'{what}' is empty", what=what))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except RecursionError:
        raise QwenpickError(_("'{what}' is nested too deeply to be a model's file", what=what)) from None
    except json.JSONDecodeError as problem:
        raise QwenpickError(
            _(
                "'{what}' is not valid JSON (line {line}, column {column})",
                what=what,
                line=problem.lineno,
                column=problem.colno,
            )
        ) from None
    except ValueError as problem:  # of ours: a key twice, a number too large
        raise QwenpickError(_("'{what}' is not valid JSON: {problem}", what=what, problem=problem)) from None
    if not isinstance(value, dict):
        raise QwenpickError(_("'{what}' is JSON, but not an object with names and values", what=what))
    return value


def decoded(data: bytes, what: str) -> str:
    """The text of a file. Raises QwenpickError where it is none."""
    try:
        return data.decode("utf-8")
    except ValueError:
        raise QwenpickError(_("'{what}' is not text in UTF-8", what=what)) from None


def parse_yaml(data: bytes | str, limit: int = YAML_VALUES) -> tuple[Node | None, Any]:
    """(the nodes, the content) of a YAML document, by libyaml where PyYAML has it (5-8 times faster).

    Raises ValueError for one that nests too deeply, has more than `limit` values or a number of absurd length; yaml.YAMLError where it is no YAML.
    """
    import yaml

    _refuse_boundless(data, limit)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    except RecursionError:
        raise ValueError(_("it refers to itself")) from None
    finally:
        loader.dispose()


def _refuse_boundless(data: bytes | str, limit: int) -> None:
    """Raises ValueError for a document that is too deep, too long once its aliases are followed, or holds an absurd number. Nothing is built."""
    import yaml

    too_deep = ValueError(_("it nests deeper than {limit}", limit=YAML_DEPTH))
    held, anchors = [0], dict[str, int]()
    names: list[str | None] = [None]
    try:
        for event in yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            match event:
                case yaml.CollectionStartEvent():
                    held.append(1)
                    names.append(event.anchor)
                    if len(held) > YAML_DEPTH + 1:
                        raise too_deep
                case yaml.CollectionEndEvent():
                    size, anchor = held.pop(), names.pop()
                    held[-1] += size
                    if anchor:
                        anchors[anchor] = size
                case yaml.AliasEvent():
                    if event.anchor in names:
                        raise ValueError(_("it refers to itself"))
                    held[-1] += anchors.get(event.anchor or "", 1)
                case yaml.ScalarEvent():
                    held[-1] += 1
                    if len(event.value) > 2 * DIGITS and event.implicit[0] and re.fullmatch(_LONG_NUMBER, event.value):
                        raise ValueError(_("it has a number of {digits:,} digits", digits=len(event.value)))
                case _:
                    pass
            if held[-1] > limit:
                raise ValueError(_("it has more than {limit:,} values", limit=limit))
    except yaml.MarkedYAMLError as fault:
        if fault.problem == LIBYAML_DEPTH:  # it looks ahead, and may say so before the events tell
            raise too_deep from None
        raise


# What systems say of files, with a small first letter
OF_SYSTEMS = (
    N_("no such file or directory"), N_("permission denied"), N_("it is a directory"), N_("it is not a directory"), N_("no space left on device"),
    N_("file name too long"), N_("read-only file system"), N_("connection refused"), N_("too many open files"),
)  # fmt: skip


def reason(problem: BaseException) -> str:
    """What the system said, without its error number.

    >>> reason(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return retell(text[:1].lower() + text[1:])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _unused in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key '{shown(twice, 80)}' appears twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{shown(digits, 20)} is too large a number")
    return number
