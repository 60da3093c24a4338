"""The fixtures work in a project that only has botkit installed."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

USERS_TEST = """
from botkit.testing.adapters import MemoryHost


async def test_everything_is_there(
    manual_clock, adapter_host, fake_telegram, fake_discord, fake_slack, fake_cloud, fake_twilio, fake_platform,
    fake_llm, scripted_model
):
    assert isinstance(adapter_host, MemoryHost)
    assert adapter_host.clock is manual_clock
    message = fake_telegram.say("Ada", "hello")
    assert fake_telegram.api_base.startswith("http://127.0.0.1:")
    assert message.text == "hello"
    for fake in (fake_discord, fake_slack, fake_cloud, fake_twilio):
        fake.say("Ada", "hello")
        assert fake.api_base != fake_telegram.api_base
    assert fake_llm.requests == scripted_model.requests == fake_platform.messages == []
"""


def test_a_users_project_gets_all_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["botkit.testing.plugin"]')
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nasyncio_mode = "auto"\nasyncio_default_fixture_loop_scope = "function"\n'
        'filterwarnings = ["error"]\n'
    )
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)
