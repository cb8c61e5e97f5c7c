"""Phones over real HTTP into real PostGIS: what is stored, counted, kept aside, raised."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from bureau.models import RuleSet
from patrols.models import (
    Alarm,
    Latest,
    NoticeAccepted,
    Patrol,
    PatrolMember,
    Person,
    Phone,
    Position,
    Quarantine,
    RefusedCount,
    TouchedDay,
)
from patrols.phones import hand_over
from patrols.wire import Flag
from tests import make
from tests.patrols.phones import officer_on_duty, stored

SECRET = "the-phones-secret"


def moment(ago_s: float = 0) -> datetime:
    """A whole second before now."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago_s)


def send(http: httpx.Client, at: datetime | None, lat: float = 60.17, **fields: Any) -> int:
    """One fix as Traccar Client posts it; the status."""
    values: dict[str, Any] = {"id": SECRET, "lat": lat, "lon": 24.94} | fields
    if at is not None:
        values["timestamp"] = at.timestamp()
    return http.post(
        "/phone/traccar", data={k: v for k, v in values.items() if v is not None}
    ).status_code


def send_batch(http: httpx.Client, times: list[datetime], **fields: Any) -> int:
    """Many fixes in Traccar's JSON batch form; the status."""
    locations = [
        {"timestamp": at.isoformat(), "coords": {"latitude": 60.17, "longitude": 24.94} | fields}
        for at in times
    ]
    body = {"device_id": SECRET, "locations": locations}
    return http.post("/phone/traccar", json=body).status_code


def off_duty_officer() -> Person:
    """An officer whose only shift was yesterday."""
    now = datetime.now(UTC)
    return officer_on_duty(now - timedelta(hours=30), now - timedelta(hours=22))


def refused(person: Person) -> dict[str, int]:
    """What was refused of a person, by reason."""
    return {row.reason: row.count for row in RefusedCount.objects.filter(person_id=person.pk)}


# Stored


