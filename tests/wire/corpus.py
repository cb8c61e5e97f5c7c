"""The verbatim bodies of every format, and Hypothesis strategies that spoil them one place at a
time: another value, a member gone, a list where an object was, bytes changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import strategies as st

from patrols import wire
from tests.wire.test_bodies import COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON

APPS = sorted(wire.DIALECTS)

JSON_BODIES: list[Any] = [json.loads(text) for text in (COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON)]
LOCATION = JSON_BODIES[3]["location"]
JSON_BODIES += [
    [JSON_BODIES[0], JSON_BODIES[0] | {"tst": 1704067205}],
    {"location": [LOCATION, LOCATION], "device_id": "48241179"},
    {"locations": [LOCATION], "device_id": "48241179"},
    {
        "position": {
            "fixTime": "2026-02-16T09:36:07.000+00:00",
            "latitude": 31.2,
            "longitude": 121.4,
            "speed": 10,
            "attributes": {"batteryLevel": 55, "alarm": "sos"},
        },
        "device": {"uniqueId": "secret"},
    },
    {
        "_type": "transition",
        "event": "enter",
        "lat": 1,
        "lon": 2,
        "tst": 1551874878,
        "wtst": 1551874000,
        "acc": 10,
        "desc": "home",
        "t": "c",
    },
    {"_type": "location", "lat": 1, "lon": 2, "tst": 792_927_367, "topic": "owntracks/u/d"},
    [{"lon": 24.94, "lat": 60.17, "time": 1771234567.0, "accuracy": 5, "alarm": "sos"}],
]
QUERIES = [
    "id=123456&timestamp=1377177267&lat=60.0&lon=30.0&speed=0.0&bearing=0.0&altitude=0&hdop=0.0",
    "id=902064&lat=42.06288&lon=-88.23412&timestamp=2016-01-27T18%3A55%3A47Z&hdop=6.0&speed=0.0",
    "lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11&speed=0.0&id=353861053849681",
    "id=861001000719969&lat=41.666667&lon=-0.883333&altitude=350.059479&speed=0.000000&batt=87",
    "id=123456&timestamp=1377177267&location=60.0,30.0",
    (
        "id=123456&timestamp=1377177267&cell=257,02,16,2224&cell=257,02,16,2223,-90"
        "&wifi=00-14-22-01-23-45,-80"
    ),
    (
        "id=secret&timestamp=1771234500&lat=31.2304&lon=121.4737&accuracy=4.5&speed=2.92"
        "&bearing=271.5&batt=64&charge=true&alarm=sos"
    ),
    (
        "lat=12.193&lon=19.111&sat=9&desc=blah&alt=45.0&acc=8.0&dir=359.0&prov=MOCK&spd_kph=32418.0"
        "&spd=9005.0&time=2016-03-05T19:24:29.949Z&battery=91.0&androidId=22&serial=SRS11&activity="
    ),
]

# What apps, bugs and ill will put in the place of a value.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["", "sos", "NaN", "-1", "1e999", "0", "９", "2026-02-16", "9999-12-31T23:59:59.9Z"]
    ),
    st.sampled_from([[], {}, [[]], [None], {"x": {}}, [1, 2, 3]]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as keys and indices from the top."""
    found = [path]
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        found += places(inner, (*path, key))
    return found


@st.composite
def spoilt_json(draw: st.DrawFn) -> bytes:
    """A verbatim body with up to three places changed or gone."""
    value = json.loads(json.dumps(draw(st.sampled_from(JSON_BODIES))))
    for _ in range(draw(st.integers(0, 3))):
        *path, last = draw(st.sampled_from(places(value)[1:] or [("x",)]))
        inside = value
        for key in path:
            inside = inside[key]
        if draw(st.booleans()) and isinstance(inside, dict):
            inside.pop(last, None)
        elif isinstance(inside, list | dict) and places(inside)[1:]:
            # A copy: the next change may reach into it, and what is drawn from stays as it is.
            inside[last] = deepcopy(draw(ODD))
    return json.dumps(value).encode()


@st.composite
def spoilt_form(draw: st.DrawFn) -> bytes:
    """A verbatim query with up to three values changed, gone or given twice."""
    pairs = parse_qsl(draw(st.sampled_from(QUERIES)), keep_blank_values=True)
    for _ in range(draw(st.integers(0, 3))):
        i = draw(st.integers(0, len(pairs) - 1))
        name = pairs[i][0]
        pairs.insert(i + draw(st.integers(0, 1)), (name, str(draw(ODD))))
    return urlencode(pairs, errors="replace").encode()


@st.composite
def spoilt_bytes(draw: st.DrawFn) -> bytes:
    """A verbatim body with a few bytes changed, or cut."""
    body = draw(st.one_of(spoilt_json(), spoilt_form()))
    at = draw(st.integers(0, len(body)))
    junk = draw(st.binary(max_size=6))
    return body[:at] + junk + (body[at + len(junk) :] if draw(st.booleans()) else b"")


BODIES = st.one_of(spoilt_json(), spoilt_form(), spoilt_bytes())
