"""Replay of a past day over HTTP: who may, the log first, packed hours, company, happenings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from bureau.models import Role, User
from patrols.models import (
    Alarm,
    AlarmKind,
    Company,
    CompanySpan,
    FormerUnit,
    Person,
    TrailLook,
)
from patrols.past_day import PACKED, pack
from patrols.storage.fixes import FIX
from tests import make
from tests.realtime.stage import officer, report
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

# 02:00 UTC is 10:00 in the town.
DAY = timezone.localdate() - timedelta(days=3)
TEN = datetime(DAY.year, DAY.month, DAY.day, 2, tzinfo=UTC)


def browser(user: User | None) -> Client:
    client = Client(headers={"host": "localhost"})
    if user is not None:
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def fields(town: Town, **more: Any) -> dict[str, Any]:
    return {
        "unit": town.west.pk,
        "day": DAY.isoformat(),
        "from": 9,
        "until": 12,
        "purpose": "Weekly review",
    } | more


def address(town: Town, path: str = "", **more: Any) -> tuple[str, dict[str, Any]]:
    query = {key: value for key, value in fields(town, **more).items() if key != "purpose"}
    return f"/live/replay/{path}", query


def opened(town: Town, user: User, **more: Any) -> Client:
    client = browser(user)
    answer = client.post("/live/replay/open/", fields(town, **more))
    assert answer.status_code == 303, answer.text
    return client


def hour_of(client: Client, town: Town, hour: int, **more: Any) -> np.ndarray:
    path, query = address(town, "hour", **more)
    answer = client.get(path, query | {"hour": hour})
    assert answer.status_code == 200, answer.text
    assert answer["Cache-Control"].find("no-store") >= 0
    return np.frombuffer(answer.content, PACKED)


def walked(town: Town, unit=None, **more: Any) -> Person:
    """A person with a fix at 10:00:00, 10:00:05, 10:00:12 and 11:30:00 of the day."""
    person = officer(unit or town.west, TEN, **more)
    for seconds, east_m in ((0, 0), (5, 5), (12, 12), (5400, 100)):
        report(person, east_m, 0, TEN + timedelta(seconds=seconds))
    return person


def test_an_hour_comes_packed_with_a_fix_in_ten_seconds(town: Town):
    person = walked(town)
    client = opened(town, town.dispatcher)
    rows = hour_of(client, town, 10)
    assert rows["person"].tolist() == [person.pk, person.pk]
    assert rows["s"].tolist() == [0, 12]  # 10:00:05 lies in the same ten seconds
    places = [(lon / 1e7, lat / 1e7) for lon, lat in zip(rows["lon"], rows["lat"], strict=True)]
    assert places == [place(0, 0), place(12, 0)]
    assert hour_of(client, town, 11)["s"].tolist() == [1800]
    assert len(hour_of(client, town, 9)) == 0


def test_people_are_those_of_that_day_whom_one_may_see(town: Town):
    """One came later, one has gone where the dispatcher of the west sees nobody."""
    stayed, came, gone = walked(town), walked(town), walked(town, town.east)
    FormerUnit.objects.create(person=came, unit=town.east, until=DAY)
    FormerUnit.objects.create(person=gone, unit=town.west, until=DAY)
    west = make.user(Role.DISPATCHER, town.west)
    client = opened(town, west)
    assert set(hour_of(client, town, 10)["person"]) == {stayed.pk}
    path, query = address(town)
    page = client.get(path, query).content.decode()
    assert "1 person who belonged here on that day belongs elsewhere now" in page
    assert not TrailLook.objects.filter(person__in=[came, gone]).exists()
    # The day after, everybody is where they are now.
    FormerUnit.objects.update(until=DAY - timedelta(days=1))
    client = opened(town, west)
    assert set(hour_of(client, town, 10)["person"]) == {stayed.pk, came.pk}
    assert "belongs elsewhere now" not in client.get(path, query).content.decode()


def test_of_very_many_people_fewer_fixes_are_packed():
    rows = np.zeros(4, FIX)
    rows["t_s"] = [100, 110, 119.9, 120]
    rows["person"] = 7
    assert np.frombuffer(pack(rows, 100, 10), PACKED)["s"].tolist() == [0, 10, 20]
    assert np.frombuffer(pack(rows, 100, 20), PACKED)["s"].tolist() == [0, 20]


def test_a_fix_too_vague_to_be_judged_is_not_shown(town: Town):
    from patrols.models import Position

    person = walked(town)
    Position.objects.filter(person_id=person.pk, recorded_at=TEN).update(accuracy_m=101)
    assert hour_of(opened(town, town.dispatcher), town, 10)["s"].tolist() == [5, 12]


def test_the_look_at_everybody_is_logged_before_with_hours_and_purpose(town: Town):
    one, silent = walked(town), officer(town.west, TEN)
    walked(town, town.east)
    own = officer(town.west, TEN, user=town.dispatcher)
    opened(town, town.dispatcher, purpose="Complaint or incident", detail="stall 7")
    looks = TrailLook.objects.order_by("person_id")
    assert [look.person for look in looks] == [one, silent]
    assert own not in [look.person for look in looks]
    for look in looks:
        assert look.purpose == "Replay: Complaint or incident: stall 7"
        assert (look.from_at, look.until_at) == (TEN - timedelta(hours=1), TEN + timedelta(hours=2))
        assert (look.user, look.allowed) == (town.dispatcher, True)
    officer_page = browser(make.user(Role.OFFICER, town.west))
    Person.objects.filter(pk=one.pk).update(user=User.objects.latest("pk"))
    assert "Replay: Complaint or incident: stall 7" in officer_page.get("/my/").text


def test_without_a_purpose_nothing_is_opened_and_nothing_read(town: Town):
    walked(town)
    client = browser(town.dispatcher)
    for purpose in ("", "Curious"):
        answer = client.post("/live/replay/open/", fields(town, purpose=purpose))
        assert (answer.status_code, "Choose what you open" in answer.text) == (409, True)
    for path in ("hour", "marks"):
        where, query = address(town, path)
        answer = client.get(where, query | {"hour": 10})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "purpose_missing")
    assert not TrailLook.objects.exists()
    where, query = address(town)
    page = client.get(where, query).text
    assert "Open the replay" in page
    assert "replay-settings" not in page


def test_what_was_opened_does_not_open_more(town: Town):
    walked(town)
    client = opened(town, town.dispatcher)
    for more in ({"unit": town.top.pk}, {"until": 13}, {"day": str(DAY - timedelta(days=1))}):
        where, query = address(town, "hour", **more)
        assert client.get(where, query | {"hour": 10}).status_code == 409
    where, query = address(town, "hour")
    for hour in ("8", "12", "", "x"):
        answer = client.get(where, query | {"hour": hour})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "hours_wrong")


def test_after_a_quarter_of_an_hour_the_page_asks_again(town: Town):
    walked(town, name="WEST-1")
    client = opened(town, town.dispatcher)
    where, query = address(town)
    assert "WEST-1" in client.get(where, query).text
    session = client.session
    session["replays"] = {
        name: (timezone.now() - timedelta(minutes=16)).isoformat() for name in session["replays"]
    }
    session.save()
    assert "WEST-1" not in client.get(where, query).text
    # An open page still fetches its hours; after four hours it does not.
    assert len(hour_of(client, town, 10)) == 2
    session["replays"] = {
        name: (timezone.now() - timedelta(hours=4, minutes=1)).isoformat()
        for name in session["replays"]
    }
    session.save()
    where, query = address(town, "hour")
    assert client.get(where, query | {"hour": 10}).status_code == 409


@pytest.mark.parametrize("path", ["", "hour", "marks"])
def test_who_may_not_open_a_page_of_it(town: Town, path: str):
    where, query = address(town, path)
    assert browser(None).get(where, query).status_code == 302
    for role in (Role.OFFICER, Role.PLANNER):
        assert browser(make.user(role, town.west)).get(where, query).status_code == 403
    assert browser(town.dispatcher).post(where, query).status_code == 405


def test_who_may_not_open_which_unit(town: Town):
    walked(town)
    other = build_town("other")
    assert browser(None).post("/live/replay/open/", fields(town)).status_code == 302
    for user in (
        make.user(Role.OFFICER, town.west),
        make.user(Role.PLANNER, town.west),
        make.user(Role.DISPATCHER, town.east),
        other.dispatcher,
    ):
        client = browser(user)
        assert client.post("/live/replay/open/", fields(town)).status_code == 403
        where, query = address(town, "hour")
        assert client.get(where, query | {"hour": 10}).status_code == 403
    assert not TrailLook.objects.exists()
    assert browser(town.dispatcher).get("/live/replay/open/").status_code == 405


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR])
def test_who_may(town: Town, role: Role):
    walked(town)
    assert len(hour_of(opened(town, make.user(role, town.brigade)), town, 10)) == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"day": "yesterday"}, "Choose a day"),
        ({"day": ""}, "Choose a day"),
        ({"unit": "x"}, "Choose a unit"),
        ({"from": 12}, "the first before the last"),
        ({"until": 25}, "the first before the last"),
        ({"day": str(date(2020, 1, 1))}, "kept no longer"),
        ({"day": str(timezone.localdate() + timedelta(days=2))}, "has not come yet"),
    ],
)
def test_hours_that_cannot_be_opened_are_said(town: Town, more: dict[str, Any], said: str):
    answer = browser(town.dispatcher).post("/live/replay/open/", fields(town, **more))
    assert answer.status_code == 409
    assert said in answer.text
    assert not TrailLook.objects.exists()


def test_marks_hold_company_and_what_happened_of_these_units_only(town: Town):
    person, east = walked(town, name="WEST-1"), walked(town, town.east, name="EAST-1")
    for who in (person, east):
        CompanySpan.objects.create(
            bureau_id=town.bureau.pk,
            person_id=who.pk,
            day=DAY,
            starts_at=TEN,
            ends_at=TEN + timedelta(minutes=10),
            company=Company.TOGETHER,
            partners=[1, 2],
        )
        Alarm.objects.create(
            bureau=town.bureau,
            person=who,
            kind=AlarmKind.SOS,
            raised_at=TEN + timedelta(minutes=1),
            acknowledged_at=TEN + timedelta(minutes=2),
            closed_at=TEN + timedelta(hours=20),
        )
    where, query = address(town, "marks")
    answer = opened(town, town.dispatcher).get(where, query)
    ten_s = 10 * 3600
    assert answer.json() == {
        "company": {str(person.pk): [[ten_s, ten_s + 600, "together", 3]]},
        "ticks": [
            [ten_s + 60, "sos", "WEST-1", person.pk],
            [ten_s + 120, "sos_taken", "WEST-1", person.pk],
        ],
    }
    assert b"EAST" not in answer.content


def test_somebody_who_had_left_is_not_shown(town: Town):
    gone = walked(town, left_on=DAY - timedelta(days=1))
    client = opened(town, town.dispatcher)
    assert len(hour_of(client, town, 10)) == 0
    Person.objects.filter(pk=gone.pk).update(left_on=DAY)
    assert len(hour_of(client, town, 10)) == 2
