"""Every line of every engine's table of options: what it takes, what it refuses and with which sentence, and that something depends on it."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest

import qwenpick
from qwenpick.errors import QwenpickError
from qwenpick.runtimes import RUNTIMES, options_of
from qwenpick.runtimes.given import flags, read
from qwenpick.runtimes.option import EngineOptions, Entry, Version, entries, numbers, option

TABLES: dict[str, type[EngineOptions]] = {
    name: import_module(f"qwenpick.runtimes.{name}.options").Options for name in RUNTIMES
}
LINES = [
    pytest.param(engine, entry, id=f"{engine}-{entry.name}")
    for engine, table in TABLES.items()
    for entry in entries(table)
]
# what no option takes, whatever its kind
NONSENSE: list[object] = [
    float("nan"),
    float("inf"),
    [],
    {},
    (1, 2),
    b"1",
    object(),
    0.5j,
    "a\nb",
    "\x1b[31m",
    "true\0",
    "x" * 5000,
]
NO_NUMBER: list[object] = [
    "nan",
    "1e999",
    "-1e5",
    "",
    " ",
    "٣",
    "1_000",
    "0x10",
    "1.5.2",
    -(2**63),
    2**64,
    10**6000,
    "9" * 400,
    True,
    "many",
]
SOURCE = Path(qwenpick.__file__).parent


def inside(entry: Entry) -> list[object]:
    """Values that the option takes: the ends of its range, or its words, as values and as text."""
    match entry.kind:
        case "number" | "share":
            least = entry.least if entry.kind == "number" else 0.001
            return [least, entry.most, str(least), str(entry.most)]
        case "switch":
            return [True, False, "on", "OFF", 1, "no"]
        case "choice":
            return [*entry.choices, *map(str, entry.choices)]
        case "version":
            return ["0.26", "0.11.0rc2.dev449+g134f", "1.0"]
        case "word":
            return ["fp8", "Vulkan0"]


@cache
def words_after(before: str, *, tables: bool) -> set[str]:
    """The words that the source says after `before`: that of the engines' tables of options, or all the rest."""
    own = {SOURCE / "runtimes" / name / "options.py" for name in RUNTIMES}
    paths = own if tables else set(SOURCE.rglob("*.py")) - own
    return {word for path in paths for word in re.findall(rf"{before}(\w+)", path.read_text(encoding="utf-8"))}


def outside(entry: Entry) -> list[object]:
    """Values that it does not take."""
    match entry.kind:
        case "number":
            assert entry.least is not None and entry.most is not None
            return [*NONSENSE, *NO_NUMBER, int(entry.least) - 1, int(entry.most) + 1, 1.5, "1.5"]
        case "share":
            return [*NONSENSE, *NO_NUMBER, 0, -0.5, (entry.most or 1) + 0.01, "half", "0"]
        case "switch":
            return [*NONSENSE, 2, -1, "maybe", 0.5, 10**6000]
        case "choice":
            return [*NONSENSE, *NO_NUMBER, "none of them", 0, 1000]
        case "version":
            return [*NONSENSE, 0.26, 1, True, "new", "a.b", "1..2", "", 10**6000]
        case "word":
            return [*NONSENSE, *([] if entry.name == "cudagraph_capture_sizes" else [1]), True, "", 10**6000]


@pytest.mark.parametrize(("engine", "entry"), LINES)
def test_what_lies_in_the_range_is_taken_by_every_spelling(engine: str, entry: Entry) -> None:
    for value in inside(entry):
        found = {
            getattr(options_of(engine, {name: value}), entry.name)
            for name in (entry.name, f"--{entry.name.replace('_', '-')}", *entry.aliases)
        }
        assert len(found) == 1, value
        assert type(found.pop()) in (int, float, bool, str)


@pytest.mark.parametrize(("engine", "entry"), LINES)
def test_nonsense_is_refused_in_one_sentence_with_the_range(engine: str, entry: Entry) -> None:
    for value in outside(entry):
        with pytest.raises(QwenpickError) as refused:
            options_of(engine, {entry.name: value})
        said = str(refused.value)
        assert f"{TABLES[engine].TITLE}'s {entry.name} is {entry.accepts}, not '" in said, value
        assert len(said) < 400 and said.isprintable(), said


