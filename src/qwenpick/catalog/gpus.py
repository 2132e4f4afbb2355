"""Which accelerator is meant: by what people call it, and by what a driver reports. One name can mean several memory sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from qwenpick.catalog.entries import Record, mentioning, records
from qwenpick.catalog.load import Catalog
from qwenpick.catalog.names.gpu_names import (
    PROCESSOR,
    SHARES_MEMORY,
    Named,
    family_of,
    outside_parentheses,
    read_name,
    telling_word,
)
from qwenpick.catalog.schema import Gpu
from qwenpick.errors import QwenpickError, did_you_mean, edits
from qwenpick.i18n import _
from qwenpick.units import GIB

# "… MIG 1g.10gb", vGPU "A100-40C", Vulkan "(RADV NAVI31)"
_DRIVER_SUFFIX = r"\s+(?:MIG\s+\S+)$|-\d+[A-Z]$|\s+\(.*\)$"


def find_gpu(catalog: Catalog, name: str) -> Gpu:
    """The accelerator that a person means by `name`, where a memory size in it tells variants apart.

    Without a memory size the default is the variant with the nickname, else the one with the most memory; of boards that differ in nothing
    but their memory bus, the slower (`twins` names the others). Laptop, modified and unreleased parts are meant only when said. Raises
    QwenpickError for no match or for several different parts.

    >>> find_gpu(load(), "rtx 3060").id, find_gpu(load(), "a100 40gb").id
    ('rtx-3060-12gb', 'a100-sxm4-40gb')
    """
    folded = name.strip().casefold()
    # an id with spaces is that id, but for laptop parts, of which the slowest is meant
    spelled = "-".join(folded.split())
    if spelled in catalog.gpus and (spelled == folded or not spelled.endswith("laptop")):
        return catalog.gpus[spelled]
    everything = records(catalog.gpus).items()
    called = [i for i, record in everything if folded in record.get("nicknames", ())]
    if named := [i for i, record in everything if record["name"].casefold() == folded] or called[:1] * (
        len(called) == 1
    ):
        return catalog.gpus[named[0]]
    said = read_name(name)
    size = round(said.gib * GIB) if said.gib else None
    readings: list[list[Gpu]] = []  # those that had to be tried

    def usual() -> Iterator[list[Gpu]]:
        for reading in _readings(catalog, said):
            readings.append(reading)
            yield [g for g in reading if not _is_odd(g)]

    for candidates in chain(usual(), readings):
        meant = _as_said(candidates, said, size)
        if not meant:
            continue
        families = {family_of(gpu.name) for gpu in meant}
        if len(families) > 1 and not any(
            read_name(n).key == said.key for gpu in meant for n in (*gpu.nicknames, gpu.name)
        ):
            raise QwenpickError(
                _("'{name}' can mean {listed}; choose one", name=name, listed=_listed(gpu.id for gpu in meant))
            )
        return _slowest(max(meant, key=_prominence), meant)
    if re.search(PROCESSOR, name):
        raise QwenpickError(_("'{name}' is a processor; --cpu-only --ram 64GiB plans without a GPU", name=name))
    if re.search(SHARES_MEMORY, name):
        raise QwenpickError(
            _("'{name}' has no memory of its own and is planned by its processor: --cpu-only --ram 16GiB", name=name)
        )
    if size and any(readings):
        raise QwenpickError(
            _(
                "there is no '{name}' with that memory; there is {listed}",
                name=name,
                listed=_listed(g.id for reading in readings for g in reading),
            )
        )
    raise QwenpickError(
        _(
            "there is no GPU '{name}' in the catalog{near} (qwenpick gpus lists them; or give its memory: --vram 8GiB)",
            name=name,
            near=_nearest_name("-".join(folded.split()), catalog),
        )
    )


def _nearest_name(folded: str, catalog: Catalog) -> str:
    """The suggestion for a misspelt name: at most two edits away or its beginning, and with the same digits, since another number is another part."""
    same = (i for i in catalog.gpus if sorted(filter(str.isdigit, i)) == sorted(filter(str.isdigit, folded)))
    far = {i: edits(folded, i, 2) for i in same}
    near = min(far, key=lambda i: (far[i], i), default=None)
    if near and far[near] > 1:  # rtx 4090 ti, which was never made
        begun = [i for i in far if folded.replace("-", "").startswith(i.replace("-", ""))]
        near = max(begun, key=len, default=near if far[near] <= 2 else None)
    return did_you_mean(near, (near,)) if near and len(folded) > 3 else ""


def variants(catalog: Catalog, gpu: Gpu) -> tuple[Gpu, ...]:
    """The entries that differ from `gpu` in memory or form factor only, smallest first, itself included; modified ones left out."""
    family = family_of(gpu.name)
    ids = [
        i
        for i, r in mentioning(catalog.gpus, telling_word(gpu.name))
        if (r["vendor"], r["segment"]) == (gpu.vendor, gpu.segment) and family_of(r["name"]) == family
    ]
    same = [catalog.gpus[i] for i in ids if i == gpu.id or not _is_odd(catalog.gpus[i])]
    return tuple(sorted(same, key=lambda g: g.memory_bytes or 0))


def twins(catalog: Catalog, gpu: Gpu) -> tuple[Gpu, ...]:
    """The boards that neither their driver's name nor their memory tells from `gpu`, and that read it faster or slower; slowest first."""
    names = {alias.casefold() for alias in gpu.aliases}
    same = [
        catalog.gpus[i]
        for i, r in mentioning(catalog.gpus, str(gpu.memory_bytes or ""))
        if i != gpu.id
        and (r["segment"], r.get("memory_bytes")) == (gpu.segment, gpu.memory_bytes)
        and r.get("bandwidth") != gpu.bandwidth
        and family_of(r["name"]) == family_of(gpu.name)
        and names & {alias.casefold() for alias in r.get("aliases", ())}
    ]
    return tuple(sorted((g for g in same if not _is_odd(g)), key=_slowness))


