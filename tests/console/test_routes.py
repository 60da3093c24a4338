"""The page's routes, over an instance in memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import botkit.console
from botkit.core.console import ChatEntry, WaitView
from botkit.core.errors import StoreBusy
from botkit.core.journal import Run
from tests.console.fake import FakeConsole, overview
from tests.console.support import client_of, message, settled

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


async def test_the_page_loads_only_its_own_scripts_and_styles() -> None:
    async with client_of(FakeConsole()) as client:
        html = (await client.get("/")).text
        sources = re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)
        assert {Path(source).name for source in sources} == {
            "icon.svg",
            "base.css",
            "parts.css",
            "chat.css",
            "theme.js",
            "chat.js",
        }
        for source in sources:
            asset = await client.get(source)
            assert asset.status_code == 200
            assert "immutable" in asset.headers["cache-control"]
    assert "style=" not in html
    assert not re.search(r"\son\w+=", html)
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", html) == []


async def test_every_import_of_every_script_is_served() -> None:
    folder = Path(botkit.console.__file__).parent / "static"
    for script in folder.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (folder / name).is_file(), f"{script.name} imports {name}"


async def test_an_asset_of_an_older_version_is_served_and_not_kept() -> None:
    async with client_of(FakeConsole()) as client:
        old = await client.get("/assets/0123456789abcdef/base.css")
        missing = await client.get("/assets/0123456789abcdef/no.css")
        outside = await client.get("/assets/x/..%2f__init__.py")
    assert old.headers["cache-control"] == "no-store"
    assert old.headers["content-type"].startswith("text/css")
    assert missing.status_code == 404
    assert outside.status_code == 404


async def test_what_bots_yaml_says_cannot_break_out_of_the_page() -> None:
    fake = FakeConsole()
    fake.state = overview(config_error=HOSTILE)
    fake.add_run(
        Run(
            id="run_a",
            lane="l",
            conversation="sandbox:r1:",
            channel=HOSTILE,
            bot=HOSTILE,
            person_id=HOSTILE,
            trace_id=HOSTILE,
            input={"text": HOSTILE},
            started_at=1,
        )
    )
    async with client_of(fake) as client:
        for path in ("/", "/runs", "/runs/run_a"):
            html = (await client.get(path)).text
            assert "<script>alert" not in html
            assert "<img" not in html


async def test_a_message_is_sent_once_and_its_turn_is_in_the_chat_after_a_reload() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        first = await client.post("/api/sandbox/messages", json=message())
        again = await client.post("/api/sandbox/messages", json=message())
        await settled(fake)
        chat = (await client.get("/api/sandbox/chats/r1")).json()
    assert (first.status_code, first.json()["new"], again.json()["new"]) == (202, True, False)
    assert len(fake.sent) == 1
    (turn,) = chat["turns"]
    assert (turn["text"], turn["state"], turn["author"], turn["message_id"]) == (
        "Where is my order?",
        "completed",
        "Ada",
        "m1",
    )
    assert turn["reply"].startswith("Your order **ORD-1042**")
    assert [(call["tool"], call["state"], call["duration_ms"]) for call in turn["calls"]] == [
        ("orders__lookup", "ok", 38.0)
    ]
    assert (turn["input_tokens"], turn["cost_micros"], turn["latency_ms"]) == (2360, 4280, 880.0)
    assert turn["breakdown"]["toolDefinitions"] == 610


async def test_a_message_above_the_limit_is_refused_with_its_size() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        fits = await client.post("/api/sandbox/messages", json=message("ä" * 32768))
        over = await client.post("/api/sandbox/messages", json=message("ä" * 32769))
    assert fits.status_code == 202
    assert over.status_code == 413
    assert over.json()["error"] == {
        "code": "limit_reached",
        "message": "The message is 64 KiB long; at most 64 KiB can be sent at once. Send it in pieces.",
    }
    assert len(fake.sent) == 1


async def test_an_unknown_bot_is_reported_as_the_instance_says_it() -> None:
    async with client_of(FakeConsole()) as client:
        answer = await client.post("/api/sandbox/messages", json=message(bot="nobody"))
    assert answer.status_code == 404
    assert answer.json()["error"] == {"code": "not_found", "message": "There is no bot 'nobody' in bots.yaml."}


async def test_a_waiting_chat_shows_its_question_and_the_call_that_waits() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        await client.post("/api/sandbox/messages", json=message("Refund it"))
        await settled(fake)
        chat = (await client.get("/api/sandbox/chats/r1")).json()
        other = (await client.get("/api/sandbox/chats/r2")).json()
    (turn,) = chat["turns"]
    assert (turn["state"], turn["waiting_for"], turn["reply"]) == ("waiting", "approval", "")
    assert turn["calls"][0]["state"] == "waiting"
    assert turn["calls"][0]["arguments"]["amount"] == 78
    assert [wait["tool"] for wait in chat["waits"]] == ["orders__refund"]
    assert (other["turns"], other["waits"]) == ([], [])


async def test_a_decision_is_made_once() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        await client.post("/api/sandbox/messages", json=message("Refund it"))
        await settled(fake)
        (wait,) = (await client.get("/api/sandbox/waits")).json()["waits"]
        decision = {"wait_id": wait["id"], "approved": True, "comment": "fine"}
        first = await client.post("/api/sandbox/decisions", json=decision)
        second = await client.post("/api/sandbox/decisions", json=decision)
        await settled(fake)
        chat = (await client.get("/api/sandbox/chats/r1")).json()
    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (409, "conflict")
    assert fake.decisions == [(wait["id"], True, "fine")]
    assert chat["turns"][0]["reply"] == "The refund of **$78.00** is on its way."


async def test_a_question_is_answered_by_its_form_once() -> None:
    fake = FakeConsole()
    view = WaitView(id="w1", kind="reply", run_id="r1", conversation="c", title="Where to?")
    fake.open_waits["w1"] = view
    body = {"wait_id": "w1", "fields": {"city": "Rome", "nights": 3, "gift": True, "tags": ["a"]}}
    async with client_of(fake) as client:
        first = await client.post("/api/sandbox/answers", json=body)
        second = await client.post("/api/sandbox/answers", json=body)
        malformed = await client.post("/api/sandbox/answers", json={"wait_id": "w1", "fields": {"city": {}}})
    assert (first.status_code, second.status_code, malformed.status_code) == (200, 409, 400)
    assert fake.answers == [("w1", body["fields"])]


async def test_a_run_is_shown_with_its_path_and_without_the_tokens_of_buttons() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        await client.post("/api/sandbox/messages", json=message("Refund it"))
        await settled(fake)
        (run_id,) = fake.runs_by_id
        answer = await client.get(f"/api/sandbox/runs/{run_id}")
    page = answer.json()
    assert [bar["kind"] for bar in page["bars"]] == ["inbox", "model", "tool", "wait"]
    assert page["waits"][0]["payload"]["tool"] == "orders__refund"
    assert "a-secret-token" not in answer.text


async def test_stopping_and_cancelling_reach_the_instance() -> None:
    fake = FakeConsole()
    fake.add_run(
        Run(id="run_a", lane="l", conversation="sandbox:r1:", channel="sandbox", bot="b", person_id="p", trace_id="t")
    )
    async with client_of(fake) as client:
        stop = await client.post("/api/sandbox/stop", json={"room": "r1", "bot": "concierge", "person": "ada"})
        cancel = await client.post("/api/sandbox/runs/run_a/cancel", json={})
        press = await client.post(
            "/api/sandbox/presses", json={"room": "r1", "bot": "concierge", "person": "ada", "value": "ok:y:t"}
        )
    assert (stop.status_code, cancel.status_code, press.status_code) == (202, 200, 202)
    assert fake.stopped == ["r1"]
    assert fake.cancelled == ["run_a"]
    assert fake.sent == [("r1", "concierge", "ada", "press:ok:y:t")]


async def test_chats_are_listed_from_the_runs_of_the_sandbox_alone() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        for room, text in (("r1", "first words"), ("r2", "other"), ("r1", "Refund it")):
            await client.post("/api/sandbox/messages", json=message(text, room=room, message_id=room + text))
            await settled(fake)
        fake.add_run(
            Run(id="run_z", lane="l", conversation="tg:5:", channel="tg", bot="b", person_id="p", trace_id="t")
        )
        chats = (await client.get("/api/sandbox/chats")).json()["chats"]
    assert [(chat["room"], chat["title"], chat["state"]) for chat in chats] == [
        ("r1", "first words", "waiting"),
        ("r2", "other", ""),
    ]


async def test_the_list_of_runs_filters_and_pages() -> None:
    fake = FakeConsole()
    for number in range(60):
        fake.add_run(
            Run(
                id=f"run_{number:03}",
                lane="l",
                conversation="tg:5:",
                channel="tg",
                bot="concierge" if number % 2 else "helpdesk",
                person_id="p",
                trace_id="t",
                state="failed" if number == 7 else "completed",
                started_at=1_000_000,
                ended_at=3_500_000,
                input={"text": f"message {number}"},
            )
        )
    async with client_of(fake) as client:
        first = (await client.get("/runs")).text
        older = re.search(r'rel="next" href="([^"]+)"', first)
        assert older is not None
        second = (await client.get(older[1].replace("&amp;", "&"))).text
        failed = (await client.get("/runs?state=failed&bot=concierge")).text
        nothing = (await client.get("/runs?state=failed&bot=helpdesk")).text
    assert "message 59" in first
    assert "message 9<" not in first
    assert "message 9<" in second
    assert 'rel="next"' not in second
    assert re.findall(r">message (\d+)<", failed) == ["7"]
    assert "2.5 s" in failed
    assert "No run fits" in nothing


async def test_first_visits_are_told_what_to_do() -> None:
    async with client_of(FakeConsole()) as client:
        runs = (await client.get("/runs")).text
        lost = await client.get("/runs/run_nothing")
    assert "No runs yet" in runs
    assert lost.status_code == 404
    assert "`botkit runs list` shows those there are" in lost.text


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/x"])
async def test_a_page_without_a_database_says_so(path: str) -> None:
    fake = FakeConsole()
    fake.fault = StoreBusy("The database is locked by another process; stop it, or wait.")
    async with client_of(fake) as client:
        answer = await client.get(path)
    assert answer.status_code == 503
    assert "The database is locked by another process" in answer.text


async def test_a_bug_of_ours_is_no_traceback_for_the_reader() -> None:
    fake = FakeConsole()
    fake.fault = RuntimeError("secret detail")
    async with client_of(fake) as client:
        answer = await client.get("/api/sandbox/chats")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret detail" not in answer.text


async def test_a_room_shows_what_was_said_outside_of_runs() -> None:
    fake = FakeConsole()
    fake.entries["r1"] = [
        ChatEntry(role="assistant", text="Welcome", at=5, seq=1),
        ChatEntry(role="note", text="Moved", at=6, seq=2),
    ]
    async with client_of(fake) as client:
        turns = (await client.get("/api/sandbox/chats/r1")).json()["turns"]
    assert [(turn["reply"], turn["notes"]) for turn in turns] == [("Welcome", []), ("", ["Moved"])]


async def test_a_file_is_stored_and_goes_with_a_message_of_few_or_no_words() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        stored = await client.post("/api/sandbox/files", params={"name": "../a b.txt"}, content=b"hello")
        alone = await client.post("/api/sandbox/messages", json=message("", files=[stored.json()]))
        nothing = await client.post("/api/sandbox/messages", json=message("", message_id="m2"))
        many = await client.post("/api/sandbox/messages", json=message(files=[stored.json()] * 11))

    assert (stored.status_code, fake.files) == (201, {"a b.txt": b"hello"})
    assert (alone.status_code, [one.remote for one in fake.attached]) == (202, ["file_a b.txt"])
    assert nothing.json()["error"]["message"] == "The request does not fit: write something, or attach a file."
    assert many.status_code == 400


@pytest.mark.parametrize(("name", "size", "status"), [("", 1, 400), ("a", 0, 400), ("a", 20 * 1024 * 1024 + 1, 413)])
async def test_a_file_that_cannot_be_taken_says_why(name: str, size: int, status: int) -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post("/api/sandbox/files", params={"name": name}, content=bytes(size))

    assert (answer.status_code, fake.files) == (status, {})
    assert answer.json()["error"]["message"]


async def test_another_site_cannot_store_files() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post(
            "/api/sandbox/files", params={"name": "a"}, content=b"x", headers={"sec-fetch-site": "cross-site"}
        )

    assert (answer.status_code, fake.files) == (403, {})
