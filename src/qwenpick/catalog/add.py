"""Laying an entry into a person's own catalogue file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qwenpick.bounded import reason
from qwenpick.catalog.read import read_file, read_yaml
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.storage import write_whole

HEADER = "# A catalogue laid over the shipped one; `qwenpick catalog check` says whether it is right.\n"


def add(file: Path, entry: str) -> None:
    """Write the entries of a YAML text into the file: one of the same id is replaced, the others stay. Nothing is left half-written.

    Comments of the file are not kept. Raises QwenpickError where the file cannot be read or written.
    """
    import yaml

    new: dict[str, list[dict[str, Any]]] = yaml.safe_load(entry)
    try:
        old = read_yaml(read_file(file)) if file.exists() else None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise QwenpickError(_("cannot read {file} to add to it: {error}", file=file, error=error)) from error
    document = old if isinstance(old, dict) else {}
    for section, entries in new.items():
        known = document.get(section) or []
        if not isinstance(known, list) or not all(isinstance(item, dict) and "id" in item for item in known):
            raise QwenpickError(_("{file} is not a catalog: `qwenpick catalog check {file}` says why", file=file))
        kept = {item["id"]: item for item in known} | {item["id"]: item for item in entries}
        document[section] = [kept[name] for name in sorted(kept)]
    text = HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.encode())
    except OSError as error:
        raise QwenpickError(_("cannot write {file}: {problem}", file=file, problem=reason(error))) from error
