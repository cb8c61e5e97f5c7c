"""Frames past the wrappers: the server's own `send`, and one encoding for every socket.

Channels' session middleware looks at the session at each message that is sent, and uvicorn encodes
a message anew for each socket: 500 copies of the same 56 kB. A message without compression is the
same bytes for everybody, so they are made once and written to each socket. A server that is not
the one we know gets each message through its `send`, as any application sends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

STRAIGHT = "tandem.straight_send"

type Send = Callable[[dict[str, Any]], Awaitable[None]]


class Message(NamedTuple):
    """One binary message, as ASGI says it and as it goes over the wire."""

    asgi: dict[str, Any]
    wire: bytes


def message_of(data: bytes) -> Message:
    """The message that holds these bytes."""
    return Message(
        {"type": "websocket.send", "bytes": data}, Frame(Opcode.BINARY, data).serialize(mask=False)
    )


def straight(app: Any) -> Any:
    """The application, with the server's `send` in its scope."""

    async def keep(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await app({**scope, STRAIGHT: send}, receive, send)

    return keep


def writer_of(send: Send) -> Callable[[Message], bool]:
    """What writes a message to the socket of `send` at once, if that can be done; says whether.

    It cannot while the socket is slow, not open, or compresses: the message then goes by `send`.
    """
    protocol = getattr(send, "__self__", None)
    if not isinstance(protocol, WebSocketsSansIOProtocol):
        return lambda message: False

    def write(message: Message) -> bool:
        if (
            not protocol.writable.is_set()
            or protocol.close_sent
            or protocol.disconnected
            or protocol.conn.state is not OPEN
            or protocol.conn.extensions
        ):
            return False
        protocol.transport.write(message.wire)
        return True

    return write
