"""What a person keeps as defaults: config.yaml in the platform's config directory (lang, reserve, runtime, from). The command line goes before it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import LANGUAGES, _, is_known

# key -> the parameter of the commands that take it
KEYS = {"lang": "", "reserve": "reserve", "runtime": "runtime", "from": "hub"}
LIMIT = 64 * 1024  # bytes of the file
COMMANDS = {
    "reserve": ("recommend", "fit", "plan", "compare", "replace", "launch", "scan", "machine"),
    "runtime": ("recommend", "fit", "plan", "compare", "replace", "launch"),
    "hub": ("launch",),
}


def config_file() -> Path | None:
    """Where the defaults are kept. It need not exist; None where there is no such directory.

    On Linux by the rule of freedesktop.org itself: every command looks here, and what knows all platforms takes 10 ms to import.
    """
    if sys.platform.startswith("linux"):
        said = os.environ.get("XDG_CONFIG_HOME", "").strip()
        home = Path(said if said.startswith("/") else os.path.expanduser("~/.config"))  # noqa: PTH111 (HOME may be missing)
        return home / "qwenpick" / "config.yaml" if home.is_absolute() else None
    from qwenpick.storage import user_directory

    directory = user_directory("config")
    return directory / "config.yaml" if directory else None


def defaults() -> dict[str, str]:
    """The defaults that are kept, checked; {} where there is no file. Raises QwenpickError for a file or a key that means nothing."""
    file = config_file()
    try:
        if file is None or not file.is_file():
            return {}
    except OSError:
        return {}
    import yaml

    from qwenpick.bounded import parse_yaml, read_bytes, reason

    try:
        content = parse_yaml(read_bytes(file, LIMIT), 100)[1]
    except (OSError, ValueError, yaml.YAMLError) as problem:
        raise QwenpickError(_("cannot read {file}: {problem}", file=file, problem=shown(reason(problem)))) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise QwenpickError(_("{file} must hold lines such as `lang: zh`", file=file))
    return {str(key): _checked(file, str(key), value) for key, value in content.items()}


def _checked(file: Path, key: str, value: Any) -> str:
    from qwenpick.launch.hub import read_hub
    from qwenpick.runtimes import find_runtime
    from qwenpick.units import parse_memory

    if key not in KEYS:
        near = did_you_mean(key, KEYS)
        raise QwenpickError(
            _(
                "{file}: there is no default '{key}'{near} (known: {known})",
                file=file,
                key=shown(key),
                near=near,
                known=", ".join(KEYS),
            )
        )
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise QwenpickError(_("{file}: {key} must be a word or a number", file=file, key=key))
    text = str(value)
    try:
        if key == "reserve":
            parse_memory(text)
        elif key == "runtime":
            find_runtime(text)
        elif key == "from":
            read_hub(text)
        elif not is_known(text):
            raise no_language(text)
    except QwenpickError as problem:
        raise QwenpickError(f"{file}: {problem}") from None
    return text


def no_language(name: str) -> QwenpickError:
    """The error for a language that is none of ours."""
    near, known = did_you_mean(name, LANGUAGES), ", ".join(LANGUAGES)
    return QwenpickError(
        _("there is no language '{name}'{near} (known: {known})", name=shown(name), near=near, known=known)
    )


def default_map(kept: dict[str, str], arguments: list[str]) -> dict[str, dict[str, str]]:
    """command -> parameter -> default, as Typer takes it; a run that trains has no engine, a cluster's nodes no desktop."""
    options = {word.partition("=")[0] for word in arguments}
    idle = {"runtime"} if "--train" in options else {"reserve"} if "--cluster" in options else set()
    found: dict[str, dict[str, str]] = {}
    for key, parameter in KEYS.items():
        if key in kept and parameter and parameter not in idle:
            for command in COMMANDS[parameter]:
                found.setdefault(command, {})[parameter] = kept[key]
    return found
