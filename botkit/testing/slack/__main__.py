"""`python -m botkit.testing.slack --port 9130`: the fake as a process of its own.

Prints one JSON line with `api_base`, the tokens, the signing secret and `control` when it listens, then serves until
SIGTERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from botkit.testing.control import serve_fake
from botkit.testing.slack.control import mount_control
from botkit.testing.slack.server import FakeSlack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m botkit.testing.slack", description="A local Slack.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 picks a free one")
    parser.add_argument("--team", default="T01", help="id of the workspace")
    parser.add_argument("--request-url", default="", help="post events here, signed, instead of through a socket")
    args = parser.parse_args()

    def make() -> tuple[FakeSlack, Callable[[], dict[str, Any]]]:
        fake = FakeSlack(port=args.port, team=args.team)
        fake.post_to(args.request_url)
        mount_control(fake)
        secrets = {"bot_token": fake.bot_token, "app_token": fake.app_token, "signing_secret": fake.signing_secret}
        return fake, lambda: secrets

    serve_fake(make)


if __name__ == "__main__":
    main()
