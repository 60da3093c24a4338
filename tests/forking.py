"""A process that has imported everything once and forks others from itself: real processes, started in no time."""

from __future__ import annotations

__all__ = ["Child", "Nursery", "serve", "tell_modules"]

import ctypes
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def serve(child: Callable[[dict[str, Any]], None]) -> None:
    """In the nursery: fork a child for each request, one JSON object a line with at least `log`; answers its pid.

    What a child says goes to the end of the file or pipe `said`. What ends it by an error of its own is written beside
    its log, as `.failed`. The file `modules`, if it is given and there, lists what to have loaded beforehand; see
    `tell_modules`. Children end with the nursery.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever died is collected at once
    libc = ctypes.CDLL(None)
    for line in sys.stdin:
        request = json.loads(line)
        _load(request.get("modules", ""))
        said = os.open(request["said"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        pid = os.fork()
        if pid == 0:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                os.setsid()
                os.dup2(said, 1)
                os.dup2(said, 2)
                os.close(said)
                child(request)
            except SystemExit as ended:
                os._exit(ended.code if isinstance(ended.code, int) else 0)
            except BaseException:
                Path(request["log"]).with_suffix(".failed").write_text(traceback.format_exc())
            finally:
                os._exit(1)
        os.close(said)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def tell_modules(file: Path) -> None:
    """In a child: let those that come after it have loaded what this one had to load until now."""
    if not file.exists():
        names = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None) is not None]
        whole = file.with_suffix(f".{os.getpid()}")
        whole.write_text("\n".join(names))
        whole.rename(file)


def _load(modules: str) -> None:
    if not modules or not Path(modules).exists():
        return
    for name in Path(modules).read_text().splitlines():
        if name not in sys.modules:
            with suppress(ImportError):  # made while running, or of one platform
                importlib.import_module(name)


class Child:
    """A process that somebody else collects.

    Held by a descriptor, not by its number: after its death the number may belong to anybody.
    """

    def __init__(self, pid: int):
        self.pid = pid
        self._fd = -1
        with suppress(ProcessLookupError):  # it is dead already
            self._fd = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        if self._fd >= 0 and select.select([self._fd], [], [], 0)[0]:
            os.close(self._fd)
            self._fd = -1
        return self._fd >= 0

    @property
    def frozen(self) -> bool:
        """Whether it stands still by SIGSTOP."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            return False
        return state == b"T" and self.alive

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it is dead."""
        if self.alive:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)


class Nursery:
    """A module that serves, in a process of its own.

    Args:
        module: run by `python -m`.
        env: of that process, and so of its children.
    """

    def __init__(self, module: str, *, root: Path, env: Mapping[str, str]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**env},
        )

    def start(self, **request: Any) -> Child:
        """Fork a child."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        return Child(int(answers.readline()))

    def close(self) -> None:
        """End it and everybody it forked."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
