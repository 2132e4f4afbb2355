"""Where engines keep the models that were downloaded, and which files lie there: names and sizes are read, never a weight.

Layouts, as the programs write them:
ollama        manifests/HOST/OWNER/NAME/TAG, blobs/sha256-…                      (ollama 0.34 manifest/paths.go)
huggingface   models--OWNER--NAME/snapshots/REVISION/FILE, refs/main             (huggingface_hub 1.x file_download.py)
llamacpp      OWNER_NAME_FILE.gguf, side by side                                 (llama.cpp common/download.cpp; since March 2026 the layout above)
lmstudio      OWNER/NAME/FILE.gguf, or a directory of MLX weights                (lmstudio.ai/docs/app/basics/import-model)
mlx           NAME or OWNER/NAME, each a directory of MLX weights                (oMLX's --model-dir)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from qwenpick.bounded import reason
from qwenpick.i18n import N_
from qwenpick.values import dataclass

Kind = Literal["ollama", "huggingface", "llamacpp", "lmstudio", "mlx", "directory"]
ENTRIES_LIMIT = 20_000  # files and directories that are looked at in one store
DEPTH_LIMIT = 8  # directories inside each other; the deepest layout above has 5
_SPLIT = re.compile(r"-(\d{5})-of-\d{5}(?=\.gguf$)", re.IGNORECASE)
_HUB = {"HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}
_POINTER_LIMIT = 4096  # bytes of the file that says where LM Studio lives


@dataclass(frozen=True, slots=True)
class Store:
    """A directory in which an engine keeps models; `problem` says why it could not be read, or not to the end."""

    kind: Kind
    path: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in a store: the GGUF file (the first of a split one), the directory of weights, or the manifest of an Ollama tag.

    `name` is the tag or owner/name that the store knows it by; None where only the path tells.
    """

    kind: Kind
    path: str
    name: str | None


def hub_directory(environ: Mapping[str, str], home: Path) -> tuple[Path, str]:
    """The Hugging Face hub's cache, and what names it (huggingface_hub 1.x constants.py)."""
    for variable, below in _HUB.items():
        if said := environ.get(variable):
            return Path(said) / below, variable
    return home / ".cache" / "huggingface" / "hub", N_("the Hugging Face hub's default")


def store_places(environ: Mapping[str, str], home: Path | None, system: str) -> tuple[tuple[Kind, Path], ...]:
    """Every directory in which an engine may keep models on this system (linux, darwin, windows), whether it exists or not."""
    places: list[tuple[Kind, Path]] = []
    if ollama := environ.get("OLLAMA_MODELS"):
        places.append(("ollama", Path(ollama)))
    else:
        places += [("ollama", home / ".ollama" / "models")] if home else []
        places += [("ollama", Path("/usr/share/ollama/.ollama/models"))] if system == "linux" else []
    if home or any(environ.get(variable) for variable in _HUB):
        places.append(("huggingface", hub_directory(environ, home or Path())[0]))
    cache = Path(environ["XDG_CACHE_HOME"]) if environ.get("XDG_CACHE_HOME") else home / ".cache" if home else None
    if llama := environ.get("LLAMA_CACHE"):
        places.append(("llamacpp", Path(llama)))
    elif system == "darwin":
        places += [("llamacpp", home / "Library" / "Caches" / "llama.cpp")] if home else []
    elif system == "windows":
        places += [("llamacpp", Path(local) / "llama.cpp")] if (local := environ.get("LOCALAPPDATA")) else []
    elif cache:
        places.append(("llamacpp", cache / "llama.cpp"))
    if home:
        places += [("lmstudio", lmstudio_home(home) / "models"), ("lmstudio", home / ".cache" / "lm-studio" / "models")]
        places.append(("mlx", home / ".omlx" / "models"))
    return tuple(dict.fromkeys(places))


