"""The folder of one instance: what is in it, and that nobody else can look inside."""

from __future__ import annotations

__all__ = ["Home"]

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from botkit.core.errors import BotkitError

_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Home:
    """`BOTKIT_HOME`."""

    path: Path

    @property
    def page_token_file(self) -> Path:
        return self.path / "page-token"

    @property
    def active_workspace_file(self) -> Path:
        """Slug of the workspace that commands mean which name none."""
        return self.path / "workspace"

    @property
    def exists(self) -> bool:
        return self.path.is_dir()

    def create(self) -> None:
        """Make the folder, for its owner only. A folder that exists is left as it is; `doctor` judges it.

        Raises:
            BotkitError: it cannot be made or written to.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise BotkitError(f"cannot make {self.path}: {reason}; set BOTKIT_HOME to a folder of yours") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise BotkitError(f"cannot write to {self.path}: change its owner, or set BOTKIT_HOME to another folder")

    def page_token(self) -> tuple[str, bool]:
        """The page's access token, and whether it was made just now."""
        if self.page_token_file.exists():
            return self.page_token_file.read_text(encoding="ascii").strip(), False
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.write_private(self.page_token_file, token + "\n")
        return token, True

    def write_private(self, path: Path, text: str) -> None:
        """Write a file that only its owner can read, whole or not at all."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
