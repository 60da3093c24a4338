"""What only the process that owns the home can find out about itself."""

from __future__ import annotations

__all__ = ["DoctorOperations"]

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from botkit.app.finding import Finding
from botkit.app.model_report import Scopes, keys_wanted, model_facts, model_finding
from botkit.app.operations.channels import ChannelOperations
from botkit.app.operations.knowledge import KnowledgeOperations
from botkit.app.operations.secrets import SecretOperations
from botkit.core.errors import BotkitError, SecretError

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_SERVERS_S = 60.0
_CHANNEL_S = 30.0
_AHEAD_MICROS = 300 * 1_000_000


class DoctorOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def examine(self) -> AsyncGenerator[Finding]:
        """Database, clock, keys, recording, secrets, models, servers, channels; each finding as soon as it is known."""
        yield await self._database()
        yield await self._clock()
        yield await self._master_key()
        yield await self._recording()
        async for finding in self._secrets():
            yield finding
        config = self._i.configs.current
        names, workspaces = keys_wanted(config)
        for facts in model_facts(config, await self.key_scopes(names=names, workspaces=workspaces)):
            yield model_finding(facts)
        async for finding in self._servers():
            yield finding
        async for finding in self._channels():
            yield finding
        async for finding in self._leftovers():
            yield finding
        async for finding in self._knowledge():
            yield finding

    async def _knowledge(self) -> AsyncGenerator[Finding]:
        """What cannot be read, and what has no vector yet."""
        for one in await KnowledgeOperations(self._i).sources():
            check = f"knowledge {one.name}"
            if one.embedding and importlib.util.find_spec("numpy") is None:
                detail = f"{one.embedding} makes vectors, and nothing here can compare them"
                yield Finding(check=check, state="failed", detail=detail, fix="install botkit[knowledge]")
                continue
            detail = f"{one.files} files, {one.passages} passages"
            if one.embedding:
                detail += f", {one.vectors} vectors of {one.embedding}"
            if one.unreadable:
                detail += f"; {one.unreadable} cannot be read"
                yield Finding(check=check, state="warning", detail=detail, fix=f"botkit knowledge list {one.name}")
            elif one.embedding and one.passages and not one.vectors:
                yield Finding(check=check, state="warning", detail=detail, fix=f"botkit knowledge index {one.name}")
            else:
                yield Finding(check=check, state="ok", detail=detail)

    async def key_scopes(self, *, names: Sequence[str], workspaces: Sequence[str]) -> Scopes:
        """Where each secret comes from as each workspace has it; never a value."""
        found: dict[str, dict[str, str]] = {}
        for name in names:
            for workspace in workspaces:
                try:
                    scope = await self._i.vault.scope_for(name, workspace)
                except SecretError:  # said as `master key`
                    scope = ""
                if scope:
                    found.setdefault(name, {})[workspace] = scope
        return found

    async def _database(self) -> Finding:
        if self._i.environment.database_url is not None:
            return Finding(check="database", state="ok", detail="PostgreSQL, reachable, at the newest schema")
        try:
            counts = await self._i.store.records.counts()
        except BotkitError as error:
            return Finding(check="database", state="failed", detail=str(error), fix="botkit restore your newest backup")
        size = sum(path.stat().st_size for path in self._i.home.path.glob("botkit.db*"))
        detail = f"SQLite, {size / 1024**2:.1f} MiB, {counts.get('people', 0)} people, at the newest schema"
        return Finding(check="database", state="ok", detail=detail)

    async def _clock(self) -> Finding:
        newest = await self._i.store.records.runs(limit=1)
        ahead = (newest[0].run.started_at - self._i.clock.micros()) if newest else 0
        if ahead > _AHEAD_MICROS:
            return Finding(
                check="clock",
                state="failed",
                detail=f"the newest run was started {ahead // 1_000_000} seconds in the future",
                fix="set the machine's clock (NTP): timers and sessions depend on it",
            )
        return Finding(check="clock", state="ok", detail=self._i.clock.now().isoformat(timespec="seconds"))

    async def _master_key(self) -> Finding:
        try:
            opened = await self._i.vault.learn()
            keys = self._i.keys.known()
        except SecretError as error:
            return Finding(
                check="master key",
                state="failed",
                detail=str(error),
                fix="restore the key the secrets were sealed with, or set them again",
            )
        if self._i.environment.master_key is not None:
            more = f", {len(keys) - 1} former" if len(keys) > 1 else ""
            return Finding(check="master key", state="ok", detail=f"BOTKIT_MASTER_KEY opens {opened} secrets{more}")
        return Finding(
            check="master key",
            state="warning" if self._i.mode == "run" else "ok",
            detail=f"a generated file in the home opens {opened} secrets",
            fix="for production set BOTKIT_MASTER_KEY, and keep it apart from backups",
        )

    async def _recording(self) -> Finding:
        """Which workspaces keep what calls carry, and what is kept of those that did."""
        config, counts = self._i.configs.current, await self._i.store.payloads.counts()
        on = [name for name, workspace in config.workspaces.items() if workspace.record_payloads]
        days = config.settings.retention.payloads_days
        number = sum(counts.values())
        kept = f"{number} {'record is' if number == 1 else 'records are'} kept, "
        kept += f"for {days} days" if days else "for ever"
        if on:
            detail = f"arguments and results are recorded in {', '.join(on)}; {kept}"
        elif counts:
            detail = f"no workspace records arguments and results any more; of {', '.join(counts)} {kept}"
        else:
            detail = "no workspace records arguments and results of calls"
        return Finding(check="recording", state="ok", detail=detail)

    async def _secrets(self) -> AsyncGenerator[Finding]:
        listed = await SecretOperations(self._i).list()
        elsewhere = {info.name for info in listed if info.version and info.scope.startswith("workspace:")}
        missing = [info for info in listed if not info.version and not info.in_environment and info.used_by]
        for info in missing:
            waits = all(self._is_patient(place, info.name in elsewhere) for place in info.used_by)
            yield Finding(
                check="secrets",
                state="warning" if waits else "failed",
                detail=f"{info.name} is not stored; needed by {', '.join(info.used_by)}",
                fix=f"botkit secrets set {info.name}",
            )
        if not missing:
            yield Finding(check="secrets", state="ok", detail="all that bots.yaml asks for are there")

    def _is_patient(self, place: str, elsewhere: bool) -> bool:
        """Whether what needs the secret is content to start later, or finds it in a workspace."""
        kind, _, rest = place.partition(".")
        if kind == "models":
            return elsewhere
        channel = self._i.configs.current.channels.get(rest.partition(".")[0]) if kind == "channels" else None
        return channel is not None and channel.enabled in ("auto", False)

    async def _servers(self) -> AsyncGenerator[Finding]:
        from botkit.app.gateway_settings import gateway_settings

        gateway, resting = self._i.gateway, self._i.mode == "command"
        try:
            if resting:
                await gateway.start(gateway_settings(self._i.configs.current))
            await gateway.ready(_SERVERS_S)
            for server in gateway.status():
                works = server.state in ("ready", "idle", "stopped") and not server.error
                notes = "; ".join((*server.left_out, *server.needs_review))
                yield Finding(
                    check=f"server {server.name}",
                    state="failed" if not works else "warning" if notes else "ok",
                    detail=server.error or notes or f"{server.tools} tools",
                    fix="" if works else "run it by hand to see why; then: botkit doctor",
                )
        finally:
            if resting:
                await gateway.stop()

    async def _channels(self) -> AsyncGenerator[Finding]:
        for name, channel in self._i.configs.current.channels.items():
            needed = [ref.secret for ref in channel.secret_refs()]
            if channel.enabled is False or not all([await self._i.vault.has(secret) for secret in needed]):
                continue
            try:
                async with asyncio.timeout(_CHANNEL_S):
                    found = await ChannelOperations(self._i).test(channel=name)
            except (BotkitError, TimeoutError) as error:
                reason = str(error) or f"no answer in {_CHANNEL_S:.0f} seconds"
                yield Finding(
                    check=f"channel {name}", state="failed", detail=reason, fix=f"botkit channels setup {name}"
                )
                continue
            works = found.state in ("ok", "starting")
            yield Finding(
                check=f"channel {name}",
                state="ok" if works else "failed",
                detail=found.detail or found.state,
                fix="" if works else f"botkit channels setup {name}",
            )

    async def _leftovers(self) -> AsyncGenerator[Finding]:
        """What waits for an operator."""
        unknown = await self._i.store.records.parts(state="unknown", limit=1000)
        if unknown:
            yield Finding(
                check="deliveries",
                state="warning",
                detail=f"{len(unknown)} messages may or may not have arrived",
                fix="look into those chats; `botkit channels list` counts them",
            )
        lost = await self._i.store.records.waits(kind="reconcile", limit=1000)
        if lost:
            yield Finding(
                check="runs",
                state="warning",
                detail=f"{len(lost)} calls whose outcome nobody knows",
                fix="botkit approvals list --kind reconcile",
            )
