"""The screens of docs/screens.md and what each finding of a first look prints now, for tools/docs.py: `screens("en")`, `findings()`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Ten saved machines (tests/machines) and three that are described
BOXES = (
    *(
        f"--machine tests/machines/{name}.json"
        for name in ("container-8gib", "cpu-laptop", "t4", "l4", "rtx-4090", "2x-rtx-3090", "h200", "gb10", "m3-max", "strix-halo")
    ),
    '--gpu "rtx 5070 ti" --ram 32GB',
    '--gpu "rx 7800 xt" --ram 32GB',
    "--cpu-only --ram 16GB",
)  # fmt: skip
WIDTHS = (60, 80, 120)
GAMER = '--gpu "rtx 5070 ti" --ram 32GB'
CARD = '--gpu "rtx 4090" --ram 64GB'
SMALL = '--gpu "rtx 3060" --ram 32GB'
# number, what was found in 0.1.0 (2026-11-28), the command, and the words that the line to show holds ("" is the first line)
FINDINGS: tuple[tuple[int, str, str, str], ...] = (
    (1, "launch planned another format than recommend", f"launch qwen3.8-27b {GAMER}", "llama-server"),
    (2, "fits, without a word of 0.4 tokens/s", f"fit qwen3-32b --quant fp16 {CARD}", ""),
    (3, "the winner could not be downloaded", f"launch qwen3.5-9b --quant Q5_K_S {SMALL}", "downloads"),
    (4, "labels contradicted the numbers", f"recommend {SMALL}", "best quality"),
    (5, "one thinking line for all picks", f"recommend {CARD} --limit 1", "thinking"),
    (6, "a traceback where stdout is not UTF-8", f"PYTHONIOENCODING=cp1252 qwenpick fit qwen3-8b {CARD}", ""),
    (7, "vLLM offered on Windows", f"recommend {CARD} --system windows", "start it"),
    (8, "ranges above the roofline", 'fit qwen3.5-9b --quant Q5_K_S --gpu t4 --ram 32GB', ""),
    (9, "--cloud ignored with --train", "plan qwen3-32b --train qlora --cloud --limit 1", "$"),
    (10, "no next step", f"recommend {CARD}", "start it"),
    (11, "qwenpick alone printed help", f"recommend {CARD} --limit 1", "Run "),
    (12, "the first screen needed a glossary", f"recommend {CARD}", "quality"),
    (13, "Needs showed one place only", f"recommend {SMALL} --task coding", "GPU+RAM"),
    (14, "number one was too slow", "recommend --task coding --cpu-only --ram 24GB", "fast enough"),
    (15, "CPU speeds were a guess that was not said", "recommend --cpu-only --ram 16GB --limit 1", "assum"),
    (16, "--ram 64 was refused, 64GB was 59.6 GiB", 'fit qwen3-8b --gpu "rtx 4090" --ram 64', "RAM"),
    (17, "the buyer was not served", "plan qwen3-8b --budget 1500", ""),
    (18, "compare did not say which is better", f"compare qwen3-8b qwen3.5-9b {SMALL}", ""),
    (19, "names people really write", f"fit qwen 3 8b {CARD}", ""),
    (20, "the ready-made files installed what was not published", "grep 'pip install' integrations/docker/Dockerfile", ""),
    (21, "the docs site had no home", "head -1 docs/index.md docs/index.zh-CN.md", "#"),
    (22, "tasks were not discoverable", "tasks", "summarising"),
    (23, "--users against --sequences", f"fit qwen3-8b --users 4 {CARD}", ""),
    (24, "-h was unreadable", "fit -h", "Which machine"),
    (25, "--ask died of a mistyped answer", r"printf 'coding\nlong\n8k\n\n\n\n' ¦ qwenpick recommend --ask --gpu 4090", "cannot read"),
    (26, "mainland China", "--lang zh launch qwen3-8b --runtime vllm " + CARD, "VLLM_USE_MODELSCOPE"),
    (27, "wrong hints for the next step", f"launch qwen3.8-27b --runtime vllm --quant fp16 {CARD}", ""),
    (28, "--runtime mlx on an NVIDIA card: no reason", f"recommend --runtime mlx {SMALL}", ""),
    (29, "fine-tuning that does not fit named no way out", "fit qwen3-8b --train full " + CARD, "--train"),
    (30, "replace did not name the answer", "replace qwen2.5-7b-instruct", ""),
    (31, "charts all labelled alike", "qwenpick plan qwen3.8-27b --html page.html >/dev/null; grep -o 'aria-label=\"[^\"]*' page.html", ""),
    (32, "CSV of fit was empty", f"fit qwen3-8b {CARD} --format csv", ""),
    (33, "did you mean, too eager", "recommend --task foo " + CARD, ""),
    (34, "unknown GPU: no way out", 'fit qwen3-8b --gpu "rx 9999"', ""),
    (35, "foreign models", f"fit gpt-oss-20b {CARD}", ""),
    (36, "doctor found nothing wrong where nothing was looked at", 'doctor --gpu "rtx 4090" --ram 64GB', "described"),
    (37, "--context 32 taken as 32 tokens", f"fit qwen3-8b --context 32 {CARD}", "32"),
    (38, "contexts beyond the native one", f"fit qwen3-8b {CARD} --context 100k", "native"),
    (39, "mixed numbers", f"fit qwen3-8b {CARD}", "longest context"),
    (40, "--prefer speed printed the same order", f"recommend --prefer speed {CARD}", "a full answer"),
    (41, "catalog add shadowed a shipped model", "catalog add qwen3-8b", ""),
    (42, "names broken in narrow tables", "models --current --series qwen3.5", "qwen3.5-9b"),
    (43, "plan --limit had no -n", "plan qwen3-8b -n 1", "$"),
    (44, "the Python API had only estimate", "python -c 'import qwenpick; print(qwenpick.fit(\"qwen3-8b\", gpu=\"rtx 4090\").fits)'", ""),
    (45, "three speech models alike", f"recommend --task speech {CARD}", "…-"),
    (46, "launch --train without install or data", f"launch qwen3-8b --train lora {CARD}", "train.jsonl"),
)  # fmt: skip


def screens(lang: str) -> None:
    """Print what `recommend` shows of every machine at every width, as fenced blocks."""
    from tools.docs import capture

    usual = os.environ.get("COLUMNS")
    for box in BOXES:
        print(f"## {box.replace('--machine tests/machines/', '').removesuffix('.json')}\n")
        for width in WIDTHS:
            os.environ["COLUMNS"] = str(width)
            output, _code = capture(f"qwenpick --lang {lang} recommend {box}")
            print("```text")
            print(f"$ qwenpick --lang {lang} recommend {box}   # {width} columns")
            print("\n".join(line.rstrip() for line in output.strip("\n").splitlines()))
            print("```\n")
    if usual:
        os.environ["COLUMNS"] = usual


def findings() -> None:
    """Print a table: each finding, the command that showed it, and the line that answers it now."""
    print("| | found in 0.1.0 | command | prints now |\n|---|---|---|---|")
    for number, found, command, words in FINDINGS:
        out, err, code = _ran(command)
        lines = [line.strip() for line in (out + err).splitlines() if line.strip()]
        shown = next((line for line in lines if words in line), lines[0] if lines else "")
        ended = f" (exit code {code})" if code else ""
        typed = command if _is_shell(command) else f"qwenpick {command}"
        print(f"| {number} | {found} | `{_cell(typed)}` | `{_cell(shown)[:260]}`{ended} |")


def _is_shell(command: str) -> bool:
    return command.split()[0] in {"grep", "head", "printf", "python", "qwenpick"} or command.startswith("PYTHON")


def _ran(command: str) -> tuple[str, str, int]:
    """Stdout, stderr and exit code of a qwenpick command, or of a line of shell, run in the repository's root."""
    from tools.docs import ROOT, captured

    if not _is_shell(command):
        return captured(f"qwenpick {command}")
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        line = command.replace("¦", "|").replace("page.html", f"{folder}/page.html")
        done = subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=environ, capture_output=True, text=True, errors="replace", check=False
        )
    return done.stdout, done.stderr, done.returncode


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "¦").replace("`", "'").split()) if text else ""
