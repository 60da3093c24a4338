"""Secrets carried to another machine in a sealed file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result


def test_secrets_travel_in_a_sealed_file(
    cli: Callable[..., Result], ask: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    word = tmp_path / "passphrase"
    word.write_text("correct horse\n")
    cli("secrets", "set", "A_TOKEN", "value-of-a")
    cli("secrets", "set", "A_TOKEN", "value-of-ada", "--person", "ada")
    file = tmp_path / "out.sealed"
    assert ask("secrets", "export", str(file), "--passphrase-file", str(word))["secrets"] == 2
    assert file.stat().st_mode & 0o077 == 0
    assert b"value-of" not in file.read_bytes()
    assert cli("secrets", "export", str(file), "--passphrase-file", str(word)).exit_code == 2

    cli("secrets", "set", "A_TOKEN", "changed")
    cli("secrets", "delete", "A_TOKEN", "--person", "ada", "--yes")
    assert ask("secrets", "import", str(file), "--passphrase-file", str(word)) == {"stored": 1, "kept": 1}
    assert ask("secrets", "import", str(file), "--replace", "--passphrase-file", str(word))["stored"] == 2
    scopes = {(one["scope"], one["name"]) for one in ask("secrets", "list") if one["version"]}
    assert {("instance", "A_TOKEN"), ("person:ada", "A_TOKEN")} <= scopes

    word.write_text("wrong horse\n")
    refused = cli("secrets", "import", str(file), "--passphrase-file", str(word))
    assert refused.exit_code == 1
    assert "passphrase is not the one" in refused.output
    assert cli("secrets", "import", str(file)).exit_code == 2  # nobody to ask
    actions = [row["action"] for row in ask("logs", "--admin")]
    assert {"secrets.export", "secrets.import"} <= set(actions)
