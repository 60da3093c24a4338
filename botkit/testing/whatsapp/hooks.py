"""Webhooks over HTTP: what a fake posts to a bot in another process, and what it fetches from there."""

from __future__ import annotations

__all__ = ["HttpHook"]

from urllib.parse import urlsplit

import aiohttp

from botkit.sdk.adapter import HttpRequest


class HttpHook:
    """Posts to one address, whatever public one the webhooks were signed for.

    Args:
        address: where the bot listens, such as `http://127.0.0.1:8080/api/bots/webhook/whatsapp/shop`.
    """

    def __init__(self, address: str):
        self.address = address
        parts = urlsplit(address)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._session = aiohttp.ClientSession(auto_decompress=False)

    async def __call__(self, webhook: HttpRequest) -> int:
        """The status the bot answered with."""
        query = urlsplit(webhook.url).query
        address = f"{self.address}?{query}" if query else self.address
        async with self._session.post(address, data=webhook.body, headers=dict(webhook.headers)) as answer:
            await answer.read()
            return answer.status

    async def fetch(self, url: str) -> bytes | None:
        """What the bot serves under a public address; None where it serves nothing."""
        parts = urlsplit(url)
        async with self._session.get(f"{self._base}{parts.path}?{parts.query}") as answer:
            return await answer.read() if answer.status == 200 else None

    async def close(self) -> None:
        await self._session.close()
