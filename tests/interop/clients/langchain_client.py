"""langchain-mcp-adapters: lists the tools as LangChain tools and calls one. Arguments: URL, token. Prints JSON."""

import asyncio
import json
import sys

from langchain_mcp_adapters.client import MultiServerMCPClient


async def main(url: str, token: str) -> None:
    transport = "sse" if url.endswith("/sse") else "streamable_http"
    connection = {"transport": transport, "url": url, "headers": {"Authorization": f"Bearer {token}"}}
    client = MultiServerMCPClient({"botkit": connection})
    tools = {tool.name: tool for tool in await client.get_tools()}
    added = await tools["notes__add"].ainvoke({"text": "from langchain"})
    print(json.dumps({"tools": sorted(tools), "added": json.dumps(added)}))


asyncio.run(main(*sys.argv[1:]))
