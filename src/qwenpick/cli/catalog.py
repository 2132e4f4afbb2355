"""`qwenpick catalog check FILE`: is a catalogue file right? `qwenpick catalog where`: where the files lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.catalog_update import update
from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model

app = typer.Typer(no_args_is_help=True, help="Check, extend or update the catalog.")
app.command()(update)


@app.command()
@spread
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="YAML files of your own.")],
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """What is wrong with a catalog file, by line, entry and field. Exit code 0 when nothing is, 1 when something is."""
    from qwenpick.catalog.check import check as problems_of
    from qwenpick.catalog.read import read_file
    from qwenpick.render.catalog import check_report
    from qwenpick.render.forms.output import emit

    for file in files:
        read_file(file)  # one that cannot be read is a bad request, not a file with a fault
    found = {str(file): problems_of(file) for file in files}
    values = {"files": [{"file": file, "problems": problems} for file, problems in found.items()]}
    emit("catalog", output.shown(), check_report(found), values)
    raise typer.Exit(1 if any(found.values()) else 0)


@app.command()
def where() -> None:
    """Where the shipped files, the JSON Schema for editors and your own file lie."""
    from qwenpick.catalog.read import data_directory, shipped_files, user_file

    own = user_file()
    for label, path in (
        *((_("shipped") if file.parent == data_directory() else _("updated"), file) for file in shipped_files()),
        (_("schema"), data_directory() / "catalog.schema.json"),
        *([(_("your own"), own)] if own else []),
    ):
        typer.echo(f"{label:9} {path}{'' if path.exists() else _(' (not there)')}")


@app.command()
def add(
    model: given.ModelName,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The catalog file to write to; your own by default.")
    ] = None,
    online: given.Online = False,
    show: Annotated[
        bool,
        typer.Option("--print", envvar="QWENPICK_CATALOG_ADD_PRINT", help="Print the entry instead of writing it."),
    ] = False,
) -> None:
    """Read a model that the catalog lacks (a path, an Ollama tag, with --online a repository) and write its entry."""
    from qwenpick.catalog.add import add as write
    from qwenpick.catalog.read import user_file
    from qwenpick.readers import entry, is_path, read_model

    facts = parsed.read_catalog(None)
    said = given.one_name(model)
    if not (is_path(said) or show) and (known := _known(facts, said)):
        typer.echo(_("{name} is already known: qwenpick models {id} shows it", name=known.name, id=known.id), err=True)
        return
    reading = read_model(said, facts, online=online)
    text = entry(reading.model, reading.architecture, facts.architectures)
    if show:
        typer.echo(text, nl=False)
        return
    file = to or user_file()
    if file is None:
        raise QwenpickError(_("there is no home directory to keep a catalog in; name a file with --to FILE"))
    write(file, text)
    typer.echo(_("{id} is in {file}", id=reading.model.id, file=file), err=True)


def _known(facts: Catalog, name: str) -> Model | None:
    """The model of that name in the catalogue, if there is one."""
    from qwenpick.catalog import find_model

    try:
        return find_model(facts, name)
    except QwenpickError:
        return None


@app.command()
def refresh() -> None:
    """Forget what a hub answered, so that --online asks it again; without it an answer holds for a day."""
    from qwenpick.readers.hub_client import forget
    from qwenpick.storage import folder

    typer.echo(_("{count} answers forgotten", count=forget(folder("hub"))), err=True)
