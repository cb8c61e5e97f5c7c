"""Areas, hotspots and routes over the API: what is given, to whom, and every refusal."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest
from django.contrib.gis.geos import MultiLineString
from django.test import Client

from bureau.models import Role
from geo.models import Area, AreaKind, Grade, Hotspot, HotspotWindow
from patrols.models import PatrolRoute
from tests import make
from tests.world import Town, build_town, place, rectangle

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


def error_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The error of a response, whose shape and status are as they should be."""
    assert response.status_code == status, response.content
    error: dict[str, Any] = response.json()["error"]
    assert set(error) <= {"code", "message", "fields"}
    assert error["code"] == code, error
    assert error["message"]
    for sentences in error.get("fields", {}).values():
        assert all(isinstance(sentence, str) for sentence in sentences)
    return error


def beat(town: Town, **changes: Any) -> dict[str, Any]:
    """A beat as a client sends it: 200 m by 200 m, inside the town."""
    ring = [list(corner) for corner in rectangle(-200, -200, 0, 0)]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    properties = {"unit": town.west.pk, "kind": "beat", "code": "B9", "name": "Beat 9"}
    return {
        "type": "Feature",
        "geometry": changes.pop("geometry", geometry),
        "properties": properties | changes,
    }


def route(town: Town, **changes: Any) -> dict[str, Any]:
    """A route of 300 m along street C."""
    geometry = {"type": "LineString", "coordinates": [place(-200, 0), place(100, 0)]}
    properties = {"unit": town.west.pk, "code": "R9", "name": "Route 9"}
    return {
        "type": "Feature",
        "geometry": changes.pop("geometry", geometry),
        "properties": properties | changes,
    }


def hotspot(town: Town, **changes: Any) -> dict[str, Any]:
    """A hotspot of two blocks with one window."""
    return {
        "unit": town.west.pk,
        "code": "H9",
        "name": "School gate",
        "grade": "first",
        "segments": [town.blocks["C1-C2"].pk, town.blocks["C2-C3"].pk],
        "windows": [{"weekday": 0, "starts": "07:30", "ends": "08:15", "required_visits": 2}],
    } | changes


# Reading


def test_the_areas_are_one_collection(town: Town) -> None:
    response = sign_in(town.planner).get("/api/areas")
    assert response["Content-Type"] == "application/geo+json"
    body = response.json()
    assert body["type"] == "FeatureCollection"
    assert (body["numberMatched"], body["numberReturned"], body["next"]) == (3, 3, None)
    first = body["features"][0]
    assert first["id"] == first["properties"]["id"] == town.jurisdiction.pk
    assert first["properties"] == {
        "id": town.jurisdiction.pk,
        "kind": "jurisdiction",
        "code": "town",
        "name": town.jurisdiction.name,
        "unit": town.top.pk,
    }
    assert first["geometry"]["type"] == "MultiPolygon"
    assert first["geometry"]["coordinates"][0][0][0] == pytest.approx(place(-400, -400))


def test_hotspots_come_with_segments_and_windows(town: Town) -> None:
    spot = make.hotspot(town.west, town.blocks["C1-C2"], code="H1", grade=Grade.FIRST)
    HotspotWindow.objects.create(
        hotspot=spot, weekday=4, starts=time(18, 0), ends=time(21, 0), required_visits=3
    )
    one = sign_in(town.planner).get(f"/api/hotspots/{spot.pk}").json()["properties"]
    listed = sign_in(town.planner).get("/api/hotspots").json()["features"][0]["properties"]
    window = {"weekday": 4, "starts": "18:00:00", "ends": "21:00:00", "required_visits": 3}
    for properties in (one, listed):
        assert properties["segments"] == [town.blocks["C1-C2"].pk]
        assert properties["windows"] == [window]
        assert properties["grade"] == "first"


def test_pages_follow_each_other_and_lose_nothing(town: Town) -> None:
    for number in range(5):
        make.hotspot(town.west, town.blocks["C1-C2"], code=f"H{number}")
    client = sign_in(town.planner)
    codes: list[str] = []
    address: str | None = "/api/hotspots?limit=2"
    while address:
        body = client.get(address).json()
        assert body["numberMatched"] == 5
        codes += [feature["properties"]["code"] for feature in body["features"]]
        address = body["next"]
    assert codes == ["H0", "H1", "H2", "H3", "H4"]


