"""A run as one row of CSV that names hardware, engine and model and nothing of the person: what an issue about a wrong estimate needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qwenpick import __version__
from qwenpick.cleaning import clean

if TYPE_CHECKING:
    from qwenpick.verify.compare import Comparison
    from qwenpick.verify.observation import Observation
    from qwenpick.verify.recognise import Recognised

COLUMNS = (
    "qwenpick", "engine", "engine_version", "model", "format", "device", "context", "sequences", "kv_cache", "options", "predicted", "actual",
)  # fmt: skip


def anonymous_row(run: Recognised, seen: Observation, found: Comparison) -> str:
    """A heading and the row. `predicted` and `actual` are `kind@place=number` in bytes, tokens or blocks; paths that options hold are left out."""
    options = {
        name: value for name, value in sorted(seen.options.items()) if not (isinstance(value, str) and "/" in value)
    }
    values = (
        __version__,
        seen.engine,
        seen.version or "",
        run.model.id,
        run.checkpoint.format,
        seen.device or "",
        seen.context or "",
        seen.sequences or "",
        seen.kv_cache or "",
        " ".join(f"{name}={value}" for name, value in options.items()),
        _numbers((row.kind, row.where, row.unit, _int(row.predicted)) for row in found.rows),
        _numbers((row.kind, row.where, row.unit, _int(row.actual)) for row in found.rows),
    )
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, [clean(str(value)) for value in values]])
    return out.getvalue().rstrip("\n")


def _int(number: float | None) -> int | None:
    return None if number is None else round(number)


def _numbers(rows: Iterable[tuple[str, str, str, int | None]]) -> str:
    return " ".join(
        f"{kind.replace(' ', '_')}{'' if unit == 'bytes' else f'_{unit}'}@{where}={number}"
        for kind, where, unit, number in rows
        if number is not None
    )
