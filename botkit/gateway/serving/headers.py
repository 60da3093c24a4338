"""Whether the headers of a modern request say the same as its body, so that nobody is led astray by either.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
"""

from __future__ import annotations

__all__ = ["check_envelope", "check_parameters", "meta_of"]

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, cast

from botkit.gateway.remote.headers import param_names
from botkit.gateway.serving.http import Http
from botkit.gateway.serving.rpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    Refusal,
    as_object,
)
from botkit.gateway.session import HANDSHAKE_VERSIONS, MODERN_VERSION

META = "io.modelcontextprotocol/"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PARAM = "mcp-param-"
_WRAPPED = re.compile(r"=\?base64\?(.*)\?=")
_DECIMAL = re.compile(r"-?[0-9]+(\.0+)?")
_ROUTING = ("mcp-protocol-version", "mcp-method", "mcp-name")


def meta_of(params: object) -> dict[str, Any]:
    """The request's `_meta`."""
    return as_object(as_object(params).get("_meta"))


def check_envelope(http: Http, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What every modern request must carry. Returns its `_meta`.

    Raises:
        Refusal: something is missing, differs between headers and body, or is a version not spoken here.
    """
    meta = meta_of(params)
    for key in (f"{META}protocolVersion", f"{META}clientCapabilities"):
        if key not in meta:
            raise Refusal(INVALID_PARAMS, f"params._meta lacks {key}.")
    for name in _ROUTING:
        if name in http.doubled:
            raise Refusal(HEADER_MISMATCH, f"The header {name} came more than once.")
    version: Any = meta[f"{META}protocolVersion"]
    _compare("MCP-Protocol-Version", http.headers.get("mcp-protocol-version"), version)
    _compare("Mcp-Method", http.headers.get("mcp-method"), method)
    if (key := _NAMED.get(method)) is not None and params.get(key) is not None:
        _compare("Mcp-Name", _unwrapped(http.headers.get("mcp-name")), params[key])
    if version != MODERN_VERSION:
        supported = [MODERN_VERSION]
        raise Refusal(
            UNSUPPORTED_VERSION,
            f"Protocol version {str(version)[:40]} is not spoken here.",
            {"supported": supported, "requested": version, "handshake": list(HANDSHAKE_VERSIONS)},
        )
    if not isinstance(meta[f"{META}clientCapabilities"], dict):
        raise Refusal(INVALID_PARAMS, f"{META}clientCapabilities must be an object.")
    return meta


def check_parameters(http: Http, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Compare `Mcp-Param-*` with the arguments whose schema asks for them. Raises `Refusal`."""
    for path, token in param_names(schema).items():
        header = f"Mcp-Param-{token}"
        raw = http.headers.get(header.lower())
        value: Any = arguments
        for key in path:
            value = as_object(value).get(key)
        if header.lower() in http.doubled:
            raise Refusal(HEADER_MISMATCH, f"The header {header} came more than once.")
        expected = _as_text(value)
        if expected is None or raw is None:
            if raw is not None or (expected is not None):
                raise Refusal(HEADER_MISMATCH, f"{header} and the argument {'.'.join(path)} must come together.")
            continue
        given = _unwrapped(raw)
        if given == expected:
            continue
        whole = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
        if whole and given is not None and _DECIMAL.fullmatch(given) and int(given.partition(".")[0]) == int(value):
            continue
        raise Refusal(HEADER_MISMATCH, f"{header} differs from the argument {'.'.join(path)}.")


def wants_parameters(http: Http, schema: Mapping[str, Any]) -> bool:
    """Whether there is anything to compare."""
    return any(name.startswith(_PARAM) for name in http.headers) or bool(param_names(schema))


def _compare(header: str, given: str | None, expected: object) -> None:
    if given is None or given != expected:
        raise Refusal(HEADER_MISMATCH, f"The header {header} is missing or differs from the body.")


def _unwrapped(value: str | None) -> str | None:
    found = _WRAPPED.fullmatch(value) if value is not None else None
    if found is None:
        return value
    try:
        return base64.b64decode(found[1].encode("ascii"), validate=True).decode()
    except (UnicodeError, binascii.Error):
        return None


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        try:
            return str(cast("object", value))
        except ValueError:  # a number of thousands of digits
            return None
    return None
