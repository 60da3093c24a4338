"""What Discord refuses of components: rows, menus, containers and dialogs, as error 50035.

Source: https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

__all__ = ["COMPONENTS_V2", "all_components", "check_layout", "check_modal", "check_row"]

from collections.abc import Iterator, Sequence
from typing import Any, cast

from botkit.testing.discord.faults import invalid

Component = dict[str, Any]
COMPONENTS_V2 = 1 << 15
_COLUMNS = 5
_LABEL_LIMIT = 80
_CUSTOM_ID_LIMIT = 100
_OPTIONS_LIMIT = 25
_TREE_LIMIT = 40
_TEXT_LIMIT = 4000
_TOP = frozenset({1, 9, 10, 12, 13, 14, 17})
_INSIDE = _TOP - {17}


def all_components(components: Sequence[Component]) -> Iterator[Component]:
    """Every component of a message or a dialog, parents first."""
    for component in components:
        yield component
        yield from all_components(cast("list[Component]", component.get("components") or []))
        for key in ("component", "accessory"):
            if component.get(key):
                yield from all_components([component[key]])


def _length(text: object) -> int:
    return len(str(text or "").encode("utf-16-le", "surrogatepass")) // 2


def _within(value: object, where: str, limit: int, least: int = 1) -> None:
    if not least <= _length(value) <= limit:
        raise invalid(where, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {limit} in length.")


def _own_id(component: Component, where: str, seen: set[str]) -> None:
    custom_id = str(component.get("custom_id", ""))
    _within(custom_id, f"{where}.custom_id", _CUSTOM_ID_LIMIT)
    if custom_id in seen:
        raise invalid(
            f"{where}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    seen.add(custom_id)


def check_row(row: Component, where: str, seen: set[str]) -> None:
    """One to five buttons, or one menu."""
    inside = cast("list[Component]", row.get("components", []))
    where = f"{where}.components"
    if not 1 <= len(inside) <= _COLUMNS:
        raise invalid(where, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_COLUMNS} in length.")
    if inside[0].get("type") == 3:
        if len(inside) > 1:
            raise invalid(where, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
        _check_select(inside[0], f"{where}.0", seen)
        return
    for column, button in enumerate(inside):
        _check_button(button, f"{where}.{column}", seen)


def _check_select(menu: Component, where: str, seen: set[str]) -> None:
    _own_id(menu, where, seen)
    options = cast("list[Component]", menu.get("options", []))
    if not 1 <= len(options) <= _OPTIONS_LIMIT:
        raise invalid(f"{where}.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    _within(menu.get("placeholder"), f"{where}.placeholder", 150, 0)
    for number, option in enumerate(options):
        place = f"{where}.options.{number}"
        _within(option.get("label"), f"{place}.label", 100)
        _within(option.get("value"), f"{place}.value", 100)
        _within(option.get("description"), f"{place}.description", 100, 0)
    if len({option["value"] for option in options}) != len(options):
        raise invalid(
            f"{where}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is taken"
        )
    least, most = menu.get("min_values", 1), menu.get("max_values", 1)
    if not (0 <= least <= most <= len(options) and most >= 1):
        raise invalid(f"{where}.max_values", "BASE_TYPE_MAX", "Must be no more than there are options.")


def _check_button(button: Component, where: str, seen: set[str]) -> None:
    if button.get("type") != 2 or button.get("style") not in {1, 2, 3, 4, 5}:
        raise invalid(where, "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5}.")
    _within(button.get("label"), f"{where}.label", _LABEL_LIMIT)
    if button["style"] == 5:
        if not str(button.get("url", "")).startswith(("http://", "https://", "discord://")):
            raise invalid(f"{where}.url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        _within(button["url"], f"{where}.url", 512)
        return
    _own_id(button, where, seen)


# --- components v2 ----------------------------------------------------------------------------------------


def check_layout(body: Component, files: Sequence[str]) -> None:
    """A message made of components alone: no content, forty components, four thousand characters.

    Args:
        files: names of the files that come with it, which pictures may show.
    """
    if body.get("content") or body.get("embeds"):
        code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
        raise invalid("content", code, "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2")
    components = cast("list[Component]", body.get("components") or [])
    every = list(all_components(components))
    if not 1 <= len(every) <= _TREE_LIMIT:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_TREE_LIMIT} in length.")
    if sum(_length(item.get("content")) for item in every if item["type"] == 10) > _TEXT_LIMIT:
        raise invalid("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "Must be 4000 or fewer in length.")
    seen: set[str] = set()
    for number, component in enumerate(components):
        _check_block(component, f"components.{number}", seen, files, _TOP)


def _check_block(block: Component, where: str, seen: set[str], files: Sequence[str], kinds: frozenset[int]) -> None:
    kind = block.get("type")
    if kind not in kinds:
        raise invalid(f"{where}.type", "BASE_TYPE_CHOICES", f"Value must be one of {sorted(kinds)}.")
    match kind:
        case 1:
            check_row(block, where, seen)
        case 10:
            _within(block.get("content"), f"{where}.content", _TEXT_LIMIT)
        case 12:
            items = cast("list[Component]", block.get("items") or [])
            if not 1 <= len(items) <= 10:
                raise invalid(f"{where}.items", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 10 in length.")
            for number, item in enumerate(items):
                url = str(item["media"]["url"])
                if url.startswith("attachment://") and url.removeprefix("attachment://") not in files:
                    place = f"{where}.items.{number}.media.url"
                    raise invalid(place, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", "No such attachment.")
                _within(item.get("description"), f"{where}.items.{number}.description", 1024, 0)
        case 17:
            inner = cast("list[Component]", block.get("components") or [])
            if not inner:
                raise invalid(f"{where}.components", "BASE_TYPE_REQUIRED", "This field is required")
            for number, item in enumerate(inner):
                _check_block(item, f"{where}.components.{number}", seen, files, _INSIDE)
        case _:
            pass


# --- dialogs ----------------------------------------------------------------------------------------------


def check_modal(data: Component) -> None:
    """A dialog: a title, and one to five labelled inputs."""
    _within(data.get("custom_id"), "data.custom_id", _CUSTOM_ID_LIMIT)
    _within(data.get("title"), "data.title", 45)
    labels = cast("list[Component]", data.get("components") or [])
    if not 1 <= len(labels) <= 5:
        raise invalid("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    seen: set[str] = set()
    for number, label in enumerate(labels):
        where = f"data.components.{number}"
        if label.get("type") != 18:
            raise invalid(f"{where}.type", "BASE_TYPE_CHOICES", "Value must be one of {1, 10, 18}.")
        _within(label.get("label"), f"{where}.label", 45)
        _within(label.get("description"), f"{where}.description", 100, 0)
        _check_input(cast("Component", label.get("component") or {}), f"{where}.component", seen)


def _check_input(field: Component, where: str, seen: set[str]) -> None:
    match field.get("type"):
        case 3:
            _check_select(field, where, seen)
        case 4:
            _own_id(field, where, seen)
            if field.get("style") not in {1, 2}:
                raise invalid(f"{where}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
            _within(field.get("placeholder"), f"{where}.placeholder", 100, 0)
            _within(field.get("value"), f"{where}.value", 4000, 0)
            least, most = field.get("min_length", 0), field.get("max_length", 4000)
            if not (0 <= least <= most and 1 <= most <= 4000):
                raise invalid(f"{where}.max_length", "NUMBER_TYPE_MAX", "Must be between 1 and 4000.")
        case 23:
            _own_id(field, where, seen)
        case _:
            raise invalid(f"{where}.type", "BASE_TYPE_CHOICES", "Value must be one of {3, 4, 23}.")
