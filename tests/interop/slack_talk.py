"""Talks between the Slack channel and `local-slack`, a Slack that nobody here wrote; a program of its own.

It listens on every interface, so whoever starts this gives it a network of its own: `unshare -rn python -m
tests.interop.slack_talk BINARY FOLDER`. Each talk that went well is a line.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import json
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from adapters.slack import Slack
from botkit.core.errors import BadSignature
from botkit.core.events import Attachment
from botkit.core.messages import Button, OutMessage, Part
from botkit.sdk.adapter import HttpRequest
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.clock import ManualClock
from tests.adapters.slack.emulator import a_channel

PORT, HOOK_PORT = 9110, 9111
BASE = f"http://127.0.0.1:{PORT}"
_UP, _SET_FLAGS = 0x1, 0x8914
_CONFIG: dict[str, Any] = {
    "workspace": {"name": "Test", "domain": "test", "teamId": "T01"},
    "app": {
        "appId": "A01",
        "botUserId": "U0BOT",
        "botName": "desk",
        "botToken": "xoxb-local",
        "appToken": "xapp-local",
        "signingSecret": "sign",
        "requestUrl": f"http://127.0.0.1:{HOOK_PORT}/hook",
    },
    "users": [{"id": "U01ADA", "name": "ada", "realName": "Ada"}, {"id": "U02BOB", "name": "bob", "realName": "Bob"}],
    "channels": [{"id": "C01GEN", "name": "general", "members": ["U01ADA", "U02BOB", "U0BOT"]}],
}


def raise_loopback() -> None:
    """A new network has its loopback interface down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16sh14x", b"lo", _UP)
        fcntl.ioctl(asking, _SET_FLAGS, array.array("b", request))


class Talk:
    """The channel on one side, people on the other."""

    def __init__(self) -> None:
        self.host = MemoryHost(clock=ManualClock(datetime.now(UTC)), public_url="https://bots.example.com")
        self.people = httpx.AsyncClient(base_url=f"{BASE}/_control", trust_env=False)
        self.adapter: Slack

    async def start(self, mode: Any) -> None:
        self.host.secrets = {"BOT": "xoxb-local", "APP": "xapp-local", "SIGN": "sign"}
        config = a_channel(BASE, mode=mode)
        self.adapter = Slack("local", config, self.host)
        await self.adapter.start()
        await self.host.until(lambda: self.host.state == "ok")

    async def do(self, verb: str, **args: Any) -> Any:
        answer = await self.people.post(f"/{verb}", json=args)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def said(self) -> list[dict[str, Any]]:
        """What the bot wrote in the channel, oldest first."""
        found = (await self.people.get("/messages/C01GEN")).json()["messages"]
        return [message for message in found if message.get("user") == "U0BOT" or message.get("bot_id")]

    async def event(self, found: Callable[[Any], bool]) -> Any:
        """The event that is it, once it is stored."""
        return await self.host.until(lambda: next((event for event in self.host.events if found(event)), None))


async def messages(talk: Talk) -> None:
    """A mention is answered in its thread; edits, reactions and deletions arrive."""
    said = (await talk.do("message", channel="C01GEN", user="U01ADA", text="<@U0BOT> hi & <b>"))["message"]
    event = await talk.event(lambda e: e.message_id == said["ts"])
    assert (event.addressed, event.conversation.thread, event.sender.id) == ("mention", said["ts"], "U01ADA"), event
    (outcome,) = await Courier(talk.adapter, talk.host.clock).deliver(OutMessage(text="**Hello**"), event.conversation)
    (shown,) = [message for message in await talk.said() if message["ts"] == outcome.part.message_id]
    assert shown["thread_ts"] == said["ts"]
    await talk.do("message", channel="C01GEN", user="U01ADA", text="and more", thread_ts=said["ts"])
    more = await talk.event(lambda e: e.text == "and more")
    assert (more.addressed, more.conversation.key) == ("reply", event.conversation.key)
    await talk.do("reaction", channel="C01GEN", ts=shown["ts"], user="U02BOB", name="eyes")
    reaction = await talk.event(lambda e: e.kind == "reaction")
    assert (reaction.status, reaction.target_id) == ("👀", shown["ts"])
    await talk.do("edit-message", channel="C01GEN", ts=said["ts"], user="U01ADA", text="<@U0BOT> changed")
    assert (await talk.event(lambda e: e.kind == "edit")).target_id == said["ts"]
    await talk.do("delete-message", channel="C01GEN", ts=said["ts"], user="U01ADA")
    assert (await talk.event(lambda e: e.kind == "delete")).target_id == said["ts"]


