"""Questions that want more than a word: as a form or a menu where the conversation has them, else field by field.

What is pressed carries a short token, `in:{what}:{token of the wait}`; what it stands for is in the wait:

    in:f:…  open the form, or the form itself     in:x:…  not now
    in:3:…  the option with index 3               in:s:…  leave this field out
    in:y:… in:n:…  yes and no                     in:-:…  none of the options
"""

from __future__ import annotations

__all__ = ["answer_of", "ask", "dialog", "form_json", "said", "settled_text", "token_of"]

from typing import Any, cast

import msgspec

from botkit.core.events import Action
from botkit.core.forms import form_of
from botkit.core.journal import Wait
from botkit.core.messages import Button, Capabilities, Form, FormField, Option, OutMessage, Select
from botkit.core.schemas import as_schema
from botkit.engine.languages import Language, speak

_PREFIX = "in:"


def ask(wait: Wait, words: Language, can: Capabilities) -> tuple[Wait, OutMessage]:
    """The message that asks, and the wait that remembers how it was asked."""
    message = str(wait.payload.get("message") or words.please_answer)
    problem = wait.payload.get("problem")
    if problem:
        message = f"{words.does_not_fit.format(problem=str(problem).strip()).strip()}\n\n{message}"
    form = dialog(wait, words)
    if form is None:
        return wait, OutMessage(text=message)
    by_field = bool(wait.payload.get("by_field")) or len(form.fields) == 1
    fits = len(form.fields) <= can.forms and all(len(field.options) <= can.form_choices for field in form.fields)
    if fits and not by_field:
        later = Button(label=words.not_now, value=f"{_PREFIX}x:{wait.token}")
        buttons = ((later,),) if can.buttons else ()
        return _noted(wait, controls=True), OutMessage(text=message, form=form, buttons=buttons)
    done = {*as_schema(wait.payload.get("given")), *cast("list[str]", wait.payload.get("skipped") or [])}
    left = [field for field in form.fields if field.name not in done] or list(form.fields[:1])
    asked = _by_field(wait, left[0], form, words, intro="" if done and not problem else message)
    controls = can.buttons and bool(asked.buttons or asked.selects)
    return _noted(wait, asking=left[0].name, controls=controls), asked


def _noted(wait: Wait, **more: Any) -> Wait:
    return msgspec.structs.replace(wait, payload={**wait.payload, **more})


def dialog(wait: Wait, words: Language) -> Form | None:
    """The form of a wait, with what was answered already; None when its question is no form."""
    message = str(wait.payload.get("message") or words.please_answer)
    schema = as_schema(wait.payload.get("schema"))
    form = form_of(schema, value=f"{_PREFIX}f:{wait.token}", title=message)
    if form is None:
        return None
    given = as_schema(wait.payload.get("given"))
    fields = tuple(
        msgspec.structs.replace(field, initial=str(given[field.name]))
        if isinstance(given.get(field.name), str | int | float) and not isinstance(given[field.name], bool)
        else field
        for field in form.fields
    )
    return msgspec.structs.replace(form, fields=fields, open_label=words.fill_in, send_label=words.send)


def form_json(wait: Wait) -> dict[str, Any]:
    """The form of an open question as the page shows it, without the token; empty when it has none."""
    form = dialog(wait, speak("en")) if wait.kind == "reply" else None
    if form is None:
        return {}
    raw: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(form))
    raw.pop("value", None)
    return raw


