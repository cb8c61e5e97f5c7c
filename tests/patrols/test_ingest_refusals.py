"""What `/phone/` answers to strangers, bad bodies and too much, in each app's dialect."""

from __future__ import annotations

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from patrols.api import phone as phone_api
from patrols.api.limits import Buckets
from patrols.models import PhoneHolding, Position, Quarantine, RefusedCount
from patrols.phones import renew_secret, revoke
from patrols.wire import Flag
from tests import make
from tests.patrols.phones import officer_on_duty, stored
from tests.wire.test_bodies import COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON

SECRET = "the-phones-secret"
BASIC = "Basic " + base64.b64encode(f"officer:{SECRET}".encode()).decode()
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}

# App, secret, request, when the fix was made, success body: each app's own message and answer.
MESSAGES: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "traccar/",
        "123456",
        {
            "params": "id=123456&timestamp=1377177267&lat=60.0&lon=30.0&speed=0.0&bearing=0.0"
            "&altitude=0&hdop=0.0"
        },
        "2013-08-22T13:14:27+00:00",
        "",
    ),
    (
        "osmand",
        "902064",
        {
            "params": "id=902064&lat=42.06288&lon=-88.23412"
            "&timestamp=2016-01-27T18%3A55%3A47Z&hdop=6.0&altitude=224.0&speed=0.0"
        },
        "2016-01-27T18:55:47+00:00",
        "",
    ),
    (
        "traccar",
        "353861053849681",
        {
            "params": "lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11&altitude=384.7"
            "&speed=0.0&id=353861053849681"
        },
        "2014-06-04T09:10:11+00:00",
        "",
    ),
    (
        "traccar",
        "123456",
        {"params": "id=123456&timestamp=1377177267&location=60.0,30.0"},
        "2013-08-22T13:14:27+00:00",
        "",
    ),
    (
        "traccar",
        "forwarded-unique-id",
        {
            "content": '{"position":{"fixTime":"2026-02-16T09:36:07.000+00:00","latitude":31.2,'
            '"longitude":121.4,"speed":2.5,"attributes":{"batteryLevel":55}},'
            '"device":{"id":7,"uniqueId":"forwarded-unique-id"}}',
            "headers": JSON,
        },
        "2026-02-16T09:36:07+00:00",
        "",
    ),
    (
        "traccar",
        "48241179",
        {"content": TRACCAR_JSON, "headers": JSON},
        "2025-06-15T13:45:12.862+00:00",
        "",
    ),
    (
        "owntracks",
        SECRET,
        {"content": OWNTRACKS, "headers": JSON | {"authorization": BASIC}},
        "2019-03-06T12:21:18+00:00",
        "[]",
    ),
    (
        "owntracks",
        "jane-token",
        {"content": OWNTRACKS, "headers": {"X-Limit-U": "jane-token", "X-Limit-D": "3s"} | FORM},
        "2019-03-06T12:21:18+00:00",
        "[]",
    ),
    (
        "overland",
        "xxxxxx",
        {"content": OVERLAND, "headers": JSON | {"authorization": "Bearer xxxxxx"}},
        "2015-10-01T15:00:00+00:00",
        '{"result":"ok"}',
    ),
    (
        "gpslogger",
        SECRET,
        {
            "params": f"id={SECRET}&lat=12.193&lon=19.111&sat=9&desc=blah&alt=45.0&acc=8.0"
            "&dir=359.0&prov=MOCK&spd_kph=32418.0&spd=9005.0&time=2016-03-05T19:24:29.949Z"
            "&battery=91.0&androidId=22&serial=SRS11&activity="
        },
        "2016-03-05T19:24:29.949+00:00",
        "",
    ),
    (
        "colota",
        SECRET,
        {"content": COLOTA, "headers": JSON | {"authorization": f"Bearer {SECRET}"}},
        "2024-01-01T00:00:00+00:00",
        '{"result":"ok"}',
    ),
]


