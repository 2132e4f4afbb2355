"""`qwenpick schema COMMAND`: the JSON Schema of what the command prints with --json."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli.common import completion


def command(
    name: Annotated[
        str, typer.Argument(metavar="COMMAND", help="fit, recommend, plan, …", autocompletion=completion.schemas)
    ],
) -> None:
    """The JSON Schema of a command's --json."""
    import json

    from qwenpick.render.schemas import schema

    typer.echo(json.dumps(schema(name), indent=2))
