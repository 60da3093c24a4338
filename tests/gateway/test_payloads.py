"""What calls carry is kept where a workspace says so: sealed, without secrets, bounded, and for nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.core.errors import NotFound, SecretError
from botkit.core.payloads import Payload, PayloadRow
from botkit.core.tools import (
    CallRecord,
    Client,
    NeedsApproval,
    NeedsInput,
    Principal,
    RecordedCall,
    Result,
    ToolCall,
    recorded,
    without_payload,
)
from botkit.gateway.keys import EnvironmentKeys, MasterKey
from botkit.gateway.payloads import PIECE_LIMIT_BYTES, PayloadBook, PayloadRecorder
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.settings import BotRules, GatewaySettings, Inject, Review, WorkspaceSettings
from botkit.store.open import Store, open_store
from tests.gateway.support import ADMIN, Bench

SECRET = "canary-secret-7f3a9c51"
OLD, NEW = "11" * 32, "22" * 32


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "home") as store:
        yield store


async def stored(store: Store, record: CallRecord) -> PayloadRow:
    """The row that the record of a call leaves."""
    assert isinstance(record, RecordedCall)
    await store.calls.append([record])
    row = await store.payloads.get(record.id)
    assert row is not None
    return row


async def carried(store: Store, bench: Bench, record: CallRecord) -> dict[str, Any]:
    """What a call carried, as values."""
    opened = await PayloadBook(store.payloads, bench.keys).reveal(await stored(store, record))
    return {name: json.loads(piece.text) for name, piece in opened.pieces.items()}


def raw_bytes(folder: Path) -> bytes:
    """All files of a folder, as they lie there."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


