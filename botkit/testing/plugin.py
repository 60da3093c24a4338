"""Fixtures for tests of bots and adapters: `pytest_plugins = ["botkit.testing.plugin"]` in the root conftest.

Your project, running, and people who talk to it:

| fixture | what |
|---|---|
| `telegram`, `discord`, `slack`, `whatsapp` | the project's bot on a fake platform: `await telegram.alice.says("hi")` |
| `project` | the process behind them: `stop`, `kill`, `log`, `llm` |
| `weather` | faults on every platform of the test: `weather.drop_after()` |
| `project_settings` | which project, with which model; override it to change them |
| `run_evals` | runs files of evaluations: `run_evals("workspace/evals/desk.yaml")` |

With `--botkit-evals` the cases of `workspace/evals/` are tests themselves.

Pieces, for tests of adapters and of code:

| fixture | what |
|---|---|
| `manual_clock` | a clock that stands still until `advance` |
| `adapter_host` | what an adapter is started with; keeps events and health in lists |
| `fake_telegram`, `fake_discord`, `fake_slack` | a local server of that platform |
| `fake_cloud`, `fake_twilio` | WhatsApp by Meta's Cloud API, and by Twilio |
| `fake_platform` | a chat platform in memory |
| `fake_llm` | a local server speaking OpenAI, Anthropic and Gemini |
| `scripted_model` | a model that answers from a list |
"""

from __future__ import annotations

__all__ = [
    "adapter_host",
    "discord",
    "fake_cloud",
    "fake_discord",
    "fake_llm",
    "fake_platform",
    "fake_slack",
    "fake_telegram",
    "fake_twilio",
    "manual_clock",
    "project",
    "project_settings",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_configure",
    "run_evals",
    "scripted_model",
    "slack",
    "telegram",
    "weather",
    "whatsapp",
]

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from botkit.testing.evals import EvalResult, add_options, collect_file, configure, run_evals_in

# The fakes are imported where they are used: a test session that needs none of them does not pay for them.
if TYPE_CHECKING:
    from botkit.testing.adapters import MemoryHost
    from botkit.testing.clock import ManualClock
    from botkit.testing.discord import FakeDiscord
    from botkit.testing.llm import FakeLLM
    from botkit.testing.models import ScriptedModel
    from botkit.testing.platform import FakePlatform
    from botkit.testing.project import Chat, Project, ProjectSettings, Weather
    from botkit.testing.slack import FakeSlack
    from botkit.testing.telegram import FakeTelegram
    from botkit.testing.whatsapp import FakeCloud, FakeTwilio


@pytest.fixture
def manual_clock() -> ManualClock:
    from botkit.testing.clock import ManualClock

    return ManualClock()


@pytest.fixture
def adapter_host(manual_clock: ManualClock) -> MemoryHost:
    """On `manual_clock`."""
    from botkit.testing.adapters import MemoryHost

    return MemoryHost(clock=manual_clock)


@pytest_asyncio.fixture
async def fake_telegram() -> AsyncIterator[FakeTelegram]:
    """Running; give `api_base` and `token` to the channel."""
    from botkit.testing.telegram import FakeTelegram

    async with FakeTelegram() as fake:
        yield fake


@pytest_asyncio.fixture
async def fake_discord() -> AsyncIterator[FakeDiscord]:
    """Running; give `api_base` and `token` to the channel."""
    from botkit.testing.discord import FakeDiscord

    async with FakeDiscord() as fake:
        yield fake


@pytest_asyncio.fixture
async def fake_slack() -> AsyncIterator[FakeSlack]:
    """Running; give `api_base` and the tokens to the channel."""
    from botkit.testing.slack import FakeSlack

    async with FakeSlack() as fake:
        yield fake


@pytest_asyncio.fixture
async def fake_cloud() -> AsyncIterator[FakeCloud]:
    """Running; `account` is what the channel needs, `post_to` or `push` says where webhooks go."""
    from botkit.testing.whatsapp import FakeCloud

    async with FakeCloud() as fake:
        yield fake


@pytest_asyncio.fixture
async def fake_twilio() -> AsyncIterator[FakeTwilio]:
    """Running; `account` is what the channel needs, `post_to` or `push` says where webhooks go."""
    from botkit.testing.whatsapp import FakeTwilio

    async with FakeTwilio() as fake:
        yield fake


@pytest.fixture
def fake_platform() -> FakePlatform:
    from botkit.testing.platform import FakePlatform

    return FakePlatform()


@pytest_asyncio.fixture
async def fake_llm() -> AsyncIterator[FakeLLM]:
    """Running; queue its answers before the bot asks."""
    from botkit.testing.llm import FakeLLM

    async with FakeLLM() as fake:
        yield fake


@pytest.fixture
def scripted_model() -> ScriptedModel:
    """Says `ok` to everything; make your own for more."""
    from botkit.testing.models import ScriptedModel

    return ScriptedModel(respond=lambda request: "ok")


# --- evaluations --------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    configure(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return collect_file(file_path, parent)


@pytest.fixture
def run_evals(project_settings: ProjectSettings) -> Callable[..., list[EvalResult]]:
    """Runs files of the project's evaluations, all of them when none is named; see `run_evals_in`."""

    def run(*files: Path | str, **options: Any) -> list[EvalResult]:
        return run_evals_in(project_settings.folder, *files, **options)

    return run


# --- a project ----------------------------------------------------------------------------------------------


@pytest.fixture
def project_settings(request: pytest.FixtureRequest) -> ProjectSettings:
    """The project is the nearest folder above the test that has a bots.yaml; the demo model thinks."""
    from botkit.testing.project import ProjectSettings

    above = (request.path, *request.path.parents, Path.cwd())
    folder = next((one for one in above if (one / "bots.yaml").is_file()), None)
    if folder is None:
        pytest.fail(f"no bots.yaml above {request.path}: override the fixture `project_settings`")
    return ProjectSettings(folder=folder)


@pytest_asyncio.fixture
async def project(project_settings: ProjectSettings) -> AsyncIterator[Project]:
    """Starts when the first person acts, with an empty database; ends with the test."""
    from botkit.testing.project import Project

    async with Project(project_settings) as project:
        yield project


@pytest_asyncio.fixture
async def telegram(project: Project) -> Chat:
    return await project.on("telegram")


@pytest_asyncio.fixture
async def discord(project: Project) -> Chat:
    return await project.on("discord")


@pytest_asyncio.fixture
async def slack(project: Project) -> Chat:
    return await project.on("slack")


@pytest_asyncio.fixture
async def whatsapp(project: Project) -> Chat:
    return await project.on("whatsapp")


@pytest.fixture
def weather(project: Project) -> Weather:
    """The same orders to every platform of the test."""
    return project.weather
