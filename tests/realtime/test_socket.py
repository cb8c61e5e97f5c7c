"""The live socket over real HTTP and Redis: who is let in, what is logged, what closes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import OperationalError
from django.db.models import F
from django.test import Client
from django.utils import timezone
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import live
from patrols.models import LiveWatch
from realtime.consumers import Rights, rights_of_sessions
from realtime.door import Door, Entry
from realtime.hub import QUEUE_FRAMES, Seat
from realtime.straight import Message, message_of
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
        who: User | Client | None,
        *,
        origin: str | None = "",
        path: str = "/ws/live/",
        compression: str | None = "deflate",
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
            compression=compression,
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
    monkeypatch.setattr(Door, "period_s", 0.05)
    client = session_of(town.dispatcher)
    with join(client) as socket:
        change(client, town.dispatcher)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd.code == 4403
    wait_until(lambda: not LiveWatch.objects.filter(left_at=None).exists())


def test_unchanged_rights_keep_it_open(town: Town, join, server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Door, "period_s", 0.02)
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


class Taker:
    """A socket's far end that takes frames only while it is told to."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.takes = asyncio.Event()
        self.let_go = asyncio.Event()
        self.gone = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        if self.gone:
            raise OSError("hung up")
        self.taken.append(int(message["bytes"]))

    async def too_slow(self) -> None:
        self.let_go.set()


def numbered(number: int) -> Message:
    return message_of(b"%d" % number)


def test_frames_are_sent_at_once_and_in_order():
    async def send() -> tuple[list[int], bool]:
        taker = Taker()
        taker.takes.set()
        seat = Seat(1, taker.send, taker.too_slow)
        seat.put(numbered(0))  # before the handshake is over
        early = bool(taker.taken)
        seat.open()
        seat.put(numbered(1))
        seat.put(numbered(2))
        return taker.taken, early  # nothing was awaited since

    assert asyncio.run(send()) == ([0, 1, 2], False)


def test_a_slow_socket_gets_a_gap_and_not_the_past():
    async def fill() -> tuple[list[int], int]:
        taker = Taker()
        seat = Seat(1, taker.send, taker.too_slow)
        seat.open()
        for number in range(QUEUE_FRAMES + 2):
            seat.put(numbered(number))
        sending = seat.sending
        assert sending is not None
        taker.takes.set()
        await sending
        seat.put(numbered(QUEUE_FRAMES + 2))
        return taker.taken, seat.dropped

    # The first was under way; those that waited are gone: the number jumps, so the screen fetches
    # a snapshot.
    last = QUEUE_FRAMES + 1
    assert asyncio.run(fill()) == ([0, last, last + 1], QUEUE_FRAMES)


def test_a_socket_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("realtime.hub.SEND_TIMEOUT_S", 0.02)

    async def wait() -> tuple[list[int], bool]:
        taker = Taker()
        seat = Seat(1, taker.send, taker.too_slow)
        seat.open()
        seat.put(numbered(0))
        await asyncio.wait_for(taker.let_go.wait(), PATIENCE_S)
        taker.takes.set()
        seat.put(numbered(1))
        return taker.taken, seat.sending is None

    assert asyncio.run(wait()) == ([], True)


def test_a_socket_that_hung_up_is_sent_nothing_more():
    async def hang_up() -> tuple[list[int], bool]:
        taker = Taker()
        taker.takes.set()
        seat = Seat(1, taker.send, taker.too_slow)
        seat.open()
        seat.put(numbered(0))
        taker.gone = True
        seat.put(numbered(1))
        taker.gone = False
        seat.put(numbered(2))
        return taker.taken, seat.opened

    assert asyncio.run(hang_up()) == ([0], False)


def test_rights_of_many_sockets_are_read_in_few_queries_and_each_is_judged_alone(
    town: Town, join, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Door, "period_s", 0.05)
    stays, goes = session_of(town.dispatcher), session_of(town.supervisor)
    with join(stays) as one, join(goes) as other, join(stays) as third:
        change_role(goes, town.supervisor)
        with pytest.raises(ConnectionClosed) as closed:
            other.recv(timeout=PATIENCE_S)
        assert closed.value.rcvd.code == 4403
        wait_until(
            lambda: LiveWatch.objects.filter(left_at=None, seen_at__gt=F("joined_at")).count() == 2
        )
        for socket in (one, third):
            with pytest.raises(TimeoutError):
                socket.recv(timeout=0.2)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_every_size_of_frame_comes_whole(
    town: Town, join, server, monkeypatch: pytest.MonkeyPatch, compression: str | None
):
    sends: list[str] = []
    send = WebSocketsSansIOProtocol.send

    async def heard(self: WebSocketsSansIOProtocol, message: Any) -> None:
        sends.append(message["type"])
        await send(self, message)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "send", heard)
    sizes = (0, 1, 125, 126, 65_535, 65_536, 300_000)
    with join(town.dispatcher, compression=compression) as socket:
        for size in sizes:
            frame = bytes(range(256)) * (size // 256 + 1)
            server.publish(channel(town.top), frame[:size])
            assert socket.recv(timeout=PATIENCE_S) == frame[:size]
    assert sends[0] == "websocket.accept"
    if compression:
        # Each such socket has a state of its own: bytes made for all would be wrong for it.
        assert sends.count("websocket.send") == len(sizes)
    else:
        # Only one that is slow is sent its frames by the server; if all are, uvicorn has changed.
        assert sends.count("websocket.send") < 3


def test_sessions_are_read_together(town: Town, django_assert_num_queries):
    browsers = [session_of(town.dispatcher) for _ in range(3)] + [session_of(town.supervisor)]
    ended, planner = session_of(town.dispatcher), session_of(town.planner)
    keys = [client.session.session_key for client in [*browsers, ended, planner]]
    ended.session.flush()
    with django_assert_num_queries(2):
        found = rights_of_sessions([*keys, "no-such-session", ""])
    assert found == {
        key: Rights(user.pk, user.unit_id, user.role)
        for key, user in zip(keys, [town.dispatcher] * 3 + [town.supervisor], strict=False)
    }


def test_a_look_that_failed_is_made_again(caplog: pytest.LogCaptureFixture):
    looks: list[int] = []

    def read(keys: Collection[str]) -> dict[str, str]:
        looks.append(len(keys))
        if len(looks) == 1:
            raise OperationalError("away")
        return dict.fromkeys(keys, "other" if len(looks) == 3 else "same")

    async def watch() -> list[int]:
        closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def close(code: int) -> None:
            closed.set_result(code)

        door: Door[str] = Door(read)
        door.period_s = 0.01
        entry = Entry("key", "same", close)
        door.enter(entry)
        code = await asyncio.wait_for(closed, PATIENCE_S)
        door.leave(entry)
        return [code, len(looks)]

    assert asyncio.run(watch()) == [4403, 3]
    assert "could not be read" in caplog.text


def test_the_right_is_checked_again_where_the_watch_is_logged(town: Town):
    with pytest.raises(Refused, match="role"):
        live.begin_watch(town.planner, timezone.now())
