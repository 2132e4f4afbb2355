"""What decides between the ways to run a model: `recommend`, `fit`, `launch` and `compare` read it alike, so that they choose alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.cli.common import options as given
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.units import parse_bytes
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwenpick.cli.common.box import Box


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that decide between formats and engines of a model."""

    prefer: given.Prefer = None
    thinking: given.Thinking = None
    min_speed: given.MinSpeed = None
    max_disk: given.MaxDisk = None
    installed: given.Installed = False

    def said(self, hardware: Box) -> dict[str, object]:
        """What was said, as fields of a Request; None where nothing was. Raises QwenpickError for words that mean nothing."""
        return {
            "prefer": _preference(self.prefer) if self.prefer else None,
            "thinking": _thinking(self.thinking),
            "min_speed": self.min_speed,
            "max_disk": parse_bytes(self.max_disk) if self.max_disk else None,
            "engines": _installed(hardware) if self.installed else None,
        }

    def typed(self) -> list[str]:
        """These options as words of a command line."""
        return typed(
            {
                "--prefer": self.prefer,
                "--thinking": self.thinking,
                "--min-speed": self.min_speed,
                "--max-disk": self.max_disk,
                "--installed": self.installed,
            }
        )


def check_places(hardware: Box, gpu_only: bool) -> None:
    """QwenpickError where one option says GPUs alone and another none of them."""
    if gpu_only and hardware.cpu_only:
        raise QwenpickError(_("--cpu-only and {option} contradict each other; leave out one", option="--gpu-only"))


def typed(said: Mapping[str, object]) -> list[str]:
    """Options and their values as words of a command line, without those that were not given.

    >>> typed({"--context": "32k", "--users": 2, "--task": None, "--strict": True})
    ['--context', '32k', '--users', '2', '--strict']
    """
    words: list[str] = []
    for option, value in said.items():
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    return words


def _preference(word: str) -> str:
    from qwenpick.recommending.scoring import PREFERENCES

    if word not in PREFERENCES:
        raise QwenpickError(
            _(
                "there is no preference '{word}'{near} (known: {names})",
                word=word,
                near=did_you_mean(word, list(PREFERENCES)),
                names=", ".join(PREFERENCES),
            )
        )
    return word


def _thinking(word: str | None) -> str | None:
    if word not in (None, "yes", "no", "either"):
        raise QwenpickError(_("--thinking must be yes, no or either, not '{word}'", word=word))
    return word


def _installed(hardware: Box) -> tuple[str, ...]:
    """The engines of this machine; LM Studio runs llama.cpp. QwenpickError for a box that is not this machine, and where there is none."""
    from qwenpick.machine.installed.engines import PROGRAMS, installed_engines
    from qwenpick.machine.installed.stores import home_directory

    if hardware.is_said():
        raise QwenpickError(
            _("--installed looks at this machine; leave out --machine, --gpu, --vram, --ram and --cpu-only")
        )
    found = tuple(
        dict.fromkeys("llamacpp" if one.name == "lmstudio" else one.name for one in installed_engines(home_directory()))
    )
    if not found:
        programs = ", ".join(names[0] for names in PROGRAMS.values())
        raise QwenpickError(_("no engine is installed on this machine (looked for {programs})", programs=programs))
    return found


ANY = Choice()  # nothing said