def _by_field(wait: Wait, field: FormField, form: Form, words: Language, *, intro: str) -> OutMessage:
    """One field as a message of its own; a question that has no other needs no label."""
    lines = [intro] if intro else []
    if len(form.fields) > 1:
        number = form.fields.index(field) + 1
        lines.append(f"**{field.label}** ({number}/{len(form.fields)})")
    lines += [field.about] if field.about else []
    token = wait.token
    selects: tuple[Select, ...] = ()
    rows: list[tuple[Button, ...]] = []
    if field.kind == "choice":
        options = tuple(
            Option(label=option.label, about=option.about, value=f"{_PREFIX}{index}:{token}")
            for index, option in enumerate(field.options)
        )
        hint = words.answer_by_numbers if field.many else words.answer_by_number
        least, most = _range(field)
        selects = (Select(value=f"{_PREFIX}-:{token}", options=options, least=least, most=most, hint=hint),)
    elif field.kind == "checkbox":
        rows.append(
            (
                Button(label=words.yes, value=f"{_PREFIX}y:{token}", style="primary"),
                Button(label=words.no, value=f"{_PREFIX}n:{token}"),
            )
        )
    elif field.kind == "date":
        lines.append(words.date_form)
    if not field.required and len(form.fields) > 1:
        lines.append(words.optional)
        rows.append((Button(label=words.skip, value=f"{_PREFIX}s:{token}"),))
    return OutMessage(text="\n\n".join(lines), buttons=tuple(rows), selects=selects)


def _range(field: FormField) -> tuple[int, int]:
    """How many options may be chosen."""
    if not field.many:
        return 1, 1
    count = len(field.options)
    most = min(count, int(field.most)) if field.most else count
    return min(max(int(field.least or 0), 1 if field.required else 0), most), most


def token_of(action: Action) -> str:
    """The token of the wait that a press, a choice or a sent form answers; empty when it answers none."""
    what, _, token = action.value.removeprefix(_PREFIX).partition(":")
    return token if action.value.startswith(_PREFIX) and what else ""


def answer_of(wait: Wait, action: Action, words: Language) -> dict[str, Any] | None:
    """What a press means for the wait (see `botkit.agents.elicitation`); None when it is not for it any more."""
    if action.sent:
        return {"fields": dict(action.fields)}
    name = str(wait.payload.get("asking") or "")
    field = _asked(wait, name, words)
    chosen = [value.removeprefix(_PREFIX).partition(":")[0] for value in action.chosen]
    match chosen:
        case ["x"]:
            return {"declined": True}
        case ["s"] if field is not None:
            return {"field": name, "skipped": True}
        case ["y" | "n"] if field is not None:
            return {"field": name, "text": "true" if chosen == ["y"] else "false"}
        case ["-"] if field is not None and field.many:
            return {"field": name, "values": []}
        case _ if field is not None and chosen and all(one.isdecimal() for one in chosen):
            known = [field.options[int(one)].value for one in chosen if int(one) < len(field.options)]
            return {"field": name, "values": known} if len(known) == len(chosen) else None
        case _:
            return None


def said(wait: Wait, text: str) -> dict[str, Any]:
    """What a message means for the wait."""
    name = str(wait.payload.get("asking") or "")
    return {"field": name, "text": text} if name else {"text": text}


def _asked(wait: Wait, name: str, words: Language) -> FormField | None:
    form = dialog(wait, words)
    return next((field for field in form.fields if field.name == name), None) if form is not None else None


def settled_text(wait: Wait, words: Language) -> str:
    """What the question's message says once it is answered, without anything to press."""
    answer = wait.answer or {}
    message = _short(wait, words)
    if wait.state != "answered" or answer.get("declined"):
        return f"{message}\n\n✗"
    field = _asked(wait, str(answer.get("field") or ""), words)
    values = cast("list[str]", answer.get("values") or [])
    labels = [option.label for option in field.options if option.value in values] if field is not None else []
    if not labels and field is not None and field.kind == "checkbox":
        labels = [words.yes if answer.get("text") == "true" else words.no]
    return f"{message}\n\n✓ {', '.join(labels)}".rstrip()


def _short(wait: Wait, words: Language) -> str:
    """The question, and the name of the field it was about; without options."""
    field = _asked(wait, str(wait.payload.get("asking") or ""), words)
    message = str(wait.payload.get("message") or words.please_answer)
    alone = len(as_schema(as_schema(wait.payload.get("schema")).get("properties"))) == 1
    return message if field is None or alone else f"{message}\n\n**{field.label}**"
