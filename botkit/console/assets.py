"""The page's own scripts and styles, served from the package under a path that names their content."""

from __future__ import annotations

__all__ = ["Assets"]

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Assets:
    """All static files, read once.

    The version is a hash over all of them and part of the path, so modules that import each other by
    relative path are always of one version, and a browser may keep them for ever.
    """

    def __init__(self, folder: Path):
        self._files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _MEDIA_TYPES}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Where a file is served. Raises `KeyError` for one that does not exist."""
        if name not in self._files:
            raise KeyError(name)
        return f"/assets/{self.version}/{name}"

    async def serve(self, request: Request) -> Response:
        """A page from before an upgrade may ask for an older version: it gets the present one, uncached."""
        name: str = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            return PlainTextResponse("No such file.", status_code=404)
        current = request.path_params["version"] == self.version
        keep = "public, max-age=31536000, immutable" if current else "no-store"
        media_type = _MEDIA_TYPES[Path(name).suffix]
        return Response(content, headers={"content-type": media_type, "cache-control": keep})
