"""What `-h` shows: options by what they are about, what to type, the environment in one line."""

from __future__ import annotations

import pytest

from qwenpick.cli.commands import COMMANDS
from qwenpick.cli.common.help import EXAMPLES, GROUPS
from qwenpick.cli.main import run


def test_options_stand_in_groups_with_examples_and_one_line_on_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["fit", "-h"]) == 0
    said = capsys.readouterr().out
    titles = ["Arguments:", "Options:", "Which machine:", "Fine-tuning:", "Output:", "Catalogue:", "Examples:"]
    places = [said.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert said.index("--train METHOD") > places[titles.index("Fine-tuning:")] > said.index("--gpu NAME")
    assert said.count("QWENPICK_FIT_") == 1
    assert "<int range>" not in said and "<=x" not in said and "{MODEL}" not in said


def test_help_in_chinese_has_its_titles_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "zh", "fit", "-h"]) == 0
    said = capsys.readouterr().out
    assert not [title for title in (*GROUPS, "Examples", "Options", "Arguments") if f"\n{title}:" in said]


@pytest.mark.parametrize("example", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_names_a_command_and_options_that_it_has(
    example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import shlex

    name, *words = shlex.split(example)[1:]
    assert name in COMMANDS
    assert run([name, "-h"]) == 0
    said = capsys.readouterr().out
    assert [word for word in words if word.startswith("-") and word not in said.split("Examples:")[0]] == []


def test_what_typer_cannot_read_is_one_sentence_that_begins_as_all_errors_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["plan", "qwen3-8b", "--usd"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("qwenpick: No such option: --usd") and said.count("\n") == 1
    assert "qwenpick plan -h" in said
