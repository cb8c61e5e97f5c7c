"""Long stillness asks the person first; only a question without an answer becomes a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from bureau.errors import Refused
from bureau.models import Role
from patrols import live, welfare
from patrols.forgetting import forget_notices
from patrols.models import (
    Alarm,
    AlarmKind,
    LiveState,
    Person,
    PhoneNotice,
    PhoneNoticeKind,
    Shift,
    Verdict,
    WelfareCheck,
)
from tests import make
from tests.realtime.stage import fresh_screen, officer, report
from tests.realtime.test_stream import Wire
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def wire(town: Town) -> Iterator[Wire]:
    wire = Wire(town.top.pk, town.west.pk, town.east.pk)
    wire.now -= timedelta(seconds=75)  # so that the pages' own clock is not behind it
    yield wire
    wire.close()


def person_of(town: Town, wire: Wire, *, account: bool = True, **fields) -> Person:
    user = make.user(Role.OFFICER, town.west) if account else None
    return officer(town.west, wire.now, user=user, **fields)


def stand(person: Person, wire: Wire, minutes: float, east_m: float = 0) -> None:
    """In one place for so long up to now, a fix every 10 s; judged on the way as live rounds do."""
    begins = wire.now - minutes * MINUTE
    at = begins
    while at <= wire.now:
        report(person, east_m, 0, at)
        at += timedelta(seconds=10)
    LiveState.objects.filter(person_id=person.pk).delete()
    wire.rounds.memories.clear()
    wire.rounds.run_once(wire.now)
    # The window of the live judge reaches back 15 min; the stay has been known from its beginning.
    LiveState.objects.filter(person_id=person.pk).exclude(parked_since=None).update(
        parked_since=begins
    )


def later(wire: Wire, seconds: float, *standing: Person, east_m: float = 0) -> None:
    """Time passes with a fix of each every 10 s, and a round at the end."""
    end = wire.now + timedelta(seconds=seconds)
    while wire.now < end:
        wire.now += timedelta(seconds=10)
        for person in standing:
            report(person, east_m, 0, wire.now)
    wire.rounds.run_once(wire.now)


def news(person: Person) -> str:
    client = Client(headers={"host": "localhost"})
    client.force_login(person.user)
    return client.get("/my/news/").text


def test_after_thirty_minutes_the_person_is_asked_and_one_tap_leaves_nothing(
    town: Town, wire: Wire
):
    person = person_of(town, wire)
    stand(person, wire, 29)
    later(wire, 10, person)
    assert not WelfareCheck.objects.exists()
    later(wire, 60, person)
    check = WelfareCheck.objects.get()
    text = news(person)
    assert "You have been in one place for 30 min. Are you all right?" in text
    assert "data-urgent" in text
    assert live.snapshot(town.dispatcher, wire.now)["checks"] == []
    client = Client(headers={"host": "localhost"})
    client.force_login(person.user)
    assert (
        "all right" not in client.post(f"/my/well/{check.pk}/", headers={"HX-Request": "true"}).text
    )
    later(wire, 180, person)
    assert live.snapshot(town.dispatcher, wire.now)["checks"] == []
    assert news(person).strip() == ""
    # Walking on ends the stay; nothing of it is kept.
    for step in range(1, 80):
        report(person, step * 6.0, 0, wire.now + timedelta(seconds=5 * step))
    wire.now += timedelta(seconds=400)
    wire.rounds.run_once(wire.now)
    assert not WelfareCheck.objects.exists()
    assert not PhoneNotice.objects.exists()
    assert not Verdict.objects.exists()


def test_without_an_answer_for_two_minutes_it_is_a_calm_line_and_no_alarm(town: Town, wire: Wire):
    person = person_of(town, wire, name="WEST-STILL")
    stand(person, wire, 31)
    later(wire, 10, person)
    wire.start()
    west, east = (
        fresh_screen(make.user(Role.DISPATCHER, unit), wire.now) for unit in (town.west, town.east)
    )
    later(wire, 100, person)
    assert not fresh_screen(west.user, wire.now).checks
    later(wire, 20, person)
    found = wire.tick()
    west.take(found[town.west.pk][0], wire.now)
    [row] = west.checks.values()
    assert (row["name"], row["delivered"]) == ("WEST-STILL", None)
    assert west.shows() == fresh_screen(west.user, wire.now).shows()
    assert b"WEST" not in found[town.east.pk][1]
    assert not fresh_screen(east.user, wire.now).checks
    assert not Alarm.objects.exists()
    assert "Are you all right?" in news(person)
    found = wire.tick()
    west.take(found[town.west.pk][0], wire.now)
    assert west.checks[row["id"]]["delivered"] is not None
    # A late answer takes the line from every screen.
    welfare.answer(person, row["id"], wire.now)
    west.take(wire.tick()[town.west.pk][0], wire.now)
    assert west.checks == {}
    assert west.shows() == fresh_screen(west.user, wire.now).shows()
    assert west.snapshots == 1


def test_silence_after_the_question_neither_answers_it_nor_makes_it_worse(town: Town, wire: Wire):
    person = person_of(town, wire)
    stand(person, wire, 31)
    later(wire, 10, person)
    later(wire, 600)  # the phone is silent
    assert [row["person"] for row in live.snapshot(town.dispatcher, wire.now)["checks"]] == [
        person.pk
    ]
    assert not Alarm.objects.exists()


def test_silence_alone_asks_nobody(town: Town, wire: Wire):
    person = person_of(town, wire)
    stand(person, wire, 20)
    later(wire, 1800)
    assert not WelfareCheck.objects.exists()


@pytest.mark.parametrize("why", ["station", "sos", "no account", "off duty"])
def test_who_is_not_asked(town: Town, wire: Wire, why: str):
    person = person_of(town, wire, account=why != "no account")
    if why == "station":
        make.station(town.west, *place(40, 0))
    if why == "sos":
        Alarm.objects.create(
            bureau=town.bureau, person=person, kind=AlarmKind.SOS, raised_at=wire.now
        )
    stand(person, wire, 45)
    if why == "off duty":
        Shift.objects.all().delete()
    later(wire, 30, person)
    assert not WelfareCheck.objects.exists()


def test_a_closed_station_and_one_further_off_are_no_reason(town: Town, wire: Wire):
    person = person_of(town, wire)
    make.station(town.west, *place(80, 0))
    make.station(town.west, *place(10, 0), closed_on=(wire.now - timedelta(days=2)).date())
    stand(person, wire, 45)
    later(wire, 10, person)
    assert WelfareCheck.objects.get().person == person


def test_who_answered_is_asked_again_after_another_half_hour_in_the_same_place(
    town: Town, wire: Wire
):
    person = person_of(town, wire)
    stand(person, wire, 31)
    later(wire, 10, person)
    check = WelfareCheck.objects.get()
    welfare.answer(person, check.pk, wire.now)
    WelfareCheck.objects.update(answered_at=wire.now - 29 * MINUTE)
    later(wire, 10, person)
    check.refresh_from_db()
    assert check.answered_at is not None
    WelfareCheck.objects.update(answered_at=wire.now - 30 * MINUTE)
    later(wire, 10, person)
    check.refresh_from_db()
    assert check.answered_at is None
    assert PhoneNotice.objects.filter(kind=PhoneNoticeKind.WELFARE_CHECK).count() == 2


def missed(town: Town, wire: Wire) -> WelfareCheck:
    """A check that nobody answered."""
    person = person_of(town, wire)
    stand(person, wire, 31)
    later(wire, 10, person)
    later(wire, 130, person)
    check = WelfareCheck.objects.get()
    assert check.missed_at is not None
    return check


def settle(user, check: WelfareCheck, **body):
    client = Client(headers={"host": "localhost"})
    if user is not None:
        client.force_login(user)
    return client.post(f"/api/live/checks/{check.pk}/settle", body, content_type="application/json")


def test_a_dispatcher_sees_to_it_once_and_nobody_is_asked_again_in_that_stay(
    town: Town, wire: Wire
):
    check = missed(town, wire)
    assert settle(town.dispatcher, check).status_code == 400
    empty = settle(town.dispatcher, check, reason=" ")
    assert (empty.status_code, empty.json()["error"]["code"]) == (409, "reason_missing")
    assert settle(town.dispatcher, check, reason="Called: waits for the police").status_code == 200
    again = settle(town.dispatcher, check, reason="x")
    assert (again.status_code, again.json()["error"]["code"]) == (403, "not_yours")
    check.refresh_from_db()
    assert (check.settled_by, check.note) == (town.dispatcher, "Called: waits for the police")
    later(wire, 60, check.person)
    assert WelfareCheck.objects.count() == 1
    assert live.snapshot(town.dispatcher, wire.now)["checks"] == []
    forget_notices(town.bureau, now=wire.now + timedelta(days=91))
    assert not WelfareCheck.objects.exists()


def test_who_may_not_see_to_it(town: Town, wire: Wire):
    check = missed(town, wire)
    for user in (
        make.user(Role.OFFICER, town.west),
        make.user(Role.INSPECTOR, town.top),
        make.user(Role.PLANNER, town.top),
        make.user(Role.DISPATCHER, town.east),
        build_town("other").dispatcher,
    ):
        answer = settle(user, check, reason="x")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert settle(None, check, reason="x").status_code == 401
    check.refresh_from_db()
    assert check.settled_at is None


def test_nobody_answers_for_another(town: Town, wire: Wire):
    check = missed(town, wire)
    other = person_of(town, wire)
    client = Client(headers={"host": "localhost"})
    assert client.post(f"/my/well/{check.pk}/").status_code == 302
    client.force_login(other.user)
    assert client.post(f"/my/well/{check.pk}/").status_code == 303
    assert client.get(f"/my/well/{check.pk}/").status_code == 405
    check.refresh_from_db()
    assert check.answered_at is None
    client.force_login(town.dispatcher)
    assert client.post(f"/my/well/{check.pk}/").status_code == 403


def test_one_that_nobody_saw_to_ends_with_the_stay_and_stays_on_the_record(town: Town, wire: Wire):
    check = missed(town, wire)
    Shift.objects.all().delete()
    later(wire, 10)
    check.refresh_from_db()
    assert check.settled_at == wire.now
    assert check.settled_by is None
    with pytest.raises(Refused):
        welfare.settle(check.pk, by=town.dispatcher, note="late", now=wire.now)
