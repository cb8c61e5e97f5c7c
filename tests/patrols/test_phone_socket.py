"""The phones' socket, over a real connection: numbered batches, acknowledgements, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bureau.models import Role, User
from patrols.api import phone_socket
from patrols.models import Alarm, Phone, PhoneApp, Position, Quarantine, RefusedCount
from patrols.phones import hash_secret, revoke
from tests import make
from tests.patrols.phones import officer_on_duty, stored


@contextmanager
def socket(http: httpx.Client, **headers: str) -> Iterator[ClientConnection]:
    """A connection to the phones' socket; header names with _ for -."""
    address = str(http.base_url).replace("http://", "ws://").rstrip("/") + "/ws/phone/"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(address, additional_headers=named, compression=None) as opened:
        yield opened


def say(opened: ClientConnection, value: object) -> None:
    opened.send(json.dumps(value))


def hear(opened: ClientConnection) -> Any:
    return json.loads(opened.recv(timeout=20))


def reading(ago_s: float = 10, **fields: Any) -> dict[str, Any]:
    at = datetime.now(UTC).timestamp() - ago_s
    return {"lon": 24.94, "lat": 60.17, "time": at, "accuracy": 5, "speed": 1.5} | fields


def session_of(user: User) -> str:
    """A signed-in user's cookie."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def test_batches_are_acknowledged_by_number_after_they_are_stored(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, "socket-secret-1", PhoneApp.SOCKET, interval_s=7)
    with socket(http, authorization="Bearer socket-secret-1") as opened:
        assert hear(opened) == {"ready": {"interval_s": 7}}
        say(opened, {"batch": 7, "readings": [reading(30), reading(20, battery=87)]})
        assert hear(opened) == {
            "ack": 7,
            "taken": 2,
            "refused": 0,
            "quarantined": 0,
            "reasons": [],
        }
        # What the acknowledgement promises holds at once, in another connection.
        first, second = stored(person)
        assert first.speed_mps == 1.5
        assert second.battery == pytest.approx(0.87)
        # The same batch again, as after a lost answer: acknowledged, stored once.
        say(opened, {"batch": 7, "readings": [reading(30)]})
        assert hear(opened)["ack"] == 7


def test_a_batch_sent_again_is_stored_once(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, "socket-secret-2")
    batch = {"batch": 1, "readings": [reading(30), reading(20)]}
    for _ in range(2):
        with socket(http) as opened:
            say(opened, {"secret": "socket-secret-2"})
            assert "ready" in hear(opened)
            say(opened, batch)
            assert hear(opened)["ack"] == 1
    assert len(stored(person)) == 2
    assert not Quarantine.objects.exists()


def test_off_duty_is_refused_counted_and_said(http: httpx.Client) -> None:
    now = datetime.now(UTC)
    person = officer_on_duty(now - timedelta(hours=9), now - timedelta(hours=1))
    make.phone(person, "socket-secret-3")
    with socket(http, authorization="Bearer socket-secret-3") as opened:
        hear(opened)
        say(opened, {"batch": 1, "readings": [reading(10), reading(7200)]})
        assert hear(opened) == {
            "ack": 1,
            "taken": 1,
            "refused": 1,
            "quarantined": 0,
            "reasons": ["off_duty"],
        }
    assert len(stored(person)) == 1
    assert RefusedCount.objects.get(person_id=person.pk).count == 1


def test_an_sos_over_the_socket_raises_an_alarm(http: httpx.Client) -> None:
    now = datetime.now(UTC)
    person = officer_on_duty(now - timedelta(days=2), now - timedelta(days=2, hours=-1))
    make.phone(person, "socket-secret-4")
    with socket(http, authorization="Bearer socket-secret-4") as opened:
        hear(opened)
        say(opened, {"batch": 1, "readings": [reading(10, alarm="sos")]})
        assert hear(opened)["taken"] == 1
    assert Alarm.objects.get(person=person).point.coords == (24.94, 60.17)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "not_json"),
        ("[" * 100_000, "too_deep"),
        ("[]", "not_an_object"),
        ('{"readings":[]}', "no_batch_number"),
        ('{"batch":"7","readings":[]}', "no_batch_number"),
        ('{"batch":true,"readings":[]}', "no_batch_number"),
        ('{"batch":7}', "no_readings"),
        ('{"batch":7,"readings":{}}', "no_readings"),
    ],
)
def test_a_bad_message_is_said_and_the_connection_lives(
    http: httpx.Client, message: str, code: str
) -> None:
    person = officer_on_duty()
    make.phone(person, "socket-secret-5")
    with socket(http, authorization="Bearer socket-secret-5") as opened:
        hear(opened)
        opened.send(message)
        assert hear(opened)["error"]["code"] == code
        say(opened, {"batch": 8, "readings": [reading()]})
        assert hear(opened)["ack"] == 8


def test_bad_readings_are_quarantined_without_the_secret(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, "socket-secret-6")
    bad = reading(20, lat=95, note="socket-secret-6")
    with socket(http, authorization="Bearer socket-secret-6") as opened:
        hear(opened)
        say(opened, {"batch": 1, "readings": [bad, 17, reading(10)]})
        answer = hear(opened)
    assert (answer["taken"], answer["quarantined"]) == (1, 2)
    kept = {row.reason: bytes(row.raw) for row in Quarantine.objects.all()}
    assert kept.keys() == {"bad_place", "not_an_object"}
    assert b"95" in kept["bad_place"]
    assert b"socket-secret-6" not in kept["bad_place"]


def test_an_unknown_secret_is_refused(http: httpx.Client) -> None:
    with socket(http, authorization="Bearer nobody-knows-it") as opened:
        assert hear(opened)["error"]["code"] == "unknown_phone"
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_a_connection_must_say_who_it_is_before_a_batch(http: httpx.Client) -> None:
    with socket(http) as opened:
        say(opened, {"batch": 1, "readings": [reading()]})
        assert hear(opened)["error"]["code"] == "no_secret"
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=20)
    assert not Position.objects.exists()


def test_a_revoked_phone_is_shut_out(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, "socket-secret-7")
    revoke(phone=phone, now=datetime.now(UTC))
    with socket(http, authorization="Bearer socket-secret-7") as opened:
        assert hear(opened)["error"]["code"] == "unknown_phone"


def test_the_officers_own_page_reports_by_its_session(http: httpx.Client) -> None:
    person = officer_on_duty()
    person.user = make.user(Role.OFFICER, person.unit)
    person.save()
    origin = str(http.base_url).rstrip("/")
    for n in range(2):
        with socket(http, cookie=session_of(person.user), origin=origin) as opened:
            assert "ready" in hear(opened)
            say(opened, {"batch": 1, "readings": [reading(1 + n)]})
            assert hear(opened)["taken"] == 1
    assert len(stored(person)) == 2
    phone = Phone.objects.get(holdings__person=person)  # one for both visits
    assert phone.app == PhoneApp.SOCKET


@pytest.mark.parametrize("change", ["closed", "password", "must_change"])
def test_a_changed_account_no_longer_reports(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(phone_socket, "TRUST_SESSION_S", 0.0)
    person = officer_on_duty()
    user = person.user = make.user(Role.OFFICER, person.unit)
    person.save()
    origin = str(http.base_url).rstrip("/")
    with socket(http, cookie=session_of(user), origin=origin) as opened:
        assert "ready" in hear(opened)
        if change == "closed":
            user.is_active = False
        elif change == "password":
            user.set_password("another-pass-1")
        else:
            user.must_change_password = True
        user.save()
        say(opened, {"batch": 1, "readings": [reading(1)]})
        assert hear(opened)["error"]["code"] == "signed_out"
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=20)
    assert not stored(person)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
def test_another_sites_page_cannot_report_in_the_officers_name(
    http: httpx.Client, origin: str
) -> None:
    person = officer_on_duty()
    person.user = make.user(Role.OFFICER, person.unit)
    person.save()
    with (
        pytest.raises(InvalidStatus) as refused,
        socket(http, cookie=session_of(person.user), origin=origin),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert not Phone.objects.exists()


def test_an_account_that_belongs_to_no_person_cannot_report(http: httpx.Client) -> None:
    user = make.user(Role.DISPATCHER, make.unit(make.bureau()))
    with socket(http, cookie=session_of(user), origin=str(http.base_url).rstrip("/")) as opened:
        assert hear(opened)["error"]["code"] == "no_person"
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=20)


def test_the_secret_is_stored_only_as_its_hash(transactional_db: None) -> None:
    phone = make.phone(officer_on_duty(), "socket-secret-8")
    assert phone.secret_sha256 == hash_secret("socket-secret-8")
    assert "socket-secret-8" not in str(vars(phone))
