"""Where in a YAML file something stands, and how it is written there."""

from __future__ import annotations

import yaml

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _


def refuse(root: yaml.Node | None, name: str) -> None:
    """Raises QwenpickError for a key that appears twice (YAML would take the last), and for one that is no word."""
    stack = [root] if root else []
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                where = f"{name}:{key.start_mark.line + 1}"
                if not isinstance(key, yaml.ScalarNode):
                    raise QwenpickError(_("{where}: a key is a word, not a list or a mapping", where=where))
                if key.value in keys:
                    raise QwenpickError(_("{where}: '{value}' appears twice", where=where, value=shown(key.value)))
                keys.add(key.value)
                stack.append(value)
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def line_of(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """The line (from 1) on which a place of the file begins; that of the nearest part around it where there is none."""
    found = node
    line = (node.start_mark.line + 1) if node else 1
    for step in place:
        found = child(found, step)
        if found is None:
            break
        line = found.start_mark.line + 1
    return line


def written(node: yaml.Node | None, place: tuple[int | str, ...]) -> str | None:
    """A plain value as it is written: the release 0.10 is no number, which would be 0.1."""
    found = node
    for step in place[:-1]:
        found = child(found, step)
    pairs = found.value if isinstance(found, yaml.MappingNode) else ()
    return next(
        (str(value.value) for key, value in pairs if key.value == place[-1] and isinstance(value, yaml.ScalarNode)),
        None,
    )


def child(node: yaml.Node | None, step: int | str) -> yaml.Node | None:
    """The value under a key or index; for a plain value its key, which stands on the same line even where the value is folded."""
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
        found = next(((key, value) for key, value in pairs if str(key.value) == step), None)
        return None if found is None else found[1] if isinstance(found[1], yaml.CollectionNode) else found[0]
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child: yaml.Node = node.value[step]
        return child
    return None
