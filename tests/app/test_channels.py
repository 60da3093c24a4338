"""Channels start with their secrets, restart when they fall, and stop at what only a person can mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from botkit.app.channels import ChannelManager, Platforms
from botkit.app.channels.host import HostServices
from botkit.core.config import Config, load_config
from botkit.core.errors import AdapterError, ChannelFatal, NotFound, SecretError
from botkit.sdk import (
    Adapter,
    Attachment,
    Capabilities,
    Conversation,
    Event,
    Health,
    OutMessage,
    Part,
    Recalled,
    Receipt,
    Rendered,
)
from botkit.testing.clock import ManualClock


class Radio(Adapter):
    """An adapter whose troubles a test decides."""

    platform: ClassVar[str] = "radio"
    troubles: ClassVar[dict[str, list[Exception]]] = {}
    log: ClassVar[list[tuple[str, str]]] = []

    async def start(self) -> None:
        Radio.log.append(("start", self.channel))
        if Radio.troubles.get(self.channel):
            raise Radio.troubles[self.channel].pop(0)

    async def stop(self) -> None:
        Radio.log.append(("stop", self.channel))
        self.host.report(Health(state="off"))

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return ()

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return Capabilities()

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return (Rendered(payload={"text": message.text}),)

    async def send(self, part: Part) -> Receipt:
        return Receipt(message_id="1")


class World:
    """A manager with everything around it."""

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]):
        self.clock = ManualClock()
        self.secrets = {"TOKEN": True}
        self.started: list[str] = []
        self.manager = ChannelManager(
            platforms=Platforms({"radio": EntryPoint("radio", f"{__name__}:Radio", "botkit.adapters")}),
            services=HostServices(
                clock=self.clock,
                public_url="",
                commands=(),
                accept=self._accept,
                secret=self._secret,
                read_file=self._read_file,
                heard=self._heard,
                converse=self._converse,
                link_file=lambda attachment: f"https://bots.example/files/{attachment.file_id}",
                signing_keys=lambda channel: [channel.encode()],
                recall=self._recall,
                keep_file=self._keep_file,
            ),
            has_secret=self._has,
            spawn=spawn,
            started=self._note,
        )

    async def _accept(self, event: Event) -> bool:
        return True

    async def _converse(self, event: Event, timeout_s: float) -> dict[str, Any]:
        return {"status": "running"}

    async def _heard(self, channel: str, limit: int) -> list[Event]:
        return []

    async def _recall(self, where: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        return Recalled()

    async def _keep_file(self, data: AsyncIterator[bytes], limit_bytes: int) -> tuple[str, int]:
        return "file_1", 0

    async def _secret(self, name: str) -> str:
        return "value"

    async def _read_file(self, file_id: str) -> bytes:
        return b"bytes of " + file_id.encode()

    async def _has(self, name: str) -> bool:
        return self.secrets.get(name, False)

    async def _note(self, channel: str) -> None:
        self.started.append(channel)

    def state(self, name: str) -> tuple[str, str]:
        return next((c.state, c.detail) for c in self.manager.health() if c.name == name)

    async def until(self, name: str, state: str) -> str:
        deadline = asyncio.get_running_loop().time() + 45
        while asyncio.get_running_loop().time() < deadline:
            if self.state(name)[0] == state:
                return self.state(name)[1]
            await asyncio.sleep(0.001)
        raise AssertionError(f"{name} is {self.state(name)}, not {state}")


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(Platforms, "load", _load)
    Radio.troubles, Radio.log = {}, []
    async with asyncio.TaskGroup() as group:
        world = World(group.create_task)
        yield world
        await world.manager.stop()


def _load(self: Platforms, platform: str) -> type[Adapter]:
    if platform == "radio":
        return Radio
    return _real_load(self, platform)


_real_load = Platforms.load


def config(tmp_path: Path, **channels: str) -> Config:
    lines = "\n".join(
        f"  {name}: {{platform: radio, bot: helper, dm_policy: open, secrets: {{token: {{secret: TOKEN}}}}{extra}}}"
        for name, extra in channels.items()
    )
    file = tmp_path / "bots.yaml"
    file.write_text(f"version: 1\nbots:\n  helper: {{}}\nchannels:\n{lines}\n")
    return load_config(file, platforms=["radio"])


async def test_a_channel_starts_and_its_kept_messages_are_asked_for(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one=""))
    await world.until("one", "ok")
    assert "one" in world.started
    assert world.manager.adapter("one") is not None
    assert world.manager.platform("one") == "radio"


async def test_the_sandbox_is_always_there(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path))
    await world.until("sandbox", "ok")


async def test_auto_waits_for_its_secret_and_says_how_to_store_it(world: World, tmp_path: Path) -> None:
    world.secrets = {}
    await world.manager.apply(config(tmp_path, one=", enabled: auto", two=", enabled: true", three=", enabled: false"))
    assert "botkit secrets set TOKEN" in await world.until("one", "off")
    assert "botkit secrets set TOKEN" in await world.until("two", "fatal")
    assert "bots.yaml" in await world.until("three", "off")
    world.secrets = {"TOKEN": True}
    await world.manager.secrets_changed("TOKEN")
    await world.until("one", "ok")
    await world.until("two", "ok")


async def test_a_failed_start_is_tried_again_later_and_later(world: World, tmp_path: Path) -> None:
    Radio.troubles["one"] = [AdapterError("network down"), ValueError("bug")]
    await world.manager.apply(config(tmp_path, one=""))
    assert "network down" in await world.until("one", "degraded")
    await world.clock.sleeping()
    await world.clock.advance(1)
    await world.clock.sleeping()
    assert Radio.log.count(("start", "one")) == 2
    await world.clock.advance(1.9)
    assert Radio.log.count(("start", "one")) == 2
    await world.clock.advance(0.2)
    await world.until("one", "ok")


async def test_what_only_a_person_can_mend_is_not_tried_again(world: World, tmp_path: Path) -> None:
    Radio.troubles["one"] = [ChannelFatal("the token was revoked: ask BotFather for a new one")]
    await world.manager.apply(config(tmp_path, one=""))
    assert "BotFather" in await world.until("one", "fatal")
    await world.clock.advance(3600)
    assert Radio.log.count(("start", "one")) == 1
    assert world.manager.adapter("one") is None
    await world.manager.restart("one")
    await world.until("one", "ok")


async def test_an_adapter_that_reports_its_end_is_stopped_or_started_again(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one="", two=""))
    await world.until("one", "ok")
    await world.until("two", "ok")
    one, two = world.manager.adapter("one"), world.manager.adapter("two")
    assert one is not None
    assert two is not None
    one.host.report(Health(state="fatal", detail="a second poller took over"))
    two.host.report(Health(state="off", detail="the connection loop ended"))
    assert await world.until("one", "fatal") == "a second poller took over"
    await world.clock.sleeping()
    await world.clock.advance(1)
    await world.until("two", "ok")
    assert ("stop", "one") in Radio.log
    assert Radio.log.count(("start", "two")) == 2


async def test_a_reload_touches_only_what_changed(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one="", two="", three=""))
    for name in ("one", "two", "three"):
        await world.until(name, "ok")
    kept = world.manager.adapter("one")
    Radio.log.clear()
    changed = await world.manager.apply(config(tmp_path, one="", two=", model: openai/x", four=""))
    assert set(changed) == {"two", "four"}
    await world.until("four", "ok")
    await world.until("two", "ok")
    assert world.manager.adapter("one") is kept
    assert sorted(Radio.log) == [("start", "four"), ("start", "two"), ("stop", "three"), ("stop", "two")]
    assert world.manager.adapter("three") is None


async def test_rendering_works_while_a_channel_is_off(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one=", enabled: false, on_unknown_send: resend"))
    adapter = world.manager.renderer("one")
    assert adapter.render(OutMessage(text="hi"), Conversation(channel="one", room="1"))[0].payload == {"text": "hi"}
    assert world.manager.policy("one") == "resend"
    with pytest.raises(NotFound, match=r"no channel `nine` in bots\.yaml"):
        world.manager.renderer("nine")


async def test_a_platform_that_is_not_installed_is_named(world: World, tmp_path: Path) -> None:
    file = tmp_path / "bots.yaml"
    file.write_text(
        "version: 1\nbots: {helper: {}}\nchannels: {one: {platform: pigeon, bot: helper, dm_policy: open}}\n"
    )
    await world.manager.apply(load_config(file, platforms=["pigeon"]))
    detail = await world.until("one", "fatal")
    assert "pigeon" in detail
    assert "installed: radio, sandbox" in detail


async def test_an_attachment_is_read_from_the_file_store(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one=""))
    await world.until("one", "ok")
    adapter = world.manager.adapter("one")
    assert adapter is not None
    assert await adapter.host.load_file(Attachment(kind="file", file_id="f1")) == b"bytes of f1"
    with pytest.raises(NotFound, match="never stored"):
        await adapter.host.load_file(Attachment(kind="file"))


async def test_a_probe_connects_once_and_takes_nothing(world: World, tmp_path: Path) -> None:
    await world.manager.apply(config(tmp_path, one=", enabled: false"))
    assert (await world.manager.probe("one")).state == "ok"
    assert Radio.log == [("start", "one"), ("stop", "one")]
    assert "one" not in world.started
    Radio.troubles["one"] = [ChannelFatal("the token was revoked")]
    with pytest.raises(ChannelFatal, match="revoked"):
        await world.manager.probe("one")
    world.secrets = {}
    with pytest.raises(SecretError, match="botkit secrets set TOKEN"):
        await world.manager.probe("one")
