"""A trace goes through: from the client's request to the server's, and into the call log."""

from __future__ import annotations

import json
from typing import Any

from botkit.core.tracing import traceparent
from tests.gateway.serving.support import House, initialized

THEIRS = f"00-{'a' * 32}-{'b' * 16}-01"
META: dict[str, Any] = {"name": "raw__meta", "arguments": {}}


async def test_the_span_of_a_call_is_what_its_server_is_told(house: House) -> None:
    await house.bench.start(house.bench.raw())
    house.bench.gateway._relay_trace = True  # pyright: ignore[reportPrivateUsage]  # as if spans were exported
    async with house.http() as http:
        text = (await house.modern(http, "tools/call", {**META, "_meta": {"traceparent": THEIRS}})).text
        await initialized(http)
        await house.rpc(http, "tools/call", META)
    await house.door.stop()
    joined, own = house.bench.log.records
    assert (joined.trace_id, joined.parent_span) == ("a" * 32, "b" * 16)
    assert traceparent(joined.trace_id, joined.id) in text
    assert THEIRS not in text
    assert (own.trace_id[:4], own.parent_span) == ("trc_", "")


async def test_a_header_names_the_trace_where_the_request_does_not(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        for send in (house.modern, house.rpc):
            answer = await send(http, "tools/call", META, traceparent=THEIRS)
            assert THEIRS in json.dumps(answer.json())
        other = f"00-{'c' * 32}-{'d' * 16}-01"
        wins = await house.modern(http, "tools/call", {**META, "_meta": {"traceparent": other}}, traceparent=THEIRS)
        assert other in wins.text
        assert THEIRS not in wins.text
    await house.door.stop()
    assert [row.trace_id for row in house.bench.log.records] == ["a" * 32, "a" * 32, "c" * 32]
