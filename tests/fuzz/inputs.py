"""Inputs that know their structure: each kind takes good ones and makes them hostile, the same for the same seed, without end."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from qwenpick.catalog.read import data_directory
from qwenpick.runtimes import RUNTIMES
from qwenpick.runtimes.option import entries
from tests.fuzz.running import Case
from tests.readers.making import safetensors, write

TESTS = Path(__file__).parents[1]
BOXES = (
    ("--gpu", "rtx 4090", "--ram", "64GiB"),
    ("--gpu", "2x h200", "--ram", "256GiB"),
    ("--gpu", "m4 max", "--ram", "36GiB"),
    ("--cpu-only", "--ram", "32GiB"),
)
MODELS = (
    "qwen3-8b",
    "qwen3-30b-a3b",
    "qwen3.5-27b",
    "qwen3-vl-8b-instruct",
    "qwen3-0.6b",
    "qwen2.5-72b-instruct",
    "qwen3-embedding-8b",
)
VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, 16, 255, 4096, 65536, 2**24,
    2**24 + 1, 2**31 - 1, 2**31, 2**63, 2**64, 10**30, 0.0, 0.5, 1.0, 1.5, -0.5, 1e308, float("nan"),
    float("inf"), True, False, None, "", " ", "x", "1", "-1", "0x10", "1e999", "nan", "true", "auto",
    "9" * 400, "a\nb", "\x1b[31m", "::error::x", "=1+1",
    "$(id)", "--help", "../../etc/passwd", "é模", "\u202e", [], {}, [1], {"a": 1}, "x" * 5000,
)  # fmt: skip


def options(seed: int, work: Path) -> Iterator[Case]:
    """Every option of every engine with every hostile value."""
    chance = random.Random(seed)
    lines = [
        (engine, entry.name)
        for engine in RUNTIMES
        for entry in entries(import_module(f"qwenpick.runtimes.{engine}.options").Options)
    ]
    while True:
        engine, name = chance.choice(lines)
        pairs = [f"{name}={_text(chance.choice(VALUES))}"]
        if chance.random() < 0.3:
            pairs.append(f"{chance.choice(lines)[1]}={_text(chance.choice(VALUES))}")
        runtime = ("--runtime", engine) if chance.random() < 0.9 else ()
        command = chance.choice(("fit", "fit", "launch"))
        words = [word for pair in pairs for word in ("-o", pair)]
        yield Case(
            (
                command,
                chance.choice(MODELS),
                *runtime,
                *chance.choice(BOXES),
                *words,
                *(("--json",) if chance.random() < 0.5 else ()),
            )
        )


def numbers(seed: int, work: Path) -> Iterator[Case]:
    """Numeric options of the command line and of the environment with extremes."""
    chance = random.Random(seed)
    names = {
        "fit": ("context", "sequences", "ram", "vram", "image-tokens", "audio-seconds", "seq",
            "batch", "rank", "gpus", "dataset-tokens", "zero", "grad-accum"),
        "plan": ("context", "users", "budget", "limit"), "recommend": ("context", "users", "min-speed", "min-context", "max-disk", "limit"),
    }  # fmt: skip
    while True:
        command = chance.choice(list(names))
        name, value = chance.choice(names[command]), _text(chance.choice(VALUES))
        train = (
            ("--train", "lora")
            if name in ("seq", "batch", "rank", "gpus", "dataset-tokens", "zero", "grad-accum")
            else ()
        )
        box = chance.choice(BOXES) if command != "plan" else ()
        words = (
            command,
            *((chance.choice(MODELS),) if command != "recommend" else ()),
            *(() if name in ("ram", "vram") else box),
            *train,
        )
        if chance.random() < 0.3 and "\0" not in value:
            yield Case(words, {f"QWENPICK_{command}_{name}".upper().replace("-", "_"): value})
        else:
            yield Case((*words, f"--{name}={value}"))


def machines(seed: int, work: Path) -> Iterator[Case]:
    """Saved boxes with fields changed, dropped and added, types and all."""
    good = [json.loads(path.read_text()) for path in sorted((TESTS / "machines").glob("*.json"))]
    yield from _documents(seed, work / "box.json", good, json.dumps, lambda path: [
        ("fit", "qwen3-8b", "--machine", path, "--json"), ("machine", "--machine", path), ("recommend", "--machine", path),
        ("doctor", "--machine", path),
    ])  # fmt: skip


def configs(seed: int, work: Path) -> Iterator[Case]:
    """config.json of real models with fields changed, dropped and added."""
    good = [json.loads(path.read_text()) for path in sorted((TESTS / "readers" / "configs").glob("*.json"))]
    yield from _documents(seed, work / "config.json", good, json.dumps, lambda path: [
        ("fit", path, *BOXES[0], "--json"), ("fit", path, *BOXES[2]), ("launch", path, *BOXES[1], "--force"), ("models", path),
        ("plan", path, "--gpu", "h200"),
    ])  # fmt: skip


def overlays(seed: int, work: Path) -> Iterator[Case]:
    """Catalogue files of one's own, laid over the shipped one."""
    shipped = yaml.load(
        (data_directory() / "models.yaml").read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    by_id = {item["id"]: item for item in shipped["architectures"]}
    picked = [item for item in shipped["models"] if item.get("architecture")][:: max(1, len(shipped["models"]) // 25)]
    good = [{"architectures": [by_id[item["architecture"]]], "models": [item]} for item in picked]
    yield from _documents(seed, work / "own.yaml", good, lambda d: yaml.safe_dump(d, allow_unicode=True), lambda path: [
        ("fit", "qwen3-8b", "--catalog", path, *BOXES[0]), ("catalog", "check", path), ("models", "--catalog", path),
        ("fit", picked[0]["id"], "--catalog", path, *BOXES[0]),
    ])  # fmt: skip


def requirements(seed: int, work: Path) -> Iterator[Case]:
    """qwenpick.yaml, any entry, any format of the answer."""
    box = {"gpus": ["rtx 4090"], "ram": "64GiB"}
    good = [
        {"models": [{"model": "qwen3-8b", "quant": "4bit", "context": "32k", "users": 4, "min_speed": 20}, {"model": "qwen3-0.6b"}],
         "machine": box},
        {"models": [{"model": "qwen3-32b", "runtime": "vllm", "options": {"max_num_seqs": 8}, "strict": True, "gpu_only": True}],
         "machine": {"gpus": ["2x h200"], "ram": "256GiB"}},
    ]  # fmt: skip
    yield from _documents(seed, work / "qwenpick.yaml", good, lambda d: yaml.safe_dump(d, allow_unicode=True), lambda path: [
        ("check", path), ("check", path, "--json"), ("check", path, "--format", "csv"), ("check", path, "--format", "junit"),
    ])  # fmt: skip


def logs(seed: int, work: Path) -> Iterator[Case]:
    """Engines' logs with numbers, words and lines changed."""
    import re

    chance, good = (
        random.Random(seed),
        [path.read_text(errors="replace") for path in sorted((TESTS / "verify" / "logs").glob("*.log"))],
    )
    target = work / "engine.log"
    numbers = ("0", "-1", "1.2.3", ".", "9" * 400, "4096.5", "nan", "1e999", "999999999", "abc", "", "1000000")
    while True:
        lines = chance.choice(good).splitlines()
        for _unused in range(chance.randint(1, 6)):
            index = chance.randrange(len(lines))
            match chance.randrange(4):
                case 0:
                    lines[index] = re.sub(
                        r"\d[\d.,]*", lambda _m: chance.choice(numbers), lines[index], count=chance.randint(1, 3)
                    )
                case 1:
                    lines.insert(index, chance.choice(lines))
                case 2:
                    del lines[index]
                case _:
                    lines[index] = lines[index][: chance.randrange(len(lines[index]) + 1)] + _text(
                        chance.choice(VALUES)
                    )
            lines = lines or ["x"]
        target.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        quant = ("--quant", chance.choice(("bf16", "Q4_K_M", "awq-int4", "mlx-4bit"))) if chance.random() < 0.3 else ()
        yield Case(
            (
                "verify",
                *((chance.choice(MODELS),) if chance.random() < 0.5 else ()),
                "--log",
                str(target),
                "--no-record",
                *quant,
            )
        )


def ggufs(seed: int, work: Path) -> Iterator[Case]:
    """GGUF files with bytes overwritten, put in and cut."""
    yield from _bytes(
        seed, work / "a.gguf", (TESTS / "readers" / "written-by-gguf-library.header").read_bytes(), 767_616
    )


def weights(seed: int, work: Path) -> Iterator[Case]:
    """Model directories whose safetensors are damaged, and Ollama's manifests."""
    good, data = safetensors(
        {"model.embed_tokens.weight": ("BF16", (4, 8), 64), "b.weight": ("I32", (2, 2), 16), "c": ("F8_E4M3", (3,), 3)}
    )
    (work / "model").mkdir(exist_ok=True)
    (work / "model" / "config.json").write_text((TESTS / "readers" / "configs" / "Qwen3-8B.json").read_text())
    for _case in _bytes(seed, work / "model" / "model.safetensors", good, data):
        yield Case(("fit", str(work / "model"), *BOXES[0]))


def noise(seed: int, work: Path) -> Iterator[Case]:
    """Random bytes as every kind of file."""
    chance = random.Random(seed)
    names = ("config.json", "a.gguf", "own.yaml", "box.json", "engine.log", "qwenpick.yaml")
    while True:
        name = chance.choice(names)
        (work / name).write_bytes(chance.randbytes(chance.choice((0, 1, 4, 64, 4096, 65536))))
        path = str(work / name)
        yield Case({
            "config.json": ("fit", path, *BOXES[0]), "a.gguf": ("fit", path, *BOXES[0]), "own.yaml": ("catalog", "check", path),
            "box.json": ("fit", "qwen3-8b", "--machine", path), "engine.log": ("verify", "--log", path), "qwenpick.yaml": ("check", path),
        }[name])  # fmt: skip


KINDS: dict[str, Callable[[int, Path], Iterator[Case]]] = {
    "options": options, "numbers": numbers, "machines": machines, "configs": configs, "overlays": overlays, "requirements": requirements,
    "logs": logs, "ggufs": ggufs, "weights": weights, "noise": noise,
}  # fmt: skip


def _documents(
    seed: int,
    target: Path,
    good: list[Any],
    write: Callable[[Any], str],
    commands: Callable[[str], list[tuple[str, ...]]],
) -> Iterator[Case]:
    chance = random.Random(seed)
    while True:
        document = copy.deepcopy(chance.choice(good))
        for _unused in range(chance.randint(1, 3)):
            document = _changed(chance, document)
        try:
            text = write(document)
        except (ValueError, yaml.YAMLError, TypeError):
            continue
        target.write_text(text, encoding="utf-8", errors="replace")
        yield Case(chance.choice(commands(str(target))))


def _changed(chance: random.Random, document: Any) -> Any:
    """The document with one value somewhere in it changed, dropped, doubled or added."""
    holder, key = _place(chance, document)
    if holder is None:
        return chance.choice(VALUES)
    match chance.randrange(6):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[_text(chance.choice(VALUES))[:300]] = chance.choice(VALUES)
        case 2 if isinstance(holder, list):
            holder.insert(chance.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
        case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * chance.choice((0, -1, 2, 0.5, 1000, 10**12))
        case _:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return document


def _place(chance: random.Random, document: Any) -> tuple[Any, Any]:
    holder, key = None, None
    here = document
    while isinstance(here, dict | list) and here and (holder is None or chance.random() < 0.8):
        holder, key = here, chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
        here = here[key]
    return holder, key


def _bytes(seed: int, target: Path, good: bytes, weights: int) -> Iterator[Case]:
    """A header with bytes overwritten, put in and cut, before so many bytes of weights."""
    chance = random.Random(seed)
    words = (
        b"\xff" * 8,
        b"\0" * 8,
        b"\xff" * 7 + b"\x7f",
        b"\0" * 7 + b"\x80",
        b"\x01\0\0\0",
        b"GGUF",
        b"\x09\0\0\0\x09\0\0\0",
    )
    while True:
        data = good
        for _unused in range(chance.randint(1, 6)):
            at, new = chance.randrange(len(data)), chance.choice((*words, chance.randbytes(chance.randint(1, 9))))
            data = data[:at] + new + data[at + (0 if chance.random() < 0.3 else len(new)) :]
        if chance.random() < 0.2:
            data = data[: chance.randrange(len(data)) + 1]
        yield Case(("fit", str(write(target, data, weights)), *chance.choice(BOXES)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
