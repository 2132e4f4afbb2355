"""Whether a plan holds: what each place needs beside what it has, the verdict, and the sentence it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qwenpick.i18n import _
from qwenpick.units import format_bytes
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.memory.bands import Band

Verdict = Literal["fits", "tight", "no", "refused"]
SEVERITY: dict[Verdict, int] = {"fits": 0, "tight": 1, "no": 2, "refused": 3}
UNCHECKED_RAM = 8 * 2**30  # a box whose RAM is not known is trusted with the host buffers of a run on GPUs


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a plan: `need` bytes of the `budget` the engine may take there. `budget` is None where nobody said how much there is.

    `surge` are bytes that may come on top for moments.
    """

    where: str
    name: str
    need: int
    budget: int | None
    total: int | None
    surge: int = 0

    @property
    def headroom(self) -> int | None:
        """Bytes left over; negative where it does not fit."""
        return None if self.budget is None else self.budget - self.need


def verdict_of(places: tuple[Place, ...], edge: Band) -> Verdict:
    """fits where every place holds the upper edge of its need and what comes on top for moments, tight where it holds the need itself, else no."""
    worst: Verdict = "fits"
    for place in places:
        if place.budget is None:
            verdict: Verdict = "fits" if place.need <= UNCHECKED_RAM else "no"
        else:
            most = place.need * edge.high + place.surge
            verdict = "fits" if most <= place.budget else "tight" if place.need <= place.budget else "no"
        worst = max(worst, verdict, key=SEVERITY.__getitem__)
    return worst


def reason_of(verdict: Verdict, places: tuple[Place, ...]) -> str:
    """What the verdict rests on: how much is left, or missing, at the place with the least room."""
    known = [place for place in places if place.headroom is not None]
    if not known:
        return _("RAM is not known; give --ram") if verdict == "no" else _("fits, as far as is known")
    if verdict == "no":
        tightest = min(known, key=lambda place: place.headroom or 0)
    else:  # the fullest for its size: a hundred GiB free in RAM say nothing about the GPU
        tightest = max(known, key=lambda place: place.need / (place.budget or 1))
    spare = format_bytes(abs(tightest.headroom or 0))
    match verdict:
        case "fits":
            return _("{spare} to spare on {name}", spare=spare, name=_(tightest.name))
        case "tight" if tightest.surge:
            return _(
                "{spare} to spare on {name}, less than the estimate's error and what may come on top for moments",
                spare=spare,
                name=_(tightest.name),
            )
        case "tight":
            return _("{spare} to spare on {name}, less than the estimate's error", spare=spare, name=_(tightest.name))
        case _ if (tightest.headroom or 0) >= 0:
            return _("the weights would lie in RAM, whose size is not known; give --ram")
        case _:
            return _("{spare} short on {name}", spare=spare, name=_(tightest.name))
