"""The widget's own scripts and styles, from the package.

`widget.js` is what sites embed: a few lines that a browser asks for again every five minutes. The rest lies under a
path that names its content, so an upgrade reaches everybody and nothing is loaded twice.
"""

from __future__ import annotations

__all__ = ["Assets"]

import hashlib
from pathlib import Path

from starlette.responses import PlainTextResponse, Response

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FOLDER = Path(__file__).with_name("static")
_HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}
LOADER = "widget.js"


class Assets:
    """All files, read once. They are public, so every site may load them."""

    def __init__(self, folder: Path = _FOLDER):
        self._files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:16]
        self._loader = self._files.pop(LOADER).replace(b"@version@", self.version.encode())

    def loader(self) -> Response:
        keep = {"cache-control": "public, max-age=300"}
        return Response(self._loader, headers={**_HEADERS, **keep, "content-type": _TYPES[".js"]})

    def serve(self, version: str, name: str) -> Response:
        """A page from before an upgrade may ask for an older version: it gets the present one, uncached."""
        content = self._files.get(name)
        if content is None:
            return PlainTextResponse("no such file", 404, headers=_HEADERS)
        keep = "public, max-age=31536000, immutable" if version == self.version else "no-store"
        return Response(content, headers={**_HEADERS, "cache-control": keep, "content-type": _TYPES[Path(name).suffix]})
