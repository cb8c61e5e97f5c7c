"""One hub per server process: it takes each frame from Redis once and hands the same bytes to every
socket that watches that unit.

Lossy on purpose: a frame has a number, and whoever sees a gap fetches a snapshot. So a slow socket
has a short queue that is emptied when it is full, and a lost Redis is only waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from patrols.live import stream_key
from realtime.door import of_loop
from realtime.straight import Message, Send, message_of, writer_of

log = logging.getLogger(__name__)

QUEUE_FRAMES = 16
SEND_TIMEOUT_S = 20.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 5.0
# Joining waits so long for Redis to confirm; without it the screen sees silence and says so.
CONFIRM_S = 3.0


class Seat:
    """One socket's place in the hub: the frames that wait to be sent.

    send: the server's own. too_slow: called once when a frame was not taken for 20 s.
    """

    def __init__(self, unit: int, send: Send, too_slow: Callable[[], Awaitable[None]]) -> None:
        self.unit, self.send, self.too_slow = unit, send, too_slow
        self.write = writer_of(send)
        self.waiting: deque[Message] = deque()
        self.opened = False
        self.sending: asyncio.Task[None] | None = None
        self.sent = self.dropped = 0

    def open(self) -> None:
        """The socket is accepted: what came meanwhile is sent."""
        self.opened = True
        self.begin()

    def put(self, message: Message) -> None:
        """Send a frame, or queue it. A full queue is emptied first: the gap makes the screen
        resync."""
        if self.opened and not self.waiting and self.sending is None and self.write(message):
            return
        if len(self.waiting) >= QUEUE_FRAMES:
            self.dropped += len(self.waiting)
            self.waiting.clear()
        self.waiting.append(message)
        self.begin()

    def begin(self) -> None:
        """Send what waits. It is done when this returns, unless the screen takes it slowly."""
        if not self.opened or not self.waiting or self.sending is not None:
            return
        task = asyncio.Task(self.drain(), loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self.sending = task
            self.look_again()

    async def drain(self) -> None:
        """Frames in order, one at a time."""
        try:
            while self.waiting:
                await self.send(self.waiting.popleft().asgi)
                self.sent += 1
        except OSError:
            self.opened = False  # hung up; the consumer hears of it and leaves
        finally:
            self.sending = None

    def look_again(self) -> None:
        """See after 20 s whether the screen has taken a frame meanwhile; if not, let it go."""
        sending, sent = self.sending, self.sent

        def look() -> None:
            if self.sending is None or self.sending is not sending:
                return
            if self.sent != sent:
                self.look_again()
                return
            self.shut()
            self.letting_go = asyncio.ensure_future(self.too_slow())

        asyncio.get_running_loop().call_later(SEND_TIMEOUT_S, look)

    def shut(self) -> None:
        """Nothing more is sent."""
        self.opened = False
        self.waiting.clear()
        if self.sending is not None:
            self.sending.cancel()


class Hub:
    """The process's one subscriber. Lives while somebody sits in it."""

    def __init__(self) -> None:
        self.seats: dict[int, set[Seat]] = defaultdict(set)
        self.confirmed: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.pubsub: PubSub | None = None
        self.reader: asyncio.Task[None] | None = None

    async def join(self, unit: int, send: Send, too_slow: Callable[[], Awaitable[None]]) -> Seat:
        """Take a seat; returns once Redis has confirmed that the unit's frames come here. They
        wait until it is opened."""
        seat = Seat(unit, send, too_slow)
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
        seat.shut()
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
            frame = message_of(data)
            for seat in tuple(self.seats.get(unit, ())):
                seat.put(frame)


def channel_of(unit: int) -> str:
    """The Redis channel of a unit's frames."""
    return stream_key(f"unit:{unit}")


# The hub of the running event loop: a server process has one.
hub = of_loop(Hub)
