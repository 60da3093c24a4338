"""A small project with a tool server whose effects can be counted, and evaluations run on it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from botkit.app.environment import load_environment
from botkit.app.evals import comparing, running
from botkit.app.evals.choosing import choose
from botkit.app.evals.reports import EvalReport
from botkit.app.evals.running import Options, run_evals
from botkit.app.evals.stage import Stage
from botkit.app.workflows import load_project
from botkit.core.models import Model
from botkit.testing.models import ScriptedModel

SERVER = Path(__file__).parents[1] / "plain_server.py"
CONFIG = """\
version: 1
models:
  default: demo/offline
servers:
  shop:
    command: {python}
    args: [{file}, look, search, ship, refund]
    env: {{EFFECTS: {effects}, KEY: {{secret: SHOP_KEY}}}}
workspaces:
  default:
    servers: [shop]
    tools:
      shop__look: {{class: read-only}}
      shop__search: {{class: read-only}}
      shop__ship: {{class: write}}
      shop__refund: {{class: destructive, approve: true, roles: [admin, member, guest]}}
bots:
  desk: {{name: Desk, prompt: "You are the desk."}}
  status: {{name: Status, workflow: ask}}
teams:
  all:
    members: [{{bot: desk}}, {{bot: status}}]
    default: desk
    router: {{rules: [{{contains: parcel, member: status}}]}}
workflows:
  ask:
    steps:
      - wait_for_reply: {{question: "Which one?", choices: [The red one, The blue one]}}
        id: asked
      - send_message: {{text: "You said {{{{ asked.value }}}}."}}
people:
  ada: {{name: Ada, roles: [admin]}}
schedules:
  nightly: {{cron: "* * * * *", workflow: ask}}
"""

_AS_WRITTEN = Options()
Run = Callable[..., Awaitable[EvalReport]]


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    """Every call the server got, a line each."""
    return tmp_path / "effects"


@pytest.fixture
def shop(tmp_path: Path, effects: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder; nothing ran in it yet."""
    folder = tmp_path / "shop"
    (folder / "workspace" / "evals").mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHOP_KEY", "the-key-of-the-shop")
    text = CONFIG.format(python=json.dumps(sys.executable), file=json.dumps(str(SERVER)), effects=effects)
    (folder / "bots.yaml").write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedModel]:
    """Let a scripted model stand for all models: `script("hello", calls(…))`, or `script(respond=…)`."""

    def set_up(*answers: Any, **options: Any) -> ScriptedModel:
        model = ScriptedModel(*answers, **options)

        class Scripted(Stage):
            def model(self, real: Model) -> Model:
                return super().model(model)

        monkeypatch.setattr(running, "Stage", Scripted)
        monkeypatch.setattr(comparing, "Stage", Scripted)
        return model

    return set_up


@pytest.fixture
def run(shop: Path) -> Run:
    """Write cases into a file and run them."""

    async def run_it(
        cases: Sequence[dict[str, Any]], options: Options = _AS_WRITTEN, name: str = "cases", **top: Any
    ) -> EvalReport:
        file = shop / "workspace" / "evals" / f"{name}.yaml"
        named = [{"name": f"case {number}", **case} for number, case in enumerate(cases, 1)]
        file.write_text(json.dumps({"bot": "desk", **top, "cases": named}, indent=1))
        environment = load_environment()
        config = load_project(environment.config)
        chosen = choose(config, shop, [file])
        return await run_evals(environment, config, chosen.cases, chosen.routing, options)

    return run_it
