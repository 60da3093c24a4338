"""Mail to a real server on this machine: what arrives, how it is protected, and what each failure means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from botkit.app.delivery.smtp import Smtp
from botkit.core.config.models.delivery import SmtpMail
from botkit.core.delivery import Mail, NotDelivered, Undelivered
from botkit.testing.clock import ManualClock
from tests.app.delivery.mailbox import Mailbox, certificate, mail_server

PASSWORD = "s3cret-mail-password"
CODE = "492817"
SUBJECT = "Your code\r\nBcc: eve@example.com"
MAIL = Mail(to="ada@example.com", subject=SUBJECT, text=f"Grüße: {CODE}", html="<b>Grüße</b>")


def smtp(box: Mailbox, **more: Any) -> Smtp:
    tls = more.pop("trusted", None)
    config = SmtpMail.model_validate(
        {
            "provider": "smtp",
            "from": "Desk <desk@example.com>",
            "host": "127.0.0.1",
            "port": box.port,
            "security": "none",
            "timeout_s": 20.0,
            **more,
        }
    )

    async def secret(name: str) -> str:
        return {"PW": PASSWORD, "WRONG": "other-password"}[name]

    return Smtp(config, secret, ManualClock(), tls=tls)


async def test_a_mail_arrives_as_it_was_meant() -> None:
    async with mail_server() as box:
        mailer = smtp(box)
        id_ = await mailer.send(MAIL, key="k")
        assert await mailer.send(MAIL, key="k") == id_, "a repeat has the same id, by which readers drop doubles"
    mail = box.mails[0]
    assert mail["From"] == "Desk <desk@example.com>"
    assert mail["To"] == "ada@example.com"
    assert mail["Subject"] == "Your code Bcc: eve@example.com", "a line break cannot add a header"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == id_
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == f"Grüße: {CODE}"
    assert html.get_content().strip() == "<b>Grüße</b>"
    assert box.envelopes[0] == ("desk@example.com", ["ada@example.com"])


async def test_the_login_travels_only_encrypted(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    login = {"user": "desk", "password": {"secret": "PW"}}
    async with mail_server(starttls=server, login=True) as box:
        await smtp(box, security="starttls", trusted=client, **login).send(MAIL, key="k")
        assert box.logins == [("desk", PASSWORD)]
        assert box.tls == [True]
    async with mail_server(tls=server) as box:
        await smtp(box, security="tls", trusted=client).send(MAIL, key="k")
        assert box.tls == [True]


async def test_a_server_without_encryption_is_told_nothing() -> None:
    async with mail_server() as box:
        with pytest.raises(NotDelivered):
            await smtp(box, security="starttls", user="desk", password={"secret": "PW"}).send(MAIL, key="k")
        assert box.logins == []
        assert box.mails == []


async def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path)
    async with mail_server(starttls=server) as box:
        with pytest.raises(NotDelivered):
            await smtp(box, security="starttls").send(MAIL, key="k")
        assert box.mails == []


async def test_refusals_say_whether_to_try_again_and_repeat_nothing(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    async with mail_server() as box:
        box.answer = lambda mail: f"451 later, {CODE}"
        with pytest.raises(NotDelivered) as busy:
            await smtp(box).send(MAIL, key="k")
        box.answer = lambda mail: f"554 no, {CODE}"
        with pytest.raises(NotDelivered) as refused:
            await smtp(box).send(MAIL, key="k")
        box.refuse_recipient = "550 ada@example.com is unknown"
        with pytest.raises(NotDelivered) as unknown:
            await smtp(box).send(MAIL, key="k")
    assert (busy.value.retryable, refused.value.retryable, unknown.value.retryable) == (True, False, False)
    assert not any(CODE in str(each.value) or "ada@" in str(each.value) for each in (busy, refused, unknown))
    async with mail_server(starttls=server, login=True) as box:
        with pytest.raises(NotDelivered) as wrong:
            await smtp(box, security="starttls", trusted=client, user="desk", password={"secret": "WRONG"}).send(
                MAIL, key="k"
            )
    assert "other-password" not in str(wrong.value)


async def test_a_server_that_hangs_up_after_the_mail_leaves_it_unknown() -> None:
    async with mail_server() as box:
        box.answer = lambda mail: None
        with pytest.raises(Undelivered):
            await smtp(box).send(MAIL, key="k")
        assert len(box.mails) == 1


async def test_a_server_that_is_not_there_was_told_nothing() -> None:
    async with mail_server() as box:
        pass
    with pytest.raises(NotDelivered) as gone:
        await smtp(box).send(MAIL, key="k")
    assert gone.value.retryable
