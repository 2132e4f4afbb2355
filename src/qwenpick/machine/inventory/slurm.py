"""A Slurm cluster from `scontrol show nodes` (JSON of 23.02 and later, one line a node, or a block a node) or `sinfo` (JSON, or -N -O text).

Plugin shapes: 22.05's `sinfo --json` is openapi/v0.0.38 (state a word, features a string), 24.11's is data_parser/v0.0.42 (lists, numbers as
{set, infinite, number}). `scontrol show nodes -d` is what says how many GPUs jobs hold; without -d it is known only with accounting of gres/gpu.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.machine.inventory import gres
from qwenpick.machine.inventory.cluster import Cluster, Node
from qwenpick.machine.inventory.quantities import slurm_memory

# A node takes work in these base states, unless a flag or a sign behind the word says otherwise (slurm.schedmd.com/sinfo.html, NODE STATE CODES).
WORKING = {"IDLE", "MIXED", "ALLOCATED", "MIX", "ALLOC", "COMPLETING", "COMP", "PLANNED", "PLND"}
STOPPED = {"DRAIN", "DRAINED", "DRAINING", "DRNG", "FAIL", "FAILING", "FAILG", "NOT_RESPONDING", "MAINTENANCE", "MAINT", "REBOOT_ISSUED", "BOOT",
           "REBOOT_REQUESTED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "POWER_DOWN", "POWER_UP", "INVALID_REG", "INVAL", "RESERVED", "RESV",
           "PERFCTRS", "NPC", "DOWN", "UNKNOWN", "FUTURE", "ERROR", "DELETED"}  # fmt: skip
SIGNS = {"*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "%": "POWERING_DOWN", "!": "POWER_DOWN", "$": "MAINTENANCE",
         "@": "REBOOT_ISSUED", "^": "REBOOT_ISSUED", "-": "PLANNED"}  # fmt: skip
KEYS = ("NodeName", "Arch", "AvailableFeatures", "ActiveFeatures", "Gres", "GresDrain", "GresUsed", "State", "CPUAlloc", "CPUTot", "CPUEfctv",
        "RealMemory", "AllocMem", "FreeMem", "MemSpecLimit", "Partitions", "CfgTRES", "AllocTRES", "OS", "Comment", "Extra", "Version",
        "NodeAddr", "NodeHostName", "ThreadsPerCore", "CPULoad", "CoresPerSocket", "Sockets", "Boards", "Port", "BootTime", "SlurmdStartTime",
        "LastBusyTime", "ResumeAfterTime", "Owner", "MCS_label", "TmpDisk", "Weight", "CapWatts", "CurrentWatts", "AveWatts")  # fmt: skip
_KEY = re.compile(r"(?:^|\s)([A-Za-z][A-Za-z0-9_/:]*)=")
COLUMNS = {"NODELIST": "NodeName", "PARTITION": "Partitions", "STATE": "State", "CPUS": "CPUTot", "MEMORY": "RealMemory", "ALLOCMEM": "AllocMem",
           "GRES": "Gres", "GRES_USED": "GresUsed", "AVAIL_FEATURES": "AvailableFeatures"}  # fmt: skip


def parse(text: str) -> Cluster:
    """The cluster that this output describes. Raises QwenpickError where it is none of the forms that are read."""
    start = text.lstrip()
    if start.startswith("{"):
        try:
            return from_json(json.loads(text))
        except (ValueError, RecursionError) as problem:
            raise QwenpickError(_("this is not JSON: {problem}", problem=problem)) from None
    if "NodeName=" in start:
        return _cluster(_records(text))
    if start.startswith("NODELIST") and "GRES" in start.partition("\n")[0]:
        return _cluster(_columns(text))
    raise QwenpickError(
        _("this is not the output of `scontrol show nodes -d --json`, `scontrol show nodes -d -o` or `sinfo --json`")
    )


def from_json(document: Mapping[str, Any]) -> Cluster:
    """The cluster of `scontrol show nodes --json` or `sinfo --json`."""
    if isinstance(document.get("nodes"), list):
        return _cluster([_flat(item) for item in document["nodes"] if isinstance(item, Mapping)])
    if isinstance(document.get("sinfo"), list):
        return _cluster([row for item in document["sinfo"] if isinstance(item, Mapping) for row in _grouped(item)])
    raise QwenpickError(_("this JSON has neither nodes nor sinfo: `scontrol show nodes -d --json` writes what is read"))


def _records(text: str) -> list[dict[str, str]]:
    """Fields of each node. Reason, OS and Comment hold blanks, '=' and anything else: known keys part the line, and Reason is the rest of it."""
    blocks = re.split(r"(?m)^(?=NodeName=)", text)
    return [_fields(" ".join(block.split("\n"))) for block in blocks if block.startswith("NodeName=")]


def _fields(line: str) -> dict[str, str]:
    head, reason, why = line.partition(" Reason=")
    found, at = {}, [match for match in _KEY.finditer(head) if match[1] in KEYS]
    for here, then in zip(at, [*at[1:], None], strict=True):
        found[here[1]] = head[here.end() : then.start() if then else None].strip()
    return found | ({"Reason": why.strip()} if reason else {})


def _columns(text: str) -> list[dict[str, str]]:
    """`sinfo -N -O …` by the columns of its heading, since a value may be empty; a node stands there once for each partition."""
    heading, *lines = text.splitlines()
    starts = [(match.start(), match[0]) for match in re.finditer(r"\S+", heading)]
    ends = [start for start, _name in starts[1:]] + [None]
    rows = [
        {name.partition("(")[0]: line[start:end].strip() for (start, name), end in zip(starts, ends, strict=True)}
        for line in lines
        if line.strip()
    ]
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        fields = {COLUMNS[name]: value for name, value in row.items() if name in COLUMNS}
        fields["CPUAlloc"] = row.get("CPUS", "").partition("/")[0]
        fields["CPUTot"] = row.get("CPUS", "").rpartition("/")[2]
        partition = fields["Partitions"] = fields.get("Partitions", "").rstrip("*")
        known = found.setdefault(fields["NodeName"], fields)
        if known is not fields:
            known["Partitions"] += f",{partition}"
    return list(found.values())


def _flat(item: Mapping[str, Any]) -> dict[str, str]:
    """A node of JSON as the fields of text."""
    state = item.get("state")
    flags = item.get("state_flags")
    states = [*(state if isinstance(state, list) else [state]), *(flags if isinstance(flags, list) else [])]
    return {
        "NodeName": str(item.get("name", "")),
        "State": "+".join(str(word).upper() for word in states if word),
        "Gres": str(item.get("gres") or ""),
        "GresUsed": _said(item, "gres_used"),
        "RealMemory": str(item.get("real_memory", "")),
        "AllocMem": str(item.get("alloc_memory", "")),
        "MemSpecLimit": str(item.get("specialized_memory", "") or ""),
        "CPUTot": str(item.get("effective_cpus") or item.get("cpus", "")),
        "CPUAlloc": str(item.get("alloc_cpus", "")),
        "AvailableFeatures": _joined(item.get("features")),
        "Partitions": _joined(item.get("partitions")),
        "CfgTRES": str(item.get("tres") or ""),
        "AllocTRES": _said(item, "tres_used"),
    }


def _said(item: Mapping[str, Any], key: str) -> str:
    """A field as text; its absence is told from its emptiness."""
    return str(item.get(key) or "(null)") if key in item else "?"


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _grouped(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """A row of 24.11's `sinfo --json`: equal nodes of one partition. Figures of several nodes are sums or ranges: the least is taken."""
    parts = {key: value if isinstance(value, Mapping) else {} for key, value in item.items()}

    def at(*path: str) -> Any:
        value: Any = parts
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    listed = at("nodes", "nodes")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    memory, allocated = at("memory", "maximum"), at("memory", "allocated")
    fields = {
        "State": _joined(at("node", "state")).replace(",", "+"),
        "Gres": str(at("gres", "total") or ""),
        "GresUsed": str(at("gres", "used") or "(null)"),
        "RealMemory": str(at("memory", "minimum") or ""),
        "AllocMem": str(allocated if isinstance(allocated, int) and isinstance(memory, int) else ""),
        "CPUTot": str(at("cpus", "minimum") or ""),
        "CPUAlloc": str(at("cpus", "allocated") or 0),
        "AvailableFeatures": str(at("features", "total") or ""),
        "Partitions": str(at("partition", "name") or ""),
    }
    return [{"NodeName": name, **fields} for name in names]


