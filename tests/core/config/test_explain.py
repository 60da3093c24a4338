"""`explain` tells what holds in a room and where it comes from."""

from __future__ import annotations

import pytest

from botkit.core.config import Config, Setting, explain
from botkit.core.errors import NotFound
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
    return load(TEXT, env={"NAME": "private"})


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
        ("locale", "locale: en  (built-in)", None),
        ("max_iterations", "max_iterations: 10  (built-in)", None),
    ],
)
def test_the_nearest_value_wins_and_is_located(name: str, channel: str, room: str | None) -> None:
    assert found(explain(config(), "tg"), name) == [channel]
    assert found(explain(config(), "tg", "-100"), name) == [room or channel]


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
    assert "private" not in told
    assert "TELEGRAM_TOKEN" not in told


def test_an_unknown_channel_is_told_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match=r"no channel is called tgg \(did you mean `tg`\?\)"):
        explain(config(), "tgg")
