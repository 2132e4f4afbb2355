"""What `-h` shows: options by what they are about, what to type, the environment in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    assert said.startswith("qwenpick: there is no option --usd") and said.count("\n") == 1
    assert "qwenpick plan -h" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fit qwen3-8b --gpu rx 580 --ram 16", "--gpu 'rx 580'"),
        ("fit qwen3-8b --gpu rtx 4090 --ram 64", "--gpu 'rtx 4090'"),  # would be a model named qwen3-8b 4090
        ("launch --gpu=rtx 4090 --ram 64", "--gpu 'rtx 4090'"),
        ("fit --gpu rtx 4070 ti super qwen3-8b", "--gpu 'rtx 4070 ti super'"),
        ("--lang en compare rtx 3060 rtx 4060", "'rtx 3060'"),
        ("compare rtx 3060 rtx 4060", "'rtx 3060'"),
    ],
)
def test_a_name_of_several_words_without_quotes_is_said_to_want_them(
    capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert run(words.split()) == 2
    assert capsys.readouterr().err == f"qwenpick: a name of several words stands in quotes: {said}\n"


def test_a_brand_that_stands_where_no_gpu_is_named_is_read_as_what_stands_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["models", "nvidia", "foo"]) == 2
    assert "there is no model 'nvidia foo'" in capsys.readouterr().err


def test_gpus_takes_a_name_of_several_words_as_models_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gpus", "rx", "580"]) == 0
    assert capsys.readouterr().out.startswith("Radeon RX 580 8GB")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recomend"], "there is no command 'recomend'; did you mean recommend?"),
        (["help"], "there is no command 'help'; did you mean qwenpick -h?"),
        (["-v"], "there is no option -v; did you mean --version?"),
        (["catalog", "chek"], "there is no command 'chek'; did you mean check?"),
        (["catalog"], "catalog needs one of: "),
        (["recommend", "4090"], "recommend takes no '4090'; for a GPU write --gpu '4090'"),
        (["tasks", "coding"], "tasks takes no further 'coding'"),
        (["catalog", "refresh", "it"], "catalog refresh takes no further 'it' (qwenpick catalog refresh -h lists"),
        (["--lnag", "zh", "fit", "qwen3-8b"], "there is no option --lnag; did you mean --lang?"),
        (["recommend", "--gpu", "rtx", "4090"], "a name of several words stands in quotes: --gpu 'rtx 4090'"),
        (["fit"], "MODEL is missing"),
        (["fit", "qwen3-8b", "--ram"], "--ram needs a value"),
        (["fit", "qwen3-8b", "--users", "x"], "--users must be a whole number"),
        (["fit", "qwen3-8b", "--users", "0"], "--users must be 1 or more"),
        (["plan", "qwen3-8b", "--limit", "20000"], "--limit must be 10000 or less"),
        (["recommend", "--min-speed", "x"], "--min-speed must be a number"),
    ],
)
def test_what_typer_cannot_read_is_said_in_our_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"qwenpick: {said}") and told.count("\n") == 1 and "lists what it takes" in told


def test_a_command_of_a_group_has_its_own_examples_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "check", "-h"]) == 0
    assert "qwenpick check" not in capsys.readouterr().out  # the examples of another command of that name
    assert run(["catalog", "add", "-h"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--to for example from QWENPICK_CATALOG_ADD_TO." in said and "_JSON" not in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_the_environment_variable_of_its_name(name: str) -> None:
    from qwenpick.cli.app import build

    def unlike(command: Any, path: str) -> Iterator[str]:
        """Options whose variable is named by another word: Typer's is made of the parameter's name."""
        for option in command.params:
            words = [word[2:].replace("-", "_") for word in option.opts if word.startswith("--")]
            named = option.envvar or f"{path}_{option.name}".upper()
            if words and named not in {f"{path}_{word}".upper() for word in words}:
                yield f"{option.opts[0]}: {named}"
        for word, inner in getattr(command, "commands", {}).items():
            yield from unlike(inner, f"{path}_{word}")

    assert not [*unlike(build([name]).commands[name], f"qwenpick_{name}")]  # type: ignore[attr-defined]


def test_the_help_names_every_engine(capsys: pytest.CaptureFixture[str]) -> None:
    from qwenpick.runtimes import RUNTIMES

    assert run(["fit", "-h"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    named = said[said.index("--runtime NAME") :].split(" --")[0]
    assert not [name for name in RUNTIMES if {"llamacpp": "llama.cpp"}.get(name, name) not in named]
