"""`qwenpick catalog update`: a newer catalogue in place of the package's, because the person asked for it, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

KEY = "catalog.pub"  # in the data directory: the Ed25519 key that catalogues must be signed by, where we publish one


def update(
    source: Annotated[
        str | None, typer.Argument(metavar="FILE|URL", help="The catalog: a file, or an https address.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="The SHA-256 that the file must have, from where you trust.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the catalog before.")] = False,
) -> None:
    """Use a newer catalogue than the package's, checked and kept whole or not at all. Never by itself."""
    from qwenpick.catalog import updates
    from qwenpick.catalog.read import data_date

    if undo:
        if source:
            raise QwenpickError(_("--undo goes back and takes no file"))
        updates.undo()
        typer.echo(_("the facts in use are of {date} again", date=data_date()), err=True)
        return
    if not source:
        raise QwenpickError(_("name the catalog: qwenpick catalog update FILE or an https address"))
    _install(_content(source), sha256)


def _install(content: bytes, sha256: str | None) -> None:
    """Checks everything, then installs. Raises QwenpickError before anything was written."""
    import hashlib

    from qwenpick import __version__
    from qwenpick.catalog import updates
    from qwenpick.catalog.bundle import read_bundle
    from qwenpick.catalog.read import data_date, data_directory

    if sha256 and hashlib.sha256(content).hexdigest() != sha256.strip().casefold():
        raise QwenpickError(_("the file is not the one that was meant: its SHA-256 differs"))
    public = data_directory() / KEY
    bundle = read_bundle(content, __version__, public.read_bytes() if public.is_file() else None)
    _refuse_faults(bundle.files)
    before = data_date()
    updates.install(bundle, before)
    typer.echo(_("the facts in use are of {date} now, before of {before}", date=bundle.date, before=before), err=True)
    if bundle.signed is None and not sha256:
        typer.echo(
            _("nobody's signature was checked: this qwenpick holds no key (--sha256 checks the file against a digest)"),
            err=True,
        )
    typer.echo(_("qwenpick catalog update --undo goes back"), err=True)


def _content(source: str) -> bytes:
    """The bytes of a file, or of an address."""
    from qwenpick.catalog.read import LARGEST_FILE, read_file

    if "://" not in source:
        return read_file(Path(source))
    if not source.startswith("https://"):
        raise QwenpickError(
            _("'{source}' is not an https address: anyone on the way could change the facts", source=source)
        )
    from qwenpick.readers.hub_client import download

    found = download(source, 0, LARGEST_FILE - 1, {})
    if found is None:
        raise QwenpickError(_("there is nothing at '{source}'", source=source))
    return found


def _refuse_faults(files: Mapping[str, bytes]) -> None:
    """Raises QwenpickError for the first thing that is wrong in the files, and for counts that their tensors contradict."""
    import yaml

    from qwenpick.catalog.check import faults
    from qwenpick.catalog.entries import Entries
    from qwenpick.catalog.load import Catalog
    from qwenpick.catalog.read import SHIPPED, merge, read_yaml
    from qwenpick.catalog.schema import Architecture, CloudOffer, Gpu, Model
    from qwenpick.memory.counts import contradictions

    try:
        merged = merge(read_yaml(files[name]) for name in SHIPPED)
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
        raise QwenpickError(_("the catalog's files cannot be read")) from None
    found = [f"{name}: {fault}" for name in SHIPPED for fault in faults(files[name], merged)]
    if not found:
        catalog = Catalog(
            Entries(Architecture, lambda: merged["architectures"]),
            Entries(Model, lambda: merged["models"]),
            Entries(Gpu, lambda: merged["gpus"]),
            Entries(CloudOffer, lambda: merged["cloud"]),
        )
        found = list(contradictions(catalog))
    if found:
        more = _(" (and {count} more)", count=len(found) - 1) if len(found) > 1 else ""
        raise QwenpickError(_("nothing was changed, the catalog is wrong: {fault}{more}", fault=found[0], more=more))
