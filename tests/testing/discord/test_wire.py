"""The fake speaks as Discord does: discord.py's own client decodes everything, and the refusals are Discord's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import warnings
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its voice player imports `audioop`
    import discord
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from botkit.testing.clock import ManualClock
from botkit.testing.discord import FakeDiscord, RemoteDiscord


class Seer(discord.Client):
    """discord.py as its users have it; notes what it decoded."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True, messages=True, reactions=True, message_content=True))
        self.tree = app_commands.CommandTree(self)
        self.seen: list[tuple[str, Any]] = []
        self.changed = asyncio.Event()
        self.ready = asyncio.Event()

    def note(self, name: str, value: Any) -> None:
        self.seen.append((name, value))
        self.changed.set()

    async def on_ready(self) -> None:
        self.ready.set()

    async def on_message(self, message: discord.Message) -> None:
        self.note("message", message)

    async def on_message_edit(self, before: discord.Message, after: discord.Message) -> None:
        self.note("edit", after)

    async def on_raw_message_delete(self, gone: discord.RawMessageDeleteEvent) -> None:
        self.note("delete", gone)

    async def on_raw_reaction_add(self, added: discord.RawReactionActionEvent) -> None:
        self.note("reaction", added)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.note("thread", thread)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.note("interaction", interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        self.note("error", (event_method, sys.exc_info()[1]))

    async def wait(self, name: str, number: int = 0) -> Any:
        async with asyncio.timeout(45):
            while True:
                assert not [value for kind, value in self.seen if kind == "error"]
                found = [value for kind, value in self.seen if kind == name]
                if len(found) > number:
                    return found[number]
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
async def client(fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seer]:
    monkeypatch.setattr(Route, "BASE", f"{fake.api_base}/api/v10")
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", URL(fake.gateway_address))
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", False)
    monkeypatch.setattr(discord.VoiceClient, "warn_dave", False)
    fake.channel(fake.guild("Team"), "general")
    seer = Seer()

    @seer.tree.command(name="help", description="what I can do")
    async def help_(interaction: discord.Interaction) -> None: ...

    async with seer:
        running = asyncio.create_task(seer.start(fake.token))
        ready = asyncio.create_task(seer.ready.wait())
        await asyncio.wait((running, ready), timeout=45, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running  # says what it could not decode
        yield seer
        await seer.close()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def general(client: Seer) -> discord.TextChannel:
    found = client.guilds[0].text_channels[0]
    assert found.name == "general"
    return found


async def test_people_are_heard_in_private_in_servers_and_in_threads(fake: FakeDiscord, client: Seer) -> None:
    place = next(channel for channel in fake.world.channels.values() if channel.name == "general")
    fake.say("Ada", "hello")
    direct = await client.wait("message")
    assert (direct.content, direct.author.name, direct.guild) == ("hello", "ada", None)
    asked = fake.say("Ada", "@Desk hi", place)
    message = await client.wait("message", 1)
    assert client.user in message.mentions
    assert message.guild.name == "Team"
    thread = fake.thread(place, "Order 7")
    made = await client.wait("thread")
    assert (made.name, made.parent_id) == ("Order 7", place.id)
    fake.say("Bob", "in there", thread, reply_to=0)
    inside = await client.wait("message", 2)
    assert isinstance(inside.channel, discord.Thread)
    fake.say("Bob", "and that?", place, reply_to=asked)
    reply = await client.wait("message", 3)
    assert reply.reference is not None
    assert reply.reference.resolved.content.endswith("hi")


async def test_edits_deletions_reactions_and_voice_arrive(fake: FakeDiscord, client: Seer) -> None:
    said = fake.say("Ada", "helo")
    await client.wait("message")
    fake.edit(said, "hello")
    assert (await client.wait("edit")).content == "hello"
    fake.react("Ada", said, "👍")
    assert str((await client.wait("reaction")).emoji) == "👍"
    fake.delete(said)
    assert (await client.wait("delete")).message_id == said.id
    fake.send_file("Ada", b"ogg", name="voice.ogg", mime="audio/ogg", voice_s=2.5)
    (attachment,) = (await client.wait("message", 1)).attachments
    assert attachment.is_voice_message()
    assert await attachment.read() == b"ogg"


async def test_messages_files_buttons_and_edits_go_out(fake: FakeDiscord, client: Seer) -> None:
    class View(ui.View):
        @ui.button(label="Approve", custom_id="y")
        async def approve(self, interaction: discord.Interaction, _: ui.Button[Any]) -> None:
            await interaction.response.edit_message(content="Approved", view=None)

    channel = general(client)
    file = discord.File(__file__, filename="a.py")
    sent = await channel.send("**Refund?**", view=View(), file=file)
    assert (fake.sent[0].content, fake.sent[0].labels, fake.sent[0].files[0].name) == (
        "**Refund?**",
        ["Approve"],
        "a.py",
    )
    pressed = fake.press("Ada", fake.sent[0], "Approve")
    await fake.wait_for(lambda: pressed.state == "answered")
    assert (fake.sent[0].content, fake.sent[0].labels) == ("Approved", [])
    await sent.edit(content="Done")
    await sent.add_reaction("✅")
    assert fake.sent[0].reactions == {"✅": {4242}}
    async with channel.typing():
        pass
    assert fake.world.typing
    assert [message.content async for message in channel.history(limit=5)] == ["Done"]
    thread = await sent.create_thread(name="About it")
    await thread.send("here")
    await sent.delete()
    assert fake.texts() == ["here"]


async def test_commands_are_registered_deferred_and_followed_up(fake: FakeDiscord, client: Seer) -> None:
    await client.tree.sync()
    used = fake.command("Ada", "help")
    interaction = await client.wait("interaction")
    await interaction.response.defer(ephemeral=True, thinking=True)
    assert used.state == "deferred"
    with pytest.raises(discord.InteractionResponded):
        await interaction.response.defer()
    await interaction.edit_original_response(content="I can do this.")
    follow_up = await interaction.followup.send("And that.", ephemeral=True, wait=True)
    assert [(m.content, m.seen_by) for m in fake.sent] == [
        ("I can do this.", fake.user("Ada").id),
        ("And that.", fake.user("Ada").id),
    ]
    assert follow_up.id == fake.sent[1].id


async def test_a_nonce_shows_one_message(fake: FakeDiscord, client: Seer) -> None:
    first, second = [await general(client).send("once", nonce="n1") for _ in range(2)]
    assert (first.id, fake.texts()) == (second.id, ["once"])


async def test_mentions_ring_unless_they_are_switched_off(fake: FakeDiscord, client: Seer) -> None:
    ada = fake.user("Ada")
    words = f"@everyone <@{ada.id}>"
    await general(client).send(words)
    await general(client).send(words, allowed_mentions=discord.AllowedMentions.none())
    assert [message.rang for message in fake.sent] == [["@everyone", "ada"], []]


_LIST: list[Any] = []
_REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"content": "x" * 2001}, 50035),
    ({"content": "   "}, 50006),
    ({"content": "x", "nonce": "n" * 26}, 50035),
    ({"content": "x", "components": [{"type": 1, "components": _LIST}]}, 50035),
    ({"content": "x", "message_reference": {"message_id": "1"}}, 50035),
    ({"content": "x", "components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "a"}]}]}, 50035),
]


@pytest.mark.parametrize(("message", "code"), _REFUSED)
async def test_what_discord_refuses_is_refused(fake: FakeDiscord, message: dict[str, Any], code: int) -> None:
    place = fake.dm("Ada")
    url = f"{fake.api_base}/api/v10/channels/{place.id}/messages"
    headers = {"Authorization": f"Bot {fake.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=message) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert (answer.status, (await answer.json())["code"]) == (400, code)
    assert fake.sent == []


async def test_an_interaction_waits_three_seconds_and_its_token_fifteen_minutes() -> None:
    clock = ManualClock()
    async with FakeDiscord(clock=clock) as fake:
        fake.world.commands = [{"id": "1", "name": "help"}]
        async with aiohttp.ClientSession(f"{fake.api_base}") as session:

            async def answer(path: str, body: dict[str, Any]) -> tuple[int, int]:
                async with session.post(f"/api/v10{path}", json=body) as found:
                    text = await found.text()
                    return found.status, json.loads(text).get("code", 0) if text else 0

            late, used = fake.command("Ada", "help"), fake.command("Ada", "help")
            assert await answer(f"/interactions/{used.id}/{used.token}/callback", {"type": 5}) == (204, 0)
            assert await answer(f"/interactions/{used.id}/{used.token}/callback", {"type": 5}) == (400, 40060)
            await clock.advance(3.5)
            assert await answer(f"/interactions/{late.id}/{late.token}/callback", {"type": 5}) == (404, 10062)
            assert (await answer(f"/webhooks/4242/{used.token}", {"content": "hi"}))[0] == 200
            await clock.advance(900)
            assert await answer(f"/webhooks/4242/{used.token}", {"content": "hi"}) == (401, 50027)


async def test_a_wrong_token_is_refused_everywhere(fake: FakeDiscord) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bot wrong"}) as session:
        async with session.get(f"{fake.api_base}/api/v10/users/@me") as answer:
            assert answer.status == 401
        async with session.ws_connect(fake.gateway_address) as socket:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 1, "properties": {}}})
            assert (await socket.receive()).data == 4004


async def test_it_runs_as_a_process_of_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "botkit.testing.discord", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        started: dict[str, str] = json.loads(await process.stdout.readline())
        remote = RemoteDiscord(started["api_base"])
        await asyncio.to_thread(remote.do, "say", who="Ada", text="hello")
        (said,) = await asyncio.to_thread(remote.look, "all")
        assert (said["from"], said["text"]) == ("Ada", "hello")
        with pytest.raises(ValueError, match="no message 1"):
            await asyncio.to_thread(remote.do, "press", who="Ada", message="1", label="x")
        remote.close()
    finally:
        process.terminate()
        await process.wait()
