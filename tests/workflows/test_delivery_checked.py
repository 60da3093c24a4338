"""Gates that could not send their codes are found before they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.core.config import load_config
from botkit.workflows.check import check_workflows

MAIL = "settings: {mail: {provider: resend, from: desk@example.com, key: {secret: MAIL_KEY}}}\n"
FLOW = """\
steps:
  - auth_gate: {METHOD}
    id: who
  - send_message: {text: "Hello."}
"""


def warned(tmp_path: Path, method: str, settings: str = "", secrets: list[str] | None = None) -> list[str]:
    folder = tmp_path / "workspace" / "workflows"
    folder.mkdir(parents=True)
    (folder / "flow.yaml").write_text(FLOW.replace("METHOD", method))
    (tmp_path / "bots.yaml").write_text(f"version: 1\n{settings}")
    checked = check_workflows(load_config(tmp_path / "bots.yaml", env={}), secrets=secrets)
    assert checked.problems == ()
    return [str(one) for one in checked.warnings]


@pytest.mark.parametrize(
    ("method", "lacks"),
    [
        ("", "2:16: workflows.flow.who.method: no mail can be sent for `email_otp` (say how in settings.mail"),
        ("method: magic_link", "2:17: workflows.flow.who.method: no mail can be sent for `magic_link`"),
        ("authMethod: sms_otp", "no short messages can be sent for `sms_otp` (say how in settings.sms of bots.yaml)"),
        ("method: custom", "no service checks identities for `custom` (say how in settings.identity"),
    ],
)
def test_a_gate_without_a_service_is_named_with_its_place(tmp_path: Path, method: str, lacks: str) -> None:
    (warning,) = warned(tmp_path, method)
    assert warning.startswith("workspace/workflows/flow.yaml:2:")
    assert lacks in warning


def test_a_service_whose_secret_is_not_stored_does_not_count(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, "method: email_otp", MAIL, secrets=["OTHER"])
    assert "settings.mail uses the secret `MAIL_KEY`, which is not stored" in warning
    assert "botkit secrets set MAIL_KEY" in warning


@pytest.mark.parametrize(("method", "secrets"), [("", ["MAIL_KEY"]), ("", None), ("method: '{{ input.how }}'", [])])
def test_nothing_is_said_where_it_works_or_nobody_knows(tmp_path: Path, method: str, secrets: list[str] | None) -> None:
    assert warned(tmp_path, method, MAIL, secrets=secrets) == []
