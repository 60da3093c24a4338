"""A small process that stands between botkit and a server's command, so that nothing outlives botkit.

    python -I -S launcher.py CONTROL_FD GRACE_S LIMITS -- PROGRAM ARG…

`CONTROL_FD` is the reading end of a pipe whose only writing end is in botkit. While it is open the launcher
sleeps. A byte `T` asks the server to end (SIGTERM to its group). When the pipe closes, because botkit stopped
the server or because botkit itself was killed in whatever way, everything the server ever started is ended:
SIGTERM, `GRACE_S` seconds, SIGKILL. The same happens to what a server leaves behind when it exits by itself.

On Linux the launcher is the *subreaper* of all that runs below it: a process that puts itself into another session
or forks twice becomes the launcher's child, where it is found and killed. Elsewhere the process group must do.

`LIMITS` is `-` or `memory=BYTES,cpu=SECONDS`. The launcher exits with the server's status; 127 and 126 mean that the
program was not found or cannot be run.

Runs by itself with the standard library: it must start in milliseconds and hold little memory.

Source: https://man7.org/linux/man-pages/man2/pr_set_child_subreaper.2const.html
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import time
from typing import NoReturn

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    """Ask the Linux kernel; elsewhere and in locked-down containers nothing happens."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _run(argv: list[str], limits: str, launcher: int) -> NoReturn:
    """In the child: become the server."""
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # if somebody kills the launcher, of all processes
        if os.getppid() != launcher:
            os._exit(1)
        for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(name, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for limit in limits.split(",") if limits != "-" else ():
            name, _, value = limit.partition("=")
            if name == "memory":
                resource.setrlimit(resource.RLIMIT_AS, (int(value), int(value)))
            elif name == "cpu":
                resource.setrlimit(resource.RLIMIT_CPU, (int(value), int(value) + 5))
        os.execvp(argv[0], argv)  # noqa: S606 - argv only, no shell: that is the point
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be run: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _descendants(root: int) -> list[int]:
    """Every living process below `root`, from /proc; empty where there is none."""
    children: dict[int, list[int]] = {}
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - pathlib would triple the start-up time
    except OSError:
        return []
    for entry in entries:
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - as above
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                children.setdefault(int(parent), []).append(int(entry))
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


class _Watch:
    def __init__(self, control: int, grace_s: float, child: int):
        self.control = control
        self.grace_s = grace_s
        self.child = child
        self.status: int | None = None
        """Wait status of the server, once it ended."""
        self.wake, wake_in = os.pipe()
        for fd in (self.wake, wake_in):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)

    def reap(self) -> None:
        """Collect whatever ended: the server, and orphans that became ours."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.child:
                    self.status = status

    def signal_all(self, number: int) -> bool:
        """Send a signal to the server's group and to everything below us. False when nothing is left."""
        left = False
        if self.status is None or sys.platform != "linux":  # afterwards the number may belong to somebody else
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child, number)
                left = True
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
                left = True
        return left

    def sleep(self, seconds: float | None) -> bytes | None:
        """Wait for a signal or for botkit. Returns what botkit wrote; `b""` when the pipe closed."""
        fds = [self.wake] if self.control < 0 else [self.wake, self.control]
        ready, _, _ = select.select(fds, [], [], seconds)
        if self.wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake, 512)
        self.reap()
        if self.control not in ready:
            return None
        word = os.read(self.control, 512)
        if not word:
            self.control = -1
        return word

    def run(self) -> None:
        """Until the server ended or the pipe closed."""
        self.reap()  # it may have ended before the wake-up pipe existed
        while self.status is None and self.control >= 0:
            word = self.sleep(None)
            if word and self.status is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.child, signal.SIGTERM)

    def clear(self) -> None:
        """End everything that is left: politely, then not."""
        deadline = time.monotonic() + self.grace_s
        if self.signal_all(signal.SIGTERM):
            while _descendants(os.getpid()) or self.status is None:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self.sleep(min(0.05, remaining))
        for _ in range(200):  # something may fork while we kill; ten seconds is patience enough
            if not self.signal_all(signal.SIGKILL) and self.status is not None:
                return
            self.sleep(0.05)


def _noticed(number: int, frame: object) -> None:
    """The wake-up pipe of `_Watch` does the work; a signal only must not end us."""


def main(arguments: list[str]) -> int:
    """Run the program of the command line and return its status."""
    control, grace_s, limits = int(arguments[0]), float(arguments[1]), arguments[2]
    argv = arguments[4:]
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(name, _noticed)
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(control)
        _run(argv, limits, launcher)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)  # both sides do it, so that neither has to wait
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)  # only the server holds the pipes, so they close when it ends
    watch = _Watch(control, grace_s, child)
    watch.run()
    watch.clear()
    code = os.waitstatus_to_exitcode(watch.status) if watch.status is not None else -signal.SIGKILL
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
