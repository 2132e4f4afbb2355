"""How many users a plan serves at the speed that each of them is to see, while it reads the others' prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.planning.limits import most, most_sequences
from qwenpick.recommending.request import at_once
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.fitting.answer import Answer
    from qwenpick.machine.hardware import Machine
    from qwenpick.speed import UnderLoad

SERVERS = ("vllm", "sglang", "llamacpp", "ollama", "lmstudio")  # engines that answer several users in one step
MOST_USERS = 1024


@dataclass(frozen=True, slots=True)
class Users:
    """`room` users of the planned context fit at once (MOST_USERS and no more are tried). `now` is what the users that were asked about see;
    `most` of them get `min_speed` (0: not even one does), and `then` is what they see.
    """

    now: UnderLoad
    room: int
    min_speed: float | None
    most: int | None
    then: UnderLoad | None


def users_of(answer: Answer, machine: Machine) -> Users | None:
    """The users of the answer's plan; None where it does not hold, writes no answers or serves one at a time, or its speed is not known.

    Everyone asks what is typical of the task, and again once answered.
    """
    plan, task, wanted = answer.plan, answer.task, answer.request.min_speed
    asked = plan.work.sequences
    if not answer.fits or plan.speed is None or not task.answer or plan.runtime not in SERVERS:
        return None
    if asked == 1 and wanted is None:
        return None
    prompt = min(task.prompt, plan.work.context)
    reply = max(1, plan.speed.depth - prompt)
    copies, generation = plan.placement.data_parallel, plan.speed.generation

    def seen(users: int) -> UnderLoad:
        return generation.served(-(-users // copies), prompt, reply).by(users)

    limit = at_once(answer.request) or MOST_USERS
    room = min(limit, most_sequences(plan, machine, answer.request.strict, MOST_USERS))
    if wanted is None:
        return Users(seen(asked), room, None, None, None)
    strict = answer.request.strict

    def quick(users: int) -> bool:
        each = seen(users).each
        return (each.low if strict else each.value) >= wanted

    found = min(limit, most(max(room, asked) + 1, quick))
    return Users(seen(asked), room, wanted, found, seen(found) if found else None)
