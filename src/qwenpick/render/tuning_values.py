"""What `fit --train` answers, as values for a program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from qwenpick.render.values import machine_values, memory_values, place_values

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.render.payloads.training import PeakValues, TuneValues, TuningValues
    from qwenpick.training.answer import Tuned
    from qwenpick.training.fixes import TuningFix
    from qwenpick.training.reach import Reach


def peak_values(tuned: Tuned) -> list[PeakValues]:
    """The peak of each GPU: allocated by torch, held by its allocator, shown by the driver, and the band around the last."""
    return [
        {
            "where": peak.where,
            "allocated_bytes": peak.allocated,
            "reserved_bytes": peak.reserved,
            "process_bytes": peak.process,
            "low": peak.low(tuned.band),
            "high": peak.high(tuned.band),
        }
        for peak in tuned.peaks
    ]


def tune_values(
    tuned: Tuned,
    dataset_tokens: int | None,
    fixes: Sequence[TuningFix] = (),
    reached: Sequence[Reach] = (),
    average: Tuned | None = None,
    commands: Sequence[str] = (),
) -> TuneValues:
    """One run for a program."""
    training, storage, speed = tuned.training, tuned.storage, tuned.speed
    hours = speed.hours(dataset_tokens) if speed and dataset_tokens else None
    return {
        "model": tuned.model.id,
        "format": tuned.checkpoint.format,
        "repository": tuned.checkpoint.repo,
        "verdict": tuned.verdict,
        "reason": tuned.reason,
        "training": {name: getattr(training, name) for name in training.__slots__},
        "memory": {**memory_values(tuned.memory, tuned.band), "peak": peak_values(tuned)},
        "places": [place_values(place) for place in tuned.places],
        "longest_sequence": tuned.longest,
        "largest_batch": tuned.largest,
        "speed": {"value": speed.tokens_per_second, "low": speed.low, "high": speed.high} if speed else None,
        "epoch_hours": {"value": hours[0], "low": hours[1], "high": hours[2]} if hours else None,
        "ram": storage.ram,
        "disk": {
            "download": storage.download,
            "checkpoint": storage.checkpoint,
            "result": storage.result,
            "offloaded": storage.offloaded,
        },
        "fixes": [
            {
                "what": fix.what,
                "flags": fix.flags,
                "saves": fix.saves,
                "speed_change": fix.speed_change,
                "command": command,
            }
            for fix, command in zip_longest(fixes, commands)
        ],
        "reach": [{"gpus": one.gpus, "flags": one.flags, "longest": one.longest} for one in reached],
        "at_average": peak_values(average) if average else None,
        "notes": list(tuned.notes),
    }


def tuning_values(
    found: Sequence[Tuned | tuple[str, str]],
    machine: Machine,
    dataset_tokens: int | None,
    strict: bool,
    fixes: Sequence[TuningFix],
    reached: Sequence[Reach],
    average: Tuned | None,
    commands: Sequence[str],
    start: str | None,
) -> TuningValues:
    """Runs for a program, and the exit code of the first; `start` is the command that starts it."""
    runs = [one for one in found if not isinstance(one, tuple)]
    fits = any(run.holds(strict) for run in runs)
    return {
        "fits": fits,
        "exit_code": 0 if fits else 1,
        "runs": [tune_values(run, dataset_tokens, fixes, reached, average, commands) for run in runs],
        "start": start,
        "refused": {one[0]: one[1] for one in found if isinstance(one, tuple)},
        "machine": machine_values(machine),
    }
