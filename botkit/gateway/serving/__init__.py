"""The gateway's HTTP face: one URL for each workspace, in both eras of the Model Context Protocol.

door.py       who comes in: Host, Origin, token, size, path
modern.py     2026-07-28: every request stands alone
handshake.py  2024-11-05 to 2025-11-25: sessions, event streams, questions to the client
sse.py        HTTP+SSE, as the oldest clients speak it
methods.py    what is answered, whatever the era
"""

from botkit.gateway.serving.door import Door, DoorSettings

__all__ = ["Door", "DoorSettings"]
