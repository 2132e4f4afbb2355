"""From a report to stdout, in the format that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from qwenpick.planning.plan import Plan
    from qwenpick.render.forms.report import Report

FORMATS = ("table", "markdown", "csv", "json")


def emit(command: str, format_name: str, report: Report, payload: Mapping[str, Any]) -> None:
    """Print the report, or the payload in the JSON envelope."""
    match format_name:
        case "json":
            from qwenpick.render.forms.envelope import print_json

            print_json(command, payload)
        case "table":
            from qwenpick.render.forms.terminal import print_report

            print_report(report)
        case "markdown":
            from qwenpick.render.forms.markdown import markdown

            sys.stdout.write(markdown(report))
        case "csv":
            from qwenpick.render.forms.separated import separated

            sys.stdout.write(separated(report, command, payload))
        case _:
            raise QwenpickError(
                _(
                    "there is no format '{format_name}'{near} (known: {known})",
                    format_name=format_name,
                    near=did_you_mean(format_name, FORMATS),
                    known=", ".join(FORMATS),
                )
            )


typed: list[str] = []  # the command line, which a page names: noted before the command runs


def write_page(path: Path, title: str, report: Report, plans: Sequence[Plan], labels: Sequence[str]) -> None:
    """Write the report as one HTML page with charts of the plans. Raises QwenpickError where the file cannot be written."""
    import shlex

    from qwenpick.render.forms.html import page
    from qwenpick.storage import write_file

    write_file(path, page(title, report, plans, labels, shlex.join(["qwenpick", *typed]) if typed else ""))
