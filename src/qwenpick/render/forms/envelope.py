"""The one JSON envelope of all commands: versioned, bytes as integers, on stdout and never mixed with messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = "1.0"  # grows in the second place when fields are added, in the first when one changes or goes


def envelope(command: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a command with the version of its schema and of qwenpick, and the day of the facts, in front."""
    from qwenpick import __version__
    from qwenpick.catalog.read import data_date

    return {
        "schema_version": SCHEMA_VERSION,
        "qwenpick_version": __version__,
        "catalog_date": data_date(),
        "command": command,
        **payload,
    }


def print_json(command: str, payload: Mapping[str, Any]) -> None:
    """Print the envelope to stdout."""
    # ASCII: the same bytes whatever the encoding of stdout; in one piece, since stdout may not be buffered
    sys.stdout.write(json.dumps(envelope(command, payload), indent=2) + "\n")
