"""Log lines: JSON or readable, ours and those of libraries, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from botkit.app.logs import set_up_logging
from botkit.gateway.redact import SecretRedactor

SECRET = "sk-very-secret-value"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as the other tests expect it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_json_lines_carry_event_level_time_and_fields() -> None:
    out = io.StringIO()
    set_up_logging("json", stream=out)
    structlog.get_logger().info("turn_done", run="r1", parts=[1, 2])
    structlog.get_logger().debug("unheard")
    (line,) = [json.loads(text) for text in out.getvalue().splitlines()]
    assert (line["event"], line["level"], line["run"], line["parts"]) == ("turn_done", "info", "r1", [1, 2])
    assert line["timestamp"].endswith("Z")


def test_libraries_log_the_same_way_and_not_too_much() -> None:
    out = io.StringIO()
    set_up_logging("json", stream=out)
    logging.getLogger("some.library").warning("it is %s", "slow")
    logging.getLogger("httpx").info("GET https://api.telegram.org/bot%s/getMe", SECRET)
    (line,) = [json.loads(text) for text in out.getvalue().splitlines()]
    assert (line["event"], line["level"], line["logger"]) == ("it is slow", "warning", "some.library")


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_secrets_do_not_reach_the_log_in_any_field_or_traceback(style: str) -> None:
    out = io.StringIO()
    set_up_logging("json" if style == "json" else "pretty", stream=out, redact=SecretRedactor([SECRET]).process)
    log = structlog.get_logger()
    log.info(" ".join(("called with", SECRET)), url=f"https://x/{SECRET}", nested={"list": [SECRET]})
    logging.getLogger("some.library").warning("token %s", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
        logging.getLogger("some.library").exception("failed too")
    text = out.getvalue()
    assert SECRET not in text
    assert text.count("ValueError") >= 2
