"""OpenAI's embeddings: what the API accepts, refuses and sends.

The vectors are made here, the same on every machine: each word is a direction by its hash, a text the sum of its
words. Words that are given one concept are one direction, which is all the meaning there is.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

__all__ = ["EmbeddingDesk", "toy_vector"]

import hashlib
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from botkit.core.ranking import words_of
from botkit.core.tokens import estimate_tokens
from botkit.testing.llm_servers.openai_wire import OpenAIWire
from botkit.testing.llm_servers.script import Status
from botkit.testing.llm_servers.wire import Request

_KEYS = frozenset({"model", "input", "encoding_format", "dimensions", "user"})
_INPUTS, _INPUT_CHARS = 2048, 8191 * 4


def toy_vector(text: str, concepts: Mapping[str, str] | None = None, dimensions: int = 64) -> list[float]:
    """A vector of length 1; of a text without words the first direction."""
    total = [0.0] * dimensions
    for word in words_of(text):
        meant = (concepts or {}).get(word, word)
        for begin in range(0, dimensions, 16):
            digest = hashlib.blake2b(f"{begin} {meant}".encode(), digest_size=32).digest()
            for number in range(min(16, dimensions - begin)):
                pair = digest[2 * number : 2 * number + 2]
                total[begin + number] += int.from_bytes(pair, "big") / 32767.5 - 1
    length = math.sqrt(sum(number * number for number in total))
    return [number / length for number in total] if length else [1.0, *[0.0] * (dimensions - 1)]


@dataclass
class EmbeddingDesk:
    """The endpoint.

    Args:
        arrived: is told of every request.
    """

    arrived: Callable[[Request], None]
    concepts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Word (in the singular, lower case) → what it means; a word that is not here means itself."""
    failures: deque[Status] = field(default_factory=deque[Status])
    """What the next requests are refused with, in order."""
    down: Status | None = None
    """What all requests are refused with."""

    async def embed(self, http: HttpRequest) -> Response:
        """`POST /v1/embeddings`."""
        body: Any = await http.json()
        client = http.client
        request = Request(
            "openai",
            http.url.path.removeprefix("/openai"),
            dict(http.headers),
            dict(http.query_params),
            body,
            connection=(client.host, client.port) if client is not None else ("", 0),
        )
        self.arrived(request)
        problem = _problem(body)
        if problem:
            request.refusal = problem
            return self._refused(Status(400, message=problem))
        failure = self.down or (self.failures.popleft() if self.failures else None)
        if failure is not None:
            return self._refused(failure)
        texts = cast("list[str]", [body["input"]] if isinstance(body["input"], str) else body["input"])
        dimensions = int(body.get("dimensions", 64))
        rows = [
            {"object": "embedding", "index": number, "embedding": toy_vector(text, self.concepts, dimensions)}
            for number, text in enumerate(texts)
        ]
        tokens = sum(map(estimate_tokens, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": rows, "model": body["model"], "usage": usage})

    def _refused(self, step: Status) -> Response:
        headers = {} if step.retry_after_s is None else {"retry-after": f"{step.retry_after_s:g}"}
        body = OpenAIWire().render_error(step.code, step.message, step.retry_after_s)
        return JSONResponse(body, status_code=step.code, headers=headers)


def _problem(body: Any) -> str:
    """Why the API would refuse the request; empty when it would not."""
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    given = cast("dict[str, Any]", body)
    if unknown := set(given) - _KEYS:
        return f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}"
    if not given.get("model"):
        return "you must provide a model parameter"
    if given.get("encoding_format", "float") not in ("float", "base64"):
        return "'encoding_format' must be 'float' or 'base64'"
    value = given.get("input")
    texts = cast("list[Any]", value if isinstance(value, list) else [value])
    if not texts or len(texts) > _INPUTS:
        return f"'input' has 1 to {_INPUTS} items"
    if not all(isinstance(text, str) and text for text in texts):
        return "'$.input' is invalid: input cannot be an empty string"
    if any(len(text) > _INPUT_CHARS for text in texts):
        return "This model's maximum context length is 8192 tokens"
    return ""
