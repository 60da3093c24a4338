"""The environment is read once: variables over `.env`, paths made absolute, mistakes named."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.app.environment import load_environment
from botkit.core.errors import ConfigError

SECRET = "postgresql://ada:hunter2@db/botkit"


def test_without_variables_everything_is_local(folder: Path) -> None:
    found = load_environment(cwd=folder)
    assert (found.host, found.port, found.is_loopback) == ("127.0.0.1", 8080, True)
    assert (found.config, found.home, found.project) == (folder / "bots.yaml", folder / ".botkit", folder)


def test_the_env_file_is_read_and_variables_win(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("BOTKIT_PORT=9000\nBOTKIT_HOST=0.0.0.0\nBOTKIT_TRUSTED_PROXIES=10.0.0.1, 10.0.0.2\n")
    monkeypatch.setenv("BOTKIT_PORT", "9001")
    monkeypatch.setenv("BOTKIT_HOST", "")
    found = load_environment(cwd=folder)
    assert (found.port, found.host, found.is_loopback) == (9001, "0.0.0.0", False)
    assert found.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_the_project_is_where_bots_yaml_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    (other / ".env").write_text("BOTKIT_HOME=data\n")
    monkeypatch.setenv("BOTKIT_CONFIG", "elsewhere/bots.yaml")
    assert load_environment(cwd=folder).home == other / "data"
    monkeypatch.setenv("BOTKIT_HOME", str(folder / "absolute"))
    assert load_environment(cwd=folder).home == folder / "absolute"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOTKIT_PORT", "eighty"),
        ("BOTKIT_PORT", "70000"),
        ("BOTKIT_PUBLIC_URL", "shop.example.org"),
        ("BOTKIT_PUBLIC_URL", "https://shop.example.org/?a=1"),
        ("BOTKIT_PAGE_TOKEN", "short"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as wrong:
        load_environment(cwd=folder)
    (problem,) = wrong.value.problems
    assert problem.path == name
    assert value not in problem.message


def test_passwords_do_not_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_DATABASE_URL", SECRET)
    monkeypatch.setenv("BOTKIT_PAGE_TOKEN", "a-long-enough-token")
    found = load_environment(cwd=folder)
    assert "hunter2" not in repr(found) + str(found.model_dump())
    assert "a-long-enough-token" not in repr(found)


def test_an_ending_slash_of_the_address_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", "https://bots.example.com/")
    assert load_environment(cwd=folder).public_url == "https://bots.example.com"
