"""The agent through LiteLLM's real HTTP path, against servers that keep the providers' rules.

One module, one event loop and one import of LiteLLM, which takes seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
import pytest

from botkit.agents.litellm_model import LiteLLMProvider, Target
from botkit.agents.models import Models, RetryPolicy
from botkit.core.config.models.llm import ModelSpec
from botkit.core.errors import ModelError, ModelRateLimited, ModelRefused, ModelUnavailable
from botkit.core.models import Model, ModelDelta, ModelReply, ModelRequest, Usage
from botkit.runs.context import Stopped
from botkit.testing.clock import ManualClock
from botkit.testing.llm import Call, Cut, FakeLLM, Garbage, Hang, MidStreamError, Reply, Request, Status, Trouble
from botkit.testing.llm import Usage as Billed
from tests.agents.support import Bench, FakeTools, a_task, a_tool, row

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.usefixtures("provider"),
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

KEY = "sk-test-canary-0123456789abcdef"
PROVIDERS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "gemini-3": "gemini/gemini-3-pro-preview",
}
ORDERS = a_tool("orders__get", "Look up an order.", order_id="string", required=["order_id"])
PING = a_tool("status__ping", "Takes nothing.")
CREATE = a_tool(
    "github__create",
    "A schema as real servers have them.",
    title={"type": "string", "title": "Title", "minLength": 1},
    labels={"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
    kind={"enum": ["bug", "task"], "type": "string"},
    priority={"type": "integer", "enum": [1, 2, 3]},
    meta={"type": "object", "additionalProperties": {"type": "string"}},
)


@pytest.fixture(params=list(PROVIDERS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def spec_of(llm: FakeLLM, name: str, **more: Any) -> ModelSpec:
    base = {"openai": llm.openai_url, "anthropic": llm.anthropic_url}.get(name, llm.gemini_url)
    fields = {"model": PROVIDERS[name], "api_base": base, "api_key": {"secret": "MODEL_KEY"}, **more}
    return ModelSpec.model_validate(fields)


class Impatient(ManualClock):
    """Sleeps end at once; how long they would have been is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def models_of(
    provider: LiteLLMProvider,
    specs: Mapping[str, ModelSpec],
    clock: ManualClock | None = None,
    *,
    attempts: int = 3,
) -> Models:
    async def key(secret: str, workspace: str) -> str | None:
        return KEY if secret == "MODEL_KEY" else None

    return Models(lambda: specs, key, clock or Impatient(), retry=RetryPolicy(attempts=attempts), provider=provider)


def request_of(text: str = "Hi", **more: Any) -> ModelRequest:
    return ModelRequest(model="main", messages=({"role": "user", "content": text},), timeout_s=60, **more)


async def collect(model: Model, request: ModelRequest) -> tuple[str, ModelReply]:
    """What a person would have on the screen at the end, and the reply."""
    shown = ""
    async for item in model.stream(request):
        if isinstance(item, ModelReply):
            return shown, item
        assert isinstance(item, ModelDelta)
        shown = item.text if item.reset else shown + item.text
    raise AssertionError("no reply")


def refusals(llm: FakeLLM) -> list[str]:
    return [request.refusal for request in llm.requests if request.refusal]


# ── whole turns on every wire format ─────────────────────────────────────────────────────────────────────────


async def test_a_turn_with_tools_keeps_the_rules_of_every_provider(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.queue(
        Reply(
            "Let me look.",
            (Call("orders__get", {"order_id": "A"}), Call("orders__get", {"order_id": "B"}), Call("status__ping", {})),
            usage=Billed(100, 20, 40),
        ),
        Reply(calls=(Call("github__create", {"title": "x", "kind": "bug"}),), usage=Billed(200, 10)),
        Reply("A and B are shipped.", usage=Billed(300, 30)),
    )
    bench = Bench(
        models_of(provider, {"main": spec_of(llm, name)}),
        FakeTools(ORDERS, PING, CREATE, get=lambda arguments: f"{arguments['order_id']} shipped"),
    )
    history = (
        row("user", "Earlier", 1),
        row("assistant", "", 2, calls=[{"id": "old_1", "name": "status__ping", "arguments": "{}"}]),
        row("tool", "pong", 3, call_id="old_1", name="status__ping"),
        row("assistant", "It works.", 4),
    )

    outcome = await bench.run(a_task("Where are A and B?", model="main", history=history))

    assert refusals(llm) == []
    assert (outcome.error, outcome.text, outcome.iterations) == (None, "A and B are shipped.", 2)
    assert bench.sink.shown == "A and B are shipped."
    assert [effect[0] for effect in bench.tools.effects] == [
        "orders__get",
        "orders__get",
        "status__ping",
        "github__create",
    ]
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens, outcome.usage.cached_tokens) == (600, 60, 40)
    assert outcome.breakdown.total == 660
    assert outcome.model == PROVIDERS[name]


