"""Many phones in many apps' dialects against real servers; what each was promised is written down.

A phone sends its next message, waits for the answer, and goes on only when the app would: after a
success in its app's own form. After 503, or no answer at all, it sends the same points again.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

# As long as real apps wait for an answer.
ANSWER_WITHIN_S = 15.0
# A whole crowd's life in a test: nothing may take longer, whatever breaks.
LIFE_S = 180.0
LAT_DEG = 60.17

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Point:
    """One fix: whole seconds since 1970 and a place of its own, in millionths of a degree."""

    at_s: int
    lon_e6: int
    sos: bool = False

    @property
    def lon_deg(self) -> float:
        return self.lon_e6 / 1e6

    def iso(self) -> str:
        return datetime.fromtimestamp(self.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


Build = Callable[[str, Sequence[Point]], bytes]


def request(method: str, path: str, kind: str = "", body: bytes = b"", login: str = "") -> bytes:
    """A whole HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"content-type: {kind}"] if kind else []
    lines += [f"authorization: {login}"] if login else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def packed(value: object) -> bytes:
    """JSON as apps send it."""
    return json.dumps(value, separators=(",", ":")).encode()


def traccar_form(secret: str, points: Sequence[Point]) -> bytes:
    """Traccar Client 10: a form, knots."""
    (p,) = points
    body = (
        f"id={secret}&timestamp={p.at_s}&lat={LAT_DEG}&lon={p.lon_deg:.6f}&accuracy=5.5"
        f"&altitude=0.0&speed=2.14&bearing=90&batt=64{'&alarm=sos' if p.sos else ''}"
    )
    return request("POST", "/phone/traccar", FORM, body.encode())


def osmand_query(secret: str, points: Sequence[Point]) -> bytes:
    """OsmAnd and old Traccar clients: all in the query, an empty body."""
    (p,) = points
    path = f"/phone/osmand?id={secret}&lat={LAT_DEG}&lon={p.lon_deg:.6f}&timestamp={p.at_s}000"
    return request("POST", path + ("&alarm=sos" if p.sos else ""))


def traccar_json(secret: str, points: Sequence[Point]) -> bytes:
    """Traccar Client 9 and its SDK's batches: JSON, m/s."""
    locations = [
        {
            "timestamp": p.iso(),
            "coords": {"latitude": LAT_DEG, "longitude": p.lon_deg, "accuracy": 5, "speed": 1.1},
            "battery": {"level": 0.64, "is_charging": False},
        }
        | ({"alarm": "sos"} if p.sos else {})
        for p in points
    ]
    body = packed({"device_id": secret, "location": locations})
    return request("POST", "/phone/traccar", JSON, body)


def owntracks(secret: str, points: Sequence[Point]) -> bytes:
    """OwnTracks: JSON with Basic credentials, km/h."""
    (p,) = points
    fix = {"_type": "location", "lat": LAT_DEG, "lon": p.lon_deg, "tst": p.at_s, "acc": 5}
    login = base64.b64encode(f"officer:{secret}".encode()).decode()
    body = packed(fix | {"vel": 4, "batt": 64, "t": "t", "tid": "of"})
    return request("POST", "/phone/owntracks", JSON, body, f"Basic {login}")


def gpslogger(secret: str, points: Sequence[Point]) -> bytes:
    """GPSLogger's custom URL: GET, m/s."""
    (p,) = points
    place = f"lat={LAT_DEG}&longitude={p.lon_deg:.6f}&time={quote(p.iso())}"
    return request("GET", f"/phone/gpslogger?id={secret}&{place}&acc=5&s=1.1&battery=64")


def overland(secret: str, points: Sequence[Point]) -> bytes:
    """Overland's batches: GeoJSON, m/s."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [p.lon_deg, LAT_DEG]},
            "properties": {
                "timestamp": p.iso(),
                "speed": 1.1,
                "horizontal_accuracy": 5,
                "battery_level": 0.64,
                "device_id": "",
            },
        }
        for p in points
    ]
    body = packed({"locations": features})
    return request("POST", "/phone/overland", JSON, body, f"Bearer {secret}")


def colota(secret: str, points: Sequence[Point]) -> bytes:
    """Colota's own form: JSON, m/s."""
    flat = [
        {"lat": LAT_DEG, "lon": p.lon_deg, "acc": 5, "vel": 1, "batt": 64, "bs": 2, "tst": p.at_s}
        for p in points
    ]
    body = packed(flat[0] if len(flat) == 1 else flat)
    return request("POST", "/phone/colota", JSON, body, f"Bearer {secret}")


