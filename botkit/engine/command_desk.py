"""Answers commands: collects what each of them looks at, and lets it answer."""

from __future__ import annotations

__all__ = ["CommandDesk"]

from botkit.core.budgets import Payer
from botkit.core.events import Event
from botkit.core.journal import LaneContext, Write
from botkit.engine.budget_notices import left_lines, own_balances
from botkit.engine.commands import Answered, CommandContext, run_command
from botkit.engine.effective import Effective, EffectiveCache
from botkit.engine.identity import Known
from botkit.engine.languages import Language, language_of
from botkit.engine.linking import Linking
from botkit.engine.memory import MemoryCommands
from botkit.engine.services import Services
from botkit.runs.context import RunContext


class CommandDesk:
    """Answers the commands of people."""

    def __init__(self, services: Services, effective: EffectiveCache):
        self._s = services
        self._effective = effective
        self._linking = Linking(services.identities, services.clock)
        self._memory = MemoryCommands(services.notebook) if services.notebook is not None else None

    async def answer(
        self, name: str, event: Event, known: Known, context: LaneContext, *, running: RunContext | None = None
    ) -> tuple[str, tuple[Write, ...]]:
        """What is said to a command, and what it changes.

        Args:
            running: what the lane does just now.
        """
        config = self._s.configs.current
        this = self._effective.of(config, event.conversation, event.route)
        words = language_of(config, event.conversation, known.person.locale, bot=event.route)
        now = self._s.clock.micros()
        link: Answered | None = None
        if name == "link":
            link = Answered(*await self._linking.answer(event, known, config, words))
        memory: Answered | None = None
        if name in ("memory", "forget") and self._memory is not None:
            memory = Answered(*await self._memory.answer(name, event, known, context, words, now=now))
        answered = run_command(
            name,
            CommandContext(
                event=event,
                known=known,
                lane=context,
                bot_name=this.name,
                bot_description=this.bot.description,
                model=this.model,
                now=now,
                words=words,
                running=running.run if running is not None else None,
                history_limit=this.history_messages,
                budgets=await self._budgets(event, known, this, words) if name == "status" else (),
                link=link,
                memory=memory,
            ),
        )
        return answered.text, answered.writes

    async def _budgets(self, event: Event, known: Known, this: Effective, words: Language) -> tuple[str, ...]:
        """What is left of the budgets this person may see."""
        spending = self._s.spending
        if spending is None or not spending.active:
            return ()
        payer = Payer(
            bots=(this.slug,),
            person=known.person.id,
            roles=known.roles,
            workspaces=(this.bot.workspace,),
            channel=event.channel,
        )
        shown = own_balances(await spending.left(payer), known.person.id, is_admin=known.is_admin)
        return tuple(left_lines(shown, words, self._s.configs.current))
