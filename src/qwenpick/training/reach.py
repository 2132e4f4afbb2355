"""How long a sequence may be on one, two, four … of a machine's GPUs: the run divided over them, and its sequences too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.training.answer import Tuned, able, longest_of, nodes_of
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Reach:
    """The `longest` sequence in tokens on so many `gpus`, with these `flags`; None where not even a short one fits."""

    gpus: int
    flags: str
    longest: int | None


def reach(machine: Machine, tuned: Tuned, strict: bool = False) -> tuple[Reach, ...]:
    """For every power of two of the machine's GPUs, and for all of them; nothing on a machine with one."""
    devices = able(machine)
    counts = sorted({1 << power for power in range(len(devices).bit_length())} | {len(devices)})
    if len(devices) < 2 or tuned.training.trainer == "unsloth":
        return ()
    found = []
    for count in counts:
        for flags, changed in _ways(tuned.training, count):
            run = replace(changed, nodes=nodes_of(machine, changed))
            try:
                longest = longest_of(
                    tuned.architecture, tuned.model, tuned.checkpoint, run, devices[:count], machine, strict
                )
            except QwenpickError:
                continue  # it cannot be divided so
            found.append(Reach(count, flags, longest))
    return tuple(found)


def _ways(training: Training, count: int) -> Iterator[tuple[str, Training]]:
    """(flags, the run over so many GPUs): as it was asked for where it shares weights, else by ZeRO-3, adapters by FSDP."""
    alone = replace(training, gpus=count, sequence_parallel=1)
    if count == 1:
        kept = training.offload != "none" and training.zero
        yield "--gpus 1", alone if kept else replace(alone, zero=0, fsdp=False, offload="none")
        return
    if not (training.fsdp or training.zero == 3):
        full = training.method == "full"
        alone = replace(alone, zero=3 if full else 0, fsdp=not full, offload="none")
    flags = f"--gpus {count} {'--fsdp' if alone.fsdp else '--zero 3'}"
    if alone.offload != "none":
        flags += f" --offload {alone.offload}"
    yield flags, alone
    yield f"{flags} --sequence-parallel {count}", replace(alone, sequence_parallel=count)
