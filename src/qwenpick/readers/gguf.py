"""GGUF files without their weights: metadata and the type, shape and place of every tensor, read with every count and length checked."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from qwenpick.bounded import open_file, reason
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.safetensors import StoredTensor
from qwenpick.values import dataclass

# Type number -> (name, elements per block, bytes per block): ggml.h and ggml-common.h of llama.cpp b11434
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
}  # fmt: skip
# gguf.h, gguf_type
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

KEYS_LIMIT = 4096  # a Qwen has about 40
TENSORS_LIMIT = 65_536  # the largest Qwen has about 1,500
STRINGS_LIMIT = 1_000_000  # of all arrays together: vocabulary and merges of Qwen3.5 are 500,000
KEPT = 4096  # a longer string or array is skipped, not kept: nothing of use here is longer
NAME_LIMIT = 256

Value = str | int | float | bool | tuple[int | float | bool, ...] | None


@dataclass(frozen=True, slots=True)
class GgufFile:
    """What a header says. Long strings and arrays (chat template, vocabulary) stand as None in `metadata`; `data` is where weights begin."""

    version: int
    metadata: dict[str, Value]
    tensors: tuple[StoredTensor, ...]
    data: int
    size: int


def read_header(path: Path) -> GgufFile:
    """The header of one file. Raises QwenpickError for a file that is none, is cut off or contradicts itself."""
    try:
        with open_file(path, 2**18) as file:
            return _Header(file, os.fstat(file.fileno()).st_size, str(path)).read()
    except OSError as problem:
        raise QwenpickError(_("cannot read '{path}': {reason}", path=path, reason=reason(problem))) from None


def parse_start(start: bytes, what: str) -> GgufFile | None:
    """The header in the first bytes of a file whose rest is not at hand; None where it is longer than that. Raises QwenpickError as `read_header`."""
    header = _Header(BytesIO(start), len(start), what, whole=False)
    try:
        return header.read()
    except _CutOffError:
        return None


class _CutOffError(QwenpickError):
    """The bytes at hand end inside the header."""


class _Header:
    """A cursor over the header that never reads past the file and never trusts a count."""

    def __init__(self, file: BinaryIO, size: int, what: str, *, whole: bool = True) -> None:
        self.file, self.size, self.what, self.at, self.strings, self.whole = file, size, what, 0, 0, whole

    def read(self) -> GgufFile:
        """Magic, version, counts, metadata, tensors."""
        if self.take(4) != b"GGUF":
            raise self.broken(_("it does not begin with 'GGUF'"))
        version = self.number("I")
        if version not in (2, 3):
            big = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            raise self.broken(
                _("it is big-endian, which is not read here")
                if big
                else _("its version is {version:,}; 2 and 3 are known", version=version)
            )
        tensors, keys = (
            self.count("tensors", TENSORS_LIMIT, 24),
            self.count(_("metadata keys"), KEYS_LIMIT, 13),
        )
        metadata: dict[str, Value] = {}
        for _unused in range(keys):
            key = self.string(NAME_LIMIT) or ""
            if key in metadata:
                raise self.broken(_("the key {key!r} appears twice", key=key))
            metadata[key] = self.value(self.number("I"))
        return self.with_tensors(version, metadata, [self.tensor() for _unused in range(tensors)])

    def with_tensors(self, version: int, metadata: dict[str, Value], found: list[tuple[StoredTensor, int]]) -> GgufFile:
        """The file, once every tensor's place has been checked."""
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or isinstance(alignment, bool)
            or not 1 <= alignment <= 2**20
            or alignment & (alignment - 1)
        ):
            raise self.broken(_("its alignment is not a power of two"))
        if len({tensor.name for tensor, _unused in found}) < len(found):
            raise self.broken(_("a tensor appears twice"))
        data, end = -(-self.at // alignment) * alignment, 0
        for tensor, offset in sorted(found, key=lambda item: item[1]):
            if offset % alignment or offset < end:
                raise self.broken(_("tensor {name!r} overlaps another or is not aligned", name=tensor.name))
            end = offset + tensor.bytes
        if self.whole and data + end > self.size:
            raise self.broken(
                _(
                    "its tensors end at byte {data:,}, the file at {size:,}: it is cut off",
                    data=data + end,
                    size=self.size,
                )
            )
        return GgufFile(version, metadata, tuple(tensor for tensor, _unused in found), data, self.size)

    def tensor(self) -> tuple[StoredTensor, int]:
        """(tensor, offset in the data)."""
        name = self.string(NAME_LIMIT) or ""
        dimensions = self.number("I")
        if not 1 <= dimensions <= 4:
            raise self.broken(_("tensor {name!r} has {dimensions:,} dimensions", name=name, dimensions=dimensions))
        shape = tuple(self.number("Q") for _unused in range(dimensions))
        kind, offset = self.number("I"), self.number("Q")
        if kind not in TYPES:
            raise self.broken(_("tensor {name!r} has the unknown type {kind}", name=name, kind=kind))
        type_name, block, block_bytes = TYPES[kind]
        if any(not 1 <= n < 2**40 for n in shape) or shape[0] % block or math.prod(shape) >= 2**48:
            raise self.broken(
                _(
                    "tensor {name!r} of {type_name} cannot have the shape {shape}",
                    name=name,
                    type_name=type_name,
                    shape=list(shape),
                )
            )
        return StoredTensor(name, type_name, tuple(reversed(shape)), math.prod(shape) // block * block_bytes), offset

    def value(self, kind: int) -> Value:
        """One metadata value; None for what is too long to keep."""
        if kind == _STRING:
            return self.string()
        if kind in _SCALARS:
            number: int | float | bool = struct.unpack(
                "<" + _SCALARS[kind], self.take(struct.calcsize("<" + _SCALARS[kind]))
            )[0]
            return number
        if kind != _ARRAY:
            raise self.broken(_("it has a value of the unknown type {kind:,}", kind=kind))
        of = self.number("I")
        if of == _STRING:
            count = self.count("strings", STRINGS_LIMIT - self.strings, 8)
            self.strings += count
            self.skip_strings(count)
            return None
        if of not in _SCALARS:
            raise self.broken(_("it has an array of the unknown type {of:,}", of=of))
        width = struct.calcsize("<" + _SCALARS[of])
        count = self.count(_("array elements"), self.size, width)
        if count * width > KEPT:
            self.skip(count * width)
            return None
        return struct.unpack(f"<{count}{_SCALARS[of]}", self.take(count * width))

    def string(self, limit: int | None = None) -> str | None:
        """A string; beyond `limit` it is an error, beyond KEPT it is skipped and None."""
        length = self.number("Q")
        if limit is not None and length > limit:
            raise self.broken(_("it has a name of {length:,} bytes", length=length))
        if length > KEPT:
            self.skip(length)
            return None
        return self.take(length).decode("utf-8", "replace")

    def count(self, what: str, limit: int, least: int) -> int:
        """A count of things that take `least` bytes each: no more than `limit`, and no more than fit in the rest of the file."""
        number = self.number("Q")
        if number > limit or (self.whole and number * least > self.size - self.at):
            raise self.broken(_("it claims {number:,} {what}", number=number, what=what))
        return number

    def number(self, code: str) -> int:
        """A little-endian unsigned integer: I has 4 bytes, Q has 8."""
        return int.from_bytes(self.take(4 if code == "I" else 8), "little")

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if length > self.size - self.at:
            raise self.cut_off()
        self.at += length
        data = self.file.read(length)
        if len(data) < length:
            raise self.broken(_("it grew shorter while it was read"))
        return data

    def skip(self, length: int) -> None:
        """Step over bytes."""
        if length > self.size - self.at:
            raise self.cut_off()
        self.at += length
        self.file.seek(self.at)

    def skip_strings(self, count: int) -> None:
        """Step over strings: a vocabulary has a quarter of a million."""
        at, size, read, seek = self.at, self.size, self.file.read, self.file.seek
        for _unused in range(count):
            length = int.from_bytes(read(8), "little")
            at += 8 + length
            if at > size:
                raise self.cut_off()
            if length > KEPT:
                seek(at)
            elif length:
                read(length)
        self.at = at

    def cut_off(self) -> QwenpickError:
        """The error for bytes that end too early."""
        if not self.whole:
            return _CutOffError(self.what)
        return self.broken(_("it ends at byte {size:,}, inside its header: it is cut off", size=self.size))

    def broken(self, why: str) -> QwenpickError:
        """The sentence for a damaged file."""
        return QwenpickError(_("'{what}' is not a GGUF file that can be read: {why}", what=self.what, why=why))


def read_files(path: Path) -> tuple[GgufFile, ...]:
    """The header of the file, and of its siblings if it is one of several (NAME-00001-of-00003.gguf). Raises QwenpickError if one is missing."""
    return tuple(_siblings(path))


def _siblings(path: Path) -> Iterator[GgufFile]:
    first = read_header(path)
    count = first.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        yield first
        return
    if count > 1000 or not path.stem.endswith(f"-of-{count:05d}") or not path.stem[-14:-9].isdigit():
        raise QwenpickError(
            _(
                "'{path}' is part of a model of {count} files, but is not called NAME-00001-of-{count:05d}.gguf",
                path=path,
                count=count,
            )
        )
    for number in range(1, count + 1):
        part = path.with_name(f"{path.stem[:-14]}{number:05d}-of-{count:05d}{path.suffix}")
        if not part.exists():
            raise QwenpickError(_("'{part}' is missing: the model has {count} files", part=part, count=count))
        yield first if part == path else read_header(part)