def test_lists_are_filtered(town: Town) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"], code="west", grade=Grade.FIRST)
    make.hotspot(town.east, town.blocks["C4-C5"], code="east")
    make.hotspot(town.east, town.blocks["C4-C5"], code="old", closed_on=date(2026, 1, 5))
    client = sign_in(town.planner)

    def codes(query: str) -> set[str]:
        features = client.get(f"/api/hotspots?{query}").json()["features"]
        return {feature["properties"]["code"] for feature in features}

    assert codes("") == {"west", "east"}
    assert codes("state=all") == {"west", "east", "old"}
    assert codes("state=closed") == {"old"}
    assert codes("grade=first") == {"west"}
    assert codes(f"unit={town.east.pk}") == {"east"}
    west, south, east, north = (*place(-210, -10), *place(-90, 10))
    assert codes(f"bbox={west},{south},{east},{north}") == {"west"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=many", "limit"),
        ("limit=²", "limit"),
        ("after=-1", "after"),
        ("after=99999999999999999999", "after"),
        ("unit=west", "unit"),
        ("state=gone", "state"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=3,2,1,4", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("colour=red", "colour"),
    ],
)
def test_a_wrong_parameter_is_named(town: Town, query: str, field: str) -> None:
    error = error_of(sign_in(town.planner).get(f"/api/hotspots?{query}"), 400, "invalid")
    assert list(error["fields"]) == [field]


def test_an_officer_reads_what_concerns_the_own_squad(town: Town) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"], code="west")
    other = make.hotspot(town.east, town.blocks["C4-C5"], code="east")
    client = sign_in(make.user(Role.OFFICER, town.west))
    features = client.get("/api/hotspots").json()["features"]
    assert [feature["properties"]["code"] for feature in features] == ["west"]
    error_of(client.get(f"/api/hotspots/{other.pk}"), 404, "not_found")


# Writing


def test_a_planner_draws_a_beat(town: Town) -> None:
    response = send(sign_in(town.planner), "post", "/api/areas", beat(town))
    assert response.status_code == 201, response.content
    area = Area.objects.get(code="B9")
    assert response.json()["id"] == area.pk
    assert (area.bureau, area.unit) == (town.bureau, town.west)
    assert area.geometry.geom_type == "MultiPolygon"
    assert area.geometry.coords[0][0][0] == pytest.approx(place(-200, -200))


def test_a_third_dimension_is_dropped(town: Town) -> None:
    line = [[*place(-200, 0), 12.5], [*place(100, 0), 13.5]]
    body = route(town, geometry={"type": "LineString", "coordinates": line})
    assert send(sign_in(town.planner), "post", "/api/routes", body).status_code == 201
    assert not PatrolRoute.objects.get().geometry.hasz


def test_a_hotspot_lies_on_its_segments(town: Town) -> None:
    response = send(sign_in(town.planner), "post", "/api/hotspots", hotspot(town))
    assert response.status_code == 201, response.content
    spot = Hotspot.objects.get()
    assert set(spot.segments.all()) == {town.blocks["C1-C2"], town.blocks["C2-C3"]}
    assert spot.geometry == MultiLineString(
        town.blocks["C1-C2"].geometry, town.blocks["C2-C3"].geometry, srid=4326
    )
    assert spot.windows.get().required_visits == 2


def test_a_patch_changes_only_what_it_names(town: Town) -> None:
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/hotspots", hotspot(town)).json()["id"]
    changed = send(client, "patch", f"/api/hotspots/{pk}", {"grade": "third"})
    assert changed.status_code == 200
    spot = Hotspot.objects.get()
    assert (spot.grade, spot.name, spot.windows.count()) == ("third", "School gate", 1)
    send(client, "patch", f"/api/hotspots/{pk}", {"windows": []})
    assert spot.windows.count() == 0
    assert spot.segments.count() == 2


