"""The outside world of the kill tests: a Telegram server, a ledger, and processes to kill."""

from __future__ import annotations

__all__ = ["Field", "Home"]

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from botkit.testing.telegram.control import RemoteTelegram

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

BOTS = """
servers:
  ledger:
    command: {python}
    args: ["-S", "{server}"]
    env: {{LEDGER: "{ledger}"}}
workspaces:
  default:
    servers: [ledger]
    tools:
      ledger__look: {{class: read-only}}
      ledger__record: {{class: write, roles: [guest, member]}}
bots:
  clerk: {{model: demo/offline, stream: {stream}, history_messages: 0}}
channels:
  telegram:
    platform: telegram
    bot: clerk
    dm_policy: open
    token: {{secret: TELEGRAM_TOKEN}}
    api_base: "{api_base}"
    on_unknown_send: {policy}
"""


class Field:
    """One Telegram server and one nursery for all homes of a test."""

    def __init__(self, folder: Path):
        self.folder = folder
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._telegram = subprocess.Popen(
            [sys.executable, "-m", "botkit.testing.telegram"], stdout=subprocess.PIPE, text=True, env=env
        )
        assert self._telegram.stdout is not None
        told = json.loads(self._telegram.stdout.readline())
        self.api_base, self.token = str(told["api_base"]), str(told["token"])
        self.telegram = RemoteTelegram(self.api_base)
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=env,
        )
        self._homes = 0

    def close(self) -> None:
        self.telegram.close()
        for process in (self._nursery, self._telegram):
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def home(self, *, policy: str = "hold", stream: bool = False) -> Home:
        self._homes += 1
        return Home(self, self.folder / f"h{self._homes}", policy, stream)

    def start(self, **request: Any) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(request) + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def replies(self) -> dict[str, Counter[str]]:
        """Person → what they were told, how often."""
        told: dict[str, Counter[str]] = {}
        for message in self.telegram.look("sent"):
            told.setdefault(str(message["chat_id"]), Counter())[message["text"]] += 1
        return told


class Home:
    """One instance: its database, its ledger, its process of the moment."""

    def __init__(self, field: Field, folder: Path, policy: str, stream: bool):
        folder.mkdir()
        self.field = field
        self.ledger = folder / "ledger.jsonl"
        self.log = folder / "kills.log"
        self.config = folder / "bots.yaml"
        self.home = folder / "home"
        self.pid = 0
        self.config.write_text(
            BOTS.format(
                python=sys.executable,
                server=HERE / "ledger.py",
                ledger=self.ledger,
                api_base=field.api_base,
                policy=policy,
                stream=str(stream).lower(),
            )
        )
        self._store_token()

    def _store_token(self) -> None:
        """Once for all homes: the first one's database is the template of the others."""
        template = self.field.folder / "template"
        if not template.exists():
            env = {**os.environ, "BOTKIT_HOME": str(template)}
            command = [sys.executable, "-m", "botkit.cli", "secrets", "set", "TELEGRAM_TOKEN"]
            subprocess.run(
                command, input=self.field.token, text=True, cwd=self.config.parent, env=env, check=True, timeout=60
            )
        shutil.copytree(template, self.home)

    # ── life and death ───────────────────────────────────────────────────────────────────────────────────

    def start(self, kill_at: str = "") -> None:
        self.pid = self.field.start(home=str(self.home), config=str(self.config), kill_at=kill_at, log=str(self.log))

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.until(lambda: not self.alive, "the process to be gone")

    def until(self, done: Any, what: str, timeout_s: float = 40.0) -> None:
        """Poll what other processes do; they cannot be awaited."""
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                errors = self.log.with_suffix(".err")
                said = errors.read_text()[-3000:] if errors.exists() else ""
                raise TimeoutError(f"waited {timeout_s} s for {what}; state: {self.counts()}\n{said}")
            time.sleep(0.01)

    def settle(self, messages: int) -> None:
        """Until everything said so far was accepted and dealt with."""
        self.until(lambda: self.settled(messages), f"{messages} messages to be dealt with")

    def settled(self, messages: int) -> bool:
        counts = self.counts()
        return counts.pop("messages", -1) == messages and not any(counts.values())

    def passed(self) -> list[str]:
        """Boundaries the last process passed, in order."""
        return self.log.with_suffix(".trace").read_text().splitlines()

    def quiet(self) -> bool:
        """Whether the process passed no boundary for a moment after everything was dealt with."""
        before = len(self.passed())
        time.sleep(0.2)
        return len(self.passed()) == before

    # ── what is true ─────────────────────────────────────────────────────────────────────────────────────

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database from outside, by SQLite itself."""
        with sqlite3.connect(f"file:{self.home / 'botkit.db'}?mode=ro", uri=True, timeout=10) as db:
            rows = db.execute(sql).fetchall()
        db.close()
        return rows

    def counts(self) -> dict[str, int]:
        try:
            return {
                "messages": self.ask("SELECT count(*) FROM inbox WHERE kind = 'message'")[0][0],
                "undone": self.ask("SELECT count(*) FROM inbox WHERE done_at = 0")[0][0],
                "running": self.ask("SELECT count(*) FROM runs WHERE state = 'running'")[0][0],
                "unsent": self.ask("SELECT count(*) FROM parts WHERE state IN ('pending', 'sending')")[0][0],
            }
        except sqlite3.Error:
            return {"unreadable": 1}

    def recorded(self) -> Counter[str]:
        """Effects, as the tool server wrote them down itself."""
        if not self.ledger.exists():
            return Counter()
        return Counter(json.loads(line)["text"] for line in self.ledger.read_text().splitlines())

    def unknown_parts(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT text FROM parts WHERE state = 'unknown'")]

    def resent_parts(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT text FROM parts WHERE attempts > 1")]

    def reconciling(self) -> int:
        return self.ask("SELECT count(*) FROM waits WHERE kind = 'reconcile' AND state = 'open'")[0][0]
