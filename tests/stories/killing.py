"""A story told once undisturbed, and once more for each place where its process can die."""

from __future__ import annotations

__all__ = ["killed_at_each_node"]

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.stories.lives import Nest
from tests.stories.story import Story, story

_TOGETHER = 4
"""Stories told at the same time."""


async def killed_at_each_node(
    folder: Path,
    nest: Nest,
    template: str,
    telling: Callable[[Story], Awaitable[None]],
    check: Callable[[Story], None],
    more: Callable[[str, Story], str] | None = None,
) -> int:
    """Tell it with a kill before and after each commit that records a node, and check each; how many there are.

    Args:
        telling: what people do and see, to the last words.
        check: what is true afterwards, counted outside.
    """
    free = asyncio.Semaphore(_TOGETHER)

    async def tell(kill: str) -> int:
        async with (
            free,
            story(folder / (kill.replace(" ", "-") or "alive"), template, kill=kill, nest=nest, more=more) as told,
        ):
            await telling(told)
            await told.until(lambda: told.ended and (not kill or told.died), f"the end after a kill {kill}")
            check(told)
            _seen_once(told, killed=bool(kill))
            return len(told.boundaries)

    count = await tell("")
    async with asyncio.TaskGroup() as stories:
        for number in range(1, count + 1):
            for when in ("before", "after"):
                stories.create_task(tell(f"{when} {number}"))
    return count


def _seen_once(told: Story, *, killed: bool) -> None:
    """Each message is shown once; only the one that was being sent at the kill may be shown again, and is counted."""
    parts, attempts = told.ask("SELECT count(*), sum(attempts) FROM parts WHERE channel = 'telegram' AND edit_of = ''")[
        0
    ]
    shown = len(told.telegram.fake.sent)
    assert parts <= shown <= (attempts or 0), (parts, shown, attempts)
    assert (attempts or 0) - parts <= killed, (parts, shown, attempts)