def test_hotspots_and_routes_are_closed_not_deleted(town: Town) -> None:
    spot = make.hotspot(town.west, town.blocks["C1-C2"])
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/routes", route(town)).json()["id"]
    for address, act, field in (
        (f"/api/hotspots/{spot.pk}", "close", "closed_on"),
        (f"/api/routes/{pk}", "retire", "retired_on"),
    ):
        error = error_of(client.delete(address), 405, "method_not_allowed")
        assert "Close it instead" in error["message"]
        error = error_of(
            send(client, "post", f"{address}/{act}", {"on": "2999-01-01"}), 400, "invalid"
        )
        assert "on" in error["fields"]
        closed = send(client, "post", f"{address}/{act}", {"on": "2026-03-02"})
        assert closed.json()["properties"][field] == "2026-03-02"
        again = error_of(send(client, "post", f"{address}/{act}", {}), 409, "already_closed")
        assert "2026-03-02" in again["message"]
    assert client.get("/api/routes").json()["features"] == []
    assert len(client.get("/api/routes?state=closed").json()["features"]) == 1


# Refusals

LISTS = ["areas", "hotspots", "routes", "stations"]


@pytest.mark.parametrize("name", LISTS)
def test_anonymous_visitors_get_nothing(town: Town, name: str) -> None:
    for response in (
        Client().get(f"/api/{name}"),
        send(Client(), "post", f"/api/{name}", {}),
        Client().get(f"/api/{name}/1"),
        send(Client(), "patch", f"/api/{name}/1", {}),
    ):
        error_of(response, 401, "not_authenticated")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.OFFICER])
def test_other_roles_only_read(town: Town, name: str, role: Role) -> None:
    client = sign_in(make.user(role, town.top))
    assert client.get(f"/api/{name}").status_code == 200
    error = error_of(send(client, "post", f"/api/{name}", {}), 403, "permission_denied")
    assert "Ask one of them" in error["message"]
    error_of(
        send(client, "patch", f"/api/areas/{town.west_beat.pk}", {"name": "Mine"}),
        403,
        "permission_denied",
    )


def test_another_bureaus_places_do_not_exist(town: Town) -> None:
    spot = make.hotspot(town.west, town.blocks["C1-C2"])
    stranger = sign_in(make.user(Role.PLANNER, make.unit(make.bureau())))
    for address in (f"/api/areas/{town.west_beat.pk}", f"/api/hotspots/{spot.pk}"):
        error_of(stranger.get(address), 404, "not_found")
        error_of(send(stranger, "patch", address, {"name": "Mine"}), 404, "not_found")
    error_of(send(stranger, "post", f"/api/hotspots/{spot.pk}/close", {}), 404, "not_found")
    spot.refresh_from_db()
    assert spot.closed_on is None


def test_a_squads_planner_keeps_to_the_squad(town: Town) -> None:
    client = sign_in(make.user(Role.PLANNER, town.west))
    assert send(client, "post", "/api/areas", beat(town)).status_code == 201
    error = error_of(
        send(client, "post", "/api/areas", beat(town, unit=town.east.pk)), 400, "invalid"
    )
    assert list(error["fields"]) == ["unit"]
    error_of(
        send(client, "patch", f"/api/areas/{town.east_beat.pk}", {"name": "Mine"}),
        404,
        "not_found",
    )


