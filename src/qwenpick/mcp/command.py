"""`qwenpick mcp`: answer an agent over standard input and output."""

from __future__ import annotations

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _


def command() -> None:
    """Answer an agent's questions over the Model Context Protocol (standard input and output), until it closes them."""
    try:
        import anyio

        from qwenpick.mcp.server import serve
    except ImportError:
        raise QwenpickError(_("this needs the Model Context Protocol's SDK: pip install 'qwenpick[mcp]'")) from None
    anyio.run(serve)
