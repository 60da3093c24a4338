"""Logging: one event with fields per line, JSON in `run`, readable in `dev`, secrets never.

What other libraries log goes the same way.
"""

from __future__ import annotations

__all__ = ["LogFormat", "set_up_logging"]

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import IO, Any, Literal, cast

import structlog

LogFormat = Literal["json", "pretty"]
Redact = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]
"""A structlog processor, such as `SecretRedactor.process`."""

_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx2": logging.WARNING,
    "aiogram.event": logging.WARNING,
    "LiteLLM": logging.WARNING,
    "mcp": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "watchfiles": logging.WARNING,
    "asyncio": logging.INFO,
    "alembic": logging.WARNING,
}
"""Loggers that say at INFO what our own lines say better, some with URLs that carry tokens."""


def set_up_logging(
    style: LogFormat, *, level: str = "info", redact: Redact | None = None, stream: IO[str] | None = None
) -> None:
    """Send every log line of the process to `stream` (standard error), redacted.

    Calling it again replaces the former set-up.
    """
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if style == "json"
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        structlog.processors.StackInfoRenderer(),
        _exception_text,
    ]
    if redact is not None:
        shared.append(redact)
    render = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=_is_terminal(out), exception_formatter=_plain_exception)
    )
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast("Any", out)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO) if number > logging.DEBUG else logging.INFO)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, number))
    logging.captureWarnings(capture=True)


def _exception_text(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tracebacks as text, so that redaction sees them."""
    return structlog.processors.format_exc_info(logger, name, event)


def _plain_exception(stream: Any, exc_info: Any) -> None:
    stream.write("\n" + structlog.processors.ExceptionPrettyPrinter().format_exception(exc_info))  # type: ignore[attr-defined]


def _is_terminal(stream: Any) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())
