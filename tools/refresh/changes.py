"""What a proposal changes, field by field, and how an entry is put into a catalogue file without touching the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.refresh.text import entry, flow


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A line for each field that differs: `rates.fp16: 35.0e+12 -> 70.0e+12`.

    >>> [*differences({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}, "d": 4})]
    ['a: 1 -> nothing', 'b.c: 2 -> 3', 'd: nothing -> 4']
    """
    for field in [*before, *(field for field in after if field not in before)]:
        old, new = before.get(field), after.get(field)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{path}{field}.")
        else:
            yield f"{path}{field}: {_said(old)} -> {_said(new)}"


def put(text: str, record: Mapping[str, Any], section: str) -> str:
    """The text of a catalogue file with this entry in the place of the one of its id, or where its id belongs in the section.

    Raises ValueError for a section that the file does not have.
    """
    found = re.search(rf"(?m)^{section}:\n", text)
    if found is None:
        raise ValueError(f"no section '{section}'")
    start = re.compile(r"\n*").match(text, found.end()).end()  # type: ignore[union-attr]
    after = re.compile(r"(?m)^\w+:\n").search(text, start)
    end = after.start() if after else len(text)
    blocks = [block.rstrip("\n") + "\n" for block in re.split(r"(?m)^(?=- \{?id: )", text[start:end]) if block.strip()]
    named = {_id(block): block for block in blocks}
    in_lines = any(block.startswith("- {") for block in blocks)  # cloud.yaml: an entry a line
    named[record["id"]] = f"- {flow(record)}\n" if in_lines else entry(record)
    body = ("" if in_lines else "\n").join(named[name] for name in sorted(named))
    return text[:start] + body + ("\n" if after else "") + text[end:]


def _id(block: str) -> str:
    found = re.match(r"- \{?id: '?([^'\s,]+)'?", block)
    if found is None:
        raise ValueError(f"an entry without an id: {block[:60]}")
    return found[1]


def _said(value: Any) -> str:
    return "nothing" if value is None else f"{value}"
