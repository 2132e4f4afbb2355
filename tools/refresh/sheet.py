"""Figures from spec sheets and price pages: `python -m tools.refresh.sheet figures.csv [--write]`. A file somebody made from the pages, row by row.

    id,field,value,date,source
    a10g,used_price.usd,900,2027-01-03,https://…
    h20-96gb,rates.fp16,148e12,2027-01-03,https://…

Prints the diff by field and, with --write, puts the entries into data/gpus.yaml. Refused are unknown ids and fields, values that the schema does
not take, prices older than the one that stands there, and rows whose source is no address.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from tools.refresh.changes import differences, put

from qwenpick.catalog.read import read_yaml
from qwenpick.catalog.schema import Gpu

GPUS = Path(__file__).parents[2] / "data" / "gpus.yaml"
FIELDS = ("id", "field", "value", "date", "source")


def rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of a sheet. ValueError for other columns, a day that is none, and a source that is no address."""
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != FIELDS:
        raise ValueError(f"the columns are {', '.join(FIELDS)}")
    for number, row in enumerate(reader, 2):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"] or ""):
            raise ValueError(f"line {number}: '{row['date']}' is not a day such as 2027-01-03")
        if not re.match(r"https?://\S+", row["source"] or ""):
            raise ValueError(f"line {number}: the source is not a public address")
        yield row


def apply(row: Mapping[str, str], records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The record with the row's figure in it. ValueError with the reason where it may not be."""
    before = records.get(row["id"])
    if before is None:
        raise ValueError(f"{row['id']}: there is no such GPU")
    after = copy.deepcopy(dict(before))
    *path, last = row["field"].split(".")
    place: dict[str, Any] = after
    for part in path:
        place = place.setdefault(part, {})
    if path and path[0].endswith("_price"):
        if str(place.get("date") or "") > row["date"]:
            raise ValueError(f"{row['id']}: {row['field']} of {place['date']} is newer")
        place.update(date=row["date"], source=row["source"])
        place.pop("text", None)
    place[last] = yaml.safe_load(row["value"]) if re.fullmatch(r"-?\d+", row["value"]) else _number(row["value"])
    after.get("unknown", {}).pop(path[-1] if path and path[-1] != "rates" else last, None)
    if not after.get("unknown", True):
        del after["unknown"]
    after["checked"] = row["date"]
    if row["source"] not in str(after["source"]) and not (path and path[0].endswith("_price")):
        after["source"] = f"{after['source']} ; {row['source']}"
    try:
        Gpu.model_validate(after)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ValueError(f"{row['id']}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return after


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def main() -> int:
    """Print the diff; 2 when a row was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--write", action="store_true", help="put the entries into data/gpus.yaml")
    options = parser.parse_args()
    text = GPUS.read_text(encoding="utf-8")
    records = {record["id"]: record for record in read_yaml(text.encode())["gpus"]}
    refused = 0
    for row in rows(options.sheet.read_text(encoding="utf-8")):
        try:
            after = apply(row, records)
        except ValueError as problem:
            print(f"refused  {problem}")
            refused += 1
            continue
        for line in differences(records[row["id"]], after):
            print(f"{row['id']}: {line}")
        records[row["id"]] = after
        text = put(text, after, "gpus")
    if options.write and not refused:
        GPUS.write_text(text, encoding="utf-8")
    return 2 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
