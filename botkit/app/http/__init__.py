"""The HTTP face of a process: page, webhooks, health, metrics."""

from botkit.app.http.app import HttpServices, build_app
from botkit.app.http.guard import PageGuard
from botkit.app.http.server import HttpServer, bind

__all__ = ["HttpServer", "HttpServices", "PageGuard", "bind", "build_app"]
