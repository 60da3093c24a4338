"""An instance starts in order, answers, follows its configuration, and stops without losing a turn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from botkit.app.control import connect, socket_path
from botkit.app.housekeeping import tidy_once
from botkit.app.instance import Instance
from botkit.app.operations import Operations
from botkit.app.watch import ConfigNews, ConfigWatcher
from botkit.core.errors import ConfigError, LimitReached, NotFound, SecretError, StoreBusy
from botkit.core.live import LiveEvent
from tests.app.conftest import CONFIG, OpenInstance


async def said(events: AsyncGenerator[LiveEvent]) -> LiveEvent:
    """The last event of a turn."""
    async with aclosing(events) as turn:
        return [event async for event in turn][-1]


async def say(instance: Instance, text: str, **options: str) -> LiveEvent:
    arguments: dict[str, Any] = {"room": "r", "bot": "helper", "person": "ada", **options}
    return await said(Operations.of(instance).chat.say(text=text, **arguments))


async def test_a_message_is_answered_and_remembered(opened: OpenInstance) -> None:
    async with opened() as instance:
        done = await say(instance, "hello")
        assert done.data["state"] == "completed"
        history = await Operations.of(instance).chat.history(room="r")
    assert [entry.role for entry in history] == ["user", "assistant"]


async def test_the_same_message_twice_is_one_turn(opened: OpenInstance) -> None:
    async with opened() as instance:
        await say(instance, "hello", message_id="m1")
        again = await say(instance, "hello", message_id="m1")
        assert again.data["state"] == "answered"
        assert len(await Operations.of(instance).runs.list()) == 1


async def test_what_cannot_be_sent_is_refused_before_it_is_stored(opened: OpenInstance) -> None:
    async with opened() as instance:
        with pytest.raises(NotFound, match="helper"):
            await say(instance, "hello", bot="nobody")
        with pytest.raises(LimitReached, match="KiB"):
            await say(instance, "x" * 10_000_000)
        with pytest.raises(LimitReached, match="room"):
            await say(instance, "hello", room="r" * 500)
        assert (await instance.store.records.counts())["inbox_undone"] == 0


async def test_one_home_has_one_owner_and_the_others_reach_it(opened: OpenInstance) -> None:
    async with opened() as instance:
        with pytest.raises(StoreBusy, match=str(os.getpid())):
            async with opened():
                pass
        async with connect(socket_path(instance.home.path)) as client:
            assert client is not None
            assert (await client.proxy(Operations).process.info()).pid == os.getpid()


async def test_a_command_alone_decides_nothing_by_working(opened: OpenInstance, folder: Path) -> None:
    async with opened("command") as instance:
        assert not socket_path(instance.home.path).exists()
        assert not instance.gateway.status()
        await Operations.of(instance).chat.send(room="r", bot="helper", person="ada", text="later")
        assert await Operations.of(instance).runs.list() == []
    async with opened() as instance:
        while not await Operations.of(instance).runs.list(state="completed"):
            await asyncio.sleep(0.01)


async def test_a_command_runs_also_where_the_configuration_is_broken(opened: OpenInstance, folder: Path) -> None:
    (folder / "bots.yaml").write_text("version: 1\nbots: {helper: {nmae: x}}\n")
    with pytest.raises(ConfigError, match="nmae"):
        async with opened():
            pass
    async with opened("command") as instance:
        stored = await Operations.of(instance).secrets.set(name="TOKEN", value="value", by="ada")
        assert stored.version == 1


async def test_a_wrong_master_key_stops_the_start(
    opened: OpenInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened("command") as instance:
        await Operations.of(instance).secrets.set(name="TOKEN", value="value", by="ada")
    monkeypatch.setenv("BOTKIT_MASTER_KEY", "ab" * 32)
    with pytest.raises(SecretError, match="BOTKIT_MASTER_KEY"):
        async with opened():
            pass
    monkeypatch.setenv("BOTKIT_MASTER_KEY", "not a key")
    with pytest.raises(SecretError, match="openssl rand"):
        async with opened("command"):
            pass


async def test_a_secret_of_the_environment_is_found_and_redacted(
    opened: OpenInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("SHOP_TOKEN=from-the-env-file\n")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    async with opened("command") as instance:
        assert await instance.vault.instance("SHOP_TOKEN") == "from-the-env-file"
        assert "from-the-env-file" not in instance.redactor.text("it is from-the-env-file")
        await Operations.of(instance).secrets.set(name="SHOP_TOKEN", value="stored", by="ada")
        assert await instance.vault.instance("SHOP_TOKEN") == "stored"
        with pytest.raises(SecretError, match="botkit secrets set OTHER"):
            await instance.vault.instance("OTHER")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)


async def test_a_new_revision_is_followed_by_everything_that_runs(opened: OpenInstance, folder: Path) -> None:
    async with opened() as instance:
        ops = Operations.of(instance)
        (folder / "bots.yaml").write_text(CONFIG + "  second: {name: Second}\n")
        with pytest.raises(NotFound):
            await say(instance, "hello", bot="second")
        await ops.config.apply(by="ada")
        assert (await say(instance, "hello", bot="second")).data["state"] == "completed"
        await ops.config.rollback(by="ada")
        assert [bot.name for bot in (await ops.process.overview()).bots] == ["helper"]


async def test_a_saved_file_is_applied_checked_or_refused(opened: OpenInstance, folder: Path) -> None:
    news: list[ConfigNews] = []
    file = folder / "bots.yaml"
    async with opened() as instance:
        manual = ConfigWatcher(instance.configs, automatic=False, tell=news.append)
        file.write_text(CONFIG.replace("Helper", "Edited"))
        await manual.look()
        file.write_text(CONFIG.replace("name", "nmae"))
        await manual.look()
        file.write_text(CONFIG)
        await manual.look()
        await manual.look()
        assert [item.kind for item in news] == ["waiting", "broken", "restored"]
        assert "bots.yaml:3:" in news[1].error
        news.clear()
        file.write_text(CONFIG.replace("Helper", "Edited"))
        await ConfigWatcher(instance.configs, automatic=True, tell=news.append).look()
        file.write_text(CONFIG + "settings: {reload: auto}\n")
        await manual.look()
        assert [item.kind for item in news] == ["applied", "applied"]
        assert instance.configs.current.settings.reload == "auto"


async def test_saving_is_noticed_also_in_new_folders(opened: OpenInstance, folder: Path) -> None:
    news: asyncio.Queue[ConfigNews] = asyncio.Queue()
    async with opened() as instance:
        watcher = ConfigWatcher(instance.configs, automatic=True, tell=news.put_nowait)
        watching = instance.tasks.spawn(watcher.run(instance.stopping))

        async def after(change: str) -> ConfigNews:
            while True:  # until the watch is up: it begins in a thread of its own
                (folder / "bots.yaml").write_text(change)
                try:
                    async with asyncio.timeout(2):
                        return await news.get()
                except TimeoutError:
                    (folder / "bots.yaml").touch()

        assert (await after(CONFIG.replace("Helper", "Edited"))).kind == "applied"
        prompts = folder / "prompts"
        prompts.mkdir()
        (prompts / "helper.md").write_text("Be kind.")
        await after(CONFIG.replace("name: Helper", "prompt_file: prompts/helper.md"))
        async with asyncio.timeout(45):
            while instance.configs.current.bots["helper"].prompt != "Be terse.":
                (prompts / "helper.md").write_text("Be terse.")
                await asyncio.sleep(0.5)
        instance.stopping.set()
        await watching


async def test_stopping_lets_a_turn_end_and_its_listeners_know(opened: OpenInstance) -> None:
    async with opened() as instance:
        ops = Operations.of(instance)
        async with ops.chat.watching("r") as events:
            turn = asyncio.create_task(said(ops.chat.say(room="r", bot="helper", person="ada", text="hello")))
            assert (await anext(events)).kind == "accepted"
            await instance.wind_down()
            seen = [event.kind async for event in events]
        assert (await turn).data["state"] == "completed"
        assert "done" in seen
        await instance.wind_down()


async def test_a_second_request_to_stop_does_not_wait(opened: OpenInstance) -> None:
    async with opened() as instance:
        never = asyncio.Event()

        async def slow(timeout_s: float) -> bool:
            if timeout_s:
                await never.wait()
            return False

        instance.engine.drain = slow  # pyright: ignore[reportAttributeAccessIssue] - a turn that does not end
        instance.ask_to_stop("SIGTERM")
        stopping = asyncio.create_task(instance.wind_down())
        await asyncio.sleep(0)
        assert not instance.closing.is_set()
        instance.ask_to_stop("SIGTERM")
        await stopping
        assert instance.closing.is_set()


async def test_retention_deletes_what_is_too_old(opened: OpenInstance, folder: Path) -> None:
    (folder / "bots.yaml").write_text(CONFIG + "settings: {history_limit: 1, retention: {runs_days: 1}}\n")
    async with opened() as instance:
        for text in ("hello", "again"):
            await say(instance, text)
        assert len(await Operations.of(instance).chat.history(room="r")) == 4
        gone = await tidy_once(instance)
        assert gone == {"transcript": 3}
        assert len(await Operations.of(instance).runs.list()) == 2


async def test_a_past_message_is_answered_again_without_doing_anything(opened: OpenInstance) -> None:
    async with opened() as instance:
        ops = Operations.of(instance)
        done = await say(instance, "hello")
        report = await ops.runs.replay(run=done.run_id)
        assert (report.message, report.same, report.unrecorded) == ("hello", True, ())
        assert report.before == done.data["text"]
        assert len(await ops.runs.list()) == 1
        assert len(await ops.chat.history(room="r")) == 2
        usage = await ops.reports.usage(period_s=3600)
        assert usage.total.calls == 2


async def test_a_folder_without_a_project_stays_as_it_is(opened: OpenInstance, folder: Path) -> None:
    (folder / "bots.yaml").unlink()
    with pytest.raises(ConfigError, match="botkit init"):
        async with opened():
            pass
    assert list(folder.iterdir()) == []
