"""Configuration values as they may be shown: placeholders as written, references as references, nothing secret."""

from __future__ import annotations

__all__ = ["HIDDEN", "shown_values"]

import re
from typing import Any, cast

from botkit.core.config.config import Config
from botkit.core.config.locate import looks_secret
from botkit.core.config.tree import Leaf, Path, follow, raw_values

HIDDEN = "(hidden)"
_PRIVATE_KEYS = re.compile(r"(?i)(^|[_-])(api_?key|key|token|secret|password|passwd|credentials?|authorization)$")
_FREE_FORM = frozenset({"env", "headers", "params", "options", "args"})
"""Mappings in which an operator may have put a credential as plain text."""


def shown_values(config: Config) -> dict[str, Any]:
    """Everything that is set, as plain values by the keys of the file."""
    values = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return cast("dict[str, Any]", _shown(config, values, ()))


def _shown(config: Config, value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if list(mapping) == ["secret"]:
            return f"{{secret: {mapping['secret']}}}"
        return {key: _shown(config, child, (*path, key)) for key, child in mapping.items()}
    if isinstance(value, list):
        return [_shown(config, item, (*path, index)) for index, item in enumerate(cast("list[Any]", value))]
    found, node, _ = follow(config.origin.tree, path)
    written = raw_values(node) if found == path and isinstance(node, Leaf) else value
    return HIDDEN if isinstance(written, str) and _is_private(written, path) else written


def _is_private(text: str, path: Path) -> bool:
    if "${" in text or not _FREE_FORM.intersection(map(str, path)):
        return False
    return _PRIVATE_KEYS.search(str(path[-1])) is not None or looks_secret(text)
