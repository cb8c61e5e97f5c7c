"""The planner's pages over HTTP: who opens them, whose stations, and what a form refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from bureau.models import Role
from stations.models import Station
from tests import make
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path: Any, settings: Any) -> Town:
    settings.VAR_DIR = tmp_path
    return build_town()


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(town: Town, **changes: Any) -> dict[str, Any]:
    lon, lat = place(0, 0)
    return {
        "name": "Kiosk 9",
        "code": "K9",
        "kind": "kiosk",
        "unit": town.west.pk,
        "lon_deg": lon,
        "lat_deg": lat,
        "desks": 1,
        "chairs": 1,
        "opened_on": "2026-01-05",
        "hours": "Mon-Fri 08:00-18:00; Sat 22:00-24:00",
    } | changes


def test_without_an_account_one_signs_in_first(town: Town) -> None:
    for address in ("/plan/", "/plan/coverage/", "/plan/stations/new/"):
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", [Role.OFFICER, Role.DISPATCHER])
def test_roles_without_the_page_are_told(town: Town, role: Role) -> None:
    response = sign_in(make.user(role, town.top)).get("/plan/")
    assert response.status_code == 403


def test_a_supervisor_cannot_write(town: Town) -> None:
    station = make.station(town.west, *place(0, 0))
    client = sign_in(town.supervisor)
    lon, lat = place(50, 0)
    for address, body in (
        ("/plan/stations/new/", form(town)),
        (f"/plan/stations/{station.pk}/edit/", form(town)),
        (f"/plan/stations/{station.pk}/close/", {"on": "2026-03-01", "reason": "x"}),
        (f"/plan/stations/{station.pk}/move/", {"lon_deg": lon, "lat_deg": lat}),
        (f"/plan/stations/{station.pk}/reopen/", {}),
    ):
        assert client.post(address, body).status_code in (403, 422), address
    station.refresh_from_db()
    assert (station.geometry.x, station.closed_on) == (place(0, 0)[0], None)
    assert Station.objects.count() == 1


def test_other_scopes_do_not_exist(town: Town) -> None:
    station = make.station(town.east, *place(100, 0), name="Easterly")
    for user in (make.user(Role.PLANNER, town.west), build_town("other").planner):
        client = sign_in(user)
        for act in ("", "edit/", "close/"):
            assert client.get(f"/plan/stations/{station.pk}/{act}").status_code == 404
        for act in ("move/", "reopen/", "edit/", "close/"):
            assert client.post(f"/plan/stations/{station.pk}/{act}").status_code == 404
        assert "Easterly" not in client.get("/plan/").content.decode()


def test_the_unit_in_the_address_narrows_the_list(town: Town) -> None:
    make.station(town.west, *place(0, 0), name="Westerly")
    make.station(town.east, *place(100, 0), name="Easterly")
    client = sign_in(town.planner)
    page = client.get(f"/plan/?unit={town.west.pk}").content.decode()
    assert "Westerly" in page
    assert "Easterly" not in page
    assert f"?unit={town.west.pk}" in page  # links keep it
    # A unit that is not one's own is not obeyed.
    foreign = build_town("other").west.pk
    assert "Westerly" in client.get(f"/plan/?unit={foreign}").content.decode()


def test_hours_come_back_as_they_were_typed(town: Town) -> None:
    client = sign_in(town.planner)
    assert client.post("/plan/stations/new/", form(town)).status_code == 302
    station = Station.objects.get()
    page = client.get(f"/plan/stations/{station.pk}/edit/").content.decode()
    assert 'value="Mon-Fri 08:00-18:00; Sat 22:00-24:00"' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "required"),
        ({"lon_deg": "east"}, "number"),
        ({"lat_deg": "99"}, "90"),
        ({"lon_deg": str(place(900, 0)[0])}, "outside the jurisdiction"),
        ({"lon_deg": "30", "lat_deg": "89"}, "outside the jurisdiction"),
        ({"hours": "always"}, "cannot be read"),
        ({"desks": "-1"}, "greater than or equal to 0"),
        ({"opened_on": "yesterday"}, "valid date"),
        ({"unit": "0"}, "valid choice"),
        ({"kind": "tent"}, "valid choice"),
        ({"code": "TAKEN"}, "code is taken"),
    ],
)
def test_a_form_that_cannot_be_saved_says_why(
    town: Town, changes: dict[str, Any], said: str
) -> None:
    make.station(town.east, *place(100, 0), code="TAKEN")
    response = sign_in(town.planner).post("/plan/stations/new/", form(town, **changes))
    assert response.status_code == 422
    page = response.content.decode()
    assert said in page
    assert "Nothing was saved yet" in page
    assert Station.objects.count() == 1


def test_a_move_outside_is_refused_in_words(town: Town) -> None:
    station = make.station(town.west, *place(0, 0))
    lon, lat = place(900, 0)
    client = sign_in(town.planner)
    response = client.post(f"/plan/stations/{station.pk}/move/", {"lon_deg": lon, "lat_deg": lat})
    assert response.status_code == 422
    assert "outside the jurisdiction" in response.content.decode()
    assert client.post(f"/plan/stations/{station.pk}/move/", {}).status_code == 422


def test_without_streets_nothing_is_called_unreached(town: Town) -> None:
    make.station(town.west, *place(0, 0))
    make.hotspot(town.west, town.blocks["C1-C2"])
    for block in town.blocks.values():
        block.retired_at = datetime(2026, 3, 2, tzinfo=UTC)
        block.save()
    client = sign_in(town.planner)
    page = client.get("/plan/coverage/").content.decode()
    assert "import a street network first" in page
    assert "not reached" not in page
    assert client.get("/api/coverage").json()["error"]["code"] == "no_streets"
