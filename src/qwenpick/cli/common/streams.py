"""What is written and where it cannot be: encodings without the characters, a disk that is full, an output that was closed."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TYPE_CHECKING

from qwenpick.cleaning import clean_lines
from qwenpick.errors import shown

if TYPE_CHECKING:
    from typing import TextIO

LONGEST = 2500  # characters of a sentence: what it quotes may be longer than anybody reads
PLAIN = "qwenpick.plain"  # the name of the error handler
# What our own texts hold beyond ASCII, for encodings that lack it: bars, marks, rules
_ASCII = {
    "█": "#", "▓": "=", "▒": "+", "░": "-", "▚": "%", "·": ".", "…": "...", "×": "x", "–": "-", "—": "-", "−": "-", "→": "->", "≥": ">=", "≤": "<=",
    "“": '"', "”": '"', "‘": "'", "’": "'", "²": "2", "±": "+/-", "≈": "~", "µ": "u", "°": "deg", "─": "-", "│": "|", "├": "+", "└": "+", "━": "-",
    "\u00a0": " ", "\u202f": " ", "✓": "+", "✗": "x", "⠋": "-",
}  # fmt: skip


def prepare() -> bool:
    """Make stdout and stderr take any text: what their encoding lacks is written in ASCII. False where stdout was closed before we began."""
    codecs.register_error(PLAIN, _plain)
    closed = sys.stdout is None
    if closed:  # its number must not go to the next file that is opened
        os.open(os.devnull, os.O_WRONLY)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 (as long as the process)
    for stream, errors in ((sys.stdout, PLAIN), (sys.stderr, "backslashreplace")):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors=errors)
    return not closed


def can_write(text: str) -> bool:
    """Whether stdout's encoding has the characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def tell(message: str) -> None:
    """A sentence on stderr, in one line; nothing where there is no stderr, or it takes nothing."""
    _write(f"qwenpick: {shown(message, LONGEST)}\n")


def tell_as_it_is(text: str) -> None:
    """Several lines on stderr."""
    _write(clean_lines(text))


def _write(text: str) -> None:
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        _to_nowhere(sys.__stderr__)


def abandon() -> None:
    """Let what is still to be written to stdout go nowhere."""
    _to_nowhere(sys.__stdout__, 1)


def _to_nowhere(stream: TextIO | None, number: int = 2) -> None:
    """Discards what the stream still holds, so that the interpreter cannot fail on it as it shuts down and change the exit code."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno() if stream else number)
    except (OSError, ValueError):
        return


def _plain(error: UnicodeError) -> tuple[str, int]:
    """The characters that could not be encoded, in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ASCII.get(character, "?") for character in error.object[error.start : error.end]), error.end
