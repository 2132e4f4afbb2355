"""`qwenpick check [FILE]`: every requirement of a file in one run; the exit code is the worst of them."""

from __future__ import annotations

import io
import json as json_
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import Box
from qwenpick.cli.common.clusters import NAMED, Clustered
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.check.requirements import Checked, NamedBox, Requirement, Result
    from qwenpick.fitting.answer import Answer
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.machine.hardware import Machine


REPORTS = ("junit", "github")  # formats that a service reads, whatever became of the file


@spread
def command(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The requirements.")] = Path("qwenpick.yaml"),
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file and stop.")] = False,
    clustered: Clustered = NAMED,
    online: given.Online = False,
    catalog: given.Catalogs = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            callback=given.for_programs,
            help="table, markdown, csv, json, junit or github.",
            autocompletion=completion.choices("table", "markdown", "csv", "json", "junit", "github"),
        ),
    ] = "table",
    json: given.Json = False,
) -> None:
    """Check a file of requirements in one run, for CI. Exit code: the worst of 0 holds, 1 does not, 2 bad request, 3 hardware unreadable."""
    from dataclasses import replace

    from qwenpick.check.file import read
    from qwenpick.check.requirements import NamedBox, check, request, unread
    from qwenpick.fitting.answer import described, fit
    from qwenpick.readers import resolve

    if schema:
        from qwenpick.check.fields import json_schema

        typer.echo(json_.dumps(json_schema(), indent=2))
        return
    facts = parsed.read_catalog(catalog)

    @cache
    def machine(box: NamedBox) -> Machine:
        files = [file.parent / box.file] if box.file else None
        return Box(files, list(box.gpus), box.vram, box.ram, box.cpu_only, box.reserve, box.system).read(facts)

    @cache
    def nodes(what: str, total: bool) -> Fleet:
        from qwenpick.fleet.kinds import fleet
        from qwenpick.machine.inventory.read import read as read_cluster

        beside = file.parent / what  # a path in the file is relative to it
        return fleet(read_cluster(str(beside) if beside.is_file() else what, facts), facts, free=not total)

    def group(requirement: Requirement) -> Result:
        from qwenpick.check.requirements import judged_together
        from qwenpick.fitting.together import together

        if requirement.box.cluster or clustered.cluster:
            raise QwenpickError(
                _("together is for one machine; qwenpick fit A + B --cluster places models in a cluster")
            )
        asked = []
        for part in requirement.together:
            found = resolve(part.model, facts, part.quant, online=online, runtime=part.runtime)
            part = replace(part, quant=found.quant, runtime=part.runtime or found.runtime, strict=requirement.strict)
            asked.append((found.catalog, found.model, request(part)))
        return judged_together(requirement, together(machine(requirement.box), asked))

    def answer(requirement: Requirement) -> Answer | Result:
        if requirement.together:
            return group(requirement)
        found = resolve(requirement.model, facts, requirement.quant, online=online, runtime=requirement.runtime)
        asked = request(replace(requirement, quant=found.quant, runtime=requirement.runtime or found.runtime))
        box = (
            NamedBox(cluster=clustered.cluster, total=clustered.total)
            if requirement.box == NamedBox()
            else requirement.box
        )
        if box.cluster:
            from qwenpick.check.cluster import judged
            from qwenpick.fleet.copies import plan_deployment

            deployment = plan_deployment(
                found.catalog, nodes(box.cluster, box.total), found.model, asked, requirement.replicas
            )
            return judged(replace(requirement, box=box), deployment, asked)
        if requirement.replicas:
            raise QwenpickError(_("{option} is about a cluster: name it with --cluster", option="replicas"))
        return described(fit(found.catalog, machine(requirement.box), found.model, asked))

    shown = "json" if json else format
    try:
        requirements = read(file)
    except QwenpickError as problem:
        if output is not None or shown in REPORTS:  # who reads the report is told in it too
            _write(unread(str(file), str(problem)), shown, output)
        raise
    for fault in (one.fault for one in requirements if one.fault):
        typer.echo(f"qwenpick: {fault}", err=True)
    checked = check(str(file), requirements, answer)
    _write(checked, shown, output)
    raise typer.Exit(checked.code)


def _write(checked: Checked, format_name: str, output: Path | None) -> None:
    """To the file or to stdout, in the format."""
    from contextlib import redirect_stdout

    from qwenpick.render.check import check_report, check_values, github, junit
    from qwenpick.render.forms.output import FORMATS, emit

    known = (*FORMATS, "junit", "github")
    if format_name not in known:
        raise QwenpickError(
            _(
                "there is no format '{format_name}'{near} (known: {known})",
                format_name=format_name,
                near=did_you_mean(format_name, known),
                known=", ".join(known),
            )
        )

    def write() -> None:
        match format_name:
            case "junit":
                sys.stdout.write(junit(checked))
            case "github":
                sys.stdout.write(github(checked))
            case _:
                emit("check", format_name, check_report(checked), check_values(checked))

    if output is None:
        write()
        return
    from qwenpick.storage import write_file

    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding="utf-8", newline="\n") as file:
        with redirect_stdout(file):
            write()
        file.flush()
        write_file(output, content.getvalue().decode())
