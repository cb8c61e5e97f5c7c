"""The server's own `send` of a socket, kept in its scope before Channels wraps it.

Channels' session middleware looks at the session at each message that is sent. Frames need no such
look: they go to the server as they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

STRAIGHT = "tandem.straight_send"

type Send = Callable[[dict[str, Any]], Awaitable[None]]


def straight(app: Any) -> Any:
    """The application, with the server's `send` in its scope."""

    async def keep(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await app({**scope, STRAIGHT: send}, receive, send)

    return keep
