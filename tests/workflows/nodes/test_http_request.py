"""Requests leave as written, come back typed, are repeated only where that is harmless, and keep their secrets."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.outbound import HttpReply, HttpRequest, HttpUnanswered, HttpUnsent, SecretPart
from botkit.runs.context import EffectUnknown
from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.http_request import HttpRequestNode

VARIABLES = {"order": {"id": "A-17", "total": 5}, "secret_looking": "{{ secrets.API }}"}


class Web:
    """Gives back what it was told to."""

    def __init__(self, *answers: HttpReply | Exception):
        self.answers = list(answers)
        self.sent: list[HttpRequest] = []
        self.workspaces: list[str] = []

    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        self.sent.append(request)
        self.workspaces.append(workspace)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def bench(data: dict[str, Any], *answers: HttpReply | Exception, **more: Any) -> tuple[NodeBench, Web]:
    web = Web(*answers)
    fields = {"url": "https://api.example.com/orders", **data}
    return NodeBench(HttpRequestNode, fields, variables=VARIABLES, services={"http": web}, **more), web


OK = HttpReply(status=200, headers={"content-type": "application/json"}, body=b'{"ok": [1]}', url="https://x/")


async def test_an_answer_is_typed_and_a_replay_sends_nothing() -> None:
    node, web = bench({}, OK)

    outcome = await node.run()
    assert outcome == Outcome(
        output={
            "status": 200,
            "headers": {"content-type": "application/json"},
            "body": '{"ok": [1]}',
            "json": {"ok": [1]},
            "url": "https://x/",
        }
    )
    assert await node.again() == outcome
    assert len(web.sent) == 1
    assert web.workspaces == ["default"]


@pytest.mark.parametrize(
    ("data", "request_"),
    [
        (
            {"url": "https://api.example.com/orders/{{ order.id }}", "query": {"a": ["x", 1], "b": True, "c": None}},
            HttpRequest(method="GET", url="https://api.example.com/orders/A-17", query={"a": ["x", "1"], "b": "true"}),
        ),
        (
            {"method": "PUT", "body": {"total": "{{ order.total }}"}},
            HttpRequest(
                method="PUT",
                url="https://api.example.com/orders",
                headers={"Content-Type": "application/json"},
                body=b'{"total":5}',
            ),
        ),
        (
            {"method": "POST", "body": "hi", "headers": {"X-Order": "{{ order.total }}"}},
            HttpRequest(
                method="POST",
                url="https://api.example.com/orders",
                headers={"X-Order": "5", "Content-Type": "text/plain; charset=utf-8"},
                body=b"hi",
            ),
        ),
        (
            {"method": "POST", "bodyKind": "form", "body": {"a": "1 2", "b": ["x", "y"]}},
            HttpRequest(
                method="POST",
                url="https://api.example.com/orders",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=b"a=1+2&b=x&b=y",
            ),
        ),
        (
            {"auth": {"secret": "API"}},
            HttpRequest(
                method="GET",
                url="https://api.example.com/orders",
                secrets=(SecretPart(secret="API", before="Bearer "),),
            ),
        ),
        (
            {"auth": {"secret": "API", "kind": "basic", "user": "me"}},
            HttpRequest(
                method="GET",
                url="https://api.example.com/orders",
                secrets=(SecretPart(secret="API", encode="basic", user="me"),),
            ),
        ),
        (
            {"headers": {"X-Key": {"secret": "API", "before": "k "}}},
            HttpRequest(
                method="GET",
                url="https://api.example.com/orders",
                secrets=(SecretPart(secret="API", name="X-Key", before="k "),),
            ),
        ),
        (
            {"auth": {"secret": "API", "kind": "query", "name": "key"}},
            HttpRequest(
                method="GET",
                url="https://api.example.com/orders",
                secrets=(SecretPart(secret="API", place="query", name="key"),),
            ),
        ),
    ],
)
async def test_a_request_leaves_as_it_was_written(data: dict[str, Any], request_: HttpRequest) -> None:
    node, web = bench(data, OK)
    await node.run()

    assert web.sent == [request_]


@pytest.mark.parametrize(
    ("method", "status", "retryable"),
    [("GET", 503, True), ("GET", 404, False), ("PUT", 500, True), ("POST", 500, False), ("POST", 429, True)],
)
async def test_a_status_that_is_no_success_takes_the_error_edge(method: str, status: int, retryable: bool) -> None:
    reply = HttpReply(status=status, headers={"retry-after": "7"}, body=b'{"error": "no such order"}')
    node, _ = bench({"method": method}, reply)

    with pytest.raises(NodeFailed) as caught:
        await node.run()
    assert caught.value.code == "http_status"
    assert (caught.value.retryable, caught.value.retry_after_s) == (retryable, 7)
    assert "no such order" in str(caught.value)


async def test_the_operator_says_which_statuses_are_a_success() -> None:
    node, _ = bench({"ok_statuses": [404]}, HttpReply(status=404))

    outcome = await node.run()
    assert isinstance(outcome, Outcome)
    assert outcome.output["status"] == 404
    with pytest.raises(NodeFailed):
        await bench({"ok_statuses": [404]}, OK)[0].run()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_what_may_be_repeated_fails_in_a_way_that_is_retried(method: str) -> None:
    node, _ = bench({"method": method}, HttpUnanswered("no answer came"))

    with pytest.raises(NodeFailed) as caught:
        await node.run()
    assert caught.value.retryable
    assert node.ctx.once == set()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_must_not_be_repeated_is_left_to_an_operator_when_its_answer_is_lost(method: str) -> None:
    node, _ = bench({"method": method}, HttpUnanswered("no answer came"))

    with pytest.raises(EffectUnknown):
        await node.run()
    assert node.ctx.once == {"node/send"}


async def test_an_idempotency_header_makes_a_repeat_harmless_and_is_the_same_at_every_attempt() -> None:
    keys: list[str] = []
    for path in ("loop/0/node", "loop/0/node@1", "loop/1/node"):
        node, web = bench({"method": "POST", "idempotencyHeader": "Idempotency-Key"}, HttpUnanswered("lost"))
        node.ctx.path = path
        with pytest.raises(NodeFailed) as caught:
            await node.run()
        assert caught.value.retryable
        assert node.ctx.once == set()
        keys.append(web.sent[0].headers["Idempotency-Key"])

    assert keys[0] == keys[1] != keys[2]


async def test_what_was_never_sent_fails_with_its_reason() -> None:
    node, _ = bench({"method": "POST"}, HttpUnsent("10.0.0.1 lies in a private network", code="address_blocked"))

    with pytest.raises(NodeFailed) as caught:
        await node.run()
    assert (caught.value.code, caught.value.retryable) == ("address_blocked", False)
    assert "node/send" in node.ctx.steps, "after a crash nobody has to find out whether it was sent"


async def test_a_variable_that_looks_like_a_secret_is_only_text() -> None:
    node, web = bench({"headers": {"X-A": "{{ secret_looking }}"}}, OK)
    await node.run()

    assert web.sent[0].headers == {"X-A": "{{ secrets.API }}"}
    assert web.sent[0].secrets == ()


@pytest.mark.parametrize(
    "data",
    [
        {"url": "file:///etc/passwd"},
        {"url": "https://user:pass@example.com"},
        {"url": "https://example.com/a b"},
        {"url": "https://"},
        {"headers": {"Host": "evil"}},
        {"headers": {"X A": "1"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
    ],
)
async def test_what_must_not_be_sent_is_refused_before_and_at_run_time(data: dict[str, Any]) -> None:
    assert HttpRequestNode.check({"url": "https://x.example", **data})
    node, web = bench(data, OK)
    with pytest.raises(NodeFailed) as caught:
        await node.run()

    assert caught.value.code == "invalid_config"
    assert web.sent == []


async def test_a_line_break_in_a_header_is_refused() -> None:
    node, web = bench({"headers": {"X-A": "a\r\nX-B: b"}}, OK)
    with pytest.raises(NodeFailed):
        await node.run()

    assert web.sent == []


async def test_an_error_does_not_show_the_parameters_of_the_address() -> None:
    node, _ = bench({"url": "https://api.example.com/a?token=hunter2"}, HttpReply(status=500))
    with pytest.raises(NodeFailed) as caught:
        await node.run()

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("decision", "body"),
    [
        ({"action": "result", "result": {"paid": True}}, {"paid": True}),
        ({"action": "result", "result": '{"paid": true}'}, {"paid": True}),
        ({"action": "fail", "message": "They never got it."}, None),
    ],
)
async def test_what_an_operator_found_out_counts_as_the_answer(
    decision: dict[str, Any], body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, web = bench({"method": "POST"})

    async def decided(name: str, run: Any, *, resolve: Any, **more: Any) -> Any:
        return resolve(decision)

    monkeypatch.setattr(node.ctx, "scoped", decided)
    if body is None:
        with pytest.raises(NodeFailed) as caught:
            await node.run()
        assert str(caught.value) == "They never got it."
    else:
        outcome = await node.run()
        assert isinstance(outcome, Outcome)
        assert outcome.output["json"] == body
    assert web.sent == []
