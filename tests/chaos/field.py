"""The outside world of the kill tests: platforms in processes of their own, a ledger, and processes to kill."""

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
from pathlib import Path
from typing import IO, Any, LiteralString, cast

import psycopg

from botkit.testing.telegram.control import RemoteTelegram
from tests.chaos.board import Board
from tests.forking import Child, Nursery

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
      ledger__look: {{class: read-only, trusted_results: true}}
      ledger__record: {{class: write, trusted_results: true, roles: [guest, member], approve: {approve}}}
bots:
  clerk: {{model: demo/offline, stream: {stream}, history_messages: 0{answers}}}
channels:
{channel}
    bot: clerk
    dm_policy: open
    on_unknown_send: {policy}
people:
  boss: {{roles: [admin, member], identities: {{board: boss}}}}
settings:
  approvals: {{approvers: [admin]}}
"""
TELEGRAM = """\
  telegram:
    platform: telegram
    token: {{secret: TELEGRAM_TOKEN}}
    api_base: "{api_base}"
"""
BOARD = """\
  board:
    platform: board
    options: {{port: {port}, account: {account}}}
"""


COUNTED = {
    "messages": "inbox WHERE kind = 'message'",
    "undone": "inbox WHERE done_at = 0",
    "running": "runs WHERE state = 'running'",
    "unapproved": "waits WHERE kind = 'approval' AND state = 'open'",
    "unsent": "parts WHERE state IN ('pending', 'sending')",
    "unknown": "parts WHERE state = 'unknown'",
}


def _plugin(folder: Path) -> Path:
    """Install the platform `board` as any package would, for processes that have this folder on their path."""
    info = folder / "botkit_board-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: botkit-board\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[botkit.adapters]\nboard = tests.chaos.board_adapter:BoardAdapter\n")
    return folder


class Field:
    """One server of each platform and one nursery for all homes of a test."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(_plugin(folder / "plugin"))))}
        self._processes: list[subprocess.Popen[str]] = []
        telegram = self._run("botkit.testing.telegram")
        board = self._run("tests.chaos.board")
        self._nursery = Nursery("tests.chaos.nursery", root=ROOT, env=self.env)
        told = json.loads(telegram.readline())
        self.api_base, self.token = str(told["api_base"]), str(told["token"])
        self.telegram = RemoteTelegram(self.api_base)
        self.board = Board(int(board.readline()))
        self._homes = 0

    def _run(self, module: str) -> IO[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.env,
        )
        self._processes.append(process)
        assert process.stdout is not None
        return process.stdout

    def close(self) -> None:
        self.telegram.close()
        self.board.close()
        self._nursery.close()
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def home(self, **options: Any) -> Home:
        """A new instance; options as of `Home`."""
        self._homes += 1
        return Home(self, self.folder / f"h{self._homes}", **options)

    def start(self, **request: Any) -> Child:
        return self._nursery.start(modules=str(self.folder / "modules"), **request)

    def replies(self) -> dict[str, Counter[str]]:
        """Person → what they were told, how often."""
        told: dict[str, Counter[str]] = {}
        for message in self.telegram.look("sent"):
            told.setdefault(str(message["chat_id"]), Counter())[message["text"]] += 1
        return told


