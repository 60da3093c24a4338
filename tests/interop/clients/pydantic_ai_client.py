"""pydantic-ai: an agent whose test model calls every tool it is offered. Arguments: URL, token. Prints JSON."""

import asyncio
import json
import sys

from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.test import TestModel


async def main(url: str, token: str) -> None:
    toolset = MCPToolset(url, headers={"Authorization": f"Bearer {token}"})
    agent = Agent(TestModel(call_tools=["notes__list"]), toolsets=[toolset])
    async with agent:
        result = await agent.run("list the notes")
    returned = {
        part.tool_name: str(part.content)
        for message in result.all_messages()
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    }
    print(json.dumps({"returned": returned}))


asyncio.run(main(*sys.argv[1:]))
