"""The limit: the same server with a handler that reads the body and answers, and stores nothing."""

from typing import Any


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer 200 to everything."""
    while (await receive()).get("more_body"):
        pass
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})
