"""Every documented way in, run from a fresh clone in an empty environment, with its time: python tools/ways_in.py [--write].

`--write` puts the table into docs/getting-started.md. Needs a package index; what this machine cannot run (Docker, a GitHub runner) is not in the
table: tests/integrations reads those files as their hosts do. Ends with 1 where a way fails.
"""

# ruff: noqa: E501  (a way is a line, as it is typed)
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import shorten

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "getting-started.md"
BEGIN, END = "<!-- ways -->", "<!-- /ways -->"
ASK = 'fit qwen3-8b --quant 4bit --gpu "rtx 4090" --ram 64'
# what is typed in the top of a clone, and what is run first that is not part of the way: the tool itself, an environment
WAYS = (
    ("pip install . && qwenpick fit …", f"pip install -q . && qwenpick {ASK}", ""),
    ("pipx install . && qwenpick fit …", f"pipx install -q . && qwenpick {ASK}", "pip install -q pipx"),
    ("uv tool install . && qwenpick fit …", f"uv tool install -q . && qwenpick {ASK}", "pip install -q uv"),
    ("uvx --from . qwenpick fit …", f"uvx -q --from . qwenpick {ASK}", "pip install -q uv"),
    ("python -m qwenpick fit …", f"python -m qwenpick {ASK}", "pip install -q ."),
    (
        "ssh box qwenpick machine --json \\| qwenpick recommend --machine -",
        "bash -c 'qwenpick machine --json --cpu-only' | qwenpick recommend --machine - --limit 1",
        "pip install -q .",
    ),
    ("qwenpick check qwenpick.yaml", "qwenpick check integrations/qwenpick.yaml", "pip install -q ."),
    (
        "pre-commit, `id: qwenpick-check`",
        'cp -r . "$HOME/hook" && mkdir "$HOME/repo" && cp integrations/qwenpick.yaml "$HOME/repo" && cd "$HOME/repo" && git init -q && git add .'
        ' && pre-commit try-repo "$HOME/hook" qwenpick-check --files qwenpick.yaml --verbose',
        "pip install -q pre-commit",
    ),
    (
        "the GitLab job's script",
        "python -c \"import yaml, pathlib; print('set -e\\n' + '\\n'.join(yaml.safe_load(pathlib.Path('integrations/gitlab/qwenpick.gitlab-ci.yml').read_text())['qwenpick']['script']))\""
        ' > "$HOME/job.sh" && REQUIREMENTS=integrations/qwenpick.yaml bash "$HOME/job.sh" && grep -c testcase qwenpick.xml',
        "pip install -q .",
    ),
    (
        "qwenpick mcp",
        "(printf '%s\\n' '{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"initialize\", \"params\": {\"protocolVersion\": \"2025-06-18\", \"capabilities\": {},"
        ' "clientInfo": {"name": "ways", "version": "1"}}}\'; sleep 3) | qwenpick mcp',
        "pip install -q '.[mcp]'",
    ),
    ('import qwenpick; qwenpick.fit("qwen3-8b", …)', "python -c \"import qwenpick; print(qwenpick.fit('qwen3-8b', gpu='rtx 4090', ram='64GiB').fits)\"", "pip install -q ."),
)  # fmt: skip


def ran(script: str, clone: Path, home: Path) -> tuple[int, str, float]:
    """(exit code, what it printed, seconds) of a script in the clone, with a home and an environment of its own."""
    env = {
        "PATH": f"{home}/env/bin:{home}/.local/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "100",
        "LANG": "C.UTF-8",
    }
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "HTTPS_"))}
    begin = time.monotonic()
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], cwd=clone, env={**kept, **env}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr, time.monotonic() - begin


def main() -> int:
    """Run the ways, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/getting-started.md")
    options = parser.parse_args()
    lines, failed = ["| way | exit code | seconds | it says |", "|---|---:|---:|---|"], 0
    for title, script, before in WAYS:
        with tempfile.TemporaryDirectory() as place:
            home, clone = Path(place), Path(place) / "qwenpick"
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
            subprocess.run([sys.executable, "-m", "venv", str(home / "env")], check=True)
            code, text, _ = ran(before, clone, home) if before else (0, "", 0.0)
            if not code:
                code, text, seconds = ran(script, clone, home)
        said = [
            line.strip() for line in text.splitlines() if re.search(r"fits|hold|Run |true|True|serverInfo|^\d+$", line)
        ]
        first = (said or text.splitlines() or [""])[0]
        if code or not said:
            failed += 1
            print(f"{title}: exit code {code}\n{text}", file=sys.stderr)
        shown = title if "`" in title or title[0].isupper() or title.startswith("the ") else f"`{title}`"
        lines.append(
            f"| {shown} | {code} | {seconds if not code else 0:.1f} | {shorten(first.replace('|', ' '), 90, placeholder=' …')} |"
        )
        print(lines[-1], flush=True)
    if options.write and not failed:
        page = PAGE.read_text(encoding="utf-8")
        head, tail = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
        table = "\n".join(lines)
        PAGE.write_text(f"{head}\n{table}\n{tail}", encoding="utf-8")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
