"""Which process or connection answers a call.

A hosted Python server has one process for everybody and gets its secrets with each call. Any other program knows
secrets only from its environment, so there is one process for each *credential set*: everybody whose secrets have the
same values shares one. A rotated secret is another credential set; the old process finishes its calls and ends.

Connections to a remote server are shared in the same way, and where the server keeps a session, never by two
principals: what one did there is nothing to another.
"""

from __future__ import annotations

__all__ = ["SECRETS_META", "Pool"]

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.errors import SecretError, ToolUnavailable
from botkit.gateway.hosted import start_command
from botkit.gateway.process import Command, Limits
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.remote.endpoint import Credentials, Endpoint
from botkit.gateway.remote.inject import credentials_of, secrets_of
from botkit.gateway.remote.oauth import LoginNeeded, OAuth
from botkit.gateway.secrets import INSTANCE, Vault, normal_name
from botkit.gateway.session import Manner
from botkit.gateway.settings import CommandSettings, HostedSettings, RemoteSettings, SecretName
from botkit.gateway.upstream import NewsKind, SpawnLimit, Upstream

SECRETS_META = "io.botkit/secrets"
"""Key of `_meta` under which a hosted server finds its secrets, by name."""

_SPAWN_LIMIT = 4
_CONNECT_LIMIT = 32
_SETS_LIMIT = 8
"""Credential sets of one server that may have a process at once."""
_LINKS_LIMIT = 256
"""Credential sets and principals that may have connections to one remote server at once."""
_SET_IDLE_S = 600.0
_SPARE_CONNECTIONS = 8
"""Beside the calls: streams, notifications, lists."""
_DRAIN_S = 30.0

LocalServer = HostedSettings | CommandSettings
AnyServer = LocalServer | RemoteSettings
Key = tuple[str, str, str]
"""Server, digest of its credential set, and the principal whose session it is."""
_log = structlog.get_logger("botkit.gateway")


