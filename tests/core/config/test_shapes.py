"""What each top key of `bots.yaml` may say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from botkit.core.config import (
    CommandServer,
    Config,
    HostedServer,
    Layers,
    Money,
    PluginChannel,
    RemoteServer,
    SecretRef,
    TelegramChannel,
    load_config,
)
from botkit.core.errors import NotFound
from tests.core.config.corpus import VALID
from tests.core.config.helpers import lines, load, load_all


@pytest.mark.parametrize("name", VALID)
def test_every_valid_file_of_the_corpus_loads(name: str) -> None:
    config = load_all(VALID[name], env={"SET": "1"})
    assert config.version == 1
    assert not [w for w in config.warnings if not w.line]


def test_an_empty_file_is_a_working_configuration() -> None:
    config = load("")
    assert config.workspaces["default"].servers == ("*",)
    assert config.bots == {}
    assert set(config.roles) == {"admin", "developer", "member", "read-only", "guest"}


def test_a_model_may_be_a_name_or_a_mapping() -> None:
    config = load("""
        models:
          fast: openai/gpt-5-mini
          own: {model: openai/llama, api_base: "http://10.0.0.5:8000/v1", api_key: {secret: own-key}, fallbacks: fast}
        """)
    assert config.models["fast"].model == "openai/gpt-5-mini"
    assert config.models["own"].fallbacks == ("fast",)
    assert config.models["own"].api_key == SecretRef(secret="OWN_KEY")


def test_models_are_found_by_alias_or_by_their_full_name() -> None:
    config = load("models: {fast: openai/gpt-5-mini}")
    assert config.resolve_model("fast").model == "openai/gpt-5-mini"
    assert config.resolve_model("anthropic/claude-sonnet-4-6").model == "anthropic/claude-sonnet-4-6"
    with pytest.raises(NotFound, match="no model is called slow"):
        config.resolve_model("slow")


def test_a_bot_uses_the_model_called_default_or_else_the_offline_one() -> None:
    assert load("bots: {helper: {}}").bots["helper"].model == "demo/offline"
    assert load("{bots: {helper: {}}, models: {default: a/b}}").bots["helper"].model == "default"
    assert load("{bots: {helper: {model: c/d}}, models: {default: a/b}}").bots["helper"].model == "c/d"


def test_a_bot_takes_session_limits_from_the_settings_unless_it_has_its_own() -> None:
    config = load("""
        settings: {sessions: {ttl_hours: 2, window_messages: 5}}
        bots: {a: {}, b: {history_messages: 7, session_ttl_hours: 1}}
        """)
    a, b = (Layers(config, "", bot=name) for name in "ab")
    assert (a.find("history_messages").value, a.find("session_ttl_hours").value) == (5, 2)
    assert (b.find("history_messages").value, b.find("session_ttl_hours").value) == (7, 1)


def test_the_kind_of_a_server_is_told_by_its_key() -> None:
    config = load_all("""
        servers:
          a: {run: tools/a.py}
          b: {command: uvx, args: [mcp-server-time]}
          c: {url: "https://mcp.example.com"}
          d: {url: "http://127.0.0.1:9000/mcp", transport: sse}
        """)
    kinds = [type(config.servers[name]) for name in "abcd"]
    assert kinds == [HostedServer, CommandServer, RemoteServer, RemoteServer]


def test_blocks_of_other_programs_can_be_pasted() -> None:
    config = load_all("""
        servers:
          mcpServers:
            github:
              command: npx
              args: ["-y", "@modelcontextprotocol/server-github"]
              env: {"GITHUB_HOST": "github.com", "PORT": 8080, "DEBUG": true}
              type: stdio
            old: {"type": "sse", "url": "https://a.example/sse", "disabled": true}
            web: {"type": "http", "url": "https://a.example/mcp", "headers": {"X-Key": {"secret": "web key"}}}
            surf: {"serverUrl": "https://b.example/mcp"}
          mine: {command: ./run.sh}
        """)
    github, old, web, surf = (config.servers[n] for n in ("github", "old", "web", "surf"))
    assert isinstance(github, CommandServer)
    assert github.env == {"GITHUB_HOST": "github.com", "PORT": "8080", "DEBUG": "true"}
    assert isinstance(old, RemoteServer)
    assert (old.enabled, old.transport) == (False, "sse")
    assert isinstance(web, RemoteServer)
    assert web.headers == {"X-Key": SecretRef(secret="WEB_KEY")}
    assert isinstance(surf, RemoteServer)
    assert "mine" in config.servers


def test_plain_http_to_another_machine_must_be_allowed_explicitly() -> None:
    block = 'servers: {a: {url: "http://tools.internal/mcp"%s}}'
    assert lines(block % "", every=True) == [
        "bots.yaml:1:11: servers.a: use https:// for another machine, or say allow_insecure: true"
    ]
    load_all(block % ", allow_insecure: true")
    load_all('servers: {a: {url: "http://[::1]:9000/mcp"}}')


def test_money_is_exact_and_has_short_forms() -> None:
    for text in ("5.10", "5.10 USD", "{amount: 5.10, currency: USD}", '"5.10"'):
        bot = load(f"bots: {{a: {{max_turn_cost: {text}}}}}").bots["a"]
        assert bot.max_turn_cost == Money(amount=Decimal("5.10"))
        assert str(bot.max_turn_cost) in ("5.10 USD", "5.1 USD")


def test_ids_may_stand_as_numbers() -> None:
    config = load("""
        bots: {a: {}}
        channels:
          tg:
            platform: telegram
            dm_policy: allowlist
            bot: a
            token: {secret: T}
            allow: [42, ada]
            rooms: {-1001234: {bot: a, policy: all}}
        people: {ada: {identities: {tg: 43, slack: [U1, U2]}}}
        """)
    channel = config.channels["tg"]
    assert isinstance(channel, TelegramChannel)
    assert channel.allow == ("42", "ada")
    assert list(channel.rooms) == ["-1001234"]
    assert config.people["ada"].identities == {"tg": ("43",), "slack": ("U1", "U2")}


def test_a_channel_lists_the_secrets_it_cannot_start_without() -> None:
    config = load("""
        bots: {a: {}}
        channels:
          tg: {platform: telegram, bot: a, dm_policy: open, token: {secret: A}, webhook_secret: {secret: B}}
        """)
    assert [ref.secret for ref in config.channels["tg"].secret_refs()] == ["A", "B"]


def test_an_adapter_of_another_package_brings_its_own_options() -> None:
    text = """
