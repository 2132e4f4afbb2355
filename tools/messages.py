"""The message catalogues: `python tools/messages.py` reads every sentence of the source, updates each qwenpick.po, compiles it to the qwenpick.mo
beside it and says what wants a translation there; `--check` says what is missing, stale, fuzzy or has other placeholders than its English, and
changes nothing.

A sentence is: the first argument of `_` and `N_`, the name of a column or of a part of memory, the help of an option or argument, and the
docstring of a command.
"""

from __future__ import annotations

import ast
import gettext
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "qwenpick"
FILES = sorted((SOURCE / "locale").glob("*/LC_MESSAGES/qwenpick.po"))
SAID = {"_", "N_", "Column", "Part"}
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)  # a date of today would change the files every time


def sentences(nodes: list[ast.AST], path: Path) -> Iterator[str]:
    """The sentences of one file, in the order of its syntax tree."""
    command_line = bool({"cli", "mcp"} & set(path.parts))
    for node in nodes:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in SAID and node.args:
                yield from _text(node.args[0])
            if command_line:
                yield from (text for word in node.keywords if word.arg == "help" for text in _text(word.value))
        elif (
            command_line
            and isinstance(node, ast.FunctionDef)
            and (node.name == "command" or (node.decorator_list and "cli" in path.parts))
        ):
            yield ast.get_docstring(node) or ""


@cache
def read_source(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the sentences of one file that say something, its misfits), read once."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(filter(None, sentences(nodes, path))), tuple(misfits(nodes, path))


def misfits(nodes: list[ast.AST], path: Path) -> Iterator[str]:
    """Calls of `_` and `N_` whose values are not those that the template has places for, by file and line."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "N_"}:
            given = {word.arg for word in node.keywords}
            for text in _text(node.args[0]) if given and node.args else []:
                if given != {name for name, _, _ in places(text)}:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: other values than places: {text!r}"


def _text(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def template() -> Catalog:
    """Every sentence of the source, with the files that say it."""
    found = Catalog(project="qwenpick", creation_date=UNDATED, revision_date=UNDATED, fuzzy=False)
    for path in sorted(SOURCE.rglob("*.py")):
        for text in read_source(path)[0]:
            found.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return found


def read(path: Path) -> Catalog:
    """The catalogue of one language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name)


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def messages_of(content: bytes) -> dict[str, str]:
    """The messages of a compiled catalogue; its heading, where Babel writes its own version, left out."""
    found = dict(gettext.GNUTranslations(io.BytesIO(content))._catalog)  # type: ignore[attr-defined]
    found.pop("", None)
    return found


def update(path: Path) -> None:
    """Bring a catalogue to the sentences of the source, translations kept, and compile it."""
    catalog = read(path)
    catalog.update(template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = catalog.revision_date = UNDATED
    out = io.BytesIO()
    write_po(out, catalog, width=150, include_lineno=False, sort_by_file=True)
    _replace(path, out.getvalue())
    file, content = path.with_suffix(".mo"), compiled(read(path))
    if not file.exists() or messages_of(file.read_bytes()) != messages_of(content):
        _replace(file, content)


def _replace(path: Path, content: bytes) -> None:
    """Write at once: who runs qwenpick at the same time reads the old file or the new one."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_bytes(content)
    fresh.replace(path)


def problems(path: Path) -> list[str]:
    """What is wrong with a catalogue, a line each."""
    catalog, wanted = read(path), template()
    translated = {message.id: message for message in catalog if message.id}
    ids = {message.id for message in wanted if message.id}
    found = [f"missing: {text!r}" for text in sorted(ids - translated.keys())]
    found += [f"no longer said: {text!r}" for text in sorted(translated.keys() - ids)]
    for text, message in translated.items():
        if message.fuzzy or not message.string:
            found.append(f"not translated: {text!r}")
        elif places(text) != places(message.string):
            found.append(f"other placeholders: {text!r}: {message.string!r}")
        elif text[:1].isspace() != message.string[:1].isspace() and text[:1] == "\n":
            found.append(f"other line break at the start: {text!r}")
    compiled_file = path.with_suffix(".mo")
    if not compiled_file.exists() or messages_of(compiled_file.read_bytes()) != messages_of(compiled(catalog)):
        found.append(f"{compiled_file.name} is not what {path.name} compiles to")
    return found


def places(text: str) -> set[tuple[str, str | None, str | None]]:
    """The places of a template: (name, format, conversion). Text without a named place is taken as it is and has none."""
    try:
        return {(name, form, how) for _, name, form, how in Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def main() -> int:
    """Update, or check, every language."""
    if "--check" not in sys.argv[1:]:
        for path in FILES:
            update(path)
            for problem in problems(path):
                print(f"{path.relative_to(ROOT)}: {problem}")
        return 0
    found = [f"{path.relative_to(ROOT)}: {problem}" for path in FILES for problem in problems(path)]
    found += [problem for path in sorted(SOURCE.rglob("*.py")) for problem in read_source(path)[1]]
    print("\n".join(found) or f"{len(template())} messages, all translated")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
