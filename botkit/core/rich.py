"""Messages written by hand, as JSON or YAML: what a workflow, a tool or an endpoint may ask a bot to show.

    {"text": "Where to?", "select": {"label": "City", "options": ["Rome", {"label": "Paris", "value": "cdg"}]}}
    {"text": "Refund?", "buttons": ["Yes", {"label": "No", "value": "no", "style": "danger"}]}
    {"form": {"title": "Delivery", "fields": [{"name": "street", "required": true}, {"name": "on", "kind": "date"}]}}
    {"card": {"title": "Order 7", "facts": {"Status": "on its way"}, "buttons": [{"label": "Open", "url": "https://…"}]}}

A text alone stands for `{"text": …}`; a text where a button or an option is wanted is its label and its value.
"""

from __future__ import annotations

__all__ = ["RichMessage", "message_schema", "parse_message"]

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from botkit.core.config.models.base import Model, problem
from botkit.core.errors import ConfigError, Problem
from botkit.core.events import Attachment
from botkit.core.forms import VALUE_LIMIT_BYTES
from botkit.core.messages import (
    Button,
    Card,
    Fact,
    FieldKind,
    Form,
    FormField,
    Mention,
    Option,
    OutMessage,
    Select,
    Template,
)

_TEXT_LIMIT = 100_000
_LABEL_LIMIT = 200


def _token(value: str) -> str:
    if not 1 <= len(value.encode("utf-8", "surrogatepass")) <= VALUE_LIMIT_BYTES:
        raise problem(f"a value has 1 to {VALUE_LIMIT_BYTES} bytes: the platforms take no more")
    return value


def _worded(value: object) -> object:
    """`Yes` → `{"label": "Yes", "value": "Yes"}`."""
    return {"label": value, "value": value} if isinstance(value, str) else value


def _many(value: object) -> object:
    return [value] if isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownVariableType] - any JSON


def _rows(value: object) -> object:
    """A flat list is one row."""
    if isinstance(value, list | tuple) and not any(isinstance(item, list | tuple) for item in value):  # pyright: ignore[reportUnknownVariableType] - any JSON
        return [value] if value else []  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


Token = Annotated[str, BeforeValidator(lambda value: _token(value) if isinstance(value, str) else value)]
Label = Annotated[str, Field(min_length=1, max_length=_LABEL_LIMIT)]
Words = Annotated[str, Field(max_length=_TEXT_LIMIT)]
Short = Annotated[str, Field(max_length=1000)]