bots: {a: {}}
channels:
  m: {platform: matrix, bot: a, dm_policy: pairing, options: {home: x, rooms: [1]}, secrets: {token: {secret: M}}}
"""
    channel = load_config("bots.yaml", files={"bots.yaml": text}, env={}, platforms={"matrix"}).channels["m"]
    assert isinstance(channel, PluginChannel)
    assert channel.options == {"home": "x", "rooms": [1]}
    assert channel.secret_refs() == (SecretRef(secret="M"),)
    (line,) = lines(text)
    assert line.startswith("bots.yaml:4:17: channels.m.platform: no platform is called `matrix`")


def test_configuration_is_frozen() -> None:
    config = load("bots: {a: {}}")
    with pytest.raises(ValidationError, match="frozen"):
        config.bots["a"].model = "x/y"  # pyright: ignore[reportAttributeAccessIssue]  # the point of the test


def test_a_workspace_offers_its_enabled_servers_in_the_order_of_the_file() -> None:
    config = load("""
        servers: {b: {command: b}, a: {command: a}, off: {command: c, enabled: false}}
        workspaces: {all: {servers: "*"}, one: {servers: [a, off]}}
        """)
    assert config.servers_of(config.workspaces["all"]) == ("b", "a")
    assert config.servers_of(config.workspaces["one"]) == ("a",)


def test_roles_of_the_settings_join_and_replace_the_built_in_ones() -> None:
    config = load("settings: {roles: {guest: {classes: []}, auditor: {classes: [read-only]}}}")
    assert config.roles["guest"].classes == ()
    assert config.roles["auditor"].classes == ("read-only",)
    assert config.roles["admin"].classes == ("read-only", "write", "destructive")


def test_a_configuration_can_be_made_in_code_too() -> None:
    config = Config.model_validate({"bots": {"a": {"prompt": "hi"}}})
    assert config.bots["a"].prompt == "hi"
    assert config.revision == Config.model_validate({"bots": {"a": {"prompt": "hi"}}}).revision
    assert config.place("bots", "a") is None
