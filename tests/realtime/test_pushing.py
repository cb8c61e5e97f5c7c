"""The ticker's thread of web push: it sends by itself, and holds no frame up."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from bureau.models import Role
from patrols import live, notices, pushes
from patrols.models import PhoneNoticeKind
from realtime.pushing import push_until
from tests import make
from tests.patrols.push_service import Browser, PushService, push_service
from tests.processes import Processes, other_database
from tests.world import build_town

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service(request: Any) -> Iterator[PushService]:
    with push_service() as running:
        request.getfixturevalue("settings").PUSH_HOSTS = [running.host]
        yield running


def offer(service: PushService, path: str) -> Browser:
    """Somebody with a browser at that path, to whom an order was offered five seconds ago."""
    town, now, browser = build_town(), timezone.now(), Browser()
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    pushes.switch(town.bureau, on=True, by=town.dispatcher, now=now)
    pushes.subscribe(person, service.address(path), browser.p256dh, browser.auth, now)
    notices.notify(person, PhoneNoticeKind.ORDER_OFFERED, 1, now - timedelta(seconds=5))
    return browser


def test_what_is_due_is_sent_until_it_ends(service: PushService) -> None:
    browser, ended = offer(service, "/one"), threading.Event()
    thread = threading.Thread(target=push_until, args=[ended])
    thread.start()
    try:
        assert service.arrived.wait(60)
    finally:
        ended.set()
        thread.join(60)
    assert not thread.is_alive()
    assert browser.read(service.got[0][2]).strip() == b'{"about": "order"}'


def test_frames_go_on_while_a_push_service_keeps_it_waiting(service: PushService) -> None:
    offer(service, "/drip")
    name = str(settings.DATABASES["default"]["NAME"])
    address = other_database(os.environ["DATABASE_URL"], name)
    group = Processes({"DATABASE_URL": address, "PUSH_HOSTS": service.host})
    with redis.Redis.from_url(settings.REDIS_URL) as server:

        def number() -> int:
            head = server.get(live.stream_key("head"))
            return int(json.loads(head)["number"]) if head else -1

        try:
            server.delete(live.stream_key("head"))
            group.manage("ticker", "ticker", "--period", "0.1")
            assert service.arrived.wait(120), group.said("ticker")
            # The service has not answered and will not; ten further frames come all the same.
            seen, end = number(), time.monotonic() + 60
            while number() < seen + 10 and time.monotonic() < end:
                time.sleep(0.05)
            assert number() >= seen + 10
            assert not service.drip.is_set()
        finally:
            group.stop()