class Pool:
    """All upstreams. `on_ready`, `on_tools_changed` and `on_news` receive the server's name first."""

    def __init__(
        self,
        *,
        vault: Vault,
        redactor: SecretRedactor,
        clock: Clock,
        data_folder: Path,
        on_ready: Callable[[str], None],
        on_tools_changed: Callable[[str], None],
        on_news: Callable[[str, NewsKind, str], None] = lambda _server, _kind, _name: None,
        schema_of: Callable[[str, str], Mapping[str, Any] | None] = lambda _server, _tool: None,
    ):
        self._vault = vault
        self._redactor = redactor
        self._clock = clock
        self._data_folder = data_folder
        self._on_ready = on_ready
        self._on_tools_changed = on_tools_changed
        self._on_news = on_news
        self._schema_of = schema_of
        self.oauth: OAuth | None = None
        """Tokens for servers with OAuth; None: those cannot be called."""
        self.not_connected: Callable[[str, str], SecretError] = _not_connected
        """Makes the refusal for a server and a person's scope, with a link where there is one."""
        self._spawning = SpawnLimit(_SPAWN_LIMIT)
        self._connecting = SpawnLimit(_CONNECT_LIMIT)
        self._salt = os.urandom(32)
        self._servers: dict[str, AnyServer] = {}
        self._upstreams: dict[Key, Upstream] = {}
        self._stateful: dict[str, bool] = {}
        """Whether a remote server keeps sessions, as last seen."""
        self._users: dict[tuple[str, Sequence[str]], str] = {}
        """(server, scopes) → digest last used, to notice a rotation."""
        self._draining: set[asyncio.Task[None]] = set()

    async def upstream(
        self, server: AnyServer, scopes: Sequence[str], *, who: str = "", manner: Manner | None = None
    ) -> Upstream:
        """The upstream for a call with these secret scopes. Does not start it.

        Args:
            who: the principal; where a remote server keeps sessions, each has one of its own. Empty: botkit itself.
            manner: as whom to speak; each has a process or connection of its own.

        Raises:
            SecretError: a secret of its environment is missing or does not open.
            ToolUnavailable: too many credential sets are in use at once.
        """
        if isinstance(server, RemoteSettings):
            return await self._remote(server, scopes, who, manner)
        env = await self._environment(server, scopes, asked_by_us=not who)
        digest = self._digest(env)
        key = (server.name, digest, manner.key if manner is not None else "")
        self._note_user((server.name, tuple(scopes)), digest)
        upstream = self._upstreams.get(key)
        if upstream is None:
            self._make_room(server.name, _SETS_LIMIT)
            upstream = self._upstreams[key] = self._new(
                server, env, idle_s=_SET_IDLE_S if digest or manner else 0.0, manner=manner
            )
        return upstream

    async def _remote(
        self, server: RemoteSettings, scopes: Sequence[str], who: str, manner: Manner | None = None
    ) -> Upstream:
        names = secrets_of(server)
        values = await self._vault.resolve(names, scopes) if names else {}
        values |= await self._personal(server, scopes, asked_by_us=not who)
        authorize, account = await self._account(server, scopes, asked_by_us=not who)
        digest = self._digest({**values, "": account} if account else values)
        self._note_user((server.name, tuple(scopes)), digest)
        shared = self._upstreams.get((server.name, digest, ""))
        if shared is not None and shared.stateful is not None:
            self._stateful[server.name] = shared.stateful
        key = (server.name, digest, who if self._stateful.get(server.name, True) else "")
        if manner is not None:
            key = (server.name, digest, f"{who} {manner.key}")
        upstream = self._upstreams.get(key)
        if upstream is None:
            self._make_room(server.name, _LINKS_LIMIT)
            credentials = credentials_of(server, values)
            upstream = self._upstreams[key] = self._connection(
                server, credentials, authorize, main=not who and manner is None, manner=manner
            )
        return upstream

    async def _personal(self, server: AnyServer, scopes: Sequence[str], *, asked_by_us: bool) -> dict[str, str]:
        """The person's own values. botkit, which only reads lists, uses those of the server where there are some.

        Raises:
            NotConnected: the person has none yet.
        """
        owner = next((scope for scope in scopes if scope.startswith("person:")), "")
        found: dict[str, str] = {}
        for rule in server.inject:
            if rule.person:
                value = await self._vault.find(rule.secret, scopes if asked_by_us else (owner,) if owner else ())
                if value is not None:
                    found[rule.secret] = value
                elif not asked_by_us:
                    raise self._not_connected(server.name, owner)
        return found

    async def _account(
        self, server: RemoteSettings, scopes: Sequence[str], *, asked_by_us: bool
    ) -> tuple[Callable[[bool], Awaitable[str]] | None, str]:
        """How to get the value of `Authorization`, and whose account that is.

        Raises:
            NotConnected, LoginNeeded: there is none.
        """
        oauth = self.oauth
        if server.oauth is None or oauth is None:
            return None, ""
        person = next((scope for scope in scopes if scope.startswith("person:")), "")
        looked = [scope for scope in scopes if scope != person and scope != INSTANCE]
        if server.oauth.person and not asked_by_us:
            looked = [person] if person else []
        try:
            owner = await oauth.owner_of(server, looked)
        except LoginNeeded:
            if server.oauth.person:
                if asked_by_us:
                    return None, ""  # perhaps it shows its tools to everybody
                raise self._not_connected(server.name, person) from None
            raise
        return (lambda refused: oauth.header(server, owner, refused=refused)), owner

    def _not_connected(self, server: str, owner: str) -> SecretError:
        if not owner:
            return SecretError(f"{server} is only for people with an account of their own there.", server=server)
        return self.not_connected(server, owner)

    async def secrets_for_call(self, server: AnyServer, scopes: Sequence[str], tool: str = "") -> dict[str, str]:
        """What a hosted server gets in `_meta` with a call of `tool`; empty for others. Raises `SecretError`."""
        if not server.inject or not isinstance(server, HostedSettings):
            return {}
        rules = [rule for rule in server.inject if not rule.tools or tool in rule.tools]
        names = [rule.secret for rule in rules if not rule.env and not rule.person]
        shared = await self._vault.resolve(names, scopes) if names else {}
        return shared | await self._personal(server, scopes, asked_by_us=False)

    def peek(self, server: str) -> Upstream | None:
        """Some upstream of the server, the most recently used one, without making one."""
        found = [one for key, one in self._upstreams.items() if key[0] == server]
        return max(found, key=lambda one: one.last_used, default=None)

    def apply(self, servers: Mapping[str, AnyServer]) -> set[str]:
        """Replace what changed: those servers' processes finish their calls and end. Returns their names."""
        changed = {name for name, server in self._servers.items() if servers.get(name) != server}
        self._servers = dict(servers)
        for key in [key for key in self._upstreams if key[0] in changed]:
            self._retire(key)
        for name in changed:
            self._stateful.pop(name, None)
        return changed

    def resume(self, server: str) -> None:
        """Forget the failures of a server."""
        for key, upstream in self._upstreams.items():
            if key[0] == server:
                upstream.resume()

    async def stop(self) -> None:
        """End every process. Returns when all are gone."""
        for task in self._draining:
            task.cancel()
        await asyncio.gather(*self._draining, return_exceptions=True)
        upstreams, self._upstreams = list(self._upstreams.values()), {}
        await asyncio.gather(*(upstream.stop() for upstream in upstreams))

    async def _environment(self, server: LocalServer, scopes: Sequence[str], *, asked_by_us: bool) -> dict[str, str]:
        """The secret part of the environment, by variable."""
        wanted = {name: value.name for name, value in server.env.items() if isinstance(value, SecretName)}
        own: dict[str, str] = {}
        if isinstance(server, CommandSettings):
            values = await self._personal(server, scopes, asked_by_us=asked_by_us)
            variables = {rule.secret: rule.env or normal_name(rule.secret) for rule in server.inject if rule.person}
            own = {variables[secret]: value for secret, value in values.items()}
        for rule in server.inject:
            if not rule.person and (rule.env or isinstance(server, CommandSettings)):
                wanted[rule.env or normal_name(rule.secret)] = rule.secret
        if not wanted:
            return own
        if isinstance(server, HostedSettings):  # one process for all: nobody's own secrets belong into it
            scopes = (f"server:{server.name}", INSTANCE)
        values = await self._vault.resolve(set(wanted.values()), scopes)
        return {variable: values[secret] for variable, secret in wanted.items()} | own

    def _digest(self, values: Mapping[str, str]) -> str:
        if not values:
            return ""
        return hmac.new(self._salt, msgspec.json.encode(sorted(values.items())), hashlib.sha256).hexdigest()

    def _note_user(self, user: tuple[str, Sequence[str]], digest: str) -> None:
        before = self._users.get(user)
        if not digest and before is None:
            return  # a server without secrets: nothing to remember for everybody who calls it
        self._users[user] = digest
        if before is None or before == digest:
            return
        name = user[0]
        still_used = any(other[0] == name and used == before for other, used in self._users.items())
        if not still_used:
            _log.info("server_credentials_rotated", server=name)
            for key in [key for key in self._upstreams if key[:2] == (name, before)]:
                self._retire(key)

    def _make_room(self, server: str, limit: int) -> None:
        keys = [key for key in self._upstreams if key[0] == server]
        if len(keys) < limit:
            return
        idle = [key for key in keys if not self._upstreams[key].busy]
        if not idle:
            raise ToolUnavailable(f"Too many different credentials use {server} at once. Try again in a moment.")
        self._retire(min(idle, key=lambda key: self._upstreams[key].last_used))

    def _retire(self, key: Key) -> None:
        upstream = self._upstreams.pop(key, None)
        if upstream is not None:
            task = asyncio.create_task(self._drain(upstream), name=f"drain {upstream.name}")
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)

    async def _drain(self, upstream: Upstream) -> None:
        try:
            await upstream.drain(_DRAIN_S)
        finally:
            await upstream.stop()

    def _connection(
        self,
        server: RemoteSettings,
        credentials: Credentials,
        authorize: Callable[[bool], Awaitable[str]] | None,
        *,
        main: bool,
        manner: Manner | None = None,
    ) -> Upstream:
        endpoint = Endpoint(
            url=server.url,
            transport=server.transport,
            headers={name: value for name, value in server.headers.items() if isinstance(value, str)},
            credentials=credentials,
            allow_private=server.allow_private,
            connections=server.parallel_calls + _SPARE_CONNECTIONS,
            schema_of=lambda tool: self._schema_of(server.name, tool),
            authorize=authorize,
        )

        async def target() -> Endpoint:
            return endpoint

        seen = self.peek(server.name)
        return Upstream(
            server.name,
            target,
            clock=self._clock,
            spawning=self._connecting,
            redactor=self._redactor,
            start_timeout_s=server.start_timeout_s,
            parallel_calls=server.parallel_calls,
            idle_s=server.idle_s or (0.0 if main else _SET_IDLE_S),
            era=seen.era if seen is not None else None,
            manner=manner,
            on_ready=(lambda: self._on_ready(server.name)) if main else (lambda: None),
            on_tools_changed=lambda: self._on_tools_changed(server.name),
            on_news=lambda kind, name: self._on_news(server.name, kind, name),
        )

    def _new(
        self, server: LocalServer, secret_env: Mapping[str, str], *, idle_s: float, manner: Manner | None = None
    ) -> Upstream:
        async def command() -> Command:
            return self._command(server, secret_env)

        return Upstream(
            server.name,
            command,
            clock=self._clock,
            spawning=self._spawning,
            redactor=self._redactor,
            start_timeout_s=server.start_timeout_s,
            parallel_calls=server.parallel_calls,
            idle_s=server.idle_s or idle_s,
            manner=manner,
            on_ready=(lambda: self._on_ready(server.name)) if manner is None else (lambda: None),
            on_tools_changed=lambda: self._on_tools_changed(server.name),
            on_news=lambda kind, name: self._on_news(server.name, kind, name),
        )

    def _command(self, server: LocalServer, secret_env: Mapping[str, str]) -> Command:
        plain = {name: value for name, value in server.env.items() if isinstance(value, str)}
        limits = Limits(memory_bytes=server.memory_bytes, cpu_s=server.cpu_s)
        if isinstance(server, CommandSettings):
            return Command(argv=server.argv, env={**plain, **secret_env}, cwd=server.cwd, limits=limits)
        argv, needed = start_command(Path(server.path))
        data = self._data_folder / server.name
        data.mkdir(parents=True, exist_ok=True)
        env = {**needed, "BOTKIT_SERVER_DATA": str(data), **plain, **secret_env}
        return Command(argv=argv, env=env, limits=limits)


def _not_connected(server: str, owner: str) -> SecretError:
    return SecretError(
        f"{server} needs an account of the person's own: `botkit secrets set NAME --person {owner.partition(':')[2]}`.",
        server=server,
    )
