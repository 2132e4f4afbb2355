"""Every hostile input that was ever found, with its right code and sentence, and within its bounds of time and memory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.hostile.bounded import check, qwenpick

INPUTS = Path(__file__).parent / "inputs"
BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")
RERANKER = ("fit", "qwen3-reranker-8b", "--quant", "fp16", "--runtime", "ollama", "--sequences", "7", "--context", "8k")

pytestmark = [pytest.mark.fuzz, pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4")]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("catalog", "check", "catalog-alias-bomb.yaml"), 1, "more than 100,000 values"),
        (("fit", "qwen3-8b", "--catalog", "catalog-alias-bomb.yaml", *BOX), 2, "more than 100,000 values"),
        (("fit", "./config-mtp-16777216.json", *BOX), 2, "16,777,216 prediction layers"),
        (("fit", "./mtp-100000.gguf", *BOX), 2, "100,000 prediction layers"),
        (("fit", "qwen3-8b", "--machine", "machine-capability.json"), 2, "compute_capability is '8.x'"),
        (("fit", "qwen3-8b", "--quant", "fp16", "--runtime", "transformers", "--machine", "machine-capability.json"), 2, "is like 8.9"),
        (("verify", "--log", "log-llamacpp-1.2.3.log"), 2, "holds a number that cannot be read"),
        (("verify", "--log", "log-vllm-tp-1000000.log"), 2, "1000000 GPUs"),
        (("check", "requirements-bool-context.yaml"), 2, "requirements-bool-context.yaml:3: context must be a whole number"),
        (("check", "requirements-key-bomb.yaml"), 2, "more than 20,000 values"),
        (("check", "requirements-crash-hides-others.yaml"), 2, "max_num_batched_tokens is a whole number from 1"),
        (("check", "requirements-injection.yaml"), 0, r"ok\n:\x3aerror"),
        (("check", "requirements-injection.yaml", "--format", "csv"), 0, r"ok\n:\x3aerror"),
        (("check", "requirements-injection.yaml", "--format", "markdown"), 0, "error"),
        (("check", "requirements-injection.yaml", "--format", "github"), 0, "::notice title=qwenpick::"),
        (("check", "requirements-injection.yaml", "--format", "junit"), 0, "<testcase"),
        (("check", "requirements-csv-formula.yaml", "--format", "csv"), 0, "\n'=cmd|"),
        (("check", "requirements-markdown-html.yaml", "--format", "markdown"), 0, "&lt;img src=x"),
        ((*RERANKER, "--machine", "vram-a.json"), 0, "to spare on"),
        ((*RERANKER, "--machine", "vram-b.json"), 0, "to spare on"),
        ((*RERANKER, "--machine", "vram-b.json", "--strict"), 0, "fits"),
    ],
)  # fmt: skip
def test_an_input_gets_its_code_and_its_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = qwenpick(*arguments, cwd=INPUTS)
    check(result, (code,))
    assert sentence in result.out + result.err.replace("\n  ", " ")
    assert "\x1b" not in result.out + result.err
    assert not [
        line
        for line in (result.out + result.err).splitlines()
        if line.startswith("::") and not line.startswith("::notice title=qwenpick")
    ]


def test_one_crashing_entry_leaves_the_others_checked(tmp_path: Path) -> None:
    (tmp_path / "qwenpick.yaml").write_text(
        "models:\n- {model: qwen3-8b, quant: 4bit}\n- {model: ~nobody/x}\n- {model: ./"
        + "a" * 300
        + "}\n- {model: qwen3-0.6b, options: {n_ubatch: x}}\n"
        "machine: {gpus: [rtx 4090], ram: 64GiB}\n"
    )
    result = qwenpick("check", str(tmp_path / "qwenpick.yaml"), "--json")
    check(result, (2,))
    assert [row["status"] for row in json.loads(result.out)["results"]] == ["pass", "invalid", "invalid", "invalid"]


def test_a_correction_that_no_run_taught_is_refused(tmp_path: Path) -> None:
    (tmp_path / "qwenpick").mkdir()
    (tmp_path / "qwenpick" / "corrections.json").write_bytes((INPUTS / "corrections-zero.json").read_bytes())
    result = qwenpick(
        "fit",
        "qwen3-32b",
        "--quant",
        "fp16",
        "--use-corrections",
        *BOX,
        environ={"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)},
    )
    check(result, (2,))
    assert "ratios from 0.5 to 2.0" in result.err


@pytest.mark.parametrize("command", [("fit",), ("launch",), ("check",)])
@pytest.mark.parametrize("wrong", ["incomplete", "another model"])
def test_an_incomplete_directory_and_another_models_weights_are_refused(
    tmp_path: Path, command: tuple[str, ...], wrong: str
) -> None:
    config = {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
        "num_key_value_heads": 8, "vocab_size": 152064, "intermediate_size": 29568, "tie_word_embeddings": False, "max_position_embeddings": 32768,
    }  # fmt: skip
    shape = [1, 8192] if wrong == "incomplete" else [10, 10]
    name = "model.layers.0.mlp.gate_proj.weight" if wrong == "incomplete" else "model.embed_tokens.weight"
    size = 2 * shape[0] * shape[1]
    header = json.dumps({name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, size]}}).encode()
    model = tmp_path / "incomplete-72b"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(config))
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    (tmp_path / "qwenpick.yaml").write_text(
        "models: [{model: ./incomplete-72b, gpu_only: true}]\nmachine: {gpus: [rtx-3060-12gb], ram: 16GiB}\n"
    )
    arguments = (
        ("qwenpick.yaml",)
        if command == ("check",)
        else ("./incomplete-72b", "--gpu", "rtx-3060-12gb", "--ram", "16GiB")
    )
    result = qwenpick(*command, *arguments, cwd=tmp_path)
    check(result, (2,))
    said = " ".join((result.out + result.err).split())
    assert (
        ("tensors are missing" if wrong == "incomplete" else "not the weights of this model")
        in said.replace("ten sors", "tensors")
        or wrong in said
        or "145.4" in said
    )


def config(tmp_path: Path, **change: int) -> str:
    """config-mtp-16777216.json with other numbers in its text_config."""
    document = json.loads((INPUTS / "config-mtp-16777216.json").read_text())
    document["text_config"] |= {"mtp_num_hidden_layers": 1, **change}
    (tmp_path / "config.json").write_text(json.dumps(document))
    return str(tmp_path / "config.json")


@pytest.mark.parametrize(
    "change",
    [
        {"mtp_num_hidden_layers": 100_000}, {"mtp_num_hidden_layers": 4097}, {"mtp_num_hidden_layers": 17}, {"full_attention_interval": 2147483647},
        {"full_attention_interval": 41}, {"num_hidden_layers": 4096}, {"num_hidden_layers": 257}, {"full_attention_interval": -1},
    ],
)  # fmt: skip
def test_a_config_without_bounds_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    result = qwenpick("fit", config(tmp_path, **change), *BOX)
    check(result, (2,))
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"mtp_num_hidden_layers": 16},
        {"num_hidden_layers": 256},
        {"num_hidden_layers": 256, "full_attention_interval": 256},
    ],
)
def test_the_largest_config_that_is_believed_is_planned_in_time(tmp_path: Path, change: dict[str, int]) -> None:
    check(qwenpick("fit", config(tmp_path, **change), *BOX, environ={"HOME": str(tmp_path)}))


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "qwen3-8b", "--context", "9" * 400), ("fit", "qwen3-8b", "--ram", "9" * 400 + "GiB", "--gpu", "h200"),
        ("fit", "qwen3-8b", "--vram", "1" * 5000), ("fit", "qwen3-8b", "--sequences", "9" * 400),
        ("fit", "qwen3-8b", "--sequences", "9" * 5000), ("fit", "qwen3-vl-8b", "--image-tokens", "9" * 400),
        ("fit", "qwen3-8b", "--train", "lora", "--batch", "9" * 400), ("fit", "qwen3-8b", "--train", "lora", "--rank", "9" * 400),
        ("plan", "qwen3-8b", "--users", "9" * 30), ("plan", "qwen3-8b", "--budget", "nan"), ("recommend", "--min-speed", "inf", *BOX),
        ("fit", "./" + "a" * 300), ("fit", "~nobody/x"), ("fit", "x" * 5000), ("fit", "a" * 300 + ":b"),
        ("fit", "qwen3-8b", "--machine", "/dev/null"), ("fit", "qwen3-8b", "--machine", "x" * 300), ("check", "x" * 300),
        ("verify", "--log", "x" * 300), ("fit", "qwen3-8b", "--catalog", "x" * 300), ("verify", "--log", "/dev/zero"),
        ("check", "/dev/zero"), ("fit", "qwen3-8b", "--catalog", "/dev/zero"), ("verify", "--log", "/dev/urandom"),
        ("fit", "qwen3-8b", "-o", "x" * 100_000 + "=1"), ("fit", "qwen3-8b", "--gpu", "x" * 100_000),
        ("fit", "qwen3-8b", "--quant", "q" * 100_000), ("fit", "qwen3-8b", "--nope\x1b[31m"), ("nope\x1b[31m",),
        ("fit", "qwen3-8b\x1b[31m"),
    ],
)  # fmt: skip
def test_an_absurd_argument_is_a_bad_request(arguments: tuple[str, ...]) -> None:
    box = (
        ()
        if any(word in arguments for word in ("--gpu", "--machine", "verify", "check"))
        or arguments[0].startswith("nope")
        else BOX
    )
    result = qwenpick(*arguments, *box if arguments[0] in ("fit",) and "--ram" not in arguments else ())
    check(result, (2,))
    assert "\x1b" not in result.err and len(result.err) < 3000


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "qwen3-8b", "--machine"),
        ("fit", "qwen3-8b", "--gpu", "h200", "--catalog"),
        ("check",),
        ("verify", "--log"),
        ("fit",),
    ],
)
def test_a_pipe_without_a_writer_does_not_hang(tmp_path: Path, words: tuple[str, ...]) -> None:
    name = "pipe.json" if words == ("fit",) else "pipe"
    os.mkfifo(tmp_path / name)
    result = qwenpick(*words, str(tmp_path / name))
    check(result, (2,))
    assert "not a regular file" in result.err


def test_a_log_of_nothing_but_lines_takes_little(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\n" * (64 * 2**20))
    check(qwenpick("verify", "--log", str(tmp_path / "log")), (2,))
    (tmp_path / "log").write_bytes(b"load_tensors: loading model tensors\n" * 300_000)
    check(qwenpick("verify", "--log", str(tmp_path / "log")), (2,))


def test_a_tool_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!{sys.executable}\nimport sys\nwhile True: sys.stdout.write('x' * 65536)\n")
    tool.chmod(0o755)
    result = qwenpick("machine", environ={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)})
    check(result)


@pytest.mark.parametrize("users", ["100", "1000", "10000", "100000"])
def test_a_plan_for_many_users_is_made_in_time(users: str) -> None:
    check(qwenpick("plan", "qwen3-8b", "--users", users))
