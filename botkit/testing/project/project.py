"""An instance of a project in a process of its own, as it runs in production, on fake platforms."""

from __future__ import annotations

__all__ = ["LINE_LIMIT_BYTES", "Project", "Running", "Weather"]

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from botkit.testing.llm import Call, FakeLLM, Reply, Step
from botkit.testing.project.chats import Chat
from botkit.testing.project.platforms import PLATFORMS, PUBLIC_URL
from botkit.testing.project.settings import ProjectSettings, lay_out

LINE_LIMIT_BYTES = 2**22
"""Of the log."""
_LOG_LINES = 40
_STOP_WITHIN_S = 30.0
_DEMO = {"model": "demo/offline"}


class Running(Protocol):
    """A process, as `asyncio` shows it."""

    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    @property
    def returncode(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...


class Weather:
    """The same orders to every platform of a project; see `botkit.testing.faults`."""

    def __init__(self, chats: Callable[[], Iterable[Chat]]):
        self._chats = chats

    def __getattr__(self, name: str) -> Callable[..., None]:
        def order(*args: Any, **words: Any) -> None:
            for chat in self._chats():
                getattr(chat.fake, name)(*args, **words)

        return order


class Project:
    """Enter it, ask for platforms with `on`, and talk: it starts when the first person acts.

    Its database is empty, its data goes to a temporary folder, its files are the project's own.
    """

    def __init__(self, settings: ProjectSettings):
        self.settings = settings
        self.weather = Weather(lambda: self._chats.values())
        self.url = ""
        """Of the running instance."""
        self._chats: dict[str, Chat] = {}
        self._process: Running | None = None
        self._reading: asyncio.Task[None] | None = None
        self._llm: FakeLLM | None = None if isinstance(settings.model, str) else FakeLLM()
        self._listens = False
        self._states: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._starting = asyncio.Lock()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._channels: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="botkit-project-")
        if self._llm is not None:
            await self._llm.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        for chat in self._chats.values():
            await chat.fake.__aexit__(None, None, None)
        if self._llm is not None:
            await self._llm.__aexit__(kind, error, trace)
        self._folder.cleanup()

    @property
    def llm(self) -> FakeLLM:
        """The scripted model: `project.llm.requests` is what it was asked, `project.llm.say(…)` adds an answer."""
        assert self._llm is not None, "no model is scripted: give `model=[…]` in the settings"
        return self._llm

    async def on(self, platform: str) -> Any:
        """The chat of a platform: `telegram`, `discord`, `slack` or `whatsapp`. Before the project starts."""
        if platform not in self._chats:
            assert self._process is None, f"ask for {platform} before anybody acts"
            chat = PLATFORMS[platform]()
            await chat.fake.__aenter__()
            chat.ready, chat.log = self.start, self.log
            self._chats[platform] = chat
        return self._chats[platform]

    # --- the process ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run it, unless it runs; returns once its channels are connected.

        Raises:
            AssertionError: it ended or was not ready in time, with the end of its log.
        """
        async with self._starting:
            if self._process is None:
                await self._start()

    async def revive(self) -> None:
        """Start it again if it died, as whoever supervises it in production does.

        Raises:
            AssertionError: as `start`.
        """
        async with self._starting:
            if self._process is not None and self._process.returncode is not None:
                await self.kill()
                await self._start()

    async def stop(self) -> None:
        """Stop it as an operator does. The next deed of a person starts it again, with what it has stored."""
        await self._end(lambda process: process.terminate())

    async def kill(self) -> None:
        """End it without a word, as a power cut does."""
        await self._end(lambda process: process.kill())

    def log(self) -> str:
        """The last lines it logged."""
        return "\n".join(f"  {line}" for line in self._log)

    async def _start(self) -> None:
        work = Path(self._folder.name) / "project"
        variables = self._prepare(work)
        self._listens, self._states = False, {}
        self._process = await self._launch(work, variables)
        assert self._process.stderr is not None
        self._reading = asyncio.create_task(self._read(self._process.stderr), name="project under test")
        deadline = asyncio.get_running_loop().time() + self.settings.ready_within_s
        while not self._works():
            self._changed.clear()
            left_s = deadline - asyncio.get_running_loop().time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(left_s, 0.01)):
                    await self._changed.wait()
            if left_s <= 0 or self._reading.done():
                raise AssertionError(f"the project did not start: {self._states}\n{self.log()}")
        for platform, chat in self._chats.items():
            chat.connected(self.url, self._channels[platform])

    async def _launch(self, work: Path, variables: dict[str, str]) -> Running:
        """`botkit run` in that folder, with its standard error in a pipe."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "botkit.cli", "run"),
            cwd=work,
            env=variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )

    def _works(self) -> bool:
        """It listens, and all its channels of platforms are connected."""
        return self._listens and all(self._states.get(name) == "ok" for name in self._channels.values())

    def _prepare(self, work: Path) -> dict[str, str]:
        """Lay the project out, once; the environment of its process."""
        channels: dict[str, dict[str, Any]] = {}
        variables = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
        for platform, chat in self._chats.items():
            channels[platform], secrets = chat.channel()
            variables |= secrets
        if not work.exists():
            self._channels = lay_out(
                self.settings, work, channels, self._model(), lambda platform, who: self._chats[platform].identity(who)
            )
        return variables | {
            "BOTKIT_HOME": str(Path(self._folder.name) / "home"),
            "BOTKIT_PORT": "0",
            "BOTKIT_PUBLIC_URL": PUBLIC_URL,
            "KIT_MODEL": "scripted",
            **self.settings.variables,
        }

    def _model(self) -> dict[str, Any] | None:
        match self.settings.model:
            case "as written":
                return None
            case "demo":
                return _DEMO
            case answers:
                self.llm.queue(*(_step(answer) for answer in answers))
                key = {"secret": "KIT_MODEL"}
                return {"model": "openai/scripted", "api_base": self.llm.openai_url, "api_key": key}

    async def _read(self, stream: asyncio.StreamReader) -> None:
        """Keep the log, and notice what is ready."""
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip()
            self._heard(text)
            if text.startswith("{") and text.endswith("}"):  # a kill may leave half a line
                self._note(json.loads(text))
        self._changed.set()

    def _heard(self, line: str) -> None:
        """It logged this."""
        self._log.append(line)

    def _note(self, entry: dict[str, Any]) -> None:
        match entry.get("event"):
            case "ready":
                self.url = str(entry["address"]).rstrip("/")
                self._listens = True
                for name, state in entry["channels"].items():  # what a channel said of itself since is newer
                    self._states.setdefault(str(name), str(state))
            case "channel_health":
                self._states[str(entry["channel"])] = str(entry["state"])
            case _:
                return
        self._changed.set()

    async def _end(self, ask: Callable[[Running], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            ask(process)
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading


def _step(answer: Any) -> Step:
    match answer:
        case str():
            return Reply(answer)
        case Call():
            return Reply(calls=(answer,))
        case _:
            return answer
