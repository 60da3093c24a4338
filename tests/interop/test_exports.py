"""What the vendors' own SDKs say to every export of the golden corpus, each in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.environments import Environments

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

_SDKS = ("google-genai==3.4.0", "openai-agents==0.24.0", "pytest==9.2.0")
_EXPORT = Path(__file__).parent.parent / "gateway" / "export"


def test_openai_and_google_take_every_export(installed: Environments, tmp_path: Path) -> None:
    python = installed.python(*_SDKS)
    for name in ("test_vendors.py", "golden.json"):  # there, nothing of this repository is needed
        shutil.copy(_EXPORT / name, tmp_path)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "skipped" not in done.stdout
