"""What was given of an engine's options, read by its table: text as its types, aliases as names, nonsense refused with the range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TypeVar

from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import _
from qwenpick.runtimes.option import EngineOptions, Entry, entries, numbers, spelled
from qwenpick.units import MOST_TOKENS

_YES, _NO = frozenset({"true", "yes", "on", "1", ""}), frozenset({"false", "no", "off", "0"})
Table = TypeVar("Table", bound=EngineOptions)


class OptionError(QwenpickError):
    """An option that an engine does not take. `closeness` ranks what several engines say: 2 has the option, 1 one of nearly that name, 0 neither."""

    def __init__(self, message: str, closeness: int = 2) -> None:
        super().__init__(message)
        self.closeness = closeness


def read(table: type[Table], given: Mapping[str, object]) -> Table:
    """The options of a workload. Raises OptionError for a name that the table lacks, a value that it does not take, or a release without it."""
    if not given:
        nothing: Table = _nothing_said(table)
        return nothing
    said = tuple(
        (str(name), type(value), value if isinstance(value, str | int | float) else (shown(value),))
        for name, value in given.items()
    )
    found: Table = _read(table, said)
    return found


def flags(options: EngineOptions) -> list[str]:
    """What was said, as the flags of the server: `--block-size 32 --enforce-eager`; no is the flag's opposite, where it has one."""
    found: list[str] = []
    for entry in entries(type(options)):
        if not entry.flag or entry.name not in options.named:
            continue
        value = getattr(options, entry.name)
        flag = "--" + entry.name.replace("_", "-")
        if value is True:
            found.append(flag)
        elif value is False:
            found += ["--" + entry.opposite.replace("_", "-")] if entry.opposite else []
        elif value is not None:
            found += [flag, str(value)]
    return found


@cache
def _spellings(table: type[EngineOptions]) -> Mapping[str, tuple[Entry, bool]]:
    """(entry, whether it means the value itself or its opposite) by every spelling."""
    found: dict[str, tuple[Entry, bool]] = {}
    for entry in entries(table):
        found |= dict.fromkeys((entry.name, *entry.aliases), (entry, True))
        if entry.opposite:
            found[entry.opposite] = (entry, False)
    return found


def name_of(table: type[EngineOptions], said: str) -> str:
    """The engine's own name of an option that its table takes."""
    return _spellings(table)[spelled(said)][0].name


# Settings of servers and of their answers, which people know and which change no memory: by llama.cpp's, Ollama's, vLLM's and SGLang's names
_AS_IT_IS = frozenset(
    "threads t threads_batch tb num_thread numa mlock host port api_key jinja chat_template chat_template_kwargs reasoning_budget"
    " reasoning_format temp temperature top_k top_p min_p presence_penalty repeat_penalty seed n_predict num_predict keep_alive"
    " cont_batching log_file verbose alias metrics served_model_name trust_remote_code tool_call_parser reasoning_parser"
    " enable_auto_tool_choice download_dir hf_token enable_sleep_mode swap_space async_scheduling enable_memory_saver".split()
)


@cache
def _nothing_said(table: type[Table]) -> Table:
    return table()


@lru_cache(maxsize=1024)
def _read(table: type[Table], given: tuple[tuple[str, type, object], ...]) -> Table:
    spellings, found = _spellings(table), dict[str, object]()
    values: dict[str, object] = {}
    for said, _kind, value in given:
        name = spelled(said)
        if name in table.ELSEWHERE:
            raise OptionError(
                _("'{given}' is not an option here: {instead}", given=shown(said), instead=_(table.ELSEWHERE[name]))
            )
        if name not in spellings and name.casefold() in _AS_IT_IS:
            raise OptionError(
                _(
                    "'{name}' decides nothing that is planned here: add it to the command that launch prints",
                    name=shown(said),
                )
            )
        if name not in spellings:
            near = did_you_mean(name, spellings)
            known = "" if near else _(" (known: {known})", known=", ".join(entry.name for entry in entries(table)))
            raise OptionError(
                _(
                    "{title} has no option '{name}' here{near}{known}",
                    title=table.TITLE,
                    name=shown(said),
                    near=near,
                    known=known,
                ),
                1 if near else 0,
            )
        entry, straight = spellings[name]
        if entry.name in found:
            raise OptionError(_("option '{name}' of {title} is given twice", name=entry.name, title=table.TITLE))
        whole = _suffixed(value) if entry.name in table.SUFFIXED and isinstance(value, str) else None
        one = str(value) if entry.name in table.LISTED and type(value) is int and value < MOST_TOKENS else value
        values[entry.name], typed = value, _typed(entry, one) if whole is None else whole
        found[entry.name] = typed if straight or not isinstance(typed, bool) else not typed
    for entry in entries(table):
        if entry.name in found and not entry.takes(found[entry.name]):
            raise OptionError(_refused(table, entry, values[entry.name]))
    options = table(**found, named=frozenset(found))
    _refuse_other_release(options)
    return options


def _typed(entry: Entry, value: object) -> object:
    """Text as the type that the option has, where it reads as one; anything else as it is, to be refused."""
    if entry.kind == "switch" and isinstance(value, str | int):
        word = shown(value).casefold()
        if word == "auto" and entry.default is not None:
            return entry.default
        return True if word in _YES else False if word in _NO else value
    if entry.kind == "share" and type(value) is int and abs(value) <= MOST_TOKENS:
        return float(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    number = entry.kind == "number" or (entry.kind == "choice" and all(isinstance(one, int) for one in entry.choices))
    if number and re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    if (
        entry.kind == "share"
        and re.fullmatch(r"[+-]?\d{0,18}\.?\d{0,18}", text, re.ASCII)
        and any(map(str.isdigit, text))
    ):
        return float(text)
    return next((choice for choice in entry.choices if choice == text.casefold()), text)


def _suffixed(text: str) -> int | None:
    """A number with a suffix as vLLM reads it (utils/argparse_utils.py human_readable_int): thousands in small letters, 1,024 in large ones."""
    if text.strip().casefold() == "auto":
        return -1
    if not (match := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([kmgtKMGT])", text.strip(), re.ASCII)):
        return None
    number, power = match[1], "kmgt".index(match[2].casefold()) + 1
    if match[2].isupper():
        return None if "." in number else int(number) * 1024**power
    return int(float(number) * 1000**power)


def _refused(table: type[EngineOptions], entry: Entry, value: object) -> str:
    near = did_you_mean(shown(value), map(str, entry.choices)) if entry.kind == "choice" else ""
    return _(
        "{title}'s {name} is {accepts}, not '{value}'{near}",
        title=table.TITLE, name=entry.name, accepts=entry.accepts, value=shown(value[0] if isinstance(value, tuple) else value), near=near,
    )  # fmt: skip


def _refuse_other_release(options: EngineOptions) -> None:
    """Raises OptionError where the release that is planned for does not have an option."""
    version = options.said_release or options.RELEASE
    for entry in entries(type(options)):
        if entry.name not in options.named:
            continue
        if entry.since and options.release < numbers(entry.since):
            raise OptionError(
                _(
                    "{title} {version} has no {name}: it came with {since}",
                    title=options.TITLE,
                    version=version,
                    name=entry.name,
                    since=entry.since,
                )
            )
        if entry.until and options.release[: len(numbers(entry.until))] > numbers(entry.until):
            raise OptionError(
                _(
                    "{title} {version} has no {name}: {until} was the last with it",
                    title=options.TITLE,
                    version=version,
                    name=entry.name,
                    until=entry.until,
                )
            )
