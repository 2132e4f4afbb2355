"""Values: the standard library's dataclass that is worked out when a class is first used, not when its module is imported.

A command imports a hundred and forty such classes and makes few of most. `dataclasses.dataclass` looks at every field and compiles six methods of a
class at import, in 0.4 ms; `dataclass` here notes names and defaults, so that a class costs 0.02. What it gives is the same: fields, defaults,
equality, hash, `repr`, and all that the standard library does with dataclasses. To a type checker it is the standard library's.

>>> @dataclass(frozen=True, slots=True)
... class Size:
...     width: int
...     height: int = 1
>>> Size(2) == Size(2, 1), Size(2)
(True, Size(width=2, height=1))
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from functools import cache
from typing import TYPE_CHECKING, Any

FEW = 8  # instances that are filled field by field before __init__ is compiled, which takes as long as that

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen=False, slots=False, eq=True, kw_only=False):
        """The decorator, in the standard library's words."""
        return lambda cls: _made(cls, frozen, slots, eq, kw_only)


class Member:
    """A field as it stands in a class: its type as text, its default (MISSING for none), or what `dataclasses.field` made of it."""

    __slots__ = ("default", "kw_only", "type")

    def __init__(self, kind: Any, default: Any, kw_only: bool) -> None:
        self.type, self.default, self.kw_only = kind, default, kw_only

    @property
    def usual(self) -> tuple[Any, Any]:
        """(default, default_factory), MISSING for none."""
        return (
            (self.default.default, self.default.default_factory)
            if isinstance(self.default, Field)
            else (self.default, MISSING)
        )

    def says(self, what: str) -> bool:
        """What `dataclasses.field` was told of it ("compare", "repr"), or would be."""
        return not isinstance(self.default, Field) or getattr(self.default, what)


def members(cls: type) -> dict[str, Member]:
    """The fields of a class of values, in their order."""
    found: dict[str, Member] = cls.__members__  # type: ignore[attr-defined]
    return found


