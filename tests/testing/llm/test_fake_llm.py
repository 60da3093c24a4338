"""The fake providers answer what real clients can read, and refuse what real providers refuse."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from botkit.testing.llm import Call, Cut, FakeLLM, Garbage, Hang, MidStreamError, Reply, Status, Usage

Refusals = list[tuple[dict[str, Any], str]]
"""A change to a good request, and part of the reason it is refused with."""

TOOL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order_id": {"type": "string"}},
    "required": ["order_id"],
}


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=45, verify=False) as client:
        yield client


def openai_body(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], **more}


def anthropic_body(**more: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}], **more}


def gemini_body(**more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **more}


async def post_openai(llm: FakeLLM, http: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    return await http.post(f"{llm.openai_url}/chat/completions", json=body, headers={"authorization": "Bearer sk-t"})


def stream_openai(llm: FakeLLM, http: httpx.AsyncClient) -> AbstractAsyncContextManager[httpx.Response]:
    url, headers = f"{llm.openai_url}/chat/completions", {"authorization": "Bearer sk-t"}
    return http.stream("POST", url, json=openai_body(stream=True), headers=headers)


async def post_anthropic(llm: FakeLLM, http: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    headers = {"x-api-key": "sk-ant-t", "anthropic-version": "2023-06-01"}
    return await http.post(f"{llm.anthropic_url}/v1/messages", json=body, headers=headers)


async def post_gemini(
    llm: FakeLLM, http: httpx.AsyncClient, body: dict[str, Any], model: str = "gemini-2.5-flash", method: str = ""
) -> httpx.Response:
    url = f"{llm.gemini_url}/models/{model}:{method or 'generateContent'}"
    return await http.post(url, json=body, headers={"x-goog-api-key": "g-t"})


def events(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def test_an_openai_stream_carries_text_and_tool_calls_in_deltas(llm: FakeLLM, http: httpx.AsyncClient):
    llm.queue(Reply("Looking it up.", (Call("orders__get", {"order_id": "ORD-1"}), Call("notes__list", {}))))

    response = await post_openai(llm, http, openai_body(stream=True, stream_options={"include_usage": True}))

    chunks = events(response)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Looking it up."
    arguments = {0: "", 1: ""}
    for delta in deltas:
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] += call["function"].get("arguments", "")
    assert json.loads(arguments[0]) == {"order_id": "ORD-1"}
    assert json.loads(arguments[1]) == {}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert response.text.endswith("data: [DONE]\n\n")


async def test_openai_answers_fit_the_official_types(llm: FakeLLM, http: httpx.AsyncClient):
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    reply = Reply("Done.", (Call("orders__get", {"order_id": "ORD-1"}),), usage=Usage(10, 4, 6))
    llm.queue(reply, reply)

    whole = await post_openai(llm, http, openai_body())
    streamed = await post_openai(llm, http, openai_body(stream=True))

    completion = ChatCompletion.model_validate(whole.json(), strict=True)
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (10, 4)
    for chunk in events(streamed):
        ChatCompletionChunk.model_validate(chunk, strict=True)


OPENAI_REFUSALS: Refusals = [
    ({"messages": []}, "empty array"),
    ({"tools": []}, "empty array"),
    ({"tool_choice": "none"}, "only allowed when 'tools'"),
    ({"stream_options": {"include_usage": True}}, "only allowed when 'stream'"),
    ({"surprise": 1}, "Unrecognized request argument supplied: surprise"),
    ({"tools": [{"type": "function", "function": {"name": "a.b", "parameters": TOOL_SCHEMA}}]}, "pattern"),
    ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]}, "Invalid schema"),
    ({"model": "gpt-5-mini", "max_tokens": 5}, "max_completion_tokens"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "1"}]}, "must be a response to"),
    ({"messages": [{"role": "assistant", "content": None}]}, "got null"),
]


@pytest.mark.parametrize(("change", "reason"), OPENAI_REFUSALS)
async def test_openai_refuses_a_malformed_request(
    llm: FakeLLM, http: httpx.AsyncClient, change: dict[str, Any], reason: str
):
    response = await post_openai(llm, http, openai_body(**change))

    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]
    assert llm.requests[0].refusal


async def test_openai_wants_an_answer_to_every_tool_call(llm: FakeLLM, http: httpx.AsyncClient):
    def call(number: int) -> dict[str, Any]:
        return {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    asked = {"role": "assistant", "content": None, "tool_calls": [call(1), call(2)]}
    half = [{"role": "user", "content": "x"}, asked, {"role": "tool", "tool_call_id": "c1", "content": "1"}]
    llm.say("fine")

    refused = await post_openai(llm, http, openai_body(messages=half))
    accepted = await post_openai(
        llm, http, openai_body(messages=[*half, {"role": "tool", "tool_call_id": "c2", "content": "2"}])
    )

    assert "did not have response messages: c2" in refused.json()["error"]["message"]
    assert accepted.json()["choices"][0]["message"]["content"] == "fine"


async def test_a_request_without_a_key_is_refused_by_all(llm: FakeLLM, http: httpx.AsyncClient):
    answers = [
        await http.post(f"{llm.openai_url}/chat/completions", json=openai_body()),
        await http.post(f"{llm.anthropic_url}/v1/messages", json=anthropic_body()),
        await http.post(f"{llm.gemini_url}/models/gemini-2.5-flash:generateContent", json=gemini_body()),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 403]


async def test_an_anthropic_stream_opens_and_closes_every_block(llm: FakeLLM, http: httpx.AsyncClient):
    llm.queue(Reply("Let me see.", (Call("orders__get", {"order_id": "ORD-1"}),), usage=Usage(30, 9, 10)))

    got = events(await post_anthropic(llm, http, anthropic_body(stream=True)))

    kinds = [event["type"] for event in got if event["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2
    written = "".join(event["delta"].get("partial_json", "") for event in got if event["type"] == "content_block_delta")
    assert json.loads(written) == {"order_id": "ORD-1"}
    start = got[0]["message"]["usage"]
    assert (start["input_tokens"], start["cache_read_input_tokens"]) == (20, 10)
    assert got[-2]["delta"]["stop_reason"] == "tool_use"


def tool_turn(*results: str, text: str = "") -> list[dict[str, Any]]:
    uses: list[dict[str, Any]] = [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}} for n in (1, 2)]
    content: list[dict[str, Any]] = [{"type": "tool_result", "tool_use_id": use, "content": "1"} for use in results]
    if text:
        content.insert(0, {"type": "text", "text": text})
    return [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": uses},
        {"role": "user", "content": content},
    ]


ANTHROPIC_REFUSALS: Refusals = [
    ({"messages": tool_turn("t1")}, "ids were found without `tool_result`"),
    ({"messages": tool_turn("t1", "t2", "t3")}, "unexpected `tool_use_id`"),
    ({"messages": tool_turn("t1", "t2", text="hm")}, "must come before any other content"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "first message must use"),
    ({"messages": [{"role": "user", "content": "x"}] * 2}, "roles must alternate"),
    ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
    ({"messages": [{"role": "system", "content": "x"}]}, "user"),
    ({"tools": [{"name": "f", "input_schema": {}}]}, "input_schema.type: Field required"),
    ({"tools": [{"name": "f", "input_schema": TOOL_SCHEMA}] * 2}, "unique"),
    ({"tools": None, "messages": tool_turn("t1", "t2")}, "must define any tools"),
    ({"max_tokens": None}, "max_tokens"),
    ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("change", "reason"), ANTHROPIC_REFUSALS)
async def test_anthropic_refuses_a_malformed_request(
    llm: FakeLLM, http: httpx.AsyncClient, change: dict[str, Any], reason: str
):
    body = anthropic_body(tools=[{"name": "f", "input_schema": TOOL_SCHEMA}]) | change

    response = await post_anthropic(llm, http, body)

    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


async def test_anthropic_accepts_a_complete_tool_turn(llm: FakeLLM, http: httpx.AsyncClient):
    llm.say("fine")
    body = anthropic_body(tools=[{"name": "f", "input_schema": TOOL_SCHEMA}], messages=tool_turn("t1", "t2"))

    assert (await post_anthropic(llm, http, body)).json()["content"] == [{"type": "text", "text": "fine"}]


async def test_a_gemini_stream_ends_with_a_finish_reason_and_the_bill(llm: FakeLLM, http: httpx.AsyncClient):
    llm.queue(Reply("Hello there", (Call("orders__get", {"order_id": "ORD-1"}),), usage=Usage(7, 3)))

    got = events(await post_gemini(llm, http, gemini_body(), method="streamGenerateContent?alt=sse"))

    parts = [part for event in got for part in event["candidates"][0]["content"]["parts"]]
    assert "".join(part.get("text", "") for part in parts) == "Hello there"
    assert parts[-1] == {"functionCall": {"name": "orders__get", "args": {"order_id": "ORD-1"}}}
    assert ["finishReason" in event["candidates"][0] for event in got] == [False, False, True]
    assert got[-1]["usageMetadata"] == {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}


def declare(**schema: Any) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", **schema}}]}]


CALLED: list[dict[str, Any]] = [
    {"role": "user", "parts": [{"text": "x"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
]
ANSWER = {"functionResponse": {"name": "f", "response": {"content": "1"}}}


GEMINI_REFUSALS: Refusals = [
    ({"tools": declare(additionalProperties=False)}, 'Unknown name "additionalProperties"'),
    ({"tools": declare(properties={})}, "should be non-empty for OBJECT type"),
    ({"tools": declare(properties={"a": {"type": "ARRAY"}})}, "items: missing field"),
    ({"tools": declare(properties={"a": {"type": "INTEGER", "enum": ["1"]}})}, "only allowed for STRING"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}, "without function_declarations"),
    ({"contents": []}, "contents is not specified"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
    ({"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
    ({"contents": CALLED}, "followed by a function response"),
    ({"contents": [*CALLED, {"role": "user", "parts": [ANSWER, ANSWER]}]}, "number of function response parts"),
    ({"contents": [{"role": "user", "parts": [ANSWER]}]}, "immediately after a function call"),
    ({"contents": CALLED[1:]}, "immediately after a user turn"),
]


@pytest.mark.parametrize(("change", "reason"), GEMINI_REFUSALS)
async def test_gemini_refuses_a_malformed_request(
    llm: FakeLLM, http: httpx.AsyncClient, change: dict[str, Any], reason: str
):
    response = await post_gemini(llm, http, gemini_body() | change)

    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


async def test_gemini_3_signs_its_calls_and_wants_the_signature_back(llm: FakeLLM, http: httpx.AsyncClient):
    llm.call("f").say("fine")
    called = (await post_gemini(llm, http, gemini_body(), "gemini-3-pro-preview")).json()["candidates"][0]["content"]
    answer = {"role": "user", "parts": [ANSWER]}
    unsigned = json.loads(json.dumps(called))
    del unsigned["parts"][0]["thoughtSignature"]
    forged = json.loads(json.dumps(called))
    forged["parts"][0]["thoughtSignature"] = base64.b64encode(b"other").decode()

    def body(turn: dict[str, Any]) -> dict[str, Any]:
        return {"contents": [CALLED[0], turn, answer]}

    without = await post_gemini(llm, http, body(unsigned), "gemini-3-pro-preview")
    wrong = await post_gemini(llm, http, body(forged), "gemini-3-pro-preview")
    right = await post_gemini(llm, http, body(called), "gemini-3-pro-preview")

    assert "missing a thought_signature" in without.json()["error"]["message"]
    assert "Corrupted" in wrong.json()["error"]["message"]
    assert right.status_code == 200


async def test_a_rate_limit_says_how_long_to_wait(llm: FakeLLM, http: httpx.AsyncClient):
    llm.fail(429, retry_after_s=1.5).fail(429, retry_after_s=2).fail(429, retry_after_s=3)

    openai = await post_openai(llm, http, openai_body())
    anthropic = await post_anthropic(llm, http, anthropic_body())
    gemini = await post_gemini(llm, http, gemini_body())

    assert (openai.status_code, openai.headers["retry-after"]) == (429, "1.5")
    assert anthropic.json()["error"]["type"] == "rate_limit_error"
    assert gemini.json()["error"]["details"][0]["retryDelay"] == "3s"


async def test_a_cut_stream_ends_in_the_middle(llm: FakeLLM, http: httpx.AsyncClient):
    llm.say("A long enough answer to be cut", trouble=Cut(after=3))
    got = ""

    async def read() -> None:
        nonlocal got
        async with stream_openai(llm, http) as response:
            async for text in response.aiter_text():
                got += text

    with pytest.raises(httpx.RemoteProtocolError):
        await read()

    assert got.count("data: ") == 3
    assert "[DONE]" not in got


async def test_a_hanging_answer_goes_on_when_it_is_told_to(llm: FakeLLM, http: httpx.AsyncClient):
    go_on = asyncio.Event()
    llm.say("Finally", trouble=Hang(go_on))

    pending = asyncio.create_task(post_openai(llm, http, openai_body()))
    request = await llm.wait_for_request(1)
    assert not request.done.is_set()
    go_on.set()

    assert (await pending).json()["choices"][0]["message"]["content"] == "Finally"
    assert not request.hung_up


async def test_the_server_notices_a_client_that_hangs_up(llm: FakeLLM, http: httpx.AsyncClient):
    llm.say("Never read to the end", trouble=Hang(asyncio.Event(), after=2))

    async with stream_openai(llm, http) as response:
        async for _ in response.aiter_text():
            break
    request = await llm.wait_for_request(1)
    await asyncio.wait_for(request.done.wait(), 45)

    assert request.hung_up


async def test_broken_json_and_provider_errors_arrive_inside_a_stream(llm: FakeLLM, http: httpx.AsyncClient):
    llm.say("hello world", trouble=Garbage(after=1)).say("hello world", trouble=MidStreamError(after=3))

    garbage = await post_openai(llm, http, openai_body(stream=True))
    failed = await post_anthropic(llm, http, anthropic_body(stream=True))

    with pytest.raises(json.JSONDecodeError):
        json.loads(garbage.content.splitlines()[-2].removeprefix(b"data: ").decode(errors="replace"))
    assert events(failed)[-1]["error"]["type"] == "overloaded_error"


async def test_an_exhausted_script_is_an_error_that_names_itself(llm: FakeLLM, http: httpx.AsyncClient):
    response = await post_openai(llm, http, openai_body())

    assert response.status_code == 500
    assert llm.unexpected == llm.requests


async def test_a_function_can_answer_from_the_request():
    def echo(request: Any) -> Reply | Status:
        return Reply(request.body["messages"][-1]["content"][::-1])

    async with FakeLLM(echo) as llm, httpx.AsyncClient(verify=False) as http:
        answer = (await post_openai(llm, http, openai_body())).json()

    assert answer["choices"][0]["message"]["content"] == "iH"


async def test_a_body_that_is_not_json_is_refused(llm: FakeLLM, http: httpx.AsyncClient):
    response = await http.post(f"{llm.openai_url}/chat/completions", content=b"{nope")

    assert response.status_code == 400
