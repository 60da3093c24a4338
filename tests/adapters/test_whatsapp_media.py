"""Files on WhatsApp: whose address wants a login, and which stop being there; and bodies nobody should send."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from botkit.core.errors import BadSignature, NotFound
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import MemoryHost
from botkit.testing.whatsapp import FakeCloud, FakeTwilio
from tests.adapters.test_whatsapp import WhatsAppEmulator


@pytest.fixture(params=[FakeCloud, FakeTwilio], ids=["cloud", "twilio"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeCloud | FakeTwilio]:
    async with request.param() as fake:
        yield fake


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost()


@pytest.fixture
async def adapter(fake: FakeCloud | FakeTwilio, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = WhatsAppEmulator(fake).adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


async def test_w14_a_files_address_wants_the_accounts_login_and_expires(
    fake: FakeCloud | FakeTwilio, host: MemoryHost, adapter: Adapter
) -> None:
    fake.send_file("Ada", b"a,b\n", name="orders.csv")
    (attachment,) = (await host.event(0)).attachments
    (media_id,) = fake.files
    async with httpx.AsyncClient(base_url=fake.api_base, trust_env=False) as stranger:
        assert (await stranger.get(f"/media/{media_id}")).status_code == 401
    assert b"".join([chunk async for chunk in adapter.fetch(attachment)]) == b"a,b\n"
    fake.files.clear()
    with pytest.raises(NotFound, match="send it again"):
        async for _ in adapter.fetch(attachment):
            pass


async def test_c18_a_body_of_ten_megabytes_or_a_packed_one_is_refused(
    fake: FakeCloud | FakeTwilio, host: MemoryHost, adapter: Adapter
) -> None:
    if isinstance(fake, FakeCloud):
        good = fake.signed(fake.message(fake.person("Ada"), "wamid.1", {"type": "text", "text": {"body": "x"}}))
    else:
        good = fake.signed(fake.form(fake.person("Ada"), "SM1", Body="x"))
    long = msgspec.structs.replace(good, body=good.body + b" " * 10_000_000)
    assert (await adapter.webhook(long)).status == 413
    bomb = msgspec.structs.replace(
        good, body=gzip.compress(good.body * 1000), headers={**good.headers, "content-encoding": "gzip"}
    )
    with pytest.raises(BadSignature):
        await adapter.webhook(bomb)
    assert host.events == []
