"""Fixtures of the tests against other people's programs."""

from __future__ import annotations

import pytest

from tests.interop.environments import Environments


@pytest.fixture(scope="session")
def installed() -> Environments:
    """Makes environments on demand, once."""
    return Environments()
