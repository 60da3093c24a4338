"""Tools get the files people sent: named by id, read at the last moment, of the same conversation only."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.core.clock import SystemClock
from botkit.core.errors import InvalidArguments, LimitReached, NotFound
from botkit.core.tools import NeedsApproval, Principal, ToolCall, arguments_digest
from botkit.gateway.file_inputs import CallFile, FileInput, described, file_inputs, with_files
from botkit.gateway.pipeline import Gateway
from botkit.gateway.settings import BotRules, GatewaySettings, HostedSettings, Review, WorkspaceSettings
from tests.gateway.support import ADMIN, Bench, text_of

SERVER = '''
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from pydantic import Field

server = MCPServer("scan", log_level="WARNING")
Image = Annotated[str, Field(description="A receipt.", json_schema_extra={"x-mcp-file": {"accept": ["image/*"]}})]


@server.tool()
def scan(image: Image, note: str = "") -> str:
    """Read a receipt."""
    return f"{image} {note}"


server.run()
'''
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": {"type": "string", "format": "uri", "x-mcp-file": {"accept": ["image/*"], "maxSize": 10}},
        "papers": {"type": "array", "items": {"type": "string", "format": "uri", "x-mcp-file": {}}},
        "note": {"type": "string"},
    },
}
INPUTS = file_inputs(SCHEMA)
BOT = Principal(id="ada", roles=("admin",), bot="desk")


class Files:
    """Implements `CallFiles`: what the run `run_1` may read."""

    def __init__(self) -> None:
        self.files = {
            "f1": CallFile(name="receipt ä.png", mime="image/png", data=b"pixels"),
            "f2": CallFile(name="", mime="", data=b"paper"),
        }
        self.read_for: list[tuple[str, str]] = []

    async def read(self, file_id: str, *, run_id: str, limit_bytes: int) -> CallFile:
        self.read_for.append((run_id, file_id))
        if run_id != "run_1" or file_id not in self.files:
            raise NotFound("no such file")
        if len(self.files[file_id].data) > limit_bytes:
            raise LimitReached("too large", limit="file", value=limit_bytes)
        return self.files[file_id]


async def resolved(files: Files | None = None, run_id: str = "run_1", **arguments: Any) -> dict[str, Any]:
    return await with_files("scan__scan", arguments, INPUTS, files or Files(), run_id=run_id)


def test_the_schema_says_which_arguments_take_files() -> None:
    image, papers = INPUTS
    assert image == FileInput(name="image", accept=("image/*",), limit_bytes=10)
    assert (papers.name, papers.many, papers.accept) == ("papers", True, ())
    assert file_inputs({"type": "object", "properties": {"a": True, "b": {"items": [1]}}}) == ()
    assert file_inputs({"type": "object", "properties": {"a": {"x-mcp-file": True}}})[0].name == "a"


def test_a_model_is_told_to_give_an_id() -> None:
    told = described({"name": "scan", "inputSchema": SCHEMA}, INPUTS)["inputSchema"]["properties"]
    assert "Give the id of a file of this conversation" in told["image"]["description"]
    assert "Takes image/*." in told["image"]["description"]
    assert "format" not in told["image"]
    assert "format" not in told["papers"]["items"]
    assert told["note"] == {"type": "string"}
    assert SCHEMA["properties"]["image"]["format"] == "uri", "the definition itself is not touched"


async def test_ids_become_data_uris_and_everything_else_stays() -> None:
    found = await resolved(image="f1", papers=["f2", "data:text/plain,hi"], note="f1")
    pixels, paper = (base64.b64encode(one).decode() for one in (b"pixels", b"paper"))
    assert found == {
        "image": f"data:image/png;name=receipt%20%C3%A4.png;base64,{pixels}",
        "papers": [f"data:application/octet-stream;base64,{paper}", "data:text/plain,hi"],
        "note": "f1",
    }
    assert await resolved(note="x") == {"note": "x"}


@pytest.mark.parametrize(
    ("arguments", "run_id", "reason"),
    [
        ({"image": "f9"}, "run_1", "there is no file 'f9' in this conversation"),
        ({"image": "f1"}, "run_2", "there is no file 'f1' in this conversation"),
        ({"image": "f2"}, "run_1", r"it takes image/\*, and this file is unknown"),
    ],
)
async def test_a_model_reads_why_a_file_is_refused(arguments: dict[str, Any], run_id: str, reason: str) -> None:
    with pytest.raises(InvalidArguments, match=reason):
        await resolved(run_id=run_id, **arguments)


async def test_files_that_do_not_fit_are_refused() -> None:
    files = Files()
    files.files["f1"] = CallFile(name="a.png", mime="image/png", data=b"x" * 11)
    with pytest.raises(InvalidArguments, match="larger than the 10 bytes"):
        await resolved(files, image="f1")
    files.files["f2"] = CallFile(name="b", mime="", data=b"x" * 6_000_000)
    with pytest.raises(InvalidArguments, match="larger than the 4485760 bytes"):
        await resolved(files, papers=["f2", "f2"])


async def final(gateway: Gateway, call: ToolCall) -> Any:
    """What a call ends with."""
    return [event async for event in gateway.call(call)][-1]


@pytest.fixture
async def scanning(tmp_path: Path) -> AsyncIterator[tuple[Gateway, Bench, Files]]:
    bench, files = Bench(tmp_path, SystemClock()), Files()
    (tmp_path / "scan.py").write_text(SERVER)
    gateway = Gateway(bench.fleet, redactor=bench.redactor, clock=bench.clock, files=files)
    settings = GatewaySettings(
        servers=(HostedSettings(name="scan", path=str(tmp_path / "scan.py")),),
        workspaces={"main": WorkspaceSettings(servers=("*",))},
        bots={"desk": BotRules(workspace="main")},
    )
    await gateway.start(settings)
    await gateway.ready()
    yield gateway, bench, files
    await gateway.stop()


async def test_a_server_gets_the_bytes_and_the_log_does_not(scanning: tuple[Gateway, Bench, Files]) -> None:
    gateway, bench, files = scanning
    (tool,) = await gateway.list_tools("main", BOT)
    assert "Give the id of a file" in tool.input_schema["properties"]["image"]["description"]
    (plain,) = await gateway.list_tools("main", ADMIN)
    assert plain.input_schema["properties"]["image"]["description"] == "A receipt."

    call = bench.request("scan__scan", BOT, run_id="run_1", arguments={"image": "f1", "note": "thanks"})
    result = await final(gateway, call)
    assert text_of(result).startswith("data:image/png;name=receipt%20%C3%A4.png;base64,")
    assert text_of(result).endswith("thanks")
    assert result.record.request_bytes < 100
    assert files.read_for == [("run_1", "f1")]


async def test_without_a_run_nothing_is_read(scanning: tuple[Gateway, Bench, Files]) -> None:
    gateway, bench, files = scanning
    call = bench.request("scan__scan", ADMIN, arguments={"image": "f1"})
    result = await final(gateway, call)
    assert text_of(result).startswith("f1")
    assert files.read_for == []


async def test_an_approval_covers_the_id_and_nothing_is_read_before_it(scanning: tuple[Gateway, Bench, Files]) -> None:
    gateway, bench, files = scanning
    main = WorkspaceSettings(servers=("*",), reviews={"scan__scan": Review(approve=True)})
    settings = gateway.fleet.settings
    gateway.apply(
        GatewaySettings(servers=settings.servers, workspaces={"main": main}, bots=settings.bots, roles=settings.roles)
    )
    arguments = {"image": "f1"}
    call = bench.request("scan__scan", BOT, run_id="run_1", arguments=arguments)
    asked = await final(gateway, call)
    assert isinstance(asked, NeedsApproval)
    assert asked.arguments == arguments
    assert files.read_for == []
    digest = arguments_digest("scan__scan", arguments)
    approved = bench.request("scan__scan", BOT, run_id="run_1", arguments=arguments, approval=digest)
    assert text_of(await final(gateway, approved)).startswith("data:image/png")
