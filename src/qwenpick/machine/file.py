"""A box as a file: what `qwenpick machine --save` writes and `--machine FILE` reads back, value for value."""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from qwenpick.bounded import parse_json, read_json
from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import N_, _
from qwenpick.machine.hardware import Machine
from qwenpick.storage import write_file

MACHINE_VERSION = 1  # raised when a field changes its meaning or goes; new fields have defaults and do not raise it
LARGEST_FILE = 8 * 2**20  # bytes; a box of a thousand devices takes one
WORDS = {
    int: N_("a whole number"),
    float: N_("a number"),
    str: N_("text"),
    bool: N_("true or false"),
    type(None): "null",
}


def to_json(machine: Machine) -> dict[str, Any]:
    """The machine as JSON values: every field, None as null, so that `from_json` gives an equal machine."""
    values = _plain(asdict(machine))
    if machine.nodes == 1:  # a single box is written as it always was
        values = {name: value for name, value in values.items() if name not in ("nodes", "link")}
    return {"machine_version": MACHINE_VERSION, **values}


def from_json(document: object) -> Machine:
    """The machine of `to_json`'s values, or of the envelope of `qwenpick machine --json`. Raises QwenpickError with field and remedy."""
    if isinstance(document, Mapping) and "machine" in document:
        document = document["machine"]
    if not isinstance(document, Mapping):
        raise QwenpickError(_("not a machine: it must be the JSON object that `qwenpick machine --save` writes"))
    version = document.get("machine_version")
    if version is None:
        raise QwenpickError(_("not a machine: it has no machine_version (`qwenpick machine --save FILE` writes one)"))
    if version != MACHINE_VERSION:
        raise QwenpickError(
            _(
                "machine_version {version} is not known; this qwenpick reads {machine_version}: upgrade it or save the machine again",
                version=version,
                machine_version=MACHINE_VERSION,
            )
        )
    machine: Machine = _value("", {k: v for k, v in document.items() if k != "machine_version"}, Machine)
    for index, device in enumerate(machine.devices):
        _not_more(f"devices[{index}].free", device.free, device.total)
        if device.vendor == "nvidia" and device.compute_capability is not None and device.capability is None:
            raise QwenpickError(
                _(
                    "devices[{index}].compute_capability is '{value}'; of NVIDIA it is like 8.9",
                    index=index,
                    value=shown(device.compute_capability),
                )
            )
    _not_more("ram_free", machine.ram_free, machine.ram_total)
    return machine


STDIN = Path("-")  # --machine -: what another machine printed, handed on


def read(path: Path) -> Machine:
    """The machine in a file, `-` is standard input; its origin is `file`. Raises QwenpickError that names the file and what is wrong with it."""
    if path != STDIN and not path.exists():
        raise QwenpickError(
            _("there is no machine file {path} (`qwenpick machine --save {path}` writes one)", path=path)
        )
    document = _standard_input() if path == STDIN else read_json(path, LARGEST_FILE)
    try:
        machine = from_json(document)
    except QwenpickError as error:
        raise QwenpickError(f"{path}: {error}") from None
    return replace(machine, origin="file", unreadable=_unreadable(machine))


def _standard_input() -> dict[str, Any]:
    content = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise QwenpickError(_("standard input is too large to be a machine"))
    return parse_json(content, "-")


def _unreadable(machine: Machine) -> tuple[str, ...]:
    """Why hardware could not be read, as the file says; where it gives no reason, the devices whose memory it leaves open."""
    said = tuple(line for line in machine.unreadable if line.strip())
    return said or tuple(
        _("the file does not say how much memory {name} has", name=device.name)
        for device in machine.devices
        if device.total is None and device.free is None
    )


def text(machine: Machine) -> str:
    """The file's content: the same machine gives the same bytes."""
    return json.dumps(to_json(machine), indent=2, ensure_ascii=False) + "\n"


def save(machine: Machine, path: Path) -> None:
    """Write the machine to a file. Raises QwenpickError if that cannot be done."""
    write_file(path, text(machine))


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@cache
def _types(kind: type) -> Mapping[str, Any]:
    from qwenpick.catalog.vendors import Vendor

    return typing.get_type_hints(kind, localns={"Vendor": Vendor})


def _value(where: str, value: Any, wanted: Any) -> Any:
    """`value` as the type `wanted`; `where` names it in errors."""
    arguments = typing.get_args(wanted)
    match typing.get_origin(wanted):
        case types.UnionType | typing.Union:
            if value is None and type(None) in arguments:
                return None
            return _value(where, value, next(a for a in arguments if a is not type(None)))
        case typing.Literal:
            if value not in arguments:
                raise QwenpickError(
                    _(
                        "{where} is {value}; known: {known}",
                        where=where,
                        value=_shown(value),
                        known=", ".join(map(str, arguments)),
                    )
                )
            return value
        case origin if origin is tuple:
            if not isinstance(value, list):
                raise QwenpickError(_("{where} is {value}; it must be a list", where=where, value=_shown(value)))
            return tuple(_value(f"{where}[{index}]", item, arguments[0]) for index, item in enumerate(value))
        case origin if origin is dict:
            _object(where, value)
            return {key: _value(f"{where}.{key}", item, arguments[1]) for key, item in value.items()}
    return _record(where, value, wanted) if is_dataclass(wanted) else _scalar(where, value, wanted)


def _record(where: str, value: Any, wanted: Any) -> Any:
    _object(where or _("the machine"), value)
    known, dot = _types(wanted), f"{where}." if where else ""
    for name in value:
        if name not in known:
            raise QwenpickError(
                _(
                    "{dot}{name} is not a field of a {kind}{near}",
                    dot=dot,
                    name=name,
                    kind=wanted.__name__.lower(),
                    near=did_you_mean(str(name), known),
                )
            )
    missing = [f.name for f in fields(wanted) if f.name not in value and f.name in {"name", "vendor", "total", "free"}]
    if missing and wanted.__name__ == "Device":
        raise QwenpickError(
            _("{where} lacks {missing} (null where it is not known)", where=where, missing=" and ".join(missing))
        )
    return wanted(**{name: _value(f"{dot}{name}", item, known[name]) for name, item in value.items()})


def _object(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise QwenpickError(_("{where} is {value}; it must be an object", where=where, value=_shown(value)))


def _scalar(where: str, value: Any, wanted: type) -> Any:
    """A bool is no number here; an int is a float where a float is wanted; no size, count or rate is negative."""
    right = isinstance(value, int | float) if wanted is float else isinstance(value, wanted)
    if not right or (isinstance(value, bool) and wanted is not bool):
        raise QwenpickError(
            _("{where} is {value}; it must be {words}", where=where, value=_shown(value), words=_(WORDS[wanted]))
        )
    if wanted in (int, float) and not 0 <= value < 2**63:
        raise QwenpickError(
            _("{where} is {value}; it must be zero or more, and a size that exists", where=where, value=_shown(value))
        )
    return float(value) if wanted is float else value


def _not_more(where: str, part: int | None, whole: int | None) -> None:
    if part is not None and whole is not None and part > whole:
        raise QwenpickError(_("{where} is {part}, more than the total of {whole}", where=where, part=part, whole=whole))


def _shown(value: Any) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return written if len(written) <= 40 else written[:37] + "…"
