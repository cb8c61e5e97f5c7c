"""The two clocks of a lead: 24 hours for the response, three working days for the result."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from bureau.models import RuleSet
from patrols import leads, orders
from patrols.complaint_clocks import terms_of
from patrols.models import Lead
from patrols.order_rows import order_rows
from tests.patrols.dispatching import account, lead, patrol, there
from tests.world import Town, place

pytestmark = pytest.mark.django_db


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def row(of: Lead, now: datetime) -> dict[str, Any]:
    [found] = order_rows(Lead.objects.filter(pk=of.pk), now, closed_too=True)
    return found


def shanghai(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


# Acceptance case 17: the response by the clock, the result by working days 8, 9 and 10 October.
# Counted by hand from the notice of 2026; the end of a day is the midnight after it.
TERMS = [
    (shanghai(30, 16, month=9), shanghai(1, 16), date(2026, 10, 10), shanghai(11, 0)),
    (shanghai(30, 23, 59, month=9), shanghai(1, 23, 59), date(2026, 10, 10), shanghai(11, 0)),
    (shanghai(1, 0), shanghai(2, 0), date(2026, 10, 10), shanghai(11, 0)),
    # A Saturday that is a working day, and a Sunday that is none: Mon, Tue, Wed.
    (shanghai(10, 9), shanghai(11, 9), date(2026, 10, 14), shanghai(15, 0)),
    (shanghai(18, 9), shanghai(19, 9), date(2026, 10, 21), shanghai(22, 0)),
]


@pytest.mark.parametrize(("received", "respond", "day", "until"), TERMS)
def test_until_when_response_and_result_are_due(
    town: Town, received: datetime, respond: datetime, day: date, until: datetime
) -> None:
    terms = terms_of(town.bureau, received)
    assert (terms.result_day, terms.result_until, terms.provisional) == (day, until, False)
    told = row(lead(town.west, received, received_at=received), received)
    assert (told["respond_due"], told["result_due"]) == (ms(respond), ms(until))
    assert told["responded"] is None


def test_the_rules_of_the_week_in_which_it_came_in_hold(town: Town) -> None:
    RuleSet.objects.create(
        bureau=town.bureau,
        valid_from=date(2026, 10, 12),
        values={"complaint_result_workdays": 5, "complaint_respond_s": 7200},
    )
    # Sunday the 11th is the old week's, Monday the 12th the new one's.
    old, new = (terms_of(town.bureau, shanghai(day, 12)) for day in (11, 12))
    assert (old.result_day, old.respond_s) == (date(2026, 10, 14), 86400)
    assert (new.result_day, new.respond_s) == (date(2026, 10, 19), 7200)


def test_the_day_is_that_of_the_bureaus_own_zone(town: Town) -> None:
    town.bureau.time_zone = "Europe/Helsinki"
    town.bureau.save()
    # 23:30 UTC on Monday 2 November is Tuesday 01:30 in Helsinki (UTC+2).
    terms = terms_of(town.bureau, datetime(2026, 11, 2, 23, 30, tzinfo=UTC))
    assert terms.result_day == date(2026, 11, 6)
    assert terms.result_until == datetime(2026, 11, 6, 22, tzinfo=UTC)


def test_the_first_yes_or_the_closing_is_the_response(town: Town, now: datetime) -> None:
    told = lead(town.west, now)
    people = [there(town.west, now, 0, 0) for _ in range(2)]
    patrol(*people, now=now)
    user = account(people[0])
    order = orders.open_order(told.pk, by=town.dispatcher, now=now)
    ids = [person.pk for person in people]
    orders.offer(order.pk, people=ids, by=town.dispatcher, now=now)
    assert row(told, now)["responded"] is None
    orders.accept(order.pk, by=user, now=now + timedelta(seconds=20))
    orders.arrive(order.pk, by=user, place=place(0, 0), now=now + timedelta(minutes=5))
    assert row(told, now)["responded"] == ms(now + timedelta(seconds=20))
    # Taken back: it has been responded to all the same.
    orders.reassign(order.pk, by=town.dispatcher, reason="x", now=now + timedelta(minutes=6))
    assert row(told, now)["responded"] == ms(now + timedelta(seconds=20))
    other = lead(town.west, now)
    leads.close_lead(other.pk, by=town.dispatcher, reason="told twice", now=now)
    assert row(other, now)["responded"] == ms(now)


def panel(town: Town, of: Lead) -> str:
    client = Client(headers={"host": "localhost"})
    client.force_login(town.dispatcher, "django.contrib.auth.backends.ModelBackend")
    return client.get(f"/live/leads/{of.pk}/").content.decode()


def test_the_panel_says_until_when_and_what_has_run_out(town: Town, now: datetime) -> None:
    fresh = panel(town, lead(town.west, now))
    assert "Response due" in fresh
    assert "Result due" in fresh
    assert "overdue" not in fresh
    late = panel(town, lead(town.west, now, received_at=now - timedelta(hours=25)))
    assert late.count("overdue") == 1
    # Twenty days hold three working days in any calendar of ours.
    both = panel(town, lead(town.west, now, received_at=now - timedelta(days=20)))
    assert both.count("overdue") == 2
    received = shanghai(30, 16, month=9)
    done = panel(town, lead(town.west, now, received_at=received, closed_at=shanghai(10, 23, 59)))
    assert "end of Sat 10 Oct" in done
    # Nobody responded before the closing: the response was late, the result was not.
    assert (done.count("· late · Sat 10 Oct 23:59"), done.count("✓")) == (1, 1)
    missed = panel(town, lead(town.west, now, received_at=received, closed_at=shanghai(11, 0, 1)))
    assert (missed.count("· late"), missed.count("✓")) == (2, 0)


def test_a_result_beyond_the_notices_is_said_to_be_provisional(town: Town, now: datetime) -> None:
    received = datetime(2026, 12, 30, 2, tzinfo=UTC)
    assert "not in the calendar yet" in panel(town, lead(town.west, now, received_at=received))
    assert "not in the calendar yet" not in panel(
        town, lead(town.west, now, received_at=shanghai(30, 16, month=9))
    )
