"""The outside world, once for all tests of a file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.field import Field
from tests.store.conftest import postgres_server, postgres_template

__all__ = ["field", "postgres_server", "postgres_template"]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    memory = Path("/dev/shm")
    folder = tmp_path_factory.mktemp("chaos")
    if memory.is_dir():
        folder = Path(tempfile.mkdtemp(prefix="botkit-chaos-", dir=memory))
    field = Field(folder)
    yield field
    field.close()
    shutil.rmtree(folder, ignore_errors=True)
