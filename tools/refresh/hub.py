"""What moved at the hub: `python -m tools.refresh.hub --online [--owner Qwen] [--out proposed.yaml]`, or `--recorded DIR` in place of a network.

Reads an organisation's listing (repositories, licences, counts), and of each repository that the catalogue does not name its config.json,
card, safetensors index and headers, through the readers that `fit --online` uses. Proposes entries as YAML with source and date, prints a diff
by field for those that are known, and refuses what contradicts a proven count. Nothing is written into data/: a person reads it first.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import prod
from pathlib import Path
from typing import Any

from tools.refresh.text import flow

from qwenpick.catalog import Architecture, Catalog, Model, load
from qwenpick.errors import QwenpickError
from qwenpick.memory.tensors import parameters
from qwenpick.readers.hub import read_id
from qwenpick.readers.hub_gguf import read_files
from qwenpick.readers.reading import Fetch

LISTING = "https://huggingface.co/api/models?author={owner}&limit=1000&full=true&expand[]=safetensors&expand[]=tags&expand[]=siblings"
# A repository of another precision: what its name has at its end, and the format that the catalogue calls it.
PRECISIONS = (
    ("-FP8", "fp8"), ("-AWQ", "awq-int4"), ("-GPTQ-Int4", "gptq-int4"), ("-GPTQ-Int8", "gptq-int8"), ("-GGUF", "gguf"),
    ("-MLX-4bit", "mlx-4bit"), ("-MLX-5bit", "mlx-5bit"), ("-MLX-6bit", "mlx-6bit"), ("-MLX-8bit", "mlx-8bit"), ("-MLX-bf16", "mlx-bf16"),
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A repository as the hub's listing has it."""

    repo: str
    licence: str | None
    count: int | None
    files: Mapping[str, int]  # of weights, with their bytes where the listing has them, else 0


@dataclass
class Proposal:
    """What to change: new entries and checkpoints as YAML, differing fields, and what is refused with the reason."""

    entries: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read_listing(raw: bytes) -> list[Listed]:
    """The repositories of a listing: an array of objects with `id`, `tags` (`license:…`) and `safetensors.total`. ValueError for another shape."""
    content: Any = json.loads(raw)
    if not isinstance(content, list):
        raise ValueError("the listing is not an array")
    found = []
    for item in content:
        tags = [tag for tag in item.get("tags") or () if isinstance(tag, str)]
        licence = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
        total = (item.get("safetensors") or {}).get("total")
        files = {
            str(s["rfilename"]): int(s.get("size") or 0)
            for s in item.get("siblings") or ()
            if str(s["rfilename"]).endswith(".gguf")
        }
        found.append(Listed(str(item["id"]), licence, total if isinstance(total, int) else None, files))
    return sorted(found, key=lambda one: one.repo)


def propose(listed: Iterable[Listed], catalog: Catalog, fetch: Fetch, day: str) -> Proposal:
    """What the listing says that the catalogue does not."""
    models = {model.huggingface: model for model in catalog.models.values() if model.huggingface}
    known = {c.repo for model in catalog.models.values() for c in (*model.checkpoints, *model.published) if c.repo}
    found = Proposal()
    for one in listed:
        if model := models.get(one.repo):
            _compare(one, model, found)
        elif one.repo in known:
            continue
        elif base := _of_another_precision(one.repo, models):
            _checkpoint(one, *base, catalog, fetch, day, found)
        else:
            _read(one, catalog, fetch, day, found)
    return found


def _checkpoint(
    one: Listed, model: Model, name: str, catalog: Catalog, fetch: Fetch, day: str, found: Proposal
) -> None:
    """A checkpoint of a known model; of a GGUF repository with its files, once the header of the first sums to the model's tensors."""
    weights = sorted(file for file in one.files if not file.rsplit("/", 1)[-1].startswith("mmproj"))
    try:
        headers = read_files(one.repo, weights[0], fetch) if weights else None
    except QwenpickError as problem:
        found.refused.append(f"{one.repo}: {problem}")
        return
    if headers:
        held = sum(prod(tensor.shape) for header in headers for tensor in header.tensors)
        if held not in (counts := _counts(catalog.architecture(model))):
            found.refused.append(f"{one.repo}: {weights[0]} holds {held:,} parameters, {model.id} has {min(counts):,}")
            return
    checkpoint = {"format": name, "repo": one.repo, "source": f"https://huggingface.co/{one.repo} ({day})"}
    lines = "".join(f"# {file}: {one.files[file]}\n" for file in sorted(one.files) if one.files[file])
    found.checkpoints.append(f"# {model.id}\n    - {flow(checkpoint)}\n{lines}")


