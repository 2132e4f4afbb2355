"""`qwenpick gpus [NAME]`: the accelerators we know, and everything about one, with sources."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.groups import spread


@spread
def command(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]", help="Show everything about this one.", autocompletion=completion.gpu_names),
    ] = None,
    vendor: Annotated[
        str | None,
        typer.Option(
            metavar="VENDOR",
            help="Only this maker's: nvidia, amd, intel, apple, ascend, hygon …",
            autocompletion=completion.vendors,
        ),
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            metavar="SEGMENT",
            help="Only consumer, workstation, datacenter, laptop or soc.",
            autocompletion=completion.segments,
        ),
    ] = None,
    min_memory: Annotated[str | None, typer.Option(metavar="SIZE", help="At least this much memory: 24GiB.")] = None,
    shipping: Annotated[bool, typer.Option("--shipping", help="Only GPUs that are still made.")] = False,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """The GPUs we know, and everything about one."""
    from qwenpick.catalog.gpus import find_gpu
    from qwenpick.render.forms.output import emit
    from qwenpick.render.gpus import gpu_report, gpu_values, gpus_report
    from qwenpick.units import parse_memory

    facts = parsed.read_catalog(catalog)
    shown = output.shown()
    if name:
        parsed.alone(vendor=vendor, segment=segment, min_memory=min_memory, shipping=shipping)
        gpu = find_gpu(facts, given.one_name(name))
        emit("gpus", shown, gpu_report(facts, gpu), {"gpus": [gpu_values(facts, gpu)]})
        return
    least = parse_memory(min_memory) if min_memory else 0
    everything = list(facts.gpus.values())
    vendor = parsed.one_of(vendor, (gpu.vendor for gpu in everything), "vendor") if vendor is not None else None
    segment = parsed.one_of(segment, (gpu.segment for gpu in everything), "segment") if segment is not None else None
    chosen = [
        gpu
        for gpu in everything
        if (vendor is None or gpu.vendor == vendor)
        and (segment is None or gpu.segment == segment)
        and (gpu.memory_bytes or 0) >= least
        and (not shipping or gpu.status == "shipping")
    ]
    emit("gpus", shown, gpus_report(chosen), {"gpus": [gpu_values(facts, gpu) for gpu in chosen]})
