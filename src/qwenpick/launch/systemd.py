"""A planned server as a systemd unit of the user's: started at boot, started again where it fails. One unit a box."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.run import Command, Launch, Run

OWN_SERVICE = ("ollama", "lmstudio")  # their installers set one up
PATHS = "%h/.local/bin:%h/.venv/bin:/usr/local/bin:/usr/bin:/bin"  # where pip, uv and packages put servers; %h is the home directory
TOKENS = "%h/.config/qwenpick/env"  # HF_TOKEN=… and the like; need not exist
RETRY = 15  # seconds until a server that failed is started again


def unit(run: Run, planned: Launch) -> Launch:
    """The launch as unit files and the commands that take them on. Raises QwenpickError where there is no such thing."""
    if run.runtime in OWN_SERVICE:
        raise QwenpickError(_("{runtime} has a service of its own; leave out --systemd", runtime=run.runtime))
    if run.runtime == "transformers":
        raise QwenpickError(_("this program answers once and ends: it is no service; leave out --systemd"))
    if run.system == "darwin":
        raise QwenpickError(_("macOS has no systemd; launchd runs `qwenpick launch --exec`"))
    if run.system == "windows":
        raise QwenpickError(_("Windows has no systemd; leave out --systemd, or plan for WSL 2 with --system linux"))
    name = "qwenpick-" + re.sub(r"[^a-z0-9.]+", "-", run.model.id.casefold()).strip("-")
    # what it loads is made, or lies, here
    here = bool(planned.prepare) or bool(run.path and not Path(run.path).is_absolute())
    files = {f"{name}.service": _text(run, planned.serve, here)}
    for number, command in enumerate(planned.others, 2):
        files[f"{name}-box{number}.service"] = _text(run, command, here)
    others = tuple(
        Command(("systemctl", "--user", "enable", "--now", f"./{name}-box{number}.service"), purpose=command.purpose)
        for number, command in enumerate(planned.others, 2)
    )
    return replace(
        planned,
        serve=Command(("systemctl", "--user", "enable", "--now", f"./{name}.service")),
        files={**planned.files, **files},
        others=others,
        notes=(
            *planned.notes,
            _(
                "loginctl enable-linger keeps it running when nobody is logged in; journalctl --user -u {name} shows its log",
                name=name,
            ),
            _("tokens go into {file}, a NAME=VALUE a line", file=TOKENS.replace("%h", "~")),
        ),
    )


def _text(run: Run, command: Command, here: bool) -> str:
    """The unit of one command, started in this directory if it is `here` that it finds its weights.

    Weights may take long to download and load, so that nothing limits the start.
    """
    lines = [
        "[Unit]",
        f"Description={_plain(run.model.name)} ({run.runtime})",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        *([f"WorkingDirectory={_plain(str(Path.cwd()))}"] if here else []),
        f"ExecStart=/usr/bin/env {' '.join(map(_word, command.argv))}",
        *_environment({"PATH": PATHS}, expand=True),
        *_environment(command.env),
        f"EnvironmentFile=-{TOKENS}",
        "Restart=on-failure",
        f"RestartSec={RETRY}",
        "TimeoutStartSec=infinity",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join([*lines, ""])


def _environment(values: Mapping[str, str], expand: bool = False) -> list[str]:
    return [f"Environment={_quoted(f'{name}={value}', expand)}" for name, value in values.items()]


def _word(text: str) -> str:
    """A word of ExecStart as systemd takes it: % and $ are doubled, quotes and backslashes escaped (systemd.service, "Command lines").

    >>> _word("--port"), _word('{"a": "$b"}')
    ('--port', '"{\\\\"a\\\\": \\\\"$$b\\\\"}"')
    """
    return _quoted(text.replace("$", "$$")) if re.search(r"[^\w@+=:,./-]", text, re.ASCII) or not text else text


def _quoted(text: str, expand: bool = False) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped if expand else escaped.replace("%", "%%")}"'


def _plain(text: str) -> str:
    """One line: a unit ends a setting at a line break."""
    return " ".join(text.split())
