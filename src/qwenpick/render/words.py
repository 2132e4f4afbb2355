"""How boxes, plans and licences are said in a few words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, listed
from qwenpick.planning.limits import unstretched
from qwenpick.units import format_bytes, format_longest

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.verdict import Verdict
    from qwenpick.render.forms.report import Tone

TONES: dict[Verdict, Tone] = {"fits": "good", "tight": "warn", "no": "bad", "refused": "bad"}
VERDICTS: dict[Verdict, str] = {
    "fits": N_("fits"),
    "tight": N_("tight"),
    "no": N_("does not fit"),
    "refused": N_("cannot run"),
}
LICENCES = {
    "free": N_("free"),
    "free-under-threshold": N_("free below a threshold"),
    "needs-request": N_("ask first"),
    "non-commercial": N_("non-commercial"),
    "unknown": N_("unknown"),
}


# Names that values carry in English and renderers say.
POINTS = (
    N_("quality"), N_("speed"), N_("licence"), N_("recency"), N_("origin"), N_("fit"), N_("format"), N_("engine"), N_("size"),
    N_("context"), N_("outdone"),
)  # fmt: skip
PARTS = (N_("text weights"), N_("vision weights"), N_("audio weights"), N_("mtp weights"))
EFFORTS = (N_("off"), N_("low"), N_("high"))
STATUSES = (N_("shipping"), N_("discontinued"), N_("announced"), N_("rumoured"))
# What the catalogue says of models in a word
FACTS = (
    N_("text"), N_("image"), N_("video"), N_("audio"), N_("speech"), N_("embedding"), N_("score"),
    N_("hybrid"), N_("always"), N_("no"),
    N_("chat"), N_("base"), N_("code"), N_("math"), N_("vision"), N_("omni"), N_("reranker"), N_("guard"), N_("agent"), N_("reward"),
    N_("instruct"), N_("post-trained"), N_("thinking"), N_("world model"), N_("preview"),
    N_("tool calling"),
    N_("Commercial use permitted."), N_("No weights are published; use is under the provider's API terms."),
    N_("No license was found for this repository; ask before any use."),
)  # fmt: skip
RAM = N_("RAM")
LEVELS = (N_("error"), N_("warning"), N_("advice"))


def box(machine: Machine) -> str:
    """What was seen in the box, in one line.

    `2 x NVIDIA GeForce RTX 3090 (23.7 of 24.0 GiB free), 64.0 GiB RAM (60.1 free)`; `M4 Max, 64.0 GiB of unified memory (48.0 GiB for the GPU)`
    """
    counted = Counter((device.name, device.free, device.total) for device in machine.devices)
    parts = []
    for (name, free, total), count in counted.items():
        if total is None:
            memory = _("memory unknown")
        elif free is None or free == total:
            memory = format_bytes(total, 1)
        else:
            memory = _("{free} of {total} free", free=format_bytes(free, 1), total=format_bytes(total, 1))
        counted_name = f"{count} x {name}" if count > 1 else name
        parts.append(_("{name} ({memory})", name=counted_name, memory=memory))
    if not parts:
        parts.append(_("no GPU"))
    if len(machine.devices) == 1 and machine.devices[0].unified and machine.ram_total:
        (shared,) = machine.devices
        size, share = machine.ram_total, shared.free if shared.free is not None else shared.total
        return _(
            "{name}, {size} of unified memory ({share} for the GPU)",
            name=shared.name,
            size=format_bytes(size, 1),
            share=format_bytes(share, 1) if share is not None else _("unknown"),
        )
    if machine.ram_total is None:
        parts.append(_("RAM unknown"))
    elif machine.ram_free is None or machine.ram_free == machine.ram_total:
        parts.append(_("{size} RAM", size=format_bytes(machine.ram_total, 1)))
    else:
        parts.append(
            _(
                "{ram_total} RAM ({ram_free} free)",
                ram_total=format_bytes(machine.ram_total, 1),
                ram_free=format_bytes(machine.ram_free, 1),
            )
        )
    return listed(parts)


def longest_said(model: Model, longest: int) -> str:
    """The longest context that fits; beyond the native one, where quality may suffer, with the way there: `40k (123k with YaRN)`."""
    native = unstretched(model)
    if native is None or longest <= native or model.context is None:
        return format_longest(longest)
    method = (model.context.method or "YaRN").split()[0]
    return _(
        "{native} ({longest} with {method})",
        native=format_longest(native),
        longest=format_longest(longest),
        method=method,
    )


def longest_native(model: Model, longest: int | None) -> str:
    """The same in a cell: `256k+` where more than the native context fits; nothing where none does."""
    if not longest:
        return ""
    native = unstretched(model)
    return f"{format_longest(native)}+" if native and longest > native else format_longest(longest)
