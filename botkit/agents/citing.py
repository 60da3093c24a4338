"""Sources of an answer: ids of passages become numbers with a list of places, and ids of nothing are taken out."""

from __future__ import annotations

__all__ = ["sources_of_history", "with_sources"]

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from botkit.core.agent import AgentOutcome
from botkit.core.citations import SEARCHES, cited_answer
from botkit.core.journal import TranscriptRow

_log = structlog.get_logger("botkit.agents")


def sources_of_history(rows: Sequence[TranscriptRow]) -> dict[str, str]:
    """What earlier turns looked up, whatever is left of the results: id → where it stands."""
    found: dict[str, str] = {}
    for row in rows:
        if row.role == "tool" and row.data.get("name") == SEARCHES:
            found |= row.data.get("sources") or {}
    return found


def with_sources(outcome: AgentOutcome, known: Mapping[str, str]) -> AgentOutcome:
    """The outcome with an answer as people read it. Its rows keep the ids, for the turns that come.

    An answer that is an object is left as it is: its fields hold what its schema says.
    """
    if "data" in outcome.output:
        return outcome
    cited = cited_answer(outcome.text, known)
    if not cited.sources and not cited.unknown:
        return outcome
    if cited.unknown:
        _log.warning("citation_of_nothing", ids=list(cited.unknown), taken_out=True)
    told = {"sources": list(cited.sources), "unknown": list(cited.unknown)}
    return msgspec.structs.replace(outcome, text=cited.text, output={**outcome.output, "citations": told})