def _cluster(records: Iterable[Mapping[str, str]]) -> Cluster:
    found: dict[str, Node] = {}
    unsaid = False
    for fields in records:
        node, known = _node(fields)
        unsaid = unsaid or not known
        if not node.name:
            continue
        if (before := found.get(node.name)) is None:
            found[node.name] = node
        elif node.partitions and not set(node.partitions) <= set(before.partitions):
            from dataclasses import replace

            found[node.name] = replace(before, partitions=(*before.partitions, *node.partitions))
    unclear = (
        [N_("the output does not say which GPUs jobs hold: all are taken as free (`scontrol show nodes -d` says it)")]
        if unsaid
        else []
    )
    return Cluster("slurm", tuple(found[name] for name in sorted(found)), tuple(unclear))


def _node(fields: Mapping[str, str]) -> tuple[Node, bool]:
    """(the node, whether its records say what jobs hold of its GPUs)."""
    have = gres.parse(fields.get("Gres")) or gres.parse_tres(fields.get("CfgTRES"))
    used = _used(fields, have)
    ram = slurm_memory(fields.get("RealMemory", ""))
    if ram is not None and (kept := slurm_memory(fields.get("MemSpecLimit", ""))):
        ram = max(0, ram - kept)
    held, cpus, busy = (
        slurm_memory(fields.get("AllocMem", "")),
        _number(fields, "CPUEfctv", "CPUTot"),
        _number(fields, "CPUAlloc"),
    )
    node = Node(
        name=fields.get("NodeName", ""),
        accelerators=gres.accelerators(have, used),
        ram=ram,
        ram_free=None if ram is None or held is None else max(0, ram - held),
        cpus=cpus,
        cpus_free=None if cpus is None or busy is None else max(0.0, cpus - busy),
        out=out(fields.get("State", "")),
        features=tuple(word for word in fields.get("AvailableFeatures", "").split(",") if word and word != "(null)"),
        partitions=tuple(
            word.rstrip("*") for word in fields.get("Partitions", "").split(",") if word and word != "(null)"
        ),
    )
    return node, used is not None or not have


