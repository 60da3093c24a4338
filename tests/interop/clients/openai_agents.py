"""openai-agents: a whole agent loop over the workspace's tools, with a model server on loopback.

Arguments: URL of the workspace, token, URL of an OpenAI-compatible model. Prints JSON.
"""

import asyncio
import json
import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerSse, MCPServerStreamableHttp
from openai import AsyncOpenAI


async def main(url: str, token: str, model_url: str) -> None:
    set_tracing_disabled(True)
    headers = {"Authorization": f"Bearer {token}"}
    kind = MCPServerSse if url.endswith("/sse") else MCPServerStreamableHttp
    async with kind({"url": url, "headers": headers, "timeout": 20}, client_session_timeout_seconds=20) as server:
        tools = sorted(tool.name for tool in await server.list_tools())
        model = OpenAIChatCompletionsModel("stub", AsyncOpenAI(base_url=model_url, api_key="none", max_retries=0))
        agent = Agent(name="tester", instructions="Use the tools.", mcp_servers=[server], model=model)
        result = await Runner.run(agent, "please note: milk", max_turns=4)
        print(json.dumps({"tools": tools, "answer": result.final_output}))


asyncio.run(main(*sys.argv[1:]))
