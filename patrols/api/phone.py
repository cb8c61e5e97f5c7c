"""Phone ingest."""

from typing import Any


class PhoneIngest:
    """Placeholder until the ingest lands in this session."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})