@pytest.mark.parametrize(("path", "secret", "request_", "at", "success"), MESSAGES)
def test_each_apps_own_message_is_stored_and_answered_as_it_expects(
    http: httpx.Client, path: str, secret: str, request_: dict[str, Any], at: str, success: str
) -> None:
    moment = datetime.fromisoformat(at)
    person = officer_on_duty(moment - timedelta(hours=1), moment + timedelta(hours=1))
    make.phone(person, secret)
    PhoneHolding.objects.update(since=moment - timedelta(days=1))
    answer = http.post(f"/phone/{path}", **request_)
    assert (answer.status_code, answer.text) == (200, success)
    assert [position.recorded_at for position in stored(person)] == [moment]
    if success:
        assert answer.headers["content-type"] == "application/json"


def test_a_message_without_time_is_stored_marked_and_one_without_place_is_contact(
    http: httpx.Client,
) -> None:
    person = officer_on_duty()
    timeless = make.phone(person, "861001000719969")
    placeless = make.phone(person, "123456")
    for query in (
        "id=861001000719969&lat=41.666667&lon=-0.883333&altitude=350.059479&speed=0.000000&batt=87",
        (
            "id=123456&timestamp=1377177267&cell=257,02,16,2224&cell=257,02,16,2223,-90"
            "&wifi=00-14-22-01-23-45,-80"
        ),
    ):
        assert http.post("/phone/traccar", params=query).status_code == 200
    (fix_,) = stored(person)
    assert (fix_.phone_id, fix_.flags, fix_.battery) == (
        timeless.pk,
        Flag.NO_TIME,
        pytest.approx(0.87),
    )
    placeless.refresh_from_db()
    assert placeless.last_contact_at is not None
    assert not Quarantine.objects.exists()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_any_method_will_do(http: httpx.Client, method: str) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    answer = http.request(method, "/phone/traccar/any/path", params=fix())
    assert answer.status_code == 200
    assert len(stored(person)) == 1


def fix(ago_s: float = 10, **fields: Any) -> dict[str, Any]:
    at = datetime.now(UTC).timestamp() - ago_s
    return {"id": SECRET, "timestamp": round(at), "lat": 60.1, "lon": 24.9} | fields


# Strangers


@pytest.mark.parametrize(
    ("path", "request_", "status"),
    [
        ("traccar", {"params": "id=nobody&lat=1&lon=1"}, 400),
        ("traccar", {"params": "lat=1&lon=1"}, 400),
        ("traccar", {}, 400),
        ("traccar", {"content": TRACCAR_JSON, "headers": JSON}, 404),
        ("gpslogger", {"params": "id=nobody&lat=1&lon=1"}, 401),
        ("owntracks", {"content": OWNTRACKS, "headers": JSON | {"authorization": BASIC}}, 401),
        ("owntracks", {"content": OWNTRACKS, "headers": JSON}, 401),
        ("overland", {"content": OVERLAND, "headers": {"authorization": "Bearer nobody"}}, 401),
        ("colota", {"content": COLOTA}, 401),
        ("traccar", {"content": "[" * 100_000}, 400),
        ("traccar", {"content": "{", "headers": JSON}, 404),
    ],
)
def test_strangers_are_refused_in_the_apps_dialect_and_store_nothing(
    http: httpx.Client, path: str, request_: dict[str, Any], status: int
) -> None:
    make.phone(officer_on_duty(), SECRET + "-another")
    answer = http.post(f"/phone/{path}", **request_)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert "enrolled" in (error if path == "overland" else error["message"])
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")
    assert not Position.objects.exists()
    assert not Quarantine.objects.exists()
    assert not RefusedCount.objects.exists()


def test_an_empty_owntracks_body_is_ignored_with_success(http: httpx.Client) -> None:
    answer = http.post("/phone/owntracks")
    assert (answer.status_code, answer.text) == (200, "[]")


def test_a_wrong_app_names_the_right_ones(http: httpx.Client) -> None:
    answer = http.post("/phone/fax")
    assert answer.status_code == 404
    assert "traccar" in answer.json()["error"]["message"]