async def test_the_polite_last_answer_forbids_tools_in_every_format(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.call("orders__get", order_id="A").call("orders__get", order_id="B").say("That is all I know.")
    bench = Bench(models_of(provider, {"main": spec_of(llm, name)}), FakeTools(ORDERS))

    outcome = await bench.run(a_task("Go on forever", model="main", max_iterations=1))

    assert refusals(llm) == []
    assert (outcome.state, outcome.text) == ("limit_reached", "That is all I know.")
    body = llm.requests[-1].body
    choice = body.get("tool_choice") or body["toolConfig"]["functionCallingConfig"]["mode"]
    assert choice in ("none", {"type": "none"}, "NONE")


async def test_an_empty_answer_and_the_question_after_it_keep_the_rules(
    llm: FakeLLM, provider: LiteLLMProvider, name: str
):
    llm.queue(Reply()).say("Here I am.")
    bench = Bench(models_of(provider, {"main": spec_of(llm, name)}), FakeTools(ORDERS))

    outcome = await bench.run(a_task("Hello?", model="main"))

    assert refusals(llm) == []
    assert outcome.text == "Here I am."


@pytest.mark.parametrize("written", ['{"order_id": "A",}', "{'order_id': 'A'}", '{"order_id": "A"'])
async def test_invalid_argument_json_on_the_wire_is_mended(llm: FakeLLM, provider: LiteLLMProvider, written: str):
    llm.queue(Reply(calls=(Call("orders__get", written),))).say("Found.")
    bench = Bench(models_of(provider, {"main": spec_of(llm, "openai")}), FakeTools(ORDERS))

    outcome = await bench.run(a_task(model="main"))

    assert bench.tools.effects == [("orders__get", {"order_id": "A"})]
    assert outcome.text == "Found."
    assert refusals(llm) == []


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rate_limit_is_waited_out_as_long_as_the_provider_asks(
    llm: FakeLLM, provider: LiteLLMProvider, name: str
):
    llm.fail(429, retry_after_s=1.5).say("Here.")
    clock = Impatient()

    shown, reply = await collect(models_of(provider, {"main": spec_of(llm, name)}, clock), request_of())

    assert (shown, reply.attempts) == ("Here.", 2)
    assert clock.slept == [1.5]


async def test_a_server_error_is_tried_again_with_growing_waits(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.fail(500).fail(503).say("Here.")
    clock = Impatient()

    _, reply = await collect(models_of(provider, {"main": spec_of(llm, name)}, clock), request_of())

    assert reply.text == "Here."
    assert 0.3 < clock.slept[0] < 0.7 < clock.slept[1] < 1.3


async def test_errors_that_do_not_pass_are_told_with_their_kind(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    models = models_of(provider, {"main": spec_of(llm, name)})
    expected: list[tuple[list[Status], type[ModelError]]] = [
        ([Status(429, retry_after_s=99)], ModelRateLimited),
        ([Status(500)] * 3, ModelUnavailable),
        ([Status(401)], ModelRefused),
        ([Status(400)], ModelRefused),
        ([Status(404)], ModelRefused),
    ]
    for steps, kind in expected:
        llm.queue(*steps)
        with pytest.raises(kind) as caught:
            await collect(models, request_of())
        assert type(caught.value) is kind, steps
        assert KEY not in str(caught.value)
        assert PROVIDERS[name] in str(caught.value)
    assert len(llm.requests) == 7  # only the server errors were worth asking again


async def test_a_prompt_that_is_too_long_is_named_as_such(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    message = {
        "openai": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    }.get(name, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")
    llm.fail(400, message=message)

    with pytest.raises(ModelRefused) as caught:
        await collect(models_of(provider, {"main": spec_of(llm, name)}), request_of())

    assert caught.value.facts["too_long"] is True


@pytest.mark.parametrize(
    "trouble", [Cut(after=5), MidStreamError(after=5), Garbage(after=5)], ids=["cut", "error", "garbage"]
)
async def test_a_broken_stream_is_taken_back_and_asked_for_again(
    llm: FakeLLM, provider: LiteLLMProvider, name: str, trouble: Trouble
):
    llm.say("The beginning of an answer that breaks off", trouble=trouble).say("The whole answer.")

    shown, reply = await collect(models_of(provider, {"main": spec_of(llm, name)}), request_of())

    assert shown == reply.text == "The whole answer."
    assert reply.attempts == 2
    assert reply.usage.estimated  # the broken attempt was billed too, nobody said how much


async def test_when_the_model_stays_down_its_fallback_answers(llm: FakeLLM, provider: LiteLLMProvider):
    specs = {"main": spec_of(llm, "openai", fallbacks=["other"]), "other": spec_of(llm, "anthropic")}
    llm.queue(Status(500), Reply("half of an ans", trouble=Cut(after=2)), Status(500), Reply("From the other."))

    shown, reply = await collect(models_of(provider, specs), request_of())

    assert shown == reply.text == "From the other."
    assert (reply.model, reply.attempts) == (PROVIDERS["anthropic"], 4)
    assert [request.provider for request in llm.requests] == ["openai"] * 3 + ["anthropic"]


async def test_a_fallback_reads_what_another_provider_began(llm: FakeLLM, provider: LiteLLMProvider):
    specs = {"main": spec_of(llm, "gemini-3", fallbacks=["other"]), "other": spec_of(llm, "openai")}
    llm.call("orders__get", order_id="A").queue(Status(401)).say("Done elsewhere.")
    bench = Bench(models_of(provider, specs), FakeTools(ORDERS))

    outcome = await bench.run(a_task(model="main"))

    assert refusals(llm) == []  # Gemini's long signed ids were made short for OpenAI
    assert outcome.text == "Done elsewhere."


async def test_the_last_resort_needs_no_network(llm: FakeLLM, provider: LiteLLMProvider):
    specs = {"main": spec_of(llm, "openai", fallbacks=["demo/offline"])}
    llm.fail(401)

    _, reply = await collect(models_of(provider, specs), request_of("Who are you?"))

    assert reply.model == "demo/offline"


async def test_a_missing_key_names_the_secret_to_set(llm: FakeLLM, provider: LiteLLMProvider):
    specs = {"main": spec_of(llm, "openai", api_key={"secret": "OTHER"})}

    with pytest.raises(ModelRefused, match="botkit secrets set OTHER"):
        await collect(models_of(provider, specs), request_of())


async def test_stopping_closes_the_connection_to_the_provider(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.say("A very long answer that nobody waits for", trouble=Hang(asyncio.Event(), after=3))
    bench = Bench(models_of(provider, {"main": spec_of(llm, name)}))
    turn = asyncio.create_task(bench.run(a_task(model="main")))
    request = await llm.wait_for_request(1)
    assert bench.ctx is not None

    bench.ctx.stop.set()
    with pytest.raises(Stopped):
        await turn
    await asyncio.wait_for(request.done.wait(), 45)

    assert request.hung_up
    assert bench.billed[0].usage.estimated


async def test_a_provider_that_never_answers_is_given_up_in_time(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("never", trouble=Hang(asyncio.Event())).say("never", trouble=Hang(asyncio.Event()))
    models = models_of(provider, {"main": spec_of(llm, "openai", timeout_s=1.0)}, attempts=2)

    with pytest.raises(ModelUnavailable):
        await collect(models, request_of())

    assert len(llm.requests) == 2


# ── money, keys, network ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "micros"),
    [
        ("openai", 60 * 2.5 + 40 * 1.25 + 20 * 10),
        ("anthropic", 60 * 3 + 40 * 0.3 + 20 * 15),
        ("gemini", 60 * 0.3 + 40 * 0.03 + 20 * 2.5),
    ],
)
async def test_a_call_is_priced_by_the_built_in_list(llm: FakeLLM, provider: LiteLLMProvider, name: str, micros: float):
    llm.say("Done.", usage=Billed(100, 20, 40))

    _, reply = await collect(models_of(provider, {"main": spec_of(llm, name)}), request_of())

    assert reply.usage == Usage(input_tokens=100, output_tokens=20, cached_tokens=40, cost_micros=round(micros))


async def test_a_price_of_bots_yaml_replaces_the_built_in_one(llm: FakeLLM, provider: LiteLLMProvider):
    price = {"input_per_million": 1, "output_per_million": 2, "cached_input_per_million": 0.5}
    llm.say("Done.", usage=Billed(100, 20, 40))

    _, reply = await collect(models_of(provider, {"main": spec_of(llm, "openai", price=price)}), request_of())

    assert reply.usage.cost_micros == 60 + 20 + 40


async def test_the_key_travels_in_the_request_only(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.say("Done.")

    await collect(models_of(provider, {"main": spec_of(llm, name)}), request_of())

    headers = dict(llm.requests[0].headers)
    assert KEY in (headers.get("x-api-key"), headers.get("x-goog-api-key"), headers.get("authorization", "")[7:])
    assert KEY not in str(os.environ)
    assert KEY not in repr(provider)


async def test_a_request_carries_the_settings_of_the_model(llm: FakeLLM, provider: LiteLLMProvider):
    spec = spec_of(llm, "openai", temperature=0.3, max_output_tokens=77, params={"seed": 5})
    llm.say("Done.")

    await collect(models_of(provider, {"main": spec}), request_of())

    body = llm.requests[0].body
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.3, 77, 5)


async def test_sampling_a_reasoning_model_does_not_take_is_left_out(llm: FakeLLM, provider: LiteLLMProvider):
    spec = spec_of(llm, "openai", model="openai/gpt-5-mini", temperature=0.3)
    llm.say("Done.")

    _, reply = await collect(models_of(provider, {"main": spec}), request_of())

    assert reply.text == "Done."
    assert refusals(llm) == []
    assert "temperature" not in llm.requests[0].body


async def test_a_provider_that_can_be_held_to_a_schema_is(llm: FakeLLM, provider: LiteLLMProvider):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    llm.say('{"city": "Rome"}')
    request = msgspec.structs.replace(request_of(), response_schema=schema)

    _, reply = await collect(models_of(provider, {"main": spec_of(llm, "openai")}), request)

    assert reply.text == '{"city": "Rome"}'
    assert refusals(llm) == []
    assert llm.requests[0].body["response_format"]["json_schema"]["schema"] == schema


async def test_the_windows_of_models_are_known(llm: FakeLLM, provider: LiteLLMProvider):
    specs = {"main": spec_of(llm, "anthropic", fallbacks=["small", "demo/offline"]), "small": spec_of(llm, "openai")}
    models = models_of(provider, specs)

    assert models.window_tokens("main") == 128_000
    assert models.window_tokens("small") == 128_000
    assert models.window_tokens("openai/nobody-knows-this") == 0


async def test_nothing_but_the_configured_address_is_contacted(
    llm: FakeLLM, provider: LiteLLMProvider, monkeypatch: pytest.MonkeyPatch
):
    loop = asyncio.get_running_loop()
    contacted: list[Any] = []
    resolve = loop.getaddrinfo

    async def watched(host: Any, *args: Any, **kwargs: Any) -> Any:
        contacted.append(host)
        return await resolve(host, *args, **kwargs)

    monkeypatch.setattr(loop, "getaddrinfo", watched)
    llm.call("orders__get", order_id="A").say("Done.")

    await Bench(models_of(provider, {"main": spec_of(llm, "openai")}), FakeTools(ORDERS)).run(a_task(model="main"))

    assert {str(host) for host in contacted} <= {"127.0.0.1"}
    module = await provider.load()
    assert module.telemetry is False
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


async def test_a_script_that_reacts_sees_the_prompt_of_the_bot(provider: LiteLLMProvider):
    def echo(request: Request) -> Reply:
        return Reply(str(request.body["messages"][0]["content"])[:18])

    async with FakeLLM(echo) as llm:
        outcome = await Bench(models_of(provider, {"main": spec_of(llm, "openai")})).run(a_task(model="main"))

    assert outcome.text == "You are the desk."


def open_pools() -> int:
    return sum(isinstance(one, aiohttp.ClientSession) and not one.closed for one in gc.get_objects())


async def test_calls_with_different_deadlines_share_their_connections(llm: FakeLLM, provider: LiteLLMProvider):
    """Each call has what is left of its turn as its deadline; a connection pool for each would pile up."""
    target = Target(name="openai/gpt-4o", api_base=llm.openai_url, api_key=KEY)
    before = open_pools()
    for number in range(5):
        llm.say("hello")
        async for _ in provider.stream(target, request_of(), timeout_s=30 + number / 7):
            pass
    assert open_pools() - before <= 1
