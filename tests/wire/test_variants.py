"""Variants of the apps' bodies beside the verbatim ones: batches, templates, aliases, traps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from patrols import wire
from patrols.wire import Flag, Message
from tests.wire.test_bodies import COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON, only, read, us

T = 1_771_234_567  # 2026-02-16 09:36:07 UTC
FEATURE: dict[str, Any] = json.loads(OVERLAND)["locations"][0]


def feature(at: str, accuracy: float = 5, **properties: Any) -> dict[str, Any]:
    told = FEATURE["properties"] | {"timestamp": at, "horizontal_accuracy": accuracy} | properties
    return FEATURE | {"properties": told}


# OsmAnd and Traccar Client


def test_a_form_in_the_body_beside_a_query_that_names_the_phone() -> None:
    reading = only(read("traccar", "id=secret", body=f"lat=31.2&lon=121.4&timestamp={T}&speed=1"))
    assert reading.recorded_us == us(2026, 2, 16, 9, 36, 7)
    assert reading.speed_mps == pytest.approx(0.514444, abs=1e-6)


def test_a_heartbeat_of_the_form_is_a_contact_with_its_time() -> None:
    (contact,) = read("traccar", body=f"id=secret&timestamp={T}&batt=64").contacts
    assert contact.recorded_us == us(2026, 2, 16, 9, 36, 7)


def test_a_form_with_an_iso_time_in_percent_signs() -> None:
    form = urlencode({"id": "s", "lat": 1, "lon": 2, "timestamp": "2026-02-16T17:36:07+08:00"})
    assert only(read("traccar", body=form)).recorded_us == us(2026, 2, 16, 9, 36, 7)


def test_a_flat_json_object_of_the_form() -> None:
    body = json.dumps({"id": "s", "lat": 31.2, "lon": 121.4, "timestamp": T, "batt": 50})
    reading = only(read("traccar", body=body))
    assert (reading.lat_deg, reading.battery) == (31.2, 0.5)


def test_an_empty_batch_is_a_contact() -> None:
    assert len(read("traccar", body='{"device_id":"1","location":[]}').contacts) == 1


def test_unknown_speed_and_heading_are_none() -> None:
    body = json.loads(TRACCAR_JSON)
    body["location"]["coords"] |= {"speed": -1, "heading": -1}
    body["location"]["battery"]["level"] = -1
    reading = only(read("traccar", body=json.dumps(body)))
    assert (reading.speed_mps, reading.course_deg, reading.battery) == (None, None, None)


def test_an_outdated_forwarded_position_is_synthetic() -> None:
    body = {
        "position": {
            "fixTime": "2026-02-16T09:36:07.000+00:00",
            "outdated": True,
            "latitude": 31.2,
            "longitude": 121.4,
        },
        "device": {"uniqueId": "s"},
    }
    assert only(read("traccar", body=json.dumps(body))).flags == Flag.SYNTHETIC


def test_a_plus_that_was_not_escaped_is_a_plus() -> None:
    """`timestamp=…T17:36:07+08:00` in a query reads as a blank before the zone."""
    for at in ("2026-02-16T17:36:07+08:00", "2026-02-16T17:36:07.000+0800"):
        reading = only(read("gpslogger", f"id=s&lat=1&lon=2&time={at}"))
        assert reading.recorded_us == us(2026, 2, 16, 9, 36, 7)
    plain = only(read("traccar", "id=s&lat=1&lon=2&timestamp=2026-02-16+09:36:07"))
    assert plain.recorded_us == us(2026, 2, 16, 9, 36, 7)


@pytest.mark.parametrize("app", ["traccar", "colota"])
def test_an_sos_is_seen_wherever_the_message_has_it(app: str) -> None:
    client = json.loads(TRACCAR_JSON)
    location = client["location"]
    told: list[Any] = [
        client | {"location": location | {"alarm": "sos"}},
        client | {"location": location | {"extras": {"alarm": "SOS"}}},
        client | {"location": location | {"alarm": "lowBattery", "extras": {"alarm": "sos"}}},
        client | {"alarm": "sos"},
        [client | {"alarm": "sos"}],
        json.loads(OWNTRACKS) | {"alarm": "sos"},
        json.loads(COLOTA) | {"alarm": "sos"},
        {"locations": [feature("2026-02-16T09:36:07Z", alarm="sos")]},
    ]
    for body in told:
        assert only(read(app, body=json.dumps(body))).flags == Flag.SOS, body


# OwnTracks


def test_owntracks_may_leave_out_what_is_zero() -> None:
    body = json.dumps({"_type": "location", "lat": 46.0, "lon": 11.1, "tst": T})
    reading = only(read("owntracks", body=body))
    assert (reading.accuracy_m, reading.speed_mps, reading.course_deg) == (None, None, None)


def test_a_late_message_of_android_is_a_fix_of_its_own_time() -> None:
    late = {"_type": "location", "lat": 46, "lon": 11, "tst": T, "created_at": T + 900, "t": "t"}
    reading = only(read("owntracks", body=json.dumps(late)))
    assert (reading.recorded_us, reading.flags) == (us(2026, 2, 16, 9, 36, 7), 0)


def test_owntracks_messages_in_a_list() -> None:
    body = f"[{OWNTRACKS},{OWNTRACKS}]"
    assert len(read("owntracks", body=body).readings) == 2


# GPSLogger


@pytest.mark.parametrize(
    "names",
    [
        ("lat", "lon", "time", "acc", "spd", "dir", "battery"),
        ("latitude", "longitude", "timestamp", "accuracy", "speed", "bearing", "batt"),
        ("lat", "longitude", "time", "acc", "s", "heading", "batt"),
    ],
)
@pytest.mark.parametrize("where", ["query", "form", "json"])
def test_gpsloggers_aliases_by_get_post_and_json(names: Sequence[str], where: str) -> None:
    said = ["12.193", "19.111", "2016-03-05T19:24:29.949Z", "8.0", "1.5", "359.0", "91.0"]
    values = dict(zip(names, said, strict=True))
    if where == "json":
        delivery = read("gpslogger", body=json.dumps(values))
    elif where == "form":
        delivery = read("gpslogger", body=urlencode(values))
    else:
        delivery = read("gpslogger", urlencode(values))
    reading = only(delivery)
    assert reading.recorded_us == us(2016, 3, 5, 19, 24, 29) + 949_000
    assert (reading.lon_deg, reading.lat_deg, reading.accuracy_m) == (19.111, 12.193, 8)
    assert (reading.speed_mps, reading.course_deg, reading.battery) == (1.5, 359, 0.91)


def test_gpslogger_speed_in_kilometres_an_hour() -> None:
    assert only(read("gpslogger", "lat=1&lon=2&spd_kph=18")).speed_mps == pytest.approx(5)


def test_a_placeholder_that_was_not_filled_costs_only_itself() -> None:
    reading = only(read("gpslogger", f"lat=1&lon=2&timestamp={T}&acc=%25ACC&batt="))
    assert (reading.accuracy_m, reading.battery) == (None, None)


# Overland


def test_an_overland_batch_with_trip_current_and_odd_offsets() -> None:
    body = {
        "locations": [feature("2015-10-01T08:00:00-0700"), feature("2015-10-01T15:00:05Z")],
        "current": feature("2015-10-01T15:00:06Z"),
        "trip": {"distance": 3, "mode": "walk"},
    }
    delivery = read("overland", body=json.dumps(body))
    times = [us(2015, 10, 1, 15, 0, 0), us(2015, 10, 1, 15, 0, 5)]
    assert [reading.recorded_us for reading in delivery.readings] == times


def test_what_overland_does_not_know_is_none() -> None:
    unknown = feature("2015-10-01T15:00:05Z", accuracy=-1, speed=-1, course=-1, battery_level=-1)
    reading = only(read("overland", body=json.dumps({"locations": [unknown]})))
    assert (reading.accuracy_m, reading.speed_mps, reading.course_deg) == (None, None, None)
    assert reading.battery is None


@pytest.mark.parametrize(
    "properties",
    [
        {"action": "visit", "arrival_date": "2015-10-01T14:00:00Z"},
        {"action": "paused_location_updates"},
        {"action": "did_enter_background"},
        {"type": "trip", "mode": "walk", "start": "2015-10-01T14:00:00Z"},
    ],
)
def test_what_overland_notes_beside_its_fixes_is_no_fix(properties: dict[str, Any]) -> None:
    """Its log and its trips repeat the last place under the present time."""
    noted = feature("2015-10-01T15:00:05Z", **properties)
    reading = only(read("overland", body=json.dumps({"locations": [noted]})))
    assert reading.flags == Flag.SYNTHETIC


# Colota


def colota(*rows: tuple[float, float]) -> wire.Delivery:
    """Flat points at (seconds after T, accuracy), in Colota's own form as a list."""
    flat = json.loads(COLOTA)
    points = [flat | {"tst": T + at, "acc": accuracy} for at, accuracy in rows]
    return read("colota", body=json.dumps(points))


