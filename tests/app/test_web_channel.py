"""A whole instance behind a chat on a web site: visitors over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.testing.web import BASE_PATH, Visitor, sign_identity

SECRET = "0123456789abcdef0123456789abcdef"
SITE = "https://www.example.com"
CONFIG = """
version: 1
bots: {desk: {stream: true}}
channels:
  site:
    platform: web
    bot: desk
    allowed_origins: [https://www.example.com]
    title: Help desk
    greeting: "Ask **anything**."
    identity_secret: {secret: SITE_IDENTITY}
    upload_limit_mb: 0.01
"""


@pytest.fixture
async def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    (folder / "bots.yaml").write_text(CONFIG)
    monkeypatch.setenv("BOTKIT_PORT", "0")
    monkeypatch.setenv("SITE_IDENTITY", SECRET)
    async with serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.channels.settled("site")
        yield serving


def visitor(serving: Serving, *, origin: str = SITE, identity: str = "") -> Visitor:
    return Visitor(serving.instance.url.rstrip("/") + BASE_PATH, origin=origin, identity=identity)


def vouched(sub: str, *, secret: str = SECRET, head: dict[str, Any] | None = None, **claims: Any) -> str:
    return sign_identity(secret, {"sub": sub, "exp": int(time.time()) + 600, **claims}, head=head)


async def stored(serving: Serving) -> list[str]:
    rows = await serving.instance.store.records.inbox(channel="site", limit=1000)
    return [str(row["event"].get("text", "")) for row in rows]


async def test_a_visitor_asks_and_is_answered(serving: Serving) -> None:
    async with visitor(serving) as ada:
        assert ada.config["title"] == "Help desk"
        await ada.say("hello")
        await ada.until(lambda: ada.texts() and "demo/offline" in ada.texts()[-1])
        assert [one.text for one in ada.messages("me")] == ["hello"]
        assert len(await serving.operations.runs.list()) == 1


async def test_a_message_that_comes_again_is_one_turn(serving: Serving) -> None:
    async with visitor(serving) as ada:
        await ada.say("hello")
        again = await ada.again()
        assert (again.status_code, again.json()["new"]) == (200, False)
        await ada.until(lambda: ada.texts() and "live" not in ada.messages("bot")[-1].data)
        assert len(await serving.operations.runs.list()) == 1


async def test_what_was_said_while_the_network_was_away_is_told_after_it_came_back(serving: Serving) -> None:
    async with visitor(serving) as ada:
        await ada.say("/whoami")
        await ada.until(ada.texts)
        await ada.leave()
        await ada.say("hello")
        while not [one for one in await serving.operations.runs.list() if one.run.state == "completed"]:
            await asyncio.sleep(0.01)
        assert len(ada.texts()) == 1
        ada.listen()
        await ada.until(lambda: len(ada.texts()) == 2 and "demo/offline" in ada.texts()[-1])
        assert ada.resets == 1  # only the first time: the second connection went on after the last frame


async def test_everything_is_there_after_a_reload(serving: Serving) -> None:
    async with visitor(serving) as ada:
        await ada.say("hello")
        await ada.until(lambda: ada.texts() and "live" not in ada.messages("bot")[-1].data)
        before = [one.text for one in ada.messages()]
        await ada.leave()
        await ada.begin()
        ada.listen(forget=True)
        await ada.until(lambda: [one.text for one in ada.messages()] == before)


async def test_two_visitors_never_see_each_other(serving: Serving) -> None:
    async with visitor(serving) as ada, visitor(serving) as bob:
        ticket = await ada.upload(b"mine")
        await ada.say("a secret of Ada", files=[ticket])
        await ada.until(lambda: ada.texts() and ada.messages("me")[0].data.get("files"))
        stolen = await bob.do("message", text="look", files=[ticket])
        assert stolen.status_code == 401
        await bob.say("hello")
        await bob.until(lambda: bob.texts() and "live" not in bob.messages("bot")[-1].data)
        await bob.leave()
        bob.listen(forget=True)
        await bob.until(lambda: len(bob.messages()) >= 2)
        assert "Ada" not in "".join(one.text for one in bob.messages())
        assert ada.id != bob.id


async def test_a_ticket_that_somebody_changed_is_refused(serving: Serving) -> None:
    async with visitor(serving) as ada:
        raw = base64.urlsafe_b64decode(ada.token + "=" * (-len(ada.token) % 4))
        forged = raw[:32] + raw[32:].replace(ada.id.encode(), b"anon-" + b"a" * (len(ada.id) - 5))
        good, ada.token = ada.token, base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        for path in ("send", "events", "upload"):
            assert (await ada.post(path, {"kind": "message", "id": "1", "text": "x"})).status_code == 401
        assert await stored(serving) == []
        ada.token = good


@pytest.mark.parametrize(
    "identity",
    [
        vouched("42", secret="another secret, of the same length"),
        vouched("42", exp=int(time.time()) - 1),
        vouched("42", nbf=int(time.time()) + 3600),
        vouched("42", aud="another-channel"),
        vouched("42", head={"alg": "none"}),
        vouched("42", head={"alg": "HS512"}),
        vouched("anon-aaaa"),
        vouched(""),
        sign_identity(SECRET, {"sub": "42"}),
        sign_identity(SECRET, {"sub": 42, "exp": 1e12}),
        "a.b.c",
        "no token",
        "..",
    ],
)
async def test_a_forged_or_ended_identity_is_refused_before_anything_is_stored(serving: Serving, identity: str) -> None:
    someone = visitor(serving, identity=identity)
    answer = await someone.post("session", {"identity": identity, "begin": True})
    assert answer.status_code == 401
    assert "token" not in answer.json()
    assert await stored(serving) == []
    assert await serving.instance.store.people.list() == []
    await someone.close()


async def test_who_is_logged_in_is_the_same_person_everywhere(serving: Serving) -> None:
    async with visitor(serving, identity=vouched("42", name="Ada")) as desk:
        await desk.say("hello")
        await desk.until(lambda: desk.texts() and "live" not in desk.messages("bot")[-1].data)
        async with visitor(serving, identity=vouched("42", name="Ada", aud=["site"])) as phone:
            await phone.until(lambda: phone.texts() == desk.texts())
            assert phone.id == "42"
    (row,) = await serving.instance.store.records.inbox(channel="site")
    assert (row["sender_id"], row["event"]["sender"]["name"]) == ("42", "Ada")


@pytest.mark.parametrize("origin", ["https://evil.example", "https://www.example.com.evil.example", "null", ""])
async def test_another_site_gets_nothing(serving: Serving, origin: str) -> None:
    async with visitor(serving) as ada:
        ada.origin = origin
        for path in ("session", "send", "events", "upload"):
            answer = await ada.post(path, {"kind": "message", "id": "1", "text": "x", "begin": True})
            assert answer.status_code == 403, path
            assert "access-control-allow-origin" not in answer.headers
        assert await stored(serving) == []
        ada.origin = SITE


async def test_browsers_are_told_which_site_may_ask(serving: Serving) -> None:
    async with visitor(serving) as ada:
        for origin, status, allowed in ((SITE, 204, SITE), ("https://evil.example", 403, None)):
            headers = {"origin": origin, "access-control-request-method": "POST"}
            answer = await ada._client.request("OPTIONS", "send", headers=headers)  # pyright: ignore[reportPrivateUsage]
            assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (status, allowed)
            assert "access-control-allow-credentials" not in answer.headers


async def test_a_file_comes_back_as_it_was_and_only_by_its_link(serving: Serving) -> None:
    async with visitor(serving) as ada:
        ticket = await ada.upload(b"<script>alert(1)</script>", name="../../a b.html", mime="text/html")
        await ada.say("see this", files=[ticket])
        (shown,) = await ada.until(lambda: ada.messages("me")[0].data["files"] if ada.messages("me") else None)
        assert shown["name"] == "a b.html"
        answer = await ada.get(shown["url"])
        assert answer.content == b"<script>alert(1)</script>"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert (await ada.get("file/" + ticket[:-4] + "AAAA")).status_code == 404
        assert (await ada.get("file/" + ada.token)).status_code == 404


async def test_too_much_is_refused(serving: Serving) -> None:
    async with visitor(serving) as ada:
        assert (await ada.post("upload", b"x" * 20_000)).status_code == 413
        assert (await ada.post("send", {"kind": "message", "id": "1", "text": "x" * 200_000})).status_code == 413
        assert (await ada.post("send", {"kind": "message", "id": "1", "text": "x" * 20_000})).status_code == 422
        assert (await ada.post("send", b"[1]")).status_code == 422
        assert (await ada.post("send", {"kind": "message", "id": "1", "text": "a\x00b"})).status_code == 422
        assert (await ada.post("send", b'{"kind": "message", "id": "1", "text": "\\ud800"}')).status_code == 422
        assert await stored(serving) == []
        answers = [await ada.do("stop") for _ in range(40)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1


async def test_a_page_that_is_only_looked_at_makes_nobody_known(serving: Serving) -> None:
    someone = visitor(serving)
    await someone.begin(begin=False)
    assert (someone.id, someone.token) == ("", "")
    assert someone.config["greeting"]
    await someone.close()


async def test_the_script_is_found_and_so_is_what_it_loads(serving: Serving) -> None:
    someone = visitor(serving)
    loader = await someone.get("widget.js")
    assert (loader.status_code, loader.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "@version@" not in loader.text
    version = loader.text.partition("assets/")[2].partition("/")[0]
    for name in ("main.js", "chat.js", "view.js", "widget.css"):
        part = await someone.get(f"assets/{version}/{name}")
        assert part.status_code == 200
        assert "immutable" in part.headers["cache-control"]
        assert part.headers["access-control-allow-origin"] == "*"
    assert (await someone.get("assets/x/adapter.py")).status_code == 404
    assert (await someone.get("assets/x/../adapter.py")).status_code == 404
    await someone.close()


async def test_a_deleted_message_is_gone_after_a_reload_and_a_thumb_is_kept(serving: Serving) -> None:
    async with visitor(serving) as ada:
        message_id = await ada.say("hello")
        await ada.until(lambda: ada.texts() and "live" not in ada.messages("bot")[-1].data)
        (answer,) = ada.messages("bot")
        await ada.do("feedback", target=answer.id, value="👍")
        await ada.do("delete", target=message_id)
        await ada.until(lambda: ada.screen[message_id].data.get("gone"))
        await ada.leave()
        ada.listen(forget=True)
        await ada.until(lambda: ada.texts())
        assert message_id not in ada.screen
        assert ada.screen[answer.id].data["feedback"] == "👍"


async def test_streams_end_when_the_instance_does(serving: Serving) -> None:
    async with visitor(serving) as ada:
        await ada.until(lambda: ada.resets)
        await serving.instance.wind_down()
        await ada.until(lambda: ada.farewells)


async def test_set_up_says_what_to_put_into_pages_and_what_is_missing(serving: Serving, folder: Path) -> None:
    told = await serving.operations.channels.setup(channel="site")
    steps = "\n".join(told.steps)
    base = serving.instance.url.rstrip("/")
    assert f'<script src="{base}{BASE_PATH}widget.js" data-channel="site" async></script>' in steps
    assert "BOTKIT_PUBLIC_URL" in steps
    assert "allowed_origins" not in steps
    assert "SITE_IDENTITY" in steps
    assert (await serving.operations.channels.test(channel="site")).state == "ok"
    (folder / "bots.yaml").write_text("version: 1\nbots: {desk: {}}\nchannels: {site: {platform: web, bot: desk}}\n")
    await serving.operations.config.apply(by="ada")
    told = await serving.operations.channels.setup(channel="site")
    assert "allowed_origins: [https://www.example.com]" in told.steps[1]
    await serving.instance.channels.settled("site")
    health = await serving.operations.channels.test(channel="site")
    assert health.state == "degraded"
    assert "allowed_origins" in health.detail
