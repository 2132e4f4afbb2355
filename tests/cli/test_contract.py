"""What CI scripts rely on: exit codes, stdout for data and stderr for talk, JSON that validates, and a help that imports next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from qwenpick.cli.commands import COMMANDS
from qwenpick.render.schemas import PAYLOADS, schema
from tests.conftest import Run, mostly_slow, validator

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("fit", "qwen3-8b", "--quant", "4bit", *BOX), 0),
        (("fit", "qwen3-235b-a22b", "--quant", "4bit", "--gpu", "rtx 4090", "--ram", "16GiB"), 1),
        (("fit", "qwen3-7b", *BOX), 2),
        (("fit", "qwen3-8b", "--gpu", "rtx-9999"), 2),
        (("fit", "qwen3-8b", "--context", "many", *BOX), 2),
        (("fit", "qwen3-8b", "--context", "1M", *BOX), 2),
        (("fit", "qwen3-8b", "--context", "32", *BOX), 2),
        (("fit", "qwen3-8b", "--quant", "4bit", "--context", "128", *BOX), 0),
        (("fit", "qwen3-8b", "--ram", "24 parsecs", "--gpu", "rtx 4090"), 2),
        (("fit", "qwen3-8b", "--quant", "5bits", *BOX), 2),
        (("fit", "qwen3-8b", "--kv-cache", "q9", *BOX), 2),
        (("fit", "qwen3-8b", "--runtime", "vlm", *BOX), 2),
        (("fit", "qwen3-8b", "--option", "nonsense", *BOX), 2),
        (("fit", "qwen3-8b", "--sequences", "0", *BOX), 2),
        (("fit", "qwen3-8b", "--no-such-option"), 2),
        (("fit", "qwen-max", *BOX), 2),
        (("no-such-command",), 2),
    ],
)
def test_the_exit_code_is_the_answer(qwenpick: Run, arguments: tuple[str, ...], code: int) -> None:
    result = qwenpick(*arguments)
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    if code == 2:
        assert result.out == ""
        assert result.err


@pytest.mark.parametrize("command", sorted(PAYLOADS))
def test_json_validates_against_the_published_schema(
    qwenpick: Run, command: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    arguments = EXAMPLES[command]
    result = qwenpick(*arguments, "--json")
    validator(command).validate(json.loads(result.out))


@pytest.mark.parametrize(
    ("command",), mostly_slow([(name,) for name in sorted(PAYLOADS, key=lambda name: name != "fit")], 1)
)
def test_a_published_schema_is_one(command: str) -> None:
    validator(command).check_schema(schema(command))


EXAMPLES: dict[str, tuple[str, ...]] = {
    "fit": (
        "fit",
        "qwen3-14b",
        "--quant",
        "4bit",
        "--context",
        "32k",
        "--gpu",
        "rtx 3060 12gb",
        "--ram",
        "32GiB",
        "--gpu-only",
        "--kv-cache",
        "f16",
    ),
    "fleet": ("fleet", "--cluster", "tests/machine/inventory/samples/slurm-24.11-sinfo.busy.json"),
    "plan": ("plan", "qwen3-8b", "--quant", "4bit", "--gpu", "rtx 4090", "--gpu", "a10g"),
    "compare": ("compare", "qwen3-8b", "qwen3-14b", *BOX),
    "recommend": ("recommend", "--quant", "4bit", *BOX),
    "replace": ("replace", "qwen2.5-7b-instruct"),
    "tasks": ("tasks",),
    "scenarios": ("scenarios",),
    "scan": ("scan", "tests/machines", *BOX),
    "machine": ("machine", *BOX),
    "doctor": ("doctor", *BOX),
    "models": ("models", "qwen3.6-27b"),
    "gpus": ("gpus", "--vendor", "intel"),
    "catalog": ("catalog", "check", "data/gpus.yaml"),
    "check": ("check", "integrations/qwenpick.yaml"),
    "launch": ("launch", "qwen3-8b", "--quant", "4bit", *BOX),
    "verify": ("verify", "qwen3-14b", "--log", "tests/verify/logs/sglang-14b.log", "--no-record"),
}


def test_an_error_is_json_too_where_json_was_asked_for(qwenpick: Run) -> None:
    result = qwenpick("fit", "qwen3-7b", "--json", *BOX)
    content = json.loads(result.out)
    assert content["error"]["exit_code"] == result.code == 2
    assert content["error"]["message"] in result.err
    validator("fit").validate(content)


def test_every_command_has_a_help(qwenpick: Run) -> None:
    for name in COMMANDS:
        result = qwenpick(name, "--help")
        assert result.code == 0, name
        assert "Usage:" in result.out, name


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['qwenpick', '--help']\n"
        "from qwenpick.cli.main import run\n"
        "run(['--help'])\n"
        "print(sorted({'pydantic', 'yaml', 'rich', 'psutil', 'pynvml'} & set(sys.modules)), file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_bug_ends_with_a_code_that_means_neither_yes_nor_no(qwenpick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    # no module keeps that name: a test after this one would meet it
    monkeypatch.setattr("qwenpick.render.fit.fit_report", broken)
    result = qwenpick("fit", "qwen3-8b", *BOX)
    assert result.code == 70
    assert "boom" in result.err


def test_the_same_request_prints_the_same_bytes(qwenpick: Run) -> None:
    arguments = EXAMPLES["fit"]
    assert qwenpick(*arguments, "--json").out == qwenpick(*arguments, "--json").out
    assert qwenpick(*arguments).out == qwenpick(*arguments).out


@pytest.mark.parametrize("form", ["markdown", "csv", "table"])
def test_every_format_prints_the_same_values(qwenpick: Run, form: str) -> None:
    result = qwenpick(*EXAMPLES["fit"], "--explain", "--format", form)
    assert result.code == 1
    assert "7.23 GiB" in result.out or "IQ4_XS" in result.out


def test_qwenpick_alone_answers_and_names_its_help(qwenpick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = qwenpick()
    assert result.code in (0, 1, 3) and "qwenpick -h lists what else can be asked" in result.err
