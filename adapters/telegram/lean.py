"""Import aiogram without building what is never used.

aiogram declares its four hundred Bot API types with `defer_build`, and then builds them all at import: seconds
of CPU and more than 100 MB for types of which a bot meets a few dozen. Here each type is built when it is first
used, with the same namespace aiogram would have used. When aiogram was imported by somebody else before, or
does not build at import any more, nothing is changed.
"""

from __future__ import annotations

__all__ = ["import_aiogram"]

import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def import_aiogram() -> None:
    """Import aiogram's types and methods; safe to repeat. Other libraries' models are built as always."""
    if "aiogram.types" in sys.modules:
        return
    namespace: dict[str, Any] = {}
    original: Any = BaseModel.__dict__["model_rebuild"]
    build = original.__func__

    def remember(cls: type[BaseModel], *, _types_namespace: Mapping[str, Any] | None = None, **options: Any) -> Any:
        if _types_namespace is None or not cls.__module__.startswith("aiogram."):
            return build(cls, _types_namespace=_types_namespace, **options)
        namespace.update(_types_namespace)
        return None

    def build_later(cls: type[BaseModel], *, _types_namespace: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return build(cls, _types_namespace=_types_namespace or namespace, **options)

    _set_rebuild(BaseModel, classmethod(remember))
    try:
        import aiogram.methods.base
        import aiogram.types.base
    finally:
        _set_rebuild(BaseModel, original)
    if namespace:
        methods = aiogram.methods.base
        for base in (aiogram.types.base.TelegramObject, methods.TelegramMethod, methods.Response):
            _set_rebuild(base, classmethod(build_later))


def _set_rebuild(model: type[BaseModel], method: Any) -> None:
    model.model_rebuild = method