def anchors(delivery: wire.Delivery) -> list[int]:
    """Seconds after T of what is marked synthetic."""
    marked = [r for r in delivery.readings if r.flags & Flag.SYNTHETIC]
    return [round(reading.recorded_us / 1e6) - T for reading in marked]


def test_colotas_anchor_is_marked_in_each_of_its_forms() -> None:
    """The zone's centre with its radius of 50 m, 1 s before the first real fix."""
    assert anchors(colota((0, 9), (5, 8), (1804, 50), (1805, 7), (1810, 8))) == [1804]
    # Overland's form, newest first; device_id at the envelope.
    stamps = [("09:36:12", 7.5), ("09:36:07", 8), ("09:36:06", 50), ("09:06:05", 6)]
    rows = [feature(f"2026-02-16T{at}Z", accuracy) for at, accuracy in stamps]
    body = json.dumps({"locations": rows, "device_id": "secret"})
    assert anchors(read("colota", body=body)) == [-1]
    assert wire.names(Message(body=body.encode())) == ["secret"]


def test_an_anchor_at_the_head_of_a_message() -> None:
    assert anchors(colota((-1, 100), (0, 7), (5, 8))) == [-1]


@pytest.mark.parametrize(
    "rows",
    [
        ((0, 9), (5, 50), (6, 7)),  # no silence before
        ((0, 9), (1800, 50), (1805, 7)),  # 5 s before the next: the app's own interval
        ((0, 9), (1804, 50.5), (1805, 7)),  # a radius is whole metres
        ((0, 9), (1804, 19), (1805, 7)),  # smaller than any zone
        ((0, 9), (1804, 50), (1805, 26)),  # the next one is hardly better
    ],
)
def test_other_inaccurate_fixes_of_colota_stay(rows: tuple[tuple[float, float], ...]) -> None:
    assert anchors(colota(*rows)) == []


