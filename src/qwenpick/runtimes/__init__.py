"""The engines: one package each, all keeping the same Protocol, and a line in RUNTIMES.

tests/runtimes/test_engines.py names what else an engine needs, file by file. mlx/ is the smallest that shares no arithmetic with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.memory.account import Memory
    from qwenpick.runtimes.option import EngineOptions
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


class Runtime(Protocol):
    """What an engine's package must have in its __init__.py; its options are in options.py beside it."""

    NAME: str
    TITLE: str
    READ_FROM: str  # the version and files that the constants were read from
    FORMATS: tuple[str, ...]  # the formats it loads, best first within each family
    FAMILIES: Mapping[str, tuple[str, ...]]  # 4bit, 8bit, fp16 -> the formats that are meant, preferred first

    def refusal(
        self, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
    ) -> str | None:
        """Why the engine would not run this there, as a sentence; None if it would (memory aside)."""

    def placements(
        self, model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
    ) -> Iterable[Placement]:
        """The ways to lay it out on the machine, preferred first: one GPU, several, part in RAM, CPU only."""

    def memory(
        self, model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
    ) -> Memory:
        """What it must hold for `work`, part by part. Raises QwenpickError for an option it does not know."""

    def budget(self, device: Device, work: Serving) -> int | None:
        """Bytes it may take of the device's memory now; None where the driver does not say how much there is."""


RUNTIMES: dict[str, str] = {
    name: f"qwenpick.runtimes.{name}"
    for name in ("llamacpp", "ollama", "vllm", "sglang", "transformers", "mlx", "lmstudio")
}
ON_LLAMACPP = ("llamacpp", "ollama", "lmstudio")  # engines that run llama.cpp
ACROSS_NODES = ("vllm", "sglang")  # engines of which one copy may lie on several boxes


def options_of(engine: str, given: Mapping[str, object]) -> EngineOptions:
    """What was said of an engine's options, by its own table. Raises QwenpickError for what it does not take."""
    from qwenpick.runtimes.given import read

    table: type[EngineOptions] = import_module(f"{RUNTIMES[engine]}.options").Options
    return read(table, given)


def option_names(engine: str, given: Mapping[str, object]) -> dict[str, str]:
    """The engine's own name of each of these options, all of which it takes."""
    from qwenpick.runtimes.given import name_of

    table: type[EngineOptions] = import_module(f"{RUNTIMES[engine]}.options").Options
    return {typed: name_of(table, typed) for typed in given}


def engines_with(names: Iterable[str], given: Mapping[str, object]) -> tuple[str, ...]:
    """The engines among `names` that take these options. Where none does, raises the OptionError of the one that comes nearest."""
    if not given:
        return tuple(names)
    from qwenpick.runtimes.given import OptionError

    found, refused = list[str](), list[OptionError]()
    for name in (find_runtime(name).NAME for name in names):
        try:
            options_of(name, given)
            found.append(name)
        except OptionError as error:
            refused.append(error)
    if refused and not found:
        raise max(refused, key=lambda error: error.closeness)
    return tuple(found)


ALIASES = {
    "llama.cpp": "llamacpp",
    "llama-cpp": "llamacpp",
    "llama-server": "llamacpp",
    "hf": "transformers",
    "mlx-lm": "mlx",
    "lm-studio": "lmstudio",
    "lm studio": "lmstudio",
    "lms": "lmstudio",
}


@cache
def find_runtime(name: str) -> Runtime:
    """The engine of that name; its module is imported on first use. Raises QwenpickError with the nearest name."""
    folded = ALIASES.get(name.casefold(), name.casefold())
    if folded not in RUNTIMES:
        names = ["llama.cpp" if known == "llamacpp" else known for known in RUNTIMES]  # as people write it
        raise QwenpickError(
            _(
                "there is no runtime '{name}'{near} (known: {runtimes})",
                name=name,
                near=did_you_mean(folded, names),
                runtimes=", ".join(names),
            )
        )
    return cast(Runtime, import_module(RUNTIMES[folded]))
