"""A server with everything that the official conformance suite asks a server for, by the names it asks for.

    python target.py                 over standard input and output
    python target.py http PORT       Streamable HTTP at /mcp

Built with the official SDK, so that the suite can also be run against it directly: what fails there is not ours.
"""

from __future__ import annotations

# ruff: noqa: N815, PT028 - names and defaults are those the suite asks for
import asyncio
import base64
import json
import sys
from typing import Annotated, Any

import mcp.types as t
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, Field

Asking = str | t.InputRequiredResult
Ctx = Context[Any, Any]

server = MCPServer("target", version="1", request_state_security=RequestStateSecurity(keys=[b"only a test" * 4]))
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really").decode()
SOUND = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVE").decode()
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def text(content: str, uri: str) -> t.EmbeddedResource:
    return t.EmbeddedResource(
        type="resource", resource=t.TextResourceContents(uri=uri, mime_type="text/plain", text=content)
    )


def form(message: str, schema: dict[str, Any] = NAME) -> t.ElicitRequest:
    return t.ElicitRequest(params=t.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str) -> t.CreateMessageRequest:
    message = t.SamplingMessage(role="user", content=t.TextContent(type="text", text=prompt))
    return t.CreateMessageRequest(params=t.CreateMessageRequestParams(messages=[message], max_tokens=50))


def asking(state: str | None = None, **requests: Any) -> t.InputRequiredResult:
    return t.InputRequiredResult(input_requests=requests, request_state=state)


def given(ctx: Ctx, key: str) -> dict[str, Any] | None:
    """What a person filled in."""
    answer = (ctx.input_responses or {}).get(key)
    return (answer.content or {}) if isinstance(answer, t.ElicitResult) else None


# Plain results


@server.tool()
def test_simple_text() -> str:
    return "A plain text."


@server.tool()
def test_image_content() -> list[t.ImageContent]:
    return [t.ImageContent(type="image", data=PIXEL, mime_type="image/png")]


@server.tool()
def test_audio_content() -> list[t.AudioContent]:
    return [t.AudioContent(type="audio", data=SOUND, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[t.EmbeddedResource]:
    return [text("embedded", "test://embedded-resource")]


@server.tool()
def test_multiple_content_types() -> list[t.TextContent | t.ImageContent | t.EmbeddedResource]:
    image = t.ImageContent(type="image", data=PIXEL, mime_type="image/png")
    return [t.TextContent(type="text", text="three kinds"), image, text("{}", "test://mixed-content-resource")]


@server.tool()
def test_error_handling() -> str:
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none") -> str:
    return region


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": {"type": "string"}}}},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
    "if": {"required": ["address"]},
    "then": {"required": ["name"]},
    "else": {"required": ["name"]},
    "additionalProperties": False,
}


@server.tool()
def json_schema_2020_12_tool() -> str:
    return "done"


# There is no public way to give a tool a schema of one's own.
server._tool_manager._tools["json_schema_2020_12_tool"].parameters = SCHEMA  # pyright: ignore[reportPrivateUsage]


# While a call is open


@server.tool()
async def test_tool_with_logging(ctx: Ctx) -> str:
    for line in ("started", "working", "done"):
        await ctx.info(line)  # pyright: ignore[reportDeprecated]  # still part of what is tested
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: Ctx) -> str:
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"{done} of 100")
    return "reported"


@server.tool()
async def test_sampling(prompt: str, ctx: Ctx) -> str:
    message = t.SamplingMessage(role="user", content=t.TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]  # still part of what is tested
        messages=[message], max_tokens=100, related_request_id=ctx.request_id
    )
    return answer.content.text if answer.content.type == "text" else "?"


class Response(BaseModel):
    response: str = Field(description="What the person says")


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


LEVELS = [{"const": "low", "title": "Low"}, {"const": "high", "title": "High"}]
AREAS = [{"const": "feature", "title": "New"}, {"const": "bug", "title": "Mend"}]


class Enums(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})
    titledSingle: str = Field(json_schema_extra={"oneOf": LEVELS})  # pyright: ignore[reportArgumentType]
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": ["read", "write"]}})
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": AREAS}})  # pyright: ignore[reportArgumentType]
    legacyEnum: str = Field(json_schema_extra={"enum": ["small", "large"], "enumNames": ["Small", "Large"]})


async def ask(ctx: Ctx, message: str, model: type[BaseModel]) -> str:
    result = await ctx.elicit(message=message, schema=model)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"action={result.action}, content={content}"


@server.tool()
async def test_elicitation(message: str, ctx: Ctx) -> str:
    return await ask(ctx, message, Response)


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
    return await ask(ctx, "Are these right?", Defaults)


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
    return await ask(ctx, "Choose.", Enums)


@server.tool()
async def test_missing_capability(ctx: Ctx) -> str:
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code=t.MISSING_REQUIRED_CLIENT_CAPABILITY, message="sampling is needed", data=needed)
    return "It can be asked."


# Questions as results


@server.tool()
async def test_input_required_result_elicitation(ctx: Ctx) -> Asking:
    answer = given(ctx, "user_name")
    return f"Hello, {answer.get('name')}!" if answer is not None else asking(user_name=form("What is your name?"))


