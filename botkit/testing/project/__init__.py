"""Your own project under test: an instance of it on fake platforms, and people who talk to it.

    project = Project(ProjectSettings(folder=Path(".")))
    async with project, project.on("telegram") as telegram:
        await telegram.alice.says("hello")
        await telegram.alice.sees("Hello")

As pytest fixtures: `botkit.testing.plugin`.
"""

from __future__ import annotations

__all__ = ["Chat", "Person", "Project", "ProjectSettings", "Seen", "Weather"]

from botkit.testing.project.chats import Chat, Person, Seen
from botkit.testing.project.project import Project, Weather
from botkit.testing.project.settings import ProjectSettings
