"""Names, limits, argument checks, PEP 723 blocks."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.errors import ConfigError, InvalidArguments, LimitReached, ToolUnavailable
from botkit.gateway import hosted
from botkit.gateway.arguments import compile_schema
from botkit.gateway.hosted import Script, read_script, server_name, start_command, unmet
from botkit.gateway.limits import Rule, SlidingWindow
from botkit.gateway.naming import NAME_LIMIT, tool_name
from botkit.testing.clock import ManualClock


class TestNames:
    @given(server=st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,3}", fullmatch=True), tool=st.text(min_size=1, max_size=128))
    def test_every_provider_accepts_every_name(self, server: str, tool: str) -> None:
        name = tool_name(server[:32].strip("-"), tool)
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name)
        assert len(name) <= NAME_LIMIT
        assert name == tool_name(server[:32].strip("-"), tool)

    def test_plain_names_stay(self) -> None:
        assert tool_name("orders", "get_order") == "orders__get_order"

    def test_changed_names_do_not_fall_together(self) -> None:
        names = {tool_name("s", tool) for tool in ("a.b", "a/b", "a_b", "a b", "x" * 90, "x" * 91)}
        assert len(names) == 6


class TestLimits:
    @given(steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3)), max_size=60), limit=st.integers(1, 5))
    async def test_no_window_ever_holds_more_than_the_limit(self, steps: list[tuple[float, int]], limit: int) -> None:
        clock = ManualClock()
        limiter = SlidingWindow(clock)
        taken: list[float] = []
        waits: list[float] = []
        for pause, tries in steps:
            await clock.advance(pause)
            for _ in range(tries):
                try:
                    await limiter.take([Rule(key="k", limit=limit)])
                    taken.append(clock.monotonic())
                except LimitReached as error:
                    waits.append(error.retry_after_s or 0.0)
        assert all(0 < wait <= 60 for wait in waits)
        for moment in taken:
            assert sum(0 <= moment - other < 60 for other in taken) <= limit

    async def test_a_call_refused_by_one_rule_counts_for_none(self) -> None:
        limiter = SlidingWindow(ManualClock())
        wide, narrow = Rule(key="wide", limit=2), Rule(key="narrow", limit=1)
        await limiter.take([wide, narrow])
        for _ in range(5):
            with pytest.raises(LimitReached):
                await limiter.take([wide, narrow])
        await limiter.take([wide])

    async def test_the_next_window_admits_again_exactly_when_promised(self) -> None:
        clock = ManualClock()
        limiter = SlidingWindow(clock)
        rule = Rule(key="k", limit=1)
        await limiter.take([rule])
        await clock.advance(20)
        with pytest.raises(LimitReached) as caught:
            await limiter.take([rule])
        assert caught.value.retry_after_s == 40
        assert caught.value.facts["limit"] == "k"
        await clock.advance(40)
        await limiter.take([rule])

    async def test_keys_out_of_use_are_forgotten_and_those_in_use_are_not(self) -> None:
        clock = ManualClock()
        limiter = SlidingWindow(clock)
        for number in range(1000):
            await limiter.take([Rule(key=str(number), limit=1)])
        with pytest.raises(LimitReached):
            await limiter.take([Rule(key="0", limit=1)])
        await clock.advance(3600)
        await limiter.take([Rule(key="0", limit=1)])
        assert len(limiter._calls) == 1  # pyright: ignore[reportPrivateUsage]  # its size shows nowhere else


class TestArguments:
    SCHEMA: dict[str, Any] = {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "pattern": "^A-[0-9]+$"},
            "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
        },
        "required": ["order_id"],
        "additionalProperties": False,
    }

    def test_what_fits_passes(self) -> None:
        compile_schema(self.SCHEMA).check("t", {"order_id": "A-1", "lines": [{"sku": 1}]})

    def test_every_problem_is_located_and_a_misspelling_gets_its_word(self) -> None:
        with pytest.raises(InvalidArguments) as caught:
            compile_schema(self.SCHEMA).check("t", {"oder_id": "A-1", "lines": [{}, 3]})
        problems = {(problem.path, problem.hint) for problem in caught.value.problems}
        assert problems == {("", ""), ("", "did you mean order_id?"), ("lines.0", ""), ("lines.1", "")}
        assert "nothing was sent" in str(caught.value)

    @pytest.mark.parametrize(
        "schema",
        [
            {"$ref": "file:///etc/passwd"},
            {"$ref": "http://169.254.169.254/"},
            {"properties": {"x": {"type": "strin"}}},
            {"properties": {"x": {"pattern": "(["}}},
        ],
    )
    def test_a_bad_schema_is_a_reason_and_nothing_is_fetched(self, schema: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            compile_schema(schema)

    def test_a_pattern_made_to_hang_does_not(self) -> None:
        checker = compile_schema({"properties": {"x": {"pattern": "^(?=(a+)+$)(a+)+$"}}})
        with pytest.raises(InvalidArguments):
            checker.check("t", {"x": "a" * 50 + "!"})


class TestHosted:
    def script(self, folder: Path, block: str) -> Path:
        file = folder / "server.py"
        file.write_text(f"#!/usr/bin/env python\n{block}\nprint('hi')\n")
        return file

    def test_the_block_is_read(self, tmp_path: Path) -> None:
        block = '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "mcp>=2",\n#\n# ]\n# ///'
        assert read_script(self.script(tmp_path, block)) == Script(requires_python=">=3.11", dependencies=("mcp>=2",))

    def test_without_a_block_nothing_is_needed(self, tmp_path: Path) -> None:
        file = self.script(tmp_path, "")
        assert read_script(file) is None
        assert start_command(file) == ((sys.executable, str(file)), {})

    @pytest.mark.parametrize(
        ("block", "reason"),
        [
            ("# /// script\n# dependencies = [\n# ///", "not TOML"),
            ("# /// script\n# dependencies = 'mcp'\n# ///", "must be a list"),
            ("# /// script\n# ///\n\n# /// script\n# ///", "not TOML|more than one"),
        ],
    )
    def test_a_malformed_block_is_located(self, tmp_path: Path, block: str, reason: str) -> None:
        if "more" in reason:
            block = '# /// script\n# a = 1\n# ///\n\n# /// script\n# b = 1\n# ///'  # fmt: skip
        with pytest.raises(ConfigError, match=reason) as caught:
            read_script(self.script(tmp_path, block))
        assert caught.value.problems[0].line >= 2

    def test_unmet_requirements_are_listed(self) -> None:
        needs = ("msgspec", "msgspec>=99", "no-such-package-anywhere", "mcp[cli]>=2", "x; python_version < '3'", "b@d!")
        assert unmet(Script(requires_python=">=3.99", dependencies=needs)) == [
            "Python >=3.99",
            "msgspec>=99",
            "no-such-package-anywhere",
            "mcp[cli]>=2",
            "b@d!",
        ]

    def test_missing_packages_are_left_to_uv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = self.script(tmp_path, '# /// script\n# dependencies = ["no-such-package-anywhere"]\n# ///')
        monkeypatch.setattr(hosted, "_find_uv", lambda: "/bin/uv")
        monkeypatch.setenv("UV_INDEX_URL", "https://example.com")
        monkeypatch.setenv("BOTKIT_MASTER_KEY", "canary")
        argv, env = start_command(file)
        assert argv == ("/bin/uv", "run", "--no-project", "--quiet", "--script", str(file))
        assert env["UV_INDEX_URL"] == "https://example.com"
        assert "canary" not in env.values()
        monkeypatch.setattr(hosted, "_find_uv", lambda: None)
        with pytest.raises(ToolUnavailable, match=r"needs no-such-package-anywhere.*pip install uv"):
            start_command(file)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ToolUnavailable, match="does not exist"):
            start_command(tmp_path / "gone.py")

    @pytest.mark.parametrize(
        ("file", "name"),
        [("My_Orders.py", "my-orders"), ("a__b.py", "a-b"), ("é.py", "server"), ("x" * 40 + ".py", "x" * 32)],
    )
    def test_names_of_found_files(self, file: str, name: str) -> None:
        assert server_name(Path(file)) == name