@server.tool()
async def test_input_required_result_sampling(ctx: Ctx) -> Asking:
    answer = (ctx.input_responses or {}).get("capital_question")
    if isinstance(answer, t.CreateMessageResult) and answer.content.type == "text":
        return answer.content.text
    return asking(capital_question=sample("What is the capital of France?"))


@server.tool()
async def test_input_required_result_list_roots(ctx: Ctx) -> Asking:
    answer = (ctx.input_responses or {}).get("client_roots")
    if isinstance(answer, t.ListRootsResult):
        return f"{len(answer.roots)} roots"
    return asking(client_roots=t.ListRootsRequest())


@server.tool()
async def test_input_required_result_request_state(ctx: Ctx) -> Asking:
    if given(ctx, "confirm") is not None and ctx.request_state == "nonce":
        return "state-ok"
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    return asking("nonce", confirm=form("Go on?", schema))


@server.tool()
async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Asking:
    if {"user_name", "greeting", "client_roots"} <= set(ctx.input_responses or {}):
        return "All there."
    return asking(
        "several", user_name=form("Name?"), greeting=sample("Greet somebody."), client_roots=t.ListRootsRequest()
    )


@server.tool()
async def test_input_required_result_multi_round(ctx: Ctx) -> Asking:
    state: dict[str, Any] = json.loads(ctx.request_state) if ctx.request_state else {"round": 0}
    first, second = given(ctx, "step1"), given(ctx, "step2")
    if state["round"] == 1 and first is not None:
        colour = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
        return asking(json.dumps({"round": 2, **first}), step2=form("Which colour?", colour))
    if state["round"] == 2 and second is not None:
        return f"{state.get('name')} likes {second.get('color')}."
    return asking(json.dumps({"round": 1}), step1=form("What is your name?"))


@server.tool()
async def test_input_required_result_tampered_state(ctx: Ctx) -> Asking:
    if ctx.request_state is not None:
        return f"state-ok: {ctx.request_state}"
    return asking("first", confirm=form("Go on?"))


@server.tool()
async def test_input_required_result_capabilities(ctx: Ctx) -> t.InputRequiredResult:
    capabilities = ctx.client_capabilities
    requests: dict[str, Any] = {}
    if capabilities is None or capabilities.sampling is not None:
        requests["sample"] = sample("Say hello.")
    if capabilities is None or capabilities.elicitation is not None:
        requests["ask"] = form("What is your name?")
    return asking("by capability", **requests)


# Lists that change


def passing() -> str:
    return "passing"


@server.tool()
async def test_trigger_tool_change(ctx: Ctx) -> str:
    server.add_tool(passing, name="test_dynamic_tool")
    server.remove_tool("test_dynamic_tool")
    await ctx.notify_tools_changed()
    return "changed"


@server.tool()
async def test_trigger_prompt_change(ctx: Ctx) -> str:
    server.add_prompt(Prompt.from_function(passing, name="test_dynamic_prompt", description="passing"))
    server.remove_prompt("test_dynamic_prompt")
    await ctx.notify_prompts_changed()
    return "changed"


# Resources and prompts


@server.resource("test://static-text")
def static_text() -> str:
    return "The text."


@server.resource("test://static-binary")
def static_binary() -> bytes:
    return base64.b64decode(PIXEL)


@server.resource("test://template/{id}/data")
def template(id: str) -> str:  # noqa: A002 - the template's own name for it
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.resource("test://watched-resource")
def watched() -> str:
    return "Watch me."


@server.prompt()
def test_simple_prompt() -> list[UserMessage]:
    return [UserMessage(role="user", content=t.TextContent(type="text", text="A simple prompt."))]


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return [UserMessage(role="user", content=t.TextContent(type="text", text=f"arg1='{arg1}', arg2='{arg2}'"))]


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's name
    return [
        UserMessage(role="user", content=text("embedded", resourceUri)),
        UserMessage(role="user", content=t.TextContent(type="text", text="Look at it.")),
    ]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    return [UserMessage(role="user", content=t.ImageContent(type="image", data=PIXEL, mime_type="image/png"))]


@server.prompt()
async def test_input_required_result_prompt(ctx: Ctx) -> list[UserMessage] | t.InputRequiredResult:
    answer = given(ctx, "user_context")
    if answer is not None:
        return [UserMessage(role="user", content=t.TextContent(type="text", text=str(answer.get("context"))))]
    schema = {"type": "object", "properties": {"context": {"type": "string"}}, "required": ["context"]}
    return asking(user_context=form("In which context?", schema))


@server.completion()
async def complete(
    ref: t.PromptReference | t.ResourceTemplateReference,
    argument: t.CompletionArgument,
    context: t.CompletionContext | None,
) -> t.Completion:
    return t.Completion(values=[], total=0, has_more=False)


async def nothing(ctx: Any, params: Any) -> t.EmptyResult:
    return t.EmptyResult()


low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]  # the only way to these three
low.add_request_handler("logging/setLevel", t.SetLevelRequestParams, nothing)
low.add_request_handler("resources/subscribe", t.SubscribeRequestParams, nothing)
low.add_request_handler("resources/unsubscribe", t.UnsubscribeRequestParams, nothing)

if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        asyncio.run(server.run_streamable_http_async(port=int(sys.argv[2])))
    else:
        server.run("stdio")
