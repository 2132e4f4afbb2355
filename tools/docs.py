"""Draw the output blocks of README.md and docs/, or of the files named: `python tools/docs.py [FILE…]`; with `--check`: are they still so?

A block is a cog block (cogapp) that calls `run` with a command, or `benchmark` with the name of one whose figures it shows:

    <!-- [[[cog run('qwenpick fit qwen3-8b --gpu "rtx 4090"') ]]] -->
    <!-- [[[end]]] -->
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROLOGUE = "from tools.docs import benchmark, options, reference, run; from tools.screens import findings, screens"


def run(command: str) -> None:
    """Print a command and what it prints to stdout, as a fenced block. The exit code is added where it is not 0."""
    output, code = capture(command)
    print("```text")
    print(f"$ {command}")
    print("\n".join(line.rstrip() for line in output.strip("\n").splitlines()))
    if code:
        print(f"(exit code {code})")
    print("```")


def benchmark(script: str) -> None:
    """Print the Markdown of a benchmark over the truth tables of the repository, e.g. `accuracy`."""
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / f"{script}.py"),
        "--truth",
        str(ROOT / "benchmarks" / "truth"),
        "--markdown",
    ]
    print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def reference(command: str) -> None:
    """Print a command's arguments and options as a table, from their definitions (Typer's wording of --help changes between releases)."""
    from qwenpick.cli.app import build
    from qwenpick.i18n import use

    use("en")  # a block before may have answered in Chinese
    group = build([command])
    found = group.commands[command]  # type: ignore[attr-defined]
    for name, one in sorted(getattr(found, "commands", {"": found}).items()):
        print(f"### {command} {name}\n\n{one.help}\n" if name else f"{one.help}\n")
        print("| option | meaning |\n|---|---|")
        for parameter in one.params:
            words = parameter.opts + parameter.secondary_opts if parameter.param_type_name == "option" else []
            shown = ", ".join(f"`{word}`" for word in words) or f"`{(parameter.metavar or parameter.name).strip('[]')}`"
            value = f" {parameter.metavar}" if words and parameter.metavar else ""
            cells = (cell.replace("|", "\\|") for cell in (shown + value, parameter.help or ""))
            print(f"| {' | '.join(cells)} |")
        print()


def options(engine: str) -> None:
    """Print an engine's table of options, from runtimes/<engine>/options.py."""
    from importlib import import_module

    from qwenpick.runtimes.option import entries

    table = import_module(f"qwenpick.runtimes.{engine}.options").Options
    print("| option | value | what it changes |\n|---|---|---|")
    for entry in entries(table):
        names = ", ".join(
            f"`{name}`" for name in (entry.name, *entry.aliases, *([entry.opposite] if entry.opposite else []))
        )
        since = f" (since {entry.since})" if entry.since else ""
        until = f" (until {entry.until})" if entry.until else ""
        usual = "" if entry.default is None else f"; {_word(entry.default)}"
        cells = (cell.replace("|", "\\|") for cell in (names, f"{entry.accepts}{usual}", entry.changes + since + until))
        print(f"| {' | '.join(cells)} |")


def _word(default: object) -> str:
    return (
        {True: "on", False: "off"}[default]
        if isinstance(default, bool)
        else f"{default:,}"
        if isinstance(default, int)
        else str(default)
    )


def capture(command: str) -> tuple[str, int]:
    """Stdout and exit code of a qwenpick command, run in this process with a width of 100 columns and no settings of the person."""
    out, _err, code = captured(command)
    return out, code


def captured(command: str) -> tuple[str, str, int]:
    """Stdout, stderr and exit code of a qwenpick command."""
    from qwenpick.cli.main import main

    program, *arguments = shlex.split(command)
    if program != "qwenpick":
        raise ValueError(f"not a qwenpick command: {command}")
    sys.argv = ["qwenpick", *arguments]
    os.environ.pop("LANGUAGE", None)  # what an answer in Chinese sets for what Typer says
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0
    return out.getvalue(), err.getvalue(), code


def main() -> int:
    """Rewrite, or check, every Markdown file that has a block, or those that are named."""
    from cogapp import Cog

    os.chdir(ROOT)
    os.environ["COLUMNS"] = "100"
    os.environ.pop("QWENPICK_LANG", None)
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = str(ROOT / "no-such-directory")
    sys.path.insert(0, str(ROOT))
    files = [
        str(path)
        for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
        if "[[[cog" in path.read_text(encoding="utf-8")
    ]
    wanted = {str(ROOT / name) for name in sys.argv[1:] if not name.startswith("--")}
    files = [file for file in files if not wanted or file in wanted]
    how = ["--check", "--check-fail-msg=run: python tools/docs.py"] if "--check" in sys.argv[1:] else ["-r"]
    return int(Cog().main(["cog", *how, "-P", "-e", "-p", PROLOGUE, *files]) or 0)


if __name__ == "__main__":
    sys.exit(main())
