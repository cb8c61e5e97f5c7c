"""Token buckets with a clock in hand, shares, and bodies that end never or too late."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from patrols.api import limits
from patrols.api import phone as phone_api
from patrols.api.limits import Buckets, Shares
from tests import make
from tests.patrols.phones import officer_on_duty, stored


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present, in s."""
    present = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: present[0])
    return present


def test_a_bucket_empties_and_fills_at_its_rate(clock: list[float]) -> None:
    buckets: Buckets[str] = Buckets(burst=3, per_s=0.5)
    assert [buckets.take("a", 1) for _ in range(4)] == [True, True, True, False]
    assert not buckets.has("a", 1)
    assert buckets.take("b", 3)  # one key does not slow another
    clock[0] += 1.9
    assert not buckets.take("a", 1)
    clock[0] += 0.1
    assert buckets.take("a", 1)
    clock[0] += 1000
    assert not buckets.has("a", 4)  # never more than the burst
    assert buckets.take("a", 3)


def test_what_is_too_much_takes_nothing(clock: list[float]) -> None:
    buckets: Buckets[str] = Buckets(burst=3, per_s=0)
    assert not buckets.take("a", 4)
    assert buckets.take("a", 3)


def test_full_buckets_are_forgotten_when_there_are_many(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 10)
    buckets: Buckets[int] = Buckets(burst=1, per_s=0.1)
    for n in range(10):
        assert buckets.take(n, 1)
        clock[0] += 2
    assert buckets.take(99, 1)
    assert not buckets.take(9, 1)  # still empty: kept
    assert len(buckets.levels) <= 10


def test_one_large_thing_has_room_and_many_have_not() -> None:
    shares: Shares[str] = Shares(10)
    assert shares.take("a", 25)  # alone it may be as large as it is
    assert not shares.take("a", 1)
    assert shares.take("b", 6)  # one key leaves another its room
    assert shares.take("b", 4)
    assert not shares.take("b", 1)
    shares.give_back("b", 4)
    assert shares.take("b", 4)
    shares.give_back("a", 25)
    assert shares.take("a", 1)
    for key, amount in (("a", 1), ("b", 6), ("b", 4)):
        shares.give_back(key, amount)
    assert shares.held == {}


def begin(address: str, text: bytes, length: int, secret: str = "") -> socket.socket:
    """A request whose body is said to have a length, and the beginning of its body."""
    parts = urlsplit(address)
    opened = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)
    head = b"POST /phone/traccar%s HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"
    opened.sendall(head % (f"?id={secret}".encode() if secret else b"", length) + text)
    return opened


def all_that_comes(opened: socket.socket) -> bytes:
    """What the server says until it hangs up."""
    said = b""
    while part := opened.recv(65536):
        said += part
    opened.close()
    return said


def test_a_body_that_never_ends_is_given_up(
    http: httpx.Client, phone_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_api, "SILENT_S", 0.2)
    person = officer_on_duty()
    make.phone(person, "a-slow-phones-secret")
    said = all_that_comes(begin(phone_server, b"lat=60.1&lon=2", 40, "a-slow-phones-secret"))
    assert said.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in said
    assert stored(person) == []


def test_a_strangers_long_body_is_refused_before_it_ends(
    http: httpx.Client, phone_server: str
) -> None:
    """Its query says who it is not; 300 kB of 4 MB are enough."""
    opened = begin(phone_server, b"a" * 300_000, 4_000_000, "nobody-at-all")
    assert opened.recv(65536).startswith(b"HTTP/1.1 413")
    opened.close()


def test_a_long_batch_may_name_its_phone_at_its_end(http: httpx.Client) -> None:
    """400 kB of the SDK's batch form, in which other ids come first."""
    person = officer_on_duty()
    make.phone(person, "a-thorough-phones-secret")
    location = (
        '{"id":"no-phone-at-all","timestamp":"2024-07-01T00:00:%02dZ","extras":{"note":"%s"},'
        '"coords":{"latitude":60.1,"longitude":24.9}}'
    )
    rows = ",".join(location % (n, "x" * 10_000) for n in range(40))
    body = f'{{"location":[{rows}],"device_id":"a-thorough-phones-secret"}}'
    assert http.post("/phone/traccar", content=body.encode()).status_code == 200


def test_one_phones_flood_waits_and_others_go_on(
    http: httpx.Client, phone_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config.asgi import phones

    person = officer_on_duty()
    made = make.phone(person, "a-flooding-phones-secret")
    other = officer_on_duty()
    make.phone(other, "a-quiet-phones-secret")
    fix = {"lat": "60.1", "lon": "24.9"}
    assert phones.shares.take(made.pk, phone_api.MOST_OF_ONE)  # what is under way already
    try:
        flood = http.post("/phone/traccar", data=fix | {"id": "a-flooding-phones-secret"})
        quiet = http.post("/phone/traccar", data=fix | {"id": "a-quiet-phones-secret"})
    finally:
        phones.shares.give_back(made.pk, phone_api.MOST_OF_ONE)
    assert (flood.status_code, quiet.status_code) == (503, 200)
    assert (len(stored(person)), len(stored(other))) == (0, 1)
    again = http.post("/phone/traccar", data=fix | {"id": "a-flooding-phones-secret"})
    assert again.status_code == 200
    assert phones.shares.held == {}
