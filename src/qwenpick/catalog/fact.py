"""What all facts of the catalogue share: absent means not known, nothing has a stand-in default, unknown fields are refused.

Sizes are bytes, bandwidths bytes/s, rates FLOP/s (or OP/s), contexts tokens.

A fact is a value whose fields say their rules. Pydantic reads the rules where a record is checked; it takes 100 ms to be imported and to make its
checks of ten classes, so that the records which we ship, checked by the tests, become facts without it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Union, dataclass_transform, get_args, get_origin

from qwenpick.values import dataclass, members

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST_LAYERS = 256  # the deepest Qwen has 94


class Rule:
    """The rules of a type, by pydantic's names (`gt`, `pattern`, …)."""

    def __init__(self, **rules: Any) -> None:
        self.rules = rules

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(**self.rules)])


Id = Annotated[str, Rule(pattern=r"^[a-z0-9][a-z0-9.+-]*$", max_length=200)]
Date = Annotated[str, Rule(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]  # as exact as the source is
Positive = Annotated[int, Rule(gt=0, lt=2**63)]
Natural = Annotated[int, Rule(ge=0, lt=2**63)]
Layers = Annotated[int, Rule(gt=0, le=MOST_LAYERS)]
# One line, nothing that steers a terminal or a file that is written of it
Line = Annotated[str, Rule(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$", max_length=500)]
# What programs are handed to load: never an option, never a second line
Repository = Annotated[str, Rule(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?$", max_length=200)]
Tag = Annotated[str, Rule(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*(:[A-Za-z0-9._-]+)?$", max_length=200)]


def field(*, default: Any = MISSING, default_factory: Any = MISSING, **rules: Any) -> Any:
    """A field of a fact: its default, and its `description` and rules by pydantic's names."""
    given = {"default_factory": default_factory} if default is MISSING else {"default": default}
    return dataclasses.field(**given, metadata=rules)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Fact(metaclass=type):  # noqa: UP050 - for mypy, to know that its classes can be hashed
    """A frozen record that refuses fields it does not know. Its methods have pydantic's names."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    def model_validate(cls, record: object) -> Self:
        """The fact of a record, checked. Raises pydantic.ValidationError."""
        found: Self = validator(cls).validate_python(record)
        return found

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The fact of a record that was checked before: what `model_validate` makes of it, in a hundredth of the time."""
        shape, made = _shape(cls), object.__new__(cls)
        values = vars(made)
        values |= shape.defaults
        values |= {name: make() for name, make in shape.factories.items() if name not in record}
        values |= record
        for name, given in record.items():
            if (kind := type(given)) is list or kind is dict:
                values[name] = _made(cls, name)(given)
            elif kind is int and name in shape.floats:
                values[name] = float(given)
        return made

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same fact with other values of these fields, which are not checked."""
        made = object.__new__(type(self))
        values = vars(made)
        values |= {name: getattr(self, name) for name in members(type(self))}  # not what a cached_property keeps
        values |= update
        return made

    def model_dump(
        self,
        *,
        mode: str = "python",
        exclude: Collection[str] = (),
        exclude_none: bool = False,
        exclude_defaults: bool = False,
    ) -> dict[str, Any]:
        """Its fields as a record, in their order; for `mode` "json" with lists in place of tuples."""

        def plain(value: Any) -> Any:
            if isinstance(value, Fact):
                return value.model_dump(mode=mode, exclude_none=exclude_none, exclude_defaults=exclude_defaults)
            if isinstance(value, tuple):
                return (list if mode == "json" else tuple)(map(plain, value))
            return {key: plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value

        found = {}
        for name, known in members(type(self)).items():
            value = getattr(self, name)
            if name in exclude or (exclude_none and value is None):
                continue
            default, factory = known.usual
            if not (exclude_defaults and value == (default if factory is MISSING else factory())):
                found[name] = plain(value)
        return found


@cache
def validator(kind: Any) -> TypeAdapter[Any]:
    """What checks records of a kind of facts."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Of a kind of facts: defaults by field, what makes others, and which fields are floats, that a record may state as a whole number."""

    defaults: dict[str, Any]
    factories: dict[str, Callable[[], Any]]
    floats: frozenset[str]


@cache
def _shape(kind: type[Fact]) -> _Shape:
    usual = {name: one.usual for name, one in members(kind).items()}
    return _Shape(
        {name: default for name, (default, _factory) in usual.items() if default is not MISSING},
        {name: factory for name, (_default, factory) in usual.items() if factory is not MISSING},
        frozenset(name for name, one in members(kind).items() if "float" in one.type),
    )


@cache
def _type(kind: type[Fact], name: str) -> Any:
    """The type of a field, of the text that it stands as in the class."""
    return eval(members(kind)[name].type, vars(sys.modules[kind.__module__]))  # noqa: S307 - our own source


@cache
def _made(kind: type[Fact], name: str) -> Callable[[Any], Any]:
    return _maker(_type(kind, name)) or (lambda given: given)


@cache
def _maker(kind: Any) -> Callable[[Any], Any] | None:
    """What makes a value of a type of what a record has for it; None where that is the value."""
    alternatives = [one for one in _alternatives(kind) if one is not NoneType]
    facts = [one for one in alternatives if isinstance(one, type) and issubclass(one, Fact)]
    if len(facts) > 1:
        by_kind = {name: one.of for one in facts for name in get_args(_type(one, "kind"))}
        return lambda given: by_kind[given["kind"]](given)
    if facts:
        return facts[0].of
    inner = get_args(alternatives[0])
    if get_origin(alternatives[0]) is tuple:
        of_each = _maker(inner[0])
        return (lambda given: tuple([of_each(one) for one in given])) if of_each else tuple
    if get_origin(alternatives[0]) is dict and (of_value := _maker(inner[1])):
        return lambda given: {key: of_value(one) for key, one in given.items()}
    return None


def _alternatives(kind: Any) -> Iterator[Any]:
    """The types that a type is one of, without their rules."""
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind
