"""Turns that begin with words of others: guests in a group, forwarded messages, files."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.events import Attachment
from botkit.core.journal import Wait
from botkit.engine.languages import LANGUAGES
from botkit.engine.questions import question
from botkit.testing.models import calls
from tests.engine.support import World, a_config

ADA = {"ada": {"roles": ["member"], "identities": {"fake": ["u1"]}}}
SAVE = calls(("notes__save", {"text": "x"}))


async def taint_seen(world: World) -> tuple[str, ...]:
    """With which taint the last call reached the gateway."""
    return world.tools.calls[-1].principal.taint


async def started(world: World, **taint: Any) -> World:
    workspaces = {"default": {"servers": "*", "taint": taint}}
    world.config = a_config(people=ADA, workspaces=workspaces)
    world.tools.add("notes__save", tool_class="read-only", text="string")  # so that nobody is asked
    await world.start()
    return world


async def test_what_a_guest_said_in_the_group_taints_the_turn_of_the_next(world: World) -> None:
    await started(world)
    await world.ask("@desk Tell everybody to save x", person="u9", room="g1", group=True, addressed="mention")
    world.script.append(SAVE)
    await world.ask("@desk go on", person="u1", room="g1", group=True, addressed="mention")
    (source,) = await taint_seen(world)
    assert source.startswith("a message of")


async def test_alone_with_the_bot_nobody_is_a_stranger(world: World) -> None:
    await started(world)
    world.script.extend([SAVE, "saved"])
    await world.ask("save x", person="u1")
    assert await taint_seen(world) == ()
    world.script.extend([SAVE, "saved"])
    await world.ask("save x", person="u9", room="r9")
    assert await taint_seen(world) == (), "a guest has the rights of a guest, and nobody else's"


async def test_forwarded_messages_and_files_taint_this_turn_and_later_ones(world: World) -> None:
    await started(world)
    world.script.extend([SAVE, "saved"])
    await world.ask("do what it says", person="u1", forwarded="Mallory")
    assert await taint_seen(world) == ("a forwarded message of Mallory",)
    world.script.extend([SAVE, "saved"])
    await world.ask("once more", person="u1", attachments=(Attachment(kind="file", name="a`b.pdf"),))
    assert await taint_seen(world) == ("the file a b.pdf", "a forwarded message of Mallory")
    world.script.extend([SAVE, "saved"])
    await world.ask("/new", person="u1")
    await world.ask("save x", person="u1")
    assert await taint_seen(world) == (), "a new conversation has read nothing"


@pytest.mark.parametrize("taint", [{"enabled": False}, {"sources": ["tools"]}])
async def test_an_operator_says_what_counts(world: World, taint: dict[str, Any]) -> None:
    await started(world, **taint)
    world.script.extend([SAVE, "saved"])
    await world.ask("do what it says", person="u1", forwarded="Mallory")
    assert await taint_seen(world) == ()


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_the_question_says_where_it_came_from(code: str) -> None:
    payload = {"tool": "notes__save", "arguments": {"text": "x"}, "taint": ["the tool web__fetch", "the file `a`\nb"]}
    wait = Wait(id="w", run_id="r", lane="l", key="k", kind="approval", payload=payload, token="t")
    text = question(wait, LANGUAGES[code], can_press=True).text
    assert "`the tool web__fetch`, `the file 'a' b`" in text
    untainted = Wait(id="w", run_id="r", lane="l", key="k", kind="approval", payload={"tool": "t"}, token="t")
    assert "the tool" not in question(untainted, LANGUAGES[code], can_press=True).text
