"""Decision 3: an accepted order is duty. Phones over real HTTP, and the day that is judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.utils import timezone

from bureau.week import day_bounds
from patrols.bureau_day import Day
from patrols.models import Leave, Order, OrderMember, Person
from tests import make
from tests.patrols.dispatching import lead
from tests.patrols.phones import officer_on_duty, stored
from tests.patrols.test_ingest import SECRET, moment, off_duty_officer, refused, send
from tests.world import build_town


def member(person: Person, state: str, since: datetime | None, until: datetime | None) -> None:
    """An order of the person's in a state."""
    now = timezone.now()
    ended = state in ("disposed", "cancelled")
    order = Order.objects.create(
        bureau_id=person.bureau_id,
        lead=lead(person.unit, now),
        state=state,
        opened_at=now,
        moved_at=now,
        ended_at=until if ended else None,
    )
    OrderMember.objects.create(
        order=order, person=person, offered_at=since or now, since=since, until=until
    )


def test_an_accepted_order_is_duty_from_its_first_second(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(5)) == 200  # what is now known: off duty
    member(person, "accepted", moment(30), None)
    assert send(http, moment(4)) == 200
    assert send(http, moment(60)) == 200  # before the yes
    assert len(stored(person)) == 1
    assert refused(person) == {"off_duty": 2}


def test_it_ends_with_the_order_at_once(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    member(person, "accepted", moment(600), None)
    assert send(http, moment(20)) == 200
    OrderMember.objects.update(until=moment(15))
    Order.objects.update(state="cancelled", ended_at=moment(15))
    assert send(http, moment(10)) == 200
    assert send(http, moment(17)) == 200  # of the time before its end, come late
    assert len(stored(person)) == 2
    assert refused(person) == {"off_duty": 1}


@pytest.mark.parametrize("state", ["offered", "declined", "expired"])
def test_an_offer_alone_stores_nothing(http: httpx.Client, state: str) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    member(person, state, None, None if state == "offered" else moment(10))
    assert send(http, moment(4)) == 200
    assert stored(person) == []
    assert refused(person) == {"off_duty": 1}


def test_a_forgotten_order_is_over_for_its_people_after_sixteen_hours(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    member(person, "accepted", moment(17 * 3600), None)
    assert send(http, moment(4)) == 200
    assert send(http, moment(2 * 3600)) == 200
    assert len(stored(person)) == 1
    assert refused(person) == {"off_duty": 1}


# The day that is judged


@pytest.mark.django_db
def test_a_day_holds_the_hours_of_its_orders() -> None:
    town = build_town()
    person = make.person(town.west)
    start, end = day_bounds(datetime(2026, 3, 4, tzinfo=UTC).date(), town.bureau.time_zone)
    now = end - timedelta(hours=1)
    hour = timedelta(hours=1)
    member(person, "disposed", start + 2 * hour, start + 3 * hour)
    member(person, "cancelled", None, start + 4 * hour)  # offered only
    member(person, "disposed", start - 30 * hour, start - 29 * hour)  # another day's
    member(person, "accepted", now - hour, None)  # goes on
    day = Day(town.bureau, datetime(2026, 3, 4, tzinfo=UTC).date(), now)
    assert day.everybody() == {person.pk}
    duty = day._duty([person.pk])[person.pk]
    spans = [(start + 2 * hour, start + 3 * hour), (now - hour, now)]
    expected = [(one.timestamp(), other.timestamp()) for one, other in spans]
    assert sorted(duty.allowed) == expected
    assert sorted(duty.expected) == expected
    Leave.objects.create(
        bureau=town.bureau, person=person, kind="annual", first_day=day.day, last_day=day.day
    )
    on_leave = day._duty([person.pk])[person.pk]
    assert sorted(on_leave.allowed) == expected  # what was walked counts
    assert on_leave.expected == []  # nothing is owed


def test_somebody_on_shift_keeps_the_shift(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    member(person, "disposed", moment(600), moment(300))
    assert send(http, moment(4)) == 200
    assert len(stored(person)) == 1
