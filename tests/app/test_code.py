"""A whole instance runs code of all three kinds in one workflow, elsewhere, and follows an edit."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from botkit.app.instance import Instance
from botkit.app.operations import Operations
from tests.app.conftest import OpenInstance

CONFIG = """\
version: 1
models: {default: demo/offline}
bots: {desk: {workflow: quote}}
workflows:
  quote:
    steps:
      - code_block:
          language: python
          input: "{{ message.text }}"
          code: "import re\\n[int(n) for n in re.findall(r'[0-9]+', input)]"
        id: numbers
      - function_call: {function: price, input: {quantity: "{{ numbers[0] }}"}}
        id: price
      - code_block:
          tools: [functions__price]
          input: "{{ price }}"
          code: "return await tools.functions__price({quantity: 1}) + input;"
        id: both
      - shout: {text: "{{ both }} euros"}
        id: loud
      - send_message: {text: "{{ loud.text }}"}
"""
PRICE = """
from botkit.sdk import function

@function(idempotent=True)
def price(quantity: int) -> float:
    return 9.5 * quantity
"""
SHOUT = """
import os
from botkit.sdk.nodes import Node, NodeContext, Outcome, node

@node("shout")
class Shout(Node):
    text: str

    async def run(self, ctx: NodeContext) -> Outcome:
        return Outcome(output={"text": self.text.upper() + os.environ.get("BOTKIT_MASTER_KEY", "")})
"""


async def said(instance: Instance, text: str) -> str:
    operations = Operations.of(instance)
    async with aclosing(operations.chat.say(text=text, room="desk", bot="desk", person="ada")) as turn:
        last = [event async for event in turn][-1]
    entries = await operations.chat.history(room="desk")
    texts = [entry.text for entry in entries if entry.role == "assistant"]
    return texts[-1] if texts else str(last.data)


async def test_blocks_functions_and_nodes_in_one_workflow(
    folder: Path, opened: OpenInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BOTKIT_MASTER_KEY", "11" * 32)
    for name, text in (("functions/price.py", PRICE), ("nodes/shout.py", SHOUT)):
        file = folder / "workspace" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (folder / "bots.yaml").write_text(CONFIG + "people: {ada: {roles: [member], identities: {sandbox: [ada]}}}\n")
    async with opened() as instance:
        await instance.gateway.ready(60)
        assert await said(instance, "2 and 3") == "28.5 EUROS"
        (folder / "workspace" / "nodes" / "shout.py").write_text(SHOUT.replace("upper()", "title()"))
        (folder / "workspace" / "functions" / "price.py").write_text(PRICE.replace("9.5", "10"))
        instance.gateway.fleet.rescan()
        await instance.gateway.ready(60)
        assert await said(instance, "2") == "30 Euros"
