"""The database goes away, refuses a value or is slow: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg2
import pytest
from django.db import connection

from patrols.api.group_commit import desk
from patrols.models import Quarantine, TouchedDay
from tests import make
from tests.patrols.phones import officer_on_duty, stored
from tests.patrols.test_ingest_refusals import SECRET, batch, fix


@contextlib.contextmanager
def beside() -> Iterator[Any]:
    """A cursor in another database of the same server, to shut ours from."""
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    other = psycopg2.connect(**parameters)
    other.autocommit = True
    try:
        yield other.cursor()
    finally:
        other.close()


def end_other_connections(cursor: Any) -> None:
    """End every connection to the test database but that of this thread."""
    connection.ensure_connection()
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
        [connection.settings_dict["NAME"], connection.connection.info.backend_pid],
    )


@contextlib.contextmanager
def database_shut() -> Iterator[None]:
    """The test database takes no connection, and the writer's is ended."""
    name = '"' + connection.settings_dict["NAME"] + '"'
    with beside() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        end_other_connections(cursor)
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextlib.contextmanager
def refused_by_the_table(condition: str) -> Iterator[None]:
    """A constraint that some rows break, as a bug of ours might make one."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE patrols_position ADD CONSTRAINT odd CHECK ({condition})")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE patrols_position DROP CONSTRAINT odd")


def test_a_broken_connection_is_replaced_and_the_batch_given_again(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(20)).status_code == 200
    with beside() as cursor:
        end_other_connections(cursor)
    assert http.post("/phone/traccar", params=fix(10)).status_code == 200
    assert len(stored(person)) == 2


def test_without_a_database_the_phone_is_told_to_keep_its_queue(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "patience_s", 0.2)
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(30)).status_code == 200
    with database_shut():
        for app in ("traccar", "owntracks", "overland"):
            answer = http.post(f"/phone/{app}", params=fix(20), content=b"a=b")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        # A stranger cannot be told from a phone just now: not refused for good either.
        assert http.post("/phone/traccar", params=fix(id="nobody")).status_code == 503
    assert len(stored(person)) == 1
    # Once it is back, the retry is stored, once.
    for _ in range(2):
        assert http.post("/phone/traccar", params=fix(20)).status_code == 200
    assert len({position.recorded_at for position in stored(person)}) == len(stored(person))
    assert len(stored(person)) >= 2


def test_a_short_outage_is_bridged(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(50)).status_code == 200
    with ThreadPoolExecutor(1) as pool:
        with database_shut():
            waiting = pool.submit(http.post, "/phone/traccar", params=fix(20))
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)  # it is being tried again, not refused
        assert waiting.result(timeout=20).status_code == 200
    assert len(stored(person)) == 2


def test_a_row_that_the_database_refuses_costs_neither_its_batch_nor_its_neighbours(
    http: httpx.Client,
) -> None:
    people = [officer_on_duty() for _ in range(3)]
    for n, person in enumerate(people):
        make.phone(person, f"{SECRET}-{n}")
    now = datetime.now(UTC).replace(microsecond=0)

    def send(n: int) -> int:
        coords = [{"latitude": 60.1, "longitude": 24.9, "accuracy": a} for a in (5, 66, 7)]
        locations = [
            {"timestamp": (now - timedelta(seconds=i)).isoformat(), "coords": c}
            for i, c in enumerate(coords if n == 1 else coords[::2])
        ]
        body = {"device_id": f"{SECRET}-{n}", "locations": locations}
        return http.post("/phone/traccar", json=body).status_code

    with refused_by_the_table("accuracy_m <> 66"), ThreadPoolExecutor(3) as pool:
        assert list(pool.map(send, range(3))) == [200, 200, 200]
    assert [len(stored(person)) for person in people] == [2, 2, 2]
    (kept,) = Quarantine.objects.all()
    assert (kept.reason, kept.person_id) == ("database", people[1].pk)
    assert "odd" in kept.detail
    assert TouchedDay.objects.count() == 3


def test_a_partition_dropped_behind_our_back_is_made_again(http: httpx.Client) -> None:
    start = datetime(2024, 7, 1, 1, 0, tzinfo=UTC)
    person = officer_on_duty(start, start + timedelta(hours=8))
    make.phone(person, SECRET)
    at = int(start.timestamp())
    assert http.post("/phone/traccar", params=fix(timestamp=at)).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE patrols_position_y2024w27")
    assert http.post("/phone/traccar", params=fix(timestamp=at + 60)).status_code == 200
    assert len(stored(person)) == 1


def test_a_full_queue_answers_503_and_takes_nothing(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    monkeypatch.setattr(desk, "most_waiting", 10)
    answer = http.post("/phone/traccar", content=batch(20))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert not stored(person)
    assert http.post("/phone/traccar", content=batch(5)).status_code == 200
    assert len(stored(person)) == 5


def test_an_open_lock_only_delays(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(50)).status_code == 200
    with ThreadPoolExecutor(1) as pool, beside() as _:
        parameters = connection.get_connection_params()
        parameters.pop("context", None)
        other = psycopg2.connect(**parameters)
        try:
            other.cursor().execute("LOCK TABLE patrols_position IN ACCESS EXCLUSIVE MODE")
            waiting = pool.submit(http.post, "/phone/traccar", params=fix(20))
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            other.rollback()
        finally:
            other.close()
        assert waiting.result(timeout=20).status_code == 200
    assert len(stored(person)) == 2
