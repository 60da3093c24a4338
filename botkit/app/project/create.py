"""Writing a new project into an empty folder."""

from __future__ import annotations

__all__ = ["Choices", "create_project"]

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from botkit.core.config import Editor
from botkit.core.data import Data
from botkit.core.errors import BotkitError, Conflict

_FILES = {
    "bots.yaml": "bots.yaml",
    "env.example": ".env.example",
    "gitignore": ".gitignore",
    "README.md": "README.md",
    "tasks.py": "workspace/servers/tasks.py",
    "urgent_first.py": "workspace/functions/urgent_first.py",
    "checklist_node.py": "workspace/nodes/checklist.py",
    "checklist.yaml": "workspace/workflows/checklist.yaml",
    "checklist.test.yaml": "workspace/workflows/checklist.test.yaml",
    "conftest.py": "conftest.py",
    "pytest.ini": "pytest.ini",
    "test_talk.py": "tests/test_talk.py",
    "evals.yaml": "workspace/evals/tasks.yaml",
}


class Choices(Data):
    """What whoever starts a project decides."""

    bot: str = "Helper"
    """Display name; the key in bots.yaml is made from it."""
    job: str = ""
    """What the bot is for, in its own instructions."""
    model: str = "demo/offline"
    """`provider/name`."""
    telegram: bool = False


def create_project(folder: Path, choices: Choices) -> tuple[str, ...]:
    """Write the files; paths relative to the folder.

    Raises:
        Conflict: there is a project already, or a file that would be overwritten.
        ConfigError: a choice does not fit, such as a model without a provider.
    """
    taken = [path for path in _FILES.values() if (folder / path).exists()]
    if taken:
        raise Conflict(f"{folder} has {', '.join(taken)} already: choose an empty folder")
    texts = {path: files("botkit.app.project").joinpath(name).read_text("utf-8") for name, path in _FILES.items()}
    texts["bots.yaml"] = _configured(texts["bots.yaml"], choices)
    try:
        for path, text in texts.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BotkitError(f"cannot write to {folder}: {error.strerror or error}") from error
    return tuple(texts)


def _configured(text: str, choices: Choices) -> str:
    """The sample with the choices in it, its comments kept."""
    editor = Editor("bots.yaml", files={"bots.yaml": text})
    bot = _slug(choices.bot)
    if bot != "helper":
        sample = editor.get("bots.helper")
        editor.set(("bots", bot), sample)
        editor.delete("bots.helper")
    editor.set(("bots", bot, "name"), choices.bot)
    if choices.job:
        editor.set(("bots", bot, "description"), choices.job)
        editor.set(("bots", bot, "prompt"), f"You are {choices.bot}. {choices.job}\nUse your tools. Be short.\n")
    if choices.model != "demo/offline":
        editor.set("models.default", _model(choices.model))
    if choices.telegram:
        channel = {
            "platform": "telegram",
            "enabled": "auto",
            "bot": bot,
            "token": {"secret": "TELEGRAM_TOKEN"},
            "dm_policy": "pairing",
        }
        editor.set("channels.telegram", channel)
    editor.check(env={})
    return editor.files["bots.yaml"]


def _model(name: str) -> dict[str, Any]:
    provider = re.sub(r"[^A-Z0-9]", "_", name.partition("/")[0].upper())
    return {"model": name, "api_key": {"secret": f"{provider}_API_KEY"}}


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].strip("-")
    return slug or "helper"
