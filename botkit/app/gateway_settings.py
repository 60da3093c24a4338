"""bots.yaml as the gateway understands it."""

from __future__ import annotations

__all__ = ["gateway_settings"]

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from botkit.core.config import (
    CommandServer,
    Config,
    HostedServer,
    InjectRule,
    RemoteServer,
    SecretRef,
    Server,
    ServerSpec,
    ToolReview,
    ToolRules,
    Workspace,
)
from botkit.gateway.settings import (
    BotRules,
    CommandSettings,
    FunctionFile,
    FunctionsSettings,
    GatewaySettings,
    HostedSettings,
    Inject,
    OAuthSettings,
    RemoteSettings,
    Review,
    RoleRules,
    SecretName,
    TaintRules,
    ToolFilter,
    WorkspaceSettings,
)

_MIB = 1024 * 1024

_KNOWS_CHARS = 600
"""Of the description of a tool."""


def gateway_settings(config: Config) -> GatewaySettings:
    """Everything the gateway needs to know of a revision."""
    root = config.root.resolve()
    return GatewaySettings(
        servers=tuple(_server(name, server, root) for name, server in config.servers.items()),
        workspaces={name: _workspace(workspace, config) for name, workspace in config.workspaces.items()},
        roles={
            name: RoleRules(classes=tuple(role.classes), tools=_filter(role.tools))
            for name, role in config.roles.items()
        },
        bots={
            name: BotRules(
                workspace=bot.workspace,
                tools=_filter(bot.tools),
                tools_mode=bot.tools_mode or "",
                memory=bot.memory,
            )
            for name, bot in config.bots.items()
        },
        functions=_functions(config, root),
        timezone=config.settings.timezone,
    )


def _functions(config: Config, root: Path) -> FunctionsSettings:
    enabled = {key: one for key, one in config.functions.items() if one.enabled}
    return FunctionsSettings(
        folder=str(root / "workspace" / "functions"),
        files=tuple(
            FunctionFile(
                path=str(root / one.run),
                key=key,
                description=one.description,
                input_schema=dict(one.input_schema),
                timeout_s=one.timeout_s,
                memory_bytes=one.memory_mb * _MIB,
                env=_variables(one.env),
                secrets=tuple(one.secrets),
            )
            for key, one in enabled.items()
        ),
        disabled=tuple(str(root / one.run) for key, one in config.functions.items() if key not in enabled),
    )


def _server(name: str, server: ServerSpec, root: Path) -> HostedSettings | CommandSettings | RemoteSettings:
    if isinstance(server, HostedServer):
        return HostedSettings(
            name=name,
            path=str(root / server.run),
            env=_variables(server.env),
            **_shared(server),
        )
    if isinstance(server, CommandServer):
        return CommandSettings(
            name=name,
            argv=(server.command, *server.args),
            cwd=str(root / (server.cwd or ".")),
            env=_variables(server.env),
            **_shared(server),
        )
    return _remote(name, server)


def _remote(name: str, server: RemoteServer) -> RemoteSettings:
    oauth = server.oauth
    return RemoteSettings(
        name=name,
        url=server.url,
        transport=server.transport,
        headers=_variables(server.headers),
        allow_private=server.allow_private,
        oauth=None
        if oauth is None
        else OAuthSettings(
            grant=oauth.grant,
            client_id=oauth.client_id or "",
            client_secret=oauth.client_secret.secret if oauth.client_secret else "",
            scopes=oauth.scopes,
            person=oauth.person,
        ),
        **_shared(server),
    )


class _Shared(TypedDict):
    enabled: bool
    inject: tuple[Inject, ...]
    timeout_s: float
    result_limit_bytes: int
    parallel_calls: int
    memory_bytes: int
    cpu_s: int
    idle_s: float


def _shared(server: Server) -> _Shared:
    limits = server.limits
    return _Shared(
        enabled=server.enabled,
        inject=tuple(_inject(rule) for rule in server.inject),
        timeout_s=server.timeout_s,
        result_limit_bytes=limits.result_bytes,
        parallel_calls=limits.parallel_calls,
        memory_bytes=(limits.memory_mb or 0) * _MIB,
        cpu_s=limits.cpu_s or 0,
        idle_s=server.stop_when_idle_s or 0.0,
    )


def _knows(workspace: Workspace, config: Config) -> str:
    """`shop (What customers ask), staff`."""
    offered = [
        f"{name} ({one.description.rstrip('.')})" if one.description else name
        for name, one in config.knowledge.items()
        if one.enabled
        and not one.bots
        and not one.roles
        and (name in workspace.knowledge or "*" in workspace.knowledge)
    ]
    return ", ".join(offered)[:_KNOWS_CHARS]


def _inject(rule: InjectRule) -> Inject:
    return Inject(
        secret=rule.secret,
        env=rule.env or "",
        header=rule.header or "",
        query=rule.query or "",
        bearer=bool(rule.bearer),
        body=bool(rule.body),
        named=rule.as_ == "named",
        person=rule.person,
    )


def _variables(written: Mapping[str, SecretRef | str]) -> dict[str, str | SecretName]:
    return {
        name: SecretName(name=value.secret) if isinstance(value, SecretRef) else value
        for name, value in written.items()
    }


def _workspace(workspace: Workspace, config: Config) -> WorkspaceSettings:
    limits = workspace.rate_limits
    return WorkspaceSettings(
        servers=tuple(workspace.servers),
        workspaces=tuple(workspace.workspaces),
        title=workspace.name or "",
        description=workspace.description,
        transparent=workspace.transparent,
        tools_mode=workspace.tools_mode,
        functions=tuple(workspace.functions),
        knowledge=any(
            one.enabled and (name in workspace.knowledge or "*" in workspace.knowledge)
            for name, one in config.knowledge.items()
        ),
        knows=_knows(workspace, config),
        record_payloads=workspace.record_payloads,
        taint=TaintRules(
            approve=tuple(workspace.taint.approve) if workspace.taint.enabled else (),
            exempt=tuple(workspace.taint.exempt),
            results=workspace.taint.enabled and "tools" in workspace.taint.sources,
        ),
        reviews={pattern: _review(review) for pattern, review in workspace.tools.items()},
        roles={role: _filter(rules) for role, rules in workspace.roles.items()},
        calls_per_minute=limits.calls_per_minute,
        calls_per_minute_each=limits.per_token_per_minute or 0,
        calls_per_month=limits.per_month or 0,
        calls_per_month_each=limits.per_token_per_month or 0,
    )


def _review(review: ToolReview) -> Review:
    return Review(
        tool_class=review.tool_class,
        idempotent=review.idempotent,
        approve=review.approve,
        enabled=review.enabled,
        roles=review.roles,
        timeout_s=review.timeout_s,
        approvers=review.approvers,
        requires=review.requires,
        verified_within_s=review.verified_within_s,
        trusted_results=review.trusted_results,
    )


def _filter(rules: ToolRules) -> ToolFilter:
    return ToolFilter(allow=rules.allow, deny=tuple(rules.deny))
