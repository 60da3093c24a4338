"""The modern era, 2026-07-28: each POST stands alone, and closing its answer cancels it.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from __future__ import annotations

__all__ = ["Modern"]

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from botkit.core.access import Grant
from botkit.gateway.serving.changes import Change, Changes
from botkit.gateway.serving.headers import META, check_envelope, check_parameters, wants_parameters
from botkit.gateway.serving.http import PING_S, STREAM, Http, Reply, event
from botkit.gateway.serving.lifeline import Credentials, Ended, Lifeline
from botkit.gateway.serving.methods import LEVELS, Caller, Methods
from botkit.gateway.serving.rpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    Refusal,
    as_object,
    error_message,
    is_object,
    is_request_id,
    result_message,
    status_of,
)
from botkit.gateway.session import MODERN_VERSION

_STREAMS_LIMIT = 10_000
_PER_CREDENTIAL = 100
_URIS_LIMIT = 100
"""Resources one stream may watch."""
_DISCOVER_TTL_MS = 60_000
_SUBSCRIPTION = f"{META}subscriptionId"
_LISTS = {"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"}


def is_modern(http: Http, message: Any, handshake: tuple[str, ...]) -> bool:
    """Whether a POST is of this era, by its version header, or by what its body says."""
    version = http.headers.get("mcp-protocol-version")
    if version is not None and version not in handshake:
        return True
    meta = as_object(as_object(as_object(message).get("params")).get("_meta"))
    return f"{META}protocolVersion" in meta


class Modern:
    """Serves POSTs of this era."""

    def __init__(self, methods: Methods, changes: Changes, credentials: Credentials):
        self._methods = methods
        self._changes = changes
        self._credentials = credentials
        self._streams: dict[str, int] = {}
        """Open subscriptions by credential."""

    async def serve(self, http: Http, grant: Grant, message: Any) -> None:
        """Answer one message."""
        request = as_object(message)
        method: Any = request.get("method")
        if not request or request.get("jsonrpc") != "2.0" or not isinstance(method, str):
            await http.refuse(Refusal(INVALID_REQUEST, "Send one JSON-RPC request."), status=400)
            return
        if "id" not in request:
            await self._notified(http)
            return
        request_id = request["id"]
        params: Any = request.get("params", {})
        if not is_request_id(request_id) or not is_object(params):
            await http.refuse(Refusal(INVALID_REQUEST, "The id or the params are of a wrong kind."), status=400)
            return
        reply = Reply(http, streams=http.accepts(STREAM))
        try:
            meta = check_envelope(http, method, as_object(params))
            await self._request(http, reply, grant, request_id, method, as_object(params), meta)
        except Refusal as refusal:
            wait_s = refusal.retry_after_s
            headers = {"retry-after": str(wait_s)} if wait_s else None
            status = status_of(refusal, modern=True)
            await reply.finish(error_message(request_id, refusal), status=status, headers=headers)
        except Ended as ended:
            await self._cut_off(reply, request_id, str(ended))
        finally:
            reply.quiet()

    async def _request(
        self,
        http: Http,
        reply: Reply,
        grant: Grant,
        request_id: Any,
        method: str,
        params: dict[str, Any],
        meta: Mapping[str, Any],
    ) -> None:
        if method == "server/discover":
            await reply.finish(result_message(request_id, self._discover(grant)))
            return
        if method == "subscriptions/listen":
            await self._listen(http, grant, request_id, params)
            return
        if not self._methods.knows(method) or method in ("resources/subscribe", "resources/unsubscribe"):
            raise Refusal(METHOD_NOT_FOUND, f"There is no method {method[:100]}.")
        level: Any = meta.get(f"{META}logLevel", "")
        if level and level not in LEVELS:
            raise Refusal(INVALID_PARAMS, "This log level is not known.")
        if method == "tools/call":
            self._check_parameters(http, grant, params)
        token: Any = meta.get("progressToken")

        async def say(kind: str, news: Mapping[str, Any]) -> None:
            if kind == "notifications/progress":
                if token is None:
                    return
                news = {**news, "progressToken": token}
            await reply.say({"jsonrpc": "2.0", "method": kind, "params": news})

        capabilities = as_object(meta[f"{META}clientCapabilities"])
        caller = Caller(grant, "modern", say, capabilities=capabilities, log_level=level)
        line = Lifeline(self._credentials, grant.credential, on_long=reply.keep_alive)
        async with line.held(http):
            result = await self._methods.serve(method, params, caller)
        await reply.finish(result_message(request_id, result))

    def _check_parameters(self, http: Http, grant: Grant, params: Mapping[str, Any]) -> None:
        schema = self._methods.schema_of(grant.workspace, str(params.get("name")))
        if schema is not None and wants_parameters(http, schema):
            check_parameters(http, schema, as_object(params.get("arguments")))

    def _discover(self, grant: Grant) -> dict[str, Any]:
        face = self._methods.hello(grant.workspace)
        result: dict[str, Any] = {
            "resultType": "complete",
            "supportedVersions": [MODERN_VERSION],
            "capabilities": face.capabilities,
            "_meta": {f"{META}serverInfo": face.server_info},
            "ttlMs": _DISCOVER_TTL_MS,
            "cacheScope": "private",
        }
        if face.instructions:
            result["instructions"] = face.instructions
        return result

    async def _notified(self, http: Http) -> None:
        """This era has no notifications of clients over HTTP; what comes is taken and dropped."""
        version = http.headers.get("mcp-protocol-version", MODERN_VERSION)
        if version != MODERN_VERSION:
            data = {"supported": [MODERN_VERSION], "requested": version}
            await http.refuse(Refusal(UNSUPPORTED_VERSION, "This version is not spoken here.", data), status=400)
            return
        await http.answer(202)

    async def _cut_off(self, reply: Reply, request_id: Any, reason: str) -> None:
        """Nothing may follow a cancellation; a revoked token ends its streams without a result."""
        if reason == "gone" or reply.open:
            await reply.close()
        else:
            status = 401 if reason == "revoked" else 503
            refusal = Refusal(INVALID_REQUEST, f"The request ended: {reason}.")
            await reply.finish(error_message(request_id, refusal), status=status)

    # Subscriptions

    async def _listen(self, http: Http, grant: Grant, request_id: Any, params: Mapping[str, Any]) -> None:
        """The answer is a stream of changes that lasts until somebody ends it."""
        if not http.accepts(STREAM):
            raise Refusal(INVALID_REQUEST, "A subscription needs a client that accepts event streams.", status=406)
        wanted: Any = params.get("notifications")
        if not is_object(wanted):
            raise Refusal(INVALID_PARAMS, "params.notifications must say what to listen for.")
        credential = grant.credential
        if sum(self._streams.values()) >= _STREAMS_LIMIT or self._streams.get(credential, 0) >= _PER_CREDENTIAL:
            raise Refusal(INVALID_REQUEST, "Too many subscriptions are open.", status=503)
        self._streams[credential] = self._streams.get(credential, 0) + 1
        subscription = _Subscription(self._methods, grant, request_id)
        try:
            await subscription.begin(as_object(wanted))
            stop = self._changes.listen(grant.workspace, subscription.heard)
            try:
                await self._stream(http, grant, subscription)
            finally:
                stop()
                subscription.end()
        finally:
            self._streams[credential] -= 1
            if not self._streams[credential]:
                del self._streams[credential]

    async def _stream(self, http: Http, grant: Grant, subscription: _Subscription) -> None:
        await http.open_stream()
        line = Lifeline(self._credentials, grant.credential)
        try:
            async with line.held(http, at_once=True):
                await http.write(event(subscription.acknowledged()))
                while True:
                    await http.write(await subscription.next())
        except Ended as ended:
            if str(ended) == "stopping":
                await http.write(event(subscription.ended()))
            await http.end_stream()


class _Subscription:
    """What one stream listens for. Changes of the same thing that wait to be sent are one."""

    def __init__(self, methods: Methods, grant: Grant, request_id: Any):
        self._methods = methods
        self._grant = grant
        self._meta = {_SUBSCRIPTION: request_id}
        self._id = request_id
        self._lists: dict[str, bool] = {}
        self._uris: dict[tuple[str, str], str] = {}
        """By server and its own URI: the URI as the client knows it."""
        self._waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self._something = asyncio.Event()

    async def begin(self, wanted: Mapping[str, Any]) -> None:
        self._lists = {key: True for key in _LISTS if wanted.get(key) is True}
        uris: Any = wanted.get("resourceSubscriptions")
        for uri in cast("list[Any]", uris)[:_URIS_LIMIT] if isinstance(uris, list) else ():
            if isinstance(uri, str) and (place := await self._methods.watch(self._grant, uri)) is not None:
                self._uris[place] = uri

    def end(self) -> None:
        for server, uri in self._uris:
            self._methods.gateway.fleet.watching.release(server, uri)

    def heard(self, change: Change) -> None:
        if change.kind == "resource":
            uri = self._uris.get((change.server, change.name))
            if uri is None:
                return
            self._waiting[change.kind, uri] = self._message(change.method, {"uri": uri})
        elif any(_LISTS[key] == change.kind for key in self._lists):
            self._waiting[change.kind, ""] = self._message(change.method, {})
        else:
            return
        self._something.set()

    async def next(self) -> bytes:
        """What to send next: changes, or after a while of silence a comment."""
        try:
            async with asyncio.timeout(PING_S):
                await self._something.wait()
        except TimeoutError:
            return b": ping\r\n\r\n"
        self._something.clear()
        waiting, self._waiting = self._waiting, {}
        return b"".join(event(message) for message in waiting.values())

    def acknowledged(self) -> dict[str, Any]:
        honoured: dict[str, Any] = dict(self._lists)
        if self._uris:
            honoured["resourceSubscriptions"] = list(self._uris.values())
        return self._message("notifications/subscriptions/acknowledged", {"notifications": honoured})

    def ended(self) -> dict[str, Any]:
        return result_message(self._id, {"resultType": "complete", "_meta": self._meta})

    def _message(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "method": method, "params": {"_meta": self._meta, **params}}
