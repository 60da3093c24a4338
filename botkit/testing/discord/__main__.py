"""`python -m botkit.testing.discord --port 9120`: the fake as a process of its own.

Prints one JSON line with `api_base`, `token`, `public_key` and `control` when it listens, then serves until SIGTERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from botkit.testing.control import serve_fake
from botkit.testing.discord.control import mount_control
from botkit.testing.discord.server import FakeDiscord


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.discord", description="A local Discord.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--token", default="fake-discord-token", help="the only accepted bot token")
    parser.add_argument("--buckets", action="store_true", help="enforce rate limits")
    args = parser.parse_args()

    def make() -> tuple[FakeDiscord, Callable[[], dict[str, Any]]]:
        fake = FakeDiscord(port=args.port, token=args.token, buckets=args.buckets)
        mount_control(fake)
        return fake, lambda: {"token": fake.token, "public_key": fake.public_key}

    serve_fake(make)


if __name__ == "__main__":
    main()
