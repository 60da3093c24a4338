"""The link of an invitation."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from botkit.app.http.join import join_routes
from botkit.core.errors import NotFound
from botkit.gateway.access.desk import OPERATOR, AccessDesk
from botkit.store.open import open_store
from botkit.testing.clock import ManualClock


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AccessDesk]:
    clock = ManualClock()
    async with open_store(tmp_path / "home", clock=clock, synchronous="normal") as store:
        yield AccessDesk(store.members, clock, workspaces=lambda: {"desk"})


@pytest.fixture
async def browser(desk: AccessDesk) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=join_routes(desk, lambda: "https://bots.example.com/"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://bots.example.com") as browser:
        yield browser


async def test_a_link_is_used_by_its_button_and_once(desk: AccessDesk, browser: httpx.AsyncClient) -> None:
    invited = await desk.invite("desk", by=OPERATOR, name="<b>Ada</b>")
    for _ in range(3):  # programs look at links before people do
        looked = await browser.get(f"/join/{invited.code}")
        assert looked.status_code == 200
        assert "mwt_" not in looked.text
    came = await browser.post(f"/join/{invited.code}")
    found = re.search(r"mwt_[a-z0-9-]+_[0-9a-f]{64}", came.text)
    assert found is not None
    assert await desk.gate.authenticate("desk", found[0]) is not None
    assert "<b>Ada</b></b>" not in came.text
    assert "&lt;b&gt;Ada" in came.text
    assert "https://bots.example.com/ws/desk" in came.text
    assert came.headers["cache-control"] == "no-store"
    assert came.headers["referrer-policy"] == "no-referrer"
    assert "script" not in came.headers["content-security-policy"]
    again = await browser.post(f"/join/{invited.code}")
    assert again.status_code == 404
    assert "mwt_" not in again.text


async def test_unknown_links_look_like_good_ones_until_they_are_used(
    desk: AccessDesk, browser: httpx.AsyncClient
) -> None:
    invited = await desk.invite("desk", by=OPERATOR, name="Ada")
    looked = [(await browser.get(f"/join/{code}")).text for code in (invited.code, "mwi_nobody_00")]
    assert looked[0] == looked[1]
    assert (await browser.post("/join/mwi_nobody_00")).status_code == 404
    with pytest.raises(NotFound):
        await desk.accept("mwi_nobody_00", via="page")
