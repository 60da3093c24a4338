"""The Slack channel against `local-slack`, by socket and by signed posts."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.environments import Environments
from tests.interop.slack_talk import TALKS

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

_PACKAGE = "local-slack-linux-x64"
_ROOT = Path(__file__).parents[2]


def _has_networks_of_its_own() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(("unshare", "-rn", "true"), capture_output=True, check=False).returncode == 0


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="local-slack is built for Linux")
def test_the_core_conversations_go_well(installed: Environments, tmp_path: Path) -> None:
    if not _has_networks_of_its_own():
        pytest.skip("local-slack listens on every interface, and `unshare -rn` makes no network for it here")
    binary = installed.npm(f"{_PACKAGE}@0.1.8") / "node_modules" / _PACKAGE / "bin" / "local-slack"
    talk = (sys.executable, "-m", "tests.interop.slack_talk", str(binary), str(tmp_path))
    done = subprocess.run(
        ("unshare", "-rn", *talk), cwd=_ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    lines = done.stdout.splitlines()
    for mode in ("socket", "events"):
        assert [line for line in lines if line in {f"{mode} {one.__name__}" for one in TALKS}] == [
            f"{mode} {one.__name__}" for one in TALKS
        ]
