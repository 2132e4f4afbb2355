"""The release that is planned for, as registries name it: a package of PyPI, a tag of an image."""

from __future__ import annotations

import re

from qwenpick.runtimes.option import EngineOptions

_RELEASE = re.compile(r"v?(\d+)\.(\d+)(\.\d+)?(\.post\d+)?", re.ASCII)


def tag(version: str) -> str | None:
    """Three numbers and what was mended after; None of builds between releases, which no registry keeps.

    >>> tag("0.33"), tag("0.5.15.post1"), tag("0.15.2rc1.dev93")
    ('0.33.0', '0.5.15.post1', None)
    """
    found = _RELEASE.fullmatch(version)
    return f"{found[1]}.{found[2]}{found[3] or '.0'}{found[4] or ''}" if found else None


def newest(said: EngineOptions) -> str:
    """The release that is planned for where none is said."""
    return tag(said.RELEASE) or said.RELEASE


def named(said: EngineOptions) -> str | None:
    """The release that was named; None where none was, or a build that is none."""
    return tag(said.said_release) if said.said_release else None


def package(name: str, said: EngineOptions) -> str:
    """What pip installs: the release that was named, or the newest."""
    release = named(said)
    return f"{name}=={release}" if release else name
