"""Every example of every -h, and every command that the documentation shows, is one that the tool carries out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenpick.cli.common.help import EXAMPLES
from qwenpick.cli.main import run
from tests.conftest import Run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# what would reach out of this process: other machines, the network, a server that stays, a minute of measuring, and what is typed by a person
OUTSIDE = re.compile(
    r"mcp|catalog (refresh|update)|--(exec|measure|online|ask)\b|--cluster (k8s|slurm|ray\S*|-)( |$)|--save |--to |[|>]"
)
PLACEHOLDER = re.compile(r"(?<![\w-])([A-Z]{4,}|模型)(?![\w-])|[\[\]…]|\.\.\.")
QWENPICK = re.compile(r"(?:^|&& )(qwenpick(?: [^#&\n]*)?)", re.MULTILINE)


def shown() -> Iterator[str]:
    """The commands of the documentation that stand by themselves; drawn ones are run where they are drawn (tools/docs.py)."""
    for page in PAGES:
        text = re.sub(r"<!-- \[\[\[cog.*?\[\[\[end\]\]\]", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        fenced = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
        lines = "\n".join(block.replace("\\\n", " ").replace("$ qwenpick", "qwenpick") for block in fenced)
        quoted = re.findall(r"`(qwenpick [^`\n]+)`", text)
        yield from (line.strip() for line in [*QWENPICK.findall(lines), *quoted])


NAMES = ("qwenpick fleet",)  # a command is spoken of, not shown
COMMANDS = sorted(
    line for line in {*shown()}.difference(NAMES) if not OUTSIDE.search(line) and not PLACEHOLDER.search(line)
)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the files that examples name, and a box of its own, whatever this machine is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.json").write_bytes((ROOT / "tests" / "machines" / "rtx-4090.json").read_bytes())
    (tmp_path / "qwenpick.yaml").write_text("machine: {gpus: [rtx 4090], ram: 64GiB}\nmodels: [{model: qwen3-8b}]\n")
    for name in ("vllm.log", "server.log"):
        (tmp_path / name).write_text(LOG, encoding="utf-8")
    (tmp_path / "nodes.yaml").write_text(NODES, encoding="utf-8")


LOG = """INFO 11-20 [core.py:58] Initializing a V1 LLM engine (v0.26.0) with config: model='Qwen/Qwen3-8B', max_seq_len=16384, tensor_parallel_size=1
INFO 11-20 [gpu_model_runner.py:2653] Model loading took 15.27 GiB and 3.1 seconds
INFO 11-20 [gpu_worker.py:298] Available KV cache memory: 4.02 GiB
INFO 11-20 [kv_cache_utils.py:1087] GPU KV cache size: 29,264 tokens
INFO 11-20 [kv_cache_utils.py:1091] Maximum concurrency for 16,384 tokens per request: 1.79x
"""
NODES = next(
    re.finditer(r"```yaml\n(nodes:\n.*?)```", (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8"), re.DOTALL)
)[1]


def test_the_documentation_shows_enough_commands() -> None:
    assert len(COMMANDS) > 60


def words(line: str) -> list[str]:
    """The words of a command, on the box of this test where none is said."""
    said = shlex.split(line)[1:]
    here = said[:1] in (["recommend"], ["fit"], ["launch"], ["replace"])
    told = {"--gpu", "--vram", "--cpu-only", "--cluster", "--machine"}
    return [*said, "--machine", "box.json"] if here and told.isdisjoint(said) else said


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_of_help_is_carried_out(qwenpick: Run, line: str) -> None:
    done = qwenpick(*words(line))
    assert done.code in (0, 1, 3), done.err  # an answer, a no, or a box that cannot be read here


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_documentation_is_carried_out(qwenpick: Run, line: str) -> None:
    done = qwenpick(*words(line))
    assert done.code in (0, 1, 3), done.err


# commands that pretend a machine, or ask for a kind of GPU -> what they need beside it
PRETEND = {
    "recommend": (), "fit": ("qwen3-8b",), "launch": ("qwen3-8b",), "plan": ("qwen3-8b",), "machine": (),
    "replace": ("qwen2.5-7b-instruct",),
}  # fmt: skip


@pytest.mark.parametrize("command", PRETEND)
def test_every_gpu_that_help_names_is_taken(qwenpick: Run, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run([command, "-h"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    offered = re.findall(r'"([^"]+)"', said.partition("--gpu NAME")[2].partition(" --")[0])
    assert len(offered) >= 2
    for name in offered:
        assert qwenpick(command, *PRETEND[command], "--gpu", name).code in (0, 1), name
