"""`settings.memory` and `knowledge:`: what bots keep in mind, and what they can look up."""

from __future__ import annotations

__all__ = ["Knowledge", "KnowledgeSettings", "Memory", "PersonalData"]

from typing import Literal

from pydantic import Field, field_validator

from botkit.core.config.models.base import Bool, Float, Int, Model, ModelName, OneOrMany, Text, problem

PersonalData = Literal["email", "phone", "card", "iban", "ssn", "ip"]


class Memory(Model, frozen=True):
    """How notes about people, conversations and teams are kept."""

    redact: OneOrMany[PersonalData] = ()
    """Personal data that is taken out before a note is kept, such as `email`, `phone`, `card`. Secrets always are."""


class KnowledgeSettings(Model, frozen=True):
    """How all knowledge is read and searched."""

    embedding: ModelName | None = None
    """The model that makes vectors for searching by meaning: an alias of `models`, or a LiteLLM name. Without one,
    knowledge is searched by words."""
    read_timeout_s: Float = Field(default=60.0, gt=0, le=3600)
    """Seconds one file may take to be read."""


class Knowledge(Model, frozen=True):
    """Files bots can look things up in."""

    paths: OneOrMany[Text] = Field(min_length=1)
    """Folders, files and patterns such as `docs/**/*.md`, relative to the project's folder and inside of it."""
    description: str = ""
    """What is found there, for people and models."""
    enabled: Bool = True
    """`false`: it is not looked at."""
    file_limit_bytes: Int = Field(default=20_971_520, ge=1)
    """Largest file that is read."""
    embedding: ModelName | None = None
    """The model of its vectors, in place of `settings.knowledge.embedding`."""
    min_similarity: Float = Field(default=0.2, ge=0, le=1)
    """Passages less like a question than this are not found by meaning. Models differ: see what `botkit knowledge
    search` gives."""
    bots: OneOrMany[Text] = ()
    """Only these bots of its workspaces look into it; all of them when empty."""
    roles: OneOrMany[Text] = ()
    """Only for people with one of these roles; for everybody when empty."""

    @field_validator("paths")
    @classmethod
    def _inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if path.startswith(("/", "~")) or "\\" in path or ".." in path.split("/"):
                raise problem("knowledge lies in the project's folder: a path such as docs or docs/**/*.md")
        return paths