def _used(fields: Mapping[str, str], have: Mapping[str, int]) -> dict[str, int] | None:
    """What jobs hold: GresUsed, else AllocTRES where accounting counts GPUs (CfgTRES then names them), else nothing where no CPU is held."""
    if (text := fields.get("GresUsed", "?")) != "?":
        return gres.parse(text)
    if gres.parse_tres(fields.get("CfgTRES")):
        return gres.parse_tres(fields.get("AllocTRES"))
    return {} if have and _number(fields, "CPUAlloc") == 0 else None


def _number(fields: Mapping[str, str], *names: str) -> float | None:
    text = next((fields[name] for name in names if fields.get(name)), "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def out(state: str) -> str | None:
    """Why a node in this state takes no job; None where it does. `MIXED+PLANNED`, `idle~`, `mix-`, `down*`, `drained`.

    >>> out("MIXED+PLANNED"), out("mix-"), out("IDLE+DRAIN"), out("down*")
    (None, None, 'idle+drain', 'down*')
    """
    sign = state[-1:] if state[-1:] in SIGNS else ""
    words = {word.upper() for word in re.split(r"[+\s]", state.removesuffix(sign)) if word}
    flags = words | ({SIGNS[sign]} if sign else set())
    working = bool(words & WORKING) and not flags & STOPPED
    return None if working else state.casefold() or N_("in no known state")
