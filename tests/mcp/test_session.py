"""A real client talks to `qwenpick mcp` over pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qwenpick.mcp.tools import TOOLS, arguments, input_schema, words
from qwenpick.render.schemas import schema
from tests.conftest import validator

ROOT = Path(__file__).resolve().parents[2]


def talk(*calls: tuple[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """(the tools that are offered, the results of the calls)."""
    pytest.importorskip("mcp")  # here, not above: it takes a second to import, which collecting tests need not wait for
    import anyio

    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(
        command=sys.executable, args=["-m", "qwenpick", "mcp"], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )

    async def session() -> tuple[list[Any], list[Any]]:
        async with Client(server) as client:
            offered = (await client.list_tools()).tools
            return offered, [await client.call_tool(name, values) for name, values in calls]

    return anyio.run(session)


def test_an_agent_lists_the_tools_asks_them_and_is_told_what_was_wrong() -> None:
    offered, (fits, not_known, strange, picks) = talk(
        ("fit", {"model": "qwen3-8b", "quant": "4bit", "gpu": ["rtx 4090"], "ram": "64GiB"}),
        ("fit", {"model": "qwen3-7b", "gpu": ["rtx 4090"]}),
        ("fit", {"model": "qwen3-8b", "exec": True}),
        ("recommend", {"gpu": ["rtx 4090"], "ram": "64GiB", "task": "rag-embedding"}),
    )
    assert tuple(tool.name for tool in offered) == TOOLS
    by_name = {tool.name: tool for tool in offered}
    assert by_name["fit"].output_schema == {"type": "object", **schema("fit")} and by_name[
        "fit"
    ].input_schema == input_schema("fit")
    assert fits.structured_content["fits"] is True and not fits.is_error
    validator("fit").validate(fits.structured_content)
    assert not_known.is_error and "qwen3" in not_known.structured_content["error"]["message"]
    assert strange.is_error and "fit takes no 'exec'" in strange.content[0].text
    assert picks.structured_content["boxes"][0]["picks"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_clients_of_older_protocols_are_offered_the_tools_too(version: str) -> None:
    """Written out, since the SDK's own client speaks the newest protocol alone."""
    pytest.importorskip("mcp")
    hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
    lines = (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    )
    with subprocess.Popen(
        [sys.executable, "-m", "qwenpick", "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as server:
        assert server.stdin and server.stdout
        server.stdin.write("".join(json.dumps(line) + "\n" for line in lines))
        server.stdin.flush()
        greeting, listed = (json.loads(server.stdout.readline()) for _answer in range(2))
        server.stdin.close()
    assert greeting["result"]["protocolVersion"] == version
    assert tuple(tool["name"] for tool in listed["result"]["tools"]) == TOOLS


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_takes_what_its_command_takes_and_starts_or_writes_nothing(name: str) -> None:
    properties = input_schema(name)["properties"]
    assert properties
    assert not {"exec", "write", "save", "html", "output", "ask"} & properties.keys()


def test_a_value_cannot_become_an_option() -> None:
    assert words("fit", {"model": "--exec", "runtime": "--exec"}) == [
        "fit",
        "--runtime=--exec",
        "--json",
        "--",
        "--exec",
    ]


def test_an_argument_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="fit takes no 'colour'; it takes model"):
        words("fit", {"colour": "red"})


@pytest.mark.parametrize("name", TOOLS)
def test_every_argument_is_an_option_that_the_command_has(name: str) -> None:
    from qwenpick.cli.app import build

    known = {word for option in build([name]).commands[name].params for word in (*option.opts, *option.secondary_opts)}  # type: ignore[attr-defined]
    said = [option for one in arguments(name) for option in (one.option, one.negated) if option]
    assert said and not set(said) - known
    assert {"recommend": "any", "launch": "from"}.get(name, said[0][2:].replace("-", "_")) in input_schema(name)[
        "properties"
    ]


def test_what_is_false_is_said_where_it_is_not_what_happens_unsaid() -> None:
    assert words("fit", {"reference": False, "gpu_only": False}) == ["fit", "--no-reference", "--json"]
    assert words("recommend", {"any": True, "strict": None}) == ["recommend", "--any", "--json"]
    with pytest.raises(ValueError, match="gpu_only must be true or false, not 'no'"):
        words("fit", {"gpu_only": "no"})