# App: how it builds a message, most points in one, and the body that it takes as success.
APPS: dict[str, tuple[Build, int, bytes]] = {
    "traccar form": (traccar_form, 1, b""),
    "osmand query": (osmand_query, 1, b""),
    "traccar json": (traccar_json, 60, b""),
    "owntracks": (owntracks, 1, b"[]"),
    "gpslogger": (gpslogger, 1, b""),
    "overland": (overland, 60, b'{"result":"ok"}'),
    "colota": (colota, 40, b'{"result":"ok"}'),
}
SOCKET = "socket"
MOST_ON_SOCKET = 30

Answer = tuple[int, bytes]


class Link:
    """A keep-alive HTTP connection that opens itself when needed."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.port = parts.hostname, parts.port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, message: bytes) -> Answer | None:
        """Send a request; status and body, or None if the connection broke or nothing came."""
        try:
            if self.streams is not None and self.streams[0].at_eof():
                await self.close()  # the server ended it while it was idle
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if self.streams is None:
                    self.streams = await asyncio.open_connection(self.host, self.port)
                reader, writer = self.streams
                writer.write(message)
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                body = await reader.readexactly(length)
        except (OSError, EOFError, TimeoutError):
            await self.close()
            return None
        if b"\r\nconnection: close" in head.lower():
            await self.close()
        return int(head.split(b" ", 2)[1]), body

    async def close(self) -> None:
        """Hang up."""
        if self.streams is not None:
            writer = self.streams[1]
            self.streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class SocketLink:
    """Our own socket: numbered batches; acknowledged is 200, `retry` is 503."""

    def __init__(self, address: str, secret: str) -> None:
        self.address = address.replace("http://", "ws://") + "/ws/phone/"
        self.secret = secret
        self.opened: ClientConnection | None = None
        self.number = 0

    async def send(self, points: Sequence[Point]) -> Answer | None:
        """Send a batch; None if the connection broke or nothing came."""
        readings = [
            {"lon": p.lon_deg, "lat": LAT_DEG, "time": p.at_s, "accuracy": 5}
            | ({"alarm": "sos"} if p.sos else {})
            for p in points
        ]
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if self.opened is None:
                    opened = connect(
                        self.address,
                        additional_headers={"Authorization": f"Bearer {self.secret}"},
                        compression=None,
                    )
                    self.opened = await opened
                    if "ready" not in json.loads(await self.opened.recv()):
                        await self.close()
                        return 503, b""
                self.number += 1
                await self.opened.send(json.dumps({"batch": self.number, "readings": readings}))
                told = json.loads(await self.opened.recv())
        except (OSError, TimeoutError, WebSocketException):
            await self.close()
            return None
        if told.get("retry") == self.number:
            return 503, b""
        stored = told.get("ack") == self.number and told["taken"] == len(points)
        return (200 if stored else 500), json.dumps(told).encode()

    async def close(self) -> None:
        """Hang up."""
        if self.opened is not None:
            opened, self.opened = self.opened, None
            with contextlib.suppress(OSError, WebSocketException):
                await opened.close()


@dataclass
class SimulatedPhone:
    """One phone, the points it still has, and what it was told of the others."""

    secret: str
    app: str
    addresses: list[str]
    points: list[Point]
    dice: random.Random
    resends: bool = False  # sends again what was acknowledged, as whole-file apps do
    pace_s: float = 0.0  # between messages
    acknowledged: set[Point] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0
    took_s: list[float] = field(default_factory=list)

    async def live(self) -> None:
        """Send everything, each message until it is acknowledged, then hang up."""
        waiting = deque(self.points)
        links = [self.link(address) for address in self.addresses]
        try:
            while waiting:
                points = [waiting.popleft() for _ in range(min(self.draw(), len(waiting)))]
                if self.resends and self.acknowledged and self.dice.random() < 0.2:
                    points += self.again(self.most - len(points))
                self.dice.shuffle(points)
                if self.dice.random() < 0.05:  # another cell, a tunnel
                    for link in links:
                        await link.close()
                await self.deliver(links, points)
                if self.pace_s:
                    await asyncio.sleep(self.pace_s)
        finally:
            for link in links:
                await link.close()

    @property
    def most(self) -> int:
        return MOST_ON_SOCKET if self.app == SOCKET else APPS[self.app][1]

    def draw(self) -> int:
        """How many points the next message has."""
        return 1 if self.dice.random() < 0.5 else self.dice.randint(1, self.most)

    def again(self, most: int) -> list[Point]:
        """Some points that were acknowledged already."""
        known = sorted(self.acknowledged, key=lambda point: point.at_s)
        return self.dice.sample(known, min(max(most, 0), len(known)))

    def link(self, address: str) -> Link | SocketLink:
        return SocketLink(address, self.secret) if self.app == SOCKET else Link(address)

    async def deliver(self, links: Sequence[Link | SocketLink], points: list[Point]) -> None:
        """One message by every link at once, again until one of them has a success."""
        while True:
            began_s = time.perf_counter()
            answers = await asyncio.gather(*(self.send(link, points) for link in links))
            if self.note(answers, points):
                self.took_s.append(time.perf_counter() - began_s)
                return
            await asyncio.sleep(self.dice.uniform(0.05, 0.3))

    async def send(self, link: Link | SocketLink, points: Sequence[Point]) -> Answer | None:
        if isinstance(link, SocketLink):
            return await link.send(points)
        return await link.ask(APPS[self.app][0](self.secret, points))

    def note(self, answers: Iterable[Answer | None], points: Sequence[Point]) -> bool:
        """Write down what was said; whether one of the answers was the app's success."""
        delivered = False
        for answer in answers:
            if answer is None:
                self.unanswered += 1
            elif answer[0] == 503:
                self.refused += 1
            elif answer[0] == 200 and (self.app == SOCKET or answer[1] == APPS[self.app][2]):
                self.acknowledged.update(points)
                delivered = True
            else:
                self.strange.append(f"{self.app}: {answer[0]} {answer[1][:200]!r}")
                delivered = True  # an app would not send it again, and the test says what it was
        return delivered


