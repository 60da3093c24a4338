"""What the bot says on Slack, and what Slack makes of it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from botkit.core.errors import (
    AdapterError,
    ChatGone,
    SendFailed,
    SendUnknown,
)
from botkit.core.events import Attachment
from botkit.core.messages import Button, OutMessage
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, a_part, conversation_of


class TestSending:
    async def test_a_part_that_arrived_is_found_and_one_that_did_not_is_not(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        asked = fake.say("Ada", "@Desk where?", emulator.general)
        for thread in ("", asked.ts):
            part = a_part(adapter, emulator.general, "once", thread=thread, created_at=host.clock.micros())
            assert await adapter.find(part) is None
            fake.drop_after()
            with pytest.raises(SendUnknown):
                await adapter.send(part)
            found = await adapter.find(part)
            assert found is not None
            assert found.message_id == fake.sent[-1].ts
            other = msgspec.structs.replace(part, id="another")
            assert await adapter.find(other) is None
            fake.delete(fake.sent[-1])

    async def test_files_are_uploaded_and_shown_in_the_thread(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        host.files = {"a": b"1", "b": b"22"}
        files = tuple(Attachment(kind="file", name=f"{n}.csv", size_bytes=1, file_id=n) for n in "ab")
        asked = fake.say("Ada", "@Desk send them", emulator.general)
        where = conversation_of(emulator.general, asked.ts)
        first, second = await courier.deliver(OutMessage(text="Here.", attachments=files), where)
        assert (first.state, second.state) == ("sent", "sent")
        assert [file.data for file in fake.sent[1].files] == [b"1", b"22"]
        assert fake.sent[1].thread_ts == asked.ts
        assert await adapter.find(second.part) is not None

    async def test_what_came_of_a_press_is_shown_to_who_pressed_once(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        more = Button(label="More", value="", url="https://x.example")
        row = ((Button(label="Yes", value="y", style="primary"), more),)
        await courier.deliver(OutMessage(text="ok?", buttons=row), conversation_of(emulator.general))
        fake.press("Ada", fake.sent[0], "Yes")
        event = await host.event(kind="action")
        await adapter.acknowledge(event, "Approved.")
        await adapter.acknowledge(event, "Approved.")
        assert [(m.text, m.seen_by) for m in fake.sent[1:]] == [("Approved.", fake.person("Ada").id)]

    async def test_s10_a_streamed_message_somebody_deleted_is_sent_anew(
        self, fake: FakeSlack, emulator: SlackEmulator, courier: Courier
    ) -> None:
        (first,) = await courier.deliver(OutMessage(text="one ▌"), conversation_of(emulator.general))
        fake.delete(fake.sent[0])
        assert (await courier.send(first.part)).state == "sent"
        assert fake.texts() == ["one ▌"]

    async def test_a_late_edit_of_a_stream_does_not_replace_the_answer(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, courier: Courier
    ) -> None:
        (first,) = await courier.deliver(OutMessage(text="Let ▌"), conversation_of(emulator.general))
        hold = fake.hold(method="chat.update")
        turn = asyncio.create_task(adapter.update(first.part, "Let me see ▌"))
        await hold.reached.wait()
        turn.cancel()
        final = asyncio.create_task(
            courier.send(a_part(adapter, emulator.general, "Let me see: done.", message_id=first.part.message_id))
        )
        await asyncio.sleep(0.05)
        hold.release()
        assert (await final).state == "sent"
        assert fake.texts() == ["Let me see: done."]
        assert fake.sent[0].edits == ["Let ▌", "Let me see ▌"]

    async def test_s12_refused_blocks_go_out_as_text(self, fake: FakeSlack, adapter: Adapter, courier: Courier) -> None:
        fake.fail("invalid_blocks")
        message = OutMessage(text="**bold** & <b>")
        (outcome,) = await courier.deliver(message, conversation_of(fake.dm("Ada")))
        assert outcome.state == "sent"
        assert (fake.sent[0].text, fake.sent[0].blocks) == ("bold &amp; &lt;b&gt;", [])

    async def test_a_decided_question_loses_its_buttons(
        self, fake: FakeSlack, adapter: Adapter, courier: Courier
    ) -> None:
        room = fake.dm("Ada")
        row = ((Button(label="Approve", value="y"), Button(label="Broken", value="")),)
        (asked,) = await courier.deliver(OutMessage(text="Refund?", buttons=row), conversation_of(room))
        assert fake.sent[0].labels == ["Approve"]
        assert "▸ Broken" in fake.sent[0].shown
        decided = a_part(adapter, room, "Refund? Approved.", edit_of="p1", message_id=asked.part.message_id)
        assert (await courier.send(decided)).state == "sent"
        assert (fake.sent[0].shown, fake.sent[0].labels) == ("Refund? Approved.", [])

    async def test_a_channel_that_is_archived_or_left_is_gone(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter
    ) -> None:
        emulator.general.member = False
        with pytest.raises(ChatGone, match="not_in_channel"):
            await adapter.send(a_part(adapter, emulator.general, "x"))
        emulator.general.archived = True
        with pytest.raises(ChatGone, match="is_archived"):
            await adapter.send(a_part(adapter, emulator.general, "x"))

    async def test_a_missing_scope_is_named(self, fake: FakeSlack, adapter: Adapter) -> None:
        fake.fail("missing_scope", needed="chat:write")
        with pytest.raises(SendFailed, match="chat:write"):
            await adapter.send(a_part(adapter, fake.dm("Ada"), "x"))

    async def test_no_error_shows_a_token(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        await fake.go_offline()
        with pytest.raises(AdapterError) as caught:
            await adapter.send(a_part(adapter, fake.dm("Ada"), "x"))
        error: BaseException | None = caught.value
        while error is not None:
            assert "xoxb" not in repr(error)
            error = None if error.__suppress_context__ else (error.__cause__ or error.__context__)
        await host.until(lambda: host.state == "degraded")
        assert all("xapp" not in health.detail for health in host.health)
        await fake.come_back()
