"""What the words of `--gpu` mean: how many, of which card, and what a name leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.units import GIB, format_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu


MOST_DEVICES = 1024
# The x of "7900 xtx" and "9070 xt" begins a word of the name
_COUNT_FIRST = re.compile(r"(\d+)\s*(?!xtx?\b)[x×*]\s*(\S.*)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[,;，、]\s*|\s+\+\s+")  # not the + of a Ryzen AI Max+ 395
_SIGNED = re.compile(r"\s*(?:[-+]\s*\d|\d+\s*[.,]\s*\d+\s*[x×*]\s)", re.IGNORECASE)  # a count that is none
_COUNT_LAST = re.compile(r"(.*\S\s|\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)


def separate(gpus: Iterable[str]) -> list[str]:
    """The GPUs that stand in one --gpu, one each.

    >>> separate(["rtx 3090, rtx 3060 12gb;", "2x l40s", "ryzen ai max+ 395"])
    ['rtx 3090', 'rtx 3060 12gb', '2x l40s', 'ryzen ai max+ 395']
    """
    return [
        one for words in gpus for one in ([words] if _SIGNED.match(words) else _BETWEEN.split(words.strip(" ,;，、+")))
    ]


def counted(words: str) -> tuple[int, str]:
    """How many, and of what: '2x l40s', '2xl40s', 'l40s x2'.

    >>> counted("2xl40s"), counted("4090 x2"), counted("7900 xtx"), counted("2x 9070 xt")
    ((2, 'l40s'), (2, '4090'), (1, '7900 xtx'), (2, '9070 xt'))
    """
    if _SIGNED.match(words):
        raise QwenpickError(_unread(words))
    count, name = "1", words.strip()
    if (match := _COUNT_FIRST.fullmatch(name)) and int(match[1]) <= MOST_DEVICES:
        count, name = match[1], match[2]
    elif match := _COUNT_LAST.fullmatch(name):
        name, count = match[1].strip(), match[2]
    if not name or not 1 <= int(count) <= MOST_DEVICES:
        raise QwenpickError(_unread(words))
    return int(count), name


def _unread(words: str) -> str:
    return _("cannot read --gpu '{words}'; write it like 'rtx 4090', '2x l40s' or 'rtx 3060 12gb'", words=words)


def meant(catalog: Catalog, name: str, vram: int | None, ram: int | None) -> tuple[Gpu, list[str]]:
    """The entry of a name, and a note where the name left its memory, or its memory bus, open."""
    from qwenpick.catalog.gpus import find_gpu, twins, variants
    from qwenpick.catalog.names.gpu_names import read_name

    gpu = find_gpu(catalog, name)
    exact = name.strip().casefold() == gpu.id
    said = read_name(name).gib is not None or exact
    if not exact and (same := twins(catalog, gpu)):
        return gpu, [shared_name(name, gpu, same)]
    if said and gpu.unified and ram and gpu.memory_bytes and not about(gpu.memory_bytes, ram):
        raise QwenpickError(
            _(
                "'{name}' has {memory_bytes} of RAM, and --ram says {ram}; leave out one",
                name=name,
                memory_bytes=format_bytes(gpu.memory_bytes, 0),
                ram=format_bytes(ram, 0),
            )
        )
    if said:
        return gpu, []
    others = variants(catalog, gpu)
    if len(others) < 2:
        return gpu, []
    size = ram if gpu.unified else vram
    if size:
        return min(others, key=lambda g: abs((g.memory_bytes or 0) - size)), []
    sizes = sorted({round(g.memory_bytes / GIB) for g in others if g.memory_bytes})
    if len(sizes) < 2 or gpu.memory_bytes is None:
        return gpu, []
    listed = N_("{sizes} and {last}", sizes=", ".join(map(str, sizes[:-1])), last=sizes[-1])
    return gpu, [
        N_(
            "'{name}' is sold with {listed} GiB; {memory_bytes} GiB assumed",
            name=name,
            listed=listed,
            memory_bytes=gpu.memory_bytes // GIB,
        )
    ]


def shared_name(name: str, gpu: Gpu, others: tuple[Gpu, ...]) -> str:
    """The note for a name that boards with other memory buses have too."""
    return N_(
        "'{name}' is sold with {others} GB/s too ({ids}); {bandwidth} GB/s assumed",
        name=name,
        others=", ".join(f"{other.bandwidth / 1e9:.0f}" for other in others if other.bandwidth),
        ids=", ".join(other.id for other in others),
        bandwidth=round((gpu.bandwidth or 0) / 1e9),
    )


def about(sold: int, said: int) -> bool:
    """Whether a person who says `said` means `sold`: a marketing GB may be decimal (7.4 % less)."""
    return abs(sold - said) <= 0.08 * sold
