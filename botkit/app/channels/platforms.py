"""Which adapters are installed. They are found by their entry points and imported only when a channel needs them."""

from __future__ import annotations

__all__ = ["Platforms"]

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from botkit.app.names import SANDBOX
from botkit.core.errors import ChannelFatal
from botkit.sdk import Adapter

_GROUP = "botkit.adapters"
_BUILT_IN = {SANDBOX: EntryPoint(SANDBOX, "adapters.sandbox:Sandbox", _GROUP)}


class Platforms:
    """Platform name → adapter class.

    Args:
        entries: where adapters are; the entry points of all installed packages when absent.
    """

    def __init__(self, entries: Mapping[str, EntryPoint] | None = None):
        if entries is None:
            entries = {entry.name: entry for entry in entry_points(group=_GROUP)}
        self._entries = {**_BUILT_IN, **entries}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def load(self, platform: str) -> type[Adapter]:
        """Import an adapter; may take a second for a large library.

        Raises:
            ChannelFatal: no package provides it, or it cannot be imported.
        """
        entry = self._entries.get(platform)
        if entry is None:
            raise ChannelFatal(
                f"no installed package has an adapter for {platform}; installed: {', '.join(self.names)}",
                platform=platform,
            )
        try:
            found = entry.load()
        except (ImportError, AttributeError) as error:
            raise ChannelFatal(
                f"the adapter for {platform} ({entry.value}) cannot be imported: {error}", platform=platform
            ) from error
        if not (isinstance(found, type) and issubclass(found, Adapter)):
            raise ChannelFatal(f"{entry.value} is not an adapter class", platform=platform)
        return found
