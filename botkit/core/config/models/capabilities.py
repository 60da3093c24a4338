"""`skills:` and `functions:`, single tools that are not whole servers."""

from __future__ import annotations

__all__ = ["Function", "Skill"]

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from botkit.core.config.models.base import (
    Bool,
    Float,
    Int,
    Json,
    Model,
    Name,
    OneOrMany,
    ProjectPath,
    SecretName,
    Slug,
    TextOrSecret,
    Url,
    problem,
)
from botkit.core.config.models.servers import InjectRule


class Skill(Model, frozen=True):
    """One tool: a prompt, a file of code, a function or an address."""

    name: Name | None = None
    """For people; the key is used when absent."""
    description: str = ""
    """What it does, told to the model."""
    enabled: Bool = True
    """`false`: neither listed nor callable."""
    tool: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name of its tool; the key is used when absent."""
    input_schema: Mapping[str, Json] = {}
    """JSON Schema of the tool's arguments."""
    prompt: str | None = None
    """Instructions: returned as text, or run with `function` behind them."""
    file: ProjectPath | None = None
    """A `SKILL.md` or a file of code, relative to the project."""
    function: Slug | None = None
    """A function that does the work."""
    url: Url | None = None
    """An address that does the work: `POST {tool, input}`."""
    inject: tuple[InjectRule, ...] = ()
    """Secrets it gets with each call."""
    category: str | None = None
    """For the catalogue."""
    tags: OneOrMany[str] = ()
    """For the catalogue."""
    timeout_s: Float = Field(default=30.0, gt=0, le=3600)
    """Seconds one call may take."""

    @model_validator(mode="after")
    def _has_a_body(self) -> Skill:
        bodies = [self.file, self.function, self.url]
        if sum(body is not None for body in bodies) > 1:
            raise problem("choose one of file, function or url")
        if self.prompt is None and not any(bodies):
            raise problem("a skill needs one of prompt, file, function or url")
        return self


class Function(Model, frozen=True):
    """A piece of code botkit runs in a worker process: as a tool, in a workflow, or at set times."""

    run: ProjectPath
    """The file, relative to the project, such as `workspace/functions/invoice.py`."""
    description: str = ""
    """What it does, told to the model."""
    enabled: Bool = True
    """`false`: it cannot be called."""
    language: Literal["python", "javascript"] | None = None
    """Told by the file's ending when absent."""
    input_schema: Mapping[str, Json] = {}
    """JSON Schema of its input."""
    env: Mapping[str, TextOrSecret] = {}
    """Variables: text or `{secret: NAME}`."""
    secrets: OneOrMany[SecretName] = ()
    """Secrets it may ask for."""
    bindings: OneOrMany[Literal["db", "cache", "queue", "ai", "search", "storage"]] = ()
    """What it may use."""
    timeout_s: Float = Field(default=30.0, gt=0, le=3600)
    """Seconds one call may take."""
    memory_mb: Int = Field(default=256, ge=16, le=65_536)
    """Most memory of its worker."""
