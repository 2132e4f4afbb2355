"""What `catalog check` prints."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.i18n import _
from qwenpick.render.forms.report import Line, Report


def check_report(found: Mapping[str, list[str]]) -> Report:
    """The problems of each file, or that there are none."""
    return tuple(
        line
        for file, problems in found.items()
        for line in (
            [Line(f"{file}: {problem}", "bad") for problem in problems]
            or [Line(_("{file}: no problems", file=file), "good")]
        )
    )
