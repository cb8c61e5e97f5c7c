"""The officer's own week over HTTP: notice, patrols, SOS, own track and data, dispute."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.gis.geos import LineString, MultiLineString, Point
from django.test import Client
from django.utils import timezone

from bureau.first_run import give_notice
from bureau.models import Role
from patrols import patrolling
from patrols.access import log_look
from patrols.models import (
    Alarm,
    Dispute,
    Latest,
    NoticeAccepted,
    Patrol,
    PatrolRoute,
    Person,
    RefusedCount,
    TrailLook,
)
from tests import make
from tests.frontend.weeks import MONDAY, WEEK, conclude, day
from tests.patrols import walking
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def officer(town: Town) -> Person:
    user = make.user(Role.OFFICER, town.west, username="zhang")
    return make.person(town.west, name="Zhang Wei", user=user)


@pytest.fixture
def client(officer: Person) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(officer.user)
    return client


def my(client: Client, week: str = MONDAY.isoformat()) -> str:
    answer = client.get("/my/", {"week": week})
    assert answer.status_code == 200
    return answer.text


def test_the_ring_says_what_is_still_owed(client: Client, officer: Person):
    day(officer, 0, credited_min=75)
    conclude(officer)
    text = my(client)
    assert '<span class="ring-number">45 min</span>' in text
    assert 'stroke-dasharray="62.5 100"' in text  # 75 of 120 min
    assert "1 h 15 min / 2 h" in text


def test_enough_is_a_tick_and_nothing_owed(client: Client, officer: Person):
    day(officer, 0, credited_min=130)
    conclude(officer)
    text = my(client)
    assert "still owed" not in text
    assert "The required time is reached." in text


def test_an_unjudged_week_says_when_it_will_be(client: Client):
    assert "within minutes of your first positions" in my(client)


def test_an_account_without_a_person_is_told_whom_to_ask(town: Town):
    user = make.user(Role.OFFICER, town.west)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    answer = client.get("/my/")
    assert answer.status_code == 409
    assert "Ask your administrator to link it" in answer.text


def test_an_officer_sees_nobody_else(client: Client, town: Town, officer: Person):
    other = make.person(town.west, name="Li Other")
    day(other, 0, credited_min=130)
    conclude(other, officer)
    assert client.get("/week/", {"week": MONDAY, "person": other.pk}).status_code == 403
    assert "2 h 10 min" not in my(client)
    for address in ("/records/", "/settings/", "/alarms"):
        assert client.get(address).status_code == 403


# Notice


def test_a_new_notice_is_shown_and_accepted_by_its_version(
    client: Client, town: Town, officer: Person
):
    assert "I have read it and accept" not in my(client)
    give_notice(town.bureau, text_en="Now with speed.", text_zh_hans="新", now=timezone.now())
    text = my(client)
    assert "Now with speed." in text
    assert "no position of yours is stored" in text
    old = client.post("/my/notice/", {"version": "1"})
    assert old.status_code == 409
    assert "read the new version first" in old.text
    assert client.post("/my/notice/", {"version": "2"}).status_code == 303
    client.post("/my/notice/", {"version": "2"})
    assert NoticeAccepted.objects.filter(person=officer, notice__version=2).count() == 1
    assert "I have read it and accept" not in my(client)


# Patrols


@pytest.fixture
def partner(town: Town) -> Person:
    return on_shift(make.person(town.west, name="Li Na"))


def on_shift(person: Person) -> Person:
    hour = timedelta(hours=1)
    make.shift(person, timezone.now() - hour, timezone.now() + hour)
    return person


def test_a_patrol_begins_with_a_partner_and_ends_for_both(
    client: Client, officer: Person, partner: Person
):
    assert "Li Na" in client.get("/my/").text
    begun = client.post("/my/patrol/start/", {"partner": [partner.pk], "turnout": "on"})
    assert begun.status_code == 303
    patrol = Patrol.objects.get()
    assert {m.person for m in patrol.members.all()} == {officer, partner}
    assert (patrol.turnout_checked, patrol.mode, patrol.ended_at) == (True, "foot", None)
    assert "with Li Na" in client.get("/my/").text
    assert client.post("/my/patrol/end/").status_code == 303
    patrol.refresh_from_db()
    assert patrol.ended_at is not None
    assert patrolling.open_patrol(partner, now=timezone.now()) is None
    again = client.post("/my/patrol/end/")
    assert again.status_code == 409
    assert "You are in no patrol" in again.text


def test_refused_partners_and_routes_leave_no_patrol(
    client: Client, town: Town, officer: Person, partner: Person
):
    east = make.person(town.east, name="Ma East")
    gone = make.person(town.west, name="Hu Gone", left_on=MONDAY)
    resting = make.person(town.west, name="Xu Resting")
    other = build_town("other")
    stranger = make.person(other.west)
    route = PatrolRoute.objects.create(
        bureau=town.bureau,
        unit=town.east,
        code="r",
        name="East round",
        geometry=MultiLineString(LineString(place(0, 0), place(100, 0)), srid=4326),
    )
    for fields, said in [
        ({"partner": [east.pk]}, "not known"),
        ({"partner": [gone.pk]}, "Hu Gone has left."),
        ({"partner": [resting.pk]}, "Xu Resting is not on shift now."),
        ({"partner": [stranger.pk]}, "not known"),
        ({"route": route.pk}, "Choose a route of your own unit."),
        ({"mode": "helicopter"}, "Choose on foot"),
    ]:
        answer = client.post("/my/patrol/start/", fields)
        assert answer.status_code == 409, fields
        assert said in answer.text
    assert not Patrol.objects.exists()


def test_nobody_walks_in_two_patrols(client: Client, town: Town, officer: Person, partner: Person):
    third = on_shift(make.person(town.west, name="Wang Third"))
    patrolling.start(
        person=partner, partners=[third], route=None, turnout_checked=True, now=timezone.now()
    )
    taken = client.post("/my/patrol/start/", {"partner": [partner.pk]})
    assert taken.status_code == 409
    assert "Li Na is in another patrol" in taken.text
    client.post("/my/patrol/start/", {})
    twice = client.post("/my/patrol/start/", {})
    assert "You are in a patrol already" in twice.text
    assert Patrol.objects.count() == 2


def test_a_forgotten_patrol_does_not_last_for_ever(officer: Person, partner: Person):
    long_ago = timezone.now() - patrolling.LONGEST - timedelta(minutes=1)
    make.shift(partner, long_ago, long_ago + timedelta(hours=1))
    patrolling.start(
        person=officer, partners=[partner], route=None, turnout_checked=False, now=long_ago
    )
    assert patrolling.open_patrol(officer, now=timezone.now()) is None


# SOS


def latest(person: Person, minutes_ago: float) -> None:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    Latest.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        phone_id=1,
        recorded_at=at,
        received_at=at,
        point=Point(*place(10, 20), srid=4326),
        version=1,
    )


def test_an_sos_is_raised_once_with_the_last_place(client: Client, officer: Person):
    latest(officer, minutes_ago=3)
    first = client.post("/my/sos/", headers=JSON).json()
    assert first["new"] is True
    second = client.post("/my/sos/", headers=JSON).json()
    assert (second["new"], second["alarm"]) == (False, first["alarm"])
    alarm = Alarm.objects.get()
    assert (alarm.person, alarm.closed_at) == (officer, None)
    assert (round(alarm.point.x, 7), round(alarm.point.y, 7)) == place(10, 20)
    assert "SOS sent at" in client.get("/my/").text


def test_an_old_last_place_is_not_given_out_as_the_present_one(client: Client, officer: Person):
    latest(officer, minutes_ago=45)
    client.post("/my/sos/", headers=JSON)
    assert Alarm.objects.get().point is None


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"lon": "120.001", "lat": "30.002"}, (120.001, 30.002)),
        ({"lon": "999", "lat": "30"}, None),
        ({"lon": "nan", "lat": "30"}, None),
        ({"lon": "east", "lat": ""}, None),
    ],
)
def test_a_bad_place_never_stops_an_sos(client: Client, officer: Person, fields, kept):
    assert client.post("/my/sos/", headers=JSON).status_code == 200
    assert client.post("/my/sos/", fields, headers=JSON).status_code == 200
    point = Alarm.objects.get().point
    assert (point and (point.x, point.y)) == kept


def test_an_sos_works_off_duty_without_notice_and_without_scripts(town: Town):
    user = make.user(Role.OFFICER, town.west)
    person = make.person(town.west, user=user, accepted=False)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert client.post("/my/sos/").status_code == 303
    assert Alarm.objects.get().person == person


def test_the_page_says_how_the_sos_stands_and_takes_it_back(
    client: Client, town: Town, officer: Person
):
    assert client.get("/my/sos/state/").text.strip() == ""
    client.post("/my/sos/", headers=JSON)
    assert "Nobody has answered yet" in client.get("/my/sos/state/").text
    assert "It was a false alarm" in client.get("/my/").text
    empty = client.post("/my/sos/cancel/", {"reason": " "})
    assert (empty.status_code, Alarm.objects.get().closed_at) == (409, None)
    assert client.post("/my/sos/cancel/", {"reason": "In the pocket"}).status_code == 303
    alarm = Alarm.objects.get()
    assert (alarm.closed_by, alarm.closed_reason) == (officer.user, "In the pocket")
    assert client.get("/my/sos/state/").text.strip() == ""
    assert client.post("/my/sos/cancel/", {"reason": "again"}).status_code == 409
    other = Client(headers={"host": "localhost"})
    assert other.post("/my/sos/cancel/", {"reason": "x"}).status_code == 302
    other.force_login(town.dispatcher)
    assert other.post("/my/sos/cancel/", {"reason": "x"}).status_code == 403
    assert other.get("/my/sos/state/").status_code == 403


# Own data


@pytest.fixture
def walked(officer: Person) -> Person:
    """Tue 2026-11-10 10:00, ten minutes on the western loop."""
    from patrols import weekly

    begins = datetime(2026, 11, 10, 2, tzinfo=UTC)
    make.shift(officer, begins, begins + timedelta(hours=1))
    walking.store(officer, begins, walking.around(walking.WEST_LOOP, 600))
    weekly.judge(WEEK, [officer], now=datetime(2026, 11, 16, 4, tzinfo=UTC))
    return officer


def test_the_own_track_needs_no_purpose_and_is_no_look(client: Client, walked: Person):
    text = client.get("/my/trail/", {"week": MONDAY}).text
    assert "Tue 10:00 on patrol" in text
    assert not TrailLook.objects.exists()


def test_the_own_positions_come_as_csv_and_geojson(client: Client, walked: Person):
    answer = client.get("/my/positions.csv", {"week": MONDAY})
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 121  # one every 5 s for 600 s, both ends
    assert rows[0]["recorded_at"] == "2026-11-10T02:00:00+00:00"
    assert (float(rows[0]["lon_deg"]), float(rows[0]["lat_deg"])) == place(0, 0)
    features = json.loads(client.get("/my/positions.geojson", {"week": MONDAY}).text)["features"]
    assert len(features) == 121
    assert features[0]["geometry"]["coordinates"] == list(place(0, 0))
    assert client.get("/my/positions.csv", {"week": "2026-11-02"}).text.count("\n") == 1


def test_what_was_not_stored_is_said_by_day_and_reason(client: Client, officer: Person):
    RefusedCount.objects.create(
        bureau_id=officer.bureau_id,
        person_id=officer.pk,
        day=WEEK.days[1],
        reason="off_duty",
        count=42,
        last_at=timezone.now(),
    )
    text = my(client)
    assert "42 positions outside the shifts" in text
    assert "the roster has a gap" in text


def test_who_looked_is_shown_with_purpose_denied_looks_too(
    client: Client, town: Town, officer: Person
):
    log_look(town.supervisor, officer, purpose="Weekly review")
    log_look(town.planner, officer, purpose="Curious", allowed=False)
    text = my(client)
    assert "town-supervisor" in text
    assert "Weekly review" in text
    assert "Curious" in text
    assert "denied" in text


# Dispute


def test_a_dispute_needs_words_and_waits_for_one_answer(client: Client, officer: Person):
    day(officer, 0, credited_min=75)
    conclude(officer)
    address = f"/my/dispute/?week={MONDAY}"
    empty = client.post(address, {"text": "  "})
    assert empty.status_code == 409
    assert "Write what is wrong" in empty.text
    assert client.post(address, {"text": "My phone was in repair."}).status_code == 302
    assert Dispute.objects.get().by == officer.user
    text = my(client)
    assert "My phone was in repair." in text
    assert "waits for an answer" in text
    again = client.post(address, {"text": "Still."})
    assert again.status_code == 409
    assert "waiting for an answer already" in again.text


def test_an_unjudged_week_cannot_be_disputed(client: Client):
    answer = client.post(f"/my/dispute/?week={MONDAY}", {"text": "x"})
    assert answer.status_code == 409
    assert "not judged yet" in answer.text
