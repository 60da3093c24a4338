"""The catalogue: fresh, honest about what it does not know, and deaf to trouble elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.core.clock import SystemClock
from botkit.core.errors import Conflict, StoreFull
from botkit.core.stores import CatalogRow
from botkit.core.tools import Principal
from botkit.gateway.definitions import definition_hash
from botkit.gateway.settings import CommandSettings, HostedSettings, Inject, Review, SecretName
from botkit.testing.clock import ManualClock
from tests.gateway.support import ADMIN, SERVERS, Bench, text_of, until

HOSTED = (SERVERS / "raw.py").read_text()


async def test_slow_dead_and_malformed_servers_delay_and_hide_nobody(bench: Bench) -> None:
    await bench.start(
        bench.raw(),
        bench.raw("mute", name="mute"),
        bench.raw("hang-list", name="hang"),
        bench.raw("exit-at-start", name="dead"),
        bench.raw("no-list", name="wrong"),
        bench.raw("bad-tools", name="bad"),
        CommandSettings(name="absent", argv=("no-such-program",)),
        wait_s=0.01,
    )
    await until(lambda: {"raw", "bad"} <= {s.name for s in bench.gateway.status() if s.tools})
    assert text_of(await bench.call("raw__echo", text="hi")) == "hi"
    assert {name.partition("__")[0] for name in await bench.names()} == {"raw", "bad"}
    assert {one.name: one for one in bench.gateway.status()}["mute"].state == "starting", "nobody waited for it"
    await until(lambda: all(s.error for s in bench.gateway.status() if s.name in ("dead", "wrong", "absent")))
    status = {one.name: one for one in bench.gateway.status()}
    assert "holds no list of tools" in status["wrong"].error
    assert "no-such-program was not found" in status["absent"].error
    assert status["mute"].state == "starting"
    assert status["hang"].state == "ready"


async def test_a_server_that_says_its_tools_changed_is_asked_again(bench: Bench) -> None:
    await bench.start(bench.raw())
    await bench.call("raw__grow")
    await until(lambda: "raw__grown" in bench.fleet.catalogue.view("main"))
    assert "raw__grown" in await bench.names()


async def test_after_a_restart_of_botkit_the_tools_are_there_at_once(bench: Bench, tmp_path: Path) -> None:
    await bench.start(bench.raw())
    (tmp_path / "again").mkdir()
    again = Bench(tmp_path / "again", SystemClock())
    again.catalog.rows = bench.catalog.rows
    await again.start(again.raw("mute"), wait_s=5)
    assert "raw__echo" in await again.names()
    (status,) = again.gateway.status()
    assert status.stale
    await again.gateway.stop()


async def test_tools_of_a_server_that_keeps_failing_are_not_offered(bench: Bench) -> None:
    await bench.start(bench.raw())
    upstream = bench.fleet.pool.peek("raw")
    assert upstream is not None
    for _ in range(2):
        await bench.call("raw__crash")
        await until(lambda: upstream.state == "failing")
        await until(lambda: upstream.state in ("ready", "starting"))
        await upstream.ready()
    await bench.call("raw__crash")
    await until(lambda: upstream.dead)
    assert await bench.names() == []
    assert (await bench.call("raw__echo", text="x")).record.status == "unavailable"


async def test_servers_are_asked_again_after_an_hour_and_sooner_when_they_failed(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock)
    await bench.start(bench.raw(), bench.raw("no-list", name="wrong"))
    asked: list[str] = []
    refresh = bench.fleet.catalogue.refresh

    def spy(server: str) -> asyncio.Task[None]:
        asked.append(server)
        return refresh(server)

    bench.fleet.catalogue.refresh = spy  # type: ignore[method-assign]  # what a timer does is seen nowhere else
    await clock.sleeping()
    await clock.advance(61)
    assert asked == ["wrong"]
    await clock.advance(3600)
    assert "raw" in asked
    await bench.gateway.stop()


class TestQuarantine:
    REVIEWS = {"raw__echo": Review(tool_class="read-only", idempotent=True)}

    async def after(
        self, bench: Bench, tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda tool: tool
    ) -> Bench:
        """Reviewed once; now the server's `echo` is what it is, and what was reviewed is what `change` makes of it."""
        await bench.start(bench.raw(), reviews=self.REVIEWS)
        row = bench.catalog.rows["raw"]
        assert row.accepted == {tool["name"]: tool for tool in row.tools}
        assert row.pins.keys() == row.accepted.keys()
        before = [change(tool) if tool["name"] == "echo" else tool for tool in row.tools]
        accepted = {tool["name"]: tool for tool in before}
        pins = {name: definition_hash(tool) for name, tool in accepted.items()}
        (tmp_path / "again").mkdir()
        again = Bench(tmp_path / "again", SystemClock())
        again.catalog.rows["raw"] = msgspec.structs.replace(row, tools=tuple(before), pins=pins, accepted=accepted)
        await again.start(again.raw(), reviews=self.REVIEWS)
        await again.gateway.fleet.refresh("raw")
        return again

    async def test_a_changed_tool_is_hidden_and_refused_until_accepted(
        self, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        again = await self.after(bench, tmp_path, lambda tool: {**tool, "description": "Something else."})
        assert again.gateway.status()[0].needs_review == ("raw__echo",)
        assert "raw__echo" not in await again.names()
        assert await again.gateway.find_tool("main", ADMIN, "raw__echo") is None
        refused = await again.call("raw__echo", text="x")
        assert (refused.record.code, refused.sent) == ("not_found", False)
        assert "tool_quarantined" in capsys.readouterr().out

        assert await again.fleet.catalogue.accept("raw") == ["echo"]
        tool = await again.gateway.find_tool("main", Principal(id="eve", roles=("guest",)), "raw__echo")
        assert tool is not None
        assert (tool.tool_class, tool.idempotent) == ("read-only", True)
        assert again.gateway.status()[0].needs_review == ()
        await again.gateway.stop()

    async def test_a_new_name_does_not_slip_through(self, bench: Bench, tmp_path: Path) -> None:
        again = await self.after(bench, tmp_path, lambda tool: {**tool, "name": "echo_before"})
        (change,) = again.fleet.catalogue.changes("raw")
        assert (change.name, change.new, change.before) == ("raw__echo", True, None)
        assert "raw__echo" not in await again.names()
        assert text_of(await again.call("raw__many"))  # the others go on
        await again.gateway.stop()

    async def test_a_tool_that_comes_while_we_run_waits_for_a_person(self, bench: Bench) -> None:
        await bench.start(bench.raw(), reviews=self.REVIEWS)
        await bench.call("raw__grow")
        await until(lambda: bench.gateway.status()[0].needs_review == ("raw__grown",))
        assert "raw__grown" not in bench.fleet.catalogue.view("main")
        await bench.fleet.catalogue.accept("raw")
        assert "raw__grown" in bench.fleet.catalogue.view("main")

    async def test_what_changed_is_told_with_what_was_reviewed(self, bench: Bench, tmp_path: Path) -> None:
        again = await self.after(bench, tmp_path, lambda tool: {**tool, "title": "Old"})
        (change,) = again.fleet.catalogue.changes("raw")
        assert change.before is not None
        assert (change.name, change.before["title"], change.new) == ("raw__echo", "Old", False)
        assert again.fleet.catalogue.changes("nobody") == []

        await again.fleet.catalogue.accept("raw", {"raw__echo": change.hash})
        assert again.fleet.catalogue.changes("raw") == []
        row = again.catalog.rows["raw"]
        assert row.accepted["echo"] == change.now
        assert row.pins["echo"] == change.hash
        await again.gateway.stop()

    async def test_only_what_was_looked_at_is_accepted(self, bench: Bench, tmp_path: Path) -> None:
        again = await self.after(bench, tmp_path, lambda tool: {**tool, "description": "Old."})
        for shown in ({"raw__echo": "what it was a moment ago"}, {"raw__other": "x"}):
            with pytest.raises(Conflict, match="look again"):
                await again.fleet.catalogue.accept("raw", shown)
        assert await again.fleet.catalogue.accept("raw", {}) == []
        assert "raw__echo" not in await again.names()
        await again.gateway.stop()

    async def test_a_review_taken_back_ends_the_quarantine(self, bench: Bench, tmp_path: Path) -> None:
        again = await self.after(bench, tmp_path, lambda tool: {**tool, "title": "Old"})
        main = msgspec.structs.replace(again.fleet.settings.workspaces["main"], reviews={})
        again.gateway.apply(msgspec.structs.replace(again.fleet.settings, workspaces={"main": main}))
        assert "raw__echo" in await again.names()
        await again.gateway.fleet.refresh()
        assert again.catalog.rows["raw"].pins == {}
        assert again.catalog.rows["raw"].accepted == {}
        await again.gateway.stop()

    async def test_a_server_nobody_reviewed_changes_as_it_likes(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        await bench.call("raw__grow")
        await until(lambda: "raw__grown" in bench.fleet.catalogue.view("main"))
        assert bench.gateway.status()[0].needs_review == ()


class TestFiles:
    async def test_a_file_dropped_in_is_a_server_and_an_edit_restarts_it(self, bench: Bench) -> None:
        await bench.start()
        assert await bench.names() == []
        file = bench.servers_folder / "My_Tools.py"
        file.write_text(HOSTED)
        await until(lambda: "my-tools__echo" in bench.fleet.catalogue.view("main"))
        assert text_of(await bench.call("my-tools__echo", text="hi")) == "hi"
        pid = bench.gateway.status()[0].pid

        file.write_text(HOSTED.replace('"Give the text back."', '"Give it back."'))
        await until(
            lambda: bench.gateway.status()[0].pid not in (0, pid) and bench.gateway.status()[0].state == "ready"
        )
        await until(lambda: bench.fleet.catalogue.view("main")["my-tools__echo"].tool.description == "Give it back.")
        file.unlink()
        await until(lambda: not bench.gateway.status())
        assert await bench.names() == []

    async def test_an_edit_lets_calls_finish(self, bench: Bench) -> None:
        (bench.servers_folder / "mine.py").write_text(HOSTED)
        await bench.start()
        asked = await bench.call("mine__ask")
        (bench.servers_folder / "mine.py").write_text(HOSTED + "\n# edited\n")
        bench.fleet.rescan()
        assert text_of(await bench.call("mine__echo", text="new")) == "new"
        result = await bench.call("mine__ask", state=asked.state, answers={"size": "L"})
        assert '"size": "L"' in text_of(result)

    async def test_a_broken_file_hurts_only_itself(self, bench: Bench) -> None:
        (bench.servers_folder / "broken.py").write_text("def broken(:")
        (bench.servers_folder / "badblock.py").write_text("# /// script\n# dependencies = 3\n# ///\n")
        (bench.servers_folder / "_helper.py").write_text("")
        (bench.servers_folder / "good.py").write_text(HOSTED)
        await bench.start()
        assert "good__echo" in await bench.names()
        status = {one.name: one for one in bench.gateway.status()}
        assert set(status) == {"good", "broken", "badblock"}
        assert "SyntaxError" in status["broken"].error
        assert "dependencies must be a list" in status["badblock"].error

    async def test_listed_files_are_not_found_twice_and_names_do_not_clash(self, bench: Bench) -> None:
        file = bench.servers_folder / "one.py"
        file.write_text(HOSTED)
        (bench.servers_folder / "ONE.py").write_text(HOSTED)
        await bench.start(HostedSettings(name="one", path=str(file)))
        assert [one.name for one in bench.gateway.status()] == ["one"]

    async def test_each_hosted_server_has_a_data_folder(self, bench: Bench) -> None:
        (bench.servers_folder / "mine.py").write_text(HOSTED)
        await bench.start()
        env = msgspec.json.decode(text_of(await bench.call("mine__env")))
        assert env["BOTKIT_SERVER_DATA"] == str(bench.folder / "data" / "mine")
        assert Path(env["BOTKIT_SERVER_DATA"]).is_dir()

    async def test_hosted_servers_get_secrets_with_the_call_and_from_one_process(self, bench: Bench) -> None:
        file = bench.servers_folder / "mine.py"
        file.write_text(HOSTED)
        await bench.vault.put("person:ada", "TOKEN", "value-of-ada")
        await bench.vault.put("person:bob", "TOKEN", "value-of-bob")
        await bench.start(HostedSettings(name="mine", path=str(file), inject=(Inject(secret="TOKEN"),)))
        bench.redactor.finds = lambda value: False  # type: ignore[method-assign]  # look behind the curtain
        for name in ("ada", "bob"):
            result = await bench.call("mine__meta", Principal(id=name, roles=("admin",)))
            assert msgspec.json.decode(text_of(result)) == {
                "io.botkit/workspace": "main",
                "io.botkit/person": name,
                "io.botkit/secrets": {"TOKEN": f"value-of-{name}"},
            }
        assert "TOKEN" not in msgspec.json.decode(text_of(await bench.call("mine__env")))
        assert bench.processes() == 1


async def test_a_secret_set_later_wakes_the_server_that_lacked_it(bench: Bench) -> None:
    await bench.start(bench.raw(env={"TOKEN": SecretName(name="TOKEN")}))
    assert await bench.names() == []
    await bench.vault.put("instance", "TOKEN", "here-it-is")
    await until(lambda: "raw__echo" in bench.fleet.catalogue.view("main"))
    assert "raw__echo" in await bench.names()


async def test_a_full_disk_takes_no_tools_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(row: CatalogRow) -> None:
        raise StoreFull("The disk is full.")

    monkeypatch.setattr(bench.catalog, "save", full)
    await bench.start(bench.raw())
    assert "raw__echo" in await bench.names()


async def test_stopping_ends_every_process(bench: Bench) -> None:
    await bench.start(bench.raw(), bench.raw(name="other"))
    pids = [one.pid for one in bench.gateway.status()]
    await bench.gateway.stop()
    assert all(pids)
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