class Crowd:
    """Phones that live at the same time."""

    def __init__(self, phones: Sequence[SimulatedPhone], dice: random.Random) -> None:
        self.phones = phones
        self.dice = dice
        self.in_all = sum(len(phone.points) for phone in phones)

    @property
    def acknowledged(self) -> int:
        return sum(len(phone.acknowledged) for phone in self.phones)

    def acknowledged_by(self, app: str) -> int:
        """Acknowledged points of one app's phones."""
        return sum(len(phone.acknowledged) for phone in self.phones if phone.app == app)

    @property
    def refused(self) -> int:
        return sum(phone.refused for phone in self.phones)

    @property
    def strange(self) -> list[str]:
        return [said for phone in self.phones for said in phone.strange]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Go on when it holds; the life of the crowd bounds it."""
        while not holds():
            await asyncio.sleep(0.002)

    async def until_share(self, share: float) -> None:
        """Go on somewhere behind this share of acknowledged points, in the midst of a commit."""
        await self.until(lambda: self.acknowledged >= share * self.in_all)
        await asyncio.sleep(self.dice.uniform(0, 0.02))

    async def until_refused(self, more: int = 5) -> None:
        """Go on when some phones were told to keep their points."""
        line = self.refused + more
        await self.until(lambda: self.refused >= line)

    async def live(self, trouble: Callable[[Crowd], Awaitable[None]] | None = None) -> None:
        """All phones live until all their points are acknowledged, while trouble happens."""
        async with asyncio.timeout(LIFE_S), asyncio.TaskGroup() as group:
            for phone in self.phones:
                group.create_task(phone.live())
            if trouble is not None:
                group.create_task(as_coroutine(trouble(self)))

    def promised(self) -> Counter[tuple[str, int, int]]:
        """Every acknowledged point: (secret, s, millionths of a degree), once each."""
        return Counter(
            (phone.secret, point.at_s, point.lon_e6)
            for phone in self.phones
            for point in phone.acknowledged
        )


async def as_coroutine(awaitable: Awaitable[None]) -> None:
    """What a task group takes."""
    await awaitable
