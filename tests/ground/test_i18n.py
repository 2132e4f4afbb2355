"""Chinese: nothing lacks its translation, what programs read stays English, and a reader of Chinese meets no English sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qwenpick.i18n import N_, _, chosen, language, retell, use
from tests.conftest import Run, mostly_slow
from tools import messages

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")
COMMANDS: dict[str, tuple[str, ...]] = {
    "fit": ("fit", "qwen3-14b", "--quant", "4bit", "--gpu", "rtx 3060 12gb", "--ram", "32GiB"),
    "no fit": ("fit", "qwen3-235b-a22b", "--quant", "4bit", "--gpu", "rtx 4090", "--ram", "16GiB"),
    "train": ("fit", "qwen3-8b", "--train", "qlora", "--dataset-tokens", "1M", *BOX),
    "methods": ("fit", "qwen3-8b", "--train", "all", *BOX),
    "plan": ("plan", "qwen3-8b", "--quant", "4bit", "--gpu", "rtx 4090", "--gpu", "a10g"),
    "compare": ("compare", "qwen3-8b", "qwen3-14b", *BOX),
    "cards": ("compare", "a10g", "rtx 5070 ti", "--model", "qwen3-8b"),
    "recommend": ("recommend", "--quant", "4bit", "--explain", *BOX),
    "replace": ("replace", "qwen2.5-7b-instruct"),
    "machine": ("machine", "--machine", "tests/machines/container-8gib.json"),
    "doctor": ("doctor", "--machine", "tests/machines/container-8gib.json"),
    "gpus": ("gpus", "--vendor", "intel"),
    "check": ("check", "integrations/qwenpick.yaml"),
    "verify": ("verify", "qwen3-14b", "--log", "tests/verify/logs/sglang-14b.log", "--no-record"),
    "launch": ("launch", "qwen3-8b", "--quant", "4bit", *BOX),
    "unknown model": ("fit", "qwen3-7b", *BOX),
    "unknown unit": ("fit", "qwen3-8b", "--ram", "24 parsecs", "--gpu", "rtx 4090"),
    "unreadable file": ("machine", "--machine", "no-such-machine.json"),
}
# Three English words in a row are a sentence, unless they are names: quoted commands, files, a requirement's own.
SENTENCE = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
NAMES = re.compile(
    r"`[^`]*`|--[a-z-]+( [\w.-]+)?|qwenpick [a-z]+|/\S+|avx[\w ]*|^[^#\n]*llama-server .*$|hugging face hub|chat for the team|coding on the laptop",
    re.M | re.I,
)


def test_every_message_is_translated_and_compiled() -> None:
    found = [problem for path in messages.FILES for problem in messages.problems(path)]
    assert found == [], "run python tools/messages.py, fill the msgstr of what it names, and run it again"
    assert len(messages.template()) > 1000


def test_every_template_has_a_place_for_each_of_its_values() -> None:
    assert [
        problem for path in sorted(messages.SOURCE.rglob("*.py")) for problem in messages.read_source(path)[1]
    ] == []


def test_a_missing_translation_other_placeholders_and_an_old_mo_are_found(tmp_path: Path) -> None:
    file = tmp_path / "zh" / "LC_MESSAGES" / "qwenpick.po"
    file.parent.mkdir(parents=True)
    text = messages.FILES[0].read_text(encoding="utf-8")
    text = re.sub(r'(msgid "fits"\nmsgstr )".*"', r'\1""', text)
    text = re.sub(r'(msgid "\{count\} GPUs"\nmsgstr )".*"', r'\1"{number} GPU"', text)
    file.write_text(text + '\nmsgid "nobody says this"\nmsgstr "没有人说"\n', encoding="utf-8")
    assert {problem.partition(":")[0] for problem in messages.problems(file)} >= {
        "no longer said",
        "not translated",
        "other placeholders",
        "qwenpick.mo is not what qwenpick.po compiles to",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_no_english_sentence_is_left_in_chinese(qwenpick: Run, name: str) -> None:
    result = qwenpick("--lang", "zh", *COMMANDS[name])
    said = NAMES.sub("", result.out + result.err)
    assert re.search(r"[\u4e00-\u9fff]", said)
    assert SENTENCE.findall(said) == []


@pytest.mark.parametrize("name", ["fit", "no fit", "methods", "plan", "recommend", "doctor", "check", "launch"])
def test_json_is_the_same_in_every_language(qwenpick: Run, name: str) -> None:
    english, chinese = qwenpick(*COMMANDS[name], "--json"), qwenpick("--lang", "zh", *COMMANDS[name], "--json")
    assert chinese.out == english.out
    assert chinese.code == english.code
    assert json.loads(chinese.out)


def test_format_json_is_english_too(qwenpick: Run) -> None:
    arguments = (*COMMANDS["fit"], "--format", "json")
    assert qwenpick("--lang=zh", *arguments).out == qwenpick(*arguments).out


def test_a_saved_machine_is_the_same_in_every_language(qwenpick: Run, tmp_path: Path) -> None:
    for name in ("en", "zh"):
        qwenpick("machine", *BOX, "--save", str(tmp_path / name), "--lang", name)
    assert (tmp_path / "zh").read_bytes() == (tmp_path / "en").read_bytes()


def test_an_unknown_language_is_a_bad_request(qwenpick: Run) -> None:
    result = qwenpick("--lang", "zh-TW", "gpus")
    assert result.code == 2
    assert "there is no language 'zh-TW'; did you mean zh?" in result.err


def test_the_environment_chooses_the_language_and_the_option_wins(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENPICK_LANG", "zh_CN.UTF-8")
    assert "资料库中没有显卡" in qwenpick("fit", "qwen3-8b", "--gpu", "rtx-9999").err
    assert "no GPU" in qwenpick("fit", "qwen3-8b", "--gpu", "rtx-9999", "--lang", "en").err


def test_off_a_terminal_the_language_of_the_system_does_not_change_the_output(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "no GPU" in qwenpick("fit", "qwen3-8b", "--gpu", "rtx-9999").err


@pytest.mark.parametrize(
    ("said", "answered"),
    mostly_slow([("zh_CN.UTF-8", "还有"), ("fr_FR.UTF-8", "more ("), ("en_US.UTF-8", "more ("), ("C", "more (")], 2),
)
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_on_a_terminal_the_language_of_the_system_is_followed(said: str, answered: str) -> None:
    import os
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "LC_ALL": said, "PYTHONUTF8": "1"}
    environment.pop("QWENPICK_LANG", None)
    command = [
        sys.executable,
        "-m",
        "qwenpick",
        "plan",
        "qwen3-8b",
        "--gpu",
        "rtx 4090",
        "--gpu",
        "rtx 3090",
        "--limit",
        "1",
    ]
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        finally:
            os.close(ours)
        process.wait(30)
    assert answered in shown.decode("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fit", "--xyzzy"), "没有选项 --xyzzy"),
        (("fit",), "缺少 MODEL"),
        (("fit", "qwen3-8b", "--context"), "--context 需要一个值"),
        (("nope",), "没有命令“nope”"),
    ],
)
def test_what_typer_cannot_read_is_said_in_chinese(qwenpick: Run, arguments: tuple[str, ...], said: str) -> None:
    result = qwenpick("--lang", "zh", *arguments)
    assert result.code == 2
    command = arguments[0] if arguments[0] == "fit" else ""
    assert result.err == f"qwenpick: {said} （用 {f'qwenpick {command}'.strip()} -h 查看可用的选项）\n"


def test_help_is_chinese(qwenpick: Run) -> None:
    for arguments in ((), ("fit",), ("catalog", "check")):
        result = qwenpick("--lang", "zh", *arguments, "--help")
        assert result.code == 0
        assert "显示本帮助并退出" in result.out
        assert SENTENCE.findall(NAMES.sub("", result.out)) == []


def test_a_language_lasts_for_one_command(qwenpick: Run) -> None:
    qwenpick("--lang", "zh", "gpus", "h200-sxm")
    assert "everything about one" in qwenpick("gpus", "--vendor", "intel").out
    assert language() == "en"


def test_lang_may_stand_anywhere() -> None:
    assert chosen(["fit", "--lang", "zh", "qwen3-8b"], None) == ("zh", ["fit", "qwen3-8b"])
    assert chosen(["fit", "--language", "zh"], "en") == ("en", ["fit", "--language", "zh"])


def test_a_noted_sentence_is_retold_with_what_stands_in_it() -> None:
    note = N_(
        "unified memory: {total_from}; free: {free_from}",
        total_from=N_("MemTotal in /proc/meminfo"),
        free_from="vm_stat",
    )
    assert note == "unified memory: MemTotal in /proc/meminfo; free: vm_stat"
    use("zh")
    assert retell(note) == "统一内存：/proc/meminfo 的 MemTotal；空闲：vm_stat"
    assert retell("NVML gave no answer in 5 s") == "NVML 在 5 秒内没有回答"
    assert retell("words that nobody marked") == "words that nobody marked"
    assert retell("") == ""


def test_braces_in_values_are_text() -> None:
    use("zh")
    assert _("cannot write {file}: {problem}", file="{x}", problem="") == "无法写入 {x}："


def test_a_language_that_is_not_known_is_named(qwenpick: Run) -> None:
    assert not use("tlh")
    result = qwenpick("--lang", "tlh", "gpus")
    assert result.code == 2
    assert "there is no language 'tlh' (known: en, zh)" in result.err


def test_english_looks_nothing_up() -> None:
    code = "import sys, qwenpick.i18n as i; i._('fits'); print('babel' in sys.modules, 'gettext' in sys.modules, i._look_up)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "None"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "qwen3-30b-a3b", "--quant", "4bit", "--gpu", "rtx 3060 12gb", "--ram", "64GiB"),
        ("fit", "qwen3.6-27b", "--quant", "4bit", "--gpu", "2x rtx 4090", "--ram", "64GiB", "--runtime", "llama.cpp"),
        ("fit", "qwen3-vl-8b-instruct", "--runtime", "vllm", "--gpu", "2x l40s", "--ram", "64GiB"),
        ("fit", "qwen3-8b", "--runtime", "sglang", "--gpu", "h200"),
        ("fit", "qwen3-8b", "--runtime", "transformers", "--gpu", "h200", "--ram", "64GiB"),
        ("fit", "qwen3-8b", "--runtime", "mlx", "--gpu", "m3-max-64gb"),
        ("fit", "qwen3-8b", "--train", "lora", "--gpus", "2", "--zero", "2", "--gpu", "2x h100"),
        ("fit", "qwen3-8b", "--train", "full", "--gpus", "8", "--zero", "3", "--gpu", "8x h100"),
    ],
)
def test_every_part_and_formula_is_told_in_chinese(qwenpick: Run, arguments: tuple[str, ...]) -> None:
    result = qwenpick("--lang", "zh", *arguments, "--explain", "--format", "markdown")
    assert result.code in (0, 1), result.err
    assert "权重" in result.out
    told = NAMES.sub("", result.out)
    assert re.findall(r"\b(?:the|of|in|at|layers|tokens|weights|bytes|measured)\b", told) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "--gpu", "rtx 4090", "--ram", "64"),
        ("fit", "qwen3-8b", "--gpu", "rtx 4090"),
        ("fit", "qwen3-32b", "--quant", "fp16", "--gpu", "rtx 4090", "--gpu-only"),
        ("fit", "qwen3-8b", "--gpu", "rtx 4090", "--train", "qlora"),
        ("plan", "qwen3-8b"),
    ],
)
def test_a_command_that_is_printed_is_answered_in_the_language_that_was_typed(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    typed = [line for line in qwenpick("--lang", "zh", *arguments).out.splitlines() if "qwenpick " in line]
    assert typed and any(line.endswith("--lang zh") for line in typed)
    monkeypatch.setenv("QWENPICK_LANG", "zh")
    assert "--lang" not in qwenpick(*arguments).out


def test_what_does_not_fit_is_said_with_chinese_commas(qwenpick: Run) -> None:
    said = qwenpick("--lang", "zh", "fit", "qwen3-32b", "--quant", "fp16", "--gpu", "rtx 4090", "--gpu-only").out
    assert "放不下，GeForce RTX 4090 还差" in said
