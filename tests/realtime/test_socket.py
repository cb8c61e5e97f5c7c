"""The live socket over real HTTP and Redis: who is let in, what is logged, what closes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import live
from patrols.models import LiveWatch
from realtime.consumers import Live
from realtime.hub import QUEUE_FRAMES, Seat
from tests import make
from tests.world import Town, build_town

PATIENCE_S = 20


@pytest.fixture
def town(transactional_db: None) -> Town:
    return build_town()


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


def session_of(user: User) -> Client:
    """A signed-in browser."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def join(product_address: str) -> Callable[..., contextmanager]:
    """`with join(user_or_client) as socket`: a screen that has joined."""

    @contextmanager
    def joined(
        who: User | Client | None, *, origin: str | None = "", path: str = "/ws/live/"
    ) -> Iterator[ClientConnection]:
        client = session_of(who) if isinstance(who, User) else who
        headers = {}
        if client is not None:
            headers["Cookie"] = f"sessionid={client.cookies['sessionid'].value}"
        if origin == "":
            origin = f"http://{product_address}"
        with connect(
            f"ws://{product_address}{path}",
            origin=origin,
            additional_headers=headers,
            open_timeout=PATIENCE_S,
        ) as socket:
            yield socket

    return joined


def wait_until(is_so: Callable[[], bool]) -> None:
    """Until another process or thread has done it; fails when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def status_of_refusal(join, who, **more) -> int:
    with pytest.raises(InvalidStatus) as refused, join(who, **more):
        pass
    return refused.value.response.status_code


def channel(unit) -> str:
    return live.stream_key(f"unit:{unit.pk}")


def listeners(server: redis.Redis, name: str) -> int:
    """How many subscriptions a channel has."""
    return dict(server.pubsub_numsub(name))[name.encode()]


def test_a_stranger_is_refused(town: Town, join):
    assert status_of_refusal(join, None) == 403


def test_roles_that_do_not_watch_are_refused(town: Town, join):
    unattached = make.user(Role.DISPATCHER, town.west)
    browsers = [session_of(make.user(Role.OFFICER, town.west)), session_of(town.planner)]
    browsers += [session_of(unattached)]
    User.objects.filter(pk=unattached.pk).update(unit=None)
    deactivated = make.user(Role.DISPATCHER, town.west)
    browsers += [session_of(deactivated)]
    User.objects.filter(pk=deactivated.pk).update(is_active=False)
    assert [status_of_refusal(join, browser) for browser in browsers] == [403] * 4
    assert not LiveWatch.objects.exists()


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "http://localhost.evil.example", "null"]
)
def test_another_sites_page_is_refused(town: Town, join, origin: str | None):
    assert status_of_refusal(join, town.dispatcher, origin=origin) == 403


def test_an_address_that_is_none_is_refused(town: Town, join):
    assert status_of_refusal(join, town.dispatcher, path="/ws/other/") == 403


def test_frames_come_as_published_and_the_watch_is_logged(town: Town, join, server):
    with join(town.dispatcher) as socket:
        watch = LiveWatch.objects.get()
        assert (watch.user, watch.unit, watch.left_at) == (town.dispatcher, town.top, None)
        server.publish(channel(town.top), b"one")
        server.publish(channel(town.top), b"two")
        assert socket.recv(timeout=PATIENCE_S) == b"one"
        socket.send("a watching screen has nothing to say")
        assert socket.recv(timeout=PATIENCE_S) == b"two"
    wait_until(lambda: not LiveWatch.objects.filter(left_at=None).exists())
    wait_until(
        lambda: not dict(server.pubsub_numsub(channel(town.top)))[channel(town.top).encode()]
    )


def test_a_squads_dispatcher_hears_only_the_squads_channel(town: Town, join, server):
    with join(make.user(Role.DISPATCHER, town.west)) as socket, join(town.dispatcher) as whole:
        for unit in (town.east, town.top, town.brigade):
            server.publish(channel(unit), b"about others")
        server.publish(channel(town.west), b"about us")
        assert socket.recv(timeout=PATIENCE_S) == b"about us"
        assert whole.recv(timeout=PATIENCE_S) == b"about others"
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.2)


def test_two_screens_of_one_process_share_one_subscription(town: Town, join, server):
    with join(town.dispatcher) as one, join(town.supervisor) as other:
        assert listeners(server, channel(town.top)) == 1
        server.publish(channel(town.top), b"same bytes")
        assert one.recv(timeout=PATIENCE_S) == other.recv(timeout=PATIENCE_S) == b"same bytes"


def change_role(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(role=Role.OFFICER)


def change_unit(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(unit=user.bureau.units.get(code="west"))


def change_password(client: Client, user: User) -> None:
    user.set_password("another-pass-1")
    user.save()


def demand_another_password(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(must_change_password=True)


def deactivate(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def sign_out(client: Client, user: User) -> None:
    client.session.flush()


@pytest.mark.parametrize(
    "change",
    [change_role, change_unit, change_password, demand_another_password, deactivate, sign_out],
)
def test_a_change_of_rights_closes_the_socket(
    town: Town, join, change, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Live, "rights_period_s", 0.05)
    client = session_of(town.dispatcher)
    with join(client) as socket:
        change(client, town.dispatcher)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd.code == 4403
    wait_until(lambda: not LiveWatch.objects.filter(left_at=None).exists())


def test_unchanged_rights_keep_it_open(town: Town, join, server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Live, "rights_period_s", 0.02)
    with join(town.dispatcher) as socket:
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.5)
        server.publish(channel(town.top), b"still here")
        assert socket.recv(timeout=PATIENCE_S) == b"still here"
        # The log says that the watch goes on, so that a crash leaves a truthful end.
        watch = LiveWatch.objects.get()
        assert watch.left_at is None
        assert watch.seen_at is not None
        assert watch.seen_at > watch.joined_at


def test_a_lost_redis_connection_is_taken_up_again(town: Town, join, server):
    with join(town.dispatcher) as socket:
        database = str(server.connection_pool.connection_kwargs.get("db", 0))
        for each in server.client_list(_type="pubsub"):
            if each["db"] == database:
                server.client_kill_filter(_id=each["id"])
        wait_until(lambda: listeners(server, channel(town.top)) == 1)
        server.publish(channel(town.top), b"after the loss")
        assert socket.recv(timeout=PATIENCE_S) == b"after the loss"


def test_a_slow_socket_gets_a_gap_and_not_the_past():
    async def fill() -> tuple[bytes, int]:
        seat = Seat(unit=1)
        for number in range(QUEUE_FRAMES + 1):
            seat.put(b"%d" % number)
        return await seat.take(), seat.dropped

    # Those before are gone: the number jumps, so the screen fetches a snapshot.
    assert asyncio.run(fill()) == (b"%d" % QUEUE_FRAMES, QUEUE_FRAMES)


def test_taking_waits_for_the_next_frame():
    async def wait() -> tuple[bool, bytes]:
        seat = Seat(unit=1)
        taking = asyncio.create_task(seat.take())
        await asyncio.sleep(0)
        early = taking.done()
        seat.put(b"frame")
        return early, await taking

    assert asyncio.run(wait()) == (False, b"frame")


def test_the_right_is_checked_again_where_the_watch_is_logged(town: Town):
    with pytest.raises(Refused, match="role"):
        live.begin_watch(town.planner, timezone.now())
