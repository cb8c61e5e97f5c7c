"""`manage.py ticker`: keep the live picture moving."""

from __future__ import annotations

import signal
import threading
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from realtime.ticker import run_ticker


class Command(BaseCommand):
    help = "Sends what changed to every screen, a frame each period. One is active, others wait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--period",
            type=float,
            default=settings.FRAME_PERIOD_S,
            help="seconds between frames (FRAME_PERIOD_S)",
        )

    def handle(self, *args: Any, period: float, **options: Any) -> None:
        stop = threading.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: stop.set())
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=None
        )
        with client:
            run_ticker(client, period, stop)
