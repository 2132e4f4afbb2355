"""A class of values is the standard library's dataclass in all but when its methods are compiled."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import KW_ONLY, FrozenInstanceError, field
from functools import cached_property
from typing import Any, ClassVar

import pytest

from qwenpick import values


def _kinds(dataclass: Any) -> dict[str, Any]:
    """The same classes by either decorator."""

    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 1
        names: Mapping[str, int] = field(default_factory=dict, hash=False)

        def moved(self) -> Point:
            return dataclasses.replace(self, x=self.x + 1)

    @dataclass(frozen=True, slots=True)
    class Checked:
        bytes: int

        def __post_init__(self) -> None:
            if self.bytes < 0:
                raise ValueError("negative")

    @dataclass(frozen=True)
    class Wide:
        side: int

        @cached_property
        def area(self) -> int:
            return self.side**2

    @dataclass(frozen=True, slots=True)
    class Named:
        name: str
        size: int

        def __hash__(self) -> int:
            return hash(self.name)

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        x: int

    @dataclass(slots=True)
    class Loose:
        x: int = 0

    @dataclass(frozen=True, kw_only=True)
    class Said:
        x: int = 0
        y: int

    @dataclass(frozen=True, slots=True)
    class Marked(Point):
        MOST: ClassVar[int] = 3
        _: KW_ONLY
        z: float = 0.5

    return {kind.__name__: kind for kind in (Point, Checked, Wide, Named, Itself, Loose, Said, Marked)}


OURS, STANDARD = _kinds(values.dataclass), _kinds(dataclasses.dataclass)


@pytest.mark.parametrize("times", [1, 2], ids=["first", "compiled"])
@pytest.mark.parametrize(
    ("args", "named"),
    [((), {}), ((1,), {}), ((1, 2), {}), ((1,), {"y": 3}), ((), {"x": 1, "names": {"a": 1}}), ((1, 2, {}, 4), {}), ((1,), {"x": 1}),
     ((1,), {"z": 1}), ((), {"y": 2})],
)  # fmt: skip
def test_a_value_is_made_or_refused_as_the_standard_library_does(
    args: tuple[int, ...], named: dict[str, Any], times: int
) -> None:
    def tried(kind: Any) -> str:
        try:
            return repr([kind(*args, **named) for _unused in range(times)][-1])
        except TypeError as error:
            return str(error)

    assert tried(OURS["Point"]) == tried(STANDARD["Point"])


@pytest.mark.parametrize("times", [1, 2], ids=["first", "compiled"])
def test_a_value_of_named_fields_takes_them_in_any_order_and_none_without_its_name(times: int) -> None:
    for kind in (OURS["Said"], STANDARD["Said"]):
        assert [repr(kind(y=1)) for _unused in range(times)][-1] == repr(STANDARD["Said"](x=0, y=1))
        with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
            kind(1)
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'y'"):
            kind(x=1)


def test_values_of_equal_fields_are_equal_and_no_others() -> None:
    point, loose = OURS["Point"], OURS["Loose"]
    assert point(1) == point(1, 1)
    assert point(1) != point(2)
    assert point(1) != STANDARD["Point"](1)
    assert point(1) != (1, 1, {})
    assert OURS["Itself"](1) != OURS["Itself"](1)
    assert loose(1) == loose(1)


def test_a_frozen_value_has_a_hash_and_its_own_where_it_says_so() -> None:
    assert hash(OURS["Wide"](3)) == hash(STANDARD["Wide"](3)) == hash(OURS["Wide"](3))
    assert hash(OURS["Named"]("a", 1)) == hash("a")
    assert OURS["Loose"].__hash__ is None
    assert len({OURS["Itself"](1), OURS["Itself"](1)}) == 2


def test_nothing_of_a_frozen_value_can_be_changed() -> None:
    point = OURS["Point"](1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    loose = OURS["Loose"]()
    loose.x = 2
    assert loose.x == 2


@pytest.mark.parametrize("times", [1, 2])
def test_a_value_is_checked_when_it_is_made(times: int) -> None:
    for _unused in range(times):
        OURS["Checked"](1)
    with pytest.raises(ValueError, match="negative"):
        OURS["Checked"](-1)


def test_the_standard_library_takes_it_for_a_dataclass() -> None:
    point, standard = OURS["Point"](1), STANDARD["Point"](1)
    assert dataclasses.is_dataclass(point)
    assert dataclasses.asdict(point) == dataclasses.asdict(standard)
    assert [f.name for f in dataclasses.fields(point)] == ["x", "y", "names"]
    assert point.moved() == OURS["Point"](2)
    assert not hasattr(point, "__dict__")
    assert OURS["Wide"](3).area == 9
    match point:
        case object(x=x):
            assert x == 1


@pytest.mark.parametrize("name", OURS)
def test_a_class_has_the_fields_and_the_types_that_the_standard_library_reads(name: str) -> None:
    ours, standard = OURS[name], STANDARD[name]
    told = [[(f.name, f.type, f.kw_only, f.default) for f in dataclasses.fields(kind)] for kind in (ours, standard)]
    assert told[0] == told[1]
    assert ours.__annotations__ == standard.__annotations__


def test_a_value_can_be_copied_and_pickled() -> None:
    from qwenpick.memory.account import Part

    part = Part("weights", 5, "gpu0", "a formula", "weights")
    assert copy.deepcopy(part) == part
    assert pickle.loads(pickle.dumps(part)) == part


def test_no_method_is_compiled_before_it_is_needed() -> None:
    kind = _kinds(values.dataclass)["Point"]
    assert "*args" in str(inspect.signature(kind.__init__))
    kind(1)
    assert str(inspect.signature(kind.__init__)).startswith("(self, x, y=1")
