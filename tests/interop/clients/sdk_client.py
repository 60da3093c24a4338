"""The official SDK, first or second generation. Arguments: URL or `stdio COMMAND …`, token. Prints JSON."""

import asyncio
import json
import sys

import mcp


async def first_generation(url: str, token: str) -> dict[str, object]:
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamablehttp_client

    headers = {"Authorization": f"Bearer {token}"}
    opened = sse_client(url, headers=headers) if url.endswith("/sse") else streamablehttp_client(url, headers=headers)
    async with opened as streams, mcp.ClientSession(streams[0], streams[1]) as session:
        hello = await session.initialize()
        tools = await session.list_tools()
        result = await session.call_tool("notes__add", {"text": "from the SDK"})
        return {
            "version": hello.protocolVersion,
            "tools": sorted(tool.name for tool in tools.tools),
            "error": bool(result.isError),
        }


async def second_generation(argv: list[str]) -> dict[str, object]:
    from mcp import StdioServerParameters

    server = StdioServerParameters(command=argv[0], args=argv[1:])
    async with mcp.Client(server) as client:
        tools = await client.list_tools()
        result = await client.call_tool("notes__add", {"text": "over a bridge"})
        return {"tools": sorted(tool.name for tool in tools.tools), "error": bool(result.is_error)}


if sys.argv[1] == "stdio":
    print(json.dumps(asyncio.run(second_generation(sys.argv[2:]))))
else:
    print(json.dumps(asyncio.run(first_generation(*sys.argv[1:]))))
