"""The answer of `recommend`: which models serve the task on this box, within what was asked, and in which order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.planning.limits import longest_context, most_sequences
from qwenpick.planning.plan import Plan, longest_allowed
from qwenpick.planning.unread import refuse_unread
from qwenpick.recommending.choose import Chooser, readable
from qwenpick.recommending.rank import LABELLED, Ranked
from qwenpick.recommending.tasks import Task, find_task, serves
from qwenpick.recommending.thinking import thinks_as_asked
from qwenpick.recommending.unpublished import Unpublished, better_unpublished
from qwenpick.units import format_gb
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.request import Request

COMMERCIAL = frozenset({"free", "free-under-threshold"})  # licence classes that need nobody's leave for commercial use
MOST_STREAMS = 64


@dataclass(frozen=True, slots=True)
class Pick:
    """A place in the list: the ranked plan, the longest context (tokens) that still fits in it, and the streams of its context that fit at once.

    `streams` is None where no details were asked for; nor is it looked then for a better format that nobody publishes.
    """

    ranked: Ranked
    longest: int | None
    streams: int | None = None
    unpublished: Unpublished | None = None

    @property
    def plan(self) -> Plan:
        """How it would run."""
        return self.ranked.plan


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The picks, best first, and why the other models are not among them (reason -> how many)."""

    task: Task
    request: Request
    context: int
    picks: tuple[Pick, ...]
    left_out: Mapping[str, int]


def recommend(
    catalog: Catalog, machine: Machine, request: Request, limit: int = 5, *, details: bool = True
) -> Recommendation:
    """The models that serve the task (chat where none is asked for) on the machine as requested, in the order of `rank`, one place each.

    `details` (what --explain and --json show, which take their time): how many models do not fit, and how many streams each pick serves.

    A GPU that could not be read is left aside; where none could, HardwareUnreadableError. Raises QwenpickError for words it does not know.
    """
    return Recommender(catalog, request).recommend(machine, limit, details=details)


class Recommender:
    """The answers to one request on machine after machine. What does not depend on the machine is done once, and the rest once for the same devices.

    Raises QwenpickError for words it does not know.
    """

    def __init__(self, catalog: Catalog, request: Request) -> None:
        if request.languages:
            from qwenpick.recommending.languages import find_language

            request = replace(request, languages=tuple(map(find_language, request.languages)))
        self.task, self.request = find_task(request.task or "chat"), request
        reasons = [(model, why_not(model, self.task, request, catalog)) for model in catalog.models.values()]
        models = [model for model, reason in reasons if reason is None]
        self.context = max(request.context or self.task.context, request.min_context or 0)
        self.left_out = Counter(reason for _unused, reason in reasons if reason)
        self._chooser = Chooser(catalog, models, self.task, request)

    @property
    def models(self) -> list[Model]:
        """The models that are compared: those that the request leaves."""
        return self._chooser.models

    def recommend(self, machine: Machine, limit: int = 5, *, details: bool = True) -> Recommendation:
        """The answer on one machine; see the function."""
        ranked, misfits = self._chooser.places(machine, max(limit, LABELLED), counted=details)
        if not ranked and misfits is None:  # then why is all that can be said
            misfits = self._chooser.places(machine, 1, counted=True)[1]
        box, strict = readable(machine), self.request.strict
        picks = tuple(
            Pick(
                place,
                longest_context(place.plan, box, strict, self.request.gpu_only),
                most_sequences(place.plan, box, strict, MOST_STREAMS) if details else None,
                better_unpublished(place, self._chooser, self._chooser.search(machine)) if details else None,
            )
            for place in ranked[:limit]
        )
        if not picks and misfits:
            refuse_unread(machine, self.request.gpu_only)
        left_out = self.left_out + self._without_a_plan(machine, misfits or 0, nothing=not picks)
        return Recommendation(self.task, self.request, self.context, picks, left_out)

    def _without_a_plan(self, machine: Machine, misfits: int, *, nothing: bool) -> Counter[str]:
        """How many of the models that are compared have no plan there, by the reason; where there are no picks, those that are too slow too."""
        request, chooser, found = self.request, self._chooser, Counter[str]()
        if misfits and request.max_disk is not None:
            freely = Chooser(chooser.catalog, chooser.models, self.task, replace(request, max_disk=None))
            small = min(misfits, freely.places(machine, 1, counted=True)[1] or 0)
            found[_("every format that fits is a download of more than {most}", most=format_gb(request.max_disk))] = (
                misfits - small
            )
            found[_("does not fit this machine")] = small
        else:
            found[_("does not fit this machine")] = misfits
        if nothing and request.min_speed:
            found[_("slower than {speed:g} tokens/s", speed=request.min_speed)] = len(chooser.models) - misfits
        return +found

    def rank(self, machine: Machine, limit: int = 5) -> list[Ranked]:
        """The first places alone, without how long a context each of them could have."""
        return self._chooser.places(machine, max(limit, LABELLED))[0][:limit]


def why_not(model: Model, task: Task, request: Request, catalog: Catalog) -> str | None:
    """The first constraint that the model does not meet, as a class of reasons; None if it meets them all."""
    if not model.open_weights or not model.architecture:
        return _("weights not published")
    if serves(model, task):
        return _("not made for {name}", name=task.name)
    if request.series and model.series.casefold() != _series(catalog, request.series).casefold():
        return _("of another series")
    if request.official_only and not model.official:
        return _("not an official model")
    if request.commercial and model.licence.commercial_use not in COMMERCIAL:
        return _("its license does not allow commercial use")
    if not thinks_as_asked(model, request.thinking):
        return _("it does not think") if request.thinking == "yes" else _("it always thinks")
    wanted = max(request.min_context or 0, request.context or 0)
    if wanted and (longest_allowed(model) or (0 if request.min_context else wanted)) < wanted:
        return _("it cannot read that much")
    if any(not speaks(model, language) for language in request.languages):
        return _("it does not state the language")
    return None


def speaks(model: Model, language: str) -> bool:
    """Whether the entry states the language, or so many (29 and more) that the common ones are among them."""
    stated = (model.languages or "").casefold()
    count = int(number[0]) if (number := re.match(r"\d+", stated)) else 0
    words = stated.replace(",", " ").replace("(", " ").replace(")", " ").split()
    return language.casefold() in words or count >= 29


def _series(catalog: Catalog, name: str) -> str:
    known = {model.series.casefold(): model.series for model in catalog.models.values()}
    if name.casefold() in known:
        return known[name.casefold()]
    raise QwenpickError(
        _(
            "there is no series '{name}'{near} (known: {values})",
            name=name,
            near=did_you_mean(name, known.values()),
            values=", ".join(sorted(known.values())),
        )
    )
