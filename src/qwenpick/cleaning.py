"""What must never reach a reader as it is: characters that steer a terminal, a table, a workflow or a script instead of being read.

Names come from files and from other people. `clean` makes them one line of visible text; the functions after it are for one kind of output each.
"""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, marks that turn the direction of writing, and halves of characters (surrogates)
_STEERING = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"


def clean(text: str) -> str:
    r"""The text on one line, with what would steer an output written out.

    >>> clean("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    text = text if text.isprintable() else re.sub(_STEERING, _written, text)  # none of those characters is printable
    return text.replace("::", ":\\x3a")  # a workflow's command, wherever a table is folded


def clean_lines(text: str) -> str:
    """The same for a text of several lines: its line ends stay."""
    return "\n".join(map(clean, text.split("\n")))


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front (OWASP, CSV injection).

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell("18.3 GiB")
    ("'=1+1", '-0.5', '18.3 GiB')
    """
    text = clean(text)
    formula = text.lstrip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    return f"'{text}" if formula and not re.fullmatch(r"[+-][\d,.]+( [\w/]+)?", text) else text


def markdown_text(text: str) -> str:
    r"""Text that stays text in Markdown: no HTML, no link, no picture, no end of a table's cell.

    >>> markdown_text("<b>[a](javascript:1) | `c`")
    '&lt;b>\\[a\\](javascript:1) \\| \\`c\\`'
    """
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\\[\]|`*_])", r"\\\1", text) if re.search(r"[\\\[\]|`*]|(?<!\w)_|_(?!\w)", text) else text


def workflow_data(text: str) -> str:
    """A message of a workflow command, as actions/toolkit's command.ts escapes it. Line ends stay line ends of the message."""
    return clean_lines(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a workflow command, as actions/toolkit's command.ts escapes it."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def _written(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
