"""The speeds that a log states, beside the estimate's ranges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.verify.compare import Row
from qwenpick.verify.observation import Measured, Observation

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.verify.recognise import Recognised


def speed_rows(catalog: Catalog, machine: Machine | None, run: Recognised, seen: Observation) -> Iterator[Row]:
    """A row for each, called as llama-bench calls it: pp512, tg128 @ d4096. Without a machine nothing is predicted, and nothing counts."""
    from qwenpick.runtimes.flags import read_flags
    from qwenpick.speed import estimate

    for measured in seen.speeds:
        found = None
        if machine is not None:
            found = estimate(
                run.architecture,
                run.checkpoint,
                seen.engine,
                replace(run.work, context=max(run.work.context, measured.depth + measured.tokens)),
                run.placement,
                machine,
                catalog.gpus,
                # an answer is written at the mean of the depths that it passes through
                depth=measured.depth + (measured.tokens // 2 if measured.kind == "decode" else measured.tokens),
                prompt=measured.tokens if measured.kind == "prefill" else None,
                cached=measured.depth if measured.kind == "prefill" else 0,
                flags=read_flags(seen.engine, run.work.options),
            )
        band = None if found is None else found.prefill if measured.kind == "prefill" else found.each
        yield Row(
            measured.kind,
            _name(measured),
            band.value if band else None,
            measured.rate,
            "tokens/s",
            band is not None,
            band.low if band else None,
            band.high if band else None,
        )


def _name(measured: Measured) -> str:
    short = f"{'pp' if measured.kind == 'prefill' else 'tg'}{measured.tokens}"
    return f"{short} @ d{measured.depth}" if measured.depth else short
