"""What several users see of one plan, as lines of a report and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.planning.plan import plan_ledger
from qwenpick.render.forms.report import Line
from qwenpick.render.values import band_values

if TYPE_CHECKING:
    from qwenpick.fitting.users import Users
    from qwenpick.planning.plan import Plan
    from qwenpick.render.payloads.choosing import LoadValues, UsersValues
    from qwenpick.speed import UnderLoad


def users_lines(users: Users | None, plan: Plan) -> tuple[Line, ...]:
    """What several users see, and how many see as much as was asked for, with settings that `launch` writes for so many."""
    if users is None:
        return ()
    now, lines = users.now, []
    if now.users > 1:
        said = _(
            "{users} users, {prompt:,} tokens asked, {answer:,} answered: {each:.3g} tokens/s each, {together:,.0f} together, begun in {first:.2g} s",
            users=now.users,
            prompt=now.prompt,
            answer=now.answer,
            each=now.each.value,
            together=now.together.value,
            first=now.first_token.value,
        )
        lines.append(Line(said, "dim"))
    if users.min_speed is None or users.most is None:
        return tuple(lines)
    wanted = f"{users.min_speed:g}"
    if users.then is None:
        return (*lines, Line(_("{wanted} tokens/s: not even one user gets that", wanted=wanted), "warn"))
    said = _(
        "{wanted} tokens/s: up to {most} users get that, {together:,.0f} tokens/s together",
        wanted=wanted,
        most=users.most,
        together=users.then.together.value,
    )
    if users.most >= users.room:
        said = _("{said}; memory holds no more", said=said)
        if beyond_own_settings(plan, users.most):
            said = _(
                "{said}, and so many with the settings of `qwenpick launch --users {most}`", said=said, most=users.most
            )
    return (*lines, Line(said, "good" if users.now.users <= users.most else "warn"))


def beyond_own_settings(plan: Plan, users: int) -> bool:
    """Whether the cache of the engine's own settings holds fewer requests of the full length, so that `launch` writes smaller steps."""
    found = plan_ledger(plan)
    return found is not None and found.max_concurrency * plan.placement.data_parallel < users


def users_values(users: Users) -> UsersValues:
    """How many users a plan serves."""
    return {
        "now": _load_values(users.now),
        "room": users.room,
        "most": users.most,
        "then": _load_values(users.then) if users.then else None,
    }


def _load_values(load: UnderLoad) -> LoadValues:
    return {
        "users": load.users,
        "prompt": load.prompt,
        "answer": load.answer,
        "each": band_values(load.each),
        "together": band_values(load.together),
        "first_token": band_values(load.first_token),
    }
