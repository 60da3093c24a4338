"""Which channels need an address that the outside can reach, and when that is a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.app.publicity import public_url_problems
from botkit.core.config import load_config

WHATSAPP = """\
version: 1
bots: {{desk: {{}}}}
channels:
  wa:
    platform: whatsapp
    enabled: {enabled}
    bot: desk
    dm_policy: pairing
    phone_number_id: "1"
    access_token: {{secret: A}}
    app_secret: {{secret: B}}
    verify_token: {{secret: C}}
"""


@pytest.mark.parametrize(
    ("enabled", "url", "problems"),
    [
        ("true", "", 1),
        ("true", "https://bots.example.com", 0),
        ("false", "", 0),
        ("auto", "", 0),  # off until its secrets are stored; then the channel itself says what is missing
    ],
)
def test_a_channel_that_is_called_needs_an_address_when_it_runs(
    tmp_path: Path, enabled: str, url: str, problems: int
) -> None:
    (tmp_path / "bots.yaml").write_text(WHATSAPP.format(enabled=enabled))
    wrong, doubtful = public_url_problems(load_config(tmp_path / "bots.yaml"), url)
    assert (len(wrong), doubtful) == (problems, [])
    assert all(problem.path == "channels.wa" and problem.line == 4 for problem in wrong)
