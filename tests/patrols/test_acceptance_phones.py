"""Acceptance cases 7, 8 and 12 of the domain, from the phone's request to what is kept of it."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from django.db import connection

from bureau.calendar import working_days
from bureau.week import Week, day_bounds
from patrols import weekly
from patrols.models import Person, PersonDay, RefusedCount, Subject, TouchedDay, Verdict
from tests import make
from tests.patrols.phones import stored
from tests.patrols.walking import WEST_LOOP, around, noisy
from tests.world import Town, build_town, place


@pytest.fixture
def town(http: httpx.Client) -> Town:
    return build_town()


def last_working_week(town: Town) -> Week:
    """The latest week that is over and had working days."""
    week = Week.containing(datetime.now(UTC), town.bureau.time_zone).shifted(-1)
    while not len(working_days(town.bureau, week)):
        week = week.shifted(-1)
    return week


def nine_o_clock(week: Week) -> datetime:
    """Tuesday, 9:00 in Shanghai."""
    return day_bounds(week.days[1], "Asia/Shanghai")[0] + timedelta(hours=9)


def officer(town: Town, secret: str, at: datetime, seconds: float) -> Person:
    person = make.person(town.west)
    make.phone(person, secret)
    make.shift(person, at, at + timedelta(seconds=seconds))
    return person


def bring(http: httpx.Client, secret: str, begins: datetime, places_m: np.ndarray) -> None:
    """Places, one every 5 s, as Overland sends them: 200 in a batch."""
    features = []
    for i, (x_m, y_m) in enumerate(places_m.tolist()):
        at = begins + timedelta(seconds=5 * i)
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": place(x_m, y_m)},
                "properties": {"timestamp": at.isoformat(), "horizontal_accuracy": 6},
            }
        )
    for first in range(0, len(features), 200):
        answer = http.post(
            "/phone/overland",
            json={"locations": features[first : first + 200]},
            headers={"authorization": f"Bearer {secret}"},
        )
        assert answer.json() == {"result": "ok"}


def verdicts(person: Person, subject: Subject) -> list[Verdict]:
    """Every verdict on a person, the one that stands last."""
    return list(Verdict.objects.filter(person=person, subject=subject).order_by("is_current", "pk"))


def test_case_7_two_accounts_on_one_device_are_no_pair_and_are_flagged(
    http: httpx.Client, town: Town
) -> None:
    """One handset enrolled twice reports the same fixes for both."""
    week = last_working_week(town)
    at = nine_o_clock(week)
    way = noisy(around(WEST_LOOP, 3600), 1)
    both = [officer(town, secret, at, 3600) for secret in ("first-account", "second-account")]
    for secret in ("first-account", "second-account"):
        bring(http, secret, at, way)
    weekly.judge(week, both, now=week.end + timedelta(hours=1))
    for person in both:
        assert len(stored(person)) == len(way)
        (verdict,) = verdicts(person, Subject.PAIR_COVERAGE)
        assert verdict.numbers["together_s"] == 0
        assert verdict.outcome == "cannot_judge"
        codes = {flag["code"] for flag in PersonDay.objects.get(person_id=person.pk).flags}
        assert "same_phone" in codes


def test_case_8_a_late_batch_of_200_fixes_judges_its_week_again(
    http: httpx.Client, town: Town
) -> None:
    """200 fixes from a phone that was off line; the verdict before them is kept."""
    week = last_working_week(town)
    at = nine_o_clock(week)
    person = officer(town, "an-off-line-phone", at, 7800)
    way = noisy(around(WEST_LOOP, 7800), 1)
    bring(http, "an-off-line-phone", at, way[:1200])
    now = datetime.now(UTC)
    weekly.judge(week, [person], now=now)
    TouchedDay.objects.all().delete()
    (before,) = verdicts(person, Subject.WEEKLY_PATROL_TIME)
    bring(http, "an-off-line-phone", at + timedelta(seconds=6000), way[1200:1400])
    # Shuffled and again, as a phone does that heard no answer: nothing more to judge.
    bring(http, "an-off-line-phone", at + timedelta(seconds=6000), way[1200:1400])
    assert len(stored(person)) == 1400
    days = weekly.judge_touched(town.bureau, now=now + timedelta(minutes=1))
    assert days == {week.days[1]}
    kept, stands = verdicts(person, Subject.WEEKLY_PATROL_TIME)
    assert (kept.pk, kept.is_current, stands.is_current) == (before.pk, False, True)
    assert kept.numbers == before.numbers
    # 200 fixes at 5 s walked on: 1,000 s more.
    assert stands.numbers["credited_s"] == pytest.approx(kept.numbers["credited_s"] + 1000, abs=30)


def test_case_12_a_fix_after_the_shift_is_a_number_and_nothing_else(
    http: httpx.Client, town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """The shift ended 16 min ago, its slack of 15 min is over; readable, unreadable, far ahead."""
    now = datetime.now(UTC).replace(microsecond=0)
    person = make.person(town.west)
    make.phone(person, "a-phone-that-was-left-on")
    make.shift(person, now - timedelta(hours=8), now - timedelta(minutes=16))
    told: list[dict[str, object]] = [
        {"lat": 31.234567, "lon": 121.765432, "timestamp": now.timestamp()},
        {"lat": 31.234567, "lon": 121.765432, "timestamp": "no time at all"},
        {"lat": 31.234567, "lon": 921.765432, "timestamp": now.timestamp()},
        {"lat": 31.234567, "lon": 121.765432, "timestamp": now.timestamp() + 900},
    ]
    for fix in told:
        answer = http.post("/phone/traccar", data=fix | {"id": "a-phone-that-was-left-on"})
        assert (answer.status_code, answer.text) == (200, "")
    answer = http.post(
        "/phone/colota",
        content=json.dumps(told[0])[:-1],  # cut: the whole body cannot be read
        headers={"authorization": "Bearer a-phone-that-was-left-on"},
    )
    assert answer.status_code == 200
    (row,) = RefusedCount.objects.all()
    assert (row.person_id, row.reason, row.count) == (person.pk, "off_duty", 5)
    # Nowhere in the database: in no table, neither as text nor as bytes nor as a point.
    traces = ["%31.234567%", "%765432%", f"%{b'765432'.hex()}%"]
    traces += [
        f"%{struct.pack('<d', degrees).hex().upper()}%" for degrees in (31.234567, 121.765432)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY (%s)',
                [traces],
            )
            assert cursor.fetchone() == (0,), table
    assert stored(person) == []
    assert "31.234567" not in caplog.text
