"""Tables in narrow terminals, and in pipes."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest

from qwenpick.render.forms import piped, terminal
from qwenpick.render.forms.report import Column, Line, Report, Table
from tests.conftest import Result


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_name_is_cut_where_a_column_can_go(
    qwenpick: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "64GiB").out
    table = [line for line in shown.splitlines() if line.startswith((" 1 ", " 2 ", " 3 ", " 4 ", " 5 "))]
    assert len(table) == 5
    assert all(line.split()[1].startswith("Qwen") and len(line.rstrip()) <= width for line in table)
    # the model, its engine and where it runs are never dropped; what decides least goes first
    assert all(name in shown for name in ("Runtime", "Runs on"))
    assert ("Format" in shown, "tok/s " in shown) == {60: (False, False), 80: (False, True), 100: (True, True)}[width]
    between = shown[shown.index(" 1   ") :].strip().splitlines()[:6]
    assert [line.split()[0] for line in between[:5]] == list("12345") and not between[5].strip()  # nothing is folded


def test_the_first_pick_is_a_sentence_and_the_command_that_plans_the_same(qwenpick: Callable[..., Result]) -> None:
    said = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "64GiB", "--task", "coding").out.splitlines()
    assert said[1].startswith("Run Qwen") and " download) with " in said[1]
    (command,) = (line.partition("start it: ")[2].partition("   ")[0] for line in said if "start it: " in line)
    words = [word.strip("'") for word in command.replace("'rtx 4090'", "rtx\0004090").split()]
    launched = qwenpick(*(word.replace("\0", " ") for word in words[1:])).out
    assert said[1].split()[1].casefold() in launched.casefold()


WORDS = (
    "a",
    "bb",
    "Qwen3-8B",
    "44-103",
    "·",
    "87±2",
    "a b",
    "words that could be folded",
    "x" * 30,
    "~",
    "…",
    "→",
    "1  2",
    "  led",
    "[b]x[/b]",
    ":smile:",
    "a\\b",
)
OTHERS = ("", "trail ", "千问", "é", "👍", "a\u0301", "tab\tbed")


def _report(chance: random.Random) -> Report:
    words = WORDS if chance.random() < 0.7 else (*WORDS, *OTHERS)
    count = chance.randint(1, 6)
    columns = tuple(
        Column(chance.choice(words[:6]), chance.random() < 0.5, chance.choice((0, 0, 1, 2))) for _ in range(count)
    )
    rows = tuple(tuple(chance.choice(words) for _ in range(count)) for _ in range(chance.randint(0, 4)))
    title = chance.choice(("", "", "Title", "A title that is longer than most of these tables are wide"))
    text = " ".join(chance.choice(words) for _ in range(20))
    return Line(text, "good"), Table(columns, rows, title), Line(chance.choice(words))


def test_a_pipe_gets_without_rich_what_rich_prints_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, without = random.Random(1), 0
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for _unused in range(600):
        monkeypatch.setenv("COLUMNS", chance.choice(("100", "60", "40", "30", "abc", "")))
        report = _report(chance)
        text = piped.piped(report)
        with monkeypatch.context() as patched:
            patched.setattr(terminal, "piped", lambda _report: None)
            terminal.print_report(report)
        assert text in (None, capsys.readouterr().out)
        without += text is not None
    assert without > 150


def test_what_is_coloured_or_not_in_utf_8_is_left_to_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    report = (Line("text"),)
    assert piped.piped(report) == "text\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert piped.piped(report) is None
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert piped.piped(report) is None
