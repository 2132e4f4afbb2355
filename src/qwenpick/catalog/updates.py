"""A newer catalogue than the package's, where the person asked for one: kept whole in the person's data directory, and gone back from.

    <data directory>/catalogue/current          {"now": "2026-12-24-0a1b2c", "before": null}
    <data directory>/catalogue/2026-12-24-0a1b2c/models.yaml …

The pointer is written last and in one step, so that there is always one whole catalogue. Nothing here happens by itself.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.bounded import reason
from qwenpick.catalog.cache import NAMES
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.storage import private, user_directory, write_whole

if TYPE_CHECKING:
    from qwenpick.catalog.bundle import Bundle

POINTER = "current"


def installed(shipped_date: str) -> Path | None:
    """The directory of the person's catalogue; None where there is none, and where the package's own is as new (it was updated since)."""
    home = _home()
    now, _before = _pointed(home) if home else (None, None)
    if home is None or now is None:
        return None
    found = home / now
    return found if now[:10] > shipped_date and all((found / name).is_file() for name in NAMES) else None


def install(bundle: Bundle, present: str) -> Path:
    """Keeps a checked bundle and makes it the catalogue. Raises QwenpickError where it is not newer than the `present` date or cannot be written."""
    if bundle.date <= present:
        raise QwenpickError(
            _(
                "that catalog is of {date} and the one in use of {present}: nothing to do",
                date=bundle.date,
                present=present,
            )
        )
    home = _home()
    place = private(home) if home else None
    if place is None:
        raise QwenpickError(_("there is no directory of your own to keep a catalog in"))
    now, _older = _pointed(place)
    name = f"{bundle.date}-{bundle.digest}"
    try:
        directory = place / name
        directory.mkdir(exist_ok=True, mode=0o700)
        for file, content in bundle.files.items():
            write_whole(directory / file, content)
        _point(place, name, now)
    except OSError as problem:
        raise QwenpickError(_("the catalog could not be written: {reason}", reason=reason(problem))) from None
    _tidy(place, {name, now or name})
    return directory


def undo() -> str | None:
    """Goes back to the catalogue before; its name, None where that is the package's own. Raises QwenpickError where nothing was installed."""
    home = _home()
    now, before = _pointed(home) if home else (None, None)
    if home is None or now is None:
        raise QwenpickError(_("no catalog was installed: the package's own is in use"))
    try:
        if before and (home / before).is_dir():
            _point(home, before, None)
        else:
            (home / POINTER).unlink()
            before = None
    except OSError as problem:
        raise QwenpickError(_("the catalog could not be written: {reason}", reason=reason(problem))) from None
    _tidy(home, {before} if before else set())
    return before


def _home() -> Path | None:
    directory = user_directory("data")
    return directory / "catalogue" if directory else None


def _pointed(home: Path) -> tuple[str | None, str | None]:
    """(the directory in use, the one before) by name; names that are no name of ours are none."""
    pointer = home / POINTER
    try:
        found = pointer.stat()
        return _read(pointer, found.st_mtime_ns, found.st_size)
    except (OSError, ValueError):
        return None, None


@cache
def _read(pointer: Path, _changed: int, size: int) -> tuple[str | None, str | None]:
    if size > 1000:
        return None, None
    said = json.loads(pointer.read_text(encoding="utf-8"))
    now, before = (name if _is_name(name) else None for name in (said.get("now"), said.get("before")))
    return now, before


def _is_name(name: object) -> bool:
    """Whether that is a day and a digest: nothing that leads elsewhere."""
    return isinstance(name, str) and len(name) == 23 and not set(name) - set("0123456789abcdef-")


def _point(home: Path, now: str, before: str | None) -> None:
    write_whole(home / POINTER, json.dumps({"now": now, "before": before}).encode("ascii"))


def _tidy(home: Path, kept: set[str]) -> None:
    """Removes the catalogues that nothing points to."""
    for directory in home.iterdir():
        if _is_name(directory.name) and directory.name not in kept:
            shutil.rmtree(directory, ignore_errors=True)
