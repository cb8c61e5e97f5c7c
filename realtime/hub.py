"""One hub per server process: it takes each frame from Redis once and hands the same bytes to every
socket that watches that unit.

Lossy on purpose: a frame has a number, and whoever sees a gap fetches a snapshot. So a slow socket
has a short queue that is emptied when it is full, and a lost Redis is only waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from patrols.live import stream_key

log = logging.getLogger(__name__)

QUEUE_FRAMES = 16
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 5.0
# Joining waits so long for Redis to confirm; without it the screen sees silence and says so.
CONFIRM_S = 3.0


class Seat:
    """One socket's place in the hub: the frames that wait to be sent."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.waiting: deque[bytes] = deque()
        self.filled = asyncio.Event()
        self.dropped = 0

    def put(self, frame: bytes) -> None:
        """Queue a frame. A full queue is emptied first: the gap makes the screen resync."""
        if len(self.waiting) >= QUEUE_FRAMES:
            self.dropped += len(self.waiting)
            self.waiting.clear()
        self.waiting.append(frame)
        self.filled.set()

    async def take(self) -> bytes:
        """The next frame, as soon as there is one."""
        while not self.waiting:
            self.filled.clear()
            await self.filled.wait()
        return self.waiting.popleft()


class Hub:
    """The process's one subscriber. Lives while somebody sits in it."""

    def __init__(self) -> None:
        self.seats: dict[int, set[Seat]] = defaultdict(set)
        self.confirmed: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.pubsub: PubSub | None = None
        self.reader: asyncio.Task[None] | None = None

    async def join(self, unit: int) -> Seat:
        """Take a seat; returns once Redis has confirmed that the unit's frames come here."""
        seat = Seat(unit)
        first = not self.seats[unit]
        self.seats[unit].add(seat)
        if self.reader is None or self.reader.done():
            self.reader = asyncio.create_task(self.read(), name="live-hub")
        elif first and self.pubsub is not None:
            try:
                await self.pubsub.subscribe(channel_of(unit))
            except (RedisError, OSError):
                log.debug("The reader subscribes again when Redis is back.")
        try:
            await asyncio.wait_for(self.confirmed[unit].wait(), CONFIRM_S)
        except TimeoutError:
            log.warning("Redis has not confirmed unit %d; its watchers wait.", unit)
        return seat

    async def leave(self, seat: Seat) -> None:
        """Give the seat up; the last one of a unit ends its subscription, the last one the hub."""
        seats = self.seats[seat.unit]
        seats.discard(seat)
        if seats:
            return
        del self.seats[seat.unit]
        self.confirmed.pop(seat.unit, None)
        if not self.seats and self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
            self.reader = None
        elif self.pubsub is not None:
            try:
                await self.pubsub.unsubscribe(channel_of(seat.unit))
            except (RedisError, OSError):
                log.debug("Redis is away; nothing to unsubscribe.")

    async def read(self) -> None:
        """Take frames until the last seat is given up, through every loss of Redis."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with (
                    Redis.from_url(
                        settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=0
                    ) as client,
                    client.pubsub() as pubsub,
                ):
                    await pubsub.subscribe(*[channel_of(unit) for unit in self.seats])
                    self.pubsub = pubsub
                    async for message in pubsub.listen():
                        wait_s = FIRST_WAIT_S
                        self.hand_out(message)
            except (RedisError, OSError) as error:
                log.warning("Redis is away (%s); trying again in %g s.", error, wait_s)
            finally:
                self.pubsub = None
                for event in self.confirmed.values():
                    event.clear()
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def hand_out(self, message: dict[str, object]) -> None:
        """Give a frame to its unit's seats; note a confirmed subscription."""
        channel, data = message["channel"], message["data"]
        if not isinstance(channel, bytes):
            return
        unit = int(channel.rsplit(b":", 1)[1])
        if message["type"] == "subscribe":
            self.confirmed[unit].set()
        elif message["type"] == "message" and isinstance(data, bytes):
            for seat in self.seats.get(unit, ()):
                seat.put(data)


def channel_of(unit: int) -> str:
    """The Redis channel of a unit's frames."""
    return stream_key(f"unit:{unit}")


hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop: a server process has one."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        hubs[loop] = Hub()
    return hubs[loop]
