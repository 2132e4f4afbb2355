"""`qwenpick launch` and `qwenpick verify` as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.launch import Command, Launch
from qwenpick.launch.execute import execute
from tests.conftest import Run
from tests.readers.making import gguf_of, write

LOGS = Path(__file__).parents[1] / "verify" / "logs"
BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


def test_launch_prints_a_script_and_nothing_else(qwenpick: Run) -> None:
    result = qwenpick("launch", "qwen3-8b", "--quant", "4bit", "--context", "16k", *BOX)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("llama-server -hf Qwen/Qwen3-8B-GGUF:Q4_K_M -c 16384 -np 1 ")
    assert result.out.startswith("# downloads Qwen/Qwen3-8B-GGUF (5.0")


def test_launch_refuses_what_does_not_fit(qwenpick: Run) -> None:
    result = qwenpick("launch", "qwen3-32b", "--quant", "fp16", "--gpu", "rtx 3060 12gb", "--ram", "16GiB")
    assert (result.code, result.out) == (1, "") and "--force" in result.err
    forced = qwenpick("launch", "qwen3-32b", "--quant", "fp16", "--gpu", "rtx 3060 12gb", "--ram", "16GiB", "--force")
    assert forced.code == 1 and "llama-server" in forced.out


def test_launch_answers_in_json(qwenpick: Run) -> None:
    values = json.loads(
        qwenpick("launch", "qwen3-8b", "--runtime", "vllm", "--quant", "4bit", "--context", "8k", *BOX, "--json").out
    )
    assert values["serve"]["argv"][:3] == ["vllm", "serve", "Qwen/Qwen3-8B-AWQ"] and values["fits"]
    assert values["plan"]["context"] == 8192 and values["downloads"][0]["what"] == "Qwen/Qwen3-8B-AWQ"


def test_launch_starts_a_local_file(qwenpick: Run, tmp_path: Path, catalog: Any) -> None:
    path = write(tmp_path / "my model.gguf", *gguf_of(catalog.architectures["qwen3-8b"]))
    result = qwenpick("launch", str(path), "--context", "8k", *BOX)
    assert result.code == 0 and f"llama-server -m '{path}' -c 8192" in result.out and "downloads" not in result.out


def test_launch_writes_a_compose_file(qwenpick: Run) -> None:
    result = qwenpick(
        "launch", "qwen3-8b", "--runtime", "sglang", "--quant", "4bit", "--context", "8k", *BOX, "--compose"
    )
    assert result.code == 0 and "> compose.yaml" in result.out and result.out.endswith("docker compose up\n")


def test_executing_writes_files_and_runs_commands_in_order(tmp_path: Path) -> None:
    ran: list[tuple[Sequence[str], str]] = []

    def run(argv: Sequence[str], env: Mapping[str, str], directory: Path) -> int:
        ran.append((argv, env.get("X", "")))
        return 0

    planned = Launch("x", Command(("x-serve", "a b")), (Command(("x-make", "it"), {"X": "1"}),), {"file": "text"})
    assert execute(planned, tmp_path / "d", run) == 0
    assert (
        ran == [(("x-make", "it"), "1"), (("x-serve", "a b"), "")] and (tmp_path / "d" / "file").read_text() == "text"
    )
    assert execute(planned, tmp_path, lambda argv, env, directory: 7) == 7  # a preparation that fails ends it


def test_executing_really_runs_a_program(tmp_path: Path) -> None:
    assert execute(Launch("x", Command(("sh", "-c", "test -f file && exit 5"))), tmp_path) == 1
    assert execute(Launch("x", Command(("sh", "-c", "test -f file && exit 5")), files={"file": ""}), tmp_path) == 5


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(QwenpickError, match="'no-such-server' is not installed, or not on PATH"):
        execute(Launch("x", Command(("no-such-server",))), tmp_path)


def test_verify_compares_and_remembers(qwenpick: Run) -> None:
    log = str(LOGS / "llamacpp-9b-partial-vulkan.log")
    result = qwenpick("verify", "qwen3.5-9b", "--quant", "Q4_K_M", "--log", log, "--json")
    values = json.loads(result.out)
    kv = next(row for row in values["rows"] if (row["kind"], row["where"]) == ("kv cache", "gpu0"))
    assert (kv["predicted"], kv["actual"], kv["error"]) == (160 * 2**20, 160 * 2**20, 0)
    assert values["recorded"] and result.code == (0 if values["within"] else 1)
    assert "RTX 3060 Laptop" in qwenpick("verify", "--corrections").out


def test_verify_ends_with_1_beyond_the_tolerance(qwenpick: Run) -> None:
    log = str(LOGS / "sglang-14b.log")
    assert qwenpick("verify", "qwen3-14b", "--log", log, "--no-record").code == 0
    assert qwenpick("verify", "qwen3-8b", "--log", log, "--no-record").code == 1
    assert qwenpick("verify", "qwen3-14b", "--log", log, "--tolerance", "0%").code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "which log?"),
        (("--log", "no-such.log"), "cannot read 'no-such.log'"),
        (("--log", str(LOGS / "sglang-14b.log")), "does not say which model"),
        (("--log", str(LOGS / "sglang-14b.log"), "--tolerance", "much"), "cannot read tolerance 'much'"),
        (("--log", str(LOGS / "sglang-14b.log"), "--runtime", "transformers"), "logs of transformers are not read"),
    ],
)
def test_verify_says_what_is_missing(arguments: tuple[str, ...], sentence: str, qwenpick: Run) -> None:
    result = qwenpick("verify", *arguments)
    assert (result.code, result.out) == (2, "") and sentence in result.err
