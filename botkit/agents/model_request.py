"""A request of ours as the arguments of LiteLLM: ids every provider accepts, schemas, marks for prompt caches.

Source: https://docs.litellm.ai/docs/completion/prompt_caching and https://docs.litellm.ai/docs/completion/json_mode
"""

from __future__ import annotations

__all__ = ["arguments_of", "needs_marks"]

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from botkit.agents.model_target import Target
from botkit.core.models import ModelRequest

_SIGNATURE_MARK = "__thought__"
"""LiteLLM carries Gemini's thought signatures inside the ids of tool calls."""
_SIGNED_PROVIDERS = ("gemini", "vertex_ai", "vertex_ai_beta")
_ID_LIMIT = 40
"""Longest tool call id that OpenAI accepts."""
_SCHEMA_BESIDE_TOOLS = ("openai", "azure")
"""Providers that can be held to a schema in a call that offers tools too; elsewhere LiteLLM makes the schema a tool of
its own, or the provider refuses the call."""
_MARK: Mapping[str, str] = {"type": "ephemeral"}
_CLAUDE_HOSTS = ("bedrock", "bedrock_converse", "vertex_ai", "openrouter", "azure_ai", "databricks")


def arguments_of(target: Target, request: ModelRequest, *, holds_schema: bool) -> dict[str, Any]:
    """What `litellm.acompletion` is called with, without its time limit.

    Args:
        holds_schema: the model can be held to a JSON Schema; the prompt says it in any case.
    """
    messages, tools = _portable(request.messages, target.provider), list(request.tools)
    if needs_marks(target):
        messages, tools = _marked(messages, tools, request.stable_chars)
    arguments: dict[str, Any] = {
        **target.params,
        **request.params,
        "model": target.name,
        "messages": messages,
        "max_tokens": request.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
    }
    if tools:
        arguments["tools"] = tools
        arguments["tool_choice"] = request.tool_choice
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if request.response_schema is not None and holds_schema and (not tools or target.provider in _SCHEMA_BESIDE_TOOLS):
        shape = {"name": "answer", "schema": request.response_schema, "strict": _is_strict(request.response_schema)}
        arguments["response_format"] = {"type": "json_schema", "json_schema": shape}
    if target.api_base:
        arguments["api_base"] = target.api_base
    if target.api_key:
        arguments["api_key"] = target.api_key
    return arguments


def _is_strict(schema: Any) -> bool:
    """Whether the schema keeps the rules of strict answers: objects name all their properties, and need each.

    Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if isinstance(schema, list):
        return all(map(_is_strict, cast("list[Any]", schema)))
    if not isinstance(schema, dict):
        return True
    fields = cast("dict[str, Any]", schema)
    properties: Any = fields.get("properties")
    if fields.get("type") == "object" or isinstance(properties, dict):
        names = set(cast("dict[str, Any]", properties or {}))
        if fields.get("additionalProperties") is not False or set(fields.get("required") or ()) != names:
            return False
    return all(map(_is_strict, fields.values()))


# ── prompt caches ────────────────────────────────────────────────────────────────────────────────────────────


def needs_marks(target: Target) -> bool:
    """Whether the provider keeps only what is marked. OpenAI, Gemini, DeepSeek and others find the same beginning
    of two requests by themselves."""
    name, provider = target.name.lower(), target.provider
    if not target.prompt_cache:
        return False
    if provider == "anthropic":
        return True
    return provider in _CLAUDE_HOSTS and ("claude" in name or (provider.startswith("bedrock") and "nova" in name))


def _marked(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]], stable_chars: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Marks where a later request may part ways: after the tools, after what is stable of the system prompt, and at
    the end, which the next round of tools goes on from. A request may hold four.

    Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
    """
    if tools:
        tools = [*tools[:-1], {**tools[-1], "cache_control": dict(_MARK)}]
    if messages and messages[0].get("role") == "system":
        messages = [_marked_system(messages[0], stable_chars), *messages[1:]]
    if tools and messages[-1].get("role") in ("user", "tool"):
        messages = [*messages[:-1], _marked_end(messages[-1])]
    return messages, tools


def _marked_system(message: dict[str, Any], stable_chars: int) -> dict[str, Any]:
    text = message["content"]
    if not isinstance(text, str) or not text:
        return message
    cut = stable_chars if 0 < stable_chars < len(text) else len(text)
    parts: list[dict[str, Any]] = [{"type": "text", "text": text[:cut], "cache_control": dict(_MARK)}]
    if text[cut:].strip():
        parts.append({"type": "text", "text": text[cut:]})
    return {**message, "content": parts}


def _marked_end(message: dict[str, Any]) -> dict[str, Any]:
    content: Any = message.get("content")
    if message["role"] == "tool":
        return {**message, "cache_control": dict(_MARK)}
    if isinstance(content, str) and content:
        return {**message, "content": [{"type": "text", "text": content, "cache_control": dict(_MARK)}]}
    if isinstance(content, list) and content:
        parts = cast("list[dict[str, Any]]", content)
        return {**message, "content": [*parts[:-1], {**parts[-1], "cache_control": dict(_MARK)}]}
    return message


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────


def _portable(messages: Sequence[dict[str, Any]], provider: str) -> list[dict[str, Any]]:
    """Tool call ids that this provider accepts, also when another one made them (after a fallback)."""
    if provider in _SIGNED_PROVIDERS:
        return list(messages)
    return [_portable_message(message) for message in messages]


def _portable_message(message: dict[str, Any]) -> dict[str, Any]:
    if "tool_call_id" in message:
        return {**message, "tool_call_id": _short_id(message["tool_call_id"])}
    calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
    if calls:
        return {**message, "tool_calls": [{**call, "id": _short_id(call["id"])} for call in calls]}
    return message


def _short_id(call_id: str) -> str:
    bare = call_id.partition(_SIGNATURE_MARK)[0]
    if len(bare) <= _ID_LIMIT and re.fullmatch(r"[\w-]+", bare):
        return bare
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"