class _Button(Model, frozen=True):
    label: Label
    value: Token = ""
    """What comes back when it is pressed; the label when it is not given and fits."""
    style: Literal["default", "primary", "danger"] = "default"
    url: Annotated[str, Field(max_length=2000, pattern=r"^(https?://\S+)?$")] = ""
    """An address it opens instead."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("label") and not (data.get("value") or data.get("url")):  # pyright: ignore[reportUnknownMemberType] - any JSON
            return {**data, "value": data["label"]}  # pyright: ignore[reportUnknownVariableType]
        return data  # pyright: ignore[reportUnknownVariableType]

    def made(self) -> Button:
        return Button(label=self.label, value=self.value, style=self.style, url=self.url)


class _Option(Model, frozen=True):
    label: Label
    value: Token = ""
    about: Short = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        return {"value": data["label"], **data} if isinstance(data, dict) and data.get("label") else data  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON

    def made(self) -> Option:
        return Option(label=self.label, value=self.value, about=self.about)


ButtonRows = Annotated[
    tuple[Annotated[tuple[Annotated[_Button, BeforeValidator(_worded)], ...], Field(min_length=1, max_length=25)], ...],
    BeforeValidator(_rows),
    Field(max_length=25),
]
Options = Annotated[
    tuple[Annotated[_Option, BeforeValidator(_worded)], ...],
    Field(max_length=100),
]


def _unique(values: Sequence[str], what: str) -> None:
    if len(set(values)) != len(values):
        raise problem(f"two {what} have the same value: people could not tell which one they chose")


class _Select(Model, frozen=True):
    label: Short = ""
    options: Annotated[Options, Field(min_length=1)]
    value: Token = ""
    """What comes back when nothing is chosen; `select1` for the first when it is not given."""
    least: Annotated[int, Field(ge=0)] = 1
    most: Annotated[int, Field(ge=1)] = 1
    hint: Short = ""
    """How to answer where the options are only a list."""

    @model_validator(mode="after")
    def _coherent(self) -> _Select:
        _unique([option.value for option in self.options], "options")
        if not self.least <= self.most <= len(self.options):
            raise problem("`least` is at most `most`, and `most` no more than there are options")
        return self

    def made(self, number: int) -> Select:
        return Select(
            value=self.value or f"select{number}",
            label=self.label,
            options=tuple(option.made() for option in self.options),
            least=self.least,
            most=self.most,
            hint=self.hint,
        )


class _Field(Model, frozen=True):
    name: Token
    label: Annotated[str, Field(max_length=_LABEL_LIMIT)] = ""
    """The name in its place when it is left out."""
    kind: FieldKind = "text"
    required: bool = False
    about: Short = ""
    initial: Short = ""
    least: float | None = None
    """Of a number its range, of text its characters, of a choice how many options."""
    most: float | None = None
    options: Options = ()
    many: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> _Field:
        if (self.kind == "choice") != bool(self.options):
            raise problem("`options` belong to fields of the kind `choice`, which need them")
        if self.many and self.kind != "choice":
            raise problem("`many` belongs to fields of the kind `choice`")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise problem("`least` is greater than `most`")
        _unique([option.value for option in self.options], "options")
        return self

    def made(self) -> FormField:
        return FormField(
            name=self.name,
            label=self.label or self.name.replace("_", " ").capitalize(),
            kind=self.kind,
            required=self.required,
            about=self.about,
            initial=self.initial,
            least=self.least,
            most=self.most,
            options=tuple(option.made() for option in self.options),
            many=self.many,
        )


class _Form(Model, frozen=True):
    title: Label
    fields: Annotated[tuple[_Field, ...], Field(min_length=1, max_length=50)]
    value: Token = "form"
    open_label: Label = "Fill in"
    send_label: Label = "Send"

    @model_validator(mode="after")
    def _coherent(self) -> _Form:
        _unique([field.name for field in self.fields], "fields")
        return self

    def made(self) -> Form:
        return Form(
            value=self.value,
            title=self.title,
            fields=tuple(field.made() for field in self.fields),
            open_label=self.open_label,
            send_label=self.send_label,
        )


class _Image(Model, frozen=True):
    """A file of the instance. Addresses elsewhere are not taken: a platform that loads them tells who looked."""

    file: Label
    """Its id in the file store."""
    name: Short = ""
    mime: Annotated[str, Field(pattern=r"^image/[-+.\w]+$")] = "image/png"
    size_bytes: Annotated[int, Field(ge=0)] = 0
    alt: Short = ""
    """What it shows, for people who cannot see it."""

    def made(self) -> Attachment:
        name = self.name or f"{self.file}.{self.mime.removeprefix('image/')}"
        return Attachment(
            kind="image", name=name, mime=self.mime, size_bytes=self.size_bytes, file_id=self.file, text=self.alt
        )


class _Card(Model, frozen=True):
    title: Annotated[str, Field(max_length=_LABEL_LIMIT)] = ""
    text: Words = ""
    image: _Image | None = None
    facts: Annotated[dict[Label, Short], Field(max_length=25)] = {}
    buttons: ButtonRows = ()
    url: Annotated[str, Field(max_length=2000, pattern=r"^(https?://\S+)?$")] = ""

    @model_validator(mode="after")
    def _something(self) -> _Card:
        if not (self.title or self.text or self.image or self.facts):
            raise problem("a card has a title, a text, an image or facts")
        return self

    def made(self) -> Card:
        return Card(
            title=self.title,
            text=self.text,
            image=self.image.made() if self.image else None,
            facts=tuple(Fact(label=label, value=value) for label, value in self.facts.items()),
            buttons=_made(self.buttons),
            url=self.url,
        )


class _Mention(Model, frozen=True):
    id: Label
    name: Label


class _Template(Model, frozen=True):
    name: Label
    language: Label = "en"
    variables: Annotated[tuple[Short, ...], Field(max_length=20)] = ()


class RichMessage(Model, frozen=True):
    """A message as its author writes it. Every platform shows all of it, each with its own means."""

    text: Words = ""
    """CommonMark. `<@ID>` names somebody of `mentions`."""
    buttons: ButtonRows = ()
    """A row of buttons, or a list of rows."""
    select: Annotated[tuple[_Select, ...], BeforeValidator(_many), Field(max_length=5)] = ()
    """A menu, or several."""
    form: _Form | None = None
    card: Annotated[tuple[_Card, ...], BeforeValidator(_many), Field(max_length=10)] = ()
    """A card, or several: a carousel."""
    cards: Annotated[tuple[_Card, ...], Field(max_length=10)] = ()
    """The same as `card`."""
    mentions: Annotated[tuple[_Mention, ...], Field(max_length=50)] = ()
    """Whom it may ring; nobody else is rung, whatever the text says."""
    template: _Template | None = None
    """WhatsApp: the approved template to send. `text` says the same for every other platform."""
    silent: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> RichMessage:
        if self.card and self.cards:
            raise problem("write either `card` or `cards`")
        if self.template and not self.text:
            raise problem("a template needs a `text` that says the same where there are no templates")
        if not (self.text or self.buttons or self.select or self.form or self.card or self.cards):
            raise problem("the message is empty: give it a text, buttons, a select, a form or a card")
        values = [button.value for row in self.buttons for button in row if not button.url]
        values += [option.value for select in self.select for option in select.options]
        _unique(values, "buttons or options of a message")
        return self

    def message(self) -> OutMessage:
        """As adapters render it."""
        template = self.template
        return OutMessage(
            text=self.text,
            buttons=_made(self.buttons),
            selects=tuple(select.made(number) for number, select in enumerate(self.select, 1)),
            form=self.form.made() if self.form else None,
            cards=tuple(card.made() for card in (*self.card, *self.cards)),
            mentions=tuple(Mention(id=one.id, name=one.name) for one in self.mentions),
            template=Template(name=template.name, language=template.language, variables=template.variables)
            if template
            else None,
            silent=self.silent,
        )


def _made(rows: Sequence[Sequence[_Button]]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(button.made() for button in row) for row in rows)


def parse_message(value: object, *, path: str = "") -> OutMessage:
    """The message that JSON or YAML describes.

    Args:
        path: where it stands, such as `workflows.order.nodes.ask`; problems are located below it.

    Raises:
        ConfigError: with every problem found, as `select.options.1.value: …`.
    """
    data: object = {"text": value} if isinstance(value, str) else value
    try:
        return RichMessage.model_validate(data).message()
    except ValidationError as error:
        problems = _problems(error, path)
    raise ConfigError("the message cannot be shown", problems)


def _problems(error: ValidationError, path: str) -> tuple[Problem, ...]:
    """Without those that only follow from another: a list whose items are wrong counts as empty."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    places = [tuple(str(step) for step in one["loc"]) for one in found]
    problems: list[Problem] = []
    for one, place in zip(found, places, strict=True):
        if one["type"] == "too_short" and any(len(at) > len(place) and at[: len(place)] == place for at in places):
            continue
        message = "there is no such key" if one["type"] == "extra_forbidden" else one["msg"]
        problems.append(Problem(message=message, path=".".join([*([path] if path else []), *place])))
    return tuple(problems)


def message_schema() -> dict[str, Any]:
    """The JSON Schema of a message, for editors, the reference and tools that make one."""
    return RichMessage.model_json_schema()
