"""The control socket: how a command acts through the process that owns the home.

The server side is in `botkit.app.control.server`; a command that only asks does not import it.
"""

from botkit.app.control.client import ControlClient, connect
from botkit.app.control.path import socket_path

__all__ = ["ControlClient", "connect", "socket_path"]
