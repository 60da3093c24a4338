"""Where a server's secrets go when it is called over HTTP.

| rule | what is sent |
|---|---|
| none | header `X-Mcp-Secret-GITHUB-TOKEN` |
| `as: named` | header `GITHUB_TOKEN` |
| `header: X-Api-Key` | that header |
| `bearer: true` | `Authorization: Bearer …`; a value that begins with `Bearer ` is sent as it is |
| `query: key` | that query parameter, which no log ever shows |
| `body: true` | `"secrets": {"GITHUB_TOKEN": …}` in the body of a call |

Headers are built from these rules and the server's `headers` alone. Nothing a caller sent to us, such as its
`Authorization`, its cookies or its token, is ever passed on.
"""

from __future__ import annotations

__all__ = ["credentials_of", "secrets_of"]

import re
from collections.abc import Mapping

from botkit.core.errors import SecretError
from botkit.gateway.remote.endpoint import Credentials
from botkit.gateway.secrets import normal_name
from botkit.gateway.settings import Inject, RemoteSettings, SecretName

_SENDABLE = re.compile(r"[\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {"accept", "connection", "content-length", "content-type", "cookie", "host", "last-event-id", "mcp-method",
     "mcp-name", "mcp-protocol-version", "mcp-session-id", "te", "transfer-encoding", "upgrade"}
)  # fmt: skip
"""Headers that belong to the transport; a rule or a configured header of that name would break it."""


def secrets_of(server: RemoteSettings) -> set[str]:
    """Names of all secrets a request to this server needs, but for those each person has."""
    return {rule.secret for rule in server.inject if not rule.person} | {
        value.name for value in server.headers.values() if isinstance(value, SecretName)
    }


def credentials_of(server: RemoteSettings, values: Mapping[str, str]) -> Credentials:
    """Put the values into their places. `values` holds one for each of `secrets_of`, and those of the person.

    Raises:
        SecretError: a value cannot be sent as a header; it never appears in the message.
    """
    headers = {name: values[value.name] for name, value in server.headers.items() if isinstance(value, SecretName)}
    query: dict[str, str] = {}
    body: dict[str, str] = {}
    for rule in server.inject:
        if rule.person and rule.secret not in values:
            continue  # botkit itself asks, to see the tools
        value = values[rule.secret]
        if rule.query:
            query[rule.query] = value
        elif rule.body:
            body[normal_name(rule.secret)] = value
        else:
            header, text = _header(rule, value)
            headers[header] = text
    for header, text in headers.items():
        if not _SENDABLE.fullmatch(text):
            raise SecretError(f"The secret for the header {header} holds characters that a header cannot carry.")
        if header.lower() in _OURS:
            raise SecretError(f"The header {header} belongs to the connection and cannot carry a secret.")
    return Credentials(headers={name: text.strip() for name, text in headers.items()}, query=query, body=body)


def _header(rule: Inject, value: str) -> tuple[str, str]:
    if rule.bearer:
        return "Authorization", value if value[:7].lower() == "bearer " else f"Bearer {value}"
    if rule.header:
        return rule.header, value
    if rule.named:
        return rule.secret, value
    return f"X-Mcp-Secret-{normal_name(rule.secret).replace('_', '-')}", value
