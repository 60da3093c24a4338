"""Prompt caches over LiteLLM's real HTTP path: what is marked, what stays the same byte for byte, what it costs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.agents.model_request import arguments_of, needs_marks
from botkit.agents.model_target import Target
from botkit.agents.models import Models
from botkit.core.config.models.llm import ModelSpec
from botkit.core.models import ModelReply, ModelRequest
from botkit.testing.clock import ManualClock
from botkit.testing.llm import Call, FakeLLM, Reply, Request
from botkit.testing.llm import Usage as Billed
from tests.agents.support import NOW, Bench, FakeTools, a_task, a_tool, row

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}
PROMPT = "You are the desk of a shop. " * 40
TOOLS = [
    a_tool("orders__get", "Look up an order.", order_id="string", required=["order_id"]),
    a_tool("orders__list", "List orders."),
]


KEYS = {"": "sk-instance-0000000000000000", "shop": "sk-shop-1111111111111111111", "lab": "sk-lab-22222222222222222222"}


class Keys:
    """Keys of workspaces, which may change."""

    def __init__(self) -> None:
        self.of = dict(KEYS)
        self.names: list[str] = []

    async def __call__(self, name: str, workspace: str) -> str | None:
        self.names.append(name)
        return self.of.get(workspace) or self.of[""]


def models_of(llm: FakeLLM, provider: LiteLLMProvider, name: str, keys: Keys | None = None, **more: Any) -> Models:
    base = {"openai": llm.openai_url, "anthropic": llm.anthropic_url}.get(name, llm.gemini_url)
    fields = {"model": MODELS[name], "api_base": base, "api_key": {"secret": "MODEL_KEY"}, **more}
    specs = {"main": ModelSpec.model_validate(fields)}
    return Models(lambda: specs, keys or Keys(), ManualClock(), provider=provider)


def marks(body: Any, path: str = "") -> list[str]:
    """Where a body has `cache_control`, in the order a provider reads it."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(body, dict):
        inner = list(cast("dict[str, Any]", body).items())
    elif isinstance(body, list):
        inner = list(enumerate(cast("list[Any]", body)))
    here = [path] if any(key == "cache_control" for key, _ in inner) else []
    return here + [found for key, value in inner for found in marks(value, f"{path}.{key}".lstrip("."))]


async def two_turns(llm: FakeLLM, provider: LiteLLMProvider, name: str) -> list[Request]:
    """Two messages of one person minutes apart, each with a round of tools."""
    llm.queue(
        Reply(calls=(Call("orders__get", {"order_id": "A-1"}, id="call_1"),)),
        Reply("It is on its way."),
        Reply(calls=(Call("orders__get", {"order_id": "A-2"}, id="call_2"),)),
        Reply("That one too."),
    )
    models = models_of(llm, provider, name)
    first = a_task("Where is A-1?", model="main", prompt=PROMPT)
    await Bench(models, FakeTools(*TOOLS)).run(first)
    later = a_task(
        "And A-2?",
        model="main",
        prompt=PROMPT,
        now=NOW + timedelta(minutes=4),
        history=(row("user", "Where is A-1?", 1), row("assistant", "It is on its way.", 2)),
    )
    await Bench(models, FakeTools(*TOOLS)).run(later)
    assert [request.refusal for request in llm.requests] == [""] * 4
    return llm.requests


async def test_claude_is_told_what_to_keep(llm: FakeLLM, provider: LiteLLMProvider):
    requests = await two_turns(llm, provider, "anthropic")

    stable, changing = requests[0].body["system"]
    assert stable["cache_control"] == {"type": "ephemeral"}
    assert stable["text"].startswith(PROMPT.strip())
    assert "It is Friday" in changing["text"]
    assert "cache_control" not in changing
    assert sorted(marks(requests[0].body)) == ["messages.0.content.0", "system.0", "tools.1"]
    assert sorted(marks(requests[1].body)) == ["messages.2.content.0", "system.0", "tools.1"]