def test_a_fix_on_duty_is_stored_and_acknowledged(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    at = moment(60)
    before = datetime.now(UTC)
    assert send(http, at, speed=2, bearing=90, accuracy=4.5, batt=50) == 200
    (position,) = stored(person)
    assert (position.point.x, position.point.y, position.point.srid) == (24.94, 60.17, 4326)
    assert (position.recorded_at, position.phone_id) == (at, phone.pk)
    assert position.bureau_id == person.bureau_id
    assert before <= position.received_at <= datetime.now(UTC)
    # 2 knots = 2 × 1852 / 3600 m/s
    assert position.speed_mps == pytest.approx(1.028889, abs=1e-5)
    assert (position.course_deg, position.accuracy_m, position.battery) == (90, 4.5, 0.5)
    assert position.flags == 0
    latest = Latest.objects.get(person_id=person.pk)
    assert (latest.recorded_at, latest.received_at) == (at, position.received_at)
    assert latest.point.coords == (24.94, 60.17)
    phone.refresh_from_db()
    assert phone.last_contact_at == position.received_at


def test_latest_moves_only_forward_in_fix_time(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send(http, moment(100), lat=60.1) == 200
    first = Latest.objects.get(person_id=person.pk)
    assert send(http, moment(200), lat=60.2) == 200  # late
    same = Latest.objects.get(person_id=person.pk)
    assert (same.point.y, same.version) == (60.1, first.version)
    assert send(http, moment(50), lat=60.3) == 200
    moved = Latest.objects.get(person_id=person.pk)
    assert moved.point.y == 60.3
    assert moved.version > first.version
    assert len(stored(person)) == 3


def test_a_shuffled_batch_moves_latest_to_its_newest_fix(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send_batch(http, [moment(50), moment(10), moment(90)]) == 200
    assert Latest.objects.get(person_id=person.pk).recorded_at == stored(person)[-1].recorded_at
    assert len(stored(person)) == 3


def test_days_are_touched_in_the_bureaus_zone(http: httpx.Client) -> None:
    # 2026-03-01 15:59 UTC is Sunday 23:59 in Shanghai, two minutes later it is Monday.
    sunday = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)
    person = officer_on_duty(sunday - timedelta(hours=1), sunday + timedelta(hours=1))
    make.phone(person, SECRET)
    assert send_batch(http, [sunday, sunday + timedelta(minutes=2)]) == 200
    days = TouchedDay.objects.filter(person_id=person.pk).order_by("day")
    assert [row.day for row in days] == [date(2026, 3, 1), date(2026, 3, 2)]


def test_a_fix_without_time_takes_the_receive_time_and_is_marked(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send(http, None) == 200
    (position,) = stored(person)
    assert position.recorded_at == position.received_at
    assert position.flags == Flag.NO_TIME


def test_a_ping_is_stored_and_moves_nothing(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    body = {"_type": "location", "lat": 1, "lon": 2, "tst": moment(5).timestamp(), "t": "p"}
    answer = http.post("/phone/owntracks", json=body, auth=("officer", SECRET))
    assert answer.json() == []
    assert stored(person)[0].flags == Flag.SYNTHETIC
    assert not Latest.objects.exists()


def test_a_body_without_a_place_is_a_contact(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    assert send(http, moment(5), lat=None, lon=None, batt=40) == 200
    phone.refresh_from_db()
    assert phone.last_contact_at is not None
    assert not Position.objects.exists()
    assert not Latest.objects.exists()


def test_many_phones_at_once_lose_nothing(http: httpx.Client) -> None:
    people = [officer_on_duty() for _ in range(8)]
    for n, person in enumerate(people):
        make.phone(person, f"{SECRET}-{n}")
    at = moment(100)

    def report(n: int) -> int:
        return send(http, at + timedelta(seconds=n // 8), id=f"{SECRET}-{n % 8}")

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(report, range(400))) == {200}
    assert [len(stored(person)) for person in people] == [50] * 8


# Once


def test_the_same_fix_twice_is_stored_once(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    at = moment(60)
    for _ in range(3):
        assert send(http, at, speed=2) == 200
    assert len(stored(person)) == 1
    assert not Quarantine.objects.exists()


def test_a_resent_batch_with_new_fixes_adds_only_those(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    times = [moment(100 - n) for n in range(6)]
    assert send_batch(http, times[:4]) == 200
    assert send_batch(http, [*times, times[5]]) == 200  # and one twice in the same batch
    assert [position.recorded_at for position in stored(person)] == times
    assert not Quarantine.objects.exists()


def test_the_same_fix_with_other_content_is_kept_aside(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    at = moment(60)
    assert send(http, at, lat=60.1) == 200
    for _ in range(2):
        assert send(http, at, lat=60.9) == 200
    assert [position.point.y for position in stored(person)] == [60.1]
    (kept,) = Quarantine.objects.all()
    assert (kept.reason, kept.person_id, kept.phone_id) == ("conflict", person.pk, phone.pk)
    assert json.loads(bytes(kept.raw))["lat"] == 60.9


def test_a_conflict_inside_one_batch_keeps_the_first(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    at = moment(60).isoformat()
    locations = [
        {"timestamp": at, "coords": {"latitude": lat, "longitude": 24.9}} for lat in (60.1, 60.9)
    ]
    body = {"device_id": SECRET, "locations": locations}
    assert http.post("/phone/traccar", json=body).status_code == 200
    assert [position.point.y for position in stored(person)] == [60.1]
    assert Quarantine.objects.get().reason == "conflict"


# Duty


def test_a_fix_after_the_shift_is_refused_and_only_counted(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(60)) == 200
    assert send(http, moment(50)) == 200
    assert not Position.objects.exists()
    assert not Latest.objects.exists()
    assert not TouchedDay.objects.exists()
    assert not Quarantine.objects.exists()
    row = RefusedCount.objects.get()
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    assert (row.person_id, row.reason, row.count, row.day) == (person.pk, "off_duty", 2, today)


def test_the_slack_around_a_shift_counts_to_the_second(http: httpx.Client) -> None:
    start = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    person = officer_on_duty(start, start + timedelta(hours=8))
    make.phone(person, SECRET)
    quarter = timedelta(minutes=15)
    inside = [start - quarter, start + timedelta(hours=8) + quarter - timedelta(seconds=1)]
    outside = [
        start - quarter - timedelta(seconds=1),
        start + timedelta(hours=8) + quarter,
    ]
    assert send_batch(http, [*inside, *outside]) == 200
    assert [position.recorded_at for position in stored(person)] == inside
    assert refused(person) == {"off_duty": 2}


def test_the_slack_is_the_bureaus_own_rule_of_that_week(http: httpx.Client) -> None:
    start = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    person = officer_on_duty(start, start + timedelta(hours=8))
    make.shift(person, start + timedelta(days=7), start + timedelta(days=7, hours=8))
    RuleSet.objects.create(
        bureau_id=person.bureau_id, valid_from=date(2026, 3, 9), values={"duty_slack_s": 60}
    )
    make.phone(person, SECRET)
    early = start - timedelta(minutes=10)
    assert send_batch(http, [early, early + timedelta(days=7)]) == 200
    assert [position.recorded_at for position in stored(person)] == [early]


def test_an_open_patrol_is_duty_from_its_first_second(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(5)) == 200  # what is now known: off duty
    patrol = Patrol.objects.create(
        bureau_id=person.bureau_id, unit=person.unit, started_at=moment(30)
    )
    PatrolMember.objects.create(patrol=patrol, person=person)
    assert send(http, moment(4)) == 200
    assert send(http, moment(60)) == 200  # before it began
    assert len(stored(person)) == 1
    assert refused(person) == {"off_duty": 2}


def test_nothing_is_stored_before_the_notice_is_accepted(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    accepted = NoticeAccepted.objects.get(person=person)
    notice = accepted.notice
    accepted.delete()
    assert send(http, moment(5)) == 200
    assert refused(person) == {"no_notice": 1}
    assert not Position.objects.exists()
    NoticeAccepted.objects.create(person=person, notice=notice, at=moment())
    assert send(http, moment(4)) == 200
    assert len(stored(person)) == 1


def test_whoever_has_left_is_refused(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    person.left_on = date(2026, 1, 31)
    person.save()
    assert send(http, moment(5)) == 200
    assert refused(person) == {"left": 1}
    assert not Position.objects.exists()


def test_a_fix_belongs_to_whoever_carried_the_phone_then(http: httpx.Client) -> None:
    first = officer_on_duty()
    second = make.person(first.unit)
    make.shift(second, moment(7200), moment(-7200))
    phone = make.phone(first, SECRET)
    hand_over(phone=phone, person=second, since=moment(600))
    times = [moment(700), moment(500)]
    assert send_batch(http, times) == 200
    assert [position.recorded_at for position in stored(first)] == [times[0]]
    assert [position.recorded_at for position in stored(second)] == [times[1]]


def test_a_phone_that_nobody_held_stores_nothing(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    phone.holdings.update(since=moment(30))
    assert send(http, moment(60)) == 200
    assert not Position.objects.exists()
    assert RefusedCount.objects.get().reason == "no_holder"


# SOS


def test_an_sos_is_stored_off_duty_and_raises_one_alarm(http: httpx.Client) -> None:
    person = off_duty_officer()
    NoticeAccepted.objects.all().delete()
    make.phone(person, SECRET)
    at = moment(20)
    for _ in range(2):  # the app sends it again
        assert send(http, at, alarm="sos", accuracy=5000) == 200
    (position,) = stored(person)
    assert position.flags == Flag.SOS
    alarm = Alarm.objects.get()
    assert (alarm.person, alarm.kind, alarm.raised_at) == (person, "sos", at)
    assert alarm.point.coords == (24.94, 60.17)
    assert Latest.objects.get(person_id=person.pk).recorded_at == at


def test_while_an_sos_is_open_fixes_are_stored_and_not_after(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(60), alarm="sos") == 200
    assert send(http, moment(40)) == 200
    assert send(http, moment(80)) == 200  # before it
    assert len(stored(person)) == 2
    Alarm.objects.update(closed_at=moment(20), closed_reason="safe")
    assert send(http, moment(30)) == 200  # made before the closing, sent after it
    assert send(http, moment(10)) == 200
    assert len(stored(person)) == 3
    assert refused(person) == {"off_duty": 2}


def test_fixes_that_follow_an_sos_in_the_same_batch_are_stored(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    locations = [
        {"timestamp": moment(ago).isoformat(), "coords": {"latitude": 60.1, "longitude": 24.9}}
        for ago in (30, 20, 10)
    ]
    locations[1]["alarm"] = "sos"
    body = {"device_id": SECRET, "locations": locations}
    assert http.post("/phone/traccar", json=body).status_code == 200
    assert [position.flags for position in stored(person)] == [Flag.SOS, 0]


def test_an_sos_without_a_place_takes_the_last_known_one(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send(http, moment(60)) == 200
    assert send(http, moment(5), lat=None, lon=None, alarm="sos") == 200
    assert Alarm.objects.get().point.coords == (24.94, 60.17)


def test_an_sos_without_any_known_place_is_raised_all_the_same(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(5), lat=99, alarm="sos") == 200
    assert Alarm.objects.get().point is None


def test_an_sos_from_a_clock_that_is_ahead_counts_as_now(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(-86400), alarm="sos") == 200
    (position,) = stored(person)
    assert position.recorded_at == position.received_at
    assert position.flags == Flag.SOS | Flag.CLOCK_SKEW | Flag.NO_TIME
    assert Alarm.objects.get().raised_at == position.recorded_at


def test_a_new_sos_after_closing_is_a_new_alarm(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    first = moment(60)
    assert send(http, first, alarm="sos") == 200
    Alarm.objects.update(closed_at=moment(30))
    assert send(http, first, alarm="sos") == 200  # the old one again
    assert Alarm.objects.count() == 1
    assert send(http, moment(5), alarm="sos") == 200
    assert Alarm.objects.filter(closed_at=None).count() == 1


# Clocks


def test_a_future_fix_is_kept_aside(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send(http, moment(-180)) == 200
    assert not Position.objects.exists()
    (kept,) = Quarantine.objects.all()
    assert kept.reason == "future"
    assert "clock" in kept.detail


def test_a_clock_a_little_ahead_is_marked(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert send(http, moment(-60)) == 200
    assert stored(person)[0].flags == Flag.CLOCK_SKEW


def test_a_future_fix_off_duty_is_not_even_kept_aside(http: httpx.Client) -> None:
    person = off_duty_officer()
    make.phone(person, SECRET)
    assert send(http, moment(-180)) == 200
    assert not Quarantine.objects.exists()
    assert refused(person) == {"off_duty": 1}


def test_a_very_late_upload_is_stored_and_judged_again(http: httpx.Client) -> None:
    start = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
    person = officer_on_duty(start, start + timedelta(hours=8))
    make.phone(person, SECRET)
    times = [start + timedelta(seconds=10 * n) for n in range(200)]
    assert send_batch(http, times) == 200
    assert [position.recorded_at for position in stored(person)] == times
    assert TouchedDay.objects.get(person_id=person.pk).day == date(2024, 5, 6)
    assert Phone.objects.get().last_contact_at > start
