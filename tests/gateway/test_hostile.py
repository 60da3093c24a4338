"""Servers that send what they should not: everything is bounded and explained, and nobody else is hurt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from botkit.core.tools import RESULT_LIMIT_BYTES
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.results import clean_result
from botkit.gateway.settings import Inject, Review
from tests.gateway.support import Bench, text_of


async def answer(bench: Bench, tool: str, **fields: Any) -> Any:
    await bench.start(bench.raw())
    return await bench.call(tool, **fields)


async def test_ten_megabytes_are_cut_aloud(bench: Bench) -> None:
    result = await answer(bench, "raw__huge")
    assert len(msgspec.json.encode(result.content)) <= RESULT_LIMIT_BYTES
    assert "[Cut: the result has 100000" in text_of(result)
    assert "Ask for less" in text_of(result)
    assert result.record.result_bytes > 10_000_000


async def test_a_line_beyond_all_measure_is_skipped_as_it_comes(bench: Bench) -> None:
    result = await answer(bench, "raw__gigantic")
    assert "is longer than 16777216 bytes" in text_of(result)
    assert result.unknown
    assert text_of(await bench.call("raw__echo", text="next")) == "next"


@pytest.mark.parametrize("depth", [200, 900, 5000, 200_000])
async def test_deep_nesting_is_no_danger(bench: Bench, depth: int) -> None:
    result = await answer(bench, "raw__deep", depth=depth)
    assert "nested" in text_of(result)
    assert len(msgspec.json.encode(result.content)) < 10_000
    assert text_of(await bench.call("raw__echo", text="next")) == "next"


async def test_invalid_utf8_is_replaced(bench: Bench) -> None:
    assert text_of(await answer(bench, "raw__invalid_utf8")) == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


async def test_control_and_invisible_characters_are_removed(bench: Bench) -> None:
    assert text_of(await answer(bench, "raw__control")) == (
        "red ok\ttab\nline evil hidden\n[Note: control or invisible characters were removed.]"
    )


async def test_parts_that_are_not_text_pass_and_nonsense_becomes_text(bench: Bench) -> None:
    result = await answer(bench, "raw__blocks")
    kinds = [block["type"] for block in result.content["content"]]
    assert kinds == ["image", "future", "text", "text", "text"]


async def test_thousands_of_parts_are_cut(bench: Bench) -> None:
    result = await answer(bench, "raw__many")
    assert len(result.content["content"]) == 1001
    assert "4000 of 5000 parts were left out" in text_of(result)


async def test_an_empty_answer_is_said(bench: Bench) -> None:
    assert text_of(await answer(bench, "raw__empty")) == "[Note: the server's answer held no content.]"


async def test_structured_content_alone_is_readable_too(bench: Bench) -> None:
    assert text_of(await answer(bench, "raw__structured")) == '{"answer":42}'


async def test_rubbish_around_an_answer_is_reported_and_passed_over(bench: Bench) -> None:
    with structlog.testing.capture_logs() as logs:
        result = await answer(bench, "raw__garbage")
    assert text_of(result) == "done"
    assert len([log for log in logs if log["event"] == "server_misbehaved"]) == 5


@pytest.mark.parametrize(("tool", "reason"), [("bad_json", "is not JSON"), ("not_an_object", "is not an object")])
async def test_an_unreadable_answer_ends_its_call_at_once_with_an_unknown_effect(
    bench: Bench, tool: str, reason: str
) -> None:
    result = await answer(bench, f"raw__{tool}")
    assert reason in text_of(result)
    assert (result.unknown, result.record.status) == (True, "error")


async def test_an_unreadable_answer_of_a_repeatable_tool_is_only_an_error(bench: Bench) -> None:
    await bench.start(bench.raw(), reviews={"raw__bad_json": Review(tool_class="read-only")})
    assert not (await bench.call("raw__bad_json")).unknown


async def test_an_answer_with_a_wrong_id_is_explained_at_the_deadline(bench: Bench) -> None:
    await bench.start(bench.raw(timeout_s=2))
    result = await bench.call("raw__wrong_id")
    assert "it mixes up ids" in text_of(result)
    assert result.unknown


async def test_an_id_given_back_as_text_is_understood(bench: Bench) -> None:
    assert text_of(await answer(bench, "raw__string_id")) == "done"


async def test_a_flood_of_progress_is_bounded(bench: Bench) -> None:
    await bench.start(bench.raw())
    events: list[Any] = []
    async for event in bench.gateway.call(bench.request("raw__flood")):
        if not events:
            await bench.call("raw__echo", text="a reader slower than the server")
        events.append(event)
    assert len(events) < 20_000
    assert text_of(events[-1]) == "done"


async def test_text_before_the_protocol_is_no_obstacle(bench: Bench) -> None:
    await bench.start(bench.raw("noise"))
    assert text_of(await bench.call("raw__echo", text="hi")) == "hi"


async def test_bad_definitions_hide_only_themselves(bench: Bench) -> None:
    await bench.start(bench.raw("bad-tools"))
    names = await bench.names()
    assert names[0] == "raw__echo"
    assert names[1].startswith("raw__ok_dotted_")
    assert names[2:] == ["raw__bare"]
    (status,) = bench.gateway.status()
    assert len(status.left_out) == 11
    reasons = "\n".join(status.left_out)
    for reason in ("not an object", "name is missing", "taken by an earlier", "Retrieval is disabled", "64 KiB"):
        assert reason in reasons
    tools = {tool.name: tool for tool in await bench.gateway.list_tools("main", bench.request("x").principal)}
    assert tools[names[1]].upstream_name == "ok.dotted"
    assert tools[names[1]].description == "ab"


async def test_a_list_in_pages_is_read_to_its_end(bench: Bench) -> None:
    await bench.start(bench.raw("paged"))
    assert len(await bench.names()) == 32


async def test_lines_of_standard_error_are_bounded_and_redacted(bench: Bench) -> None:
    await bench.vault.put("instance", "TOKEN", "canary-4711")
    await bench.start(bench.raw(inject=(Inject(secret="TOKEN"),)))
    with structlog.testing.capture_logs() as logs:
        await bench.call("raw__leak")
        await bench.call("raw__stderr")
        await bench.call("raw__echo", text="x")
    said = [log["line"] for log in logs if log["event"] == "server_said"]
    assert "debug [redacted]" in said
    assert "canary" not in str(logs)
    assert len(said) <= 120
    assert [log for log in logs if log["event"] == "server_silenced"]


class TestCleaning:
    def clean(self, raw: dict[str, Any], limit_bytes: int = 1000) -> dict[str, Any]:
        result, _ = clean_result(raw, limit_bytes=limit_bytes, redactor=SecretRedactor(["sk-secret"]))
        return result

    def test_a_small_result_is_what_it_was(self) -> None:
        raw = {"content": [{"type": "text", "text": "hi", "annotations": {"audience": ["user"]}}], "_meta": {"a": 1}}
        assert self.clean(raw) == raw

    def test_a_cut_keeps_the_beginning_whole_characters_and_the_error_mark(self) -> None:
        result = self.clean(
            {"content": [{"type": "text", "text": "ü" * 5000}], "isError": True, "structuredContent": 1}
        )
        assert len(msgspec.json.encode(result)) <= 1100
        assert result["content"][0]["text"].strip("ü") == ""
        assert result["isError"] is True
        assert "structuredContent" not in result

    def test_a_file_too_large_is_named_and_the_text_kept(self) -> None:
        image = {"type": "image", "data": "x" * 5000, "mimeType": "image/png"}
        blocks = self.clean({"content": [image, {"type": "text", "text": "see picture"}]})["content"]
        assert [block["text"] for block in blocks[:2]] == ["[image left out: too large]", "see picture"]

    def test_a_secret_is_gone_before_anything_is_cut(self) -> None:
        text = "x" * 895 + "sk-secret" + "y" * 5000
        assert "sk-" not in str(self.clean({"content": [{"type": "text", "text": text}]}))

    def test_half_a_surrogate_pair_is_no_obstacle(self) -> None:
        assert self.clean({"content": [{"type": "text", "text": "a\ud800b"}]})["content"][0]["text"].startswith("a")

    @pytest.mark.parametrize("content", [None, 3, "text", {"type": "text"}, [None, 3, {"type": 4}]])
    def test_any_content_becomes_a_list_of_parts(self, content: Any) -> None:
        blocks = self.clean({"content": content})["content"]
        assert all(isinstance(block["type"], str) for block in blocks)


async def test_a_crash_in_a_call_is_seen_by_no_other_server(bench: Bench, tmp_path: Path) -> None:
    await bench.start(bench.raw(), bench.raw(name="other"))
    calls = [bench.call("other__echo", text=str(n)) for n in range(20)]
    results = await asyncio.gather(bench.call("raw__crash"), *calls)
    assert results[0].unknown
    assert [text_of(result) for result in results[1:]] == [str(n) for n in range(20)]
