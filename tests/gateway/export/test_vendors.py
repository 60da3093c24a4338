"""What the vendors' own SDKs say to our exports. Those that are not installed are skipped."""

# the SDKs' models are only partly annotated
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingImports=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

GOLDEN: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "golden.json").read_text())
OPENAI = {name: one["openai"] for name, one in GOLDEN.items() if one["openai"] is not None}
GEMINI = {name: one["gemini"] for name, one in GOLDEN.items() if one["gemini"] is not None}


@pytest.mark.parametrize("name", OPENAI)
def test_openai_takes_the_request(name: str) -> None:
    pytest.importorskip("openai")
    from openai.types.chat import ChatCompletionFunctionToolParam
    from pydantic import ConfigDict, TypeAdapter, with_config

    strict_param = with_config(ConfigDict(extra="forbid"))(ChatCompletionFunctionToolParam)
    assert TypeAdapter(strict_param).validate_python(OPENAI[name])["function"]["name"].startswith("nasty__")


@pytest.mark.parametrize("name", [name for name, one in OPENAI.items() if one["function"]["strict"]])
def test_openai_finds_nothing_to_make_stricter(name: str) -> None:
    lib = pytest.importorskip("openai.lib._pydantic")
    ours: Any = OPENAI[name]["function"]["parameters"]
    theirs = deepcopy(ours)
    assert lib._ensure_strict_json_schema(theirs, path=(), root=theirs) == ours


@pytest.mark.parametrize("name", [name for name, one in OPENAI.items() if one["function"]["strict"]])
def test_openai_agents_finds_nothing_to_make_stricter(name: str) -> None:
    agents = pytest.importorskip("agents.strict_schema")
    ours: Any = OPENAI[name]["function"]["parameters"]
    assert agents.ensure_strict_json_schema(deepcopy(ours)) == ours


@pytest.mark.parametrize("name", GEMINI)
def test_gemini_takes_the_declaration(name: str) -> None:
    genai = pytest.importorskip("google.genai.types")
    made = genai.FunctionDeclaration.model_validate(GEMINI[name])
    assert made.model_dump(by_alias=True, exclude_none=True, mode="json") == GEMINI[name]
