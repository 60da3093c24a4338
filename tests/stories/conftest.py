"""One nursery for all stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.lives import Nest


@pytest.fixture(scope="session")
def nest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nest]:
    nest = Nest(tmp_path_factory.mktemp("nest"))
    yield nest
    nest.close()
