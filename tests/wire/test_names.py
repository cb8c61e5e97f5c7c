"""Where apps put the phone's secret."""

from __future__ import annotations

import base64

import pytest

from patrols.wire import Message, names
from tests.wire.test_bodies import OVERLAND, OWNTRACKS, TRACCAR_JSON


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message(query=b"id=123456&lat=60.0"), ["123456"]),
        (Message(query=b"lat=1&deviceid=abc%2Fd"), ["abc/d"]),
        (Message(body=b"id=secret&timestamp=1&lat=2"), ["secret"]),
        (Message(body=TRACCAR_JSON.encode()), ["48241179"]),
        (Message(body=b'{"location":[],"device_id": 77 }'), ["77"]),
        (Message(body=b'{"position":{},"device":{"id":5,"uniqueId":"abc"}}'), ["abc", "5"]),
        (Message(authorization=basic("jane:secret")), ["secret", "jane"]),
        (Message(authorization="Basic jane:secret"), ["secret", "jane"]),  # Overland sends it bare
        (Message(authorization="Bearer xxxxxx", body=OVERLAND.encode()), ["xxxxxx"]),
        (Message(limit_user="jane", body=OWNTRACKS.encode()), ["jane"]),
        (Message(query=b"u=jane&d=3s"), ["jane"]),
        (Message(body=b'{"_type":"location","topic":"owntracks/jane/phone"}'), ["jane"]),
        (Message(body=OVERLAND.encode()), []),  # an empty device_id is none
        (Message(authorization="Basic !!!"), []),
        (Message(authorization="Negotiate abc"), []),
        (Message(), []),
    ],
)
def test_names(message: Message, expected: list[str]) -> None:
    assert names(message) == expected


def test_an_empty_name_is_passed_over() -> None:
    assert names(Message(body=b'[{"device_id":""},{"device_id":"abc"}]')) == ["abc"]


def test_a_body_cannot_make_us_try_many_names() -> None:
    body = b"[" + b",".join(b'{"id":"%d"}' % n for n in range(1000)) + b"]"
    assert names(Message(body=body)) == ["0"]
    many = Message(query=b"id=1&deviceid=2&device_id=3&u=4&token=5&username=6", limit_user="7")
    assert len(names(many)) == 6
