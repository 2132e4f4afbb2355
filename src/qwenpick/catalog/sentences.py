"""A pydantic error in words: the field, what stands there, what it must be, what was probably meant."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from qwenpick.errors import did_you_mean
from qwenpick.i18n import mark, say

_PATTERNS = {
    "id": mark("lower-case letters, digits, dots, plus and hyphens"),
    "pci_ids": mark("vendor:device such as 10de:2684"),
    "date": mark("a date such as 2026-11-23"),
}
_TAGS = {
    "full_attention",
    "sliding_attention",
    "linear_attention",
    "dense",
    "moe",
}  # pydantic puts them into a location
_KINDS_OF_VALUE = {"int": mark("a whole number"), "float": mark("a number"), "bool": mark("true or false")}


def sentence(root: type[BaseModel], fault: dict[str, Any]) -> str:
    """A pydantic error in words: the field, what it must be, what stands there."""
    path = [part for part in fault["loc"] if part not in _TAGS]
    name = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in path)
    context, given = fault.get("ctx", {}), fault.get("input")
    match str(fault["type"]):
        case "extra_forbidden":
            near = did_you_mean(str(path[-1]), _fields(root, fault["loc"]))
            return say("unknown field '{name}'{near}", name=name, near=near or say("; remove it or correct its name"))
        case "missing":
            return say("field '{name}' is missing; add it", name=name)
        case "literal_error":
            expected = re.findall(r"'([^']+)'", context["expected"])
            return say(
                "'{name}' is {given!r}{near} it can be {expected}",
                name=name,
                given=given,
                near=did_you_mean(str(given), expected) or ";",
                expected=", ".join(expected),
            )
        case "string_pattern_mismatch":
            like = say(_PATTERNS["id" if path[-1] == "id" else "pci_ids" if "pci_ids" in path else "date"])
            return say("'{name}' is {given!r}; write {like}", name=name, given=given, like=like)
        case "string_type":
            return say("'{name}' must be text; put {given!r} in quotes", name=name, given=given)
        case "union_tag_not_found" | "union_tag_invalid":
            return say(
                "'{name}.kind' must be one of {found}",
                name=name,
                found=context.get("expected_tags") or ", ".join(sorted(_TAGS)),
            )
        case "greater_than" | "greater_than_equal":
            least = say("more than") if fault["type"] == "greater_than" else say("at least")
            return say(
                "'{name}' must be {least} {limit}, not {given!r}",
                name=name,
                least=least,
                limit=next(iter(context.values())),
                given=given,
            )
        case "too_short":
            return say("'{name}' is empty; it needs at least {context}", name=name, context=context["min_length"])
        case kind if kind.startswith(tuple(_KINDS_OF_VALUE)):
            return say(
                "'{name}' must be {wanted}, not {given!r}",
                name=name,
                wanted=say(_KINDS_OF_VALUE[kind.split("_")[0]]),
                given=given,
            )
        case kind if kind.startswith(("tuple", "list")):
            return say("'{name}' must be a list, not {given!r}; write [{given}]", name=name, given=given)
        case kind if kind.startswith(("dict", "model")):
            return say("'{name}' must be a mapping of fields, not {given!r}", name=name, given=given)
        case _:
            return f"'{name}': {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _fields(root: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The fields that the record holding the last part of a location may have."""
    schema = root.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: Any) -> Any:
        options = [node, *node.get("anyOf", ())]
        option = next((o for o in options if "$ref" in o or "items" in o), node)
        return definitions[option["$ref"].rsplit("/", 1)[-1]] if "$ref" in option else option

    here: Any = schema
    for part in location[:-1]:
        if part in _TAGS:
            here = next(d for d in definitions.values() if d["properties"].get("kind", {}).get("const") == part)
        else:
            here = resolved(
                here.get("items", {}) if isinstance(part, int) else here.get("properties", {}).get(part, {})
            )
    return list(here.get("properties", {}))
