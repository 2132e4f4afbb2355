"""Many processes at once on a cold cache, and signals at any moment: one output, right codes, no half files."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "qwenpick", "fit", "qwen3-8b", "--gpu", "rtx 4090", "--ram", "64GiB", "--json")
ENDED = (130, 143, 0, -signal.SIGTERM, -signal.SIGINT)  # by the signal, or before it came


def _environment(home: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry),
        "HOME": home,
        "XDG_CACHE_HOME": home,
    }


def _left(home: str) -> int:
    return sum(1 for path in Path(home).rglob("*") if path.name.endswith((".tmp", ".part")))


def starts(count: int) -> dict[str, Any]:
    """So many processes at once, with nothing in the cache."""
    with tempfile.TemporaryDirectory() as home:
        running = [
            subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(home))
            for _unused in range(count)
        ]
        outputs = [process.communicate() for process in running]
        failed = [
            err.decode()[-500:] for process, (_out, err) in zip(running, outputs, strict=True) if process.returncode
        ]
        return {
            "processes": count,
            "outputs": len({out for out, _err in outputs}),
            "failed": len(failed),
            "left": _left(home),
            "failures": failed,
        }


def signals(count: int, seed: int = 1) -> dict[str, Any]:
    """One process after the other, each sent SIGINT or SIGTERM at another moment of its life."""
    chance, wrong = random.Random(seed), list[str]()
    with tempfile.TemporaryDirectory() as home:
        for _unused in range(count):
            sent = chance.choice((signal.SIGINT, signal.SIGTERM))
            process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(home))
            time.sleep(0.15 + chance.random() * 0.8)  # before, it is Python that starts, not qwenpick
            process.send_signal(sent)
            _out, err = process.communicate(timeout=60)
            if process.returncode not in ENDED or (b"Traceback" in err and b"qwenpick/" in err):
                wrong.append(f"{sent.name}: code {process.returncode}: {err.decode()[-300:]}")
        return {"sent": count, "wrong": len(wrong), "left": _left(home), "failures": wrong}
