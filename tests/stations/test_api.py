"""Stations over the API."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest
from django.test import Client

from bureau.models import Role
from stations.models import OpeningHours, Station
from tests import make
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, method: str, address: str, body: Any) -> Any:
    return getattr(client, method)(address, json.dumps(body), content_type="application/json")


def kiosk(town: Town, at: tuple[float, float] = (-50, 0), **changes: Any) -> dict[str, Any]:
    """A kiosk as a client sends it."""
    properties = {
        "unit": town.west.pk,
        "kind": "kiosk",
        "code": "K9",
        "name": "Kiosk 9",
        "desks": 1,
        "chairs": 2,
        "hours": [{"weekday": 0, "opens": "08:00", "closes": "17:00"}],
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": place(*at)},
        "properties": properties | changes,
    }


def error_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    error: dict[str, Any] = response.json()["error"]
    assert error["code"] == code, error
    return error


def test_a_station_is_added_with_hours(town: Town) -> None:
    response = send(sign_in(town.planner), "post", "/api/stations", kiosk(town))
    assert response.status_code == 201, response.content
    properties = response.json()["properties"]
    assert properties["open"] is True
    assert properties["hours"] == [{"weekday": 0, "opens": "08:00:00", "closes": "17:00:00"}]
    station = Station.objects.get()
    assert station.changes.get().by == town.planner
    assert (station.geometry.x, station.geometry.y) == place(-50, 0)


def test_the_list_says_what_the_register_holds(town: Town) -> None:
    station = make.station(town.west, *place(-50, 0), code="K1", desks=2, chairs=1)
    OpeningHours.objects.create(station=station, weekday=2, opens=time(9), closes=time(18))
    make.station(
        town.west, *place(-60, 0), code="K2", closed_on=date(2026, 1, 5), closed_reason="rent"
    )
    make.station(town.east, *place(200, 0), code="E1")
    client = sign_in(make.user(Role.PLANNER, town.west))
    body = client.get("/api/stations").json()
    assert [feature["properties"]["code"] for feature in body["features"]] == ["K1"]
    properties = body["features"][0]["properties"]
    assert (properties["desks"], properties["chairs"], properties["open"]) == (2, 1, True)
    assert properties["hours"] == [{"weekday": 2, "opens": "09:00:00", "closes": "18:00:00"}]
    closed = client.get("/api/stations?state=closed").json()["features"]
    assert [feature["properties"]["closed_reason"] for feature in closed] == ["rent"]


def test_moving_is_noted_as_a_move(town: Town) -> None:
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/stations", kiosk(town)).json()["id"]
    there = {"geometry": {"type": "Point", "coordinates": place(-80, 20)}}
    moved = send(client, "patch", f"/api/stations/{pk}", there)
    assert moved.status_code == 200
    assert moved.json()["geometry"]["coordinates"] == pytest.approx(place(-80, 20))
    assert list(Station.objects.get().changes.values_list("act", flat=True)) == ["move", "add"]


def test_put_replaces_and_patch_keeps(town: Town) -> None:
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/stations", kiosk(town)).json()["id"]
    assert send(client, "patch", f"/api/stations/{pk}", {"desks": 4}).status_code == 200
    assert Station.objects.get().opening_hours.count() == 1
    replaced = send(client, "put", f"/api/stations/{pk}", kiosk(town, name="New", hours=[]))
    assert replaced.status_code == 200
    station = Station.objects.get()
    assert (station.name, station.desks, station.opening_hours.count()) == ("New", 1, 0)
    error = error_of(send(client, "put", f"/api/stations/{pk}", {"name": "x"}), 400, "invalid")
    assert {"unit", "kind", "code", "geometry"} <= set(error["fields"])


def test_closing_and_reopening(town: Town) -> None:
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/stations", kiosk(town, opened_on="2026-01-05")).json()["id"]
    address = f"/api/stations/{pk}"
    error = error_of(send(client, "post", f"{address}/close", {}), 400, "invalid")
    assert list(error["fields"]) == ["reason"]
    closing = {"on": "2026-03-02", "reason": "rent"}
    closed = send(client, "post", f"{address}/close", closing)
    assert closed.json()["properties"]["open"] is False
    error_of(send(client, "post", f"{address}/close", closing), 409, "station_closed")
    error_of(send(client, "patch", address, {"name": "x"}), 409, "station_closed")
    error_of(client.delete(address), 405, "method_not_allowed")
    opened = send(client, "post", f"{address}/reopen", {})
    assert opened.json()["properties"]["open"] is True
    error_of(send(client, "post", f"{address}/reopen", {}), 409, "not_closed")


def test_a_place_outside_is_refused_with_the_distance(town: Town) -> None:
    client = sign_in(town.planner)
    body = kiosk(town, at=(700, 0))
    error = error_of(send(client, "post", "/api/stations", body), 422, "geometry_outside")
    assert "300 m" in error["message"]  # the town ends at 400 m
    pk = send(client, "post", "/api/stations", kiosk(town)).json()["id"]
    there = {"geometry": {"type": "Point", "coordinates": place(700, 0)}}
    error_of(send(client, "patch", f"/api/stations/{pk}", there), 422, "geometry_outside")
    line = {"type": "LineString", "coordinates": [place(0, 0), place(100, 0)]}
    error_of(send(client, "patch", f"/api/stations/{pk}", {"geometry": line}), 422, "geometry_type")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "tent"}, "kind"),
        ({"desks": -1}, "desks"),
        ({"desks": 10**6}, "desks"),
        ({"chairs": "many"}, "chairs"),
        ({"opened_on": "2026-02-30"}, "opened_on"),
        ({"hours": [{"weekday": 9, "opens": "08:00", "closes": "17:00"}]}, "hours.0.weekday"),
        ({"hours": 5}, "hours"),
        ({"hours": [{"weekday": 0}] * 51}, "hours.0.opens"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_value_is_named(town: Town, changes: dict[str, Any], field: str) -> None:
    response = send(sign_in(town.planner), "post", "/api/stations", kiosk(town, **changes))
    assert field in error_of(response, 400, "invalid")["fields"]
    assert not Station.objects.exists()


def test_hours_that_overlap_are_refused(town: Town) -> None:
    hours = [
        {"weekday": 0, "opens": "08:00", "closes": "12:00"},
        {"weekday": 0, "opens": "11:00", "closes": "17:00"},
    ]
    response = send(sign_in(town.planner), "post", "/api/stations", kiosk(town, hours=hours))
    error_of(response, 409, "hours_overlap")


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.OFFICER])
def test_other_roles_do_not_write(town: Town, role: Role) -> None:
    station = make.station(town.west, *place(-50, 0))
    client = sign_in(make.user(role, town.west))
    assert client.get(f"/api/stations/{station.pk}").status_code == 200
    address = f"/api/stations/{station.pk}"
    error_of(send(client, "patch", address, {"name": "x"}), 403, "permission_denied")
    error_of(send(client, "post", f"{address}/close", {"reason": "x"}), 403, "permission_denied")
    error_of(send(client, "post", f"{address}/reopen", {}), 403, "permission_denied")


def test_other_scopes_do_not_exist(town: Town) -> None:
    station = make.station(town.east, *place(100, 0))
    address = f"/api/stations/{station.pk}"
    for user in (
        make.user(Role.PLANNER, town.west),
        make.user(Role.OFFICER, town.west),
        build_town("other").planner,
    ):
        client = sign_in(user)
        error_of(client.get(address), 404, "not_found")
    planner = sign_in(make.user(Role.PLANNER, town.west))
    error_of(send(planner, "patch", address, {"name": "x"}), 404, "not_found")
    error_of(send(planner, "post", f"{address}/close", {"reason": "x"}), 404, "not_found")
    error_of(send(Client(), "post", f"{address}/close", {}), 401, "not_authenticated")