class _Fields:
    """`__dataclass_fields__`, by which the standard library knows a dataclass and its fields: put in its own place when it is first asked for."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __get__(self, _instance: object, _owner: type) -> dict[str, Field[Any]]:
        found = {name: _field(name, member) for name, member in members(self._cls).items()}
        self._cls.__dataclass_fields__ = found  # type: ignore[attr-defined]
        return found


@cache
def _usual() -> Any:
    """What tells a field from a ClassVar, as the standard library notes it."""

    @dataclasses.dataclass(init=False, repr=False, eq=False)
    class Sample:
        field: int

    return dataclasses.fields(Sample)[0]._field_type  # type: ignore[attr-defined]


def _field(name: str, member: Member) -> Field[Any]:
    """The field, as the standard library makes it of a class."""
    found = member.default if isinstance(member.default, Field) else dataclasses.field(default=member.default)
    found.name, found.type, found.kw_only = name, member.type, member.kw_only
    found._field_type = _usual()  # type: ignore[union-attr]
    return found


def _made(cls: type, frozen: bool, slots: bool, eq: bool, kw_only: bool) -> type:
    """The class with its fields, and with methods in place of those that it does not define."""
    content = dict(vars(cls))
    given = {name for name, method in content.items() if method is not None}
    known = dict[str, Member]()
    for base in reversed(cls.__mro__[1:]):
        known |= vars(base).get("__members__", {})
    for name, kind in content.get("__annotations__", {}).items():
        if str(kind).startswith(("ClassVar", "typing.ClassVar")):
            continue
        known[name] = member = Member(kind, content.get(name, MISSING), kw_only)
        default, _factory = member.usual
        if type(default).__hash__ is None:
            raise ValueError(f"the default of {name} can be changed, by every instance for all: use default_factory")
        if slots or default is MISSING:
            content.pop(name, None)
        else:
            content[name] = default
    if slots:
        held = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
        content["__slots__"] = tuple(name for name in known if name not in held)
        content.pop("__dict__", None)
        content.pop("__weakref__", None)
        made: type = type(cls)(cls.__name__, cls.__bases__, content)
        made.__qualname__ = cls.__qualname__
        cls = made
    else:
        for name in known:
            if isinstance(vars(cls).get(name), Field):
                setattr(cls, name, content[name]) if name in content else delattr(cls, name)
    methods: dict[str, Any] = {"__init__": _few(cls), "__repr__": _repr}
    if eq:
        methods |= {
            "__eq__": _later(cls, "__eq__", _eq),
            "__hash__": _later(cls, "__hash__", _hash) if frozen else None,
        }
    if frozen:
        methods |= {"__setattr__": _set, "__delattr__": _delete}
        if slots:
            methods |= {"__getstate__": _state, "__setstate__": _restore}
    methods["__match_args__"] = tuple(name for name, member in known.items() if not member.kw_only)
    for name in methods.keys() - given:
        setattr(cls, name, methods[name])
    cls.__members__ = known  # type: ignore[attr-defined]
    cls.__dataclass_fields__ = _Fields(cls)  # type: ignore[attr-defined]
    return cls


def _few(cls: type) -> Callable[..., Any]:
    """An __init__ that fills few instances field by field, and then puts the compiled one in its place."""
    compiled, left = _later(cls, "__init__", _init), FEW
    known: dict[str, tuple[Any, Any]] = {}
    by_name = False

    def method(self: object, *args: Any, **named: Any) -> Any:
        nonlocal left, by_name
        if not known:
            known.update({name: member.usual for name, member in members(cls).items()})
            by_name = any(member.kw_only for member in members(cls).values())
        left -= 1
        filled = dict(zip(known, args, strict=False)) | named
        lacking = known.keys() - filled.keys()
        wrong = len(filled) != len(args) + len(named) or len(filled) + len(lacking) != len(known)
        if left < 0 or wrong or (args and by_name) or any(known[name] == (MISSING, MISSING) for name in lacking):
            return compiled(self, *args, **named)  # which raises what a function raises where the arguments are wrong
        for name, (default, factory) in known.items():
            value = filled[name] if name in filled else default if default is not MISSING else factory()
            object.__setattr__(self, name, value)
        if hasattr(self, "__post_init__"):
            self.__post_init__()
        return None

    return method


def _later(cls: type, name: str, source: Callable[[type, dict[str, Any]], str]) -> Callable[..., Any]:
    """A method that puts the compiled one in its place when it is first called."""

    def method(self: object, *args: Any, **named: Any) -> Any:
        known: dict[str, Any] = {}
        exec(source(cls, known), known)  # noqa: S102 - names of fields, as the standard library does
        made = known[name]
        made.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, made)
        return made(self, *args, **named)

    return method


def _init(cls: type, known: dict[str, Any]) -> str:
    """The source of __init__; `known` gets the values that it names. A slot is filled by its own descriptor, which is quicker than setattr."""
    arguments, lines = list[str](), list[str]()
    known |= {"put": object.__setattr__, "MISSING": MISSING}
    for name, member in members(cls).items():
        default, factory, value = f"default_{name}", f"factory_{name}", name
        known[default], known[factory] = member.usual
        if known[factory] is not MISSING:
            known[default], value = MISSING, f"{factory}() if {name} is MISSING else {name}"
        if member.kw_only and "*" not in arguments:
            arguments.append("*")
        arguments.append(f"{name}={default}" if known[default] is not MISSING or value != name else name)
        slot = getattr(cls, name, None) if "__slots__" in vars(cls) else None
        known[f"put_{name}"] = getattr(slot, "__set__", None)
        lines.append(f" put_{name}(self, {value})" if known[f"put_{name}"] else f" put(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    return f"def __init__(self, {', '.join(arguments)}):\n" + "\n".join(lines or [" pass"])


def _eq(cls: type, _known: dict[str, Any]) -> str:
    compared = [name for name, member in members(cls).items() if member.says("compare")]
    one, two = ("(" + "".join(f"{who}.{name}," for name in compared) + ")" for who in ("self", "other"))
    return f"def __eq__(self, other):\n return {one} == {two} if other.__class__ is self.__class__ else NotImplemented"


def _hash(cls: type, _known: dict[str, Any]) -> str:
    compared = [name for name, member in members(cls).items() if member.says("compare")]
    return "def __hash__(self):\n return hash((" + "".join(f"self.{name}," for name in compared) + "))"


def _repr(self: Any) -> str:
    known = members(type(self)).items()
    said = ", ".join([f"{name}={getattr(self, name)!r}" for name, member in known if member.says("repr")])
    return f"{type(self).__qualname__}({said})"


def _set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What pickle and copy keep."""
    return [getattr(self, name) for name in members(type(self))]


def _restore(self: Any, state: list[Any]) -> None:
    for name, value in zip(members(type(self)), state, strict=True):
        object.__setattr__(self, name, value)
