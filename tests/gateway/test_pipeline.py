"""The gateway pipeline, with real server processes: what passes, what is refused, and what is recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from botkit.core.tools import NeedsApproval, NeedsInput, Principal, Progress, Result, arguments_digest
from botkit.gateway.settings import BotRules, GatewaySettings, Inject, Review, SecretName, ToolFilter, WorkspaceSettings
from botkit.gateway.upstream import Upstream
from tests.gateway.support import ADMIN, Bench, text_of, until

GUEST = Principal(id="eve", roles=("guest",))
MEMBER = Principal(id="bob", roles=("member",))
REVIEWED = {
    "raw__echo": Review(tool_class="read-only"),
    "raw__effect": Review(tool_class="write", idempotent=True),
    "raw__crash": Review(tool_class="destructive"),
}


async def test_a_call_returns_what_the_server_said_with_fields_nobody_knows(bench: Bench) -> None:
    await bench.start(bench.raw())
    tool = await bench.gateway.find_tool("main", ADMIN, "raw__echo")
    assert tool is not None
    assert tool.definition["x-unknown"] == {"kept": True}
    result = await bench.call("raw__echo", text="hi", run_id="run_1", step="turn/0", trace_id="t")
    assert result.content == {"content": [{"type": "text", "text": "hi"}], "x-unknown": {"kept": [1, None]}}
    record = result.record
    assert (record.status, record.server, record.tool, record.principal) == ("ok", "raw", "raw__echo", "ada")
    assert (record.run_id, record.step, record.trace_id) == ("run_1", "turn/0", "t")
    assert record.result_bytes > 0
    assert record.duration_ms > 0
    assert "hi" not in msgspec.json.encode(record).decode()


async def test_progress_arrives_before_the_result(bench: Bench) -> None:
    await bench.start(bench.raw())
    *progress, last = await bench.events("raw__progress")
    assert progress == [Progress(message=f"step {n}", progress=n, total=3) for n in (1, 2, 3)]
    assert isinstance(last, Result)


async def test_a_tools_own_failure_is_a_result_the_model_reads(bench: Bench) -> None:
    await bench.start(bench.raw())
    result = await bench.call("raw__fail")
    assert (result.is_error, result.record.status, text_of(result)) == (True, "error", "The printer is on fire.")
    result = await bench.call("raw__rpc_error")
    assert (result.is_error, result.record.code, text_of(result)) == (True, "rpc", "Broken inside")
    assert not result.unknown


async def test_metadata_says_who_asks_only_as_far_as_it_must(bench: Bench) -> None:
    await bench.start(bench.raw())
    result = await bench.call("raw__meta", idempotency_key="run_1/2")
    assert msgspec.json.decode(text_of(result)) == {"io.botkit/idempotency-key": "run_1/2"}


class TestRights:
    async def test_each_role_sees_and_calls_only_what_it_may(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews=REVIEWED)
        assert await bench.names(GUEST) == ["raw__echo"]
        assert await bench.names(MEMBER) == ["raw__echo", "raw__effect"]
        assert len(await bench.names(ADMIN)) > 20
        for principal, tool in ((GUEST, "raw__effect"), (MEMBER, "raw__crash"), (MEMBER, "raw__fail")):
            result = await bench.call(tool, principal)
            assert (result.is_error, result.sent, result.record.status) == (True, False, "denied")
            assert await bench.gateway.find_tool("main", principal, tool) is None
        assert bench.effect_lines() == []

    async def test_forbidden_looks_like_absent(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews=REVIEWED)
        forbidden, absent = await bench.call("raw__effect", GUEST), await bench.call("raw__effecx", GUEST)
        assert text_of(forbidden).replace("raw__effect", "X") == text_of(absent).replace("raw__effecx", "X")
        elsewhere = await bench.call("raw__echo", ADMIN, workspace="nowhere", text="x")
        assert "There is no tool" in text_of(elsewhere)

    async def test_a_misspelt_tool_gets_the_nearest_one_it_may_call(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews=REVIEWED)
        assert "Did you mean raw__echo?" in text_of(await bench.call("raw__ecco", GUEST))

    async def test_every_bot_in_the_chain_narrows(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw(), reviews=REVIEWED)
        settings = bench.fleet.settings
        bots = {
            "front": BotRules(workspace="main", tools=ToolFilter(deny=("*__crash",))),
            "expert": BotRules(workspace="main", tools=ToolFilter(allow=("raw__e*", "raw__crash"))),
            "stranger": BotRules(workspace="other"),
        }
        gateway.apply(msgspec.structs.replace(settings, bots=bots))
        expert = msgspec.structs.replace(ADMIN, bot="expert")
        assert "raw__crash" in await bench.names(expert)
        assert "raw__fail" not in await bench.names(expert)
        delegated = msgspec.structs.replace(expert, via=("front",))
        assert "raw__crash" not in await bench.names(delegated)
        assert (await bench.call("raw__crash", delegated)).record.status == "denied"
        helped = msgspec.structs.replace(expert, via=("stranger",))
        assert "raw__crash" in await bench.names(helped), "its workspace is where it may act, not what it may ask for"
        narrowed = msgspec.structs.replace(expert, within=(("raw__*",), ("raw__echo",)))
        assert await bench.names(narrowed) == ["raw__echo"]
        for bot in ("stranger", "unknown"):
            assert await bench.names(msgspec.structs.replace(ADMIN, bot=bot)) == []

    async def test_a_workspace_narrows_roles_and_a_review_switches_off(self, bench: Bench) -> None:
        await bench.start(
            bench.raw(),
            reviews={
                **REVIEWED,
                "raw__f*": Review(enabled=False),
                "raw__effect": Review(tool_class="write", roles=("cashier",)),
            },
            roles={"admin": ToolFilter(deny=("raw__crash",))},
        )
        names = await bench.names(ADMIN)
        assert not {"raw__crash", "raw__fail", "raw__flood", "raw__effect"} & set(names)
        assert (await bench.call("raw__fail")).record.status == "denied"
        assert "raw__effect" in await bench.names(Principal(id="c", roles=("member", "cashier")))

    async def test_rights_are_current_at_each_call(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw(), reviews=REVIEWED)
        assert (await bench.call("raw__effect", MEMBER)).record.status == "ok"
        main = WorkspaceSettings(servers=("*",), reviews={**REVIEWED, "raw__effect": Review(tool_class="destructive")})
        gateway.apply(msgspec.structs.replace(bench.fleet.settings, workspaces={"main": main}))
        assert (await bench.call("raw__effect", MEMBER)).record.status == "denied"

    async def test_a_server_outside_the_workspace_is_not_there(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw())
        gateway.apply(msgspec.structs.replace(bench.fleet.settings, workspaces={"main": WorkspaceSettings()}))
        assert await bench.names() == []
        assert (await bench.call("raw__effect")).record.code == "not_found"


class TestArguments:
    async def test_misfits_are_explained_and_nothing_is_sent(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        result = await bench.call("raw__echo", text=3)
        assert (result.record.status, result.sent) == ("invalid", False)
        assert 'text: 3 is not of type "string"' in text_of(result)
        assert '"text" is a required property' in text_of(await bench.call("raw__echo"))

    async def test_nobody_is_asked_to_approve_invalid_arguments(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews={"*": Review(approve=True)})
        assert (await bench.call("raw__echo", text=3)).record.status == "invalid"


class TestApproval:
    async def test_a_call_waits_for_approval_and_passes_with_exactly_it(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews={"raw__effect": Review(tool_class="destructive", approve=True)})
        asked = await bench.call("raw__effect", amount=5)
        assert isinstance(asked, NeedsApproval)
        assert (asked.record.status, asked.arguments, asked.server) == ("waiting", {"amount": 5}, "raw")
        assert asked.digest == arguments_digest("raw__effect", {"amount": 5})
        assert isinstance(await bench.call("raw__effect", amount=6, approval=asked.digest), NeedsApproval)
        assert isinstance(await bench.call("raw__effect", amount=5, approval="x"), NeedsApproval)
        assert bench.effect_lines() == []
        assert (await bench.call("raw__effect", amount=5, approval=asked.digest)).record.status == "ok"
        assert len(bench.effect_lines()) == 1

    async def test_the_review_says_who_may_approve(self, bench: Bench) -> None:
        by_pattern = Review(tool_class="destructive", approve=True, approvers=("admin",))
        await bench.start(bench.raw(), reviews={"raw__*": by_pattern, "raw__effect": Review(approvers=("person:ada",))})
        asked = await bench.call("raw__effect", amount=5)
        assert isinstance(asked, NeedsApproval)
        assert asked.approvers == ("person:ada",)
        other = await bench.call("raw__echo", text="x")
        assert isinstance(other, NeedsApproval)
        assert other.approvers == ("admin",)

    async def test_an_approval_lends_no_rights(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews={"raw__effect": Review(tool_class="destructive", approve=True)})
        result = await bench.call("raw__effect", MEMBER, approval=arguments_digest("raw__effect", {}))
        assert result.record.status == "denied"


class TestLimits:
    async def test_the_call_beyond_the_limit_is_not_sent(self, bench: Bench) -> None:
        await bench.start(bench.raw(), calls_per_minute_each=2)
        statuses = [(await bench.call("raw__effect")).record.status for _ in range(3)]
        assert statuses == ["ok", "ok", "limited"]
        assert len(bench.effect_lines()) == 2
        assert (await bench.call("raw__effect", Principal(id="zoe", roles=("admin",)))).record.status == "ok"

    async def test_the_workspace_has_a_limit_of_its_own(self, bench: Bench) -> None:
        await bench.start(bench.raw(), calls_per_minute=1)
        assert (await bench.call("raw__effect")).record.status == "ok"
        other = await bench.call("raw__effect", Principal(id="zoe", roles=("admin",)))
        assert (other.record.status, other.record.code) == ("limited", "limit_reached")


class TestDeadlines:
    async def test_a_call_without_an_answer_ends_cancelled_upstream_and_unknown(self, bench: Bench) -> None:
        await bench.start(bench.raw(timeout_s=0.5))
        result = await bench.call("raw__slow")
        assert (result.record.status, result.sent, result.unknown) == ("timeout", True, True)
        assert "did not answer within 0.5 seconds" in text_of(result)
        await bench.call("raw__echo", text="the server still works")
        await until(lambda: bench.effect_lines() == ["cancelled"])

    async def test_a_caller_may_be_in_more_of_a_hurry(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        assert (await bench.call("raw__slow", timeout_s=0.2)).record.status == "timeout"

    async def test_a_late_answer_disturbs_nobody(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        assert (await bench.call("raw__late", timeout_s=0.5)).unknown
        assert text_of(await bench.call("raw__echo", text="mine")) == "mine"

    async def test_closing_the_call_cancels_it_upstream_and_leaves_one_record(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw())
        task = asyncio.ensure_future(anext(gateway.call(bench.request("raw__slow"))))
        await bench.in_flight()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await bench.call("raw__echo", text="x")
        assert [(one.tool, one.status) for one in bench.log.records] == [("raw__slow", "cancelled")]
        await until(lambda: bench.effect_lines() == ["cancelled"])


class TestLostServers:
    async def test_a_server_that_dies_in_a_call_leaves_the_effect_unknown(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        result = await bench.call("raw__effect_then_crash")
        assert (result.record.status, result.sent, result.unknown) == ("unavailable", True, True)
        assert bench.effect_lines() == ["happened"]

    async def test_a_call_to_a_failing_server_says_why(self, bench: Bench) -> None:
        await bench.start(bench.raw(), bench.raw("exit-at-start", name="dead"))
        assert "raw__echo" in await bench.names()
        status = {one.name: one for one in bench.gateway.status()}
        assert status["dead"].state == "failing"
        assert "cannot find my configuration" in status["dead"].error

    async def test_missing_secrets_stop_a_call_before_it_is_sent(self, bench: Bench) -> None:
        await bench.start(bench.raw(env={"TOKEN": SecretName(name="TOKEN")}))
        (status,) = bench.gateway.status()
        assert "The secret TOKEN is not set" in status.error
        assert await bench.names() == []

    async def test_a_call_that_meets_a_server_just_replaced_goes_to_the_next(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        old = bench.fleet.pool.peek("raw")
        assert old is not None
        find = bench.fleet.pool.upstream
        found = [old]

        async def late(server: Any, scopes: Any, **_: Any) -> Upstream:
            return found.pop() if found else await find(server, scopes)

        bench.gateway.apply(msgspec.structs.replace(bench.fleet.settings, servers=(bench.raw(timeout_s=9.0),)))
        await until(lambda: old.state == "stopped")
        bench.fleet.pool.upstream = late  # type: ignore[method-assign]  # as if it had been found a moment ago
        assert text_of(await bench.call("raw__echo", text="hi")) == "hi"


class TestQuestions:
    """Elicitation in the handshake era; the modern era is in test_eras.py."""

    async def test_a_question_waits_for_its_answer(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        asked = await bench.call("raw__ask")
        assert isinstance(asked, NeedsInput)
        assert (asked.message, asked.record.status) == ("Which size 1?", "waiting")
        assert asked.schema["properties"] == {"size": {"type": "string"}}
        result = await bench.call("raw__ask", state=asked.state, answers={"size": "L"})
        assert msgspec.json.decode(text_of(result)) == {"action": "accept", "content": {"size": "L"}}

    async def test_a_tool_may_ask_twice_and_be_declined(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        first = await bench.call("raw__ask_twice")
        second = await bench.call("raw__ask_twice", state=first.state, answers={"action": "decline"})
        assert second.message == "Which size 2?"
        result = await bench.call("raw__ask_twice", state=second.state)
        assert msgspec.json.decode(text_of(result)) == [{"action": "decline"}, {"action": "cancel"}]

    async def test_an_answer_belongs_to_one_call_of_one_person(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        asked = await bench.call("raw__ask")
        zoe = Principal(id="zoe", roles=("admin",))
        for result in (
            await bench.call("raw__ask", zoe, state=asked.state, answers={}),
            await bench.call("raw__ask", state=asked.state, answers={}, other="arguments"),
            await bench.call("raw__ask", state="damaged", answers={}),
        ):
            assert result.record.status == "invalid"

    async def test_after_a_restart_a_repeatable_call_starts_anew_with_the_answer(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews={"raw__ask": Review(tool_class="write", idempotent=True)})
        asked = await bench.call("raw__ask")
        await bench.call("raw__crash")
        bench.fleet.pool.resume("raw")
        await bench.forget_parked_calls()
        result = await bench.call("raw__ask", state=asked.state, answers={"size": "L"})
        assert '"size": "L"' in text_of(result)

    async def test_after_a_restart_any_other_call_is_unknown(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        asked = await bench.call("raw__ask")
        await bench.forget_parked_calls()
        result = await bench.call("raw__ask", state=asked.state, answers={"size": "L"})
        assert (result.record.status, result.unknown) == ("unavailable", True)

    async def test_a_waiting_person_blocks_nobody(self, bench: Bench) -> None:
        await bench.start(bench.raw(parallel_calls=1))
        asked = await bench.call("raw__ask")
        assert text_of(await bench.call("raw__echo", text="meanwhile")) == "meanwhile"
        other = await bench.call("raw__ask", Principal(id="zoe", roles=("admin",)))
        assert isinstance(other, NeedsInput)
        result = await bench.call("raw__ask", state=asked.state, answers={"size": "L"})
        assert result.record.status == "ok"

    async def test_what_was_never_offered_is_refused(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        assert "not offered" in text_of(await bench.call("raw__sample"))

    async def test_a_question_that_could_be_anybodys_is_refused(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        slow = asyncio.ensure_future(bench.call("raw__slow"))
        await bench.in_flight()
        assert "limits.parallel_calls" in text_of(await bench.call("raw__ask"))
        slow.cancel()


class TestSecrets:
    async def test_a_foreign_server_gets_its_secrets_in_the_environment_and_cannot_show_them(
        self, bench: Bench
    ) -> None:
        await bench.vault.put("workspace:main", "token", "canary-4711")
        await bench.start(bench.raw(inject=(Inject(secret="token"),)))
        progress, result = await bench.events("raw__leak")
        assert isinstance(result, Result)
        shown = msgspec.json.encode([progress, result]).decode()
        assert "canary" not in shown
        assert "Y2FuYXJ5" not in shown
        assert text_of(result).startswith("[redacted] dXNlc")
        assert result.content["structuredContent"] == {"[redacted]": ["[redacted]"]}
        assert progress == Progress(message="using [redacted]", progress=1)

    async def test_a_rotated_secret_reaches_the_next_call_in_a_new_process(self, bench: Bench) -> None:
        await bench.vault.put("workspace:main", "TOKEN", "first-value")
        await bench.start(bench.raw(env={"TOKEN": SecretName(name="TOKEN")}))
        seen: list[str] = []

        async def token() -> str:
            result = await bench.call("raw__env")
            return msgspec.json.decode(text_of(result))["TOKEN"]

        bench.redactor.text = lambda value: value  # type: ignore[method-assign]  # look behind the curtain
        bench.redactor.value = lambda value: value  # type: ignore[method-assign]
        seen.append(await token())
        await bench.vault.put("workspace:main", "TOKEN", "second-value")
        seen.append(await token())
        assert seen == ["first-value", "second-value"]

    async def test_one_process_for_each_credential_set(self, bench: Bench) -> None:
        await bench.vault.put("person:ada", "TOKEN", "value of ada")
        await bench.vault.put("instance", "TOKEN", "value of all")
        await bench.start(bench.raw(inject=(Inject(secret="TOKEN"),)))
        people = [Principal(id=name, roles=("admin",)) for name in ("ada", "bob", "cy")]
        await asyncio.gather(*(bench.call("raw__echo", one, text="x") for one in people))
        assert bench.processes() == 2


async def test_two_settings_that_are_equal_restart_nothing(bench: Bench) -> None:
    gateway = await bench.start(bench.raw())
    before = bench.gateway.status()[0].pid
    again = GatewaySettings(servers=(bench.raw(),), workspaces={"main": WorkspaceSettings(servers=("raw",))})
    gateway.apply(again)
    await bench.call("raw__echo", text="x")
    assert bench.gateway.status()[0].pid == before
    gateway.apply(msgspec.structs.replace(again, servers=(bench.raw(timeout_s=5.0),)))
    await bench.call("raw__echo", text="x")
    assert bench.gateway.status()[0].pid != before
