"""A process that serves: `dev` and `run`, from the bound port to the last drained turn."""

from __future__ import annotations

__all__ = ["Serving", "serve", "stop_on_signals"]

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import structlog

from botkit.app.console_api import PageApi
from botkit.app.environment import Environment
from botkit.app.gateway_door import open_door
from botkit.app.home import Home
from botkit.app.housekeeping import keep_house
from botkit.app.http import HttpServer, HttpServices, bind, build_app
from botkit.app.http.connect import connect_routes
from botkit.app.http.decide import decide_routes
from botkit.app.http.hooks import hooks_endpoint
from botkit.app.http.join import join_routes
from botkit.app.http.members import member_routes
from botkit.app.http.oauth import oauth_routes
from botkit.app.http.verify import IdentityLinks, verify_routes
from botkit.app.instance import Instance
from botkit.app.member_desk import MemberDesk
from botkit.app.oauth import open_oauth
from botkit.app.operations import Operations
from botkit.app.runtime import open_instance
from botkit.app.watch import ConfigNews, ConfigWatcher
from botkit.console import console_routes
from botkit.gateway.access.oauth import OAuthServer
from botkit.gateway.export.routes import export_routes
from botkit.gateway.serving import Door

_log = structlog.get_logger("botkit.app")


@dataclass(frozen=True)
class Serving:
    """What runs, for whoever started it."""

    instance: Instance
    operations: Operations
    url: str
    """Of the page."""
    login_url: str = ""
    """With the access token in it; empty when the page needs none, or when its token is known already."""
    moved_from: int = 0
    """The port that was asked for and busy."""


@asynccontextmanager
async def serve(
    environment: Environment,
    *,
    mode: Literal["dev", "run"],
    actor: str,
    tell: Callable[[ConfigNews], None],
) -> AsyncGenerator[Serving]:
    """Everything a serving process does; it drains when the block ends.

    Args:
        tell: what became of an edit of bots.yaml.

    Raises:
        BotkitError: the port is busy or the home is in use; and what `open_instance` raises.
    """
    listener = bind(environment.host, environment.port, search=mode == "dev")
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        instance = await stack.enter_async_context(open_instance(environment, mode=mode, actor=actor))
        operations = Operations.of(instance)
        token, fresh = _page_token(environment, instance.home, mode)
        if token:
            instance.redactor.add(token)
        oauth = open_oauth(instance)
        door = open_door(instance, oauth)
        server = _http(instance, operations, listener, token, door, oauth)
        instance.url = server.url + "/"
        # The stack unwinds from here: turns are drained while the page still answers, then HTTP ends.
        await stack.enter_async_context(_http_until_closing(instance, server, door))
        watcher = ConfigWatcher(instance.configs, automatic=mode == "dev", tell=tell)
        instance.tasks.spawn(watcher.run(instance.stopping))
        instance.tasks.spawn(keep_house(instance))
        shown = environment.public_url or server.url
        port: int = listener.getsockname()[1]
        yield Serving(
            instance=instance,
            operations=operations,
            url=shown + "/",
            login_url=f"{shown}/?token={quote(token)}" if token and (fresh or mode == "dev") else "",
            moved_from=environment.port if environment.port not in (0, port) else 0,
        )


def _http(
    instance: Instance, operations: Operations, listener: socket.socket, token: str, door: Door, oauth: OAuthServer
) -> HttpServer:
    services = HttpServices(
        channels=instance.channels,
        health=instance.channels.health,
        counts=instance.store.records.counts,
        busy=instance.engine.status,
        ready=lambda: not instance.stopping.is_set(),
        metrics=instance.metrics,
        public_url=instance.environment.public_url,
        file_links=instance.file_links,
        read_file=instance.store.files.read,
        page_token=token,
        servers=instance.gateway.status,
        workspaces=[
            *door.routes(),
            *export_routes(instance.gateway, door.admit, door.ledger.add),
            *member_routes(MemberDesk(instance, operations), door.admit, instance.base_url, instance.clock),
            *connect_routes(instance.connections, instance.base_url),
            *join_routes(instance.access, instance.base_url),
            *decide_routes(instance.decision_links, lambda: operations.approvals.decide),
            *verify_routes(
                IdentityLinks(instance.codes, instance.store.journal, instance.clock, instance.engine.lanes.wake)
            ),
            *oauth_routes(oauth),
        ],
        hooks=hooks_endpoint(
            lambda: instance.configs.current, instance.vault.instance, instance.engine.begin, instance.clock
        ),
    )
    app = build_app(services, console_routes(PageApi(operations), clock=instance.clock))
    return HttpServer(app, listener, trusted_proxies=instance.environment.trusted_proxies)


@asynccontextmanager
async def _http_until_closing(instance: Instance, server: HttpServer, door: Door) -> AsyncGenerator[None]:
    try:
        async with server.serving():
            try:
                yield
            finally:
                await instance.wind_down()
                await door.stop()
    finally:
        await door.stop()  # rows of what was answered last


def _page_token(environment: Environment, home: Home, mode: Literal["dev", "run"]) -> tuple[str, bool]:
    """The page's access token (empty: none is needed) and whether it was made just now."""
    if mode == "dev" and environment.is_loopback:
        return "", False
    if environment.page_token is not None:
        return environment.page_token.get_secret_value(), False
    return home.page_token()


@contextmanager
def stop_on_signals(instance: Instance, *, interrupts: bool = True) -> Generator[None]:
    """SIGTERM and SIGINT ask to stop; a second one does not wait for running turns.

    Args:
        interrupts: handle SIGINT too; False where a terminal conversation has its own use for it.
    """
    loop = asyncio.get_running_loop()
    handled = [signal.SIGTERM, *([signal.SIGINT] if interrupts else [])]

    def asked(number: int) -> None:
        instance.ask_to_stop(signal.Signals(number).name)

    for number in handled:
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