def test_a_pressing_stranger_is_slowed_down_and_known_phones_are_not(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_api, "strangers", Buckets(3, 0.0))
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(9)).status_code == 200
    statuses = [
        http.post("/phone/traccar", params=fix(id=f"guess-{n}")).status_code for n in range(5)
    ]
    assert statuses == [400, 400, 400, 429, 429]
    assert http.post("/phone/traccar", params=fix(8)).status_code == 200
    assert len(stored(person)) == 2


def test_a_strangers_large_body_is_refused(http: httpx.Client) -> None:
    body = b'{"device_id":"nobody","locations":[' + b" " * (phone_api.LARGEST_BODY + 1) + b"]}"
    answer = http.post("/phone/traccar", content=body, headers=JSON)
    assert answer.status_code == 413
    assert "4 MiB" in answer.json()["error"]["message"]


def test_a_compressed_body_is_refused_with_what_to_do(http: httpx.Client) -> None:
    answer = http.post("/phone/traccar", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert "compression" in answer.json()["error"]["message"]


def test_a_revoked_phone_is_a_stranger(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    revoke(phone=phone, now=datetime.now(UTC))
    assert http.post("/phone/traccar", params=fix()).status_code == 400
    assert not Position.objects.exists()


def test_a_renewed_secret_shuts_the_old_one_out(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    new = renew_secret(phone=phone, now=datetime.now(UTC), at_once=True)
    assert http.post("/phone/traccar", params=fix()).status_code == 400
    assert http.post("/phone/traccar", params=fix(id=new)).status_code == 200
    assert len(stored(person)) == 1


# Known phones with bad bodies


@pytest.mark.parametrize(
    ("path", "body", "reason", "success"),
    [
        ("owntracks", "{", "not_json", "[]"),
        ("overland", '{"locations":[' + "[" * 50_000, "too_deep", '{"result":"ok"}'),
        ("overland", '"text"', "not_a_form", '{"result":"ok"}'),
        ("colota", b"\x00\x01\xff", "not_a_form", '{"result":"ok"}'),
        ("traccar", '{"lat":95,"lon":1}', "bad_place", ""),
        ("traccar", '{"lat":5,"lon":1,"timestamp":"soon"}', "bad_time", ""),
        ("owntracks", '{"_type":"encrypted","data":"abc"}', "encrypted", "[]"),
    ],
)
def test_a_known_phone_is_never_blocked_by_what_it_sends(
    http: httpx.Client, path: str, body: str | bytes, reason: str, success: str
) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    for _ in range(2):  # it is kept once, however often the phone sends it
        answer = http.post(
            f"/phone/{path}", content=body, headers={"authorization": f"Bearer {SECRET}"}
        )
        assert (answer.status_code, answer.text) == (200, success)
    (kept,) = Quarantine.objects.all()
    assert (kept.reason, kept.phone_id, kept.person_id) == (reason, phone.pk, person.pk)
    assert not Position.objects.exists()


def test_bad_points_do_not_cost_the_batch(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    at = datetime.now(UTC)
    features: list[Any] = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9, lat]},
            "properties": {"timestamp": (at - timedelta(seconds=n)).isoformat()},
        }
        for n, lat in enumerate([60.1, 999, 60.2])
    ]
    answer = http.post(
        "/phone/overland",
        json={"locations": [*features, "junk"]},
        headers={"authorization": f"Bearer {SECRET}"},
    )
    assert answer.json() == {"result": "ok"}
    assert len(stored(person)) == 2
    assert sorted(row.reason for row in Quarantine.objects.all()) == ["bad_place", "not_an_object"]


def test_the_secret_is_struck_out_of_what_is_kept(http: httpx.Client) -> None:
    make.phone(officer_on_duty(), SECRET)
    body = json.dumps({"device_id": SECRET, "lat": 95, "lon": 1})
    assert http.post("/phone/traccar", content=body).status_code == 200
    assert http.post("/phone/traccar", params=fix(lat=95)).status_code == 200
    assert http.post("/phone/traccar", content=f'{{"device_id":"{SECRET}",').status_code == 200
    kept = [bytes(row.raw) for row in Quarantine.objects.all()]
    assert len(kept) == 3
    assert not any(SECRET.encode() in raw for raw in kept)


