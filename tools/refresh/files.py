"""Which files are published: `python -m tools.refresh.files --online REPO …`, `--recorded DIR REPO …`, or `--app FILE --source URL --day DATE`.

Reads the hub's answer for a repository (its files with their bytes and its commit), or an application's catalogue of files (Jan's and Atomic
Chat's, whose sizes are rounded to a tenth of a unit), groups the files into formats, and prints what differs from data/files.json.
Without names, the repositories that are listed already are read anew; `--write` puts the answers in their place. Nothing is guessed: a file whose
format its name does not say, a series with a part missing and a file without bytes are left out, and said.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.refresh.changes import differences

from qwenpick.catalog import Catalog, load
from qwenpick.catalog.lookup import find_model
from qwenpick.catalog.read import data_directory
from qwenpick.catalog.schema import ModelFiles
from qwenpick.errors import QwenpickError
from qwenpick.readers.known import plain_name

# of an application's catalogue; more by name
PUBLISHERS = ("Qwen", "unsloth", "ggml-org", "lmstudio-community", "bartowski", "mlx-community")
ANSWER = "https://huggingface.co/api/models/{repo}?blobs=true"
UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}  # of both catalogues: 2.4 GB there are 2.4 GiB
STEP = round(2**30 / 10)  # bytes: what a tenth of their unit leaves open, for files of a GiB and more
_LABEL = re.compile(
    r"(?i)(?:^|[-._/])(?P<label>(?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)+|BF16|F16|FP16|F32|MXFP4_MOE|MXFP4|NVFP4))(?:-\d{5}-of-(?P<parts>\d{5}))?\.gguf$"
)
_BESIDE = re.compile(r"(?i)imatrix|dflash|draft|eagle|(?:^|/)mtp-")  # no weights of the model
_MLX = re.compile(r"(?i)(?P<name>.+?)-(?:MLX-)?(?P<format>[234568]bit|bf16|nvfp4|mxfp4|mxfp8)(?P<group>-gs32)?")
_SHARD = re.compile(r"(?:model|.+)-\d{5}-of-(?P<parts>\d{5})\.safetensors|model\.safetensors")


@dataclass
class Listing:
    """One repository as a listing has it: file -> bytes; `step` where the bytes are rounded."""

    repo: str
    source: str
    day: str
    sizes: Mapping[str, int]
    step: int | None = None


@dataclass
class Found:
    """Entries for data/files.json by model, and what was left out with the reason."""

    entries: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    left_out: list[str] = field(default_factory=list)


def of_hub(raw: bytes, day: str) -> Listing:
    """The hub's answer about a repository: `id`, `sha`, `siblings` with `rfilename` and `size`. ValueError for another shape."""
    content: Any = json.loads(raw)
    if not isinstance(content, dict) or not isinstance(content.get("siblings"), list):
        raise ValueError("not the hub's answer about a repository: no `siblings`")
    sizes = {str(one["rfilename"]): int(one.get("size") or 0) for one in content["siblings"]}
    return Listing(content["id"], f"https://huggingface.co/{content['id']}/tree/{content['sha']}", day, sizes)


def of_app(raw: bytes, source: str, day: str) -> Iterator[Listing]:
    """The repositories of an application's catalogue: any objects that hold a file's address at the hub and its size in words."""
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    for one in _objects(json.loads(raw)):
        words = [value for value in one.values() if isinstance(value, str)]
        address = next(
            (
                m
                for word in words
                if (m := re.match(r"https://huggingface\.co/([^/]+/[^/]+)/resolve/[^/]+/([^?]+)", word))
            ),
            None,
        )
        size = next((m for word in words if (m := re.fullmatch(r"([\d.]+) ([KMGT]?B)", word))), None)
        if address and size:
            sizes[address[1]][address[2]] = round(float(size[1]) * UNITS[size[2]])
    for repo in sorted(repo for repo in sizes if repo.startswith(tuple(f"{owner}/" for owner in PUBLISHERS))):
        yield Listing(repo, source, day, sizes[repo], STEP)


