"""What tests in a browser begin with: a signed-in page, the live page, a phone, the ticker."""

from __future__ import annotations

import os
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from bureau.models import User
from patrols import live
from patrols.models import Person
from tests.processes import Processes, other_database
from tests.world import place

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import OpenPage

SLOW_MS = 120_000  # what a busy machine may take; nothing waits longer than it must


class Ticking:
    """The ticker on the test database, to be cut and started again."""

    def __init__(self) -> None:
        name = str(settings.DATABASES["default"]["NAME"])
        self.environment = {"DATABASE_URL": other_database(os.environ["DATABASE_URL"], name)}
        self.start()

    def start(self) -> None:
        """Start it and wait for its first number: a busy machine takes its time."""
        self.group = Processes(self.environment)
        with redis.Redis.from_url(settings.REDIS_URL) as server:
            server.delete(live.stream_key("head"))
            self.group.manage("ticker", "ticker", "--period", "0.25")
            deadline = time.monotonic() + SLOW_MS / 1000
            while server.get(live.stream_key("head")) is None:
                self.group.still_running("ticker")
                assert time.monotonic() < deadline, self.group.said("ticker")
                time.sleep(0.1)

    def stop(self) -> None:
        self.group.stop()


def sign_in(open_page: OpenPage, web: str, user: Any, path: str = "", **more: Any) -> Page:
    """A page of a signed-in user at a path, or not opened yet. `more` as `open_page` takes it."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    page = open_page(**more)
    page.set_default_timeout(SLOW_MS)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": web}])
    if path:
        page.goto(web + path)
    return page


def open_live(open_page: OpenPage, web: str, user: User, path: str = "/live/", **more: Any) -> Page:
    """The live page of a signed-in user, with its map up."""
    page = sign_in(open_page, web, user, path, **more)
    page.wait_for_selector("#live-map[data-ready]")
    return page


def wait_for_mark(page: Page, person: Person, east_m: float, north_m: float) -> None:
    """Until the person's mark is drawn on the map at that place."""
    lon, lat = place(east_m, north_m)
    page.wait_for_function(
        """([id, lon, lat]) => tandemLive.drawn().marks.some((mark) =>
            mark.id === id && Math.abs(mark.lon - lon) < 1e-6
            && Math.abs(mark.lat - lat) < 1e-6)""",
        arg=[person.pk, lon, lat],
    )


def send(web: str, person: Person, east_m: float, north_m: float, **more: Any) -> None:
    """One fix of a person's phone, in Traccar Client's own format."""
    lon, lat = place(east_m, north_m)
    values = {
        "id": f"phone-{person.badge_no}",
        "lat": lat,
        "lon": lon,
        "timestamp": int(timezone.now().timestamp()),
        "accuracy": 5,
        "batt": 64,
    } | more
    query = urllib.parse.urlencode(values)
    request = urllib.request.Request(f"{web}/phone/traccar?{query}", method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 200
