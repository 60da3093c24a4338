"""What Slack refuses of blocks and views, as `invalid_blocks` and `invalid_arguments`.

Source: https://docs.slack.dev/reference/block-kit/
"""

from __future__ import annotations

__all__ = ["check_blocks", "check_view"]

from collections.abc import Sequence
from typing import Any, cast

from botkit.testing.slack.world import ApiError

Block = dict[str, Any]
_BLOCKS_LIMIT = 50
_VIEW_BLOCKS_LIMIT = 100
_ELEMENTS_LIMIT = 25
_OPTIONS_LIMIT = 100
_MARKDOWN_LIMIT = 12_000
_MENUS = frozenset({"static_select", "multi_static_select"})


def _refuse(why: str) -> ApiError:
    return ApiError("invalid_blocks", errors=[why])


def _length(text: object) -> int:
    return len(str(text or "").encode("utf-16-le", "surrogatepass")) // 2


def _plain(value: object, limit: int, where: str) -> None:
    text = cast("Block", value) if isinstance(value, dict) else {}
    if text.get("type") not in {"plain_text", "mrkdwn"} or not 1 <= _length(text.get("text")) <= limit:
        raise _refuse(f"{where}: a text of 1 to {limit} characters")


def check_blocks(blocks: Sequence[Block]) -> None:
    """Raises `ApiError` for what a message would not take."""
    if len(blocks) > _BLOCKS_LIMIT:
        raise _refuse("no more than 50 blocks")
    if sum(_length(block.get("text")) for block in blocks if block.get("type") == "markdown") > _MARKDOWN_LIMIT:
        raise ApiError("msg_blocks_too_long")
    for block in blocks:
        match block.get("type"):
            case "markdown":
                if not str(block.get("text", "")):
                    raise _refuse("an empty markdown block")
            case "actions":
                elements = cast("list[Block]", block.get("elements") or [])
                if not 1 <= len(elements) <= _ELEMENTS_LIMIT:
                    raise _refuse("1 to 25 elements")
                for element in elements:
                    _check_action(element, {"button", "static_select", "datepicker"})
            case "section":
                _check_section(block)
            case "divider":
                pass
            case kind:
                raise _refuse(f"unsupported block {kind}")
    seen: set[str] = set()
    actions = [element for block in blocks for element in block.get("elements") or ()]
    for action in [*actions, *(block["accessory"] for block in blocks if "accessory" in block)]:
        name = str(action.get("action_id", ""))
        if not 1 <= len(name) <= 255 or name in seen:
            raise _refuse(f"action_id {name!r} is missing, too long or there twice")
        seen.add(name)


def _check_section(block: Block) -> None:
    fields = cast("list[Block]", block.get("fields") or [])
    if not fields or "text" in block:
        _plain(block.get("text"), 3000, "section.text")
    if len(fields) > 10:
        raise _refuse("no more than 10 fields")
    for field in fields:
        _plain(field, 2000, "section.fields")
    if "accessory" in block:
        _check_action(block["accessory"], {"button", *_MENUS})


def _check_action(element: Block, kinds: set[str]) -> None:
    if element.get("type") not in kinds:
        raise _refuse(f"unsupported element {element.get('type')}")
    if element["type"] in _MENUS:
        _check_menu(element)
    elif element["type"] == "button":
        _plain(element.get("text"), 75, "button.text")
        if _length(element.get("value")) > 2000 or element.get("style", "primary") not in {"primary", "danger"}:
            raise _refuse("button")
        if _length(element.get("url")) > 3000:
            raise _refuse("button.url")


def _check_menu(menu: Block) -> None:
    options = cast("list[Block]", menu.get("options") or [])
    if not 1 <= len(options) <= _OPTIONS_LIMIT:
        raise _refuse("1 to 100 options")
    for option in options:
        _plain(option.get("text"), 75, "option.text")
        if not 1 <= _length(option.get("value")) <= 150:
            raise _refuse("option.value")
        if "description" in option:
            _plain(option["description"], 75, "option.description")
    if len({str(option["value"]) for option in options}) != len(options):
        raise _refuse("two options with the same value")
    if menu["type"] == "static_select" and "max_selected_items" in menu:
        raise _refuse("max_selected_items")


# --- views --------------------------------------------------------------------------------------------------


def check_view(view: Block) -> None:
    """Raises `ApiError` for what `views.open` would not take."""
    blocks = cast("list[Block]", view.get("blocks") or [])
    try:
        if view.get("type") != "modal" or not 1 <= len(blocks) <= _VIEW_BLOCKS_LIMIT:
            raise _refuse("a modal of 1 to 100 blocks")
        _plain(view.get("title"), 24, "title")
        _plain(view.get("submit"), 24, "submit")
        if len(str(view.get("private_metadata", ""))) > 3000 or len(str(view.get("callback_id", ""))) > 255:
            raise _refuse("private_metadata")
        names = [str(block.get("block_id", "")) for block in blocks if block.get("type") == "input"]
        if len(set(names)) != len(names) or not all(1 <= len(name) <= 255 for name in names):
            raise _refuse("block_id")
        for block in blocks:
            _check_view_block(block)
    except ApiError as error:
        raise ApiError("invalid_arguments", response_metadata={"messages": error.more.get("errors", [])}) from None


def _check_view_block(block: Block) -> None:
    if block.get("type") == "section":
        return _check_section(block)
    if block.get("type") != "input":
        raise _refuse(f"unsupported block {block.get('type')}")
    _plain(block.get("label"), 2000, "input.label")
    if "hint" in block:
        _plain(block["hint"], 2000, "input.hint")
    element = cast("Block", block.get("element") or {})
    if not element.get("action_id"):
        raise _refuse("action_id")
    match element.get("type"):
        case "plain_text_input":
            most = element.get("max_length", 3000)
            if not 1 <= most <= 3000 or not 0 <= element.get("min_length", 0) <= most:
                raise _refuse("max_length")
        case "number_input":
            if not isinstance(element.get("is_decimal_allowed"), bool):
                raise _refuse("is_decimal_allowed")
        case "checkboxes":
            options = cast("list[Block]", element.get("options") or [])
            if not 1 <= len(options) <= 10:
                raise _refuse("1 to 10 checkboxes")
            for option in options:
                _plain(option.get("text"), 75, "option.text")
        case "datepicker":
            pass
        case kind if kind in _MENUS:
            _check_menu(element)
        case kind:
            raise _refuse(f"unsupported element {kind}")
    return None
