"""Windows: scripts that PowerShell takes, and no engine that runs in WSL alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.fitting.answer import fit
from qwenpick.launch import Command, Launch, script
from qwenpick.launch.powershell import in_background, line, quoted, written
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from tests.conftest import Run, mostly_slow

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB", "--system", "windows")
HOSTILE = [
    "it's",
    "a; rm -r b",
    "$(calc)",
    "`n",
    "23,24",
    "@{a=1}",
    "-a.b",
    "\u2018x\u2019",
    "& b",
    "",
    "#c",
    "{1}",
    "(1)",
    "a|b",
    "a>b",
    "%x",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_what_means_something_to_powershell_is_quoted(word: str) -> None:
    found = quoted(word)
    assert found.startswith("'") and found.endswith("'")
    inner = found[1:-1]
    for quote in "'\u2018\u2019":
        assert inner.count(quote) == 2 * word.count(quote)


@pytest.mark.parametrize("word", ["-ngl", "37", "--top-p", "0.95", "Qwen/Qwen3-8B-GGUF:Q4_K_M", "C:\\models\\q.gguf"])
def test_plain_words_stay_as_they_are(word: str) -> None:
    assert quoted(word) == word


def test_environment_files_and_background() -> None:
    serve = Command(("ollama", "serve"), {"OLLAMA_CONTEXT_LENGTH": "16384"}, "start the server")
    assert line(serve) == "$env:OLLAMA_CONTEXT_LENGTH='16384'; ollama serve"
    assert line(Command(("a",), {"X": "ends with '"})) == "$env:X='ends with '''; a"
    assert in_background(serve).endswith("'$env:OLLAMA_CONTEXT_LENGTH=''16384''; ollama serve'")
    assert written("Modelfile", "FROM it's\n") == "[IO.File]::WriteAllText((Join-Path $PWD Modelfile), 'FROM it''s\n')"
    assert line(Command(("my program", "x"))) == "& 'my program' x"
    planned = Launch("ollama", Command(("ollama", "run", "a")), (serve,), {"Modelfile": "FROM a\n"})
    assert script(planned, "windows").splitlines()[-1] == "ollama run a"
    assert "Start-Process" in script(planned, "windows") and "Start-Process" not in script(planned)


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
@pytest.mark.parametrize("word", HOSTILE)
def test_powershell_hands_the_words_on(word: str) -> None:
    shell = str(shutil.which("pwsh"))
    out = subprocess.run(
        [shell, "-NoProfile", "-Command", f"[Console]::Write({quoted(word)})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout == word


def test_launch_on_windows_is_for_powershell(qwenpick: Callable[..., Any]) -> None:
    result = qwenpick("launch", "qwen3-8b", "--runtime", "ollama", *BOX)
    assert result.code == 0 and "$env:OLLAMA_NUM_PARALLEL" in result.out and "<<" not in result.out


@pytest.mark.parametrize(
    ("gpus", "task"),
    mostly_slow(
        [
            *product(
                ["rtx 4090", "2x rtx 3090", "rtx 5090", "rx 7900 xtx"], ["chat", "rag-embedding", "coding", "vision"]
            )
        ],
        2,
    ),
)
def test_no_pick_on_windows_is_for_wsl(catalog: Catalog, gpus: str, task: str) -> None:
    machine = simulate(catalog, [gpus], None, 64 * 2**30, False, system="windows")
    picks = recommend(catalog, machine, Request(task=task), details=False).picks
    assert picks and not {pick.plan.runtime for pick in picks} & {"vllm", "sglang"}


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_an_engine_that_is_asked_for_says_where_it_runs(
    qwenpick: Callable[..., Any], catalog: Catalog, engine: str
) -> None:
    result = qwenpick("fit", "qwen3-8b", "--runtime", engine, *BOX)
    assert result.code == 1 and "in WSL 2 it does" in result.out
    values = json.loads(qwenpick("fit", "qwen3-8b", "--runtime", engine, *BOX[:-1], "linux", "--json").out)
    assert values["fits"]
    machine = simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False, system="windows")
    assert fit(catalog, machine, find_model(catalog, "qwen3-8b"), Request(runtime=engine)).plan.verdict == "refused"


def test_ollamas_server_is_waited_for_and_its_app_told_of(qwenpick: Run) -> None:
    asked = ["launch", "qwen3-8b", "--runtime", "ollama", "--gpu", "rtx 4090", "--ram", "64", "--quant", "Q4_K_M"]
    windows = qwenpick(*asked, "--system", "windows").out
    assert "first quit Ollama in the tray" in windows and "%USERPROFILE%\\.ollama\\models" in windows
    assert "Linux" not in windows and "/usr/share" not in windows
    lines = windows.splitlines()
    served = next(at for at, one in enumerate(lines) if "ollama serve" in one)
    assert lines[served + 1].startswith("while (-not (Test-NetConnection 127.0.0.1 -Port 11434")
    mac = qwenpick("launch", "qwen3-8b", "--runtime", "ollama", "--gpu", "m4 max", "--ram", "64").out
    assert "quit Ollama in the menu bar" in mac and "/usr/share" not in mac
    linux = qwenpick(*asked).out
    assert "a service takes the variables from its own settings" in linux
    assert "ollama serve &\nuntil curl -s -o /dev/null http://127.0.0.1:11434; do sleep 1; done\n" in linux
