"""`python -m botkit.testing.discord --port 9120`: the fake as a process of its own.

Prints one JSON line with `api_base`, `token`, `public_key` and `control` when it listens, then serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from botkit.testing.discord.control import mount_control
from botkit.testing.discord.server import FakeDiscord


async def serve(port: int, token: str, *, buckets: bool) -> None:
    fake = FakeDiscord(port=port, token=token, buckets=buckets)
    mount_control(fake)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with fake:
        line = {"api_base": fake.api_base, "token": fake.token, "public_key": fake.public_key}
        sys.stdout.write(json.dumps({**line, "control": f"{fake.api_base}/_control"}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.discord", description="A local Discord.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--token", default="fake-discord-token", help="the only accepted bot token")
    parser.add_argument("--buckets", action="store_true", help="enforce rate limits")
    args = parser.parse_args()
    asyncio.run(serve(args.port, args.token, buckets=args.buckets))


if __name__ == "__main__":
    main()