def test_only_colota_sends_anchors() -> None:
    rows = [feature("2026-02-16T09:36:06Z", 50), feature("2026-02-16T09:36:07Z", 7)]
    delivery = read("overland", body=json.dumps({"locations": rows}))
    assert [reading.flags for reading in delivery.readings] == [0, 0]


def test_colotas_traccar_template_writes_metres_a_second_and_charge_as_a_number() -> None:
    query = f"id=s&lat=1&lon=2&timestamp={T}&speed=1.5&bearing=90&batt=85&charge=2"
    reading = only(read("colota", query))
    assert (reading.speed_mps, reading.course_deg, reading.battery) == (1.5, 90, 0.85)
    assert only(read("colota", body=TRACCAR_JSON)).speed_mps == 0


# Our own socket


def test_the_sockets_reading() -> None:
    body = (
        '[{"lon":24.94,"lat":60.17,"time":1771234567.25,"accuracy":5,"speed":1.2,'
        '"heading":90,"battery":87,"alarm":"sos"}]'
    )
    reading = only(read("socket", body=body))
    assert reading.recorded_us == us(2026, 2, 16, 9, 36, 7) + 250_000
    assert (reading.speed_mps, reading.course_deg, reading.battery) == (1.2, 90, 0.87)
    assert reading.flags == Flag.SOS
