"""`python -m botkit.testing.telegram --port 9110`: the fake as a process of its own.

Prints one JSON line with `api_base`, `token` and `control` when it listens, then serves until SIGTERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from botkit.testing.control import serve_fake
from botkit.testing.telegram.control import mount_control
from botkit.testing.telegram.server import FakeTelegram


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.telegram", description="A local Telegram Bot API.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--token", default="4242:fake-telegram-token", help="the only accepted bot token")
    parser.add_argument("--privacy-mode", action="store_true", help="in groups, hear only what concerns the bot")
    args = parser.parse_args()

    def make() -> tuple[FakeTelegram, Callable[[], dict[str, Any]]]:
        fake = FakeTelegram(port=args.port, token=args.token, privacy_mode=args.privacy_mode)
        mount_control(fake)
        return fake, lambda: {"token": fake.token}

    serve_fake(make)


if __name__ == "__main__":
    main()
