"""What LiteLLM and the libraries below it raise, as errors of ours.

Source: https://docs.litellm.ai/docs/exception_mapping
"""

from __future__ import annotations

__all__ = ["translate"]

import re

from botkit.agents.model_target import Target
from botkit.core.errors import ModelError, ModelRateLimited, ModelRefused, ModelUnavailable

_MESSAGE_CHARS = 300
_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window)|maximum context|prompt is too long|input is too long|too many tokens|"
    r"input token count.{0,40}exceeds|request too large",
    re.IGNORECASE,
)
_RETRY_DELAY = re.compile(r"retryDelay\W{1,8}(\d+(?:\.\d+)?)s")
_OVERLOADED = 529


def translate(error: Exception, target: Target) -> ModelError:
    """An error of LiteLLM, or of what is below it, as one of ours. Never contains the key."""
    original = getattr(error, "original_exception", None)
    cause = original if isinstance(original, Exception) else error
    status = getattr(cause, "status_code", None)
    detail = _detail(cause, target)
    kind = type(cause).__name__
    retry_after_s = _retry_after_s(cause, error)
    if status == 429 or kind == "RateLimitError":
        return ModelRateLimited(
            f"{target.name} is rate limited: {detail}", retry_after_s=retry_after_s, model=target.name
        )
    if kind == "ContextWindowExceededError" or (_is_refusal(status) and _TOO_LONG.search(detail)):
        return ModelRefused(
            f"The conversation is too long for {target.name}: {detail}", model=target.name, too_long=True
        )
    if status in (401, 403):
        return ModelRefused(
            f"{target.name} refused the key. Check `models` in bots.yaml and its secret, or the provider's "
            f"environment variable: {detail}",
            model=target.name,
        )
    if status == 404:
        return ModelRefused(f"The provider does not know {target.name}: {detail}", model=target.name)
    if _is_refusal(status) and kind not in ("Timeout", "APIConnectionError", "APITimeoutError"):
        return ModelRefused(f"{target.name} refused the request: {detail}", model=target.name)
    if status == _OVERLOADED:
        return ModelRateLimited(
            f"{target.name} is overloaded: {detail}", retry_after_s=retry_after_s, model=target.name
        )
    return ModelUnavailable(f"{target.name} did not answer: {detail}", retry_after_s=retry_after_s, model=target.name)


def _is_refusal(status: object) -> bool:
    return isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429)


def _detail(error: Exception, target: Target) -> str:
    """The provider's words, short and without the key."""
    text = str(getattr(error, "message", None) or error)
    if target.api_key:
        text = text.replace(target.api_key, "[key]")
    text = re.sub(r"\b(?:sk|key|AIza)[-_]?[\w-]{12,}", "[key]", text)
    text = " ".join(text.split())
    return f"{text[:_MESSAGE_CHARS]}…" if len(text) > _MESSAGE_CHARS else text


def _retry_after_s(*errors: Exception) -> float | None:
    """Seconds the provider asked to wait: the header, or Google's `RetryInfo` in the body."""
    for error in errors:
        response = getattr(error, "response", None)
        for headers in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
            value = headers.get("retry-after") if headers else None
            try:
                return max(0.0, float(value)) if value else None
            except ValueError:
                continue  # an HTTP date: rare, and our own backoff is good enough
        named = _RETRY_DELAY.search(str(error))
        if named:
            return float(named[1])
    return None
