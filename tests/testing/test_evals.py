"""Evaluations as tests, in a project that only has botkit installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.testing.evals import EvalFailed, run_evals_in

pytest_plugins = ["pytester"]

CONFIG = "version: 1\nbots:\n  helper: {name: Helper}\npeople:\n  ada: {name: Ada, roles: [admin]}\n"
EVALS = """\
bot: helper
cases:
  - name: says what it is
    tags: smoke
    turns: [{say: hello, expect: {contains: demo/offline}}]
  - name: speaks Latin
    turns:
      - say: hello
        expect:
          contains: salve
  - name: not yet
    skip: no model for it
    turns: [hello]
"""
ORDINARY = """
def test_one_file(run_evals):
    (found,) = run_evals("workspace/evals/talk.yaml", tag="smoke")
    assert found.passed and found.tokens > 0 and found.told == ()
"""


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BOTKIT_HOME", "BOTKIT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    evals = pytester.path / "workspace" / "evals"
    evals.mkdir(parents=True)
    (evals / "talk.yaml").write_text(EVALS)
    (evals / "flow.test.yaml").write_text("cases: []\n")
    (pytester.path / "bots.yaml").write_text(CONFIG)
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_own.py").write_text(ORDINARY)
    pytester.makeconftest('pytest_plugins = ["botkit.testing.plugin"]')
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\nasyncio_mode = "auto"\n'
        'asyncio_default_fixture_loop_scope = "function"\nfilterwarnings = ["error"]\n'
    )
    return pytester.path


def test_cases_are_tests_beside_the_others(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("-q", "--botkit-evals")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*workspace/evals/talk.yaml:10: contains*", "*- salve*"])


def test_one_case_is_run_by_its_name(pytester: pytest.Pytester, folder: Path) -> None:
    result = pytester.runpytest_subprocess("-q", "--botkit-evals", "workspace/evals", "-k", "says")
    result.assert_outcomes(passed=1, deselected=2)


def test_a_file_with_a_mistake_fails_where_it_stands(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "workspace" / "evals" / "talk.yaml").write_text(EVALS.replace("turns:\n", "turn:\n"))
    result = pytester.runpytest_subprocess("-q", "--botkit-evals", "workspace/evals")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*workspace/evals/talk.yaml:7:5: cases.1.turn: unknown key*"])


def test_what_cannot_be_run_is_an_error_and_no_result(folder: Path) -> None:
    (folder / "bots.yaml").write_text(CONFIG.replace("helper", "other"))
    with pytest.raises(EvalFailed, match="no bot or team is called `helper`"):
        run_evals_in(folder, "workspace/evals/talk.yaml")
