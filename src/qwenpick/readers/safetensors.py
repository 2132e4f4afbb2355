"""safetensors files without their weights: the header (8 bytes of length, then JSON) names every tensor, its type, shape and place."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from qwenpick.bounded import INDEX_LIMIT, open_file, parse_json, read_json, reason
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

HEADER_LIMIT = 32 * 2**20  # the format allows 100 MB; a 30B mixture of experts in one file takes 2 MiB

BITS = {  # safetensors 0.6, tensor.rs Dtype
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor as a file holds it: its name there, its type's name, its shape, and the bytes it takes."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        """Stored elements: for packed formats fewer than the weights they stand for."""
        return math.prod(self.shape)


def read_header(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors of one file. Reads its header only. Raises QwenpickError for a file that is truncated or contradicts itself."""
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length < 2 or length > size - 8:
                raise QwenpickError(
                    _(
                        "'{path}' is not a safetensors file, or it is cut off: its header would end at byte {length:,} of {size:,}",
                        path=path,
                        length=length + 8,
                        size=size,
                    )
                )
            if length > HEADER_LIMIT:
                raise QwenpickError(
                    _(
                        "'{path}' says its header has {length:,} bytes; at most {limit:,} are read",
                        path=path,
                        length=length,
                        limit=HEADER_LIMIT,
                    )
                )
            header = file.read(length)
    except OSError as problem:
        raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None
    return parse_header(header, size - 8 - length, str(path))


def parse_header(header: bytes, data: int, what: str) -> tuple[StoredTensor, ...]:
    """The tensors that a JSON header describes, whose weights lie in the `data` bytes after it."""
    table = parse_json(header, f"{what} (header)")
    found = [(*_tensor(name, entry, what), name) for name, entry in table.items() if name != "__metadata__"]
    end = 0
    for begin, stop, _shape, _type, name in sorted(found, key=lambda item: item[:2]):
        if begin != end:
            raise QwenpickError(
                _(
                    "'{what}': tensor {name!r} starts at byte {begin:,} of the data, not at {end:,}: the header is damaged",
                    what=what,
                    name=name[:80],
                    begin=begin,
                    end=end,
                )
            )
        end = stop
    if end > data:
        raise QwenpickError(
            _("'{what}' is cut off: its tensors take {end:,} bytes, {data:,} are there", what=what, end=end, data=data)
        )
    return tuple(StoredTensor(name, kind, shape, stop - begin) for begin, stop, kind, shape, name in found)


def _tensor(name: str, entry: Any, what: str) -> tuple[int, int, str, tuple[int, ...]]:
    """(begin, end, type, shape) of one entry of the header."""
    match entry:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if all(
            type(n) is int for n in shape
        ):
            if kind not in BITS:
                raise QwenpickError(
                    _(
                        "'{what}': tensor {name!r} has the unknown type {kind!r}",
                        what=what,
                        name=name[:80],
                        kind=kind[:20],
                    )
                )
            if len(shape) > 8 or any(not 0 <= n < 2**48 for n in shape) or not 0 <= begin <= end < 2**63:
                raise QwenpickError(
                    _("'{what}': tensor {name!r} has an impossible shape or place", what=what, name=name[:80])
                )
            if -(-math.prod(shape) * BITS[kind] // 8) != end - begin:
                raise QwenpickError(
                    _(
                        "'{what}': tensor {name!r} of {kind} {shape} cannot take {end:,} bytes",
                        what=what,
                        name=name[:80],
                        kind=kind,
                        shape=shape,
                        end=end - begin,
                    )
                )
            return begin, end, kind, tuple(shape)
    raise QwenpickError(_("'{what}': the entry of tensor {name!r} is damaged", what=what, name=name[:80]))


def read_directory(directory: Path) -> tuple[StoredTensor, ...]:
    """The tensors of all weight files of a model directory; () if it has none. Raises QwenpickError if a shard is missing."""
    names = _shards(directory)
    missing = [name for name in names if not (directory / name).exists()]
    if missing:
        raise QwenpickError(
            _(
                "'{directory}' lacks {count} of {names} weight files (first: {missing}): the download is not complete",
                directory=directory,
                count=len(missing),
                names=len(names),
                missing=missing[0],
            )
        )
    return tuple(tensor for name in names for tensor in read_header(directory / name))


def _shards(directory: Path) -> list[str]:
    """File names of the weights: from the index, else all there are, with the gaps of a numbered series."""
    if (directory / INDEX).exists():
        names = read_json(directory / INDEX, INDEX_LIMIT).get("weight_map")
        if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
            raise QwenpickError(_("'{directory}' has no weight_map", directory=directory / INDEX))
        shards = sorted(set(names.values()))
        if outside := [
            n for n in shards if "/" in n or "\\" in n or "\0" in n or len(n) > 200 or not n.endswith(".safetensors")
        ]:
            raise QwenpickError(
                _(
                    "'{directory}' names {outside!r}, which is not a weight file beside it",
                    directory=directory / INDEX,
                    outside=outside[0][:80],
                )
            )
        return shards
    present = sorted(p.name for p in directory.glob("*.safetensors") if not p.name.startswith("adapter_"))
    numbered = [m for m in map(_SHARD.fullmatch, present) if m]
    if numbered and len(numbered) == len(present) and (count := int(numbered[0][3])) <= 10_000:
        return [f"{numbered[0][1]}-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    return present
