"""The environment: what differs between machines, read once, from variables and the project's `.env`.

BOTKIT_CONFIG       bots.yaml      the configuration; its folder is the project
BOTKIT_HOME         .botkit        where this instance keeps its data; relative to the project
BOTKIT_DATABASE_URL                postgresql://… instead of SQLite in the home
BOTKIT_MASTER_KEY                  opens the secrets; else a generated file in the home
BOTKIT_HOST         127.0.0.1      address to listen on
BOTKIT_PORT         8080
BOTKIT_PUBLIC_URL                  how the outside reaches this instance: https://bots.example.com
BOTKIT_TRUSTED_PROXIES             addresses whose X-Forwarded-For is believed, comma separated
BOTKIT_PAGE_TOKEN                  access token of the page; else a generated file in the home
"""

from __future__ import annotations

__all__ = ["Environment", "load_environment"]

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from botkit.core.errors import ConfigError, Problem

DEFAULT_CONFIG = "bots.yaml"


class Environment(BaseSettings):
    """Everything outside of bots.yaml. Paths are absolute."""

    model_config = SettingsConfigDict(
        env_prefix="BOTKIT_", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    config: Path = Path(DEFAULT_CONFIG)
    """The configuration file."""
    home: Path = Path(".botkit")
    """Folder of this instance's data."""
    database_url: SecretStr | None = None
    """PostgreSQL instead of the embedded SQLite. Carries a password."""
    master_key: SecretStr | None = None
    """Opens the stored secrets."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0: any free port."""
    public_url: str = ""
    """Without a trailing slash; empty when the outside cannot reach this instance."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "::1")
    """Whose forwarded headers are believed."""
    page_token: SecretStr | None = Field(default=None)
    """Access token of the page."""

    @property
    def project(self) -> Path:
        """The folder of bots.yaml."""
        return self.config.parent

    @property
    def is_loopback(self) -> bool:
        """Only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def own_secrets(self) -> tuple[str, ...]:
        """Values that must not show in a log either."""
        values = [secret.get_secret_value() for secret in (self.master_key, self.page_token) if secret is not None]
        if self.database_url is not None and (password := urlsplit(self.database_url.get_secret_value()).password):
            values.append(password)
        return tuple(values)

    def listening_on(self, host: str | None, port: int | None) -> Environment:
        """With another address or port, where given."""
        changed = {"host": host, "port": port}
        return self.model_copy(update={name: value for name, value in changed.items() if value is not None})

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("public_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write the whole address, such as https://bots.example.com")
        return value.rstrip("/")

    @field_validator("page_token")
    @classmethod
    def _unguessable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("use at least 16 characters")
        return value


def load_environment(config: Path | str | None = None, *, cwd: Path | None = None) -> Environment:
    """Read the process's variables and the project's `.env`; real variables win.

    Args:
        config: the file to use instead of BOTKIT_CONFIG.
        cwd: where relative paths begin; the working directory.

    Raises:
        ConfigError: a variable has a value it cannot have.
    """
    base = (cwd or Path.cwd()).resolve()
    file = base / (config or os.environ.get("BOTKIT_CONFIG") or DEFAULT_CONFIG)
    try:
        read = Environment(_env_file=file.parent / ".env")  # pyright: ignore[reportCallIssue] - an argument of BaseSettings
    except ValidationError as error:
        raise ConfigError("the environment has mistakes", tuple(_problems(error))) from None
    except (OSError, ValueError) as error:
        problem = Problem(message=f"cannot be read: {error}", file=str(file.parent / ".env"))
        raise ConfigError("the file .env cannot be read", (problem,)) from None
    return read.model_copy(update={"config": file, "home": file.parent / read.home})


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem(
            message=detail["msg"].removeprefix("Value error, "),
            file="environment",
            path="BOTKIT_" + str(detail["loc"][0] if detail["loc"] else "").upper(),
        )
        for detail in error.errors(include_url=False, include_input=False, include_context=False)
    ]
