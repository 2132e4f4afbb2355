"""A tool in a pipeline: a reader that leaves early, nobody at the keyboard, and errors where JSON was asked for in any way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qwenpick import storage
from qwenpick.cli.common.typed import _wrong_value
from qwenpick.errors import QwenpickError
from tests.conftest import Run

QWENPICK = (sys.executable, "-m", "qwenpick")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*QWENPICK, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [("gpus",), ("models", "--json")])
def test_a_reader_that_leaves_early_is_not_told_that_it_does_not_fit(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*QWENPICK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 141
    assert said == ""


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--json",), {}),
        (("--format", "json"), {}),
        (("--format=json",), {}),
        ((), {"QWENPICK_FIT_JSON": "1"}),
        ((), {"QWENPICK_FIT_FORMAT": "json"}),
    ],
)
def test_an_error_is_json_however_json_was_asked_for(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = qwenpick("fit", "qwen3-7b", *arguments)
    assert result.code == 2
    assert json.loads(result.out)["error"]["exit_code"] == 2


def test_an_error_is_talk_alone_where_json_was_not_asked_for(qwenpick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPICK_FIT_JSON", "0")
    result = qwenpick("fit", "qwen3-7b", "--format", "csv")
    assert (result.code, result.out) == (2, "")


def test_questions_that_nobody_answers_are_a_bad_request() -> None:
    result = run("recommend", "--ask", "--gpu", "rtx 4090", "--json")
    assert result.returncode == 2
    assert "--ask needs a terminal to ask on" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.parametrize("columns", ["abc", "0", "-5", "", "1"])
def test_a_width_that_is_none_does_not_end_in_a_bug(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert qwenpick("fit", "qwen3-8b", "--gpu", "rtx 4090").code == 0


def test_a_catalogue_that_cannot_be_read_is_a_bad_request(qwenpick: Run) -> None:
    assert qwenpick("catalog", "check", "no-such-file.yaml").code == 2


def test_128_tokens_are_what_benchmarks_generate_and_may_have_been_meant_as_128_thousand(qwenpick: Run) -> None:
    box = ("--gpu", "rtx 4090", "--ram", "64GiB", "--quant", "Q4_K_M", "--runtime", "llama.cpp", "--json")
    result = qwenpick("fit", "qwen3-8b", "--context", "128", *box)
    assert json.loads(result.out)["context"] == 128
    assert result.err == "planned for 128 tokens, as said; for 128 thousand write 128k\n"


@pytest.mark.parametrize("command", [(), ("recommend",)])
def test_options_alone_are_of_recommend(qwenpick: Run, command: tuple[str, ...]) -> None:
    result = qwenpick(*command, "--gpu", "rtx 4090", "--ram", "64", "--task", "coding", "--json")
    assert json.loads(result.out)["command"] == "recommend"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fit", "qwen3-8b", "--quant", ""), "--quant needs a value"),
        (("fit", "qwen3-8b", "--task="), "--task needs a value"),
        (("--gpu", "h100", "fit", "qwen3-8b"), "--gpu stands after the command: qwenpick fit … --gpu"),
        (("--verison",), "there is no option --verison; did you mean --version?"),
        (("fit", "qwen3-8b", "--ctx", "4k"), "there is no option --ctx; did you mean --context?"),
        (("fit", "qwen3-8b", "--contxt", "4k"), "there is no option --contxt; did you mean --context?"),
        (("launch", "qwen3-8b", "--port", "1"), "there is no option --port (qwenpick launch -h lists what it takes)"),
        (("fit", "qwen3-8b", "qwen3-4b"), "name one, or: qwenpick compare qwen3-8b qwen3-4b"),
        (("fit", "qwen3-8b", "--gpu", "rtx 4090 ti"), "did you mean rtx-4090?"),
        (("models", "--json", "--format", "csv"), "--json and --format csv contradict each other"),
        (("fit", "./no-such-file"), "cannot read 'no-such-file': no such file or directory"),
    ],
)
def test_what_was_meant_is_said(qwenpick: Run, arguments: tuple[str, ...], sentence: str) -> None:
    result = qwenpick(*arguments)
    assert result.code == 2
    assert sentence in result.err


FILES = [
    ("machine", "--gpu", "h200", "--ram", "64", "--save"),
    ("plan", "qwen3-8b", "--html"),
    ("check", "integrations/qwenpick.yaml", "--format", "junit", "--output"),
    ("fleet", "--cluster", "tests/machine/inventory/samples/kubernetes-nodes.json", "--save"),
]


@pytest.mark.parametrize("arguments", FILES, ids=lambda arguments: arguments[0])
def test_a_full_disk_leaves_the_file_that_was_there(
    qwenpick: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "file"
    written = qwenpick(*arguments, str(file))
    (tmp_path / "plain").touch()
    assert written.code == 0 and file.stat().st_size > 500
    assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode  # who may read a new file is as ever
    (tmp_path / "plain").unlink()
    file.write_text("before", encoding="utf-8")
    file.chmod(0o640)
    monkeypatch.setattr(Path, "replace", full)
    refused = qwenpick(*arguments, str(file))
    assert refused.code == 2 and f"cannot write {file}: no space left on device" in refused.err
    assert [one.name for one in tmp_path.iterdir()] == ["file"] and file.read_text() == "before"
    monkeypatch.undo()
    qwenpick(*arguments, str(file))
    assert file.read_text() != "before" and file.stat().st_mode & 0o777 == 0o640


def test_what_is_no_regular_file_is_written_to_directly(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    storage.write_file(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "x"
    storage.write_file(Path("/dev/null"), "x")
    with pytest.raises(QwenpickError, match="is a directory"):
        storage.write_file(tmp_path, "x")


def test_a_path_that_nobody_may_read_is_said_in_our_words() -> None:
    assert _wrong_value("--log", "Path 'a.log' is not readable.") == "cannot read 'a.log': permission denied"
    assert _wrong_value("--save", "Path 'a.json' is not readable.") == "cannot write a.json: permission denied"
