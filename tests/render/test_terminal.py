"""Tables in narrow terminals."""

from __future__ import annotations

import pytest

from tests.conftest import Run


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_name_is_cut_where_a_column_can_go(qwenpick: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
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


def test_the_first_pick_is_a_sentence_and_the_command_that_plans_the_same(qwenpick: Run) -> None:
    said = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "64GiB", "--task", "coding").out.splitlines()
    assert said[1].startswith("Run Qwen") and " download) with " in said[1]
    (command,) = (line.partition("start it: ")[2].partition("   ")[0] for line in said if "start it: " in line)
    words = [word.strip("'") for word in command.replace("'rtx 4090'", "rtx\0004090").split()]
    launched = qwenpick(*(word.replace("\0", " ") for word in words[1:])).out
    assert said[1].split()[1].casefold() in launched.casefold()