def home_directory() -> Path | None:
    """The person's home directory; None for one without (no HOME, no entry in passwd)."""
    try:
        return Path.home()
    except (RuntimeError, KeyError, OSError):
        return None


def lmstudio_home(home: Path) -> Path:
    """LM Studio's own directory: what ~/.lmstudio-home-pointer names, else ~/.lmstudio."""
    pointer = home / ".lmstudio-home-pointer"
    try:
        if stat.S_ISREG(pointer.stat().st_mode) and pointer.stat().st_size <= _POINTER_LIMIT:
            named = pointer.read_text(encoding="utf-8").strip()
            if named and "\0" not in named and Path(named).is_absolute():
                return Path(named)
    except (OSError, ValueError):
        pass
    return home / ".lmstudio"


def look_into(kind: Kind, directory: Path) -> tuple[Store, tuple[StoredModel, ...]]:
    """A store and the models in it, by name; never raises. What is unreadable, endless or too deep is said in `problem`."""
    models: dict[str, StoredModel] = {}
    walk = _Walk()
    try:
        for path in walk.files(directory):
            if found := _model(kind, directory, path):
                models.setdefault(found.path, found)
    except OSError as problem:
        return Store(kind, str(directory), reason(problem)), ()
    return Store(kind, str(directory), walk.problem), tuple(sorted(models.values(), key=lambda one: one.path))


def _model(kind: Kind, root: Path, path: Path) -> StoredModel | None:
    """The model that a file stands for: a GGUF file that is no projector and no later part, a config.json beside weights, a manifest."""
    steps = path.relative_to(root).parts
    if kind == "ollama":
        if len(steps) != 5 or steps[0] != "manifests":
            return None
        host, owner, base, tag = steps[1:]
        named = f"{'' if owner == 'library' else f'{owner}/'}{base}:{tag}"
        return StoredModel(kind, str(path), named if host == "registry.ollama.ai" else f"{host}/{owner}/{base}:{tag}")
    name, lower = _name(kind, steps), path.name.casefold()
    if lower.endswith(".gguf"):
        part = _SPLIT.search(path.name)
        is_model = not lower.startswith("mmproj") and (part is None or int(part[1]) == 1)
        return StoredModel(kind, str(path), name) if is_model else None
    if lower == "config.json" and any(one.suffix == ".safetensors" for one in path.parent.iterdir()):
        return StoredModel(kind, str(path.parent), name)
    return None


def _name(kind: Kind, steps: Sequence[str]) -> str | None:
    """owner/name of a file in a store that knows it by its place."""
    if kind == "huggingface" and steps[0].startswith("models--"):
        return "/".join(steps[0].split("--")[1:])
    if kind in ("lmstudio", "mlx") and len(steps) > 2:
        return "/".join(steps[:2])
    return None


class _Walk:
    """The regular files below a directory, links followed once, no more than the limits."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._seen: set[tuple[int, int]] = set()
        self._left = ENTRIES_LIMIT

    def files(self, directory: Path, depth: int = 0) -> Iterator[Path]:
        """Depth first. OSError where the directory itself cannot be listed; below it `problem` says it."""
        here = directory.stat()
        if (here.st_dev, here.st_ino) in self._seen:
            return
        self._seen.add((here.st_dev, here.st_ino))
        with os.scandir(directory) as entries:
            found = sorted(self._counted(entries), key=lambda entry: entry.name)
        for entry in found:
            try:
                if entry.is_file():
                    yield Path(entry.path)
                elif entry.is_dir() and depth < DEPTH_LIMIT:
                    yield from self.files(Path(entry.path), depth + 1)
            except OSError as problem:
                self.problem = self.problem or f"{entry.name}: {reason(problem)}"

    def _counted(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            if self._left <= 0:
                self.problem = self.problem or N_(
                    "more than {limit:,} files: the rest is not looked at", limit=ENTRIES_LIMIT
                )
                return
            self._left -= 1
            yield entry
