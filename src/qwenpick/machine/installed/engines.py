"""Which engines are installed on this machine: found by their programs and Python packages, none of which is started."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as the runtimes call it (`llamacpp`, `ollama`, …), and the program or package that says it is here."""

    name: str
    path: str


# engine -> programs that start it, the first that is found counts
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "llamacpp": ("llama-server", "llama-cli"),
    "ollama": ("ollama",),
    "vllm": ("vllm",),
    "sglang": ("sglang",),
    "mlx": ("mlx_lm.server", "mlx_lm.generate"),
    "lmstudio": ("lms", "lm-studio"),
}
# engine -> packages of the Python that runs this; engines are often installed there without their programs on PATH
PACKAGES: Mapping[str, str] = {"vllm": "vllm", "sglang": "sglang", "mlx": "mlx_lm", "transformers": "transformers"}
# engine -> where its installer puts it, off PATH, under the home directory or the system's root
PLACES: Mapping[str, tuple[str, ...]] = {
    "ollama": ("/Applications/Ollama.app", "~/AppData/Local/Programs/Ollama/ollama.exe"),
    "lmstudio": (
        "~/.lmstudio/bin/lms",
        "/Applications/LM Studio.app",
        "~/AppData/Local/Programs/LM Studio/LM Studio.exe",
        "~/.lmstudio/bin/lms.exe",
    ),
    "llamacpp": ("/opt/homebrew/bin/llama-server", "/usr/local/bin/llama-server"),
}


def installed_engines(
    home: Path | None,
    *,
    which: Callable[[str], str | None] = shutil.which,
    package: Callable[[str], str | None] | None = None,
    exists: Callable[[str], bool] = os.path.exists,
) -> tuple[Engine, ...]:
    """The engines of this machine in the order of PROGRAMS; never raises. `which`, `package` and `exists` stand for the world."""
    locate = package or _package
    found = []
    for name in (*PROGRAMS, *(name for name in PACKAGES if name not in PROGRAMS)):
        candidates = [which(program) for program in PROGRAMS.get(name, ())]
        candidates += [place for place in _places(name, home) if exists(place)]
        candidates += [locate(PACKAGES[name])] if name in PACKAGES else []
        if path := next(filter(None, candidates), None):
            found.append(Engine(name, path))
    return tuple(found)


def _places(name: str, home: Path | None) -> list[str]:
    """Where an installer puts an engine; those of the home directory only where there is one."""
    return [
        str(home / place[2:]) if place.startswith("~/") and home else place
        for place in PLACES.get(name, ())
        if home or not place.startswith("~/")
    ]


def _package(name: str) -> str | None:
    """Where a Python package lies that this interpreter would import; None where there is none."""
    try:
        spec = find_spec(name) if name not in sys.modules else sys.modules[name].__spec__
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec else None
