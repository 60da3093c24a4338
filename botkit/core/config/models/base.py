"""What every model of `bots.yaml` shares: strictness, secret references, and the scalars of the file."""

from __future__ import annotations

__all__ = [
    "Bool",
    "Currency",
    "Float",
    "FromEnvironment",
    "Int",
    "Json",
    "Language",
    "Locale",
    "Model",
    "ModelName",
    "Money",
    "Name",
    "OneOrMany",
    "PlatformId",
    "ProjectPath",
    "SecretName",
    "SecretRef",
    "Slug",
    "Text",
    "TextOrSecret",
    "TimeZone",
    "ToolPattern",
    "Url",
    "is_slug",
    "problem",
]

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    Strict,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from botkit.core.config.scalars import FromEnvironment, resolve_plain


def problem(message: str) -> PydanticCustomError:
    """An error whose sentence reaches the operator as it is. It must not repeat the value it refuses."""
    return PydanticCustomError("botkit", "{message}", {"message": message})


class Model(BaseModel, frozen=True):
    """Frozen, and refuses keys it does not know. Errors never repeat what was written."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        regex_engine="python-re",
    )


def _from_environment(value: object) -> object:
    """Turn the text of a `${VAR}` into the number or flag it spells, where such a value is wanted."""
    return resolve_plain(value) if isinstance(value, FromEnvironment) else value


Int = Annotated[int, Strict(), BeforeValidator(_from_environment)]
"""A whole number, or a `${VAR}` that spells one. A quoted number is refused."""
Float = Annotated[float, Strict(), BeforeValidator(_from_environment)]
Bool = Annotated[bool, Strict(), BeforeValidator(_from_environment)]
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _plain_json(value: Any) -> Any:
    if isinstance(value, FromEnvironment):
        return resolve_plain(value)
    if isinstance(value, dict):
        return {str(k): _plain_json(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # any JSON
    if isinstance(value, list):
        return [_plain_json(v) for v in value]  # pyright: ignore[reportUnknownVariableType]  # any JSON
    return value


Json = Annotated[JsonValue, BeforeValidator(_plain_json), WithJsonSchema({})]
"""Any value JSON can hold, handed on unchanged."""

_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def is_slug(value: str) -> bool:
    return len(value) <= 32 and re.fullmatch(_SLUG, value) is not None


def _check_slug(value: str) -> str:
    if not is_slug(value):
        raise problem("a name here has at most 32 lower-case letters, digits and single hyphens, such as order-desk")
    return value


Slug = Annotated[
    str,
    AfterValidator(_check_slug),
    Field(json_schema_extra={"pattern": _SLUG, "maxLength": 32}),
]
"""The name of a thing in the file: lower-case letters, digits, single hyphens, at most 32 characters."""


def _check_secret_name(value: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "_", value).upper()
    if not 1 <= len(value) <= 100 or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\- ]*", value):
        raise problem("a secret's name has letters, digits and underscores, such as TELEGRAM_TOKEN")
    return name


SecretName = Annotated[str, AfterValidator(_check_secret_name)]
"""Letters become capitals, other characters underscores, as in the store."""


class SecretRef(Model, frozen=True):
    """`{secret: NAME}`: a value kept in the secret store, never in the file."""

    secret: SecretName
    """The secret's name, such as TELEGRAM_TOKEN."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_the_value_itself(cls, value: object) -> object:
        if isinstance(value, str | int | float):
            raise problem(
                "a secret does not stand in the file: store it with `botkit secrets set NAME` and write {secret: NAME}"
            )
        return value

    def __str__(self) -> str:
        return f"{{secret: {self.secret}}}"


def _text_of_scalar(value: object) -> object:
    """`PORT: 8080` and `DEBUG: true` are text to a process environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _kind_of_text(value: object) -> str:
    return "(reference)" if isinstance(value, Mapping | SecretRef) else "(text)"


TextOrSecret = Annotated[
    Annotated[SecretRef, Tag("(reference)")] | Annotated[str, Tag("(text)")],
    Discriminator(_kind_of_text),
    BeforeValidator(_text_of_scalar, json_schema_input_type=str | int | float | bool | SecretRef),
]
"""Text, or a reference to a secret."""


def _check_id(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


PlatformId = Annotated[
    str,
    BeforeValidator(_check_id, json_schema_input_type=int | str),
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
]
"""A platform's id for a person or a room; numbers may stand unquoted."""

ToolPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.*?\[\]!-]{1,200}$")]
"""A tool as `server__tool`, or a pattern such as `orders__*`."""


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise problem("this must be a whole address that begins with https:// or http://")
    if parts.username or parts.password:
        raise problem("an address must not carry a user name or password; use a secret instead")
    return value


Url = Annotated[str, AfterValidator(_check_url)]


def _check_project_path(value: str) -> str:
    if "\\" in value or "\x00" in value:
        raise problem("write paths with forward slashes")
    if not value.strip() or value.endswith("/"):
        raise problem("this must name a file")
    return value


ProjectPath = Annotated[str, AfterValidator(_check_project_path)]
"""A file of the project, written with forward slashes."""


def _check_model_name(value: str) -> str:
    if not re.fullmatch(r"\S{1,200}", value):
        raise problem("a model is an alias from `models` or a LiteLLM name such as openai/gpt-5-mini")
    return value


ModelName = Annotated[str, AfterValidator(_check_model_name)]
"""An alias of `models`, or a LiteLLM name with a slash, such as `openai/gpt-5-mini`."""


def _check_time_zone(value: str) -> str:
    if value == "UTC":  # also where the machine has no time zone data
        return value
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):  # unknown, a folder, or a path
        raise problem("no such time zone; use a name such as Europe/Berlin or UTC") from None
    return value


TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
"""An IANA time zone, such as `Europe/Berlin`."""

Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
"""A language tag, such as `en`, `de-CH` or `pt-BR`."""

Language = Annotated[str, StringConstraints(pattern=r"^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)$")]
"""A language tag, or `auto`."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def _check_amount(value: object) -> object:
    value = _from_environment(value)
    if isinstance(value, bool | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise problem("this must be an amount of money such as 5 or 2.50")
    return str(value) if isinstance(value, float) else value


class Money(Model, frozen=True):
    """An amount of money. `5` and `5 USD` are short for `{amount: 5, currency: USD}`."""

    amount: Annotated[
        Decimal,
        Field(ge=0, max_digits=18, decimal_places=6),
        BeforeValidator(_check_amount),
        WithJsonSchema({"type": "number", "minimum": 0}),
    ]
    """How much, in whole units of the currency, down to six decimals."""
    currency: Currency = "USD"
    """Three letters. Must be `settings.currency`, in which prices are counted."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        if isinstance(value, str):
            match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]{1,6})?)(?:\s*([A-Z]{3}))?\s*", value)
            if not match:
                raise problem("this must be an amount of money such as 5 USD")
            return {"amount": Decimal(match[1]), **({"currency": match[2]} if match[2] else {})}
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return {"amount": value}
        return value

    @model_serializer(when_used="json")
    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


_T = TypeVar("_T")


class _OneOrMany:
    """Reads a single text or number as a list of one, and says so in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._as_list, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many, many.get("items", {})]}

    @staticmethod
    def _as_list(value: object) -> object:
        return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


OneOrMany = Annotated[tuple[_T, ...], _OneOrMany()]
"""A list; one entry may stand alone."""
