"""`explain` tells what holds in a room and where it comes from."""

from __future__ import annotations

import pytest

from botkit.core.config import (
    Approvals,
    Bot,
    Config,
    Groups,
    Retention,
    Sessions,
    Setting,
    Settings,
    TelegramChannel,
    explain,
    longest_history,
)
from botkit.core.config.models.memory import KnowledgeSettings
from botkit.core.config.models.outbound import HttpRequests
from botkit.core.config.models.speech import Speech
from botkit.core.errors import NotFound
from botkit.core.events import Conversation
from botkit.engine.effective import effective
from tests.core.config.helpers import load

TEXT = """
    models: {default: a/b, smart: c/d}
    bots:
      desk:
        prompt: Be kind.
        busy: merge
        stream: false
      other: {model: smart}
    channels:
      tg:
        platform: telegram
        bot: desk
        dm_policy: pairing
        token: {secret: TELEGRAM_TOKEN}
        groups: {policy: all, names: ["${NAME}"]}
        history_messages: 7
        prompt_append: On Telegram.
        rooms:
          -100: {bot: other, policy: off, busy: interrupt, prompt_append: In the lab.}
    settings: {sessions: {scope: person, ttl_hours: 2}, timezone: Europe/Berlin}
    """


def config() -> Config:
    return load(TEXT, env={"NAME": "top-hush"})


def found(settings: list[Setting], name: str) -> list[str]:
    return [str(setting) for setting in settings if setting.name == name]


@pytest.mark.parametrize(
    ("name", "channel", "room"),
    [
        ("bot", "bot: desk  (channel tg, bots.yaml:12)", "bot: other  (room -100, bots.yaml:19)"),
        (
            "groups.policy",
            "groups.policy: all  (channel tg, bots.yaml:15)",
            'groups.policy: "off"  (room -100, bots.yaml:19)',
        ),
        ("model", "model: default  (models.default, bots.yaml:2)", "model: smart  (bot other, bots.yaml:8)"),
        ("busy", "busy: merge  (bot desk, bots.yaml:6)", "busy: interrupt  (room -100, bots.yaml:19)"),
        ("stream", "stream: false  (bot desk, bots.yaml:7)", "stream: true  (built-in)"),
        (
            "history_messages",
            "history_messages: 7  (channel tg, bots.yaml:16)",
            "history_messages: 7  (channel tg, bots.yaml:16)",
        ),
        (
            "session_ttl_hours",
            "session_ttl_hours: 2  (settings, bots.yaml:20)",
            "session_ttl_hours: 2  (settings, bots.yaml:20)",
        ),
        ("sessions.scope", "sessions.scope: person  (settings, bots.yaml:20)", None),
        ("timezone", "timezone: Europe/Berlin  (settings, bots.yaml:20)", None),
        ("dm_policy", "dm_policy: pairing  (channel tg, bots.yaml:13)", None),
        ("locale", "locale: auto  (built-in)", None),
        ("approvals.timeout_s", "approvals.timeout_s: 86400.0  (built-in)", None),
        ("bot.enabled", "bot.enabled: true  (built-in)", None),
        ("max_iterations", "max_iterations: 10  (built-in)", None),
    ],
)
def test_the_nearest_value_wins_and_is_located(name: str, channel: str, room: str | None) -> None:
    assert found(explain(config(), "tg"), name) == [channel]
    assert found(explain(config(), "tg", "-100"), name) == [room or channel]


def test_no_key_of_a_channel_a_bot_or_the_settings_is_left_out() -> None:
    told = {setting.name for setting in explain(config(), "tg", "-100")}
    nested = {"sessions": Sessions, "approvals": Approvals, "retention": Retention, "http": HttpRequests}
    nested |= {"knowledge": KnowledgeSettings, "speech": Speech}
    within = {f"{key}.{name}" for key, model in nested.items() for name in model.model_fields}
    keys = {*TelegramChannel.model_fields, *Bot.model_fields, *Settings.model_fields, *within}
    groups = {f"groups.{name}" for name in Groups.model_fields}
    apart = {"rooms", "groups", "prompt_file", "token", "webhook_secret", *nested}
    layered = {"sessions.ttl_hours", "sessions.window_messages"}  # told as what a bot sees
    assert (keys | groups) - apart - layered <= told


def test_what_is_told_is_what_runs() -> None:
    for room in ("", "-100", "-999"):
        runs = effective(config(), Conversation(channel="tg", room=room))
        told = {setting.name: setting.value for setting in explain(config(), "tg", room)}
        assert told["model"] == runs.model
        assert told["stream"] == str(runs.stream).lower()
        assert (told["busy"], told["while_waiting"], told["locale"]) == (runs.busy, runs.while_waiting, runs.locale)
        assert int(told["history_messages"]) == runs.history_messages
        assert float(told["session_ttl_hours"]) * 3600 == runs.session_ttl_s


def test_the_longest_history_anybody_asks_for_is_known() -> None:
    assert longest_history(load("bots: {}")) == 20
    assert longest_history(load("bots: {a: {history_messages: 0}}")) == 0
    assert longest_history(config()) == 20
    text = TEXT.replace("-100: {bot", "-100: {history_messages: 300, bot")
    assert longest_history(load(text, env={"NAME": "x"})) == 300


def test_appended_prompts_are_listed_one_after_the_other() -> None:
    assert found(explain(config(), "tg", "-100"), "prompt_append") == [
        "prompt_append: On Telegram.  (channel tg, bots.yaml:17)",
        "prompt_append: In the lab.  (room -100, bots.yaml:19)",
    ]
    assert len(found(explain(config(), "tg"), "prompt_append")) == 1


def test_a_room_without_an_entry_has_the_channels_settings() -> None:
    assert explain(config(), "tg", "-999") == explain(config(), "tg")


def test_variables_and_secrets_are_not_shown() -> None:
    told = "\n".join(map(str, explain(config(), "tg", "-100")))
    assert "hush" not in told
    assert "TELEGRAM_TOKEN" not in told


def test_an_unknown_channel_is_told_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match=r"no channel is called tgg \(did you mean `tg`\?\)"):
        explain(config(), "tgg")
