"""Gates whose codes could not be sent: worth a second look, since the settings may be there where the bot runs."""

from __future__ import annotations

__all__ = ["check_delivery"]

import re
from collections.abc import Collection, Iterator

from pydantic import BaseModel

from botkit.core.config import Settings
from botkit.core.config.models.base import SecretRef
from botkit.workflows.checks.texts import find_place
from botkit.workflows.define.written import Written, WrittenNode
from botkit.workflows.expressions import is_template

_GATE = "auth_gate"
_SERVICES = {"email_otp": "mail", "magic_link": "mail", "sms_otp": "sms", "custom": "identity"}
_LACKS = {
    "mail": "no mail can be sent",
    "sms": "no short messages can be sent",
    "identity": "no service checks identities",
}


def check_delivery(written: Written, settings: Settings, secrets: Collection[str] | None) -> None:
    """Warn of every `auth_gate` whose method has no service that works.

    Args:
        secrets: names of stored secrets; nothing is said about them when absent.
    """
    for node in written.nodes:
        if node.type == _GATE and (said := _lacking(node, settings, secrets)) is not None:
            message, hint = said
            _, _, place = find_place(node.fields, ("method",))
            written.report.warn(place, message, node.id, "method", hint=hint)


def _lacking(node: WrittenNode, settings: Settings, secrets: Collection[str] | None) -> tuple[str, str] | None:
    """What is missing and what to do, for one gate."""
    method = node.data.get("method") or "email_otp"
    name = _SERVICES.get(method) if isinstance(method, str) and not is_template(method) else None
    if name is None:
        return None
    service: BaseModel | None = getattr(settings, name)
    if service is None:
        return f"{_LACKS[name]} for `{method}`", f"say how in settings.{name} of bots.yaml"
    for secret in _secrets_of(service):
        stored = re.sub(r"[^A-Za-z0-9]", "_", secret).upper()
        if secrets is not None and stored not in secrets:
            return (
                f"{_LACKS[name]} for `{method}`: settings.{name} uses the secret `{secret}`, which is not stored",
                f"store it with `botkit secrets set {secret}`",
            )
    return None


def _secrets_of(service: BaseModel) -> Iterator[str]:
    for name in type(service).model_fields:
        value = getattr(service, name)
        if isinstance(value, SecretRef):
            yield value.secret
