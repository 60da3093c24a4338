"""The platform accounts of this process: found, built, started, watched, replaced."""

from botkit.app.channels.host import ChannelHost
from botkit.app.channels.manager import ChannelManager
from botkit.app.channels.platforms import Platforms

__all__ = ["ChannelHost", "ChannelManager", "Platforms"]
