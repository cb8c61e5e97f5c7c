"""The socket of an officer's page over real HTTP and Redis: who is let in, what it hears."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bureau.models import Role, User
from patrols.models import Person, PhoneNotice, PhoneNoticeKind
from patrols.notices import notify
from realtime.door import Door
from realtime.news import group_of, tell_news
from tests import make
from tests.world import Town, build_town

PATIENCE_S = 20


@pytest.fixture
def town(transactional_db: None) -> Town:
    return build_town()


def officer(of, **fields) -> Person:
    user = make.user(Role.OFFICER, of)
    return make.person(of, user=user, **fields)


def session_of(user: User) -> Client:
    """A signed-in browser."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def join(product_address: str) -> Callable[..., contextmanager]:
    """`with join(user_or_client) as socket`: an open page."""

    @contextmanager
    def joined(who: User | Client | None, *, origin: str | None = "") -> Iterator[ClientConnection]:
        client = session_of(who) if isinstance(who, User) else who
        headers = {}
        if client is not None:
            headers["Cookie"] = f"sessionid={client.cookies['sessionid'].value}"
        with connect(
            f"ws://{product_address}/ws/my/",
            origin=f"http://{product_address}" if origin == "" else origin,
            additional_headers=headers,
            open_timeout=PATIENCE_S,
        ) as socket:
            yield socket

    return joined


def status_of_refusal(join, who, **more) -> int:
    with pytest.raises(InvalidStatus) as refused, join(who, **more):
        pass
    return refused.value.response.status_code


def heard(socket: ClientConnection) -> list[str]:
    return json.loads(socket.recv(timeout=PATIENCE_S))["news"]


def wait_for_listeners(person: Person, count: int) -> None:
    """Until so many processes subscribe to the person's group in Redis."""
    name = f"asgi__group__{group_of(person.pk)}"
    deadline = time.monotonic() + PATIENCE_S
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        while dict(server.pubsub_numsub(name))[name.encode()] != count:
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.02)


def test_a_stranger_is_refused(town: Town, join):
    assert status_of_refusal(join, None) == 403


def test_an_account_that_nobody_patrols_with_is_refused(town: Town, join):
    assert status_of_refusal(join, town.dispatcher) == 403
    assert status_of_refusal(join, make.user(Role.OFFICER, town.west)) == 403


def test_somebody_who_has_left_is_refused(town: Town, join):
    gone = officer(town.west, left_on=timezone.localdate() - timedelta(days=2))
    assert status_of_refusal(join, gone.user) == 403


def test_a_closed_account_is_refused(town: Town, join):
    person = officer(town.west)
    browser = session_of(person.user)
    User.objects.filter(pk=person.user_id).update(is_active=False)
    assert status_of_refusal(join, browser) == 403


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "http://localhost.evil.example", "null"]
)
def test_another_sites_page_is_refused(town: Town, join, origin: str | None):
    assert status_of_refusal(join, officer(town.west).user, origin=origin) == 403


def test_a_page_hears_of_its_own_person_and_of_nobody_else(town: Town, join):
    now = timezone.now()
    one, other = officer(town.west), officer(town.west)
    with join(one.user) as socket, join(other.user) as elsewhere:
        notify(other, PhoneNoticeKind.ORDER_OFFERED, 7, now)
        assert tell_news(now) == 1
        assert heard(elsewhere) == ["order_offered"]
        notify(one, PhoneNoticeKind.SOS_TAKEN, 8, now)
        notify(one, PhoneNoticeKind.SOS_CLOSED, 8, now)
        socket.send("a page has nothing to say")
        assert tell_news(now) == 2
        # The first that this page hears is its own; it says which kinds, and nothing else.
        assert socket.recv(timeout=PATIENCE_S) == '{"news": ["sos_closed", "sos_taken"]}'
    assert tell_news(now) == 0
    assert set(PhoneNotice.objects.values_list("sent_at", flat=True)) == {now}


def test_two_pages_of_one_person_both_hear(town: Town, join):
    person = officer(town.west)
    with join(person.user) as one, join(person.user) as other:
        notify(person, PhoneNoticeKind.ORDER_OFFERED, 1, timezone.now())
        tell_news(timezone.now())
        assert heard(one) == heard(other) == ["order_offered"]
    wait_for_listeners(person, 0)


def test_a_notice_waits_while_redis_is_away(town: Town, settings):
    person = officer(town.west)
    notify(person, PhoneNoticeKind.ORDER_OFFERED, 1, timezone.now())
    kept = settings.CHANNEL_LAYERS
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]},
        }
    }
    with pytest.raises((redis.RedisError, OSError)):
        tell_news(timezone.now())
    assert PhoneNotice.objects.get().sent_at is None
    settings.CHANNEL_LAYERS = kept
    assert tell_news(timezone.now()) == 1


def test_a_notice_of_a_transaction_that_failed_is_told_to_nobody(town: Town):
    with transaction.atomic():
        notify(officer(town.west), PhoneNoticeKind.ORDER_OFFERED, 1, timezone.now())
        transaction.set_rollback(True)
    assert tell_news(timezone.now()) == 0


def unlink(client: Client, person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(user=None)


def leave(client: Client, person: Person) -> None:
    gone = timezone.localdate() - timedelta(days=2)
    Person.objects.filter(pk=person.pk).update(left_on=gone)


def change_password(client: Client, person: Person) -> None:
    person.user.set_password("another-pass-1")
    person.user.save()


def demand_another_password(client: Client, person: Person) -> None:
    User.objects.filter(pk=person.user_id).update(must_change_password=True)


def deactivate(client: Client, person: Person) -> None:
    User.objects.filter(pk=person.user_id).update(is_active=False)


def sign_out(client: Client, person: Person) -> None:
    client.session.flush()


@pytest.mark.parametrize(
    "change", [unlink, leave, change_password, demand_another_password, deactivate, sign_out]
)
def test_a_change_of_rights_closes_the_socket(
    town: Town, join, change, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Door, "period_s", 0.05)
    person = officer(town.west)
    client = session_of(person.user)
    with join(client) as socket:
        change(client, person)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd.code == 4403