@pytest.mark.parametrize("name", list(MODELS))
async def test_the_beginning_of_requests_is_the_same_byte_for_byte(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    first, second, later, _ = await two_turns(llm, provider, name)

    def prefix(request: Request) -> bytes:
        body = request.body
        parts: list[Any] = [body.get("tools")]
        if name == "anthropic":
            parts += [body["system"][0]]
        elif name == "openai":
            parts += [body["messages"][0]["content"][: len(PROMPT)]]
        else:
            parts += [json.dumps(body["system_instruction"], ensure_ascii=False)[: len(PROMPT)]]
        return json.dumps(parts).encode()

    assert prefix(first) == prefix(second) == prefix(later)
    assert len(prefix(first)) > len(PROMPT)
    # within a turn, all that was sent before is sent again in front of what is new
    turns = [
        json.loads(json.dumps(one.body).replace(', "cache_control": {"type": "ephemeral"}', ""))
        for one in (first, second)
    ]
    key = "contents" if name == "gemini" else "messages"
    before, after = (turn[key] for turn in turns)
    assert after[: len(before)] == before
    assert len(after) > len(before)


@pytest.mark.parametrize("name", ["openai", "gemini"])
async def test_others_find_it_by_themselves_and_are_sent_no_marks(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    for request in await two_turns(llm, provider, name):
        assert b"cache_control" not in request.raw


async def test_marks_can_be_switched_off(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("Hello.")
    await Bench(models_of(llm, provider, "anthropic", prompt_cache=False), FakeTools(*TOOLS)).run(a_task(model="main"))
    assert b"cache_control" not in llm.requests[0].raw


@pytest.mark.parametrize(
    ("model", "marked"),
    [
        ("anthropic/claude-sonnet-4-5", True),
        ("bedrock/anthropic.claude-sonnet-4-20250514-v1:0", True),
        ("bedrock/us.amazon.nova-pro-v1:0", True),
        ("vertex_ai/claude-sonnet-4@20250514", True),
        ("openrouter/anthropic/claude-sonnet-4", True),
        ("bedrock/meta.llama3-70b-instruct-v1:0", False),
        ("openai/gpt-4o", False),
        ("gemini/gemini-2.5-pro", False),
    ],
)
async def test_who_needs_marks(model: str, marked: bool):
    assert needs_marks(Target(name=model)) is marked
    assert not needs_marks(Target(name=model, prompt_cache=False))


async def test_bedrock_is_sent_cache_points(provider: LiteLLMProvider):
    """No server of ours speaks Bedrock: the last step is the transformation that LiteLLM makes before it sends."""
    await provider.load()
    from litellm.llms.bedrock.chat.converse_transformation import AmazonConverseConfig

    target = Target(name="bedrock/anthropic.claude-sonnet-4-20250514-v1:0")
    request = ModelRequest(
        model="main",
        messages=({"role": "system", "content": "Stable. Now."}, {"role": "user", "content": "Hi"}),
        stable_chars=7,
    )
    arguments = arguments_of(target, request, holds_schema=False)
    made: Any = AmazonConverseConfig()
    body = made.transform_request(
        model="anthropic.claude-sonnet-4-20250514-v1:0",
        messages=arguments["messages"],
        optional_params={"maxTokens": 10},
        litellm_params={},
        headers={},
    )
    assert body["system"] == [{"text": "Stable."}, {"cachePoint": {"type": "default"}}, {"text": " Now."}]


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────


async def replied(models: Models, workspace: str = "") -> ModelReply:
    request = ModelRequest(model="main", messages=({"role": "user", "content": "Hi"},), workspace=workspace)
    (reply,) = [item async for item in models.stream(request) if isinstance(item, ModelReply)]
    return reply


async def test_tokens_that_go_into_a_cache_and_come_out_of_it_have_their_price(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("Done.", usage=Billed(1000, 20, cached_tokens=300, cache_write_tokens=600))
    usage = (await replied(models_of(llm, provider, "anthropic"))).usage

    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (1000, 300, 600)
    assert usage.cost_micros == round(100 * 3 + 300 * 0.3 + 600 * 3.75 + 20 * 15)
    assert not usage.unpriced


async def test_so_they_have_with_a_price_of_bots_yaml(llm: FakeLLM, provider: LiteLLMProvider):
    price = {
        "input_per_million": 1,
        "output_per_million": 2,
        "cached_input_per_million": 0.5,
        "cache_write_per_million": 4,
    }
    llm.say("Done.", usage=Billed(1000, 20, cached_tokens=300, cache_write_tokens=600))
    usage = (await replied(models_of(llm, provider, "anthropic", price=price))).usage
    assert usage.cost_micros == 100 + 150 + 2400 + 40


async def test_a_model_nobody_priced_says_so(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("Done.", usage=Billed(1000, 20))
    usage = (await replied(models_of(llm, provider, "openai", model="openai/our-own-model"))).usage
    assert (usage.cost_micros, usage.unpriced) == (0, True)


# ── keys of workspaces ───────────────────────────────────────────────────────────────────────────────────────


def key_in(request: Request) -> str:
    headers = request.headers
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or headers["authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("name", list(MODELS))
async def test_calls_with_different_keys_share_no_connection(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    models = models_of(llm, provider, name)
    for workspace in ("shop", "lab", "shop", "", "lab"):
        llm.say("Done.")
        await replied(models, workspace)

    keys = [key_in(request) for request in llm.requests]
    assert keys == [KEYS[workspace] for workspace in ("shop", "lab", "shop", "", "lab")]
    used: dict[tuple[str, int], set[str]] = {}
    for key, request in zip(keys, llm.requests, strict=True):
        used.setdefault(request.connection, set()).add(key)
    assert all(len(keys) == 1 for keys in used.values())
    assert len(used) == 3  # each is used again by its own key


async def test_another_key_is_used_from_the_next_call_on(llm: FakeLLM, provider: LiteLLMProvider):
    keys = Keys()
    models = models_of(llm, provider, "openai", keys)
    llm.queue(Reply("One."), Reply("Two."), Reply("Three."))
    await replied(models, "shop")
    keys.of["shop"] = "sk-shop-rotated-333333333333"
    await replied(models, "shop")
    del keys.of["shop"]
    await replied(models, "shop")

    assert [key_in(request) for request in llm.requests] == [
        KEYS["shop"],
        "sk-shop-rotated-333333333333",
        KEYS[""],
    ]


async def test_without_a_name_the_usual_one_of_the_provider_is_looked_up():
    keys = Keys()
    keys.of = {"": ""}
    specs = {
        "named": ModelSpec.model_validate({"model": "openai/gpt-4o"}),
        "own": ModelSpec.model_validate({"model": "openai/gpt-4o", "api_base": "http://127.0.0.1:9/v1"}),
    }
    from botkit.agents.models import key_name

    assert key_name(specs["named"]) == "OPENAI_API_KEY"
    assert key_name(specs["own"]) == ""  # a server of one's own is given no key that nobody named for it
    assert key_name(ModelSpec(model="demo/offline")) == ""
