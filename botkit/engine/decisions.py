"""Decisions of people about what waits: by button, by command, from the page."""

from __future__ import annotations

__all__ = ["Decisions"]

from collections.abc import Mapping
from typing import Any

import msgspec

from botkit.core.errors import BotkitError, Conflict, Denied, InvalidArguments
from botkit.core.events import Action, Event
from botkit.core.journal import CloseWait, DropTimer, Wait
from botkit.engine import forms, pressed, questions
from botkit.engine.identity import Known
from botkit.engine.languages import language_of, speak
from botkit.engine.member_calls import MemberCalls
from botkit.engine.services import Services


class Decisions:
    """By whichever way a decision comes, it is committed once.

    Args:
        calls: where calls of MCP clients are decided; None where there are none.
    """

    def __init__(self, services: Services, calls: MemberCalls | None = None):
        self._s = services
        self._calls = calls

    async def by_button(self, event: Event) -> None:
        if event.action is not None and forms.token_of(event.action):
            await self._answer(event, event.action)
            return
        if event.action is not None and event.action.opens and await self._open(event, event.action):
            return
        config = self._s.configs.current
        decision = questions.parse_decision(event.action.value) if event.action is not None else None
        adapter = self._s.channels.adapter(event.channel)
        known = await self._s.identities.resolve(event, config)
        words = language_of(config, event.conversation, known.person.locale)
        answer = words.button_unused
        if decision is not None:
            wait = await self._s.journal.find_wait(token=decision[1])
            if wait is not None:
                name = known.person.name or known.person.id
                approved = decision[0] == "approve"
                try:
                    await self.decide(wait, approved=approved, by=name, via=f"chat:{event.channel}", known=known)
                    answer = words.approved_now if approved else words.rejected_now
                except Denied:
                    answer = words.only_may_decide.format(who=_deciders(wait))
                except Conflict:
                    answer = questions.past_text(await self._s.journal.find_wait(wait_id=wait.id) or wait, words)
                except BotkitError as error:
                    answer = str(error)
            elif self._calls is not None:
                told = await self._calls.press(*decision, known, words, via=f"chat:{event.channel}")
                answer = told or answer
        if adapter is not None:
            await adapter.acknowledge(event, answer)

    async def _open(self, event: Event, action: Action) -> bool:
        """Show the form that a message was sent with; whether it had one and it is shown."""
        adapter = self._s.channels.adapter(event.channel)
        part = await self._s.records.sent(event.channel, event.conversation.room, action.message_id)
        form = pressed.form_of_part(part, action)
        return adapter is not None and form is not None and await adapter.open_form(event, form)

    async def _answer(self, event: Event, action: Action) -> None:
        """A question of a tool was answered by a press, a choice or a form; or its form is to be opened."""
        known = await self._s.identities.resolve(event, self._s.configs.current)
        words = language_of(self._s.configs.current, event.conversation, known.person.locale)
        adapter = self._s.channels.adapter(event.channel)
        wait = await self._s.journal.find_wait(token=forms.token_of(action))
        told = ""
        if wait is None:
            told = words.button_unused
        elif not questions.may_decide(wait, known.person.id, known.roles):
            told = words.not_asked_you
        elif wait.state != "open":
            told = words.already_answered
        else:
            if action.opens:
                form = forms.dialog(wait, words)
                if form is not None and adapter is not None and await adapter.open_form(event, form):
                    return
                answer: dict[str, Any] | None = {"by_field": True}
            else:
                answer = forms.answer_of(wait, action, words)
            if answer is None:
                told = words.button_unused
            else:
                try:
                    await self.close(wait, answer, by=known.person.id, via=f"chat:{event.channel}")
                except Conflict:
                    told = words.already_answered
        if adapter is not None:
            await adapter.acknowledge(event, told)

    async def decide(
        self,
        wait: Wait,
        *,
        approved: bool,
        by: str,
        via: str,
        comment: str = "",
        values: Mapping[str, Any] | None = None,
        known: Known | None = None,
    ) -> Wait:
        """Commit a decision about an open approval; the run wakes by it, once.

        Args:
            values: values of the request that are changed with the decision (`human_handoff`: `edit`).
            known: who decides, when it is a person in a chat; None for the operator of this instance.

        Raises:
            Conflict: it was decided before.
            InvalidArguments: a value may not be changed.
            Denied: this person may not decide it.
        """
        if known is not None and not questions.may_decide(wait, known.person.id, known.roles):
            raise _denied(wait)
        if wait.state != "open":
            raise Conflict(questions.past_text(wait, speak("en")))
        answer: dict[str, Any] = {"approved": approved, "comment": comment}
        if values:
            answer["values"] = _allowed_values(wait, values)
        return await self.close(wait, answer, by=by, via=via)

    async def close(self, wait: Wait, answer: dict[str, Any], *, by: str, via: str) -> Wait:
        """Answer an open wait from outside its lane."""
        now = self._s.clock.micros()
        close = CloseWait(wait_id=wait.id, state="answered", at=now, answer=answer, by=by, via=via)
        await self._s.journal.commit(None, (close, DropTimer(id=wait.id)))
        await self._s.wake(wait.lane)
        return msgspec.structs.replace(
            wait, state="answered", answer=answer, decided_by=by, decided_via=via, decided_at=now
        )


def _allowed_values(wait: Wait, values: Mapping[str, Any]) -> dict[str, Any]:
    offered: dict[str, Any] = wait.payload.get("edit") or {}
    strange = sorted(set(values) - set(offered))
    if strange:
        may = f"; those that may: {', '.join(offered)}" if offered else ""
        raise InvalidArguments(f"not to be changed with this decision: {', '.join(strange)}{may}")
    return dict(values)


def _denied(wait: Wait) -> BotkitError:
    return Denied(speak("en").only_may_decide.format(who=_deciders(wait)), wait=wait.id)


def _deciders(wait: Wait) -> str:
    return ", ".join(wait.approvers or questions.DEFAULT_APPROVERS)
