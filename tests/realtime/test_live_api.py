"""Snapshot, tails and answering an SOS over HTTP: scope, roles, refusals, the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bureau.models import Role, User
from geo.models import RoadSegment
from patrols import live
from patrols.models import Alarm, AlarmKind, Company, LiveState, LiveWatch, Person
from realtime.rounds import Rounds
from tests import make
from tests.realtime.stage import officer, report, walk
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

GETS = ["/api/live", "/api/live/trails"]


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def town() -> Town:
    return build_town()


def browser(user: User | None) -> Client:
    client = Client(headers={"host": "localhost"})
    if user is not None:
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def post(user: User | None, address: str, **body: Any):
    return browser(user).post(address, body, content_type="application/json")


def sos(person: Person, now: datetime) -> Alarm:
    return Alarm.objects.create(
        bureau_id=person.bureau_id, person=person, kind=AlarmKind.SOS, raised_at=now
    )


@pytest.mark.parametrize("address", GETS)
def test_a_stranger_is_asked_to_sign_in(town: Town, address: str):
    answer = browser(None).get(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("address", GETS)
@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER])
def test_roles_that_do_not_watch_are_told_so(town: Town, address: str, role: Role):
    answer = browser(make.user(role, town.top)).get(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert not LiveWatch.objects.exists()


def test_the_snapshot_holds_the_own_units_and_nothing_else(town: Town, now: datetime):
    west, east = officer(town.west, now, name="WEST"), officer(town.east, now, name="EAST")
    other = build_town("other")
    officer(other.west, now, name="OTHER")
    for person in (west, east):
        report(person, 0, 0, now)
        sos(person, now)
    Rounds().run_once(now)
    squad = browser(make.user(Role.DISPATCHER, town.west)).get("/api/live")
    assert squad["Cache-Control"] == "no-store"
    body = squad.json()
    assert [row["name"] for row in body["people"]] == ["WEST"]
    assert [row["name"] for row in body["alarms"]] == ["WEST"]
    assert [row["person"] for row in body["fixes"]] == [west.pk]
    assert b"EAST" not in squad.content
    whole = browser(town.dispatcher).get("/api/live").json()
    assert sorted(row["name"] for row in whole["people"]) == ["EAST", "WEST"]


def test_a_fix_is_given_as_it_was_stored(town: Town, now: datetime):
    person = officer(town.west, now)
    at = now - timedelta(seconds=12)
    report(person, 30, 40, at, received=now - timedelta(seconds=9))
    Rounds().run_once(now)
    [fix] = browser(town.dispatcher).get("/api/live").json()["fixes"]
    lon, lat = place(30, 40)
    assert fix == {
        "person": person.pk,
        "lon": lon,
        "lat": lat,
        "at": int(at.timestamp() * 1000),
        "got": int((now - timedelta(seconds=9)).timestamp() * 1000),
        "accuracy": 6.0,
        "speed": 1.2,
        "course": 90.0,
        "battery": 0.5,
    }


def test_the_state_names_street_hotspot_and_partner(town: Town, now: datetime):
    one, two = officer(town.west, now), officer(town.west, now)
    make.hotspot(town.west, town.blocks["C1-C2"], town.blocks["C2-C3"], name="Market")
    # Both end 60 m west of the origin on street C, 480 m after they set out.
    walk(one, -540, 0, until=now, seconds=400)
    walk(two, -540, 4, until=now, seconds=400)
    Rounds().run_once(now)
    states = {row["person"]: row for row in live.snapshot(town.dispatcher, now)["states"]}
    assert states[one.pk]["street"] == "C Street"
    assert states[one.pk]["hotspot"]["name"] == "Market"
    assert (states[one.pk]["company"], states[one.pk]["partners"]) == ("together", [two.pk])


def test_a_hotspot_of_another_squad_is_not_named(town: Town, now: datetime):
    person = officer(town.west, now)
    make.hotspot(town.east, town.blocks["C2-C3"], name="Theirs")
    report(person, -50, 0, now)
    Rounds().run_once(now)
    [state] = live.snapshot(town.dispatcher, now)["states"]
    assert (state["street"], state["hotspot"]) == ("C Street", None)


def test_a_round_that_sees_nothing_new_writes_nothing(town: Town, now: datetime):
    person = officer(town.west, now)
    walk(person, 0, 0, until=now, seconds=300)
    rounds = Rounds()
    rounds.run_once(now)
    [before] = live.snapshot(town.dispatcher, now)["states"]
    rounds.run_once(now + timedelta(seconds=5))
    [after] = live.snapshot(town.dispatcher, now)["states"]
    assert after == before


def test_an_open_sos_brings_somebody_off_duty_onto_the_map_until_it_is_closed(
    town: Town, now: datetime
):
    person = officer(town.west, now, duty=False)
    alarm = sos(person, now - timedelta(seconds=30))
    report(person, 0, 0, now)
    rounds = Rounds()
    rounds.run_once(now)
    assert [row["person"] for row in live.snapshot(town.dispatcher, now)["fixes"]] == [person.pk]
    for act, body in (("acknowledge", {}), ("close", {"reason": "Found well"})):
        assert (
            post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/{act}", **body).status_code == 200
        )
    later = timezone.now() + timedelta(seconds=5)
    rounds.run_once(later)
    assert live.snapshot(town.dispatcher, later)["fixes"] == []


def test_tails_reach_back_five_minutes_and_not_past_the_duty(town: Town, now: datetime):
    long, short = officer(town.west, now), officer(town.west, now, duty=False)
    make.shift(short, now + timedelta(minutes=13), now + timedelta(hours=3))  # duty since 2 min
    for person in (long, short):
        walk(person, 0, 0, until=now, seconds=600)
    Rounds().run_once(now)
    tails = live.tails(town.dispatcher, now)
    ages = {
        person.pk: [(now.timestamp() * 1000 - at) / 1000 for _, _, at in tails[person.pk]]
        for person in (long, short)
    }
    assert max(ages[long.pk]) == pytest.approx(300, abs=1)
    assert max(ages[short.pk]) == pytest.approx(120, abs=5)
    steps = [a - b for a, b in zip(ages[long.pk], ages[long.pk][1:], strict=False)]
    assert min(steps) == pytest.approx(10)


def test_tails_of_another_squad_are_not_given(town: Town, now: datetime):
    west, east = officer(town.west, now), officer(town.east, now)
    for person in (west, east):
        walk(person, 0, 0, until=now, seconds=60)
    Rounds().run_once(now)
    answer = browser(make.user(Role.DISPATCHER, town.west)).get("/api/live/trails").json()
    assert list(answer["tails"]) == [str(west.pk)]


def test_every_look_is_logged_once_for_a_watch(town: Town, now: datetime):
    client = browser(town.dispatcher)
    client.get("/api/live")
    client.get("/api/live/trails")
    line = LiveWatch.objects.get()
    assert (line.user, line.unit) == (town.dispatcher, town.top)
    LiveWatch.objects.all().delete()
    watch = live.begin_watch(town.dispatcher, now)
    client.get("/api/live")
    live.end_watch(watch, now - timedelta(minutes=3))
    assert LiveWatch.objects.count() == 1
    client.get("/api/live")
    assert LiveWatch.objects.count() == 2


def test_an_sos_is_taken_up_by_one_person_and_closed_with_a_reason(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    other = make.user(Role.DISPATCHER, town.west)
    taken = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/acknowledge").json()["alarm"]
    assert taken["acknowledged_by"] == "town-dispatcher"
    again = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/acknowledge")
    assert again.status_code == 200  # pressed twice: still one's own
    late = post(other, f"/api/live/alarms/{alarm.pk}/acknowledge")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "alarm_taken")
    assert "town-dispatcher" in late.json()["error"]["message"]
    closed = post(other, f"/api/live/alarms/{alarm.pk}/close", reason="Twisted ankle, picked up")
    assert closed.json()["alarm"]["reason"] == "Twisted ankle, picked up"
    for act in ("acknowledge", "close"):
        done = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/{act}", reason="again")
        assert (done.status_code, done.json()["error"]["code"]) == (409, "alarm_closed")
    alarm.refresh_from_db()
    assert (alarm.closed_by, alarm.closed_reason) == (other, "Twisted ankle, picked up")


@pytest.mark.parametrize("reason", ["", "   "])
def test_an_sos_is_not_closed_without_a_reason(town: Town, now: datetime, reason: str):
    alarm = sos(officer(town.west, now), now)
    post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/acknowledge")
    answer = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/close", reason=reason)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reason_missing")
    alarm.refresh_from_db()
    assert alarm.closed_at is None


def test_an_sos_is_not_closed_before_somebody_took_it_up(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    answer = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/close", reason="Mistake")
    assert answer.json()["error"]["code"] == "alarm_waiting"


def test_a_reason_longer_than_the_column_is_refused_whole(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/acknowledge")
    answer = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/close", reason="x" * 201)
    assert answer.json()["error"]["code"] == "reason_too_long"


@pytest.mark.parametrize("act", ["acknowledge", "close"])
def test_who_may_not_answer_an_sos(town: Town, now: datetime, act: str):
    alarm = sos(officer(town.west, now), now)
    address = f"/api/live/alarms/{alarm.pk}/{act}"
    for user in (
        make.user(Role.OFFICER, town.west),
        make.user(Role.INSPECTOR, town.top),
        make.user(Role.DISPATCHER, town.east),
        build_town("other").dispatcher,
    ):
        answer = post(user, address, reason="x")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert post(None, address, reason="x").status_code == 401
    assert browser(town.dispatcher).get(address).status_code == 405
    alarm.refresh_from_db()
    assert (alarm.acknowledged_at, alarm.closed_at) == (None, None)


def test_closing_without_a_body_says_what_is_missing(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    answer = post(town.dispatcher, f"/api/live/alarms/{alarm.pk}/close")
    assert answer.status_code == 400
    assert "reason" in answer.json()["error"]["fields"]


def together(*people: Person, at: datetime) -> None:
    """Say that these walk together, as the live judge would."""
    for person in people:
        others = [other.pk for other in people if other != person]
        LiveState.objects.filter(person_id=person.pk).update(
            company=Company.TOGETHER, company_since=at, partners=others
        )


def test_the_two_nearest_pairs_to_an_sos_by_their_last_member(town: Town, now: datetime):
    caller = officer(town.west, now)
    places = {
        "near": ((60, 0), (80, 0)),
        "far": ((0, -300), (0, -310)),
        "middle": ((0, 90), (0, 120)),
        "east": ((10, 0), (10, 5)),
    }
    pairs = {}
    for name, (one, two) in places.items():
        unit = town.east if name == "east" else town.west
        pairs[name] = [officer(unit, now), officer(unit, now)]
        for person, place_m in zip(pairs[name], (one, two), strict=True):
            report(person, *place_m, now)
    silent = [officer(town.west, now), officer(town.west, now)]
    for person in silent:
        report(person, 5, 5, now - timedelta(minutes=2))
    single = officer(town.west, now)
    report(single, 2, 0, now)
    report(caller, 0, 0, now)
    Rounds().run_once(now)
    for members in (*pairs.values(), silent):
        together(*members, at=now)
    alarm = sos(caller, now)
    west = make.user(Role.DISPATCHER, town.west)
    body = browser(west).get(f"/api/live/alarms/{alarm.pk}/near").json()
    found = [[one["id"] for one in pair["people"]] for pair in body["pairs"]]
    assert found == [[p.pk for p in pairs["near"]], [p.pk for p in pairs["middle"]]]
    assert [pair["metres"] for pair in body["pairs"]] == [80, 120]
    # Along the streets at 1.1 m/s: 80 m on street C, 120 m on street 3.
    assert [pair["seconds"] for pair in body["pairs"]] == [73, 109]
    top = browser(town.dispatcher).get(f"/api/live/alarms/{alarm.pk}/near").json()["pairs"]
    assert [one["id"] for one in top[0]["people"]] == [p.pk for p in pairs["east"]]
    sos(pairs["near"][0], now)
    body = browser(west).get(f"/api/live/alarms/{alarm.pk}/near").json()
    assert [pair["metres"] for pair in body["pairs"]] == [120, 310]


def test_without_streets_the_straight_way_says_who_is_nearest(town: Town, now: datetime):
    RoadSegment.objects.all().delete()
    caller, one, two = (officer(town.west, now) for _ in range(3))
    report(caller, 0, 0, now)
    report(one, 30, 40, now)
    report(two, 60, 80, now)
    Rounds().run_once(now)
    together(one, two, at=now)
    address = f"/api/live/alarms/{sos(caller, now).pk}/near"
    [pair] = browser(town.dispatcher).get(address).json()["pairs"]
    assert (pair["metres"], pair["seconds"]) == (100, None)


def test_without_a_place_or_a_pair_nothing_is_made_up(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    address = f"/api/live/alarms/{alarm.pk}/near"
    assert browser(town.dispatcher).get(address).json()["pairs"] == []
    report(alarm.person, 0, 0, now)
    assert browser(town.dispatcher).get(address).json()["pairs"] == []


def test_who_may_not_ask_who_is_nearest(town: Town, now: datetime):
    alarm = sos(officer(town.west, now), now)
    address = f"/api/live/alarms/{alarm.pk}/near"
    for user in (
        make.user(Role.OFFICER, town.west),
        make.user(Role.PLANNER, town.west),
        make.user(Role.DISPATCHER, town.east),
        build_town("other").dispatcher,
    ):
        answer = browser(user).get(address)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert browser(None).get(address).status_code == 401
    assert post(town.dispatcher, address).status_code == 405
    Alarm.objects.filter(pk=alarm.pk).update(closed_at=now)
    answer = browser(town.dispatcher).get(address)
    assert (answer.status_code, answer.json()) == (200, {"pairs": []})
