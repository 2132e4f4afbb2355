"""Ollama's start-up lines: sizes per device to one digit, and llama.cpp's own exact ones where its runner is llama.cpp's.

Wordings of ml/device.go and llm/server.go, 0.9 to 0.18.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from qwenpick.memory.account import RAM, Part, gpu
from qwenpick.verify import llamacpp
from qwenpick.verify.observation import Observation, last, observed, size, whole

_SIZE = re.compile(
    r'msg="(model weights|kv cache|compute graph)" (?:device|buffer|backend)=(\w+)(?: buffer_type=\w+)? size="([\d.]+) (\w+)"'
)
_KINDS = {
    "model weights": ("weights", "weights"),
    "kv cache": ("kv cache", "kv cache"),
    "compute graph": ("compute buffer", "compute"),
}
_OLD = re.compile(
    r'memory\.required\.kv="([\d.]+) (\w+)".*memory\.weights\.total="([\d.]+) (\w+)".*memory\.graph\.full="([\d.]+) (\w+)"'
)
_LAYERS = re.compile(r"offloaded (\d+)/(\d+) layers to GPU|layers\.offload=(\d+)")
_RUN = re.compile(r"Parallel:(\d+) BatchSize:(\d+) FlashAttention:(\w+) KvSize:(\d+) KvCacheType:(\w*)")
_COMMAND = re.compile(r"--ctx-size (\d+).*?--batch-size (\d+).*?--parallel (\d+)")
_FILE = re.compile(r'architecture=(\S+) file_type=(\S+) name=("[^"]*"|\S+)')
_VERSION = re.compile(r"Listening on .*\(version ([\w.]+)\)")
_GPU = re.compile(r'name="?(NVIDIA [^"]+?|AMD [^"]+?)"? |description="(NVIDIA [^"]+|AMD [^"]+)"')


def parse(log: list[str]) -> Observation:
    """What the last load in the log says; llama.cpp's own lines win over Ollama's rounded ones."""
    exact = llamacpp.parse(log)
    run, command, layers = last(_RUN, log), last(_COMMAND, log), last(_LAYERS, log)
    file, version, name = last(_FILE, log), last(_VERSION, log), last(_GPU, log)
    parallel = int(run[1]) if run else int(command[3]) if command else 1
    held = int(run[4]) if run else int(command[1]) if command else None
    own = exact.memory.parts
    parts = own or tuple(_parts(log))
    options = {"n_ubatch": int(run[2])} if run else {}
    if run and run[3] == "Disabled":
        options |= {"flash_attn": False}
    cache = run[5] if run and run[5] else None
    return replace(
        exact,
        engine="ollama",
        memory=observed(parts),
        version=version[1] if version else None,
        model=exact.model or (file[3].strip('"') or None if file else None),
        format=exact.format or (file[2] if file and file[2] != "unknown" else None),
        context=held // parallel if held and parallel else exact.context,
        sequences=parallel,
        kv_cache=exact.kv_cache or cache,
        kv_tokens=exact.kv_tokens or held,
        layers_on_gpu=whole(next(g for g in (layers[1], layers[3]) if g)) if layers else exact.layers_on_gpu,
        ranks=len({part.where for part in parts} - {RAM}),
        device=exact.device or (next(g for g in name.groups() if g) if name else None),
        settled=exact.settled or run is not None,
        options={**options, **exact.options} if own else options,
    )


def _parts(log: list[str]) -> Iterator[Part]:
    """The last size of each thing on each device; the older single line where there is no other."""
    found = {(m[1], m[2]): m for line in log if (m := _SIZE.search(line))}
    gpus = sorted({device for _, device in found if not device.startswith("CPU")})
    for (what, device), match in found.items():
        name, kind = _KINDS[what]
        where = gpu(gpus.index(device)) if device in gpus else RAM
        yield Part(name, size(match[3], match[4]), where, match[0], kind)
    if not found and (old := last(_OLD, log)):
        for index, (name, kind) in enumerate(
            (("kv cache", "kv cache"), ("weights", "weights"), ("compute buffer", "compute"))
        ):
            yield Part(name, size(old[2 * index + 1], old[2 * index + 2]), gpu(0), old[0], kind)
