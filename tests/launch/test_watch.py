"""A watched server: the stub prints a log, answers its health check after a while, and ends when it is asked to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.launch.watch import watched
from tests.conftest import mostly_slow

STUB = Path(__file__).with_name("stub") / "llama-server"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
WATCH = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what nohup starts ignores this
from pathlib import Path
from qwenpick.launch.watch import watched
def told(log):
    print("told", log.count(chr(10)), "lines", flush=True)
sys.exit(watched(int(sys.argv[2]), told)((sys.argv[1], "--port", sys.argv[2]), os.environ, Path(".")))
"""


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = int(probe.getsockname()[1])
    yield found


def _env(tmp_path: Path, **more: str) -> dict[str, str]:
    log = tmp_path / "server.log"
    log.write_text("load_tensors:   CPU model buffer size = 1.00 MiB\n" * 3, encoding="utf-8")
    return {**os.environ, "STUB_LOG": str(log), **more}


def _run(port: int, env: dict[str, str], code: int | None, seen: list[str]) -> int:
    def told(log: str) -> int | None:
        seen.append(log)
        return code

    return watched(port, told)((str(STUB), "--port", str(port)), env, Path.cwd())


@pytest.mark.parametrize(("code",), mostly_slow([(1,), (0,)], 1))
def test_a_code_stops_the_server_and_is_its_own(port: int, tmp_path: Path, code: int) -> None:
    seen = list[str]()
    assert _run(port, _env(tmp_path, STUB_CODE="9"), code, seen) == code
    assert seen[0].count("model buffer size") == 3 and "server is listening" in seen[0]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0  # it is gone


def test_a_server_that_fails_gives_its_code_and_nothing_is_told(port: int, tmp_path: Path) -> None:
    seen = list[str]()
    assert _run(port, _env(tmp_path, STUB_FAILS="3"), 0, seen) == 3 and not seen


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(QwenpickError, match="is taken"):
            _run(taken.getsockname()[1], _env(tmp_path), 0, [])


@pytest.mark.parametrize(("number",), mostly_slow([(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGHUP,)], 1))
def test_it_goes_on_serving_until_a_signal_ends_both(port: int, tmp_path: Path, number: signal.Signals) -> None:
    words = [sys.executable, "-c", WATCH, str(STUB), str(port)]
    watcher = subprocess.Popen(
        words, env=_env(tmp_path, STUB_CODE="5"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )  # fmt: skip
    assert watcher.stdout
    line = b""
    while b"told" not in line:
        line = watcher.stdout.readline()
        assert line, "ended before it told"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        assert answer.status == 200 and watcher.poll() is None
    time.sleep(0.3)
    if number == signal.SIGINT:
        os.killpg(watcher.pid, number)  # Ctrl-C reaches the whole group
    else:
        watcher.send_signal(number)
    watcher.communicate(timeout=60)
    assert watcher.returncode == {signal.SIGTERM: 5, signal.SIGINT: 130, signal.SIGHUP: 129}[number]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
