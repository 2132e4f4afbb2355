"""The answer of `recommend`: which models serve the task on this box, within what was asked, and in which order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import check_quant
from qwenpick.planning.limits import longest_context, most_sequences
from qwenpick.planning.plan import Plan, longest_allowed
from qwenpick.planning.unread import refuse_unread
from qwenpick.recommending.rank import LABELLED, Ranked
from qwenpick.recommending.search.best_first import first_places
from qwenpick.recommending.search.candidates import Search
from qwenpick.recommending.search.offers import Offers
from qwenpick.recommending.search.prospects import Prospects
from qwenpick.recommending.tasks import Task, find_task, serves
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Cpu, Device, Machine
    from qwenpick.recommending.request import Wish

COMMERCIAL = frozenset({"free", "free-under-threshold"})  # licence classes that need nobody's leave for commercial use
MOST_STREAMS = 64
SPEAKING = "transformers"  # llama.cpp has no talker (ggml-org/llama.cpp#17634, open in 2026-06); vLLM's is another program, vLLM-Omni


@dataclass(frozen=True, slots=True)
class Pick:
    """A place in the list: the ranked plan, the longest context (tokens) that still fits in it, and the streams of its context that fit at once.

    `streams` is None where no details were asked for.
    """

    ranked: Ranked
    longest: int | None
    streams: int | None = None

    @property
    def plan(self) -> Plan:
        """How it would run."""
        return self.ranked.plan


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The picks, best first, and why the other models are not among them (reason -> how many)."""

    task: Task
    wish: Wish
    context: int
    picks: tuple[Pick, ...]
    left_out: Mapping[str, int]


def recommend(
    catalog: Catalog, machine: Machine, wish: Wish, limit: int = 5, *, details: bool = True
) -> Recommendation:
    """The models that serve the task on the machine within the wish, in the order of `rank`, one place each.

    `details` (what --explain and --json show, which take their time): how many models do not fit, and how many streams each pick serves.

    A GPU that could not be read is left aside; where none could, HardwareUnreadableError. Raises QwenpickError for words it does not know.
    """
    return Recommender(catalog, wish).recommend(machine, limit, details=details)


class Recommender:
    """The answers to one wish on machine after machine. What does not depend on the machine is done once, and the rest once for the same devices.

    Raises QwenpickError for words it does not know.
    """

    def __init__(self, catalog: Catalog, wish: Wish) -> None:
        if wish.quant:
            check_quant(wish.quant)
        if wish.languages:
            from qwenpick.recommending.languages import find_language

            wish = replace(wish, languages=tuple(map(find_language, wish.languages)))
        self.catalog, self.wish = catalog, wish
        self.task = find_task(wish.task)
        self.context = max(wish.context or self.task.context, wish.min_context or 0)
        reasons = [(model, why_not(model, self.task, wish, catalog)) for model in catalog.models.values()]
        models = [model for model, reason in reasons if reason is None]
        self.left_out = Counter(reason for _unused, reason in reasons if reason)
        self._prospects = Prospects(catalog, models, self.task, wish, self.context)
        self._offers: dict[tuple[tuple[Device, ...], Cpu, str], Offers] = {}

    def recommend(self, machine: Machine, limit: int = 5, *, details: bool = True) -> Recommendation:
        """The answer on one machine; see the function."""
        search = self._search(machine)
        ranked, misfits = self._places(search, max(limit, LABELLED), details)
        picks = tuple(
            Pick(
                place,
                longest_context(place.plan, search.machine, self.wish.strict, self.wish.gpu_only),
                most_sequences(place.plan, search.machine, self.wish.strict, MOST_STREAMS) if details else None,
            )
            for place in ranked[:limit]
        )
        if not picks and misfits:
            refuse_unread(machine, self.wish.gpu_only)
        left_out = self.left_out + Counter({_("does not fit this box"): misfits or 0})
        return Recommendation(self.task, self.wish, self.context, picks, left_out)

    def rank(self, machine: Machine, limit: int = 5) -> list[Ranked]:
        """The first places alone, without how long a context each of them could have."""
        return self._places(self._search(machine), max(limit, LABELLED), counted=False)[0][:limit]

    def _places(self, search: Search, wanted: int, counted: bool) -> tuple[list[Ranked], int | None]:
        machine = search.machine
        key = machine.devices, machine.cpu, machine.system
        if key not in self._offers:
            self._offers[key] = Offers(self._prospects, search)
        return first_places(self._offers[key], search, wanted, counted)

    def _search(self, machine: Machine) -> Search:
        """The readable part of the machine, and what is looked for there."""
        readable = tuple(device for device in machine.devices if device.total is not None or device.free is not None)
        if not readable and (machine.unreadable or machine.devices):
            raise HardwareUnreadableError(
                _(
                    "the GPU could not be read ({unreadable}); say it with --gpu or --cpu-only",
                    unreadable="; ".join(machine.unreadable),
                )
            )
        wish, task = self.wish, self.task
        work = Serving(
            self.context,
            wish.users,
            wish.kv_cache or KvCache(),
            wish.options,
            image_tokens=task.image_tokens,
            audio_seconds=task.audio_seconds,
        )
        return Search(
            machine if readable == machine.devices else replace(machine, devices=readable),
            work,
            wish.runtime or (SPEAKING if "speech" in task.outputs else None),
            wish.quant,
            wish.gpu_only,
            wish.strict,
            wish.kv_cache is None,
            wish.max_disk,
        )


def why_not(model: Model, task: Task, wish: Wish, catalog: Catalog) -> str | None:
    """The first constraint that the model does not meet, as a class of reasons; None if it meets them all."""
    if not model.open_weights or not model.architecture:
        return _("weights not published")
    if serves(model, task):
        return _("not made for {name}", name=task.name)
    if wish.series and model.series.casefold() != _series(catalog, wish.series).casefold():
        return _("of another series")
    if wish.official_only and not model.official:
        return _("not an official model")
    if wish.commercial and model.licence.commercial_use not in COMMERCIAL:
        return _("its licence does not allow commercial use")
    if wish.thinking == "yes" and model.thinking not in {"always", "hybrid"}:
        return _("it does not think")
    if wish.thinking == "no" and model.thinking == "always":
        return _("it always thinks")
    if wish.min_context and (longest_allowed(model) or 0) < wish.min_context:
        return _("it cannot read that much")
    if any(not speaks(model, language) for language in wish.languages):
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