@pytest.mark.parametrize(("engine", "entry"), LINES)
def test_something_depends_on_every_option(engine: str, entry: Entry) -> None:
    speed = entry.name in words_after(r"\bself\.", tables=True)
    release = entry.kind == "version"  # read as `release`
    assert entry.name in words_after(r"\.", tables=False) or speed or release, "an option that is taken and ignored"


@pytest.mark.parametrize("engine", RUNTIMES)
def test_a_wrong_name_is_told_the_nearest_and_an_absurd_one_what_there_is(engine: str) -> None:
    name = entries(TABLES[engine])[1].name
    with pytest.raises(QwenpickError, match=rf"did you mean {name}\?"):
        options_of(engine, {name + "x": 1})
    with pytest.raises(QwenpickError, match=r"\(known: "):
        options_of(engine, {"§" * 3: 1})
    with pytest.raises(QwenpickError) as refused:
        options_of(engine, {"\x1b[2J" + "y" * 100_000: 1})
    assert len(str(refused.value)) < 1000 and str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("engine", "name", "said"),
    [
        ("llamacpp", "ctk", "--kv-cache"),  # not "did you mean ctkd?"
        ("llamacpp", "--cache-type-v", "--kv-cache"),
        ("ollama", "kv_cache_type", "--kv-cache"),
        ("ollama", "num_parallel", "sequences"),
        ("llamacpp", "port", "add it to the command"),  # not "did you mean ot?"
        ("llamacpp", "-t", "add it to the command"),
        ("ollama", "keep_alive", "add it to the command"),
        ("vllm", "served-model-name", "add it to the command"),
    ],
)
def test_a_setting_that_people_know_is_answered_with_where_it_goes(engine: str, name: str, said: str) -> None:
    with pytest.raises(QwenpickError) as refused:
        options_of(engine, {name: "1"})
    assert said in str(refused.value) and "did you mean" not in str(refused.value)


def test_an_option_that_is_given_twice_is_refused() -> None:
    with pytest.raises(QwenpickError, match=r"n_ubatch. of llama\.cpp is given twice"):
        options_of("llamacpp", {"ub": 512, "n_ubatch": 1024})


def test_no_is_the_opposite_of_the_word() -> None:
    assert options_of("llamacpp", {"no_mmap": True}).mmap is False  # type: ignore[attr-defined]
    assert options_of("llamacpp", {"no-mmap": "off"}).mmap is True  # type: ignore[attr-defined]


def test_flags_are_what_was_said_and_not_what_the_plan_writes() -> None:
    said = options_of(
        "vllm",
        {"block_size": 32, "enforce_eager": True, "enable_prefix_caching": False, "max_num_seqs": 8, "version": "0.26"},
    )
    assert flags(said) == ["--enforce-eager", "--block-size", "32", "--no-enable-prefix-caching"]
    assert flags(options_of("vllm", {})) == []


def test_releases_compare_as_numbers() -> None:
    assert numbers("0.9.2") < numbers("0.10") < numbers("0.10.1")
    assert numbers("b11434") > numbers("b9999")


def test_a_release_without_an_option_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Table(EngineOptions):
        TITLE: ClassVar[str] = "X"
        RELEASE: ClassVar[str] = "2.0"
        version: Version | None = option(None, "the release", flag=False)
        young: int | None = option(None, "young", least=1, most=2, since="1.5")
        gone: int | None = option(None, "gone", least=1, most=2, until="1.9")

    assert read(Table, {"young": 1}).young == 1
    with pytest.raises(QwenpickError, match=r"X 1.4.9 has no young: it came with 1.5"):
        read(Table, {"young": 1, "version": "1.4.9"})
    assert read(Table, {"gone": 1, "version": "1.9.3"}).gone == 1
    with pytest.raises(QwenpickError, match=r"X 2.0 has no gone: 1.9 was the last with it"):
        read(Table, {"gone": 1})
