"""Vector tiles: what is in them, who sees what, and how they are cached.

The tiles are read back with GDAL's own reader, which takes z/x/y from the file's path and gives
Web Mercator coordinates: an oracle that is not PostGIS.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.gis.gdal import DataSource
from django.test import Client

from bureau.models import Role
from geo import queries
from geo.models import AreaKind, ImportRun
from tests import make
from tests.world import ORIGIN, Town, build_town, place, rectangle

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


def tile_of(lon_deg: float, lat_deg: float, z: int) -> tuple[int, int, int]:
    """The address of the tile that holds a place (the slippy-map formula)."""
    x = int((lon_deg + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(lat_deg))) / math.pi) / 2 * 2**z)
    return z, x, y


def read_tile(body: bytes, address: tuple[int, int, int], folder: Path) -> list[dict[str, Any]]:
    """The features of a one-layer tile: their fields, and `shape`, WKT in Web Mercator."""
    z, x, y = address
    file = folder / str(z) / str(x) / f"{y}.mvt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    layer = DataSource(str(file))[0]
    return [
        {name: feature.get(name) for name in layer.fields} | {"shape": feature.geom.geos}
        for feature in layer
    ]


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def imported(town: Town) -> None:
    """Leave the line that an import of streets leaves."""
    ImportRun.objects.create(bureau=town.bureau, kind="roads", file_name="x", sha256="0" * 64)


def get_tile(client: Client, layer: str, z: int = 15, at: tuple[float, float] = ORIGIN) -> Any:
    z, x, y = tile_of(*at, z)
    return client.get(f"/api/tiles/{layer}/{z}/{x}/{y}.mvt")


def names(client: Client, layer: str, folder: Path, z: int = 15) -> set[str]:
    """The names in the tiles of a layer that hold the town (its middle lies on a tile's edge)."""
    found: set[str] = set()
    for east_m in (-200, 200):
        for north_m in (-200, 200):
            address = tile_of(*place(east_m, north_m), z)
            response = client.get(f"/api/tiles/{layer}/{'/'.join(map(str, address))}.mvt")
            if response.status_code == 200:
                found |= {row["name"] for row in read_tile(response.content, address, folder)}
    return found


def test_a_street_is_where_it_is_with_its_properties(town: Town, tmp_path: Path) -> None:
    response = get_tile(sign_in(town.dispatcher), "streets", 16, place(130, 0))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
    rows = read_tile(response.content, tile_of(*place(130, 0), 16), tmp_path)
    block = town.blocks["C4-C5"]
    row = next(row for row in rows if row["id"] == block.pk)
    assert row["name"] == "C Street"
    assert row["kind"] == "residential"
    assert row["class"] == "minor"
    lon_deg, lat_deg = place(100, 0)
    radius_m = 6_378_137.0  # spherical Mercator, EPSG:3857
    starts = (
        radius_m * math.radians(lon_deg),
        radius_m * math.log(math.tan(math.pi / 4 + math.radians(lat_deg) / 2)),
    )
    # One tile unit at zoom 16 is 40,075,017 m / 65,536 / 4,096 = 0.15 m.
    assert row["shape"].coords[0][0] == pytest.approx(starts[0], abs=0.3)
    assert row["shape"].coords[0][1] == pytest.approx(starts[1], abs=0.3)


def test_below_zoom_13_blocks_of_one_street_are_one_feature(town: Town, tmp_path: Path) -> None:
    client = sign_in(town.dispatcher)
    address = tile_of(*place(-100, 100), 12)
    response = get_tile(client, "streets", 12, place(-100, 100))
    rows = read_tile(response.content, address, tmp_path)
    assert all("id" not in row for row in rows)
    assert len(rows) == len({row["name"] for row in rows})


def test_small_streets_leave_the_map_at_low_zooms(town: Town) -> None:
    client = sign_in(town.dispatcher)
    assert get_tile(client, "streets", 12).status_code == 200
    assert get_tile(client, "streets", 11).status_code == 204
    town.blocks["C3-C4"].kind = "street"  # a source's own word: drawn as a medium street
    town.blocks["C3-C4"].save()
    imported(town)
    assert get_tile(client, "streets", 11).status_code == 200
    assert get_tile(client, "streets", 9).status_code == 204


def test_low_zooms_are_built_once_after_each_import(town: Town, tmp_path: Path) -> None:
    client = sign_in(town.dispatcher)
    at = place(-100, 100)
    before = get_tile(client, "streets", 12, at).content
    for block in town.blocks.values():
        block.retired_at = datetime(2026, 3, 2, tzinfo=UTC)
        block.save()
    assert get_tile(client, "streets", 12, at).content == before
    imported(town)
    assert get_tile(client, "streets", 12, at).status_code == 204
    # Another bureau at the same place has its own.
    stranger = make.user(Role.PLANNER, make.unit(make.bureau()))
    assert get_tile(sign_in(stranger), "streets", 12, at).status_code == 204


def test_a_retired_street_is_gone(town: Town) -> None:
    for block in town.blocks.values():
        block.retired_at = datetime(2026, 3, 2, tzinfo=UTC)
        block.save()
    assert get_tile(sign_in(town.dispatcher), "streets").status_code == 204


def test_each_layer_shows_its_places_and_properties(town: Town, tmp_path: Path) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"], code="H1", name="Market")
    make.station(town.west, *place(-50, 50), code="K1", name="Kiosk 1")
    make.station(
        town.west, *place(-60, 60), code="K2", name="Old kiosk", closed_on=date(2026, 1, 5)
    )
    client = sign_in(town.planner)
    wanted = {
        "hotspots": {"id", "code", "name", "grade"},
        "areas": {"id", "kind", "code", "name"},
        "stations": {"id", "code", "name", "kind", "open"},
    }
    at = place(-50, 50)
    for layer, fields in wanted.items():
        body = get_tile(client, layer, 14, at).content
        rows = read_tile(body, tile_of(*at, 14), tmp_path / layer)
        assert fields <= set(rows[0]), layer
    rows = read_tile(
        get_tile(client, "stations", 14, at).content, tile_of(*at, 14), tmp_path / "again"
    )
    assert {row["code"]: bool(row["open"]) for row in rows} == {"K1": True, "K2": False}


def test_a_squad_sees_its_own_places_and_the_jurisdiction(town: Town, tmp_path: Path) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"], name="West market")
    make.hotspot(town.east, town.blocks["C4-C5"], name="East market")
    town.west_beat.name, town.east_beat.name, town.jurisdiction.name = "West", "East", "Town"
    for area in (town.west_beat, town.east_beat, town.jurisdiction):
        area.save()
    for role in (Role.SUPERVISOR, Role.OFFICER):
        client = sign_in(make.user(role, town.west))
        assert names(client, "hotspots", tmp_path) == {"West market"}
        assert names(client, "areas", tmp_path) == {"West", "Town"}
    assert names(sign_in(town.planner), "hotspots", tmp_path) == {"West market", "East market"}
    # An officer of the brigade itself is not a chief of its squads.
    assert names(sign_in(make.user(Role.OFFICER, town.brigade)), "hotspots", tmp_path) == set()


@pytest.mark.parametrize("layer", ["streets", "areas", "hotspots", "stations", "routes"])
def test_another_bureau_sees_nothing_of_this_one(town: Town, layer: str) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"])
    make.station(town.west, *place(-50, 50))
    make.area(town.top, rectangle(-300, -300, 300, 300), AreaKind.GRID_CELL)
    stranger = make.user(Role.ADMINISTRATOR, make.unit(make.bureau()))
    assert get_tile(sign_in(stranger), layer).status_code == 204


@pytest.mark.parametrize("layer", ["streets", "areas", "hotspots", "stations", "routes"])
def test_without_an_account_there_are_no_tiles(town: Town, layer: str) -> None:
    response = get_tile(Client(), layer)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "not_authenticated"


def test_a_user_without_a_unit_sees_no_streets(town: Town) -> None:
    loose = make.user(Role.DISPATCHER, town.top, unit=None)
    for layer in ("streets", "areas", "hotspots", "stations", "routes"):
        assert get_tile(sign_in(loose), layer).status_code == 204


@pytest.mark.parametrize("address", ["3/8/0", "3/0/8", "23/0/0"])
def test_an_address_outside_the_pyramid_is_not_found(town: Town, address: str) -> None:
    response = sign_in(town.dispatcher).get(f"/api/tiles/streets/{address}.mvt")
    assert response.status_code == 404
    assert "There is no tile" in response.json()["error"]["message"]


def test_an_unknown_layer_names_itself(town: Town) -> None:
    response = sign_in(town.dispatcher).get("/api/tiles/people/3/0/0.mvt")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_an_unchanged_tile_is_not_sent_again(town: Town) -> None:
    client = sign_in(town.dispatcher)
    z, x, y = tile_of(*ORIGIN, 15)
    address = f"/api/tiles/streets/{z}/{x}/{y}.mvt"
    first = client.get(address)
    assert "private" in first["Cache-Control"]
    assert "Cookie" in first["Vary"]
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for block in town.blocks.values():
        block.name = "Renamed"
        block.save()
    changed = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200


def test_any_accept_header_gets_the_tile(town: Town) -> None:
    z, x, y = tile_of(*ORIGIN, 15)
    response = sign_in(town.dispatcher).get(
        f"/api/tiles/streets/{z}/{x}/{y}.mvt", headers={"Accept": "application/x-protobuf"}
    )
    assert response.status_code == 200


def test_the_extent_is_the_jurisdiction_then_the_streets(town: Town) -> None:
    client = sign_in(town.dispatcher)
    town.bureau.attribution = "© OpenStreetMap contributors"
    town.bureau.save()
    body = client.get("/api/extent").json()
    west_south, east_north = place(-400, -400), place(400, 400)
    assert body["bounds"] == pytest.approx([*west_south, *east_north], abs=1e-7)
    assert body["attribution"] == "© OpenStreetMap contributors"
    for area in (town.jurisdiction, town.west_beat, town.east_beat):
        area.delete()
    bounds = client.get("/api/extent").json()["bounds"]
    assert bounds == pytest.approx([*place(-200, -200), *place(200, 200)], abs=1e-7)


def test_a_new_bureau_has_no_extent_yet() -> None:
    newcomer = make.user(Role.ADMINISTRATOR, make.unit(make.bureau()))
    assert sign_in(newcomer).get("/api/extent").json()["bounds"] is None


def test_the_extent_asks_for_an_account() -> None:
    assert Client().get("/api/extent").status_code == 401


def test_within_metres_measures_on_the_ellipsoid(town: Town) -> None:
    near = make.station(town.west, *place(0, 300))
    make.station(town.west, *place(0, 320))
    from stations.models import Station

    found = list(queries.within_metres(Station.objects.all(), *ORIGIN, 310))
    assert [row.pk for row in found] == [near.pk]
    # tests/world.py: a metre north is 1/110,852.4 degree there
    assert found[0].distance_m == pytest.approx(300, abs=0.05)


def test_within_metres_uses_the_spatial_index(town: Town) -> None:
    from django.db import connection

    from stations.models import Station

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = queries.within_metres(Station.objects.all(), *ORIGIN, 500).explain()
    assert "stations_station_geometry" in plan
