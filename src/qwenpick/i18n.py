"""The language that a person reads: English is in the code, other languages are looked up by the English sentence.

`_` says a sentence. What is kept as a value and told later (a constant, what a probe noted of a machine, which a file may bring back) is
written in English with `N_` and told with `retell`, so that machine files and comparisons are the same in every language. The catalogues are
locale/<language>/LC_MESSAGES/qwenpick.po and, compiled and committed beside it so that every kind of install has it, qwenpick.mo;
`python tools/messages.py` keeps both. English looks nothing up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, reduce
from pathlib import Path

DOMAIN, LOCALE = "qwenpick", Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh")
_NAMES = {"en": "en", "zh": "zh", "zh-cn": "zh", "zh-hans": "zh", "zh-hans-cn": "zh"}  # folded, '_' as '-'
_ENGLISH = "en"
LONGEST_NOTE = 1000  # characters: a longer text in a machine's file is nothing that we noted
_active = _ENGLISH
_was_typed = False
_look_up: Callable[[str], str] | None = None


def _(template: str, /, **values: object) -> str:
    """The template in the active language, with the values in their places (str.format; without values it is taken as it is).

    >>> _("{spare} to spare on {name}", spare="2.0 GiB", name="gpu0")
    '2.0 GiB to spare on gpu0'
    """
    text = _look_up(template) if _look_up and template else template
    return text.format(**values) if values else text


def N_(template: str, /, **values: object) -> str:  # noqa: N802  (gettext's name)
    """The sentence in English: what is kept as a value (a constant, what a probe noted, a machine's file) and told to the reader with `retell`."""
    return template.format(**values) if values else template


def listed(words: Iterable[str]) -> str:
    """Things one after the other, with the comma that lists have in the language: `text, image`, or 文本、图片."""
    said = list(words)
    return reduce(lambda before, word: _("{before}, {word}", before=before, word=word), said) if said else ""


def retell(text: str) -> str:
    """A sentence that `N_` wrote, in the active language, with what stands in its places retold too; a text of other making stays as it is."""
    if _look_up is None or not text or len(text) > LONGEST_NOTE:
        return text
    said = _look_up(text)
    if said != text:
        return said
    for template, pieces, pattern in _patterns(_active):
        if all(piece in text for piece in pieces) and (found := pattern.fullmatch(text)):
            return _(template).format(**{name: _Retold(retell(value)) for name, value in found.groupdict().items()})
    return text


class _Retold(str):
    """A value that was formatted when the sentence was written: a format given to it again changes nothing."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return str(self)


@cache
def _patterns(active: str) -> tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...]:
    """(template, its words between the places, the pattern of a sentence made of it), the wordiest first."""
    import gettext
    from string import Formatter

    known = gettext.translation(DOMAIN, LOCALE, [active])._catalog  # type: ignore[attr-defined]
    found = []
    for template in filter(None, known):
        pieces = [(piece, name) for piece, name, _unused, _unused in Formatter().parse(template)]
        words = "".join(piece for piece, _unused in pieces)
        if any(name for _unused, name in pieces) and any(char.isalpha() for char in words):
            seen, pattern = set[str](), ""
            for piece, name in pieces:
                place = "" if name is None else f"(?P={name})" if name in seen else f"(?P<{name}>.*)"
                pattern += re.escape(piece) + place
                seen.add(name or "")
            found.append(
                (-len(words), template, tuple(piece for piece, _unused in pieces), re.compile(pattern, re.DOTALL))
            )
    return tuple(entry[1:] for entry in sorted(found, key=lambda entry: entry[:2]))


def is_known(name: str) -> bool:
    """Whether a name (zh, zh_CN.UTF-8, en) is of a language that there is."""
    return _folded(name) in _NAMES


def _folded(name: str) -> str:
    return name.partition(".")[0].replace("_", "-").casefold()


def language() -> str:
    """The active language: en or zh."""
    return _active


def typed_language() -> list[str]:
    """The words that answer the next command in this language too, where only this command line chose it."""
    return ["--lang", _active] if _was_typed and _active != _ENGLISH else []


def command_line(words: Iterable[str]) -> str:
    """A command of ours as it is typed, whole, so that it is answered in this language too."""
    import shlex

    return shlex.join(["qwenpick", *words, *typed_language()])


def use(name: str, typed: bool = False) -> bool:
    """Say everything from here on in this language (zh, zh-CN, zh_CN.UTF-8, en), which was `typed` or is set for every command.

    False, and nothing changes, for one that is not known.
    """
    global _active, _look_up, _was_typed
    found = _NAMES.get(_folded(name))
    if not found:
        return False
    if found != _ENGLISH:
        import gettext

        _look_up = gettext.translation(DOMAIN, LOCALE, [found]).gettext
    else:
        _look_up = None
    _active, _was_typed = found, typed
    return True


def chosen(arguments: list[str], default: str | None) -> tuple[str, list[str]]:
    """(the language that `--lang NAME` names wherever it stands, else `default`, else English; the arguments without it).

    >>> chosen(["fit", "qwen3-8b", "--lang=zh"], None)
    ('zh', ['fit', 'qwen3-8b'])
    """
    name, kept = default or _ENGLISH, list[str]()
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option != "--lang":
            kept.append(word)
        elif equals:
            name = value
        else:
            name = next(words, "")
    return name, kept
