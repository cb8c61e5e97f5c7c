"""Leave and shifts entered after the judging, and gaps of the roster that refused positions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from bureau.week import Week
from patrols import weekly
from patrols.models import (
    Leave,
    LeaveKind,
    Person,
    RefusedCount,
    Subject,
    TouchedDay,
    Verdict,
)
from patrols.roster import refused_days, touch
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town, build_town

NIGHT = (datetime(2026, 11, 17, 14, tzinfo=UTC), datetime(2026, 11, 17, 22, tzinfo=UTC))


@pytest.fixture
def town(db: None) -> Town:
    return build_town()


@pytest.fixture
def client(town: Town) -> Client:
    town.administrator.is_staff = True
    town.administrator.save()
    client = Client(headers={"host": "localhost"})
    client.force_login(town.administrator)
    return client


def touched() -> list[date]:
    return sorted(TouchedDay.objects.values_list("day", flat=True))


def test_a_late_leave_touches_its_days_and_a_moved_one_both(town: Town, client: Client) -> None:
    walker = make.person(town.west)
    form = {"person": walker.pk, "kind": LeaveKind.SICK}
    days = {"first_day": "2026-11-16", "last_day": "2026-11-17"}
    assert client.post("/admin/patrols/leave/add/", form | days).status_code == 302
    assert touched() == [date(2026, 11, 16), date(2026, 11, 17)]
    leave = Leave.objects.get()
    days = {"first_day": "2026-11-19", "last_day": "2026-11-19"}
    change = f"/admin/patrols/leave/{leave.pk}/change/"
    assert client.post(change, form | days).status_code == 302
    assert touched() == [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 19)]


def test_a_shift_over_midnight_touches_both_local_days_when_it_goes(
    town: Town, client: Client
) -> None:
    """22:00 to 06:00 in Shanghai is 14:00 to 22:00 UTC."""
    shift = make.shift(make.person(town.west), *NIGHT)
    answer = client.post(f"/admin/patrols/shift/{shift.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert touched() == [date(2026, 11, 17), date(2026, 11, 18)]


# Gaps of the roster: positions refused for want of a shift


MONDAY = date(2026, 11, 16)
WEEK = Week(MONDAY)
AFTER = datetime(2026, 11, 24, 1, tzinfo=UTC)


def refuse(person: Person, day: date, count: int, reason: str = "off_duty") -> None:
    RefusedCount.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=day,
        reason=reason,
        count=count,
        last_at=AFTER,
    )


def verdict_of(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.WEEKLY_PATROL_TIME, is_current=True)


def test_a_day_without_a_shift_is_a_gap_and_a_phone_left_on_is_none(town: Town) -> None:
    walker = make.person(town.west)
    make.shift(walker, *NIGHT)  # the 17th and the 18th in Shanghai
    refuse(walker, date(2026, 11, 16), 240)
    refuse(walker, date(2026, 11, 17), 30)
    refuse(walker, date(2026, 11, 18), 5, "no_notice")
    refuse(walker, date(2026, 11, 23), 9)  # the week after
    found = refused_days(town.bureau, WEEK, [walker.pk])
    assert [(one.day.day, one.count, one.rostered) for one in found] == [
        (16, 240, False),
        (17, 30, True),
    ]
    weekly.judge(WEEK, [walker], now=AFTER)
    assert "refused_positions" in verdict_of(walker).reasons
    only_left_on = make.person(town.west)
    make.shift(only_left_on, *NIGHT)
    refuse(only_left_on, date(2026, 11, 17), 500)
    weekly.judge(WEEK, [only_left_on], now=AFTER)
    assert "refused_positions" not in verdict_of(only_left_on).reasons


def test_a_gap_stands_beside_the_person_the_same_day_before_any_verdict(town: Town) -> None:
    walker = make.person(town.west)
    refuse(walker, MONDAY, 12)
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.verdict, row.gap_days) == (None, 1)
    page = Client(headers={"host": "localhost"})
    page.force_login(town.supervisor)
    assert "roster gap" in page.get("/week/?week=2026-11-16").text


def test_a_mended_roster_turns_not_met_into_cannot_judge(town: Town) -> None:
    """One hour was walked; three more on Wednesday were refused for want of a shift.

    The rule stays literal: not met, with the refused positions and what to do beside it. The shift
    entered afterwards is duty without a signal: 60 credited and 180 unknown minutes.
    """
    walker = make.person(town.west)
    monday = local("2026-11-16 09:00")
    make.shift(walker, monday, monday + timedelta(hours=1))
    store(walker, monday, noisy(around(WEST_LOOP, 3600), 1))
    refuse(walker, date(2026, 11, 18), 1080)
    weekly.judge(WEEK, [walker], now=AFTER)
    before = verdict_of(walker)
    assert before.outcome == "not_met"
    assert before.reasons == ["too_little", "refused_positions"]
    page = Client(headers={"host": "localhost"})
    page.force_login(town.supervisor)
    address = f"/week/?week=2026-11-16&person={walker.pk}"
    text = page.get(address).text
    assert "1080 positions refused" in text
    assert "no shift on that day" in text
    assert "Ask your administrator, or excuse the week." in text
    wednesday = local("2026-11-18 09:00")
    shift = make.shift(walker, wednesday, wednesday + timedelta(hours=3))
    touch([shift], now=AFTER)
    weekly.judge_touched(town.bureau, now=AFTER + timedelta(minutes=1))
    after = verdict_of(walker)
    assert after.outcome == "cannot_judge"
    assert after.reasons[0] == "unknown_time_decides"
    assert after.numbers["unknown_s"] == pytest.approx(3 * 3600, abs=30)
    before.refresh_from_db()
    assert not before.is_current
