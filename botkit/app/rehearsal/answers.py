"""What people do in a case, as waits are answered."""

from __future__ import annotations

__all__ = ["Given", "answers_of"]

from collections.abc import Mapping, Sequence
from typing import Any, cast

from botkit.core.data import Data
from botkit.core.journal import WaitState


class Given(Data):
    """How one wait ends."""

    state: WaitState = "answered"
    answer: dict[str, Any] = {}
    node: str = ""
    """Whose wait; empty: whichever comes next."""
    by: str = ""


def answers_of(written: Sequence[Any]) -> list[Given]:
    """The answers of a case, in order."""
    return [_given(one) for one in written]


def _given(written: Any) -> Given:
    if not isinstance(written, Mapping):
        return Given(answer={"text": str(written)})
    held = dict(cast("Mapping[str, Any]", written))
    node, by = str(held.pop("node", "")), str(held.pop("by", ""))
    if held.get("timeout") is True:
        return Given(state="expired", node=node, by=by)
    if held.get("cancel") is True:
        return Given(state="cancelled", node=node, by=by)
    for word, approved in (("approve", True), ("reject", False)):
        if held.get(word) is True:
            answer: dict[str, Any] = {"approved": approved, "comment": str(held.get("comment") or "")}
            if "values" in held:
                answer["values"] = held["values"]
            return Given(answer=answer, node=node, by=by)
    return Given(answer=held, node=node, by=by)
