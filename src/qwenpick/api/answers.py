"""What the Python functions answer: values with `.fits`, `.exit_code`, `.plan` and `.to_json()`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from qwenpick.runtimes import find_runtime
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.buy.advice import Advice
    from qwenpick.buy.hardware import Offer
    from qwenpick.catalog import Catalog, Model
    from qwenpick.fitting.answer import Answer
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.answer import Pick, Recommendation


def _in_short(kind: str, plan: Plan | None) -> str:
    """The answer in a line, for whoever types it into a session: the whole is thousands of words."""
    if plan is None:
        return f"<{kind}: nothing fits>"
    engine = find_runtime(plan.runtime).TITLE
    return f"<{kind}: {plan.model.name} in {plan.checkpoint.shown} on {engine}: {plan.verdict}, {plan.reason}>"


@dataclass(frozen=True)
class Fit:
    """Whether a model runs on a box, and how: what `qwenpick fit` answers."""

    answer: Answer
    machine: Machine
    catalog: Catalog

    def __repr__(self) -> str:
        return _in_short("Fit", self.plan)

    @property
    def fits(self) -> bool:
        """Whether it fits; tight counts as yes unless `strict` was asked."""
        return self.answer.fits

    @property
    def exit_code(self) -> int:
        """What the command ends with: 0 fits, 1 does not."""
        return 0 if self.fits else 1

    @property
    def plan(self) -> Plan:
        """The best plan, or the nearest miss: `.memory.total` in bytes, `.places`, `.verdict`, `.speed`, `.file`."""
        return self.answer.plan

    def to_json(self) -> dict[str, Any]:
        """What `qwenpick fit --json` prints beside its envelope; the fixes without the commands that ask for them."""
        from qwenpick.fitting.fixes import fixes
        from qwenpick.fitting.users import users_of
        from qwenpick.render.fit import fit_values

        ways, users = fixes(self.catalog, self.machine, self.answer), users_of(self.answer, self.machine)
        return dict(fit_values(self.answer, self.machine, ways, users=users))


@dataclass(frozen=True)
class Recommended:
    """The models that serve a task on a box, best first: what `qwenpick recommend` answers."""

    answer: Recommendation
    machine: Machine

    def __repr__(self) -> str:
        return _in_short("Recommended", self.plan)

    @property
    def fits(self) -> bool:
        """Whether anything fits."""
        return bool(self.answer.picks)

    exit_code = Fit.exit_code

    @property
    def picks(self) -> tuple[Pick, ...]:
        """The picks, best first, each with its `.plan`."""
        return self.answer.picks

    @property
    def plan(self) -> Plan | None:
        """The plan of the first pick; None where nothing fits."""
        return self.picks[0].plan if self.picks else None

    def to_json(self) -> dict[str, Any]:
        """What `qwenpick recommend --json` prints beside its envelope."""
        from qwenpick.render.recommend import recommend_values

        return dict(recommend_values([("", self.machine, self.answer)]))


@dataclass(frozen=True)
class Planned:
    """The hardware that a model needs, best offer first: what `qwenpick plan` answers."""

    model: Model
    offers: tuple[Offer, ...]
    advice: Advice | None

    def __repr__(self) -> str:
        return _in_short("Planned", self.plan)

    @property
    def fits(self) -> bool:
        """Whether any GPU of the catalogue, up to eight of a kind, holds it."""
        return bool(self.offers)

    exit_code = Fit.exit_code

    @cached_property
    def plan(self) -> Plan | None:
        """The plan on the first offer; None where there is none."""
        return self.offers[0].plan if self.offers else None

    def to_json(self) -> dict[str, Any]:
        """What `qwenpick plan --json` prints beside its envelope."""
        from qwenpick.render.plan import plan_command_values

        return dict(plan_command_values(self.model, self.offers, self.advice))
