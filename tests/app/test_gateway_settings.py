"""Everything bots.yaml says about tools reaches the gateway."""

from __future__ import annotations

from pathlib import Path

from botkit.app.gateway_settings import gateway_settings
from botkit.app.publicity import public_url_problems
from botkit.core.config import load_config
from botkit.gateway.settings import (
    CommandSettings,
    HostedSettings,
    Inject,
    Review,
    SecretName,
    ToolFilter,
    WorkspaceSettings,
)

CONFIG = """\
version: 1
servers:
  notes:
    run: workspace/servers/notes.py
    timeout_s: 7
    env: {PLAIN: text, KEY: {secret: NOTES_KEY}}
    inject: [{secret: API_KEY}, {secret: OTHER, env: OTHER_VARIABLE}]
    limits: {memory_mb: 64, cpu_s: 9, result_bytes: 2048, parallel_calls: 3}
    stop_when_idle_s: 60
  files: {command: npx, args: [-y, files-server], cwd: workspace, enabled: false}
workspaces:
  desk:
    servers: [notes, files]
    tools:
      notes__add: {class: write, approve: true, approvers: [admin], roles: [member], idempotent: true, timeout_s: 3}
      notes__list: {enabled: false}
    roles: {member: {allow: ["notes__*"], deny: [notes__drop]}}
    rate_limits: {per_minute: 50, per_token_per_minute: 5}
bots:
  desk: {workspace: desk, tools: {deny: ["files__*"]}}
settings:
  roles: {auditor: {classes: read-only}}
"""


def test_servers_reviews_rights_and_limits_arrive(tmp_path: Path) -> None:
    (tmp_path / "workspace" / "servers").mkdir(parents=True)
    (tmp_path / "workspace" / "servers" / "notes.py").write_text("")
    (tmp_path / "bots.yaml").write_text(CONFIG)
    found = gateway_settings(load_config(tmp_path / "bots.yaml"))
    notes, files = found.servers
    assert notes == HostedSettings(
        name="notes",
        path=str(tmp_path / "workspace/servers/notes.py"),
        env={"PLAIN": "text", "KEY": SecretName(name="NOTES_KEY")},
        inject=(Inject(secret="API_KEY"), Inject(secret="OTHER", env="OTHER_VARIABLE")),
        timeout_s=7,
        memory_bytes=64 * 1024 * 1024,
        cpu_s=9,
        result_limit_bytes=2048,
        parallel_calls=3,
        idle_s=60,
    )
    assert isinstance(files, CommandSettings)
    assert (files.argv, files.cwd, files.enabled) == (
        ("npx", "-y", "files-server"),
        str(tmp_path / "workspace"),
        False,
    )
    desk = found.workspaces["desk"]
    assert desk.servers == ("notes", "files")
    review = desk.reviews["notes__add"]
    assert (review.tool_class, review.approve, review.idempotent, review.roles, review.timeout_s) == (
        "write",
        True,
        True,
        ("member",),
        3,
    )
    assert review.approvers == ("admin",)
    assert desk.reviews["notes__list"] == Review(enabled=False)
    assert desk.roles == {"member": ToolFilter(allow=("notes__*",), deny=("notes__drop",))}
    assert (desk.calls_per_minute, desk.calls_per_minute_each) == (50, 5)
    assert found.workspaces["default"] == WorkspaceSettings(servers=("*",), tools_mode="auto")
    assert found.roles["auditor"].classes == ("read-only",)
    assert (found.bots["desk"].workspace, found.bots["desk"].tools) == ("desk", ToolFilter(deny=("files__*",)))


def test_a_server_found_in_the_folder_has_the_same_defaults_in_the_file_and_in_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "workspace" / "servers").mkdir(parents=True)
    (tmp_path / "workspace" / "servers" / "notes.py").write_text("")
    (tmp_path / "bots.yaml").write_text("version: 1\nservers: {files: {command: npx}}\n")
    files, notes = gateway_settings(load_config(tmp_path / "bots.yaml")).servers
    assert notes == HostedSettings(name="notes", path=str(tmp_path / "workspace/servers/notes.py"))
    assert files == CommandSettings(name="files", argv=("npx",), cwd=str(tmp_path))


def test_equal_files_give_equal_settings_so_nothing_restarts(tmp_path: Path) -> None:
    (tmp_path / "workspace" / "servers").mkdir(parents=True)
    (tmp_path / "workspace" / "servers" / "notes.py").write_text("")
    file = tmp_path / "bots.yaml"
    file.write_text(CONFIG)
    before = gateway_settings(load_config(file))
    file.write_text("# a comment\n" + CONFIG)
    assert gateway_settings(load_config(file)) == before


def test_a_webhook_without_a_public_address_is_doubtful_where_it_can_poll(tmp_path: Path) -> None:
    file = tmp_path / "bots.yaml"
    file.write_text(
        "version: 1\nbots: {desk: {}}\nchannels:\n"
        "  tg: {platform: telegram, bot: desk, dm_policy: open, mode: webhook, token: {secret: T}}\n"
    )
    config = load_config(file)
    wrong, (doubtful,) = public_url_problems(config, "")
    assert (wrong, doubtful.path, doubtful.line) == ([], "channels.tg", 4)
    assert "BOTKIT_PUBLIC_URL" in doubtful.hint
    assert public_url_problems(config, "https://bots.example.com") == ([], [])
