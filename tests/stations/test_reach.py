"""Reach and coverage on the tiny town: blocks of 100 m, walked at 1 m/s, counted by hand."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import shapely
from django.test import Client

from bureau.models import Role, RuleSet
from tests import make
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path: Any, settings: Any) -> Town:
    settings.VAR_DIR = tmp_path
    town = build_town()
    # 255 m at 1 m/s, so that the figures can be counted on the fingers
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=date(2020, 1, 6), values={"reach_s": 255, "walking_mps": 1}
    )
    return town


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, address: str, body: Any) -> Any:
    return client.post(address, json.dumps(body), content_type="application/json")


def by_code(body: dict[str, Any]) -> dict[str, Any]:
    return {row["code"]: row for row in body["hotspots"]}


def test_hotspots_are_reached_by_walking_time_along_streets(town: Town) -> None:
    # The kiosk stands at the crossing C1, the western end of street C.
    kiosk = make.station(town.west, *place(-200, 0), code="K1", name="Kiosk 1")
    make.hotspot(town.west, town.blocks["C1-C2"], code="near")  # its middle: 50 m
    make.hotspot(town.west, town.blocks["C3-C4"], code="edge")  # 250 m, just within
    make.hotspot(town.east, town.blocks["C4-C5"], code="far")  # 350 m
    # E1-E2: 200 m north, then 50 m east, 250 m on foot; as the crow flies 206 m
    make.hotspot(town.west, town.blocks["E1-E2"], town.blocks["E2-E3"], code="half")
    body = sign_in(town.planner).get("/api/coverage").json()
    rows = by_code(body)
    assert body["counts"] == {"reached": 2, "partly": 1, "not_reached": 1}
    assert {code: row["state"] for code, row in rows.items()} == {
        "near": "reached",
        "edge": "reached",
        "half": "partly",
        "far": "not_reached",
    }
    assert {code: row["seconds"] for code, row in rows.items()} == {
        "near": pytest.approx(50, abs=1),
        "edge": pytest.approx(250, abs=1),
        "half": pytest.approx(250, abs=1),
        "far": pytest.approx(350, abs=1),
    }
    assert rows["half"]["share"] == pytest.approx(0.5, abs=0.01)
    assert rows["far"]["nearest"] == {"id": kiosk.pk, "name": "Kiosk 1"}
    assert rows["far"]["bounds"] == pytest.approx([*place(100, 0), *place(200, 0)])
    assert body["hotspots"][0]["code"] == "far"  # worst first


def test_the_rules_come_with_their_source(town: Town) -> None:
    rules = sign_in(town.planner).get("/api/coverage").json()["rules"]
    assert (rules["reach_s"], rules["reach_m"], rules["since"]) == (255, 255, "2020-01-06")
    RuleSet.objects.all().delete()
    rules = sign_in(town.planner).get("/api/coverage").json()["rules"]
    assert (rules["reach_s"], rules["walking_mps"], rules["reach_m"]) == (720, 1.1, 792)
    assert rules["source"] == "our default, no standard"
    assert rules["since"] is None


def test_closed_stations_and_hotspots_do_not_count(town: Town) -> None:
    make.station(town.west, *place(-200, 0), closed_on=date(2026, 1, 5))
    make.hotspot(town.west, town.blocks["C1-C2"], code="near")
    make.hotspot(town.west, town.blocks["C1-C2"], code="old", closed_on=date(2026, 1, 5))
    body = sign_in(town.planner).get("/api/coverage").json()
    assert body["stations"] == 0
    assert list(by_code(body)) == ["near"]
    row = by_code(body)["near"]
    assert (row["state"], row["nearest"], row["seconds"]) == ("not_reached", None, None)


def test_a_squad_counts_its_own_stations_on_its_own_hotspots(town: Town) -> None:
    make.station(town.east, *place(100, 0), code="E")
    make.hotspot(town.west, town.blocks["C3-C4"], code="west")
    make.hotspot(town.east, town.blocks["C4-C5"], code="east")
    for user in (make.user(Role.PLANNER, town.west), make.user(Role.OFFICER, town.west)):
        body = sign_in(user).get("/api/coverage").json()
        assert {code: row["state"] for code, row in by_code(body).items()} == {
            "west": "not_reached"
        }
    client = sign_in(town.planner)
    assert by_code(client.get("/api/coverage").json())["west"]["state"] == "reached"
    west_only = client.get(f"/api/coverage?unit={town.west.pk}").json()
    assert list(by_code(west_only)) == ["west"]
    brigade = client.get(f"/api/coverage?unit={town.brigade.pk}").json()
    assert set(by_code(brigade)) == {"west", "east"}


def test_the_reach_is_a_shape_along_streets(town: Town) -> None:
    kiosk = make.station(town.west, *place(0, 0), code="K1")
    client = sign_in(town.planner)
    feature = client.get(f"/api/stations/{kiosk.pk}/reach").json()
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    # 150 m along streets is inside; the corner E5, 400 m on foot and 283 m by air, is not.
    assert shape.covers(shapely.Point(place(100, 50)))
    assert not shape.covers(shapely.Point(place(200, 200)))
    collection = client.get("/api/stations/reach").json()
    assert [one["properties"]["station"] for one in collection["features"]] == [kiosk.pk]
    assert collection["features"][0]["geometry"] == feature["geometry"]


def test_the_ground_covered_is_what_any_station_reaches(town: Town) -> None:
    make.station(town.west, *place(-200, 0), code="A")
    make.station(town.east, *place(200, 0), code="B")
    found = sign_in(town.planner).get("/api/stations/reach").json()
    covered = shapely.from_geojson(json.dumps(found["covered"]))
    for feature in found["features"]:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert covered.area < 1.9 * shape.area  # they overlap, and that ground counts once
        assert covered.buffer(1e-6).covers(shape)


def test_a_station_far_from_streets_says_why_and_spoils_nothing(town: Town) -> None:
    town.jurisdiction.delete()
    make.station(town.west, *place(0, 0), code="A")
    make.station(town.west, *place(5000, 0), code="B")
    found = sign_in(town.planner).get("/api/stations/reach").json()
    features = found["features"]
    assert features[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert features[0]["geometry"] == found["covered"]
    assert features[1]["geometry"] is None
    assert "1 km" in features[1]["properties"]["why"]


def test_a_tried_place_shows_what_it_would_change(town: Town) -> None:
    kiosk = make.station(town.west, *place(-200, 0), code="K1")
    make.hotspot(town.east, town.blocks["C4-C5"], code="far")
    make.hotspot(town.west, town.blocks["C1-C2"], code="near")
    client = sign_in(town.planner)
    lon, lat = place(200, 0)
    body = send(client, "/api/reach", {"lon_deg": lon, "lat_deg": lat}).json()
    assert body["coverage"]["counts"] == {"reached": 2, "partly": 0, "not_reached": 0}
    assert by_code(body["coverage"])["far"]["nearest"] is None  # the tried place itself
    shape = shapely.from_geojson(json.dumps(body["geometry"]))
    assert shape.covers(shapely.Point(place(150, 0)))
    moved = send(client, "/api/reach", {"lon_deg": lon, "lat_deg": lat, "station": kiosk.pk})
    rows = by_code(moved.json()["coverage"])
    assert (rows["far"]["state"], rows["near"]["state"]) == ("reached", "not_reached")
    kiosk.refresh_from_db()
    assert (kiosk.geometry.x, kiosk.geometry.y) == place(-200, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"lon_deg": "x", "lat_deg": 30}, 400),
        ({"lon_deg": 120, "lat_deg": 91}, 400),
        ({"lon_deg": 120, "lat_deg": 30, "station": 0}, 404),
        ({"lon_deg": 10, "lat_deg": 50}, 422),
        ([], 400),
    ],
)
def test_a_place_that_cannot_be_tried(town: Town, body: Any, status: int) -> None:
    response = send(sign_in(town.planner), "/api/reach", body)
    assert response.status_code == status, response.content
    assert response.json()["error"]["message"]


def test_without_streets_the_answer_says_what_to_do() -> None:
    planner = make.user(Role.PLANNER, make.unit(make.bureau()))
    make.station(planner.unit, 120.0, 30.0)
    client = sign_in(planner)
    feature = client.get("/api/stations/reach").json()["features"][0]
    assert feature["geometry"] is None
    assert feature["properties"]["why"]
    error = send(client, "/api/reach", {"lon_deg": 120.0, "lat_deg": 30.0}).json()["error"]
    assert error["message"]


def test_other_scopes_have_no_reach(town: Town) -> None:
    kiosk = make.station(town.east, *place(100, 0))
    address = f"/api/stations/{kiosk.pk}/reach"
    assert Client().get(address).status_code == 401
    assert sign_in(make.user(Role.PLANNER, town.west)).get(address).status_code == 404
    stranger = make.user(Role.PLANNER, make.unit(make.bureau()))
    assert sign_in(stranger).get(address).status_code == 404
    nothing = sign_in(stranger).get("/api/stations/reach").json()
    assert nothing["features"] == []
    assert shapely.from_geojson(json.dumps(nothing["covered"])).is_empty
    for path in ("/api/coverage", "/api/stations/reach"):
        assert Client().get(path).status_code == 401
        assert sign_in(town.planner).get(f"{path}?unit=west").status_code == 400
    assert send(Client(), "/api/reach", {}).status_code == 401
