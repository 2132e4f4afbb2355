"""Refuses to say "does not fit" while hardware that might make it fit could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError
from qwenpick.i18n import _, retell

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine


def refuse_unread(machine: Machine, gpu_only: bool) -> None:
    """To be called where nothing holds: raises HardwareUnreadableError where what could not be read may be what is missing.

    A pretended box says what it has: what it leaves open was not asked for.
    """
    if machine.unreadable:
        raise HardwareUnreadableError(
            _(
                "the hardware that could be read does not hold it, and some could not be read ({unreadable}); use --gpu or --cpu-only",
                unreadable="; ".join(map(retell, machine.unreadable)),
            )
        )
    if machine.ram_total is None and machine.origin != "simulated" and not gpu_only:
        notes = [retell(note) for note in machine.notes if "RAM" in note]
        raise HardwareUnreadableError(
            _("RAM could not be read{why}; give --ram", why=f" ({'; '.join(notes)})" if notes else "")
        )
