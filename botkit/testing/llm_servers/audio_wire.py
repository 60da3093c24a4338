"""OpenAI's transcription and speech: what they accept, refuse and send.

Where nothing is scripted, what was spoken here is heard here: `demo/offline`'s voice carries its words.

Source: https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

__all__ = ["AudioDesk"]

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from botkit.core.silence import silence_saying, words_in
from botkit.core.sound import sound_seconds
from botkit.testing.llm_servers.openai_wire import OpenAIWire
from botkit.testing.llm_servers.script import Status
from botkit.testing.llm_servers.wire import Request

_ENDINGS = frozenset({"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "oga", "wav", "webm"})
_FORMATS = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav"}
_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "marin", "cedar"}
)
_INPUT_CHARS = 4096


@dataclass
class AudioDesk:
    """The two endpoints.

    Args:
        arrived: is told of every request.
    """

    arrived: Callable[[Request], None]
    heard: deque[str | Status] = field(default_factory=deque[str | Status])
    """What recordings say, in order."""
    spoken: deque[bytes | Status] = field(default_factory=deque[bytes | Status])
    """What comes of texts, in order."""

    async def transcribe(self, http: HttpRequest) -> Response:
        """`POST /v1/audio/transcriptions`, a form with the file."""
        async with http.form() as form:
            upload = form.get("file")
            data = await upload.read() if isinstance(upload, UploadFile) else b""
            body: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
            name = str(upload.filename or "") if isinstance(upload, UploadFile) else ""
        body["file"] = {"name": name, "size": len(data)}
        request = self._note(http, body)
        problem = _hearing_problem(body)
        if problem:
            return self._refused(request, Status(400, message=problem))
        step = self.heard.popleft() if self.heard else words_in(data)
        if step is None:
            return self._refused(request, Status(400, message="The audio file could not be decoded."))
        if isinstance(step, Status):
            return self._refused(request, step)
        if body.get("response_format") == "verbose_json":
            details = {"task": "transcribe", "language": "english", "duration": sound_seconds(data) or 1.0}
            return JSONResponse({**details, "text": step, "segments": []})
        return JSONResponse({"text": step})

    async def speak(self, http: HttpRequest) -> Response:
        """`POST /v1/audio/speech`."""
        body: dict[str, Any] = await http.json()
        request = self._note(http, body)
        problem = _speaking_problem(body)
        if problem:
            return self._refused(request, Status(400, message=problem))
        step = self.spoken.popleft() if self.spoken else silence_saying(str(body["input"]))
        if isinstance(step, Status):
            return self._refused(request, step)
        return Response(step, media_type=_FORMATS[body.get("response_format", "mp3")])

    def _note(self, http: HttpRequest, body: dict[str, Any]) -> Request:
        path = http.url.path.removeprefix("/openai")
        request = Request("openai", path, dict(http.headers), dict(http.query_params), body)
        request.model = str(body.get("model"))
        self.arrived(request)
        return request

    def _refused(self, request: Request, step: Status) -> Response:
        request.refusal = step.message if step.code < 500 else ""
        headers = {"retry-after": f"{step.retry_after_s:g}"} if step.retry_after_s is not None else None
        return JSONResponse(OpenAIWire().render_error(step.code, step.message, step.retry_after_s), step.code, headers)


def _hearing_problem(body: dict[str, Any]) -> str:
    name = body["file"]["name"]
    if not body["file"]["size"]:
        return "Audio file is too short. Minimum audio length is 0.1 seconds."
    if name.rpartition(".")[2].casefold() not in _ENDINGS:
        return f"Invalid file format. Supported formats: {sorted(_ENDINGS)}"
    if len(body.get("language", "en")) != 2:
        return f"Invalid language '{body['language']}'. Language parameter must be specified in ISO-639-1 format."
    if "gpt-4o" in str(body.get("model")) and body.get("response_format", "json") not in ("json", "text"):
        return f"response_format '{body['response_format']}' is not compatible with model '{body['model']}'."
    return "" if body.get("model") else "you must provide a model parameter"


def _speaking_problem(body: dict[str, Any]) -> str:
    text = body.get("input")
    if not isinstance(text, str) or not text.strip():
        return "Input text cannot be empty."
    if len(text) > _INPUT_CHARS:
        return f"String should have at most {_INPUT_CHARS} characters"
    if body.get("voice") not in _VOICES:
        return f"Input should be one of {sorted(_VOICES)}"
    if body.get("response_format", "mp3") not in {*_FORMATS, "pcm"}:
        return f"Unsupported response format: {body['response_format']}"
    return "" if body.get("model") else "you must provide a model parameter"
