"""A diff says what changes for whom, and shows nothing private."""

from __future__ import annotations

from botkit.core.config import diff_config
from tests.core.config.helpers import load

BEFORE = """
    models: {default: a/b, smart: {model: c/d, api_key: {secret: OLD}}}
    servers: {web: {command: npx, args: [--key, sk-live-abc], env: {API_TOKEN: plain-secret, MODE: fast, H: '${HOST}'}}}
    bots:
      helper: {prompt: Be kind., max_iterations: 5}
      gone: {}
    channels:
      tg: {platform: telegram, bot: helper, dm_policy: pairing, token: {secret: OLD_TOKEN}}
    settings: {log_level: info, synchronous: full}
    """
AFTER = """
    # a comment, and another order
    settings: {synchronous: normal, log_level: info}
    models: {smart: {model: c/d, api_key: {secret: NEW}}, default: a/b}
    servers: {web: {command: npx, args: [--key, sk-live-xyz], env: {API_TOKEN: other-secret, MODE: slow, H: '${HOST}'}}}
    bots:
      helper: {prompt: Be short., max_iterations: 5, busy: merge}
      fresh: {prompt: Hi}
    channels:
      tg: {platform: telegram, bot: helper, dm_policy: open, token: {secret: NEW_TOKEN}, rooms: {-100: {bot: fresh}}}
    """


def changes(before: str, after: str, *, host: str = "new.example") -> list[str]:
    old, new = load(before, env={"HOST": "old.example"}), load(after, env={"HOST": host})
    return [str(change) for change in diff_config(old, new)]


def test_every_difference_is_told_with_what_it_touches() -> None:
    assert sorted(changes(BEFORE, AFTER)) == sorted(
        [
            "~ settings.synchronous: full → normal  (restart)",
            '~ models.smart.api_key: "{secret: OLD}" → "{secret: NEW}"  (model smart)',
            '~ servers.web.args: ["--key", "(hidden)"] → ["--key", "(hidden)"]  (server web)',
            '~ servers.web.env.API_TOKEN: "(hidden)" → "(hidden)"  (server web)',
            "~ servers.web.env.MODE: fast → slow  (server web)",
            '~ servers.web.env.H: "${HOST}" → "${HOST}"  (server web)',
            "~ bots.helper.prompt: Be kind. → Be short.  (bot helper)",
            "+ bots.helper.busy: merge  (bot helper)",
            "+ bots.fresh: {model: default, prompt: Hi}  (bot fresh)",
            "- bots.gone: {model: default}  (bot gone)",
            "~ channels.tg.dm_policy: pairing → open  (channel tg)",
            '~ channels.tg.token: "{secret: OLD_TOKEN}" → "{secret: NEW_TOKEN}"  (channel tg)',
            '+ channels.tg.rooms: {"-100": {bot: fresh}}  (channel tg)',
        ]
    )


def test_secrets_and_variables_are_never_shown() -> None:
    told = "\n".join(changes(BEFORE, AFTER))
    for private in ("sk-live", "plain-secret", "other-secret", "old.example", "new.example"):
        assert private not in told


def test_the_same_meaning_is_no_difference() -> None:
    assert changes(BEFORE, BEFORE.replace("    models", "    # note\n    models"), host="old.example") == []


def test_changes_know_their_place() -> None:
    old, new = load("bots: {a: {prompt: x}, b: {}}"), load("bots:\n  a: {prompt: y}\n")
    found = {change.name: change.place for change in diff_config(old, new)}
    changed, removed = found["bots.a.prompt"], found["bots.b"]
    assert changed is not None
    assert removed is not None
    assert (changed.line, changed.column) == (2, 7)
    assert (removed.line, removed.column) == (1, 24)


def test_a_new_server_file_is_a_change() -> None:
    listing = "workspace/servers/"
    old = load("bots: {}", files={listing: "notes.py\n"})
    new = load("bots: {}", files={listing: "notes.py\norders.py\n"})
    assert [str(change) for change in diff_config(old, new)] == [
        "+ servers.orders: {run: workspace/servers/orders.py, discovered: true}  (server orders)"
    ]


def test_a_long_value_is_cut_to_a_line() -> None:
    (line,) = changes("bots: {a: {prompt: x}}", f"bots: {{a: {{prompt: {'word ' * 50}}}}}")
    assert line.endswith("…  (bot a)")
    assert "\n" not in line