def test_off_duty_what_is_unreadable_is_counted_and_not_kept(http: httpx.Client) -> None:
    now = datetime.now(UTC)
    person = officer_on_duty(now - timedelta(hours=30), now - timedelta(hours=22))
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", params=fix(lat=95)).status_code == 200
    answer = http.post("/phone/traccar", content=f'{{"device_id":"{SECRET}",')
    assert answer.status_code == 200
    assert not Quarantine.objects.exists()
    assert RefusedCount.objects.get().count == 2


# Known phones with too much


def batch(person_on_duty: int, off_duty: int = 0, padding: int = 0) -> bytes:
    """A Traccar batch with fixes of the last hours, and of last week."""
    now = datetime.now(UTC)
    times = [now - timedelta(seconds=1 + n) for n in range(person_on_duty)]
    times += [now - timedelta(days=7, seconds=n) for n in range(off_duty)]
    locations = [
        {"timestamp": at.isoformat(), "coords": {"latitude": 60.1, "longitude": 24.9}}
        for at in times
    ]
    body = {"device_id": SECRET, "locations": locations, "padding": "x" * padding}
    return json.dumps(body).encode()


def test_too_many_readings_are_acknowledged_and_kept_aside_as_far_as_on_duty(
    http: httpx.Client,
) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    answer = http.post("/phone/traccar", content=batch(5_000, off_duty=3))
    assert answer.status_code == 200
    assert not Position.objects.exists()
    (kept,) = Quarantine.objects.all()
    assert kept.reason == "too_many"
    assert len(json.loads(bytes(kept.raw))) == 5_000
    assert RefusedCount.objects.get(person_id=person.pk).count == 3


def test_the_largest_allowed_batch_is_stored(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, SECRET)
    assert http.post("/phone/traccar", content=batch(5_000)).status_code == 200
    assert Position.objects.filter(person_id=person.pk).count() == 5_000


def test_a_known_phones_large_body_is_acknowledged_and_kept_aside(http: httpx.Client) -> None:
    make.phone(officer_on_duty(), SECRET)
    body = batch(2, padding=phone_api.LARGEST_BODY)
    assert http.post("/phone/traccar", content=body).status_code == 200
    assert not Position.objects.exists()
    assert Quarantine.objects.get().reason == "too_large"


def test_a_known_phones_huge_body_is_cut(http: httpx.Client) -> None:
    make.phone(officer_on_duty(), SECRET)
    body = batch(2, padding=phone_api.LARGEST_KEPT_BODY)
    assert http.post("/phone/traccar", content=body).status_code == 200
    kept = Quarantine.objects.get()
    assert (kept.reason, str(len(body)) in kept.detail) == ("too_large", True)
    assert len(bytes(kept.raw)) < len(body)


def test_a_phone_that_sends_too_fast_is_acknowledged_and_kept_aside(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_api, "pace", Buckets(5, 0.0))
    person = officer_on_duty()
    noisy = "a-noisy-phones-secret"
    make.phone(person, noisy)
    other = make.person(person.unit)
    make.shift(other, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    make.phone(other, SECRET + "-2")
    for n in range(4):
        assert http.post("/phone/traccar", params=fix(60 - 10 * n, id=noisy)).status_code == 200
    assert len(stored(person)) == 2  # a message costs one more than its readings
    assert {row.reason for row in Quarantine.objects.all()} == {"too_fast"}
    # One noisy phone does not slow another.
    assert http.post("/phone/traccar", params=fix(id=SECRET + "-2")).status_code == 200
    assert len(stored(other)) == 1


def test_no_secret_is_logged(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    make.phone(officer_on_duty(), SECRET)
    with caplog.at_level(logging.DEBUG):
        for request_ in (
            {"params": fix()},
            {"params": fix(lat=95)},
            {"content": "{", "headers": {"authorization": f"Bearer {SECRET}"}},
            {"content": f'{{"device_id":"{SECRET}",'},
        ):
            http.post("/phone/traccar", **request_)
    ours = [r for r in caplog.records if r.name.split(".")[0] not in ("httpx", "httpcore")]
    assert SECRET not in "".join(record.getMessage() for record in ours)
