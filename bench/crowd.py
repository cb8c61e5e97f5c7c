"""Phones that report and screens that watch, in one process, so that one clock times both.

Every fix carries the moment it was sent in its place (a millisecond is 1e-8 degree of latitude,
which walks north at 1.1 m/s; the last digit is in the longitude). A screen reads it back from the
frame: what lies between is the whole way through the product.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from realtime.frames import HEAD, MOVE

LONGEST_MS = 60_000
MASK = b"\0\0\0\0"  # a client masks what it sends; zeros leave the bytes as they are


@dataclass
class Times:
    """What was sent and what was seen, in milliseconds after `begun_s` of the wall clock."""

    person_ids: np.ndarray  # (n,) of the phones, in order
    begun_s: float
    counting: bool = False
    came: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    sends: int = 0
    frames: dict[int, np.ndarray] = field(default_factory=dict)  # number → times of its moves
    seen: set[tuple[int, int]] = field(default_factory=set)
    acked: list[tuple[int, int]] = field(default_factory=list)
    acks_ms: list[float] = field(default_factory=list)
    refused: int = 0
    redialled: int = 0
    gaps: int = 0
    frame_bytes: int = 0

    def now_ms(self) -> int:
        return int((time.time() - self.begun_s) * 1000)

    def place(self, n: int, at_ms: int) -> tuple[float, float]:
        """lon, lat in degrees of phone n's fix: pairs 10 m apart, 110 m to the next."""
        lon = 24.0 + (n % 200 // 2) * 2e-3 + (n % 2) * 1.8e-4 + at_ms % 10 * 1e-7
        return lon, 60.0 + n // 200 * 1e-2 + at_ms // 10 * 1e-7

    def read(self, number: int, body: bytes) -> None:
        """Keep when the fixes of a frame were sent; each frame is read once."""
        if number in self.frames:
            return
        moves = np.frombuffer(body, MOVE, count=HEAD.unpack_from(body)[7], offset=HEAD.size)
        n = np.searchsorted(self.person_ids, moves["person"])
        lat = moves["lat"].astype(np.int64) - 600_000_000 - n // 200 * 100_000
        lon = moves["lon"].astype(np.int64) - 240_000_000
        lon -= n % 200 // 2 * 20_000 + n % 2 * 1_800
        times = lat * 10 + lon
        self.frames[number] = times
        self.seen.update(zip(n.tolist(), times.tolist(), strict=True))

    def latency_ms(self) -> np.ndarray:
        """How many fixes took so many milliseconds to a screen, over all screens and frames that
        came while counting. Added up afterwards: the measurement takes no time from what it
        measures."""
        counts = np.zeros(LONGEST_MS + 1, np.int64)
        for number, came in self.came.items():
            at, screens = np.unique(np.array(came), return_counts=True)
            for one, many in zip(at.tolist(), screens.tolist(), strict=True):
                way = np.clip(one - self.frames[number], 0, LONGEST_MS)
                counts += many * np.bincount(way, minlength=LONGEST_MS + 1)
        return counts


class Screen(asyncio.Protocol):
    """A WebSocket that only listens; it answers pings."""

    def __init__(self, times: Times, host: str, cookie: str, opened: asyncio.Future[None]) -> None:
        self.times, self.host, self.cookie, self.opened = times, host, cookie, opened
        self.buffer = bytearray()
        self.upgraded = False
        self.last: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /ws/live/ HTTP/1.1\r\nHost: {self.host}\r\nOrigin: http://{self.host}\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nCookie: {self.cookie}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(bytes(self.buffer[:200])))
                return
            del self.buffer[: end + 4]
            self.upgraded = True
            self.opened.set_result(None)
        while (message := self.next_message()) is not None:
            kind, body = message
            if kind == 9:
                self.transport.write(bytes((0x8A, 0x80 | len(body))) + MASK + body)
            elif kind in (1, 2):
                self.take(body)

    def next_message(self) -> tuple[int, bytes] | None:
        """Kind and content of the next whole message; servers here send no fragments."""
        if len(self.buffer) < 2:
            return None
        size, at = self.buffer[1] & 127, 2
        if size == 126:
            if len(self.buffer) < 4:
                return None
            size, at = struct.unpack_from(">H", self.buffer, 2)[0], 4
        elif size == 127:
            if len(self.buffer) < 10:
                return None
            size, at = struct.unpack_from(">Q", self.buffer, 2)[0], 10
        if len(self.buffer) < at + size:
            return None
        kind, body = self.buffer[0] & 15, bytes(self.buffer[at : at + size])
        del self.buffer[: at + size]
        return kind, body

    def take(self, body: bytes) -> None:
        """One frame: its number, and how long each of its fixes was under way."""
        times = self.times
        number = HEAD.unpack_from(body)[4]
        if self.last is not None and number != self.last + 1:
            times.gaps += 1
        self.last = number
        times.read(number, body)
        if times.counting:
            times.sends += 1
            times.frame_bytes += len(body)
            times.came[number].append(times.now_ms())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("hung up"))


class Phones(asyncio.Protocol):
    """A connection that reports for some phones in turn, one at a time, at a steady pace.

    It is opened again when the server hangs up; what had no answer is then not counted as sent.
    """

    def __init__(
        self, times: Times, phones: list[int], every_s: float, secret: str, port: int
    ) -> None:
        self.times, self.phones, self.every_s, self.secret = times, phones, every_s, secret
        self.port = port
        self.buffer = b""
        self.turn = 0
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.buffer = b""
        self.due_s = time.monotonic()
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.stopped:
            self.times.redialled += 1
            self.dialling = asyncio.get_running_loop().create_task(self.dial())

    async def dial(self) -> None:
        """Open the connection again."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self.port)

    def send(self) -> None:
        if self.stopped or self.transport.is_closing():
            return
        n = self.phones[self.turn % len(self.phones)]
        self.turn += 1
        at_ms = self.times.now_ms()
        lon, lat = self.times.place(n, at_ms)
        body = (
            f"id={self.secret.format(n)}&timestamp={int(self.times.begun_s * 1000) + at_ms}"
            f"&lat={lat:.7f}&lon={lon:.7f}&speed=2.14&bearing=0.5&accuracy=5.5&batt=64"
        ).encode()
        self.sent = (n, at_ms)
        self.transport.write(
            b"POST /phone/traccar HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/x-www-form-urlencoded\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if b"\r\n\r\n" not in self.buffer:
            return  # success has no body
        if self.buffer.startswith(b"HTTP/1.1 200"):
            self.times.acked.append(self.sent)
            if self.times.counting:
                self.times.acks_ms.append(self.times.now_ms() - self.sent[1])
        else:
            self.times.refused += 1
        self.buffer = b""
        self.due_s += self.every_s / len(self.phones)
        wait_s = self.due_s - time.monotonic()
        asyncio.get_running_loop().call_later(max(wait_s, 0), self.send)


async def open_screens(times: Times, port: int, cookie: str, count: int) -> list[Screen]:
    """So many screens, twenty joining at a time."""
    loop = asyncio.get_running_loop()
    screens: list[Screen] = []
    for first in range(0, count, 20):
        some = [
            Screen(times, f"localhost:{port}", cookie, loop.create_future())
            for _ in range(min(20, count - first))
        ]
        for screen in some:
            await loop.create_connection(lambda screen=screen: screen, "127.0.0.1", port)
        await asyncio.gather(*(screen.opened for screen in some))
        screens += some
    return screens
