"""Budgets in words: the polite stop, what is left in /status, and the warning when one runs low."""

from __future__ import annotations

__all__ = ["left_lines", "low_writes", "own_balances", "used_up_text"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from botkit.core.budgets import NO_LIMIT, Balance
from botkit.core.clock import from_micros
from botkit.core.journal import Run, Wait, Write
from botkit.core.messages import OutMessage
from botkit.engine.approvers import places_to_ask
from botkit.engine.languages import Language, language_of
from botkit.engine.notices import Notices
from botkit.engine.services import Services
from botkit.engine.turn import conversation_of, input_of

if TYPE_CHECKING:
    from botkit.core.config import Config


def used_up_text(words: Language, error: dict[str, Any] | None, timezone: str) -> str:
    """What a person reads in place of an answer."""
    return words.budget_used_up.format(until=_until(words, int((error or {}).get("resets_at") or 0), timezone))


def own_balances(balances: Sequence[Balance], person_id: str, *, is_admin: bool) -> list[Balance]:
    """Those a person may see: their own, and for administrators all."""
    return [one for one in balances if is_admin or (person_id and one.account.person == person_id)]


def left_lines(balances: Sequence[Balance], words: Language, config: Config) -> list[str]:
    """A line for each."""
    return [
        words.budget_left.format(
            budget=one.account.budget,
            left=_left(one, words, config),
            until=_until(words, one.account.resets_at, config.settings.timezone),
        )
        for one in balances
    ]


def low_writes(services: Services, notices: Notices, balance: Balance, run: Run | None) -> list[Write]:
    """The warning, to whoever decides on approvals where they are asked, and to the person whose own budget it is.

    Args:
        run: whose call came that far.
    """
    config, account = services.configs.current, balance.account
    ref = f"budget/{account.budget}/{account.who}/{services.clock.micros()}"
    asked = Wait(
        id=ref, run_id="", lane="", key="", kind="approval", approvers=tuple(config.settings.approvals.approvers)
    )
    facts: dict[str, Any] = {"budget": account.budget, "percent": min(100, int(balance.share * 100))}
    writes: list[Write] = []
    told: set[str] = set()
    for index, place in enumerate(places_to_ask(config, services.channels, asked)):
        words = language_of(config, place.conversation, place.locale)
        text = words.budget_low.format(
            **facts,
            who=f" ({account.who})" if account.who else "",
            left=_left(balance, words, config),
            until=_until(words, account.resets_at, config.settings.timezone),
        )
        told.add(place.person)
        writes += notices.parts(place.conversation, f"{ref}/{index}", OutMessage(text=text), "")
    if account.person and run is not None and run.person_id == account.person and account.person not in told:
        writes += _to_person(services, notices, balance, run, facts, f"{ref}/own")
    return writes


def _to_person(
    services: Services, notices: Notices, balance: Balance, run: Run, facts: dict[str, Any], ref: str
) -> list[Write]:
    """In private only: what somebody has left is nobody else's business."""
    conversation, config = conversation_of(run), services.configs.current
    if conversation.kind != "dm" or not run.conversation:
        return []
    words = language_of(config, conversation, input_of(run).locale, bot=run.bot)
    until = _until(words, balance.account.resets_at, config.settings.timezone)
    text = words.budget_low_own.format(**facts, left=_left(balance, words, config), until=until)
    return notices.parts(conversation, ref, OutMessage(text=text), run.id)


def _left(balance: Balance, words: Language, config: Config) -> str:
    left = balance.left
    parts: list[str] = []
    if left.micros != NO_LIMIT:
        parts.append(f"{left.micros / 1_000_000:,.2f} {config.settings.currency}")
    if left.tokens != NO_LIMIT:
        parts.append(words.tokens.format(count=f"{left.tokens:,}"))
    if left.tool_calls != NO_LIMIT:
        parts.append(words.tool_calls.format(count=f"{left.tool_calls:,}"))
    return ", ".join(parts)


def _until(words: Language, resets_at: int, timezone: str) -> str:
    if not resets_at:
        return ""
    return words.until.format(when=from_micros(resets_at).astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M"))
