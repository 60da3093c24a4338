"""From text to a syntax tree, by Jinja2's parser: its syntax, none of its evaluation.

Nothing here or after runs code that was made from a text: the tree is walked (`compiling`), and what the walker
does not know is refused. Every part of the tree knows its exact place, because the tokens handed to the parser
carry the number of characters before them where Jinja2 expects the number of the line.
"""

from __future__ import annotations

__all__ = ["SOURCE_LIMIT", "is_template", "parse_expression", "parse_template"]

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from botkit.workflows.expressions.errors import ExpressionError

T = TypeVar("T", bound=nodes.Node)
SOURCE_LIMIT = 20_000
"""Characters of one expression or template."""
_DEPTH_LIMIT = 100
_NEWLINE = re.compile(r"\r\n?")
_ESCAPE = re.compile(r"\\(?:([\\'\"nt]|u[0-9a-fA-F]{4})|(.?))", re.DOTALL)
_PLAIN_REASONS = (
    (re.compile(r"^Encountered unknown tag '(.*)'\."), r"there is no tag `\1`; templates have `if` and `for`"),
    (re.compile(r"^unexpected end of template|^Unexpected end of template", re.IGNORECASE), "it ends too early"),
    (re.compile(r"^unexpected 'end of|^Expected an expression, got 'end of|, got 'end of"), "it ends too early"),
    (re.compile(r"^expected token '(.*)', got '(.*)'"), r"`\1` is expected here, not `\2`"),
    (re.compile(r"^unexpected char [\"'](.*)[\"'] at .*", re.DOTALL), r"the character `\1` means nothing here"),
    (re.compile(r"^unexpected '(.*)'"), r"`\1` is not expected here"),
    (re.compile(r"^tag name expected"), "a tag such as `if` or `for` is expected here"),
)


class _Positioned(Environment):
    """Makes tokens whose line number is their place in the text."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        return TokenStream(self.lexer.wrap(self._placed(source, name, state), name, filename), name, filename)

    def _placed(self, source: str, name: str | None, state: str | None) -> Iterator[tuple[int, str, str]]:
        source = _NEWLINE.sub("\n", source)
        tokens: list[tuple[int, str, str]] = []
        place = 0
        try:
            for _, kind, value in self.lexer.tokeniter(source, name, None, state):
                found = source.find(value, place)
                place = found if found >= 0 else place
                tokens.append((place, kind, _ESCAPE.sub(_escaped, value) if kind == "string" else value))
                place += len(value)
        except TemplateSyntaxError as failure:
            raise TemplateSyntaxError(failure.message or "", place) from failure
        return iter(_without_tag_lines(source, tokens))


def _without_tag_lines(source: str, tokens: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """A line that holds one tag and nothing else leaves no line behind; other tags leave the text as it is."""
    begin = 0
    for index, (place, kind, value) in enumerate(tokens):
        if kind == "block_begin":
            begin = index
        elif kind == "block_end":
            start, end = tokens[begin][0], place + len(value)
            before = source[source.rfind("\n", 0, start) + 1 : start]
            after = source[end : source.find("\n", end) + 1 or len(source)]
            if before.strip() or after.strip():
                continue
            if before and begin and tokens[begin - 1][1] == "data":
                held = tokens[begin - 1]
                tokens[begin - 1] = (held[0], "data", held[2].removesuffix(before))
            if after and index + 1 < len(tokens) and tokens[index + 1][1] == "data":
                held = tokens[index + 1]
                tokens[index + 1] = (held[0] + len(after), "data", held[2].removeprefix(after))
    return tokens


def _escaped(match: re.Match[str]) -> str:
    r"""`\n`, `\t`, `\\`, quotes and `\u1234` are escapes; before anything else, as in `\d+`, a backslash is one."""
    return match.group() if match.group(1) else "\\\\" + match.group(2)


# `{#` is ordinary text: it appears in CSS and in messages, and templates of nodes need no comments.
_environment = _Positioned(
    keep_trailing_newline=True,
    comment_start_string="\x00{#",
    comment_end_string="#}\x00",
)


def is_template(text: str) -> bool:
    """Whether there is anything to fill in."""
    return "{{" in text or "{%" in text


def parse_expression(text: str) -> nodes.Expr:
    """The tree of `order.total > 5`. Raises `ExpressionError`."""

    def parse() -> nodes.Expr:
        parser = Parser(_environment, text, state="variable")
        if parser.stream.eos:
            raise ExpressionError(text, 0, "the expression is empty")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            token = parser.stream.current
            raise ExpressionError(text, token.lineno, f"`{_short(str(token.value))}` is not expected here")
        return tree

    if is_template(text):
        raise ExpressionError(text, 0, "an expression is written without braces")
    return _parsed(text, parse)


def parse_template(text: str) -> nodes.Template:
    """The tree of `Hello {{ user.name }}`. Raises `ExpressionError`."""
    return _parsed(text, lambda: Parser(_environment, text).parse())


def _parsed(text: str, parse: Callable[[], T]) -> T:
    if len(text) > SOURCE_LIMIT:
        raise ExpressionError(text, SOURCE_LIMIT, f"this is longer than {SOURCE_LIMIT:,} characters")
    try:
        tree = parse()
    except TemplateSyntaxError as failure:
        raise ExpressionError(text, failure.lineno, _reason(failure.message or "it is not understood")) from None
    except RecursionError:
        raise ExpressionError(text, 0, "this is nested too deeply") from None
    except ValueError:  # a number of thousands of digits
        raise ExpressionError(text, 0, "a number in it is too long") from None
    _measure(text, tree)
    return tree


def _measure(text: str, tree: nodes.Node) -> None:
    """Refuse trees that are too deep to be walked safely. A chain of `a + b + c …` is as deep as it is long."""
    todo: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while todo:
        here, depth = todo.pop()
        if depth > _DEPTH_LIMIT:
            raise ExpressionError(text, here.lineno, "this is nested too deeply", "set a variable in between")
        todo.extend((child, depth + 1) for child in here.iter_child_nodes())


def _reason(words: str) -> str:
    for pattern, plain in _PLAIN_REASONS:
        if match := pattern.search(words):
            return match.expand(plain)
    return _short(words.split("\n")[0].rstrip("."))


def _short(words: str) -> str:
    return words if len(words) <= 80 else f"{words[:79]}…"
