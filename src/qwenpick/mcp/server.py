"""The Model Context Protocol over standard input and output: each tool runs its command as a process of its own and answers with its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from qwenpick import __version__
from qwenpick.cli.commands import COMMANDS
from qwenpick.mcp.tools import TOOLS, input_schema, words
from qwenpick.render.schemas import schema

SECONDS = 60  # that a command may take; the slowest, a plan over all GPUs, takes three


async def serve() -> None:
    """Answer until the client closes its end."""
    server: Server[Any] = Server(
        "qwenpick",
        version=__version__,
        instructions="Which Qwen model runs on which hardware, at which precision, in which engine. Sizes are bytes.",
        on_list_tools=_list,
        on_call_tool=_call,
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def tools() -> list[types.Tool]:
    """The commands as tools, with the published schemas of what they take and answer.

    Protocols before 2026-07-28 want `type: object` at the schema's own top, which ours say of each alternative below it.
    """
    return [
        types.Tool(
            name=name,
            description=COMMANDS[name],
            input_schema=input_schema(name),
            output_schema={"type": "object", **schema(name)},
        )
        for name in TOOLS
    ]


async def _list(_context: Any, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=tools())


async def _call(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    import anyio

    return await anyio.to_thread.run_sync(answer, params.name, params.arguments or {})


def answer(name: str, values: dict[str, Any]) -> types.CallToolResult:
    """What the command says; `isError` where the request was bad, not where a model does not fit: that is an answer."""
    if name not in TOOLS:
        return _failed(f"there is no tool '{name}' (known: {', '.join(TOOLS)})")
    try:
        command = words(name, values)
    except ValueError as problem:
        return _failed(str(problem))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "qwenpick", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        value = json.loads(done.stdout.decode("utf-8"))
    except subprocess.TimeoutExpired:
        return _failed(f"{name} did not answer within {SECONDS} s")
    except ValueError:
        return _failed(done.stderr.decode("utf-8", "replace").strip() or f"{name} ended with {done.returncode}")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=json.dumps(value, ensure_ascii=False))],
        structured_content=value,
        is_error="error" in value,
    )


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], is_error=True)