async def streams_elsewhere(talk: Talk) -> None:
    """Without streaming methods an answer in a thread is edited, and can be looked up."""
    said = (await talk.do("message", channel="C01GEN", user="U01ADA", text="<@U0BOT> tell me"))["message"]
    place = (await talk.event(lambda e: e.message_id == said["ts"])).conversation
    begun = OutMessage(text="The answer to ", streaming=True, asked_by="U01ADA")
    part = Part(id="run.0", conversation=place, payload=talk.adapter.render(begun, place)[0].payload)
    receipt = await talk.adapter.send(part)
    part = Part(id="run.0", conversation=place, payload={}, message_id=receipt.message_id)
    await talk.adapter.update(part, "The answer to this question")
    final = talk.adapter.render(OutMessage(text="The answer to this question is 42."), place)[0]
    final_part = Part(
        id="run.0", conversation=place, payload=final.payload, text=final.text, message_id=receipt.message_id
    )
    await talk.adapter.send(final_part)
    (shown,) = [message for message in await talk.said() if message["ts"] == receipt.message_id]
    assert shown["text"] == "The answer to this question is 42."
    assert (await talk.adapter.find(final_part)) is not None


async def presses(talk: Talk) -> None:
    """A button arrives as what it carried, and what came of it is told."""
    said = (await talk.do("message", channel="C01GEN", user="U01ADA", text="<@U0BOT> refund?"))["message"]
    place = (await talk.event(lambda e: e.message_id == said["ts"])).conversation
    row = ((Button(label="Approve", value="ok:y"),),)
    (asked,) = await Courier(talk.adapter, talk.host.clock).deliver(OutMessage(text="Sure?", buttons=row), place)
    action = {"type": "button", "action_id": "b1", "block_id": "x", "value": "ok:y"}
    ts = asked.part.message_id
    await talk.do("interact", channel="C01GEN", messageTs=ts, user="U02BOB", action=action)
    event = await talk.event(lambda e: e.kind == "action" and e.action.message_id == ts)
    assert (event.action.value, event.sender.id) == ("ok:y", "U02BOB")
    await talk.adapter.acknowledge(event, "Approved.")


async def commands(talk: Talk) -> None:
    """A slash command is answered at the address it brought."""
    await talk.do("command", channel="C01GEN", user="U01ADA", command="/desk", text="reset now")
    event = await talk.event(lambda e: e.kind == "command")
    assert (event.command, event.text) == ("reset", "now")
    message = OutMessage(text="Forgotten.", visible_to=event.sender.id)
    await Courier(talk.adapter, talk.host.clock).deliver(message, event.conversation)


async def files(talk: Talk) -> None:
    """A file goes out in three calls, and comes in by its private address."""
    talk.host.files["f"] = b"a,b\n"
    place = next(event for event in talk.host.events if event.kind == "message").conversation
    place = type(place)(channel="local", room="C01GEN", kind="group")
    attachment = Attachment(kind="file", name="orders.csv", mime="text/csv", size_bytes=4, file_id="f")
    (outcome,) = await Courier(talk.adapter, talk.host.clock).deliver(OutMessage(attachments=(attachment,)), place)
    assert outcome.state == "sent", outcome
    form = {"channel": "C01GEN", "user": "U01ADA", "text": "look"}
    given = {"file": ("in.txt", b"from Ada", "text/plain")}
    answer = await talk.people.post("/upload", data=form, files=given)
    assert answer.status_code == 200, answer.text
    event = await talk.event(lambda e: bool(e.attachments) and e.attachments[0].name == "in.txt")
    assert b"".join([chunk async for chunk in talk.adapter.fetch(event.attachments[0])]) == b"from Ada"


TALKS = (messages, streams_elsewhere, presses, commands, files)


@contextlib.asynccontextmanager
async def local_slack(binary: str, folder: Path, mode: str) -> AsyncGenerator[None]:
    config = folder / f"{mode}.json"
    config.write_text(json.dumps({**_CONFIG, "app": {**_CONFIG["app"], "mode": mode}}))
    options = ("--config", str(config), "--port", str(PORT), "--base-host", "127.0.0.1")
    running = await asyncio.create_subprocess_exec(binary, *options, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"{BASE}/_control/state")
                    break
                await asyncio.sleep(0.1)
        yield
    finally:
        running.terminate()
        await running.wait()


@contextlib.asynccontextmanager
async def hook(talk: Talk) -> AsyncGenerator[None]:
    """Where signed requests arrive."""

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = HttpRequest(method="POST", path=request.path, headers=headers, body=await request.read())
        try:
            answer = await talk.adapter.webhook(asked)
        except BadSignature:
            return web.Response(status=401)
        return web.Response(status=answer.status, body=answer.body)

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", HOOK_PORT).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def main(binary: str, folder: Path) -> None:
    for mode in ("socket", "events"):
        talk = Talk()
        async with local_slack(binary, folder, mode), hook(talk):
            await talk.start(mode)
            for conversation in TALKS:
                await conversation(talk)
                sys.stdout.write(f"{mode} {conversation.__name__}\n")
                sys.stdout.flush()
            await talk.adapter.stop()
        await talk.people.aclose()


if __name__ == "__main__":
    raise_loopback()
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
