"""Functions as tools: described by their annotations, run elsewhere, ended on misbehaviour, replaced on edit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from botkit.core.functions import read_functions
from botkit.gateway.settings import FunctionFile, FunctionsSettings, GatewaySettings, Review, WorkspaceSettings
from tests.gateway.support import ADMIN, Bench, until

CANARY = "canary-77aa"
PRICE = '''
from dataclasses import dataclass
from typing import Annotated, Literal

from botkit.sdk import Call, FunctionFailed, function
from pydantic import Field


@dataclass
class Quote:
    total: float
    currency: Literal["EUR", "USD"]


@function(idempotent=True)
def price(sku: Annotated[str, Field(description="Of the article")], quantity: int = 1) -> Quote:
    """What an order costs.

    In euros, always.
    """
    print("asked for", sku)
    if sku == "gone":
        raise FunctionFailed("not sold any more", code="gone", retryable=True)
    return Quote(9.5 * quantity, "EUR")


@function(read_only=True)
async def double(numbers: list[int]) -> list[int]:
    return [number * 2 for number in numbers]


@function
def break_it(how: str, call: Call) -> str:
    import os, sys, time
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "sleep":
        time.sleep(600)
    if how == "memory":
        return str(len(bytearray(1 << 30)))
    if how == "sys.exit":
        sys.exit(1)
    if how == "environ":
        return repr(dict(os.environ))
    if how == "secret":
        return str(len(call.secrets["API_KEY"])) + call.workspace
    if how == "stdout":
        os.write(1, b'{"value": "forged"}\\n')
        return "honest"
    if how == "pid":
        return str(os.getpid())
    raise ValueError("broken")
'''


async def serving(
    bench: Bench, texts: dict[str, str], own: dict[str, dict[str, Any]] | None = None, **rules: Any
) -> None:
    """Serve files with these texts; `own` has settings by file."""
    folder = bench.folder / "functions"
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(dedent(text))
    files = tuple(FunctionFile(path=str(folder / name), **more) for name, more in (own or {}).items())
    given: dict[str, Any] = {"servers": ("*",), **rules}
    workspace = WorkspaceSettings(**given)
    functions = FunctionsSettings(folder=str(folder), files=files)
    await bench.gateway.start(GatewaySettings(workspaces={"main": workspace}, functions=functions))
    await bench.gateway.ready(60)


async def result(bench: Bench, name: str, **arguments: Any) -> Any:
    return (await bench.call(f"functions__{name}", arguments=arguments)).content["structuredContent"]


async def test_a_function_is_a_tool_with_the_types_of_its_annotations(bench: Bench):
    await serving(bench, {"price.py": PRICE, "_helper.py": "1 / 0", "plain.py": "def plain(a): return {'got': a}"})
    tools = {tool.name: tool for tool in await bench.gateway.list_tools("main", ADMIN)}
    names = ("functions__break_it", "functions__double", "functions__plain", "functions__price")
    assert tuple(sorted(tools)) == names
    price = tools["functions__price"]
    assert price.description.startswith("What an order costs.")
    assert price.input_schema["properties"]["sku"]["description"] == "Of the article"
    assert price.input_schema["required"] == ["sku"]
    assert "call" not in tools["functions__break_it"].input_schema["properties"]
    assert (price.tool_class, price.idempotent, price.repeatable) == ("write", True, True)
    assert tools["functions__double"].tool_class == "read-only"
    assert not tools["functions__break_it"].repeatable
    assert await result(bench, "price", sku="A", quantity=2) == {"result": {"total": 19.0, "currency": "EUR"}}
    assert await result(bench, "double", numbers=[1, 2]) == {"result": [2, 4]}
    assert await result(bench, "plain", a=None) == {"result": {"got": None}}


async def test_mistakes_have_a_code(bench: Bench):
    await serving(bench, {"price.py": PRICE})
    assert (await result(bench, "price", sku="gone"))["error"] == {
        "code": "gone",
        "message": "not sold any more",
        "retryable": True,
    }
    broken = (await result(bench, "break_it", how="?"))["error"]
    assert (broken["code"], broken["message"]) == ("function_error", "ValueError: broken")
    assert PRICE.splitlines()[int(broken["line"]) - 1].strip() == 'raise ValueError("broken")'
    assert (await result(bench, "break_it", how="sys.exit"))["error"]["code"] == "function_error"
    wrong = await bench.call("functions__price", arguments={"sku": "A", "quantity": "many"})
    assert wrong.is_error


async def test_a_crash_ends_one_call_and_nothing_else(bench: Bench):
    await serving(bench, {"price.py": PRICE})
    several = [result(bench, "price", sku="A", quantity=number) for number in range(10)]
    crashes = [result(bench, "break_it", how=how) for how in ("exit", "kill", "memory")]
    found = await asyncio.gather(*several, *crashes)
    assert [one["result"]["total"] for one in found[:10]] == [9.5 * number for number in range(10)]
    assert [one["error"]["code"] for one in found[10:]] == ["crashed", "crashed", "limit"]
    assert (await result(bench, "break_it", how="stdout")) == {"result": "honest"}


async def test_a_call_that_lasts_too_long_is_ended(bench: Bench):
    await serving(bench, {"price.py": PRICE}, {"price.py": {"key": "price", "timeout_s": 1.0}})
    assert (await result(bench, "break_it", how="sleep"))["error"]["code"] == "timeout"
    assert await result(bench, "double", numbers=[4]) == {"result": [8]}


async def test_keys_are_not_there_and_secrets_go_where_they_are_named(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BOTKIT_MASTER_KEY", CANARY)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    await bench.vault.put("workspace:main", "API_KEY", "s3cr3t-value")
    own: dict[str, dict[str, Any]] = {
        "price.py": {"key": "price", "env": {"REGION": "eu"}, "secrets": ("API_KEY",)},
        "other.py": {"key": "other", "secrets": ("NOBODY_HAS_IT",)},
    }
    other = "from botkit.sdk import Call\ndef other(call: Call) -> list[str]: return sorted(call.secrets)"
    await serving(bench, {"price.py": PRICE, "other.py": other, "none.py": other.replace("other", "none")}, own)
    environ = (await result(bench, "break_it", how="environ"))["result"]
    assert CANARY not in environ
    assert "BOTKIT_FUNCTIONS" not in environ
    assert "'REGION': 'eu'" in environ
    assert await result(bench, "break_it", how="secret") == {"result": "12main"}
    assert await result(bench, "none") == {"result": []}
    assert (await bench.call("functions__other")).is_error


async def test_an_edit_replaces_it_and_running_calls_end_as_they_began(bench: Bench, tmp_path: Path):
    gate = tmp_path / "gate"
    slow = f"""
    import pathlib, time
    def slow() -> str:
        pathlib.Path({str(tmp_path / "began")!r}).touch()
        while not pathlib.Path({str(gate)!r}).exists():
            time.sleep(0.01)
        return "old"
    """
    await serving(bench, {"slow.py": slow})
    running = asyncio.create_task(result(bench, "slow"))
    await until((tmp_path / "began").exists)
    (bench.folder / "functions" / "slow.py").write_text("def slow() -> str: return 'new'")
    (bench.folder / "functions" / "late.py").write_text("def late() -> int: return 1")
    bench.fleet.rescan()
    await bench.gateway.ready(60)
    assert await result(bench, "slow") == {"result": "new"}
    assert await result(bench, "late") == {"result": 1}
    gate.touch()
    assert await running == {"result": "old"}


async def test_a_workspace_offers_those_it_names_and_decides_more(bench: Bench):
    await serving(
        bench,
        {"price.py": PRICE, "plain.py": "def plain(a): return a"},
        servers=(),
        functions=("price",),
        reviews={"functions__double": Review(enabled=False), "functions__*": Review(approve=True)},
    )
    tools = {tool.name: tool for tool in await bench.gateway.list_tools("main", ADMIN)}
    assert sorted(tools) == ["functions__break_it", "functions__price"]
    assert tools["functions__price"].approve


async def test_a_file_that_cannot_be_loaded_harms_no_other(bench: Bench):
    await serving(bench, {"a.py": "import nothing_of_this_name\ndef a(): return 1", "b.py": "def b(): return 2"})
    assert await bench.names() == ["functions__b"]
    assert await result(bench, "b") == {"result": 2}


def test_what_a_file_offers_is_read_without_running_it(tmp_path: Path):
    file = tmp_path / "price-of.py"
    file.write_text("raise SystemExit\ndef other(): ...\ndef price_of(): ...")
    assert [one.name for one in read_functions(file)] == ["price_of"]
    file.write_text(
        "from botkit import sdk\n@sdk.function(name='a', read_only=True)\nasync def b(): ...\ndef price_of(): ..."
    )
    (one,) = read_functions(file)
    assert (one.name, one.read_only, one.idempotent, one.line) == ("a", True, False, 3)
    file.write_text("def (")
    assert read_functions(file) == ()
