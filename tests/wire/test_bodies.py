"""Bodies of real apps, verbatim from their documentation and tests, and what they must become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from patrols import wire
from patrols.wire import Flag, Message, Unreadable

RECEIVED_US = 1_771_234_567_000_000


def read(app: str, query: str = "", body: str | bytes = b"", **headers: str) -> wire.Delivery:
    raw = body.encode() if isinstance(body, str) else body
    return wire.read(wire.DIALECTS[app], Message(query.encode(), raw, **headers), RECEIVED_US)


def only(delivery: wire.Delivery) -> wire.Reading:
    assert not delivery.quarantined
    (reading,) = delivery.readings
    return reading


def us(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[arg-type,misc]


# Traccar / OsmAnd


def test_osmand_query_in_seconds() -> None:
    reading = only(
        read(
            "traccar",
            "id=123456&timestamp=1377177267&lat=60.0&lon=30.0"
            "&speed=0.0&bearing=0.0&altitude=0&hdop=0.0",
        )
    )
    assert reading.recorded_us == us(2013, 8, 22, 13, 14, 27)
    assert (reading.lon_deg, reading.lat_deg) == (30.0, 60.0)
    assert (reading.speed_mps, reading.course_deg) == (0, 0)
    assert reading.accuracy_m is None  # hdop is no accuracy
    assert reading.flags == 0


def test_osmand_query_with_an_encoded_iso_time() -> None:
    reading = only(
        read(
            "traccar",
            "id=902064&lat=42.06288&lon=-88.23412&timestamp=2016-01-27T18%3A55%3A47Z"
            "&hdop=6.0&altitude=224.0&speed=0.0",
        )
    )
    assert reading.recorded_us == us(2016, 1, 27, 18, 55, 47)
    assert (reading.lon_deg, reading.lat_deg) == (-88.23412, 42.06288)


def test_osmand_query_with_a_plain_time_and_plus_for_space() -> None:
    reading = only(
        read(
            "traccar",
            "lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11"
            "&altitude=384.7&speed=0.0&id=353861053849681",
        )
    )
    assert reading.recorded_us == us(2014, 6, 4, 9, 10, 11)


def test_osmand_query_without_time_takes_the_receive_time_and_says_so() -> None:
    reading = only(
        read(
            "traccar",
            "id=861001000719969&lat=41.666667&lon=-0.883333&altitude=350.059479"
            "&speed=0.000000&batt=87",
        )
    )
    assert reading.recorded_us == RECEIVED_US
    assert reading.flags == Flag.NO_TIME
    assert reading.battery == 0.87


def test_osmand_location_pair() -> None:
    reading = only(read("traccar", "id=123456&timestamp=1377177267&location=60.0,30.0"))
    assert (reading.lon_deg, reading.lat_deg) == (30.0, 60.0)


def test_osmand_without_a_place_is_a_contact() -> None:
    delivery = read(
        "traccar",
        "id=123456&timestamp=1377177267&cell=257,02,16,2224&cell=257,02,16,2223,-90"
        "&wifi=00-14-22-01-23-45,-80",
    )
    assert not delivery.readings
    assert not delivery.quarantined
    assert [contact.recorded_us for contact in delivery.contacts] == [us(2013, 8, 22, 13, 14, 27)]


def test_traccar_client_form_body_in_knots_with_an_sos() -> None:
    # Units as Traccar Client 10 writes them: 1 m/s = 1.943844 knots.
    reading = only(
        read(
            "traccar",
            body="id=secret&timestamp=1771234500&lat=31.2304&lon=121.4737&accuracy=4.5"
            "&speed=2.92&bearing=271.5&batt=64&charge=true&alarm=sos",
            content_type="application/x-www-form-urlencoded",
        )
    )
    assert reading.speed_mps == pytest.approx(1.5022, abs=1e-4)
    assert reading.course_deg == 271.5
    assert reading.accuracy_m == 4.5
    assert reading.flags == Flag.SOS


def test_traccar_client_token_post_is_a_contact() -> None:
    delivery = read("traccar", body="id=secret&notificationToken=abc")
    assert len(delivery.contacts) == 1


def test_milliseconds_are_told_from_seconds_as_traccar_does() -> None:
    seconds = only(read("traccar", "id=1&lat=1&lon=1&timestamp=1771234567"))
    milliseconds = only(read("traccar", "id=1&lat=1&lon=1&timestamp=1771234567890"))
    assert seconds.recorded_us == 1_771_234_567_000_000
    assert milliseconds.recorded_us == 1_771_234_567_890_000


TRACCAR_JSON = (
    '{"location":{"timestamp":"2025-06-15T13:45:12.862Z","coords":{"latitude":37.4219983,'
    '"longitude":-122.084,"accuracy":5,"speed":0,"heading":-1,"altitude":5},"is_moving":false,'
    '"odometer":0,"event":"motionchange","battery":{"level":1,"is_charging":false},'
    '"activity":{"type":"still"},"extras":{},"_":"&id=48241179&lat=37.4219983&lon=-122.084'
    '&timestamp=2025-06-15T13:45:12.862Z&"},"device_id":"48241179"}'
)


def test_traccar_json() -> None:
    reading = only(read("traccar", body=TRACCAR_JSON, content_type="application/json"))
    assert reading.recorded_us == us(2025, 6, 15, 13, 45, 12) + 862_000
    assert (reading.lon_deg, reading.lat_deg) == (-122.084, 37.4219983)
    assert reading.accuracy_m == 5  # Traccar would make 0 of it
    assert reading.speed_mps == 0
    assert reading.course_deg is None
    assert reading.battery == 1


@pytest.mark.parametrize("name", ["location", "locations"])
def test_transistor_batch(name: str) -> None:
    location = json.loads(TRACCAR_JSON)["location"]
    later = location | {"timestamp": "2025-06-15T13:45:22.862Z", "mock": True}
    body = json.dumps({name: [location, later], "device_id": "48241179"})
    delivery = read("traccar", body=body)
    assert [r.flags for r in delivery.readings] == [0, Flag.MOCK]
    assert delivery.readings[1].recorded_us - delivery.readings[0].recorded_us == 10_000_000


def test_traccar_json_without_coords_is_a_contact_and_its_sos_survives() -> None:
    body = {
        "location": {"timestamp": "2025-06-15T13:45:12Z", "extras": {"alarm": "sos"}},
        "device_id": "1",
    }
    (contact,) = read("traccar", body=json.dumps(body)).contacts
    assert contact.flags == Flag.SOS


def test_traccar_json_with_parts_missing_or_null() -> None:
    body = {
        "location": {
            "timestamp": "2025-06-15T13:45:12Z",
            "coords": {"latitude": 1.5, "longitude": 2.5, "floor": None, "speed": None},
            "battery": None,
        },
        "device_id": "1",
    }
    reading = only(read("traccar", body=json.dumps(body)))
    assert reading.speed_mps is None
    assert reading.battery is None


def test_flat_json_array_is_in_knots_on_the_traccar_path() -> None:
    body = (
        '[{"id":"1","lat":60.1,"lon":24.9,"timestamp":1771234567,"speed":1},{"id":"1","lat":60.1}]'
    )
    delivery = read("traccar", body=body)
    assert delivery.readings[0].speed_mps == pytest.approx(0.514444, abs=1e-6)
    assert delivery.quarantined[0].reason == "bad_place"


def test_traccar_forward_json() -> None:
    body = {
        "position": {
            "fixTime": "2026-02-16T09:36:07.000+00:00",
            "latitude": 31.2,
            "longitude": 121.4,
            "speed": 10,
            "course": 90,
            "accuracy": 6,
            "attributes": {"batteryLevel": 55, "alarm": "sos,lowBattery"},
        },
        "device": {"id": 7, "uniqueId": "secret"},
    }
    reading = only(read("traccar", body=json.dumps(body)))
    assert reading.recorded_us == us(2026, 2, 16, 9, 36, 7)
    assert reading.speed_mps == pytest.approx(5.14444, abs=1e-5)
    assert reading.flags == Flag.SOS


# OwnTracks

OWNTRACKS = (
    '{"_type":"location","acc":15,"alt":440,"batt":46,"conn":"w","lat":46.0681247,'
    '"lon":11.1512805,"t":"u","tid":"5t","tst":1551874878,"vac":2,"vel":0}'
)


def test_owntracks_location() -> None:
    reading = only(read("owntracks", body=OWNTRACKS))
    assert reading.recorded_us == us(2019, 3, 6, 12, 21, 18)
    assert reading.accuracy_m == 15
    assert reading.battery == 0.46
    assert reading.flags == 0


def test_owntracks_speed_is_km_per_hour_and_colotas_is_not() -> None:
    body = json.dumps({"_type": "location", "lat": 1, "lon": 1, "tst": 1551874878, "vel": 18})
    assert only(read("owntracks", body=body)).speed_mps == pytest.approx(5)
    assert only(read("colota", body=body)).speed_mps == 18


def test_owntracks_ping_is_synthetic() -> None:
    body = json.dumps(json.loads(OWNTRACKS) | {"t": "p"})
    assert only(read("owntracks", body=body)).flags == Flag.SYNTHETIC


def test_owntracks_transition_is_synthetic() -> None:
    body = {"_type": "transition", "event": "enter", "lat": 1, "lon": 2, "tst": 1551874878}
    assert only(read("owntracks", body=json.dumps(body))).flags == Flag.SYNTHETIC


@pytest.mark.parametrize("kind", ["lwt", "waypoint", "waypoints", "status", "steps", "card", "new"])
def test_other_owntracks_messages_are_contacts(kind: str) -> None:
    delivery = read("owntracks", body=json.dumps({"_type": kind, "tst": 1551874878}))
    assert len(delivery.contacts) == 1
    assert not delivery.readings
    assert not delivery.quarantined


def test_an_encrypted_owntracks_body_is_kept_with_what_to_do() -> None:
    delivery = read("owntracks", body='{"_type":"encrypted","data":"xyz"}')
    assert delivery.quarantined[0].reason == "encrypted"
    assert "encryption key" in delivery.quarantined[0].detail


def test_overlands_owntracks_mode_counts_from_2001() -> None:
    # 1,771,234,567 s after 1970 is 792,927,367 s after 2001.
    body = json.dumps({"_type": "location", "lat": 1, "lon": 2, "tst": 792_927_367, "acc": 5})
    reading = only(read("overland", body=body))
    assert reading.recorded_us == 1_771_234_567_000_000
    assert reading.flags == Flag.EPOCH_2001


# GPSLogger


def test_gpslogger_custom_url() -> None:
    reading = only(
        read(
            "gpslogger",
            "lat=12.193&lon=19.111&sat=9&desc=blah&alt=45.0&acc=8.0&dir=359.0&prov=MOCK"
            "&spd_kph=32418.0&spd=9005.0&time=2016-03-05T19:24:29.949Z&battery=91.0"
            "&androidId=22&serial=SRS11&activity=",
        )
    )
    assert reading.recorded_us == us(2016, 3, 5, 19, 24, 29) + 949_000
    assert (reading.lon_deg, reading.lat_deg) == (19.111, 12.193)
    assert (reading.accuracy_m, reading.speed_mps, reading.course_deg) == (8, 9005, 359)
    assert reading.battery == 0.91
    assert reading.flags == Flag.MOCK


def test_gpsloggers_default_url_names() -> None:
    reading = only(read("gpslogger", "lat=1.5&longitude=2.5&time=2016-03-05T19:24:29.949Z&s=1.4"))
    assert (reading.lon_deg, reading.lat_deg) == (2.5, 1.5)
    assert reading.speed_mps == 1.4


# Overland

OVERLAND = (
    '{"locations":[{"type":"Feature","geometry":{"type":"Point","coordinates":'
    '[-122.030581,37.331800]},"properties":{"timestamp":"2015-10-01T08:00:00-0700","altitude":0,'
    '"speed":4,"horizontal_accuracy":30,"vertical_accuracy":-1,"motion":["driving","stationary"],'
    '"battery_state":"charging","battery_level":0.80,"device_id":"","wifi":""}}]}'
)


def test_overland_batch() -> None:
    reading = only(read("overland", body=OVERLAND, content_type="application/json"))
    assert reading.recorded_us == us(2015, 10, 1, 15, 0, 0)
    assert (reading.lon_deg, reading.lat_deg) == (-122.030581, 37.3318)
    assert (reading.speed_mps, reading.accuracy_m, reading.battery) == (4, 30, 0.8)


def test_a_bad_overland_point_does_not_cost_the_others() -> None:
    good = json.loads(OVERLAND)["locations"][0]
    bad: list[Any] = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1]}, "properties": {}},
        {"type": "Feature", "geometry": None, "properties": None},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": ["x", {}]}},
        "text",
        None,
    ]
    delivery = read("overland", body=json.dumps({"locations": [*bad, good]}))
    assert len(delivery.readings) == 1
    assert [q.reason for q in delivery.quarantined] == [
        "bad_place",
        "bad_place",
        "not_an_object",
        "not_an_object",
    ]
    assert len(delivery.contacts) == 1  # the one without any geometry


def test_an_empty_overland_batch_is_a_contact() -> None:
    assert len(read("overland", body='{"locations":[]}').contacts) == 1


# Colota

COLOTA = (
    '{"lat":51.495065,"lon":-0.043945,"acc":12,"alt":519,"vel":0,"batt":85,"bs":2,'
    '"tst":1704067200,"bear":0.0}'
)


def test_colota_flat() -> None:
    reading = only(read("colota", body=COLOTA))
    assert reading.recorded_us == us(2024, 1, 1)
    assert (reading.lon_deg, reading.lat_deg) == (-0.043945, 51.495065)
    assert (reading.accuracy_m, reading.speed_mps, reading.battery) == (12, 0, 0.85)


def test_colota_writes_metres_per_second_in_every_template() -> None:
    assert only(read("colota", "id=1&lat=1&lon=1&speed=3")).speed_mps == 3
    assert only(read("colota", body='{"lat":1,"lon":1,"vel":3}')).speed_mps == 3


# What cannot be taken


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("lat=91&lon=0", "bad_place"),
        ("lat=0&lon=181", "bad_place"),
        ("lat=0&lon=0", "bad_place"),
        ("lat=nan&lon=1", "bad_place"),
        ("lat=inf&lon=1", "bad_place"),
        ("lat=x&lon=1", "bad_place"),
        ("lat=1", "bad_place"),
        ("location=60.0", "bad_place"),
        ("lat=1&lon=1&timestamp=yesterday", "bad_time"),
        ("lat=1&lon=1&timestamp=12", "bad_time"),
        ("lat=1&lon=1&timestamp=-5", "bad_time"),
        ("lat=1&lon=1&timestamp=2016-13-45T00:00:00Z", "bad_time"),
        ("lat=1&lon=1&timestamp=9999-01-01T00:00:00Z", "bad_time"),
        ("lat=1&lon=1&timestamp=1e400", "bad_time"),
        ("lat=1&lon=1&timestamp=99999999999999999999", "bad_time"),
        ("lat=1&lon=1&valid=false", "not_valid"),
    ],
)
def test_a_bad_point_goes_to_quarantine_with_its_reason(fields: str, reason: str) -> None:
    delivery = read("traccar", "id=1&" + fields)
    assert not delivery.readings
    (quarantined,) = delivery.quarantined
    assert quarantined.reason == reason
    assert quarantined.detail.endswith(".")


def test_junk_extras_do_not_cost_the_point() -> None:
    reading = only(
        read(
            "traccar",
            "id=1&lat=1&lon=1&timestamp=1771234567&speed=fast&bearing=-1&accuracy=-1&batt=400",
        )
    )
    assert reading.speed_mps is None
    assert reading.course_deg is None
    assert reading.accuracy_m is None
    assert reading.battery is None


def test_an_sos_survives_a_bad_time_and_a_bad_place() -> None:
    late = read("traccar", "id=1&lat=1&lon=1&timestamp=never&alarm=sos")
    assert only(late).flags == Flag.SOS | Flag.NO_TIME
    lost = read("traccar", "id=1&lat=99&lon=1&timestamp=1771234567&alarm=sos&valid=false")
    assert [contact.flags for contact in lost.contacts] == [Flag.SOS]
    assert lost.quarantined[0].reason == "bad_place"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "not_json"),
        ('{"a":1}{"b":2}', "not_json"),
        ("[" * 100_000, "too_deep"),
        ('{"a":' * 100_000, "too_deep"),
        ("hello", "not_a_form"),
        (b"\xff\xfe\x00", "not_a_form"),
        (b'{"a":"\xff"}', "not_json"),
    ],
)
def test_an_unreadable_body_is_said(body: str | bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read("traccar", body=body)
    assert unreadable.value.reason == reason


def test_a_body_that_is_said_to_be_json_and_is_not() -> None:
    with pytest.raises(Unreadable):
        read("traccar", body="lat=1&lon=1", content_type="application/json")
