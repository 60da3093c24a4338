"""The evaluations that ship with the sample pass offline, as an operator runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
def test_every_case_passes_with_the_demo_model(tmp_path: Path) -> None:
    shutil.copy(ROOT / "bots.yaml", tmp_path)
    shutil.copytree(ROOT / "workspace", tmp_path / "workspace", ignore=shutil.ignore_patterns("__pycache__"))
    env = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
    words = [sys.executable, "-m", "botkit.cli", "eval", "--json"]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=170, check=False)
    report = json.loads(done.stdout)
    failed = [(case["name"], case["tries"]) for case in report["cases"] if case["state"] != "passed"]
    assert failed == []
    assert done.returncode == 0, done.stderr
    assert {case["bot"] for case in report["cases"]} == {"desk", "helper", "support", "status", "triage"}
    assert [one["ok"] for one in report["routing"]] == [True]
    assert not (tmp_path / ".botkit").exists()
