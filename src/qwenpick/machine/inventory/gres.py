"""Slurm's generic resources: `gpu:a100:4(S:0-1)`, `gpu:tesla:2,gpu:kepler:2,mps:400`, and the TRES form `gres/gpu:a100=8`.

Grammar: slurm.schedmd.com/gres.html and src/interfaces/gres.c of Slurm 24.11. There is no memory in it: a type is a name that an administrator wrote,
or the driver's in small letters with '_' for blanks (AutoDetect=nvml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qwenpick.machine.inventory.cluster import Accelerator
from qwenpick.machine.inventory.nvidia_labels import profile_memory

_BRACKETS = re.compile(r"\([^()]*\)")
_COUNT = re.compile(r"(\d{1,9})([KMGkmg]?)")
_FACTOR = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_MIG = re.compile(r"(.*?)[_.-]?((?:mig[_.-]?)?(\d+g\.\d+gb\S*))")
_PRO = re.compile(r"rtx ?pro ?(?:(\d{4}) ?server|server ?(\d{4}))\w*")  # AWS ParallelCluster writes rtxproserver6000
NOTHING = ("", "(null)", "N/A", "none")


def parse(text: str | None) -> dict[str, int]:
    """Type -> count of the GPUs in a Gres or GresUsed field; "" is the type of those that have none.

    >>> parse("gpu:a100:3(IDX:0-1,4),gpu:a100_3g.40gb:2,shard:20")
    {'a100': 3, 'a100_3g.40gb': 2}
    >>> parse("gpu:4"), parse("gpu:a100"), parse("(null)"), parse("gpu:0")
    ({'': 4}, {'a100': 1}, {}, {})
    """
    found: dict[str, int] = {}
    if text is None or text.strip() in NOTHING:
        return found
    for entry in filter(None, _BRACKETS.sub("", text).split(",")):
        name, *rest = entry.strip().removeprefix("gres:").removeprefix("gres/").split(":")
        if name != "gpu":
            continue
        rest = [word for word in rest if word != "no_consume"]
        last = _COUNT.fullmatch(rest[-1]) if rest else None
        number = int(last[1]) * _FACTOR[last[2].upper()] if last else 1
        kind = ":".join(rest[:-1] if last else rest)
        if number:
            found[kind] = found.get(kind, 0) + number
    return found


def parse_tres(text: str | None) -> dict[str, int]:
    """The same of CfgTRES and AllocTRES. `gres/gpu` is the sum of the typed entries, so it counts only where there are none.

    >>> parse_tres("cpu=224,mem=2060000M,gres/gpu=16,gres/gpu:nvidia_b200=4,gres/gpu:nvidia_b200_2g.45gb=12")
    {'nvidia_b200': 4, 'nvidia_b200_2g.45gb': 12}
    >>> parse_tres("cpu=2,gres/gpu=3")
    {'': 3}
    """
    entries = [entry.rpartition("=") for entry in (text or "").split(",") if entry.startswith("gres/gpu")]
    counted = {name.removeprefix("gres/gpu").removeprefix(":"): value for name, _, value in entries}
    numbers = {
        kind: int(value) for kind, value in counted.items() if value.isascii() and value.isdigit() and len(value) < 10
    }
    typed = {kind: number for kind, number in numbers.items() if kind and number}
    return typed or {kind: number for kind, number in numbers.items() if number}


def accelerators(have: Mapping[str, int], used: Mapping[str, int] | None) -> tuple[Accelerator, ...]:
    """What a node has, and what of it no job holds; `used` is None where the records do not say.

    Where use is counted without types on a node that has them (`gpu:2` of `gpu:a100:4`), or of several types in one sum, each type is taken to be
    held by all of it: nobody can say which are free.
    """
    untyped = 0 if used is None else used.get("", 0)
    return tuple(
        Accelerator(
            name=name_of(kind) or None,
            count=number,
            free=None if used is None else max(0, number - used.get(kind, 0) - (untyped if kind else 0)),
            memory=profile_memory(kind),
            rounded=profile_memory(kind) is not None,
            vendor="nvidia" if _MIG.fullmatch(kind) else None,
            kind="mig" if _MIG.fullmatch(kind) else "gpu",
            resource=f"gpu:{kind}" if kind else "gpu",
        )
        for kind, number in have.items()
    )


def name_of(kind: str) -> str:
    """A type as the catalogue's look-up reads it.

    >>> name_of("nvidia_a100-pcie-40gb"), name_of("a100_3g.40gb"), name_of("rtxpro6000server")
    ('nvidia a100-pcie-40gb', 'a100 MIG 3g.40gb', 'rtx pro 6000 server')
    """
    if found := _MIG.fullmatch(kind):
        return f"{found[1]} MIG {found[3]}".replace("_", " ").strip()
    return _PRO.sub(r"rtx pro \1\2 server", kind.replace("_", " "))
