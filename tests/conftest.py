"""What holds for every test: assertions that tell what differed, and logging as if no other test had set it up."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

pytest.register_assert_rewrite("botkit.testing.stores")
"""Before anything imports them: the contract suites tell what differed, as tests do."""

settings.register_profile("shared-machine", deadline=None)  # how long an example takes says nothing here
settings.load_profile("shared-machine")


@pytest.fixture(autouse=True)
def logging_of_its_own() -> Iterator[None]:
    """Undo what a test did to the process's logging."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
