"""The files of a new project."""

from botkit.app.project.create import Choices, create_project

__all__ = ["Choices", "create_project"]
