"""One kind of entry for the options of every engine: its name, type, bounds, the release that brought it, and what it changes.

The table of an engine is the class `Options` in runtimes/<engine>/options.py: one line is one option. Everything else comes from the line: what is
refused and with which sentence, "did you mean", docs/cli.md, and the flags that `launch` writes.

To add an option:

1. Add its line to the engine's class, under the engine's own name for it. `int`, `float` (a share), `bool`, `Version`, `str` and `Literal` of words
   or numbers are the types; `| None` where the engine decides by itself when nobody says:

       max_loras: int | None = option(None, "adapters that are held at once", least=1, most=1024, since="0.4")

2. Read it where memory or speed depends on it: `read(Options, work.options).max_loras` (given.py), which is in bounds and of its type.
3. `launch` writes it as `--max-loras N`. Say `flag=False` where the plan writes it already, or where it is no flag of the server.
4. `python tools/docs.py` brings docs/cli.md up to date. tests/runtimes/test_options.py tries every line of every table by itself.

`since` and `until` are the first and the last release that has the option, as text; a plan for another release (`-o version=0.9.2`) refuses it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from math import inf
from typing import Annotated, Any, ClassVar, Literal, dataclass_transform, get_args, get_origin, get_type_hints

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import MOST_SEQUENCES
from qwenpick.values import dataclass
from qwenpick.work.placement import Cut

MOST_GPUS = 1024

Version = Annotated[str, "version"]  # 0.26, 0.11.0rc2.dev449+g134f, b11434
Word = Annotated[str, "word"]  # one line, nothing that steers a terminal
Kind = Literal["number", "share", "switch", "version", "word", "choice"]
_KINDS: dict[Any, Kind] = {int: "number", float: "share", bool: "switch", Version: "version", Word: "word"}
_VERSION = r"[bv]?[0-9]{1,6}(\.[0-9]{1,6}){0,3}((a|b|rc|[.]?dev|[.]?post|[+-])[.+0-9A-Za-z-]{0,40})?"
_WORD = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}"


def option(
    default: Any,
    changes: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    since: str | None = None,
    until: str | None = None,
    aliases: tuple[str, ...] = (),
    opposite: str | None = None,
    flag: bool = True,
) -> Any:
    """One line of a table. `changes` says what it changes; the value lies from `least` (or above `above`) to `most`.

    `aliases` are other spellings of the engine's own; `opposite` is the spelling that says no (`no_mmap`); without `flag`, `launch` does not hand it
    on as it was given.
    """
    line = {
        "least": least if above is None else above,
        "most": most,
        "changes": changes,
        "since": since,
        "until": until,
    }
    return dataclasses.field(default=default, metadata={**line, "aliases": aliases, "opposite": opposite, "flag": flag})


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line of a table says. `choices` are the words or numbers of a choice, () otherwise."""

    name: str
    kind: Kind
    least: float | None
    most: float | None
    choices: tuple[Any, ...]
    default: Any
    changes: str
    since: str | None
    until: str | None
    aliases: tuple[str, ...]
    opposite: str | None
    flag: bool

    def takes(self, value: object) -> bool:
        """Whether it may be said to be this: of its type, and in its bounds."""
        match self.kind:
            case "switch":
                return isinstance(value, bool)
            case "version" | "word":
                pattern = _VERSION if self.kind == "version" else _WORD
                return isinstance(value, str) and re.fullmatch(pattern, value) is not None
            case "choice":
                return any(type(value) is type(one) and value == one for one in self.choices)
            case "share":
                return isinstance(value, float) and (self.least or 0) < value <= (self.most or 1)
            case "number":
                least, most = (-inf if self.least is None else self.least), (inf if self.most is None else self.most)
                return type(value) is int and least <= value <= most

    @property
    def accepts(self) -> str:
        """What may stand behind the name, in words."""
        match self.kind:
            case "switch":
                return _("on or off")
            case "version":
                return _("a release, as text, like {example}", example='"0.26"')
            case "word":
                return _("one line of text")
            case "choice":
                return _("one of {known}", known=", ".join(map(str, self.choices)))
            case "share":
                return _("a share above {least:g} and up to {most:g}", least=self.least or 0, most=self.most or 1)
            case "number":
                return _(
                    "a whole number from {least:,} to {most:,}", least=int(self.least or 0), most=int(self.most or 0)
                )


@dataclass_transform(eq_default=False, kw_only_default=True, frozen_default=True)
@dataclass(frozen=True, eq=False, kw_only=True)
class EngineOptions(metaclass=type):  # noqa: UP050 - for mypy, to know that its classes can be hashed
    """What was said of an engine's options; the table of each engine derives from it. Values are of their types and in bounds (`given.read`)."""

    TITLE: ClassVar[str]
    RELEASE: ClassVar[str]  # the release that is planned for where none is said
    ELSEWHERE: ClassVar[Mapping[str, str]] = {}  # names of the engine that qwenpick says in another way -> that way

    LISTED: ClassVar[frozenset[str]] = frozenset()  # words that are numbers parted by commas: one is a number
    SUFFIXED: ClassVar[frozenset[str]] = frozenset()  # numbers with a suffix: 8k is 8,000, 8K is 8,192

    named: frozenset[str] = frozenset()  # the options that were said; the others are at their defaults

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, eq=False, kw_only=True)(cls)

    @property
    def said(self) -> dict[str, Any]:
        """What was said, by option, in the order of the table."""
        return {entry.name: getattr(self, entry.name) for entry in entries(type(self)) if entry.name in self.named}

    @property
    def said_release(self) -> str | None:
        """The release that was named with `version`; None where none was, or the engine's table has no such option."""
        return getattr(self, "version", None)

    @property
    def release(self) -> tuple[int, ...]:
        """The release that is planned for, as numbers that compare: (0, 26)."""
        return numbers(self.said_release or self.RELEASE)

    # What every engine's options may say of speed and of the GPUs that are asked for; a table that has such options says so in its own class.

    @property
    def drafts(self) -> int:
        """Tokens that the model's MTP block proposes a step."""
        return 0

    @property
    def chunk(self) -> int | None:
        """Prompt tokens that pass at once; None for the engine's default."""
        return None

    @property
    def eager(self) -> bool:
        """Whether it runs without captured graphs."""
        return False

    @property
    def backend(self) -> str:
        """The device that the engine was told to use, by its own name (Vulkan0); '' where none was."""
        return ""

    @property
    def llama_build(self) -> int | None:
        """llama.cpp's build, where it was named."""
        return None

    @property
    def every_cache_kernel(self) -> bool:
        """Whether llama.cpp was built with attention kernels for every pair of cache types."""
        return False

    @property
    def generation(self) -> str:
        """What tells an old design of the engine, whose speeds are its own, from the present one; '' for the present one."""
        return ""

    @property
    def parallel(self) -> Cut | None:
        """How it was asked to be cut over GPUs; None where nobody said."""
        return None


