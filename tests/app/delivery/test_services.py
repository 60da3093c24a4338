"""Requests to Resend, SES, Twilio, MSG91 and to services of one's own, as their documentation says they look."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from botkit.app.delivery import Deliveries
from botkit.app.delivery.ses import sign
from botkit.core.config import Settings
from botkit.core.delivery import Mail, NotDelivered, NotSetUp, Undelivered
from botkit.core.errors import SecretError
from botkit.testing.clock import ManualClock
from tests.gateway.remote.support import serving

# AWS's own library, without types: the judge of what is sent to SES.
aws_auth: Any = import_module("botocore.auth")
aws_request: Any = import_module("botocore.awsrequest")
aws_credentials: Any = import_module("botocore.credentials")
aws_session: Any = import_module("botocore.session")
aws_validate: Any = import_module("botocore.validate")

SECRET = "sk-live-0123456789abcdef"
MAIL = Mail(to="ada@example.com", subject="Your code", text="Your code is 492817.", html="<p>492817</p>")
AC, VA, MG = "AC" + "0" * 32, "VA" + "1" * 32, "MG" + "2" * 32


@dataclass
class Service:
    """Takes every request, and answers as it is told."""

    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    seen: list[tuple[Request, bytes]] = field(default_factory=list[tuple[Request, bytes]])
    address: str = ""

    async def take(self, request: Request) -> Response:
        self.seen.append((request, await request.body()))
        answer = self.answers.get(request.url.path, {})
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    @property
    def body(self) -> Any:
        return json.loads(self.seen[-1][1])

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.seen[-1][1].decode())

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.seen[-1][0].headers)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with serving(Starlette(routes=[Route("/{path:path}", service.take, methods=["POST"])])) as address:
        service.address = address
        yield service


class Vault:
    async def resolve(self, names: Iterable[str], scopes: Sequence[str]) -> dict[str, str]:
        if set(names) - {"KEY"}:
            raise SecretError("There is no such secret.")
        return dict.fromkeys(names, SECRET)


async def read_secret(name: str) -> str:
    return (await Vault().resolve([name], ()))[name]


def deliveries(**settings: Any) -> Deliveries:
    found = Settings.model_validate(settings)
    return Deliveries(lambda: found, Vault(), read_secret, ManualClock())


def resend(service: Service) -> dict[str, Any]:
    return {"provider": "resend", "from": "desk@example.com", "key": {"secret": "KEY"}, "base_url": service.address}


def twilio(service: Service, **more: Any) -> dict[str, Any]:
    urls = {"base_url": service.address, "verify_url": service.address}
    return {"provider": "twilio", "account": AC, "token": {"secret": "KEY"}, **urls, **more}


async def test_resend_gets_json_a_bearer_key_and_an_idempotency_key(service: Service) -> None:
    service.answers["/emails"] = {"id": "49a3999c"}
    mailer = deliveries(mail=resend(service)).mailer()
    assert await mailer.send(MAIL, key="run_1/gate") == "49a3999c"
    assert service.headers["authorization"] == f"Bearer {SECRET}"
    assert service.body == {
        "from": "desk@example.com",
        "to": ["ada@example.com"],
        "subject": "Your code",
        "text": "Your code is 492817.",
        "html": "<p>492817</p>",
    }
    first = service.headers["idempotency-key"]
    assert 1 <= len(first) <= 256
    await mailer.send(MAIL, key="run_1/gate")
    assert service.headers["idempotency-key"] == first
    await mailer.send(MAIL, key="run_2/gate")
    assert service.headers["idempotency-key"] != first


async def test_ses_gets_a_request_that_botocore_would_have_signed_the_same(service: Service) -> None:
    service.answers["/v2/email/outbound-emails"] = {"MessageId": "0107"}
    ses = {
        "provider": "ses",
        "from": "desk@example.com",
        "region": "eu-central-1",
        "access_key": "AKIDEXAMPLE",
        "secret_key": {"secret": "KEY"},
        "base_url": service.address,
    }
    assert await deliveries(mail=ses).mailer().send(MAIL, key="k") == "0107"
    request, body = service.seen[-1]
    signed = aws_request.AWSRequest(
        method="POST",
        url=str(request.url),
        data=body,
        headers={name: request.headers[name] for name in ("content-type", "x-amz-content-sha256", "host")},
    )
    signed.context["timestamp"] = request.headers["x-amz-date"]
    signed.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    auth = aws_auth.SigV4Auth(aws_credentials.Credentials("AKIDEXAMPLE", SECRET), "ses", "eu-central-1")
    canonical = auth.canonical_request(signed)
    expected = auth.signature(auth.string_to_sign(signed, canonical), signed)
    assert request.headers["authorization"].endswith(f"Signature={expected}")
    assert SECRET not in str(request.headers)


async def test_the_request_to_ses_has_the_shape_of_its_api(service: Service) -> None:
    model = aws_session.get_session().get_service_model("sesv2")
    assert model.signing_name == "ses"
    operation = model.operation_model("SendEmail")
    assert (operation.http["method"], operation.http["requestUri"]) == ("POST", "/v2/email/outbound-emails")

    service.answers["/v2/email/outbound-emails"] = {"MessageId": "1"}
    ses = {
        "provider": "ses",
        "from": "desk@example.com",
        "region": "eu-central-1",
        "access_key": "AK",
        "secret_key": {"secret": "KEY"},
        "base_url": service.address,
    }
    await deliveries(mail=ses).mailer().send(MAIL, key="k")
    report = aws_validate.ParamValidator().validate(service.body, operation.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_the_date_and_the_body_change_the_signature() -> None:
    clock = ManualClock()
    url = "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails"
    one = sign(url, b"{}", "AK", "s", "eu-central-1", clock.now())
    two = sign(url, b"{ }", "AK", "s", "eu-central-1", clock.now())
    assert one["authorization"] != two["authorization"]
    assert one["host"] == "email.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [({"from": "+15551230000"}, ("From", "+15551230000")), ({"messaging_service": MG}, ("MessagingServiceSid", MG))],
)
async def test_twilio_gets_a_form_and_a_login(service: Service, sender: dict[str, str], expected: Any) -> None:
    path = f"/2010-04-01/Accounts/{AC}/Messages.json"
    service.answers[path] = JSONResponse({"sid": "SM1"}, status_code=201)
    texter = deliveries(sms=twilio(service, **sender)).texter()
    assert await texter.send("+491701234567", "Your code is 492817.", code="492817", key="k") == "SM1"
    assert service.form == {"To": ["+491701234567"], "Body": ["Your code is 492817."], expected[0]: [expected[1]]}
    user, _, password = (
        base64.b64decode(service.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    )
    assert (user, password) == (AC, SECRET)
    assert service.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_twilio_verify_makes_and_checks_the_code(service: Service) -> None:
    base = f"/v2/Services/{VA}"
    service.answers[f"{base}/Verifications"] = JSONResponse({"sid": "VE1", "status": "pending"}, status_code=201)
    codes = deliveries(sms=twilio(service, verify_service=VA)).sms_codes()
    assert codes is not None
    reference = await codes.send("+491701234567", person="ada", key="k")
    assert (reference, service.form) == ("VE1", {"To": ["+491701234567"], "Channel": ["sms"]})
    check = f"{base}/VerificationCheck"
    service.answers[check] = {"status": "approved", "to": "+491701234567"}
    assert (await codes.check("+491701234567", "492817", person="ada", reference="VE1")).verified
    assert service.form == {"VerificationSid": ["VE1"], "Code": ["492817"]}
    service.answers[check] = {"status": "approved", "to": "+499999999999"}
    assert not (await codes.check("+491701234567", "492817", person="ada", reference="VE1")).verified
    service.answers[check] = {"status": "pending", "to": "+491701234567"}
    assert not (await codes.check("+491701234567", "000000", person="ada", reference="VE1")).verified
    service.answers[check] = JSONResponse({"code": 20404}, status_code=404)
    assert not (await codes.check("+491701234567", "492817", person="ada", reference="VE1")).verified
    service.answers[check] = JSONResponse({"code": 60202}, status_code=429)
    with pytest.raises(NotDelivered):
        await codes.check("+491701234567", "492817", person="ada", reference="VE1")


async def test_msg91_gets_the_code_for_its_template(service: Service) -> None:
    msg91 = {"provider": "msg91", "key": {"secret": "KEY"}, "template": "tpl_1", "base_url": service.address}
    service.answers["/api/v5/otp"] = {"type": "success", "request_id": "r1"}
    texter = deliveries(sms=msg91).texter()
    assert await texter.send("+919999999990", "ignored", code="492817", key="k") == "r1"
    request, _ = service.seen[-1]
    query = dict(request.query_params)
    assert query == {"template_id": "tpl_1", "mobile": "919999999990", "otp": "492817", "otp_expiry": "10"}
    assert request.headers["authkey"] == SECRET
    service.answers["/api/v5/otp"] = {"type": "error", "message": f"wrong {SECRET}"}
    with pytest.raises(NotDelivered) as refused:
        await texter.send("+919999999990", "ignored", code="492817", key="k")
    assert SECRET not in str(refused.value)
    with pytest.raises(NotDelivered):
        await texter.send("+919999999990", "a link", key="k")


async def test_services_of_ones_own_get_signed_json(service: Service) -> None:
    own = {"url": service.address, "key": {"secret": "KEY"}, "allow_private": True}
    found = deliveries(
        mail={"provider": "http", "from": "desk@example.com", **own, "url": f"{service.address}/mail"},
        sms={"provider": "http", **own, "url": f"{service.address}/sms"},
        identity={**own, "url": f"{service.address}/id"},
    )
    await found.mailer().send(MAIL, key="k1")
    assert service.body["to"] == "ada@example.com"
    assert service.body["key"] == "k1"
    body = service.seen[-1][1]
    stamped = dict(part.split("=", 1) for part in service.headers["x-botkit-signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{stamped['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(stamped["v1"], expected)
    await found.texter().send("+491701234567", "Your code is 492817.", code="492817", key="k2")
    assert service.body == {"to": "+491701234567", "text": "Your code is 492817.", "code": "492817", "key": "k2"}
    service.answers["/id/send"] = {"reference": "ref-1"}
    codes = found.own_codes()
    assert await codes.send("C-17", person="ada", key="k3") == "ref-1"
    service.answers["/id/verify"] = {"verified": True, "identity": {"customer": 17}}
    checked = await codes.check("C-17", "blue", person="ada", reference="ref-1")
    assert (checked.verified, checked.identity) == (True, {"customer": 17})
    service.answers["/id/verify"] = {"verified": "yes"}
    assert not (await codes.check("C-17", "blue", person="ada", reference="ref-1")).verified, "only true is true"


async def test_a_service_of_ones_own_stays_out_of_the_private_network_unless_named(service: Service) -> None:
    own = {"provider": "http", "url": f"{service.address}/sms", "key": {"secret": "KEY"}}
    with pytest.raises(NotDelivered):
        await deliveries(sms=own).texter().send("+491701234567", "x", key="k")
    assert service.seen == []


async def test_failures_tell_refused_from_unknown_and_name_no_secret(service: Service) -> None:
    mailer = deliveries(mail=resend(service)).mailer()
    service.answers["/emails"] = JSONResponse({"message": SECRET}, status_code=422)
    with pytest.raises(NotDelivered) as refused:
        await mailer.send(MAIL, key="k")
    service.answers["/emails"] = JSONResponse({}, status_code=429)
    with pytest.raises(NotDelivered) as busy:
        await mailer.send(MAIL, key="k")
    service.answers["/emails"] = JSONResponse({"message": SECRET}, status_code=500)
    with pytest.raises(Undelivered) as unknown:
        await mailer.send(MAIL, key="k")
    assert (refused.value.retryable, busy.value.retryable) == (False, True)
    assert not any(SECRET in str(each.value) or "492817" in str(each.value) for each in (refused, busy, unknown))


async def test_a_missing_secret_stops_the_message_before_it_leaves(service: Service) -> None:
    mail = resend(service) | {"key": {"secret": "NONE"}}
    with pytest.raises(NotDelivered):
        await deliveries(mail=mail).mailer().send(MAIL, key="k")
    assert service.seen == []


def test_nothing_is_sent_where_nothing_is_set_up() -> None:
    found = deliveries()
    for ask in (found.mailer, found.texter, found.own_codes):
        with pytest.raises(NotSetUp):
            ask()
