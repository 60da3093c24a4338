"""Following the files of the configuration: applied when saved in `dev`, checked when saved in `run`."""

from __future__ import annotations

__all__ = ["ConfigNews", "ConfigWatcher", "folders_of"]

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog
from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] - it mentions trio, which is not here

from botkit.app.configs import ConfigBook
from botkit.core.config import Config
from botkit.core.data import Data
from botkit.core.errors import BotkitError, ConfigError

_log = structlog.get_logger("botkit.config")

_DEBOUNCE_MS = 300
_SUFFIXES = (".yaml", ".yml", ".md", ".txt", ".py", ".json")


class ConfigNews(Data):
    """What a saved file led to."""

    kind: Literal["applied", "waiting", "broken", "restored"]
    """`waiting`: it is right, and `botkit apply` makes it run. `restored`: it is what runs again."""
    revision: str = ""
    error: str = ""
    """For `broken`: every mistake with its place."""


class ConfigWatcher:
    """Looks at the files whenever one of them was saved.

    Args:
        automatic: apply without being asked, whatever `settings.reload` says.
        tell: called with what came of it.
    """

    def __init__(self, configs: ConfigBook, *, automatic: bool, tell: Callable[[ConfigNews], None]):
        self._configs = configs
        self._automatic = automatic
        self._tell = tell
        self._seen = configs.current.revision
        self._broken = configs.error is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. Without a working file watch everything else goes on."""
        while not stop.is_set():
            folders = folders_of(self._configs.file, self._configs.current)
            try:
                async for _ in awatch(
                    *folders,
                    watch_filter=self._concerns_us,
                    debounce=_DEBOUNCE_MS,
                    stop_event=stop,
                    recursive=False,
                    ignore_permission_denied=True,
                ):
                    await self.look()
                    if folders_of(self._configs.file, self._configs.current) != folders:
                        break  # other folders are part of it now
            except OSError as error:
                _log.warning("config_not_watched", reason=str(error), advice="use `botkit apply` after an edit")
                return

    async def look(self) -> None:
        """Compare the files with what runs, and act on it."""
        try:
            config = await self._configs.on_disk()
        except ConfigError as error:
            self._broken = True
            self._tell(ConfigNews(kind="broken", error=str(error)))
            return
        if config.revision == self._configs.current.revision:
            if self._broken or self._seen != config.revision:
                self._tell(ConfigNews(kind="restored", revision=config.revision))
            self._broken, self._seen = False, config.revision
            return
        self._broken, self._seen = False, config.revision
        if not (self._automatic or config.settings.reload == "auto"):
            self._tell(ConfigNews(kind="waiting", revision=config.revision))
            return
        try:
            applied = await self._configs.apply(actor="file", via="file")
        except BotkitError as error:  # saved again meanwhile, or the database is busy
            self._tell(ConfigNews(kind="broken", error=str(error)))
            return
        self._tell(ConfigNews(kind="applied", revision=applied.revision))

    def _concerns_us(self, change: Change, path: str) -> bool:
        name = Path(path).name
        return not name.startswith(".") and name.endswith(_SUFFIXES)


def folders_of(file: Path, config: Config) -> tuple[Path, ...]:
    """Folders whose files make up a configuration."""
    root = file.parent
    folders = {(root / path).parent for path in config.files if not path.endswith("/")}
    folders |= {root, root / "workspace" / "servers", root / "workspace" / "workflows"}
    return tuple(sorted(folder for folder in folders if folder.is_dir()))
