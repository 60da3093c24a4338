"""Vectors for the knowledge: asked for in batches, under budgets, and booked like every other model call."""

from __future__ import annotations

__all__ = ["EmbeddingDesk"]

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from botkit.core.budgets import Amount, Charge, Payer, Spending
from botkit.core.clock import Clock
from botkit.core.embeddings import Embedder, EmbeddingReply, EmbeddingRequest, Purpose
from botkit.core.errors import ModelError
from botkit.core.ids import new_id
from botkit.core.journal import AddUsage, ModelCall, SettleBudget, Write
from botkit.core.knowledge import Asker
from botkit.core.models import Usage
from botkit.core.tokens import estimate_tokens

_T = TypeVar("_T")
_BATCH_TEXTS, _BATCH_TOKENS = 96, 24_000
"""Of one request; the narrowest provider takes 96 texts."""
_TEXT_CHARS = 24_000
"""Of one text: some 6,000 tokens, which every model reads."""
_KEPT = 512
"""Queries whose vectors are kept."""
_SILENT_S, _LONGEST_SILENT_S = 15.0, 60.0
"""For how long questions do without a model that failed."""
_QUERY_TIMEOUT_S, _DOCUMENT_TIMEOUT_S = 8.0, 120.0


class EmbeddingDesk:
    """Makes the calls of `botkit.app.knowledge.Library`.

    Args:
        book: commits the rows of a call.
    """

    def __init__(
        self, embedder: Embedder, spending: Spending, clock: Clock, book: Callable[[Sequence[Write]], Awaitable[None]]
    ):
        self._embedder = embedder
        self._spending = spending
        self._commit = book
        self._clock = clock
        self._silent: dict[str, tuple[float, ModelError | None]] = {}
        """Model → until when it is not asked, and why."""
        self._known: OrderedDict[tuple[str, str], Sequence[float]] = OrderedDict()

    def identity(self, model: str) -> str:
        """See the port."""
        return self._embedder.identity(model)

    async def query(self, model: str, text: str, asker: Asker) -> Sequence[float]:
        """The vector of a question. Asked again, it costs nothing for a while.

        Raises:
            ModelError: the model does not answer, or makes no vectors.
            BudgetUsedUp: nobody pays for it.
        """
        key = (self.identity(model), text)
        known = self._known.get(key)
        if known is None:
            known = await self._asked(model, text[:_TEXT_CHARS], asker)
            self._known[key] = known
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known

    async def _asked(self, model: str, text: str, asker: Asker) -> Sequence[float]:
        """A model that just did not answer is not waited for by everybody who looks something up."""
        until, error = self._silent.get(model, (0.0, None))
        if error is not None and self._clock.monotonic() < until:
            raise error.with_traceback(None)
        try:
            found = await self._call(model, [text], "query", asker)
        except ModelError as failed:
            pause_s = min(failed.retry_after_s or _SILENT_S, _LONGEST_SILENT_S)
            self._silent[model] = (self._clock.monotonic() + pause_s, failed)
            raise
        self._silent.pop(model, None)
        return found[0]

    async def documents(self, model: str, texts: Sequence[str], asker: Asker) -> list[Sequence[float]]:
        """The vectors of one batch, as `batched` makes them. Raises as `query` does."""
        return await self._call(model, [text[:_TEXT_CHARS] for text in texts], "document", asker)

    @staticmethod
    def batched(rows: Sequence[_T], texts: Sequence[str]) -> Iterator[Sequence[_T]]:
        """Rows in pieces of a size that every provider takes.

        Args:
            texts: of the rows.
        """
        begin, tokens = 0, 0
        for number, text in enumerate(texts):
            size = estimate_tokens(text[:_TEXT_CHARS])
            if number > begin and (number - begin >= _BATCH_TEXTS or tokens + size > _BATCH_TOKENS):
                yield rows[begin:number]
                begin, tokens = number, 0
            tokens += size
        if begin < len(rows):
            yield rows[begin:]

    async def _call(self, model: str, texts: Sequence[str], purpose: Purpose, asker: Asker) -> list[Sequence[float]]:
        id_ = new_id("mc")
        timeout_s = _QUERY_TIMEOUT_S if purpose == "query" else _DOCUMENT_TIMEOUT_S
        tokens = sum(map(estimate_tokens, texts))
        charge = None
        if self._spending.active:
            charge = await self._spending.reserve_model(
                asker.payer, run_id="", step=id_, model=model, input_tokens=tokens, output_tokens=0
            )
        workspace = next(iter(asker.payer.workspaces), "")
        request = EmbeddingRequest(
            model=model, texts=tuple(texts), purpose=purpose, timeout_s=timeout_s, workspace=workspace
        )
        reply = EmbeddingReply(vectors=())
        code = "cancelled"
        try:
            reply = await self._embedder.embed(request)
            code = ""
            return list(reply.vectors)
        except ModelError as error:
            code = error.code
            raise
        finally:
            await self._book(id_, model, reply, asker, charge, code)

    async def _book(
        self, id_: str, model: str, reply: EmbeddingReply, asker: Asker, charge: Charge | None, code: str
    ) -> None:
        payer: Payer = asker.payer
        call = ModelCall(
            id=id_,
            at=self._clock.micros(),
            run_id=asker.run_id,
            step=asker.step,
            trace_id=asker.trace_id,
            bot=asker.bot,
            channel=payer.channel,
            workspace=next(iter(payer.workspaces), ""),
            person_id=payer.person,
            model=reply.model or model,
            usage=reply.usage,
            latency_ms=reply.latency_ms,
            attempts=reply.attempts,
            finish="cut" if code else "stop",
            code=code,
        )
        writes: list[Write] = [AddUsage(call=call)]
        if charge is not None:
            writes.append(SettleBudget(charge=msgspec.structs.replace(charge, used=_used(reply.usage))))
        await self._commit(writes)


def _used(usage: Usage) -> Amount:
    return Amount(micros=usage.cost_micros, tokens=usage.input_tokens)