def test_a_squads_planner_sees_the_jurisdiction_and_cannot_change_it(town: Town) -> None:
    client = sign_in(make.user(Role.PLANNER, town.west))
    address = f"/api/areas/{town.jurisdiction.pk}"
    assert client.get(address).status_code == 200
    for change in ({"name": "Mine"}, {"unit": town.west.pk}, {"kind": "beat"}):
        error_of(send(client, "patch", address, change), 403, "not_yours")
    own = beat(town, kind="jurisdiction")
    error_of(send(client, "post", "/api/areas", own), 403, "not_yours")
    assert Area.objects.filter(kind=AreaKind.JURISDICTION).count() == 1


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        # 1,000 m east of the town's middle; the jurisdiction ends at 400 m
        ({"type": "LineString", "coordinates": [place(1000, 0), place(1300, 0)]}, "outside"),
        # half in, half out
        ({"type": "LineString", "coordinates": [place(0, 0), place(800, 0)]}, "partly_outside"),
        ({"type": "LineString", "coordinates": [place(0, 0), place(10, 0)]}, "size"),
        ({"type": "Point", "coordinates": place(0, 0)}, "type"),
        ({"type": "LineString", "coordinates": [[30.0, 120.0], [30.01, 120.0]]}, "swapped"),
        (
            {"type": "LineString", "coordinates": [[500000, 3300000], [500300, 3300000]]},
            "not_degrees",
        ),
        ({"type": "LineString", "coordinates": []}, "empty"),
        ({"type": "LineString", "coordinates": [[0, 0], [0, 0.001]]}, "at_zero"),
    ],
)
def test_a_route_must_be_a_line_inside_the_town(
    town: Town, geometry: dict[str, Any], code: str
) -> None:
    response = send(sign_in(town.planner), "post", "/api/routes", route(town, geometry=geometry))
    error_of(response, 422, f"geometry_{code}")
    assert not PatrolRoute.objects.exists()


def test_a_beat_that_crosses_itself_is_refused(town: Town) -> None:
    bow_tie = [place(-200, -200), place(0, 0), place(0, -200), place(-200, 0), place(-200, -200)]
    body = beat(town, geometry={"type": "Polygon", "coordinates": [bow_tie]})
    error = error_of(
        send(sign_in(town.planner), "post", "/api/areas", body), 422, "geometry_invalid"
    )
    assert "Self-intersection" in error["message"]


def test_another_crs_is_refused(town: Town) -> None:
    geometry = {
        "type": "LineString",
        "coordinates": [[500000, 3300000], [500300, 3300000]],
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}},
    }
    response = send(sign_in(town.planner), "post", "/api/routes", route(town, geometry=geometry))
    assert "4549" in error_of(response, 422, "geometry_crs")["message"]


def test_without_a_jurisdiction_nothing_is_outside(town: Town) -> None:
    town.jurisdiction.delete()
    far = {"type": "LineString", "coordinates": [place(1000, 0), place(1300, 0)]}
    body = route(town, geometry=far)
    assert send(sign_in(town.planner), "post", "/api/routes", body).status_code == 201


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        5,
        "POINT (120 30)",
        [],
        {},
        {"type": "Point"},
        {"type": "Point", "coordinates": [120]},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Point", "coordinates": None},
        {"type": "LineString", "coordinates": [[120, 30]]},
        {"type": "Polygon", "coordinates": [[[120, 30], [120.001, 30]]]},
        {"type": "Circle", "coordinates": [120, 30]},
        {"type": "GeometryCollection", "geometries": []},
    ],
)
def test_what_is_no_geojson_geometry_is_refused(town: Town, geometry: Any) -> None:
    for name, body in (("areas", beat(town)), ("routes", route(town))):
        body["geometry"] = geometry
        response = send(sign_in(town.planner), "post", f"/api/{name}", body)
        assert response.status_code in (400, 422), response.content
        assert response.json()["error"]["message"]
    assert not PatrolRoute.objects.exists()
    assert Area.objects.count() == 3


@pytest.mark.parametrize(
    "body", [5, "text", [], [1], None, {"properties": None}, {"properties": []}, {}]
)
def test_what_is_no_feature_is_refused(town: Town, body: Any) -> None:
    client = sign_in(town.planner)
    for name in ("areas", "routes", "hotspots", "stations"):
        error_of(send(client, "post", f"/api/{name}", body), 400, "invalid")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "x" * 61}, "code"),
        ({"code": None}, "code"),
        ({"code": {"a": 1}}, "code"),
        ({"name": "bad\x00name"}, "name"),
        ({"grade": "fourth"}, "grade"),
        ({"unit": "west"}, "unit"),
        ({"unit": 10**30}, "unit"),
        ({"segments": []}, "segments"),
        ({"segments": [0]}, "segments"),
        ({"segments": "all"}, "segments"),
        ({"windows": {}}, "windows"),
        ({"windows": [{"weekday": 7, "starts": "07:00", "ends": "08:00"}]}, "windows.0.weekday"),
        ({"windows": [{"weekday": 1, "starts": "22:00", "ends": "02:00"}]}, "windows.0.ends"),
        ({"windows": [{"weekday": 1, "starts": "7 am", "ends": "08:00"}]}, "windows.0.starts"),
        (
            {
                "windows": [
                    {"weekday": 1, "starts": "07:00", "ends": "08:00", "required_visits": -1}
                ]
            },
            "windows.0.required_visits",
        ),
    ],
)
def test_a_wrong_value_is_named(town: Town, changes: dict[str, Any], field: str) -> None:
    response = send(sign_in(town.planner), "post", "/api/hotspots", hotspot(town, **changes))
    error = error_of(response, 400, "invalid")
    assert field in error["fields"]
    assert not Hotspot.objects.exists()


