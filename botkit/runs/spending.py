"""Model calls of a run under budgets: reserved before, settled in the commit of their step.

paid = await reserved(ctx, scope.key, request, payer)      # raises BudgetUsedUp: nothing was asked
reply = await collect(paid.request)
scope.write(AddUsage(call=…), *paid.settled(reply.usage))
"""

from __future__ import annotations

__all__ = ["PaidCall", "payer_of_run", "reserved"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from botkit.core.budgets import Amount, Charge, Payer, Spending
from botkit.core.journal import Run, SettleBudget, Write
from botkit.core.models import ModelRequest, Usage
from botkit.core.tokens import estimate_json_tokens
from botkit.runs.context import RunContext

_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A model call that may be made."""

    request: ModelRequest
    """With no longer an answer than there is money for."""
    charge: Charge | None = None
    spending: Spending | None = None

    def priced(self, usage: Usage) -> Usage:
        """Usage that nobody reported, with what it costs."""
        return self.spending.priced(self.request.model, usage) if self.spending is not None else usage

    def settled(self, usage: Usage = _NOTHING) -> tuple[Write, ...]:
        """What to commit with the usage; of a call that was never made without any."""
        if self.charge is None:
            return ()
        used = Amount(micros=usage.cost_micros, tokens=usage.input_tokens + usage.output_tokens)
        return (SettleBudget(charge=msgspec.structs.replace(self.charge, used=used)),)


async def reserved(ctx: RunContext, step: str, request: ModelRequest, payer: Callable[[], Payer]) -> PaidCall:
    """Reserve what a model call may cost. Made anew for the same step it finds what was reserved.

    Raises:
        BudgetUsedUp: the call must not be made.
    """
    spending = ctx.spending
    if spending is None or not spending.active:
        return PaidCall(request, spending=spending)
    charge = await spending.reserve_model(
        payer(),
        run_id=ctx.run.id,
        step=step,
        model=request.model,
        input_tokens=sum(map(estimate_json_tokens, (*request.messages, *request.tools))),
        output_tokens=request.max_output_tokens,
    )
    if charge is not None and charge.output_tokens < request.max_output_tokens:
        request = msgspec.structs.replace(request, max_output_tokens=max(1, charge.output_tokens))
    return PaidCall(request, charge, spending)


def payer_of_run(run: Run, workspace: str = "") -> Payer:
    """Who pays for what a run does outside its agent.

    Args:
        workspace: on whose behalf, where it is on behalf of one.
    """
    roles = cast("Sequence[str]", run.input.get("roles") or ())
    bots = (run.bot,) if run.bot else ()
    spaces = (workspace,) if workspace else ()
    return Payer(bots=bots, person=run.person_id, roles=tuple(roles), workspaces=spaces, channel=run.channel)
