"""The ticker: once per frame period, what changed → one frame per watched unit → Redis.

Domain apps do not know that it exists: the database is the queue. One ticker is active, held by an
advisory lock; others wait for it. Any trouble with the database begins a new epoch, which makes
every screen fetch a snapshot; trouble with Redis loses frames, which the screens see as a gap.
"""

from __future__ import annotations

import gc
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import redis
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from patrols.escalation import escalate
from patrols.live import ms, stream_key
from patrols.orders import expire_offers
from patrols.storage.turns import take_for_good
from realtime import changes
from realtime.frames import pack
from realtime.groups import Cutter, Picture
from realtime.news import tell_news
from realtime.pushing import push_until
from realtime.rounds import Judge

log = logging.getLogger(__name__)

WAIT_FOR_LOCK_S = 2.0
AFTER_TROUBLE_S = 1.0
LOCK = "tandem ticker"
# How long the head stays after the ticker is gone; a snapshot then goes out without a number.
HEAD_KEPT_S = 60


@dataclass
class Ticker:
    """One run of frames under one epoch."""

    client: redis.Redis
    epoch: int = field(default_factory=lambda: secrets.randbits(32))
    number: int = 0
    cursor: changes.Cursor = field(default_factory=changes.Cursor)
    picture: Picture = field(default_factory=Picture)
    judged_at: datetime | None = None
    redis_down: bool = False

    def start(self, now: datetime, at_s: float) -> None:
        """Read everything once. It is not told: a new epoch makes the screens ask for it."""
        self.look(now, at_s)
        try:
            self.client.set(stream_key("head"), self.head(), ex=HEAD_KEPT_S)
        except redis.RedisError:
            log.warning("Redis does not answer yet; screens wait for the first frame.")

    def head(self) -> str:
        """What a snapshot says of the stream: this epoch, and the last number read."""
        return json.dumps({"epoch": self.epoch, "number": self.number})

    def look(self, now: datetime, at_s: float) -> Cutter:
        """Read what changed and prepare it to be cut into frames."""
        found = changes.since(self.cursor, now, at_s)
        tick = self.picture.apply(found, self.cursor.roster_told, self.cursor.parent)
        return Cutter(
            self.picture, tick, self.epoch, self.number, ms(timezone.now()) or 0, ms(self.judged_at)
        )

    def tick(self, now: datetime, at_s: float) -> int:
        """Widen alarms that wait; then read, cut and publish one frame: to how many groups."""
        escalate(now)
        self.number = (self.number + 1) % 2**32
        cutter = self.look(now, at_s)
        try:
            sent = self.publish(cutter)
        except redis.RedisError as error:
            if not self.redis_down:
                log.error("Redis does not take frames (%s); screens will say so.", error)
            self.redis_down = True
            return 0
        if self.redis_down:
            log.info("Redis takes frames again.")
        self.redis_down = False
        return sent

    def read_ahead(self, now: datetime, at_s: float, due_s: float) -> None:
        """What can wait until the frame is out: notices, and the roster before the next frame."""
        try:
            tell_news(now)
        except (redis.RedisError, OSError) as error:
            log.warning("Redis did not take a notice (%s); it is told again.", error)
        changes.read_ahead(self.cursor, now, at_s, max(0.0, due_s - at_s))

    def publish(self, cutter: Cutter) -> int:
        """One PUBLISH per unit that somebody watches. The head is set before, never after."""
        prefix = stream_key("unit:")
        watched = cast("list[bytes]", self.client.pubsub_channels(prefix + "*"))
        pipe = self.client.pipeline(transaction=False)
        pipe.set(stream_key("head"), self.head(), ex=HEAD_KEPT_S)
        for channel in watched:
            name = channel.decode()
            pipe.publish(name, pack(cutter.frame(int(name.removeprefix(prefix)))))
        pipe.execute()
        return len(watched)


def run_ticker(client: redis.Redis, period_s: float, stop: threading.Event) -> None:
    """Tick until stopped: wait for the lock, then frames; after trouble a new epoch."""
    while not stop.is_set():
        try:
            if not take_lock():
                stop.wait(WAIT_FOR_LOCK_S)
                continue
            log.info("The ticker is active, a frame every %g s.", period_s)
            run_epoch(client, period_s, stop)
        except (DatabaseError, InterfaceError) as error:
            log.error("The database does not answer (%s); a new epoch begins when it does.", error)
            connection.close()  # gives the lock back, if the server still holds it
            stop.wait(AFTER_TROUBLE_S)
    connection.close()


def run_epoch(client: redis.Redis, period_s: float, stop: threading.Event) -> None:
    """Frames at a steady beat; beside them the process of the judge and the thread of web push.

    Offers that nobody answered end here, so that they end whether anybody looks or not.
    """
    ticker, judge, ended = Ticker(client), Judge(), threading.Event()
    judge.start()
    pushes = threading.Thread(target=push_until, args=[ended], name="web-push", daemon=True)
    pushes.start()
    try:
        ticker.start(timezone.now(), time.monotonic())
        # The roster stays: a collection that walks through it again and again would cost frames.
        gc.collect()
        gc.freeze()
        due = time.monotonic() + period_s
        while not stop.wait(max(0.0, due - time.monotonic())):
            ticker.judged_at = judge.judged_at
            expire_offers(timezone.now())
            ticker.tick(timezone.now(), time.monotonic())
            # After a slow tick the beat goes on from now: frames are not sent in a burst.
            due = max(due + period_s, time.monotonic())
            ticker.read_ahead(timezone.now(), time.monotonic(), due)
    finally:
        ended.set()
        judge.stop()
        pushes.join(AFTER_TROUBLE_S)


def take_lock() -> bool:
    """Try to be the one active ticker of this database; the lock ends with the connection."""
    return take_for_good(LOCK)