def match_gpu(catalog: Catalog, device_name: str, total_bytes: int | None, pci_id: str | None = None) -> Gpu | None:
    """The entry of a probed device. None where nothing fits: memory and bandwidth are then the driver's alone.

    Its PCI id (`10de:2684`, with `/subvendor:subdevice` where known) and its driver name narrow the candidates, the nearest memory decides
    (of unified memory: the machine's RAM). A device smaller than its card is a slice of it (vGPU, MIG).
    """
    everything = records(catalog.gpus)
    name = device_name.strip(" \0").casefold()
    bare = re.sub(_DRIVER_SUFFIX, "", re.sub(_DRIVER_SUFFIX, "", device_name.strip(" \0"))).removeprefix("GRID ")
    names = {name, bare.casefold(), f"nvidia {bare}".casefold()}
    by_pci = [
        catalog.gpus[i] for i, r in everything.items() if pci_id and same_pci(r.get("pci_ids", ()), pci_id.casefold())
    ]
    by_name = [
        catalog.gpus[i]
        for i, r in everything.items()
        if any(alias.casefold() in names for alias in r.get("aliases", ()))
    ]
    said = read_name(bare)
    both = [g for g in by_pci if g in by_name] or [g for g in by_pci if _is_name(everything[g.id], said)]
    for candidates in (both, by_pci, by_name):
        if near := _nearest(candidates, total_bytes):
            return _slowest_board(near, by_pci) if candidates is by_pci else near
    for candidates in _readings(catalog, said):
        if said.words and (near := _nearest(_as_said(candidates, said, None), total_bytes)):
            return near
    whole = _nearest(both or by_pci or by_name, None)
    return whole if whole and (total_bytes is None or total_bytes <= (whole.memory_bytes or 0)) else None


def _readings(catalog: Catalog, said: Named) -> Iterator[list[Gpu]]:
    """Candidates, from the strictest reading of a name to the loosest."""
    if not said.words:
        return
    everything = records(catalog.gpus).items()
    for reads in (_is_nickname, _is_name, _holds_words):
        yield [catalog.gpus[i] for i, record in everything if reads(record, said)]


def _is_nickname(record: Record, said: Named) -> bool:
    return any(read_name(n).key == said.key for n in record.get("nicknames", ()))


