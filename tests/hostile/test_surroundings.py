"""What qwenpick is started in: no home, no room, no stdout, any encoding, few columns, directories of others, a hub that lies."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qwenpick.cli.main import run
from tests.hostile.bounded import check, qwenpick

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")
FIT = ("fit", "qwen3-8b", "--quant", "4bit", *BOX)
COMMANDS = [
    FIT, (*FIT, "--explain"), ("recommend", *BOX), ("plan", "qwen3-8b", "--limit", "5"), ("compare", "qwen3-8b", "qwen3-14b", *BOX),
    ("replace", "qwen2.5-7b-instruct"),
    ("launch", "qwen3-8b", *BOX), ("machine", "--machine", "tests/machines/rtx-4090.json"), ("doctor", "--machine", "tests/machines/rtx-4090.json"),
    ("models", "qwen3-8b"), ("gpus", "h200"), ("catalog", "where"), ("fit", "qwen3-8b", "--train", "lora", *BOX),
]  # fmt: skip
ENCODINGS = ("cp1252", "cp936", "cp437", "euc_jp", "ascii", "latin-1", "utf-8")
ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4")]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_command_prints_in_every_encoding(encoding: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPICK_LANG", language)
    monkeypatch.chdir(ROOT)
    for arguments in COMMANDS:
        out, err = io.BytesIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=encoding))
        monkeypatch.setattr(sys, "stderr", err)
        assert run(list(arguments)) in (0, 1), (arguments, err.getvalue())
        sys.stdout.flush()
        assert out.getvalue().decode(encoding) and "Traceback" not in err.getvalue()
        if language == "zh":
            knows = encoding in ("utf-8", "cp936", "euc_jp")
            assert ("has no Chinese" in err.getvalue()) is not knows


def test_bars_are_ascii_where_the_encoding_has_no_blocks(tmp_path: Path) -> None:
    result = qwenpick(*FIT, environ={"PYTHONIOENCODING": "ascii", "HOME": str(tmp_path)})
    assert "###" in result.out and "?" not in result.out.replace("--", "")


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent"])
def test_without_a_home_everything_works(home: str | None, tmp_path: Path) -> None:
    environ = {} if home is None else {"HOME": home}
    for arguments in (
        FIT,
        ("recommend", *BOX),
        ("verify", "--corrections"),
        ("catalog", "where"),
        ("catalog", "check", "data/models.yaml"),
        ("machine",),
        ("doctor",),
    ):
        result = qwenpick(*arguments, environ=environ, cwd=ROOT if arguments[:2] == ("catalog", "check") else tmp_path)
        check(result, (0, 1, 3))
    assert not (tmp_path / "relative").exists()


def test_a_uid_without_a_passwd_entry_works() -> None:
    code = (
        "import pwd, sys\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        f"sys.argv = ['qwenpick', *{list(FIT)!r}]\n"
        "from qwenpick.cli.main import main\n"
        "main()"
    )
    check(qwenpick(environ={}, command=[sys.executable, "-c", code]), (0,))


def test_a_disk_that_is_full_is_said_and_is_code_74() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qwenpick", *FIT],
            stdout=full,
            stderr=subprocess.PIPE,
            env=_env(),
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr.count("\n")) == (74, 1) and "could not be written" in done.stderr
        done = subprocess.run(
            [sys.executable, "-m", "qwenpick", "fit", "nope"],
            stdout=subprocess.PIPE,
            stderr=full,
            env=_env(),
            check=False,
        )
        assert done.returncode == 2
        done = subprocess.run(
            [sys.executable, "-m", "qwenpick", "fit", "nope", "--json"],
            stdout=full,
            stderr=full,
            env=_env(),
            check=False,
        )
        assert done.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code"), [(FIT, 74), ((*FIT, "--json"), 74), (("fit", "nope"), 2), (("fit", "nope", "--json"), 2)]
)
def test_a_closed_stdout_keeps_the_code_or_is_74(arguments: tuple[str, ...], code: int) -> None:
    words = " ".join(f"'{word}'" for word in arguments)
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m qwenpick {words} >&-"],
        stderr=subprocess.PIPE,
        env=_env(),
        text=True,
        check=False,
    )
    assert done.returncode == code and "Traceback" not in done.stderr
    done = subprocess.run(["sh", "-c", f"'{sys.executable}' -m qwenpick {words} >&- 2>&-"], env=_env(), check=False)
    assert done.returncode == code


def test_a_name_that_is_no_text_is_a_bad_request(tmp_path: Path) -> None:
    for encoding in ("utf-8", "ascii"):
        result = qwenpick(
            "check",
            b"\xff/none.yaml",
            "--json",
            environ={"PYTHONIOENCODING": encoding, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        )
        check(result, (2,))
        assert json.loads(result.out)["error"]["exit_code"] == 2


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    usual = qwenpick(*FIT, environ={"HOME": str(tmp_path)})
    for cache in (tmp_path / "file", Path("/proc"), Path("/dev/full")):
        result = qwenpick(*FIT, environ={"HOME": str(tmp_path), "XDG_CACHE_HOME": str(cache)})
        assert (result.out, result.code) == (usual.out, 0)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"[" * 50_000, b"\xff"])
def test_a_damaged_cache_is_made_anew(content: bytes, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    usual = qwenpick(*FIT, environ=environ)
    kept = [path for path in (tmp_path / "qwenpick").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(content)
    assert qwenpick(*FIT, environ=environ).out == usual.out


def test_a_cache_of_others_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "qwenpick" / "catalog").mkdir(parents=True)
    for place in (shared, shared / "qwenpick", shared / "qwenpick" / "catalog"):
        place.chmod(0o777)
    check(qwenpick(*FIT, environ={"HOME": str(tmp_path), "XDG_CACHE_HOME": str(shared)}), (0,))
    assert list((shared / "qwenpick" / "catalog").iterdir()) == []
    result = qwenpick(
        "launch", "qwen3-8b", "--exec", *BOX, environ={"HOME": str(tmp_path), "XDG_CACHE_HOME": str(shared)}
    )
    assert result.code == 2 and "nobody else can write to" in result.err


def test_launch_passes_signals_on_and_leaves_nothing_running(tmp_path: Path) -> None:
    tool = tmp_path / "llama-server"
    tool.write_text(
        f"#!{sys.executable}\nimport os, sys, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    tool.chmod(0o755)
    env = {
        **_env(),
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "qwenpick",
                "launch",
                "qwen3-8b",
                "--runtime",
                "llama.cpp",
                "--quant",
                "4bit",
                "--exec",
                *BOX,
            ],
            env=env,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # whoever runs the tests may ignore it
        )
        for _unused in range(600):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.05)
        server = int((tmp_path / "pid").read_text())
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == code
        with pytest.raises(ProcessLookupError):
            os.kill(server, 0)
        (tmp_path / "pid").unlink()


def test_a_server_that_is_killed_or_cannot_be_run_has_a_code_of_its_own(tmp_path: Path) -> None:
    tool = tmp_path / "llama-server"
    environ = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    launch = ("launch", "qwen3-8b", "--runtime", "llama.cpp", "--quant", "4bit", "--exec", *BOX)
    for text, code in (("#!/bin/sh\nkill -9 $$\n", 137), ("not a program\n", 2)):
        tool.write_text(text)
        tool.chmod(stat.S_IRWXU)
        result = qwenpick(*launch, environ=environ)
        assert result.code == code and "Traceback" not in result.err


@pytest.mark.parametrize("columns", ["1", "20", "30", "9" * 5000, "0", "x"])
def test_few_columns_lose_no_name_and_cut_no_figure(columns: str, tmp_path: Path) -> None:
    wide = qwenpick("recommend", *BOX, environ={"COLUMNS": "300", "HOME": str(tmp_path)})
    narrow = qwenpick("recommend", *BOX, environ={"COLUMNS": columns, "HOME": str(tmp_path)})
    check(narrow, (0,))
    folded = "".join(narrow.out.split())
    names = [line.split("  ")[0].strip() for line in wide.out.splitlines()]
    assert "Qwen3" in folded
    import re

    head = "\n".join(wide.out.splitlines()[:4])  # a table may leave columns out, no line of words loses a figure
    figures = [*re.findall(r"\d+\.\d+ G", head), *re.findall(r"\d+-\d+(?= )", wide.out)]
    assert names and all(figure.replace(" ", "") in folded for figure in figures[:10])


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)}
