"""What is known of a model on its way to its best plan."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.scoring import Scored
    from qwenpick.recommending.search.candidates import Bound

Row = tuple["Plan", "Scored | None"]  # a plan that holds, and its points where it has any
ROUNDING = 1e-5  # points: scores are compared to six digits


@dataclass(slots=True, eq=False)
class Contender:
    """A model on its way to its best plan. It gives at most `points`, less what it loses to the first `judged` models that were found.

    `left` are bounds that have not been planned, of the engines of the `group`, which give `more` at most; `later` are those of the engines that
    have their turn where none of these holds, if that may be. `row` is the best plan so far, and `holds` says that there is one.
    """

    model: Model
    points: float
    judged: int = 0
    more: float = math.inf
    group: int = -1
    left: list[Bound] = field(default_factory=list)
    later: list[Bound] = field(default_factory=list)
    row: Scored | None = None
    holds: bool = False

    @property
    def unplanned(self) -> list[Bound]:
        """The bounds that may still have their turn."""
        return self.left + self.later

    @property
    def open(self) -> list[Bound]:
        """Those of which a plan may be the best."""
        least = self.row.score - ROUNDING if self.row else -math.inf
        return [bound for bound in self.unplanned if bound.points >= least]

    @property
    def quality(self) -> float:
        """Points of quality that no plan of it exceeds."""
        worth = [bound.top.quality for bound in self.open]
        return max([*worth, self.row.quality.value] if self.row else worth, default=-math.inf)

    @property
    def seconds(self) -> float:
        """The wait that no plan of it falls short of."""
        waits = [bound.seconds for bound in self.open]
        return min([*waits, self.row.seconds or 0.0] if self.row else waits, default=math.inf)

    @property
    def done(self) -> bool:
        """Whether no plan that is left could be better than the best so far."""
        return self.row is not None and self.more < self.row.score - ROUNDING
