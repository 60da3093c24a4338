"""Edits change what they are about and leave every other character as it was."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.core.config import Editor, Money, SecretRef, load_config
from botkit.core.config.edit import parse_path
from botkit.core.config.emit import block, inline
from botkit.core.config.parse import parse_yaml
from botkit.core.config.tree import raw_values
from botkit.core.config.write import write_files
from botkit.core.errors import ConfigError, Conflict
from tests.core.config.corpus import VALID

FILE = """\
# The shop's bots.
version: 1

models:
  default: demo/offline   # no key needed
  smart: {model: "a/b", fallbacks: [default]}  # the good one

bots:
  # Answers everybody.
  helper:
    prompt: |
      You help.
      Be short.

    tools:
      allow: ['notes__*']   # reviewed
  desk:
    welcome: 'Hello!'
    # The end of desk.

people:
  ada: {roles: [admin]}
"""


def edited(text: str = FILE, **files: str) -> Editor:
    return Editor(files={"bots.yaml": text, **{k.replace("__", "/") + ".yaml": v for k, v in files.items()}})


def diff(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that went and lines that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


class TestSet:
    @pytest.mark.parametrize(
        ("path", "value", "gone", "come"),
        [
            (
                "models.default",
                "openai/gpt-5-mini",
                ["  default: demo/offline   # no key needed"],
                ["  default: openai/gpt-5-mini   # no key needed"],
            ),
            (
                "models.smart.model",
                "c/d",
                ['  smart: {model: "a/b", fallbacks: [default]}  # the good one'],
                ["  smart: {model: c/d, fallbacks: [default]}  # the good one"],
            ),
            (
                "models.smart.temperature",
                0.5,
                ['  smart: {model: "a/b", fallbacks: [default]}  # the good one'],
                ['  smart: {model: "a/b", fallbacks: [default], temperature: 0.5}  # the good one'],
            ),
            (
                "models.smart.api_key",
                SecretRef(secret="KEY"),
                ['  smart: {model: "a/b", fallbacks: [default]}  # the good one'],
                ['  smart: {model: "a/b", fallbacks: [default], api_key: {secret: KEY}}  # the good one'],
            ),
            ("bots.helper.model", "smart", [], ["    model: smart"]),
            ("bots.desk.busy", "merge", [], ["    busy: merge"]),
            ("bots.desk.welcome", "Yes: you!", ["    welcome: 'Hello!'"], ['    welcome: "Yes: you!"']),
            ("bots.desk.groups.names", ["a*"], [], ["    groups:", '      names: ["a*"]']),
            ("settings.log_level", "debug", [], ["settings:", "  log_level: debug"]),
            ("bots.desk.max_turn_cost", Money.model_validate("2 USD"), [], ["    max_turn_cost: 2 USD"]),
        ],
    )
    def test_one_value_changes_one_line(self, path: str, value: Any, gone: list[str], come: list[str]) -> None:
        editor = edited()
        editor.set(path, value)
        lost, added = diff(FILE, editor.changed["bots.yaml"])
        assert lost == gone
        assert added == come

    def test_a_long_text_becomes_a_block_and_back(self) -> None:
        editor = edited()
        editor.set("bots.desk.welcome", "One.\n\nTwo: #2\n")
        assert "    welcome: |\n      One.\n\n      Two: #2\n    # The end of desk." in editor.changed["bots.yaml"]
        editor.set("bots.desk.welcome", "Hello!")
        editor.set("bots.helper.prompt", "Short.")
        text = editor.changed["bots.yaml"]
        assert "    prompt: Short.\n\n    tools:" in text
        assert text.count("#") == FILE.count("#")

    def test_a_value_may_become_a_mapping_and_keeps_its_comment(self) -> None:
        editor = edited()
        editor.set("models.default", {"model": "a/b", "fallbacks": ["smart"]})
        assert "  default:   # no key needed\n    model: a/b\n    fallbacks: [smart]\n" in editor.changed["bots.yaml"]
        editor.set("models.default", "demo/offline")
        assert "  default: demo/offline   # no key needed\n" in editor.changed["bots.yaml"]

    def test_an_empty_section_is_filled(self) -> None:
        for empty in ("bots:\n", "bots: {}\n", "bots:  # none yet\n", "bots: ~\n"):
            editor = edited(empty + "people: {ada: {}}\n")
            editor.set("bots.a.prompt", "x")
            assert editor.get("bots") == {"a": {"prompt": "x"}}
            assert editor.changed["bots.yaml"].endswith("people: {ada: {}}\n")
            assert ("# none yet" in editor.changed["bots.yaml"]) == ("#" in empty)

    @pytest.mark.parametrize("text", ["", "# only a comment", "# one\n\n"])
    def test_an_empty_file_is_filled(self, text: str) -> None:
        editor = edited(text)
        editor.set("bots.a.prompt", "x")
        assert editor.changed["bots.yaml"].startswith(text)
        assert editor.check(env={}).bots["a"].prompt == "x"

    def test_setting_below_a_plain_value_is_refused(self) -> None:
        with pytest.raises(ConfigError) as caught:
            edited().set("models.default.temperature", 1)
        assert str(caught.value.problems[0]) == "bots.yaml:5:12: models.default: is not a mapping; set it as a whole"

    def test_positions_of_lists_can_be_set(self) -> None:
        editor = edited()
        editor.set("models.smart.fallbacks.0", "demo/offline")
        assert editor.get("models.smart.fallbacks") == ["demo/offline"]
        with pytest.raises(ConfigError, match="no such entry in the list; use append"):
            editor.set("models.smart.fallbacks.3", "x")


class TestAppendAndDelete:
    def test_lists_grow_in_their_own_style(self) -> None:
        editor = edited("a:\n  - x # first\n  # end\nb: [x, y]  # both\nc: x\nd: []\ne:\n- one\n-   two\n")
        for key in "abcdef":
            editor.append(key, "new")
        assert editor.changed["bots.yaml"] == (
            "a:\n  - x # first\n  - new\n  # end\nb: [x, y, new]  # both\nc: [x, new]\nd: [new]\n"
            "e:\n- one\n-   two\n- new\nf: [new]\n"
        )

    def test_a_mapping_can_be_appended(self) -> None:
        editor = edited("servers:\n  a:\n    command: x\n    inject:\n      - secret: A\n        bearer: true\n")
        editor.append("servers.a.inject", {"secret": "B", "header": "X-Key"})
        assert editor.changed["bots.yaml"].endswith(
            "      - secret: A\n        bearer: true\n      - secret: B\n        header: X-Key\n"
        )

    def test_appending_to_a_mapping_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="is a mapping, not a list"):
            edited().append("bots", "x")

    @pytest.mark.parametrize(
        ("path", "gone"),
        [
            ("version", ["version: 1"]),
            ("models.default", ["  default: demo/offline   # no key needed"]),
            ("bots.helper.tools", ["    tools:", "      allow: ['notes__*']   # reviewed"]),
            ("bots.helper.prompt", ["    prompt: |", "      You help.", "      Be short."]),
        ],
    )
    def test_deleting_removes_the_lines_of_the_key(self, path: str, gone: list[str]) -> None:
        editor = edited()
        editor.delete(path)
        lost, added = diff(FILE, editor.changed["bots.yaml"])
        assert (lost, added) == (gone, [])
        assert editor.get(path) is None

    def test_deleting_from_brackets_takes_the_comma_along(self) -> None:
        editor = edited("a: {x: 1, y: 2, z: 3}\nb: [1, 2, 3]\n")
        editor.delete("a.y")
        editor.delete("b.0")
        editor.delete("b.1")
        editor.delete("a.x")
        assert editor.changed["bots.yaml"] == "a: {z: 3}\nb: [2]\n"

    def test_the_last_entry_leaves_an_empty_mapping(self) -> None:
        editor = edited("bots:\n  a:\n    prompt: x\n  b: {}\n")
        editor.delete("bots.a.prompt")
        assert editor.changed["bots.yaml"] == "bots:\n  a: {}\n  b: {}\n"

    def test_deleting_what_is_not_there_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="is not in the file"):
            edited().delete("bots.nobody")


class TestSharedValues:
    TEXT = "a: &a\n  x: 1  # one\n  y: 2\nb: *a\nc: {<<: *a, y: 3}\n"

    def test_changing_one_of_two_shared_values_leaves_the_other(self) -> None:
        editor = edited(self.TEXT)
        editor.set("b.x", 5)
        assert (editor.get("a"), editor.get("b")) == ({"x": 1, "y": 2}, {"x": 5, "y": 2})
        assert "# one" in editor.changed["bots.yaml"]

    def test_changing_the_origin_of_shared_values_leaves_the_copies(self) -> None:
        editor = edited(self.TEXT)
        editor.set("a.x", 5)
        assert (editor.get("a.x"), editor.get("b.x"), editor.get("c.x")) == (5, 1, 1)

    def test_a_merged_key_can_be_overridden_and_deleted(self) -> None:
        editor = edited(self.TEXT)
        editor.set("c.x", 7)
        assert editor.get("c") == {"x": 7, "y": 3}
        editor.delete("c.x")
        assert editor.get("c") == {"y": 3}
        assert editor.get("a.x") == 1


class TestFiles:
    def test_an_edit_goes_to_the_file_where_the_key_stands(self) -> None:
        editor = edited(
            "include: conf/more.yaml\nbots:\n  a: {prompt: main}\n", conf__more="bots:\n  b: {prompt: x}  # b\n"
        )
        editor.set("bots.b.prompt", "z")
        editor.set("bots.b.busy", "merge")
        assert editor.changed == {"conf/more.yaml": "bots:\n  b: {prompt: z, busy: merge}  # b\n"}
        editor.set("bots.a.prompt", "new")
        editor.set("people.ada.roles", ["admin"])
        assert editor.changed["bots.yaml"].startswith("include: conf/more.yaml\nbots:\n  a: {prompt: new}\npeople:")

    def test_saving_checks_first_and_writes_only_what_changed(self, tmp_path: Path) -> None:
        main, more = tmp_path / "bots.yaml", tmp_path / "more.yaml"
        main.write_text("include: more.yaml\nbots: {a: {}}\n")
        more.write_text("people: {ada: {}}  # us\n")
        main.chmod(0o640)
        before = more.stat().st_mtime_ns
        editor = Editor(main)
        editor.set("bots.a.modle", "x")
        with pytest.raises(ConfigError, match="did you mean `model`"):
            editor.save(env={})
        assert main.read_text() == "include: more.yaml\nbots: {a: {}}\n"
        editor.delete("bots.a.modle")
        editor.set("bots.a.model", "a/b")
        config = editor.save(env={})
        assert config.bots["a"].model == "a/b"
        assert config.revision == load_config(main, env={}).revision
        assert main.read_text() == "include: more.yaml\nbots: {a: {model: a/b}}\n"
        assert main.stat().st_mode & 0o777 == 0o640
        assert more.stat().st_mtime_ns == before
        assert sorted(p.name for p in tmp_path.iterdir()) == ["bots.yaml", "more.yaml"]

    def test_a_file_changed_meanwhile_is_not_overwritten(self, tmp_path: Path) -> None:
        main = tmp_path / "bots.yaml"
        main.write_text("bots: {a: {}}\n")
        editor = Editor(main)
        editor.set("bots.a.prompt", "mine")
        main.write_text("bots: {a: {prompt: theirs}}\n")
        with pytest.raises(Conflict, match="changed by somebody else"):
            editor.save(env={})
        assert "theirs" in main.read_text()

    def test_a_prompt_file_can_be_written_with_the_rest(self, tmp_path: Path) -> None:
        main = tmp_path / "bots.yaml"
        main.write_text("bots: {a: {}}\n")
        editor = Editor(main)
        editor.write("prompts/a.md", "Be kind.\n")
        editor.set("bots.a.prompt_file", "prompts/a.md")
        assert editor.save(env={}).bots["a"].prompt == "Be kind.\n"
        assert (tmp_path / "prompts" / "a.md").read_text() == "Be kind.\n"

    def test_line_endings_are_kept(self) -> None:
        editor = edited("bots:\r\n  a:\r\n    prompt: x\r\n")
        editor.set("bots.a.busy", "merge")
        assert editor.changed["bots.yaml"] == "bots:\r\n  a:\r\n    prompt: x\r\n    busy: merge\r\n"

    def test_a_broken_file_cannot_be_edited(self) -> None:
        with pytest.raises(ConfigError, match="before it is YAML"):
            edited("bots: [\n")

    def test_texts_without_a_file_are_exported(self) -> None:
        editor = edited("bots: {a: {}}\n")
        editor.set("bots.a.prompt", "x")
        assert editor.files == {"bots.yaml": "bots: {a: {prompt: x}}\n"}
        with pytest.raises(ConfigError, match="not on disk"):
            editor.save(env={})

    def test_nothing_is_written_outside_of_the_project(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="leads out of the project"):
            write_files(tmp_path, {"../x": "y"})
        assert write_files(tmp_path, {"a/b.md": "1", "listing/": "x"}) == ("a/b.md",)
        assert write_files(tmp_path, {"a/b.md": "1"}) == ()


def test_servers_of_a_pasted_block_are_edited_in_place() -> None:
    editor = edited('servers:\n  mcpServers:\n    gh: {"command": "npx"}  # pasted\n')
    editor.set("servers.gh.timeout_s", 5)
    editor.set("servers.time.command", "uvx")
    assert editor.changed["bots.yaml"] == (
        'servers:\n  mcpServers:\n    gh: {"command": "npx", timeout_s: 5}  # pasted\n  time:\n    command: uvx\n'
    )
    assert editor.get("servers.gh.command") == "npx"
    assert set(editor.check(env={}).servers) == {"gh", "time"}


def test_paths_are_read_from_text() -> None:
    assert parse_path('workspaces.a.tools."x.y".0.b-1') == ("workspaces", "a", "tools", "x.y", 0, "b-1")
    assert parse_path(("a", "b.c", 1)) == ("a", "b.c", 1)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["no", "null", "1", "0x1", "a: b", "x #y", "- z", "*a", "&b", "a\nb\n", "a\n\n  b", " a\nb", "${A}", "t\n\n"]
)
_leaf = st.none() | st.booleans() | st.integers() | st.floats() | _text
_key = _text.filter(bool)
_any: st.SearchStrategy[Any] = st.recursive(
    _leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_key, inner, max_size=3), max_leaves=8
)
CALM = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@CALM
@given(_any)
def test_every_value_is_written_so_that_it_reads_back(value: Any) -> None:
    for text in (f"key:{block(value, 2)}\n", f"{{key: {inline(value)}}}\n", f"- key:{block(value, 4)}\n"):
        parsed = parse_yaml(f"top:\n{text}" if text.startswith("-") else text, "x")
        assert parsed.problems == ()
        back = raw_values(parsed.tree)
        assert same(back["top"][0]["key"] if "top" in back else back["key"], value)


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]  # any YAML value
    return [path, *(found for key, child in inner for found in paths_of(child, (*path, key)))]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # any YAML value


def comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]


def is_kept(some: list[str], lines: list[str]) -> bool:
    """Whether all of them are there, in their order."""
    rest = iter(lines)
    return all(line in rest for line in some)


@CALM
@given(
    st.sampled_from([FILE, TestSharedValues.TEXT, *map(dedent, VALID.values())]),
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.sampled_from(["set", "add", "append", "delete"]), _any, _key), max_size=4),
)
def test_any_row_of_edits_does_what_it_says_and_keeps_comment_lines(
    text: str, chance: random.Random, edits: list[tuple[str, Any, str]]
) -> None:
    editor = edited(text)
    for kind, value, key in edits:
        written = editor.files["bots.yaml"]
        before = raw_values(parse_yaml(written, "x").tree)
        path = chance.choice(paths_of(before))
        expected = copy.deepcopy(before)
        holder = expected
        for part in path[:-1]:
            holder = holder[part]
        old = holder[path[-1]] if path else None
        if kind == "set" and path:
            holder[path[-1]] = value
            editor.set(path, value)
        elif kind == "delete" and path:
            del holder[path[-1]]
            editor.delete(path)
        else:
            here = holder[path[-1]] if path else holder
            if kind == "add" and isinstance(here, dict):
                here[key] = value
                editor.set((*path, key), value)
            elif kind == "append" and isinstance(here, list):
                cast("list[Any]", here).append(value)
                editor.append(path, value)
        after = editor.files["bots.yaml"]
        assert same(raw_values(parse_yaml(after, "x").tree), expected)
        loses = kind == "delete" or (kind == "set" and (isinstance(old, dict | list) or "#" in str(old)))
        if "&" not in text and not loses:
            assert is_kept(comments(written), comments(after))
