"""A requirement that must hold in a cluster: a place, or as many copies as it asks for, each as fast as it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.check.requirements import Requirement, Result
from qwenpick.fitting.answer import Answer
from qwenpick.i18n import _
from qwenpick.recommending.choose import task_for
from qwenpick.runtimes import find_runtime

if TYPE_CHECKING:
    from qwenpick.fleet.copies import Deployment
    from qwenpick.recommending.request import Request


def judged(requirement: Requirement, found: Deployment, request: Request) -> Result:
    """Room first, then speed: copies that are slower than asked, or whose speed is not known, do not count."""
    rooms = [room for room in found.rooms if room.ways]
    fast = [room for room in rooms if room.quick]
    copies, wanted = sum(room.copies for room in fast), found.wanted
    chosen = [found.chosen] if found.chosen in fast else []
    best = (chosen or fast or rooms or [room for room in found.rooms if room.plan])[:1]
    single = (
        Answer(request, task_for([best[0].plan.model], request), best[0].plan, None, (), None, ())
        if best and best[0].plan
        else None
    )
    if copies >= wanted and single:
        said = _(
            "{format} in {runtime}: room for {copies} copies on {nodes} nodes, {wanted} required",
            format=single.plan.checkpoint.format,
            runtime=find_runtime(single.plan.runtime).TITLE,
            copies=copies,
            nodes=sum(room.kind.count for room in fast),
            wanted=wanted,
        )
        return Result(requirement, "pass", said, single)
    if found.copies >= wanted:
        slow = _(
            "{copies} of {found} copies are fast enough, {wanted} required",
            copies=copies,
            found=found.copies,
            wanted=wanted,
        )
        return Result(requirement, "fail", slow, single)
    said = _("the cluster has room for {copies} copies, {wanted} required", copies=found.copies, wanted=wanted)
    return Result(requirement, "unreadable" if found.exit_code == 3 else "fail", said, single)
