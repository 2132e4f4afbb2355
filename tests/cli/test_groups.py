from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

from qwenpick.cli.common.groups import spread


@dataclass(frozen=True, slots=True)
class Size:
    width: Annotated[int, "of a box"] = 1
    depth: Annotated[int, "of a box"] = 2


@dataclass(frozen=True, slots=True)
class Shade:
    depth: Annotated[int, "of a colour"] = 3
    width: Annotated[str, "of a line"] = "thin"


SIZE, SHADE = Size(), Shade()


def test_options_stand_where_their_group_stood_and_shared_ones_once_as_first_said() -> None:
    seen: dict[str, Any] = {}

    @spread
    def command(name: str, size: Size = SIZE, width: int = 9, shade: Shade = SHADE, loud: bool = False) -> None:
        """What it does."""
        seen.update(name=name, size=size, width=width, shade=shade, loud=loud)

    shown = inspect.signature(command).parameters
    assert list(shown) == ["name", "width", "depth", "loud"]
    assert (shown["width"].default, shown["depth"].default) == (9, 2)  # the command's own, and the first group's
    assert shown["depth"].annotation == Annotated[int, "of a box"]
    assert command.__doc__ == "What it does."
    command(name="a", width=4, depth=5, loud=True)
    assert seen == {"name": "a", "size": Size(4, 5), "width": 4, "shade": Shade(5, 4), "loud": True}  # type: ignore[arg-type]
