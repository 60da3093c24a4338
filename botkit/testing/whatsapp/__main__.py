"""`python -m botkit.testing.whatsapp --provider twilio --port 9130`: the fake as a process of its own.

Prints one JSON line with `api_base`, `control` and what the channel needs when it listens, then serves until SIGTERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from botkit.testing.control import serve_fake
from botkit.testing.whatsapp.cloud import FakeCloud
from botkit.testing.whatsapp.control import mount_control
from botkit.testing.whatsapp.twilio import FakeTwilio


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.whatsapp", description="A local WhatsApp.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--provider", choices=("cloud", "twilio"), default="cloud", help="whose API is spoken")
    parser.add_argument("--hook", default="", help="where webhooks are posted; `post_to` says it later")
    parser.add_argument("--public", default="https://bots.example/hook", help="the address Twilio signs for")
    parser.add_argument("--statuses", action="store_true", help="report what was sent and delivered")
    args = parser.parse_args()

    def make() -> tuple[FakeCloud | FakeTwilio, Callable[[], dict[str, Any]]]:
        options: dict[str, Any] = {"port": args.port, "statuses": args.statuses}
        fake = FakeCloud(**options) if args.provider == "cloud" else FakeTwilio(public=args.public, **options)
        mount_control(fake)
        if args.hook:
            fake.post_to(args.hook)
        return fake, lambda: fake.account

    serve_fake(make)


if __name__ == "__main__":
    main()
