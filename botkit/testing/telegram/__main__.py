"""`python -m botkit.testing.telegram --port 9110`: the fake as a process of its own.

Prints one JSON line with `api_base`, `token` and `control` when it listens, then serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from botkit.testing.telegram.control import mount_control
from botkit.testing.telegram.server import FakeTelegram


async def serve(port: int, token: str, *, privacy_mode: bool) -> None:
    fake = FakeTelegram(port=port, token=token, privacy_mode=privacy_mode)
    mount_control(fake)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with fake:
        line = {"api_base": fake.api_base, "token": fake.token, "control": f"{fake.api_base}/_control"}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.telegram", description="A local Telegram Bot API.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--token", default="4242:fake-telegram-token", help="the only accepted bot token")
    parser.add_argument("--privacy-mode", action="store_true", help="in groups, hear only what concerns the bot")
    args = parser.parse_args()
    asyncio.run(serve(args.port, args.token, privacy_mode=args.privacy_mode))


if __name__ == "__main__":
    main()
