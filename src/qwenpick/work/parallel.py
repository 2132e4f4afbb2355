"""The GPU groups that a tensor-parallel engine can use: one GPU, several equal ones, several in stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.work.placement import Placement
from qwenpick.work.sharding import BLOCK, world_refusal

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Serving

TENSOR_SIZES = (2, 4, 8)
BLOCKED = ("fp8", "gptq-int4", "gptq-int8", "awq-int4")  # formats whose scales span 128 columns


def parallel_placements(
    architecture: Architecture, format_name: str, machine: Machine, vendors: tuple[str, ...], work: Serving
) -> Iterator[Placement]:
    """One GPU of each kind, then tensor parallel over equal GPUs, then pipeline stages for counts that heads do not divide by.

    GPUs of one vendor that are all different come last, together: the engine uses of each what the smallest has. Sizes that the engine's options
    ask for are the only ones, on as many GPUs as there are: what they lack, the engine's refusal says.
    """
    if asked := _asked(work):
        equal = sorted(
            (d for d in machine.devices if d.vendor in vendors), key=lambda d: (-(d.free or d.total or 0), d.name)
        )
        if equal:
            yield Placement(tuple(equal[: asked[0] * asked[1]]), tensor_parallel=asked[0], pipeline_parallel=asked[1])
        return
    usable = [d for d in machine.devices if d.vendor in vendors]
    groups: dict[tuple[str, int | None], list[Device]] = {}
    for device in sorted(usable, key=lambda d: -(d.free or d.total or 0)):
        groups.setdefault((device.name, device.total), []).append(device)
    for group in groups.values():
        yield Placement((group[0],))
    for group in groups.values():
        yield from _over(architecture, format_name, tuple(group))
    if len(groups) > 1 and len({d.vendor for d in usable}) == 1:
        yield from _over(
            architecture, format_name, tuple(d for group in groups.values() for d in group), only=len(usable)
        )


def share(options: Mapping[str, object], name: str, default: float) -> float:
    """The share of a GPU that an option names, above 0 and up to 1; `default` where it is not given. Raises QwenpickError for any other value."""
    value = options.get(name, default)
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if name in options and not 0 < number <= 1:
        raise QwenpickError(_("{name} is a share above 0 and up to 1, not '{value}'", name=name, value=value))
    return number


def _asked(work: Serving) -> tuple[int, int] | None:
    """(tensor, pipeline) parallel sizes that the options name, vLLM's or SGLang's; None where they name neither."""
    sizes = [
        next((work.options[name] for name in names if name in work.options), None)
        for names in (("tensor_parallel_size", "tp_size"), ("pipeline_parallel_size", "pp_size"))
    ]
    if sizes == [None, None]:
        return None
    for size in sizes:
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise QwenpickError(_("a parallel size is a whole number from 1, not '{size}'", size=size))
    tensor, pipeline = (size if isinstance(size, int) else 1 for size in sizes)
    return tensor, pipeline


def _over(
    architecture: Architecture, format_name: str, devices: tuple[Device, ...], only: int | None = None
) -> Iterator[Placement]:
    """Tensor parallel over 2, 4, 8 of these devices, then stages of as many ranks as divide, the widest first."""
    block = BLOCK if format_name in BLOCKED else 1
    counts = [only] if only else list(range(2, len(devices) + 1))
    fitting = [n for n in (1, *TENSOR_SIZES) if world_refusal(architecture, n, block) is None]
    tensor = [n for n in counts if n in fitting]
    for n in tensor:
        yield Placement(devices[:n], tensor_parallel=n)
    staged = [
        (max(t for t in (1, *TENSOR_SIZES) if n % t == 0 and t < n and t in fitting), n)
        for n in counts
        if n not in tensor
    ]
    for ranks, n in sorted(staged, key=lambda cut: (-cut[0], cut[1])):
        yield Placement(devices[:n], tensor_parallel=ranks, pipeline_parallel=n // ranks)