def spelled(name: object) -> str:
    """An option's name as tables have it.

    >>> spelled("--max-num-seqs")
    'max_num_seqs'
    """
    return str(name).strip().lstrip("-").replace("-", "_")


def layer_counts(title: str, text: str | None) -> tuple[int, ...] | None:
    """`13,20,12` as counts of layers. Raises QwenpickError for anything else."""
    counts = _numbers(text, MOST_GPUS)
    if text is not None and not counts:
        raise QwenpickError(
            _("{title}'s layers of each stage are numbers parted by commas, not '{text}'", title=title, text=text)
        )
    return counts


def batch_sizes(title: str, text: str | None) -> tuple[int, ...] | None:
    """`1,2,4,8` as sizes of batches. Raises QwenpickError for anything else."""
    sizes = _numbers(text, MOST_SEQUENCES)
    if text is not None and not sizes:
        raise QwenpickError(
            _("{title}'s captured batches are numbers parted by commas, not '{text}'", title=title, text=text)
        )
    return sizes


def _numbers(text: str | None, most: int) -> tuple[int, ...] | None:
    """Numbers from 1 to `most`, parted by commas or blanks, in brackets or not; None for no text and for anything else."""
    words = (text or "").strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
    good = words and all(one.isascii() and one.isdigit() and len(one) < 10 and 0 < int(one) <= most for one in words)
    return tuple(map(int, words)) if good else None


def drafter(gb: float | None, layers: int, name: str, tokens: int) -> tuple[int, int]:
    """(bytes, layers) of a draft model of its own. Raises QwenpickError where its size, or how many tokens it drafts (`name`), was not said."""
    if gb is None:
        raise QwenpickError(_("a draft model of its own takes memory: give draft_gb, the size of its files"))
    if not tokens:
        raise QwenpickError(_("a draft model of its own drafts nothing without {name}", name=name))
    return int(gb * 10**9), layers


def json_object(title: str, name: str, text: str | None) -> dict[str, object]:
    """An option that engines take as JSON; {} where nobody said. Raises QwenpickError for anything that is no object."""
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise QwenpickError(
            _("{title} reads {name} as JSON, like '{{\"image\": 1}}', not '{text}'", title=title, name=name, text=text)
        )
    return found


def counted(title: str, name: str, text: str | None) -> dict[str, dict[str, int]]:
    """Counts by name, with what else stands beside them: `{"image": 2}`, `{"image": {"count": 2, "width": 512}}`, and `image=2,video=0` as once.

    {} where nobody said. Raises QwenpickError for anything else.
    """
    if text and re.fullmatch(r"[a-z]+=[0-9]{1,6}(,[a-z]+=[0-9]{1,6})*", text):
        return {key: {"count": int(value)} for key, _equals, value in (one.partition("=") for one in text.split(","))}
    found = dict[str, dict[str, int]]()
    for key, value in json_object(title, name, text).items():
        inner: dict[str, Any] = value if isinstance(value, dict) else {"count": value}
        if any(not isinstance(one, int) or one < 0 for one in inner.values()):
            raise QwenpickError(
                _(
                    "{title}'s {name} has whole numbers, like '{{\"image\": 1}}', not '{text}'",
                    title=title,
                    name=name,
                    text=text,
                )
            )
        found[key] = inner
    return found


@lru_cache(maxsize=512)
def numbers(version: str) -> tuple[int, ...]:
    """A release as numbers that compare.

    >>> numbers("0.11.0rc2"), numbers("b11434")
    ((0, 11, 0), (11434, 0))
    """
    found = re.match(r"[bv]?(\d{1,6}(?:\.\d{1,6})*)", version, re.ASCII)
    return (*map(int, found[1].split(".")), 0)[: max(2, found[1].count(".") + 1)] if found else ()


@cache
def entries(table: type[EngineOptions]) -> tuple[Entry, ...]:
    """The lines of a table, in its order."""
    return tuple(_entries(table))


def _entries(table: type[EngineOptions]) -> Iterator[Entry]:
    types = get_type_hints(table, include_extras=True)
    for line in dataclasses.fields(table):
        if not line.metadata:
            continue
        alternatives = get_args(types[line.name])
        plain = alternatives[0] if type(None) in alternatives else types[line.name]  # of `T | None`: T
        choices = get_args(plain) if get_origin(plain) is Literal else ()
        kind = "choice" if choices else _KINDS[plain]
        yield Entry(name=line.name, kind=kind, choices=choices, default=line.default, **line.metadata)
