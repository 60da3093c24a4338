"""Every template runs offline, with the demo model and its own sample servers."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from botkit.app.templates.write import TEMPLATES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Cli = Callable[..., Result]

TYPED = {"onboarding": "Ada\n1\nada@example.com\n", "escalation": "y\n"}
"""What somebody answers."""
ENDS = {"onboarding": ("next_day", 3), "refund": ("who", 1)}
"""Where it stands then, with the exit code, when it does not end: it waits for a day; nothing sends mail here."""


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_runs_offline(cli: Cli, project: Path, template: str) -> None:
    assert cli("workflows", "new", "flow", "--template", template).exit_code == 0
    chosen = TEMPLATES[template]
    options = shlex.split(chosen.trigger) if chosen.trigger else ["-m", chosen.say]
    typed = project / "typed"
    typed.write_text(TYPED.get(template, ""))
    kept, lines = os.dup(0), os.open(typed, os.O_RDONLY)
    os.dup2(lines, 0)
    try:
        result = cli("workflows", "run", "flow", *options, "--json")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(lines)
    came = json.loads(result.stdout)
    at, code = ENDS.get(template, ("", 0))
    assert result.exit_code == code, came
    if template == "refund":
        assert came["error"]["code"] == "not_set_up", came
    elif at:
        assert [wait["payload"]["node"] for wait in came["waits"]] == [at]
    else:
        assert came["state"] == "completed"
        assert came["messages"]
