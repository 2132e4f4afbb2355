"""What llama.cpp prints as tables: its breakdown of memory, llama-bench's speeds, and the timings of a request.

Wordings: llama_print_memory_breakdown (September 2025) and common_memory_breakdown_print (2026) of common/fit.cpp, tools/llama-bench (markdown),
print_timings of llama-server and llama_perf_context_print.
"""

from __future__ import annotations

import re

from qwenpick.memory.account import RAM, Part, gpu
from qwenpick.units import MIB
from qwenpick.verify.compare import CONTEXT
from qwenpick.verify.observation import Measured

_ROW = re.compile(
    r"memory_breakdown\w*:\s+\|?\s+- (?P<device>\w+)(?: \((?P<name>.*?)\))?\s*[|:]\s+(?:(?P<total>\d+) = +\d+ \+ \(|(?:\d+ +)?)"
    r" *\d+ = +(?P<model>\d+) \+ +(?P<context>\d+) \+ +(?P<compute>\d+)"
)
_HEAD = re.compile(r"memory_breakdown\w*:.*memory breakdown")
_HOST = ("Host", "CPU")
_BENCH = re.compile(r"\|\s*(pp|tg)(\d+)(?: @ d(\d+))?\s*\|\s*([\d.]+) ±")
_TIMING = re.compile(
    r"(prompt eval|eval) time =\s+[\d.]+ ms /\s+(\d+) (?:tokens|runs)\s+\(.*?([\d.]+) tokens per second"
)


def breakdown(log: list[str]) -> tuple[list[tuple[str, int]], list[Part]]:
    """(name and bytes of each device, parts) of the last table of memory: weights, context and compute buffers, whole MiB."""
    start = max((index for index, line in enumerate(log) if _HEAD.search(line)), default=None)
    devices, parts = list[tuple[str, int]](), list[Part]()
    if start is None:
        return devices, parts
    for line in log[start + 1 :]:
        match = _ROW.search(line)
        if match is None:
            break
        if match["device"] in _HOST:
            where = RAM
        else:
            where = gpu(len(devices))
            devices.append((match["name"] or match["device"], int(match["total"] or 0) * MIB))
        for name, kind in (("model", "weights"), (CONTEXT, "kv cache"), ("compute", "compute")):
            parts.append(Part(name, int(match[name]) * MIB, where, match[0].strip(), kind))
    return devices, parts


def speeds(log: list[str]) -> tuple[Measured, ...]:
    """The speeds of llama-bench's rows, else of the last request: its prompt, and its answer after it."""
    found = [match for line in log if (match := _BENCH.search(line))]
    if found:
        return tuple(
            Measured("prefill" if m[1] == "pp" else "decode", float(m[4]), int(m[2]), int(m[3] or 0)) for m in found
        )
    timed = {match[1]: match for line in log if (match := _TIMING.search(line))}
    prompt, answer = timed.get("prompt eval"), timed.get("eval")
    read = int(prompt[2]) if prompt else 0
    return tuple(
        Measured(
            "decode" if match is answer else "prefill", float(match[3]), int(match[2]), read if match is answer else 0
        )
        for match in (prompt, answer)
        if match and int(match[2]) >= LEAST[match[1]]
    )


LEAST = {"prompt eval": 128, "eval": 16}  # tokens: fewer say little of a speed