def _counts(architecture: Architecture) -> set[int]:
    """What a repository may hold: the model, with its MTP block or without, a tied head stored twice or once."""
    counted, mtp = parameters(architecture), parameters(architecture, "mtp")
    head = architecture.vocab_size * architecture.hidden_size if architecture.tied_embeddings else 0
    return {counted, counted + mtp, counted + head, counted + mtp + head}


def _compare(one: Listed, model: Model, found: Proposal) -> None:
    """A diff by field of a model that the catalogue has; a count that its tensors contradict is refused."""
    if one.licence and one.licence not in ("other", model.licence.id):
        found.fields.append(
            f"{model.id}: licence.id: {model.licence.id} -> {one.licence} (https://huggingface.co/{one.repo})"
        )
    stated = model.parameters
    if one.count is None or stated is None or one.count in (stated.published, stated.total):
        return
    found.refused.append(
        f"{model.id}: the hub counts {one.count:,} parameters, the catalogue {stated.published or stated.total:,}, proven by its tensors"
    )


def _of_another_precision(repo: str, models: dict[str | None, Model]) -> tuple[Model, str] | None:
    """(the model, the format) of a repository that holds a known model in another precision, by the end of its name."""
    for end, name in PRECISIONS:
        if repo.casefold().endswith(end.casefold()) and (model := models.get(repo[: -len(end)])):
            return model, name
    return None


def _read(one: Listed, catalog: Catalog, fetch: Fetch, day: str, found: Proposal) -> None:
    """An entry for a repository that the catalogue does not name."""
    from qwenpick.readers import entry

    try:
        reading = read_id(one.repo, catalog, fetch, day)
    except QwenpickError as problem:
        found.refused.append(f"{one.repo}: {problem}")
        return
    if one.count is not None and one.count not in (counts := _counts(reading.architecture)):
        found.refused.append(
            f"{one.repo}: the hub counts {one.count:,} parameters, its config gives {min(counts):,} to {max(counts):,}"
        )
        return
    text = entry(reading.model, reading.architecture, catalog.architectures)
    found.entries.append(f"# https://huggingface.co/{one.repo}, {day}; licence {one.licence or 'not stated'}\n{text}")


def recorded(directory: Path) -> Fetch:
    """A hub that is a directory: OWNER/NAME/FILE. What is not there is not there."""

    def fetch(repo: str, file: str, first: int, last: int) -> bytes | None:
        path = directory / repo / file
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo) or not re.fullmatch(r"[\w./-]+", file) or not path.is_file():
            return None
        data = path.read_bytes()
        return data if last < 0 else data[first : last + 1]

    return fetch


def main() -> int:
    """Print the proposal; 1 when there is something to look at."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--online", action="store_true", help="ask huggingface.co (needs huggingface_hub)")
    where.add_argument("--recorded", type=Path, help="a directory with listing.json and OWNER/NAME/FILE")
    parser.add_argument("--owner", default="Qwen")
    parser.add_argument("--out", type=Path, help="write the proposed YAML there")
    options = parser.parse_args()
    if options.online:
        from qwenpick.readers.hub_client import download, online_fetch

        raw, fetch = (
            download(LISTING.format(owner=options.owner), 0, -1, {}) or b"[]",
            online_fetch(options.owner, Path(tempfile.mkdtemp())),
        )
    else:
        raw, fetch = (options.recorded / "listing.json").read_bytes(), recorded(options.recorded)
    found = propose(read_listing(raw), load(own=False), fetch, date.today().isoformat())
    for title, lines in (
        ("refused", found.refused),
        ("fields", found.fields),
        ("checkpoints", found.checkpoints),
        ("new", found.entries),
    ):
        print(f"{title}: {len(lines)}")
        print("".join(f"  {line}\n" for line in lines), end="")
    if options.out:
        options.out.write_text("\n".join([*found.entries, *found.checkpoints]), encoding="utf-8")
    return int(any((found.refused, found.fields, found.checkpoints, found.entries)))


if __name__ == "__main__":
    sys.exit(main())
