"""Which calls of the Bot API a fault hits."""

from __future__ import annotations

__all__ = ["TelegramFaults"]

from collections.abc import Callable
from typing import Any

from botkit.testing.faults import Faulty
from botkit.testing.telegram.params import ApiError, Call
from botkit.testing.telegram.world import FakeChat

_NO_MESSAGES = frozenset({"sendchataction", "sendmessagedraft", "sendrichmessagedraft"})


class TelegramFaults(Faulty[Call]):
    """Orders narrow by `method` (`*`: every one) and by `chat`."""

    def calls_where(self, *, method: str = "", chat: FakeChat | None = None, **where: Any) -> Callable[[Call], bool]:
        if where:
            raise TypeError(f"faults of Telegram know no {sorted(where)}: say method or chat")
        wanted = method.lower()

        def matches(call: Call) -> bool:
            if chat is not None and call.integer("chat_id") != chat.id:
                return False
            name = call.method.lower()
            if not wanted:
                return name.startswith(("send", "edit")) and name not in _NO_MESSAGES
            return wanted in ("*", name)

        return matches

    def rate_limit(
        self, times: int = 1, retry_after: int = 1, *, after: int = 0, method: str = "", chat: FakeChat | None = None
    ) -> None:
        """The next `times` calls answer 429."""
        error = ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
        self.order("error", times, after, error=error, method=method, chat=chat)

    def fail(
        self,
        times: int = 1,
        *,
        code: int = 500,
        description: str = "Internal Server Error",
        method: str = "",
        after: int = 0,
        applied: bool = False,
    ) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same."""
        kind = "error_after" if applied else "error"
        self.order(kind, times, after, error=ApiError(code, description), method=method)
