"""`botkit people`: who is who, and what they may do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

SERVER = Path(__file__).parents[1] / "abuse" / "server.py"
Cli = Callable[..., Result]

MORE = f"""\
  bob: {{name: Bob, groups: [support], identities: {{tg: ["42"]}}}}
settings:
  groups:
    support: {{roles: [developer]}}
servers:
  shop: {{command: {sys.executable}, args: [{SERVER}, shop]}}
workspaces:
  shop:
    servers: [shop]
    tools:
      shop__refund: {{class: destructive}}
      shop__lookup: {{class: read-only, roles: [support]}}
      shop__leak: {{class: read-only, enabled: false}}
"""


@pytest.fixture
def shown(cli: Cli, project: Path) -> Callable[..., Any]:
    (project / "bots.yaml").write_text((project / "bots.yaml").read_text() + MORE)

    def run(*args: str) -> Any:
        result = cli("people", *args, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def test_people_of_the_file_are_listed_with_what_they_are(shown: Callable[..., Any]) -> None:
    found = {one["id"]: one for one in shown("list")}
    assert found["ada"]["roles"] == ["admin"]
    assert found["bob"]["roles"] == ["member", "support", "developer"]
    assert shown("show", "Bob")["declared"] is True


def test_each_tool_says_who_may_and_why(shown: Callable[..., Any]) -> None:
    rights = {one["tool"]: one for one in shown("show", "bob", "--workspace", "shop")["tools"]}
    assert (rights["shop__refund"]["allowed"], rights["shop__refund"]["why"]) == (
        True,
        "developer may call destructive tools",
    )
    assert (rights["shop__lookup"]["allowed"], rights["shop__lookup"]["why"]) == (True, "its review names support")
    assert rights["shop__leak"]["why"] == "its review says `enabled: false`"
    assert rights["shop__books"]["why"] == "developer may call destructive tools", "nobody reviewed it"
    rights = {one["tool"]: one for one in shown("show", "ada", "--workspace", "shop")["tools"]}
    assert (rights["shop__lookup"]["allowed"], rights["shop__lookup"]["why"]) == (False, "its review names support")


def test_what_is_not_there_is_said(cli: Cli, shown: Callable[..., Any]) -> None:
    for args, said in (
        (("show", "nobody"), "no person nobody"),
        (("show", "ada", "--workspace", "none"), "no workspace none"),
        (("role", "ada", "king"), "no role king"),
        (("tag", "ada", "vip"), "has not written yet"),
        (("unlink", "tg:42"), "was not joined"),
        (("link", "ada", "elsewhere:1"), "CHANNEL:USER_ID"),
    ):
        result = cli("people", *args)
        assert result.exit_code == 1
        assert said in result.output


def test_tags_are_put_on_shown_and_taken_away(cli: Cli, shown: Callable[..., Any]) -> None:
    assert cli("chat", "-m", "hello", "--as", "ada").exit_code == 0

    assert shown("tag", "ada", "vip", "beta tester", "vip")["tags"] == ["beta tester", "vip"]
    assert "tags: beta tester, vip" in cli("people", "show", "ada").stdout
    assert shown("untag", "Ada", "vip", "never had")["tags"] == ["beta tester"]
    assert {one["id"]: one["tags"] for one in shown("list")}["ada"] == ["beta tester"]
    bad = cli("people", "tag", "ada", "x" * 65)
    assert bad.exit_code == 1
    assert "printable characters" in bad.output