class TestWhatIsKept:
    async def test_arguments_and_result_of_a_call(self, bench: Bench, store: Store) -> None:
        await bench.start(bench.raw(), record_payloads=True)
        result = await bench.call("raw__echo", text="hi there")
        assert await carried(store, bench, result.record) == {
            "arguments": {"text": "hi there"},
            "result": {"content": [{"type": "text", "text": "hi there"}], "x-unknown": {"kept": [1, None]}},
        }

    async def test_nothing_unless_the_workspace_says_so(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        assert type((await bench.call("raw__echo", text="hi")).record) is CallRecord

    async def test_secrets_are_taken_out_before_anything_is_sealed(self, bench: Bench, store: Store) -> None:
        await bench.vault.put("instance", "TOKEN", SECRET)
        server = bench.raw(inject=(Inject(secret="TOKEN", env="TOKEN"),))
        await bench.start(server, record_payloads=True)
        for tool, arguments in (("raw__leak", {}), ("raw__mirror", {"said": f"use {SECRET}", SECRET: 1})):
            result = await bench.call(tool, arguments=arguments)
            found = json.dumps(await carried(store, bench, result.record))
            assert "[redacted]" in found
            assert SECRET not in found

    async def test_a_long_piece_is_cut_and_its_size_stays_known(self, bench: Bench, store: Store) -> None:
        await bench.start(bench.raw(), record_payloads=True)
        text = "é" * PIECE_LIMIT_BYTES
        result = await bench.call("raw__echo", text=text)
        opened = await PayloadBook(store.payloads, bench.keys).reveal(await stored(store, result.record))
        arguments, answer = opened.pieces["arguments"], opened.pieces["result"]
        whole = json.dumps({"text": text}, ensure_ascii=False, separators=(",", ":"))
        assert arguments.size_bytes == len(whole.encode())
        assert whole.startswith(arguments.text)
        assert PIECE_LIMIT_BYTES - 4 < len(arguments.text.encode()) <= PIECE_LIMIT_BYTES
        assert not arguments.is_whole
        assert not answer.is_whole
        assert len(answer.text.encode()) <= PIECE_LIMIT_BYTES

    async def test_a_question_and_its_answer(self, bench: Bench, store: Store) -> None:
        await bench.start(bench.raw(), record_payloads=True)
        asked = await bench.call("raw__ask")
        assert isinstance(asked, NeedsInput)
        assert (await carried(store, bench, asked.record))["result"]["message"] == "Which size 1?"
        done = await bench.call("raw__ask", state=asked.state, answers={"size": "large"})
        found = await carried(store, bench, done.record)
        assert found["answers"] == {"size": "large"}
        assert "large" in json.dumps(found["result"])

    async def test_other_requests_than_tool_calls_keep_their_parameters(self, bench: Bench, store: Store) -> None:
        await bench.start(bench.raw(), record_payloads=True)
        request = bench.request(
            "raw://missing", method="resources/read", params={"uri": "raw://missing"}, client=Client()
        )
        (final,) = [event async for event in bench.gateway.call(request)]
        assert isinstance(final, Result)
        assert (await carried(store, bench, final.record))["params"] == {"uri": "raw://missing"}

    async def test_a_workspace_inside_another_records_what_passes_it(self, bench: Bench, store: Store) -> None:
        workspaces = {
            "desk": WorkspaceSettings(servers=("raw",), record_payloads=True),
            "main": WorkspaceSettings(workspaces=("desk",), servers=("raw",)),
        }
        await bench.gateway.start(GatewaySettings(servers=(bench.raw(),), workspaces=workspaces))
        await bench.gateway.ready(30)
        inside = await bench.call("desk__raw__echo", text="through the desk")
        assert (await carried(store, bench, inside.record))["arguments"] == {"text": "through the desk"}
        beside = await bench.call("raw__echo", text="not through it")
        assert type(beside.record) is CallRecord


class TestRefused:
    async def test_a_refused_call_keeps_its_arguments_alone(self, bench: Bench, store: Store) -> None:
        reviews = {"raw__echo": Review(tool_class="read-only"), "raw__effect": Review(approve=True)}
        await bench.start(bench.raw(), record_payloads=True, reviews=reviews, calls_per_minute_each=3)
        guest = Principal(id="eve", roles=("guest",))
        denied = await bench.call("raw__crash", guest, text="forbidden")
        absent = await bench.call("raw__nothing", guest, text="absent")
        invalid = await bench.call("raw__echo", guest, text=3)
        waits = await bench.call("raw__effect", arguments={"text": "asks"})
        assert isinstance(waits, NeedsApproval)
        while (limited := await bench.call("raw__echo", text="again")).record.status == "ok":
            pass
        outcomes = {"forbidden": denied, "absent": absent, 3: invalid, "asks": waits, "again": limited}
        assert [final.record.status for final in outcomes.values()] == [
            "denied", "error", "invalid", "waiting", "limited",
        ]  # fmt: skip
        for said, final in outcomes.items():
            assert await carried(store, bench, final.record) == {"arguments": {"text": said}}

    async def test_of_a_caller_who_does_not_belong_there_nothing_is_kept(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw(), record_payloads=True)
        settings = replace(bench.fleet.settings, bots={"stranger": BotRules(workspace="other")})
        gateway.apply(settings)
        refused = await bench.call("raw__echo", replace(ADMIN, bot="stranger"), text="let me in")
        assert refused.record.status == "denied"
        assert type(refused.record) is CallRecord

    async def test_a_cancelled_call_keeps_its_arguments(self, bench: Bench, store: Store) -> None:
        await bench.start(bench.raw(), record_payloads=True)
        task = asyncio.create_task(bench.call("raw__slow", arguments={"for": "long"}))
        await bench.in_flight()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (record,) = bench.log.records
        assert record.status == "cancelled"
        assert await carried(store, bench, record) == {"arguments": {"for": "long"}}

    async def test_a_call_that_could_not_be_recorded_is_not_made(self, bench: Bench) -> None:
        class Lost(EnvironmentKeys):
            def known(self) -> Sequence[MasterKey]:
                raise SecretError("the master key is gone")

        bench.gateway._recorder = PayloadRecorder(Lost(OLD), bench.redactor)  # pyright: ignore[reportPrivateUsage]  # its key is lost meanwhile
        await bench.start(bench.raw(), record_payloads=True)
        result = await bench.call("raw__effect")
        assert (result.is_error, result.sent, result.record.code) == (True, False, "secret")
        assert bench.effect_lines() == []


class TestSwitching:
    async def test_off_means_off_for_calls_under_way_too(self, bench: Bench) -> None:
        gateway = await bench.start(bench.raw(), record_payloads=True)
        assert isinstance((await bench.call("raw__echo", text="on")).record, RecordedCall)
        task = asyncio.create_task(bench.call("raw__slow"))
        await bench.in_flight()
        main = replace(bench.fleet.settings.workspaces["main"], record_payloads=False)
        gateway.apply(replace(bench.fleet.settings, workspaces={"main": main}))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [type(record) for record in bench.log.records] == [CallRecord]
        assert type((await bench.call("raw__echo", text="off")).record) is CallRecord


# ── the records themselves ───────────────────────────────────────────────────────────────────────────────


def a_call(id_: str = "call_1", **arguments: Any) -> ToolCall:
    return ToolCall(id=id_, workspace="desk", tool="notes__add", arguments=arguments, principal=ADMIN)


def a_record(keys: EnvironmentKeys, call: ToolCall, content: dict[str, Any] | None = None) -> CallRecord:
    """The record of a call that was answered so."""
    row = CallRecord(id=call.id, at=1, workspace=call.workspace, principal=ADMIN.id)
    event = Result(content=content or {}, record=row)
    return PayloadRecorder(keys, SecretRedactor()).recorded(call, row, event)


async def test_nothing_readable_reaches_the_disk_or_an_encoder(store: Store, tmp_path: Path) -> None:
    canary = "canary-payload-d81c4e07"
    record = a_record(EnvironmentKeys(OLD), a_call(text=canary), {"content": [{"type": "text", "text": canary}]})
    await stored(store, record)
    await store.writer.run(lambda _: None)
    assert b"call_1" in raw_bytes(tmp_path)
    assert canary.encode() not in raw_bytes(tmp_path)
    assert canary not in repr(record)
    event = Result(content={}, record=record)
    assert type(without_payload(event).record) is CallRecord
    with pytest.raises(TypeError):
        json.dumps(record)


@pytest.mark.parametrize("field", ["wrapped_key", "nonce", "ciphertext"])
async def test_a_changed_record_is_refused_and_nothing_of_it_shown(store: Store, field: str) -> None:
    keys = EnvironmentKeys(OLD)
    row = await stored(store, a_record(keys, a_call(text="hello")))
    book = PayloadBook(store.payloads, keys)
    assert (await book.reveal(row)).pieces["arguments"].text == '{"text":"hello"}'
    value: bytes = getattr(row.envelope, field)
    for changed in (bytes([value[0] ^ 1]) + value[1:], value[:-1], b""):
        with pytest.raises(SecretError, match="changed or damaged"):
            await book.reveal(replace(row, envelope=replace(row.envelope, **{field: changed})))


async def test_a_record_moved_to_another_call_or_workspace_does_not_open(store: Store) -> None:
    keys = EnvironmentKeys(OLD)
    row = await stored(store, a_record(keys, a_call(text="hello")))
    for moved in (replace(row, call_id="call_2"), replace(row, workspace="shop")):
        with pytest.raises(SecretError, match="belongs to another call"):
            await PayloadBook(store.payloads, keys).reveal(moved)


async def test_an_unknown_call_and_a_missing_key_are_told_apart(store: Store) -> None:
    row = await stored(store, a_record(EnvironmentKeys(OLD), a_call()))
    book = PayloadBook(store.payloads, EnvironmentKeys(NEW))
    with pytest.raises(NotFound, match="record_payloads"):
        await book.find("call_none")
    with pytest.raises(SecretError, match=row.envelope.key_id):
        await book.reveal(row)


async def test_the_master_key_changes_under_the_records(store: Store) -> None:
    for number in range(450):
        await store.calls.append([a_record(EnvironmentKeys(OLD), a_call(f"call_{number:03}", n=number))])
    ciphertexts = {row.call_id: row.envelope.ciphertext for row in await store.payloads.not_under("", limit=1000)}
    both = PayloadBook(store.payloads, EnvironmentKeys(f"{NEW},{OLD}"))
    assert await both.rewrap() == 450
    assert await both.rewrap() == 0
    book = PayloadBook(store.payloads, EnvironmentKeys(NEW))
    for call_id in ("call_000", "call_199", "call_200", "call_449"):
        row = await book.find(call_id)
        assert row.envelope.ciphertext == ciphertexts[call_id]
        assert (await book.reveal(row)).pieces["arguments"].text == f'{{"n":{int(call_id[5:])}}}'


async def test_a_record_that_waited_for_its_commit_is_wrapped_with_the_key_of_that_moment(store: Store) -> None:
    class Changing(EnvironmentKeys):
        current = EnvironmentKeys(OLD).known()

        def known(self) -> Sequence[MasterKey]:
            return self.current

    keys = Changing(OLD)
    waiting = a_record(keys, a_call(text="hello"))
    keys.current = EnvironmentKeys(NEW).known()  # a whole rotation, and the former key is forgotten
    row = await stored(store, waiting)
    assert (await PayloadBook(store.payloads, keys).reveal(row)).pieces["arguments"].text == '{"text":"hello"}'


async def test_a_record_read_before_the_rotation_and_opened_after_it_is_read_anew(store: Store) -> None:
    row = await stored(store, a_record(EnvironmentKeys(OLD), a_call(text="hello")))
    await PayloadBook(store.payloads, EnvironmentKeys(f"{NEW},{OLD}")).rewrap()
    opened = await PayloadBook(store.payloads, EnvironmentKeys(NEW)).reveal(row)
    assert opened.pieces["arguments"].text == '{"text":"hello"}'


async def test_a_damaged_record_does_not_stop_a_rotation(store: Store) -> None:
    damaged, good = [await stored(store, a_record(EnvironmentKeys(OLD), a_call(id_))) for id_ in ("call_1", "call_2")]
    broken = replace(damaged, envelope=replace(damaged.envelope, wrapped_key=b"garbage"))
    assert await store.payloads.rewrap([broken], [damaged.envelope.key_id]) == 1
    assert await PayloadBook(store.payloads, EnvironmentKeys(f"{NEW},{OLD}")).rewrap() == 1
    assert await PayloadBook(store.payloads, EnvironmentKeys(NEW)).reveal(await PayloadBook(
        store.payloads, EnvironmentKeys(NEW)).find(good.call_id))  # fmt: skip


async def test_arguments_that_are_no_strict_json_are_kept_as_well_as_they_can_be(store: Store) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    keys = EnvironmentKeys(OLD)
    kept = {"\ud800": '{"x": "\\ud800"}', 2**80: f'{{"x":{2**80}}}'}
    for number, (value, found) in enumerate(kept.items()):
        row = await stored(store, a_record(keys, a_call(f"call_{number}", x=value)))
        assert (await PayloadBook(store.payloads, keys).reveal(row)).pieces["arguments"].text == found
    row = await stored(store, a_record(keys, a_call("call_deep", x=deep)))
    assert "too deeply" in (await PayloadBook(store.payloads, keys).reveal(row)).pieces["arguments"].text
    while deep:  # a list this deep is taken apart by hand
        deep = deep[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values))
def test_what_is_sealed_comes_back(arguments: dict[str, Any]) -> None:
    keys = EnvironmentKeys(OLD)
    record = a_record(keys, ToolCall(id="c", workspace="w", tool="t", arguments=arguments, principal=ADMIN))
    assert isinstance(record, RecordedCall)
    row = PayloadRow(call_id="c", at=1, workspace="w", envelope=record.payload.envelope())
    opened: Payload = PayloadBook(None, keys)._open(row)  # type: ignore[arg-type]  # pyright: ignore[reportPrivateUsage, reportArgumentType]  # nothing is read from the store
    assert opened.pieces["arguments"].is_whole
    assert json.loads(opened.pieces["arguments"].text) == arguments


def test_a_record_and_its_copies_agree_on_everything_else() -> None:
    row = CallRecord(id="c", at=1, workspace="w", status="error", code="x", parent_span="ab", request_bytes=3)
    kept = a_record(EnvironmentKeys(OLD), a_call())
    assert isinstance(kept, RecordedCall)
    event = Result(content={"a": 1}, record=recorded(row, kept.payload), is_error=True)
    assert without_payload(event) == Result(content={"a": 1}, record=row, is_error=True)
