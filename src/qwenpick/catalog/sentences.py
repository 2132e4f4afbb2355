"""A pydantic error in words: the field, what stands there, what it must be, what was probably meant."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from qwenpick.errors import did_you_mean
from qwenpick.i18n import N_, _

_PATTERNS = {
    "id": N_("lower-case letters, digits, dots, plus and hyphens"),
    "pci_ids": N_("vendor:device such as 10de:2684"),
    "date": N_("a date such as 2026-11-23"),
}
# pydantic puts them into a location
_TAGS = {"full_attention", "sliding_attention", "linear_attention", "dense", "moe"}
_KINDS_OF_VALUE = {"int": N_("a whole number"), "float": N_("a number"), "bool": N_("true or false")}


def sentence(root: type[BaseModel], fault: dict[str, Any]) -> str:
    """A pydantic error in words: the field, what it must be, what stands there."""
    path = [part for part in fault["loc"] if part not in _TAGS]
    name = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in path)
    context, given = fault.get("ctx", {}), fault.get("input")
    match str(fault["type"]):
        case "extra_forbidden":
            near = did_you_mean(str(path[-1]), _fields(root, fault["loc"]))
            return _("unknown field '{name}'{near}", name=name, near=near or _("; remove it or correct its name"))
        case "missing":
            return _("field '{name}' is missing; add it", name=name)
        case "literal_error":
            expected = re.findall(r"'([^']+)'", context["expected"])
            return _(
                "'{name}' is {given!r}{near} it can be {expected}",
                name=name,
                given=given,
                near=did_you_mean(str(given), expected) or ";",
                expected=", ".join(expected),
            )
        case "string_pattern_mismatch":
            like = _(_PATTERNS["id" if path[-1] == "id" else "pci_ids" if "pci_ids" in path else "date"])
            return _("'{name}' is {given!r}; write {like}", name=name, given=given, like=like)
        case "string_type":
            return _("'{name}' must be text; put {given!r} in quotes", name=name, given=given)
        case "union_tag_not_found" | "union_tag_invalid":
            return _(
                "'{name}.kind' must be one of {found}",
                name=name,
                found=context.get("expected_tags") or ", ".join(sorted(_TAGS)),
            )
        case "greater_than" | "greater_than_equal":
            least = _("more than") if fault["type"] == "greater_than" else _("at least")
            limit = next(iter(context.values()))
            return _(
                "'{name}' must be {least} {limit}, not {given!r}",
                name=name,
                least=least,
                limit=f"{limit:,.0f}" if limit >= 1000 else limit,
                given=given,
            )
        case "too_short":
            return _("'{name}' is empty; it needs at least {context}", name=name, context=context["min_length"])
        case kind if kind.startswith(tuple(_KINDS_OF_VALUE)):
            return _(
                "'{name}' must be {wanted}, not {given!r}",
                name=name,
                wanted=_(_KINDS_OF_VALUE[kind.split("_")[0]]),
                given=given,
            )
        case kind if kind.startswith(("tuple", "list")):
            return _("'{name}' must be a list, not {given!r}; write [{given}]", name=name, given=given)
        case kind if kind.startswith(("dict", "model")):
            return _("'{name}' must be a mapping of fields, not {given!r}", name=name, given=given)
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