def _is_name(record: Record, said: Named) -> bool:
    return any(read_name(n).key == said.key for n in (outside_parentheses(record["name"]), *record.get("aliases", ())))


def _holds_words(record: Record, said: Named) -> bool:
    return set(said.words) <= {w for n in (record["name"], *record.get("nicknames", ())) for w in read_name(n).words}


def _as_said(candidates: list[Gpu], said: Named, size: int | None) -> list[Gpu]:
    """The candidates that agree with what was said: memory within 8 % (a marketing GB may be decimal), laptop parts only when said."""
    fitting = [g for g in candidates if size is None or _distance(g, size) <= 0.08]
    if "laptop" not in said.words:
        fitting = [g for g in fitting if g.segment != "laptop"] or fitting
    return fitting


def _is_odd(gpu: Gpu) -> bool:
    """Whether a part is meant only when nothing else is: modified, made for one customer, or not released."""
    return "(modded)" in gpu.name or "(custom)" in gpu.name or gpu.status in ("announced", "rumoured")


def _nearest(candidates: list[Gpu], total: int | None) -> Gpu | None:
    """The candidate of the nearest memory, within 15 % (ECC takes 6 %, old drivers 8 %); without a total the most prominent one."""
    if not candidates:
        return None
    if total is None:
        usual = [g for g in candidates if not _is_odd(g)] or candidates
        return _slowest(max(usual, key=_prominence), usual)
    desktop = [g for g in candidates if g.segment != "laptop"] or candidates
    unknown = [g for g in candidates if g.memory_bytes is None]
    best = min(sorted(desktop, key=_prominence, reverse=True), key=lambda g: _distance(g, total))
    if _distance(best, total) <= 0.15 or best.unified:
        return _slowest(best, desktop)
    return unknown[0] if unknown else None


def _distance(gpu: Gpu, size: int) -> float:
    """How far `size` is from the part's memory as sold or as its driver reports it, as a share of `size`. Unified memory: from the RAM."""
    known = (gpu.memory_bytes,) if gpu.unified else (gpu.memory_bytes, gpu.usable_bytes)
    return min((abs(m - size) / size for m in known if m), default=float("inf"))


def _prominence(gpu: Gpu) -> tuple[int, float, float, str]:
    """Which variant is meant when nothing tells: most memory, then bandwidth, then power (SXM before PCIe)."""
    return (gpu.memory_bytes or 0, gpu.bandwidth or 0.0, gpu.power_watts or 0.0, gpu.id)


def _slowest(best: Gpu, candidates: Iterable[Gpu]) -> Gpu:
    """Of the candidates that share the driver's name and the memory of the best, the one that reads its memory slowest."""
    names = set(best.aliases)
    same = [
        g
        for g in candidates
        if (g.segment, g.memory_bytes, family_of(g.name)) == (best.segment, best.memory_bytes, family_of(best.name))
        and names & set(g.aliases)
    ]
    return min([best, *same], key=_slowness)


def _slowest_board(near: Gpu, by_pci: Iterable[Gpu]) -> Gpu:
    """Of boards that share a PCI id and a memory size, where the driver names none of them, the one that reads it slowest: an RX 6600, not XT."""
    same = [g for g in by_pci if (g.segment, g.memory_bytes) == (near.segment, near.memory_bytes) and not _is_odd(g)]
    return min([near, *same], key=_slowness)


def _slowness(gpu: Gpu) -> tuple[float, str]:
    return gpu.bandwidth or float("inf"), gpu.id


def same_pci(ids: Iterable[str], probed: str) -> bool:
    """Whether a probed id is one of `ids`: device ids agree, and subsystem ids where both state one."""
    device, _unused, subsystem = probed.partition("/")
    for known in ids:
        known_device, _unused, known_subsystem = known.partition("/")
        if known_device == device and (not subsystem or not known_subsystem or subsystem == known_subsystem):
            return True
    return False


def _listed(ids: Iterable[str]) -> str:
    names = sorted(set(ids))
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:6])}{' …' if len(names) > 6 else ''}"
