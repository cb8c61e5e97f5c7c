"""What the process that takes phones' uploads and its writer say to each other. Pure.

A stream socket carries msgpack messages, each with its length before it. Answers come in the order
of the questions, so that neither has a number.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from patrols.admission import Upload
from patrols.ingest import Receipt

LENGTH = struct.Struct(">I")


class Opening(msgspec.Struct):
    """The first message: where the database is, and how long to try it again (s)."""

    database: dict[str, Any]  # what psycopg2.connect takes
    patience_s: float


class Given(msgspec.Struct):
    """Uploads to write, and secrets (SHA-256, likeliest first) of which to find the phone."""

    uploads: list[Upload] = []
    secrets: list[list[str]] = []


class Found(msgspec.Struct, gc=False):
    """Whose a secret is; no phone if nobody's. Not `reached`: the database did not answer."""

    reached: bool = True
    phone_id: int | None = None
    secret_sha256: str = ""


class Told(msgspec.Struct):
    """What became of the oldest uploads and secrets; None: not written, the phone keeps it."""

    receipts: list[Receipt | None] = []
    found: list[Found] = []


encode = msgspec.msgpack.Encoder().encode
read_opening = msgspec.msgpack.Decoder(Opening).decode
read_given = msgspec.msgpack.Decoder(Given).decode
read_told = msgspec.msgpack.Decoder(Told).decode


def pack(message: Opening | Given | Told) -> bytes:
    """A message as it goes over the socket."""
    body = encode(message)
    return LENGTH.pack(len(body)) + body


class Arriving:
    """The bytes that have come, cut into messages."""

    def __init__(self) -> None:
        self.held = bytearray()

    def take(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete, without their lengths."""
        self.held += data
        whole: list[bytes] = []
        at = 0
        while len(self.held) - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self.held, at)
            end = at + LENGTH.size + length
            if len(self.held) < end:
                break
            whole.append(bytes(self.held[at + LENGTH.size : end]))
            at = end
        del self.held[:at]
        return whole
