# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""FastMCP's proxy before one upstream: `python fastmcp_peer.py PORT UPSTREAM_URL MODE`."""

from __future__ import annotations

import sys

from fastmcp.server import create_proxy

if __name__ == "__main__":
    # `legacy` is its default and the faster one; `auto` lists the tools of upstreams of both eras
    proxy = create_proxy(sys.argv[2], mode=sys.argv[3], name="peer")
    settings = {"log_level": "warning", "access_log": False}
    proxy.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, uvicorn_config=settings)