def _objects(content: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value, at whatever depth, without recursion."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def group(listings: Iterable[Listing], catalog: Catalog) -> Found:
    """Entries of the repositories that hold a model of the catalogue."""
    found = Found()
    for one in listings:
        model, mlx = _model_of(one.repo, catalog)
        if model is None:
            found.left_out.append(f"{one.repo}: no model of the catalogue by its name")
            continue
        files, projectors = _mlx(one, mlx, found) if mlx else _gguf(one, found)
        if files:
            entry: dict[str, Any] = {"repo": one.repo, "source": one.source, "checked": one.day}
            entry |= {"step": one.step} if one.step else {}
            entry |= {"files": files} | ({"projectors": projectors} if projectors else {})
            found.entries[model].append(entry)
    return found


def _model_of(repo: str, catalog: Catalog) -> tuple[str | None, str | None]:
    """(the model's id, its MLX format or None for GGUF) by a repository's name."""
    name = repo.rsplit("/", 1)[-1]
    mlx = None if re.search(r"(?i)gguf$", name) else _MLX.fullmatch(name)
    try:
        model = find_model(catalog, plain_name(repo)).id
    except QwenpickError:
        return None, None
    return model, f"mlx-{mlx['format'].lower()}{'-g32' if mlx['group'] else ''}" if mlx else None


def _gguf(one: Listing, found: Found) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    series: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    projectors: dict[str, int] = {}
    for file, size in sorted(one.sizes.items()):
        if not file.endswith(".gguf") or _BESIDE.search(file):
            continue
        if "mmproj" in file.casefold():
            projectors[file] = size
            continue
        label = _LABEL.search(file)
        if label is None or not size:
            found.left_out.append(f"{one.repo}: {file}: {'no bytes' if label else 'its name says no format'}")
            continue
        name = label["label"].upper().replace("FP16", "F16")
        series[name, int(label["parts"] or 1)][file] = size
    files: dict[str, dict[str, int]] = {}
    for (name, parts), held in sorted(series.items()):
        if len(held) > parts == 1:  # the same format twice: the one that carries the shortest name
            held = dict([min(held.items(), key=lambda item: (len(item[0]), item[0]))])
        if len(held) != parts:
            found.left_out.append(f"{one.repo}: {name}: {len(held)} of {parts} parts")
        elif name not in files:
            files[name] = held
    return files, projectors


def _mlx(one: Listing, name: str, found: Found) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    shards = {file: _SHARD.fullmatch(file) for file, size in sorted(one.sizes.items()) if size}
    held = {file: one.sizes[file] for file, shard in shards.items() if shard}
    parts = max((int(shard["parts"] or 1) for shard in shards.values() if shard), default=1)
    if len(held) != parts:
        found.left_out.append(f"{one.repo}: {name}: {len(held)} of {parts} parts")
        return {}, {}
    return {name: held}, {}


def merge(known: list[dict[str, Any]], found: Found, day: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(the records of files.json with these entries in their places, a line for each field that differs).

    The hub's answer replaces what was known of its repository. A rounded listing, which may lack files, replaces only older rounded ones, format
    by format. Whether files hold the MTP block, and drafts beside them, are kept.
    """
    records = {record["id"]: dict(record) for record in known}
    lines: list[str] = []
    for model, entries in sorted(found.entries.items()):
        source = f"https://huggingface.co/models?search={model}"
        record = records.setdefault(model, {"id": model, "source": source, "checked": day, "published": []})
        for entry in entries:
            before = [one for one in record["published"] if one.get("repo") == entry["repo"] and "files" in one]
            if entry.get("step") and any("step" not in one or one["checked"] > entry["checked"] for one in before):
                continue
            old = {name: files for one in reversed(before) for name, files in one["files"].items()}
            stays = [_without(one, entry["files"]) for one in before] if entry.get("step") else []
            new = {**{name: files for one in stays for name, files in one["files"].items()}, **entry["files"]}
            lines += [f"{model}: {entry['repo']}: {line}" for line in differences(old, new)]
            kept = {key: value for one in before for key, value in one.items() if key in ("mtp", "drafts")}
            rest = [one for one in record["published"] if one not in before]
            record["published"] = [*rest, {**entry, **kept}, *(one for one in stays if one["files"])]
    return [records[name] for name in sorted(records)], lines


def _without(one: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without the formats that another has."""
    return {**one, "files": {name: files for name, files in one["files"].items() if name not in names}}


def text(records: list[dict[str, Any]]) -> str:
    """data/files.json: a line an entry, so that a change is a line of a diff. ValidationError for a record that is not whole."""
    blocks = []
    for record in records:
        ModelFiles.model_validate(record)
        head = json.dumps({key: value for key, value in record.items() if key != "published"}, ensure_ascii=False)
        lines = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in record["published"])
        blocks.append(f'{head[:-1]}, "published": [\n{lines}\n]}}')
    return '{"files": [\n' + ",\n".join(blocks) + "\n]}\n"


def _asked(options: argparse.Namespace, known: list[dict[str, Any]]) -> Iterator[Listing]:
    """The listings that the command line means."""
    if options.app:
        yield from of_app(options.app.read_bytes(), options.source, options.day)
        return
    listed = {one["repo"] for record in known for one in record["published"] if one.get("repo")}
    for repo in options.repos or sorted(listed):
        raw = _answer(options)(repo)
        if raw is None:
            print(f"left out: {repo}: not there")
        else:
            yield of_hub(raw, options.day)


def _answer(options: argparse.Namespace) -> Callable[[str], bytes | None]:
    if options.online:
        from qwenpick.readers.hub_client import download

        return lambda repo: download(ANSWER.format(repo=repo), 0, -1, {})
    return lambda repo: path.read_bytes() if (path := options.recorded / repo / "repo.json").is_file() else None


def main(arguments: list[str] | None = None) -> int:
    """Print what differs; 1 when something does."""
    from datetime import date

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repos", nargs="*", metavar="OWNER/NAME")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--online", action="store_true", help="ask huggingface.co")
    where.add_argument("--recorded", type=Path, help="a directory with OWNER/NAME/repo.json")
    where.add_argument("--app", type=Path, help="an application's catalogue as JSON, with --source and --day")
    parser.add_argument("--source", help="the public address of that catalogue, with its commit")
    parser.add_argument("--day", default=date.today().isoformat(), help="the day of the listing")
    parser.add_argument("--data", type=Path, default=data_directory() / "files.json")
    parser.add_argument("--write", action="store_true", help="put the answers into the file")
    options = parser.parse_args(arguments)
    if options.app and not options.source:
        parser.error("--app needs --source: the address that states these files")
    known = json.loads(options.data.read_text(encoding="utf-8"))["files"]
    found = group(_asked(options, known), load(own=False))
    records, lines = merge(known, found, options.day)
    for line in found.left_out:
        print(f"left out: {line}")
    print(f"differs: {len(lines)}")
    print("".join(f"  {line}\n" for line in lines), end="")
    if options.write:
        options.data.write_text(text(records), encoding="utf-8")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