def test_another_bureaus_streets_are_no_hotspot(town: Town) -> None:
    foreign = make.segment(make.bureau(), place(0, 0), place(100, 0), length_m=100)
    response = send(
        sign_in(town.planner), "post", "/api/hotspots", hotspot(town, segments=[foreign.pk])
    )
    assert "segments" in error_of(response, 400, "invalid")["fields"]


def test_a_code_is_given_once(town: Town) -> None:
    client = sign_in(town.planner)
    for name, body in (
        ("areas", beat(town)),
        ("hotspots", hotspot(town)),
        ("routes", route(town)),
    ):
        assert send(client, "post", f"/api/{name}", body).status_code == 201
        error_of(send(client, "post", f"/api/{name}", body), 409, "code_taken")
    # The same code in another bureau is another place.
    other = build_town("other")
    assert send(sign_in(other.planner), "post", "/api/routes", route(other)).status_code == 201


def test_a_hotspot_that_cannot_be_stored_leaves_nothing(town: Town) -> None:
    client = sign_in(town.planner)
    pk = send(client, "post", "/api/hotspots", hotspot(town)).json()["id"]
    make.hotspot(town.west, town.blocks["C1-C2"], code="taken")
    error_of(
        send(client, "patch", f"/api/hotspots/{pk}", {"code": "taken", "windows": []}),
        409,
        "code_taken",
    )
    assert Hotspot.objects.get(pk=pk).windows.count() == 1


@pytest.mark.parametrize("body", ["{", "", '{"code": NaN}', "\xff"])
def test_a_body_that_is_no_json_says_so(town: Town, body: str) -> None:
    response = sign_in(town.planner).post(
        "/api/routes", body.encode("latin-1"), content_type="application/json"
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] in ("parse_error", "invalid")


def test_another_media_type_is_refused(town: Town) -> None:
    response = sign_in(town.planner).post("/api/routes", {"code": "R1"})
    error_of(response, 415, "unsupported_media_type")


def test_a_body_over_the_limit_is_refused(town: Town, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = route(town, name="x" * 2000)
    error_of(send(sign_in(town.planner), "post", "/api/routes", body), 413, "too_large")


def test_a_form_token_is_asked_for(town: Town) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(town.planner)
    error_of(send(client, "post", "/api/routes", route(town)), 403, "csrf_failed")


def test_a_user_without_a_bureau_sees_nothing(town: Town) -> None:
    loose = make.user(Role.PLANNER, town.top, unit=None, bureau_id=None)
    client = sign_in(loose)
    assert client.get("/api/areas").json()["features"] == []
    error_of(send(client, "post", "/api/areas", beat(town)), 400, "invalid")


def test_a_deactivated_account_is_out(town: Town) -> None:
    client = sign_in(town.planner)
    town.planner.is_active = False
    town.planner.save()
    error_of(client.get("/api/areas"), 401, "not_authenticated")


def test_an_unknown_address_answers_in_the_same_shape(town: Town) -> None:
    error_of(sign_in(town.planner).get("/api/kiosks"), 404, "not_found")


def test_the_schema_names_every_endpoint(town: Town) -> None:
    client = sign_in(town.planner)
    text = client.get("/api/schema").content.decode()
    for address in ("/api/areas", "/api/hotspots/{id}/close", "/api/routes", "/api/stations"):
        assert f"{address}:" in text
    page = client.get("/api/docs").content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert Client().get("/api/schema").status_code == 401