class Home:
    """One instance: its database, its ledger, its process of the moment.

    Args:
        platform: `telegram` or `board`.
        policy: `on_unknown_send`.
        stream: whether answers are shown as they are written.
        approve: whether a person must approve the tool `record`.
        database: a PostgreSQL URL instead of SQLite in the home.
        beside: another process of the same instance: same database, platform and ledger, a home of its own.
        lease_s: length of its lease.
        workflows: YAML of the section `workflows:`; the bot answers by `flow`.
    """

    def __init__(
        self,
        field: Field,
        folder: Path,
        *,
        platform: str = "telegram",
        policy: str = "hold",
        stream: bool = False,
        approve: bool = False,
        database: str = "",
        beside: Home | None = None,
        lease_s: float = 0.0,
        workflows: str = "",
    ):
        folder.mkdir()
        self.field = field
        self.folder = folder
        self.ledger = beside.ledger if beside is not None else folder / "ledger.jsonl"
        self.account = beside.account if beside is not None else folder.name
        self.log = folder / "kills.log"
        self.config = folder / "bots.yaml"
        self.home = folder / "home"
        self.database = beside.database if beside is not None else database
        self.lease_s = lease_s
        self.child: Child | None = None
        template = TELEGRAM if platform == "telegram" else BOARD
        self.config.write_text(
            BOTS.format(
                python=sys.executable,
                server=HERE / "ledger.py",
                ledger=self.ledger,
                channel=template.format(api_base=field.api_base, port=field.board.port, account=self.account).rstrip(),
                policy=policy,
                stream=str(stream).lower(),
                approve=str(approve).lower(),
                answers=", workflow: flow" if workflows else "",
            )
            + workflows
        )
        if beside is not None:
            shutil.copy(beside.config, self.config)
        if platform == "telegram":
            self._store_token()

    @property
    def env(self) -> dict[str, str]:
        """What its processes and commands are started with."""
        own = {"BOTKIT_HOME": str(self.home), "BOTKIT_CONFIG": str(self.config)}
        return {**own, "BOTKIT_DATABASE_URL": self.database} if self.database else own

    def _store_token(self) -> None:
        """Once for all homes: the first one's database is the template of the others."""
        template = self.field.folder / "template"
        if not template.exists():
            env = {**self.field.env, "BOTKIT_HOME": str(template)}
            command = [sys.executable, "-m", "botkit.cli", "secrets", "set", "TELEGRAM_TOKEN"]
            subprocess.run(
                command, input=self.field.token, text=True, cwd=self.config.parent, env=env, check=True, timeout=150
            )
        shutil.copytree(template, self.home)

    def say(self, person: str, text: str) -> None:
        """Somebody writes to this instance on the board."""
        self.field.board.say(self.account, person, text, f"{self.account}-{person}")

    def shown(self, person: str) -> list[dict[str, Any]]:
        """What a person sees of this instance on the board; see `Board.messages`."""
        return self.field.board.messages(f"{self.account}-{person}")

    def told(self, person: str) -> list[str]:
        """What those messages say now."""
        return [message["versions"][-1] for message in self.shown(person)]

    def press(self, person: str, message_id: str, label: str) -> None:
        self.field.board.press(self.account, person, message_id, label)

    # ── life and death ───────────────────────────────────────────────────────────────────────────────────

    def start(self, kill_at: str = "", *, freeze_at: str = "", **env: str) -> None:
        about: dict[str, Any] = {"kill_at": kill_at, "freeze_at": freeze_at, "lease_s": self.lease_s}
        about["env"] = {**self.env, **env}
        said = str(self.log.with_suffix(".err"))
        self.child = self.field.start(config=str(self.config), log=str(self.log), said=said, **about)

    def revive(self) -> None:
        """See to it that a process runs."""
        if not self.alive:
            self.start()

    @property
    def frozen(self) -> bool:
        """Whether the process stands still at the boundary it was asked to freeze at."""
        return self.child is not None and self.child.frozen

    def thaw(self) -> None:
        assert self.child is not None
        self.child.send(signal.SIGCONT)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`botkit WORDS` in a process of its own."""
        argv = [sys.executable, "-m", "botkit.cli", *words]
        env = {**self.field.env, **self.env}
        return subprocess.run(argv, text=True, capture_output=True, cwd=self.folder, env=env, check=False, timeout=120)

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    def kill(self) -> None:
        if self.child is not None:
            self.child.send(signal.SIGKILL)
        self.until(lambda: not self.alive, "the process to be gone")

    def until(self, done: Any, what: str, timeout_s: float = 120.0) -> None:
        """Poll what other processes do; they cannot be awaited."""
        deadline = time.monotonic() + timeout_s
        failed = self.log.with_suffix(".failed")
        while not done():
            if failed.exists():
                error = failed.read_text()
                raise RuntimeError(f"a process of {self.folder.name} ended by an error of its own\n{error}")
            if time.monotonic() > deadline:
                errors = self.log.with_suffix(".err")
                said = errors.read_text()[-3000:] if errors.exists() else ""
                raise TimeoutError(f"waited {timeout_s} s for {what}; state: {self.counts()}\n{said}")
            time.sleep(0.01)

    def settled(self, messages: int, *, held: bool = False) -> bool:
        """Whether so many messages came and everything is dealt with; parts may be `held` for the operator."""
        counts = self.counts()
        if held:
            counts.pop("unknown", None)
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
        """Read the database from outside, by the database's own library."""
        if self.database:
            with psycopg.connect(self.database) as connection:
                return connection.execute(cast("LiteralString", sql)).fetchall()
        with sqlite3.connect(f"file:{self.home / 'botkit.db'}?mode=ro", uri=True, timeout=10) as db:
            rows = db.execute(sql).fetchall()
        db.close()
        return rows

    def counts(self) -> dict[str, int]:
        """What is there and what is not dealt with, as of one moment."""
        try:
            (found,) = self.ask(f"SELECT {', '.join(f'(SELECT count(*) FROM {what})' for what in COUNTED.values())}")
        except (sqlite3.Error, psycopg.Error):
            return {"unreadable": 1}
        return dict(zip(COUNTED, found, strict=True))

    def doubted(self) -> str:
        """The messages whose calls had an outcome that nobody knew, as text to look things up in."""
        asked = "SELECT event FROM inbox WHERE run_id IN (SELECT run_id FROM waits WHERE kind = 'reconcile')"
        return "\n".join(str(row[0]) for row in self.ask(asked))

    def effects(self) -> list[str]:
        """In order, as the tool server wrote them down itself."""
        if not self.ledger.exists():
            return []
        return [json.loads(line)["text"] for line in self.ledger.read_text().splitlines()]

    def recorded(self) -> Counter[str]:
        """Effect → how often it happened."""
        return Counter(self.effects())

    def parts(self) -> dict[str, tuple[str, str]]:
        """Part → its state and text."""
        return {row[0]: (row[1], row[2]) for row in self.ask("SELECT id, state, text FROM parts")}

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that a late process must not change any more."""
        return {
            "inbox": self.ask("SELECT id, outcome, done_at FROM inbox ORDER BY id"),
            "runs": self.ask("SELECT id, state, waiting_for, ended_at, output FROM runs ORDER BY id"),
            "steps": self.ask("SELECT run_id, key, state, ended_at FROM steps ORDER BY run_id, key"),
            "parts": self.ask("SELECT id, state, text, message_id FROM parts ORDER BY id"),
            "waits": self.ask("SELECT id, state, decided_at FROM waits ORDER BY id"),
            "transcript": self.ask("SELECT seq, role, text FROM transcript ORDER BY seq"),
        }

    def unknown_parts(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT text FROM parts WHERE state = 'unknown'")]

    def resent_parts(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT text FROM parts WHERE attempts > 1")]

    def reconciling(self) -> int:
        return self.ask("SELECT count(*) FROM waits WHERE kind = 'reconcile' AND state = 'open'")[0][0]
