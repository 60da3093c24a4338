"""Commands about bots.yaml: they tell every mistake, and change things only when asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Ask = Callable[..., Any]
Cli = Callable[..., Result]


def edit(project: Path, old: str, new: str) -> None:
    file = project / "bots.yaml"
    file.write_text(file.read_text().replace(old, new))


def test_check_says_what_it_found(cli: Cli, ask: Ask) -> None:
    assert "2 bots, 1 channel" in cli("check").output
    assert ask("check")["bots"] == 2


def test_check_reports_every_mistake_with_its_place_and_exits_with_2(cli: Cli, project: Path) -> None:
    edit(project, "name: Helper", "nmae: Helper")
    edit(project, "bot: desk", "bot: dsek")
    wrong = cli("check")
    assert wrong.exit_code == 2
    assert "bots.yaml:4:5: bots.helper.nmae" in wrong.output
    assert "desk" in wrong.output
    found = json.loads(cli("check", "--json").stdout)["error"]
    assert found["code"] == "config"
    assert {problem["path"] for problem in found["problems"]} == {"bots.helper.nmae", "channels.tg.bot"}
    assert not (project / ".botkit").exists()


def test_check_takes_another_file(cli: Cli, project: Path) -> None:
    other = project / "sub" / "other.yaml"
    other.parent.mkdir()
    other.write_text("version: 1\nbots: {one: {}}\n")
    assert "1 bot" in cli("check", str(other)).output
    missing = cli("check", "nowhere.yaml")
    assert missing.exit_code == 2
    assert "nowhere.yaml" in missing.output


def test_a_wrong_environment_is_a_configuration_error(cli: Cli, project: Path) -> None:
    (project / ".env").write_text("BOTKIT_PORT=eighty\nBOTKIT_PUBLIC_URL=bots.example.com\n")
    wrong = cli("check")
    assert wrong.exit_code == 2
    assert "BOTKIT_PORT" in wrong.output
    assert "BOTKIT_PUBLIC_URL: write the whole address" in wrong.output


def test_the_schema_is_json_schema(cli: Cli, project: Path) -> None:
    assert json.loads(cli("schema").stdout)["title"] == "bots.yaml"
    assert cli("schema", "--output", "bots.schema.json").exit_code == 0
    assert json.loads((project / "bots.schema.json").read_text())["title"] == "bots.yaml"


def test_explain_tells_where_a_setting_comes_from(ask: Ask, cli: Cli) -> None:
    room = {one["name"]: one for one in ask("explain", "tg", "-100")}
    assert (room["bot"]["value"], room["bot"]["source"]) == ("helper", "room -100")
    channel = {one["name"]: one for one in ask("explain", "tg")}
    assert (channel["bot"]["value"], channel["bot"]["source"]) == ("desk", "channel tg")
    unknown = cli("explain", "tgg")
    assert unknown.exit_code == 1
    assert "tg" in unknown.output


def test_a_change_is_shown_applied_and_taken_back(ask: Ask, cli: Cli, project: Path) -> None:
    assert cli("diff").exit_code == 1, "nothing runs yet"
    first = ask("apply")
    edit(project, "name: Helper", "name: Better  # for now")
    (change,) = ask("diff")["changes"]
    assert (change["path"], change["before"], change["after"]) == (["bots", "helper", "name"], "Helper", "Better")
    assert "+    name: Better  # for now" in cli("diff", "--text").output
    second = ask("apply")
    assert second["previous"] == first["revision"]
    assert ask("diff")["same"]
    back = ask("rollback")
    assert back["revision"] == first["revision"]
    assert "name: Helper" in (project / "bots.yaml").read_text()
    listed = ask("rollback", "--list")
    assert [one["active"] for one in listed][:1] == [True]
    acts = [act["action"] for act in ask("logs", "--admin")]
    assert acts.count("config.apply") >= 2


def test_a_broken_file_is_not_applied(ask: Ask, cli: Cli, project: Path) -> None:
    first = ask("apply")
    edit(project, "name: Helper", "nmae: Helper")
    refused = cli("apply")
    assert refused.exit_code == 2
    assert "bots.helper.nmae" in refused.output
    assert ask("rollback", "--list")[0]["id"] == first["revision"]
    assert cli("diff", "--text").exit_code == 0


def test_inject_edits_the_file_and_keeps_its_comments(cli: Cli, ask: Ask, project: Path) -> None:
    edit(project, "version: 1\n", "version: 1 # first\nservers:\n  crm: {command: crm-server} # theirs\n")
    cli("secrets", "inject", "crm", "CRM_TOKEN", "--env", "TOKEN")
    rules = ask("secrets", "inject", "crm", "CRM_KEY", "--env", "KEY")["rules"]
    assert [(rule["secret"], rule["env"]) for rule in rules] == [("CRM_TOKEN", "TOKEN"), ("CRM_KEY", "KEY")]
    text = (project / "bots.yaml").read_text()
    assert "# first" in text
    assert "# theirs" in text
    both = cli("secrets", "inject", "crm", "CRM_KEY", "--bearer", "--env", "X")
    assert both.exit_code == 2


def test_check_looks_at_workflows_too(cli: Cli, project: Path) -> None:
    folder = project / "workspace" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "refund.yaml").write_text("steps:\n  - loop: {tims: 2}\n")
    wrong = cli("check")
    assert wrong.exit_code == 2
    assert "workspace/workflows/refund.yaml:2:12: workflows.refund.loop.tims" in wrong.stderr
    (folder / "refund.yaml").write_text("steps:\n  - loop: {times: 2}\n")
    assert "1 workflow" in cli("check").output


def test_diff_shows_a_python_workflow_as_its_author_wrote_it(cli: Cli, project: Path) -> None:
    folder = project / "workspace" / "workflows"
    folder.mkdir(parents=True)
    text = "from botkit.sdk.workflow import Workflow\nw = Workflow()\nw.loop(times=2)\n"
    (folder / "rounds.py").write_text(text)
    cli("apply")
    (folder / "rounds.py").write_text(text.replace("2", "3"))
    shown = cli("diff", "--text", "--json").stdout
    assert "+w.loop(times=3)" in shown
    assert "rounds.py/" not in shown
