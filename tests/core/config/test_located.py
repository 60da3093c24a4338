"""Mistakes are found all at once and told with file, line, column, path and the likely fix."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from botkit.core.config import load_config
from botkit.core.config.locate import shown
from botkit.core.config.parse import MAX_BYTES, parse_yaml
from botkit.core.config.tree import dotted, find
from botkit.core.errors import ConfigError
from tests.core.config.corpus import INVALID
from tests.core.config.helpers import lines, load, problems


@pytest.mark.parametrize("name", INVALID)
def test_every_invalid_file_of_the_corpus_is_explained(name: str) -> None:
    text, expected = INVALID[name]
    assert [line.removeprefix("bots.yaml:") for line in lines(text)] == dedent(expected).strip().splitlines()


def test_the_error_names_the_file_the_count_and_every_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        load("bots: {a: {modle: x, promt: y}}")
    assert str(caught.value).splitlines() == [
        "bots.yaml has 2 mistakes",
        "bots.yaml:1:12: bots.a.modle: unknown key (did you mean `model`?)",
        "bots.yaml:1:22: bots.a.promt: unknown key (did you mean `prompt`?)",
    ]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("webhooks: {a: {}}", "webhooks.a: a webhook needs either instructions or workflow"),
        ("webhooks: {a: {instructions: x, timeout_s: 121}}", "webhooks.a.timeout_s: must be at most 120"),
        ("endpoints: {a: {prompt: x, stream: true, background: true}}", "choose one of stream and background"),
        ("schedules: {a: {cron: daily}}", "cron has five fields"),
        ('schedules: {a: {cron: "0 9 * * *", bot: b}}', "bot and message belong together"),
        ('schedules: {a: {cron: "0 9 * * *"}}', "exactly one of workflow, function or bot"),
        ("teams: {a: {members: [], default: x}}", "teams.a.members: needs at least 1 entries"),
        ("{bots: {b: {}}, teams: {a: {members: [{bot: b}], default: x}}}", "no member of this team is called `x`"),
        ("skills: {a: {}}", "a skill needs one of prompt, file, function or url"),
        ("skills: {a: {file: x, function: y}}", "choose one of file, function or url"),
        ("workflows: {a: {}}", "a workflow needs a file, steps or nodes"),
        ("budgets: {a: {bots: '*'}}", "a budget needs at least one of spend, tokens or tool_calls"),
        ("budgets: {a: {spend: 5, people: [ada]}}", "no person is called `ada`"),
        ("workspaces: {a: {workspaces: [b]}, b: {workspaces: [a]}}", "contains itself: a → b → a"),
        (
            "{bots: {a: {}}, channels: {s: {platform: slack, bot: a, dm_policy: open, bot_token: {secret: X}}}}",
            "mode: socket needs app_token: {secret: NAME}",
        ),
        (
            "{bots: {a: {}}, channels: {w: {platform: whatsapp, bot: a, dm_policy: open}}}",
            "provider: cloud needs phone_number_id, access_token, verify_token, app_secret",
        ),
    ],
)
def test_shapes_of_coming_features_are_checked_already(key: str, message: str) -> None:
    assert any(message in line for line in lines(key, every=True))


def test_a_file_that_grows_when_its_aliases_are_followed_is_refused() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        text += f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]\n"
    found = lines(text)
    assert found[0].startswith("bots.yaml:5:4: more than 50000 values once its aliases are followed")


def test_deep_nesting_is_refused_at_once() -> None:
    for opening in ("[", "{", "- ", "? "):
        assert "nested more than 48 levels deep" in lines(opening * 10_000)[0]


def test_a_long_flat_file_is_refused() -> None:
    assert "more than 50000 values" in lines("a: [" + "x,x,\n" * 26_000 + "]")[0]


def test_an_endless_line_is_refused_unparsed() -> None:
    assert lines("a: 1\n" + "!" * 1_000_000) == ["bots.yaml:2:100000: a line of more than 100000 characters; break it"]


def test_a_file_over_a_megabyte_is_refused_unread() -> None:
    assert lines("#" * (MAX_BYTES + 1)) == [f"bots.yaml:1:1: bots.yaml is larger than {MAX_BYTES} bytes"]


def test_a_merged_mapping_keeps_its_own_keys() -> None:
    config = load(
        """
        bots:
          a: &a {prompt: one, busy: merge}
          b: {<<: [*a, {welcome: hi}], prompt: two}
        """
    )
    bot = config.bots["b"]
    assert (bot.prompt, bot.busy, bot.welcome) == ("two", "merge", "hi")


def test_what_stands_in_the_file_is_found_again() -> None:
    config = load(
        """
        bots:
          a:
            prompt: x
        """
    )
    place = config.place("bots", "a", "prompt")
    assert place is not None
    assert (place.file, place.line, place.column) == ("bots.yaml", 4, 5)
    assert config.place("bots", "a", "welcome") is None


def test_paths_quote_keys_that_hold_dots() -> None:
    assert dotted(("workspaces", "a", "tools", "x.y", 0)) == 'workspaces.a.tools."x.y".0'


def test_labels_in_error_locations_are_skipped() -> None:
    parsed = parse_yaml("a: {b: [c]}", "x.yaml")
    assert parsed.whole
    path, _, place = find(parsed.tree, ("a", "(label)", "b", 0))
    assert path == ("a", "b", 0)
    assert (place.line, place.column) == (1, 9)


def test_mistakes_in_a_pasted_block_are_located() -> None:
    text = 'servers:\n  mcpServers:\n    gh: {"comand": "npx"}\n    far: {"type": "http", "url": "http://a.example"}\n'
    nameless, far = lines(text)
    assert nameless == (
        "bots.yaml:3:5: servers.gh: a server needs one of run (a Python file), command (a program) or url"
    )
    assert far.startswith("bots.yaml:4:5: servers.far: use https:// for another machine")
    (line,) = lines("servers: {a: {command: x}, mcpServers: {a: {command: y}}}")
    assert line == "bots.yaml:1:1: servers: a stands both inside and outside of mcpServers"


@pytest.mark.parametrize(
    "value",
    ["sk-live-123", "123456:AAbbCC", "xoxb-1", "ghp_abc", "A" * 41, "a" * 30, "Bearer x", "", "mwt_ada_1", "\x1b[31m"],
)
def test_values_that_may_be_secrets_are_not_repeated(value: str) -> None:
    assert shown(value) == "this value"


SECRETS = ("12345678:AAHsecretsecretsecret", "sk-proj-verysecret", "hunter2")


@pytest.mark.parametrize("value", SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        "channels: {t: {platform: telegram, bot: a, dm_policy: open, token: '%s'}}",
        "channels: {t: {platform: telegram, bot: a, dm_policy: open, token: ${TOKEN}}}",
        "channels: {t: {platform: telegram, bot: a, dm_policy: open, token: {secret: '%s '}}}",
        "models: {m: {model: a/b, api_key: '%s'}}",
        "servers: {s: {command: x, env: {A: ['%s']}}}",
        "servers: {s: {command: x, env: {A: {secrt: '%s'}}}}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(text: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("bots: {a: {}}\n" + (text % value if "%" in text else text) + "\nx: 1", env={"TOKEN": value})
    told = str(caught.value) + repr(caught.value) + repr(caught.value.problems) + repr(caught.value.__context__)
    assert value not in told


def test_a_refused_secret_is_told_where_to_go() -> None:
    (found,) = problems("models: {m: {model: a/b, api_key: hunter2}}")
    assert found.path == "models.m.api_key"
    assert found.message == (
        "a secret does not stand in the file: store it with `botkit secrets set NAME` and write {secret: NAME}"
    )


def test_doubtful_things_are_warned_about() -> None:
    config = load(
        """
        servers: {a: {command: x}, b: {command: y}}
        workspaces: {w: {servers: [a]}}
        bots: {bot: {workspace: w, tools: {allow: [a__*, b__*]}}}
        channels:
          t: {platform: telegram, bot: bot, dm_policy: open, token: {secret: T}, allow: [1]}
          u: {platform: telegram, bot: bot, dm_policy: allowlist, token: {secret: U}}
        """
    )
    assert [str(w) for w in config.warnings] == [
        "bots.yaml:4:50: bots.bot.tools.allow.1: the workspace does not offer `b`, so this has no effect here",
        "bots.yaml:6:48: channels.t.dm_policy: everybody on this platform may write to this bot",
        "bots.yaml:6:74: channels.t.allow: has a meaning only under dm_policy: allowlist",
        "bots.yaml:7:48: channels.u.dm_policy: nobody is on the list: add ids or people under `allow`",
    ]


def test_approvers_nobody_can_write_to_are_warned_about() -> None:
    text = """
        settings: {approvals: {channel: t, approvers: [admin, bob]}}
        people: {%s}
        bots: {bot: {}}
        channels: {t: {platform: telegram, bot: bot, dm_policy: pairing, token: {secret: T}}}
        """
    doubt = (
        "bots.yaml:2:33: settings.approvals.channel: no approver in `people` has an id on this channel, "
        "so approvals are asked for where they come up (add identities, or a room)"
    )
    assert [str(w) for w in load(text % "ada: {identities: {t: 5}}, bob: {}").warnings] == [doubt]
    assert load(text % "bob: {}, ada: {roles: [admin], identities: {telegram: 5}}").warnings == ()
    assert load(text % "bob: {identities: {t: 5}}").warnings == ()
    assert load((text % "bob: {}").replace("channel: t,", "channel: t, room: -100,")).warnings == ()


def test_yaml_1_2_keeps_no_and_dates_as_text() -> None:
    config = load(dedent("models: {m: {model: a/b, params: {a: no, b: 2024-01-01, c: 0o17, d: 0x1F, e: 1e3, f: ~}}}"))
    assert config.models["m"].params == {"a": "no", "b": "2024-01-01", "c": 15, "d": 31, "e": 1000.0, "f": None}


def test_a_missing_file_is_a_located_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "bots.yaml", env={})
    assert str(caught.value.problems[0]) == "bots.yaml:1:1: bots.yaml does not exist (`botkit init` makes one)"


def test_an_env_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "bots.yaml").write_text("bots: {}\n")
    (tmp_path / ".env").write_bytes(b"KEY=f\xfcr\n")
    with pytest.raises(ConfigError, match=r"the file \.env cannot be read"):
        load_config(tmp_path / "bots.yaml")
