"""Questions to people: how an approval or a form looks in chat, and what becomes of it when it is decided."""

from __future__ import annotations

__all__ = [
    "DEFAULT_APPROVERS",
    "decision_text",
    "may_decide",
    "parse_decision",
    "past_text",
    "question",
    "request",
    "subject",
    "verdict",
]

import re
from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec

from botkit.core.journal import Wait
from botkit.core.messages import Button, OutMessage
from botkit.engine.languages import Language

DEFAULT_APPROVERS = ("admin",)
_PREFIX = "ok:"
_VALUE_LIMIT = 300
_NAME_LIMIT = 100
_UNUSUAL = re.compile(r"[^\w.$/-]")
"""What no name of an argument needs: whoever calls chooses the names, and they stand among our words."""


def question(wait: Wait, words: Language, *, can_press: bool) -> OutMessage:
    """The message that asks in the conversation of the run. Buttons only for those who may press them."""
    if wait.kind == "approval":
        buttons = _buttons(wait, words) if can_press else ()
        return OutMessage(text=_approval(wait, words, "" if can_press else words.colleague_decides), buttons=buttons)
    return OutMessage(
        text=words.outcome_unknown.format(tool=wait.payload.get("name") or wait.payload.get("tool") or "?")
    )


def request(wait: Wait, words: Language, *, asked_by: str, can_press: bool) -> OutMessage:
    """The message that asks approvers elsewhere, and says who wants it."""
    if wait.kind == "takeover":
        title = words.taken_over.format(what=subject(wait), asked_by=asked_by)
        back = Button(label=words.hand_back, value=f"{_PREFIX}y:{wait.token}", style="primary")
        lines = [title, str(wait.payload.get("reason") or ""), *_argument_lines(_shown(wait))]
        return OutMessage(text="\n".join(filter(None, lines)), buttons=((back,),) if can_press else ())
    if can_press:
        return OutMessage(text=_approval(wait, words, asked_by), buttons=_buttons(wait, words))
    command = words.decide_by_command.format(command=f"botkit approvals approve {wait.id}")
    return OutMessage(text=_approval(wait, words, f"{asked_by}\n{command}"))


def subject(wait: Wait) -> str:
    """What a decision is about: a tool, or the title a workflow gave it."""
    return str(wait.payload.get("tool") or wait.payload.get("title") or "?")


def _approval(wait: Wait, words: Language, below: str) -> str:
    title = words.approval_needed.format(tool=subject(wait))
    reason = str(wait.payload.get("reason") or "") if "node" in wait.payload else ""
    lines = [title, *([reason] if reason else []), *_argument_lines(_shown(wait))]
    if sources := cast("list[str]", wait.payload.get("taint") or []):
        lines.append(words.tainted.format(sources=", ".join(f"`{_plain(str(one))}`" for one in sources)))
    return "\n".join([*lines, f"\n{below}"] if below else lines)


def _buttons(wait: Wait, words: Language) -> tuple[tuple[Button, ...], ...]:
    approve = Button(label=words.approve, value=f"{_PREFIX}y:{wait.token}", style="primary")
    reject = Button(label=words.reject, value=f"{_PREFIX}n:{wait.token}", style="danger")
    return ((approve, reject),)


def _argument_lines(arguments: Any) -> list[str]:
    if not isinstance(arguments, dict):
        return []
    lines: list[str] = []
    for name, value in arguments.items():  # pyright: ignore[reportUnknownVariableType] - raw JSON
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        named = _UNUSUAL.sub("_", str(name))[:_NAME_LIMIT]  # pyright: ignore[reportUnknownArgumentType]
        lines.append(f"- {named}: `{_plain(text)}`")
    return lines


def _shown(wait: Wait) -> dict[str, Any]:
    """Arguments of the call, or the details of a handoff with the values that may be changed."""
    shown: dict[str, Any] = {}
    for name in ("arguments", "details", "edit"):
        value: Any = wait.payload.get(name)
        if isinstance(value, dict):
            shown |= value
    return shown


def _plain(text: str) -> str:
    """In one line, and unable to end the code it stands in; cut where it is long, with a sign of that."""
    line = " ".join(text.replace("`", "'").splitlines())
    return line if len(line) <= _VALUE_LIMIT else f"{line[:_VALUE_LIMIT]}…"


def parse_decision(value: str) -> tuple[Literal["approve", "reject"], str] | None:
    """What a pressed button means: (decision, wait token)."""
    if not value.startswith(_PREFIX) or len(value) < len(_PREFIX) + 3:
        return None
    verdict, _, token = value[len(_PREFIX) :].partition(":")
    if verdict not in ("y", "n") or not token:
        return None
    return ("approve" if verdict == "y" else "reject"), token


def may_decide(wait: Wait, person_id: str, roles: Sequence[str]) -> bool:
    """Whether a person may decide this wait: by role or by name, as it says; else admins."""
    if wait.kind == "reply":
        return person_id == wait.person_id
    allowed = wait.approvers or DEFAULT_APPROVERS
    return person_id in allowed or any(role in allowed for role in roles)


def decision_text(wait: Wait, words: Language) -> str:
    """What the question's message says after it was decided."""
    tool, answer = subject(wait), wait.answer or {}
    by = words.by.format(name=wait.decided_by) if wait.decided_by else ""
    if wait.kind == "takeover":
        return words.handed_back.format(by=by)
    sentences = {
        "approved": words.approved,
        "rejected": words.rejected,
        "expired": words.expired,
        "cancelled": words.cancelled,
    }
    told = sentences[verdict(wait)].format(tool=tool, by=by)
    comment = str(answer.get("comment") or "")
    return f"{told}\n{comment}" if comment else told


def verdict(wait: Wait) -> Literal["approved", "rejected", "expired", "cancelled"]:
    """What became of a wait, in one word; part of the id of the message that shows it."""
    if wait.state == "expired" or wait.state == "cancelled":
        return wait.state
    return "approved" if (wait.answer or {}).get("approved") else "rejected"


def past_text(wait: Wait, words: Language) -> str:
    """What is said to somebody who decides too late."""
    sentences = {
        "approved": words.already_approved,
        "rejected": words.already_rejected,
        "expired": words.already_expired,
        "cancelled": words.already_cancelled,
    }
    return sentences[verdict(wait)]
