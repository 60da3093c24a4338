"""Rich messages of every shape for property tests, and what must be seen of them.

@given(rich_messages(), capabilities())
def test_nothing_is_dropped(message, can): …
"""

from __future__ import annotations

__all__ = ["capabilities", "labels_of", "rich_messages"]

from collections.abc import Iterator
from random import Random

from hypothesis import strategies as st

from botkit.core.events import Attachment
from botkit.core.messages import (
    Button,
    Capabilities,
    Card,
    Fact,
    FieldKind,
    Form,
    FormField,
    Option,
    OutMessage,
    Select,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyzäßλж0123456789"
_KINDS: tuple[FieldKind, ...] = ("text", "paragraph", "number", "date", "choice", "checkbox")


def _flip(draw: Random) -> bool:
    return draw.random() < 0.5


class _Names:
    """Labels and values that occur once in a message, so that each can be looked for."""

    def __init__(self, chance: Random):
        self._chance = chance
        self._count = 0

    def label(self, limit: int = 60) -> str:
        self._count += 1
        length = self._chance.choice((0, 0, 0, limit))
        word = "".join(self._chance.choices(_LETTERS, k=self._chance.randint(1, 12)))
        return f"{word}q{self._count}q".ljust(length, "m")

    def value(self) -> str:
        self._count += 1
        return f"v{self._count}"


def rich_messages() -> st.SearchStrategy[OutMessage]:
    """Text, buttons, menus, a form and cards in every combination, some of them more than any platform takes.

    Made of a single number each: with a choice for every letter, making examples would take longer than judging them.
    """
    return st.integers(0, 2**32 - 1).map(lambda seed: _message(Random(seed)))


def _message(draw: Random) -> OutMessage:
    names = _Names(draw)
    return OutMessage(
        text=names.label() if _flip(draw) else "",
        buttons=_rows(draw, names),
        selects=tuple(_select(draw, names) for _ in range(draw.randint(0, 2))),
        form=_form(draw, names) if _flip(draw) else None,
        cards=tuple(_card(draw, names) for _ in range(draw.randint(0, 4))),
    )


def _rows(draw: Random, names: _Names) -> tuple[tuple[Button, ...], ...]:
    sizes = [draw.randint(1, 7) for _ in range(draw.randint(0, draw.choice((0, 2, 8))))]
    return tuple(tuple(_button(draw, names) for _ in range(size)) for size in sizes)


def _button(draw: Random, names: _Names) -> Button:
    label = names.label()
    if draw.randint(0, 4) == 0:
        return Button(label=label, value="", url=f"https://example.com/{names.value()}")
    return Button(label=label, value=names.value(), style=draw.choice(("default", "primary", "danger")))


def _options(draw: Random, names: _Names) -> tuple[Option, ...]:
    count = draw.choice((1, 2, 3, 4, 10, 11, 26))
    return tuple(
        Option(label=names.label(), value=names.value(), about=names.label(80) if _flip(draw) else "")
        for _ in range(count)
    )


def _select(draw: Random, names: _Names) -> Select:
    options = _options(draw, names)
    most = draw.randint(1, len(options))
    label = names.label() if _flip(draw) else ""
    return Select(value=names.value(), label=label, options=options, least=draw.randint(0, 1), most=most)


def _form(draw: Random, names: _Names) -> Form:
    fields: list[FormField] = []
    for _ in range(draw.choice((1, 2, 5, 6))):
        kind = draw.choice(_KINDS)
        options = _options(draw, names) if kind == "choice" else ()
        field = FormField(
            name=names.value(),
            label=names.label(),
            kind=kind,
            required=_flip(draw),
            about=names.label(120) if _flip(draw) else "",
            options=options,
            many=bool(options) and _flip(draw),
        )
        fields.append(field)
    return Form(value=names.value(), title=names.label(), fields=tuple(fields), open_label=names.label(20))


def _card(draw: Random, names: _Names) -> Card:
    image = Attachment(kind="image", name=f"{names.value()}.png", mime="image/png", size_bytes=9, file_id="f1")
    return Card(
        title=names.label(),
        text=names.label() if _flip(draw) else "",
        image=image if _flip(draw) else None,
        facts=tuple(Fact(label=names.label(), value=names.label()) for _ in range(draw.randint(0, 3))),
        buttons=_rows(draw, names) if _flip(draw) else (),
        url=f"https://example.com/{names.value()}" if _flip(draw) else "",
    )


@st.composite
def capabilities(draw: st.DrawFn) -> Capabilities:
    """What a conversation may be able to show: anything from text alone to everything."""
    return Capabilities(
        buttons=draw(st.booleans()),
        button_limit=draw(st.sampled_from((1, 3, 25))),
        selects=draw(st.sampled_from((0, 10, 25))),
        multi_selects=draw(st.booleans()),
        forms=draw(st.sampled_from((0, 5, 50))),
        form_choices=draw(st.sampled_from((10, 25))),
        cards=draw(st.sampled_from((0, 1, 3))),
        mentions=draw(st.booleans()),
        templates=draw(st.booleans()),
        files=draw(st.booleans()),
    )


def labels_of(message: OutMessage, *, in_dialog: bool = True) -> Iterator[str]:
    """Everything of a message that people must see.

    Args:
        in_dialog: also the title and the questions of its form, which are seen when the form is opened.
    """
    yield from (word for word in (message.text,) if word)
    yield from (button.label for row in message.buttons for button in row)
    for select in message.selects:
        yield from (word for word in (select.label,) if word)
        yield from (option.label for option in select.options)
    if message.form is not None:
        yield from (message.form.title,) if in_dialog else ()
        for field in message.form.fields if in_dialog else ():
            yield field.label
            yield from (option.label for option in field.options)
    for card in message.cards:
        yield from (word for word in (card.title, card.text, card.url) if word)
        yield from (word for fact in card.facts for word in (fact.label, fact.value))
        yield from (button.label for row in card.buttons for button in row)
        if card.image is not None:
            yield card.image.name
