"""What to do so that a chat appears on a web site."""

from __future__ import annotations

__all__ = ["web_snippet", "web_steps"]

from html import escape

from botkit.app.names import webhook_url
from botkit.core.config import WebChannel


def web_snippet(base_url: str, channel: str) -> str:
    """The line that a site's pages get."""
    src = escape(f"{webhook_url(base_url, 'web', channel)}/widget.js")
    return f'<script src="{src}" data-channel="{escape(channel)}" async></script>'


def web_steps(config: WebChannel, channel: str, base_url: str) -> list[str]:
    """In order; `base_url` is where browsers reach this instance."""
    steps: list[str] = []
    if not config.allowed_origins:
        steps.append(
            f"List the sites that may show it: channels.{channel}.allowed_origins: [https://www.example.com]. "
            "Until then every request of a browser is refused."
        )
    where = ", ".join(config.allowed_origins) or "your site"
    steps.append(f"Put this line into the pages of {where}: {web_snippet(base_url, channel)}")
    steps.append(f"Where a page has a Content-Security-Policy, add {base_url} to script-src, connect-src and img-src.")
    if config.identity_secret is not None:
        steps.append(
            f"Let the site's backend sign who is logged in with {config.identity_secret.secret}, and give the token to "
            'the line as data-identity="…", or the address of an endpoint that returns it as data-identity-url="…".'
        )
    return steps
