"""Whatever comes, reading it ends in readings, contacts, quarantine or Unreadable; never else."""

from __future__ import annotations

import contextlib
import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from patrols import wire
from patrols.storage.positions import pack_row
from patrols.wire import Message, Unreadable
from tests.wire.corpus import BODIES
from tests.wire.test_bodies import COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON

RECEIVED_US = 1_771_234_567_000_000
APPS = sorted(wire.DIALECTS)

NAMES = st.sampled_from(
    [
        *("lat", "lon", "latitude", "longitude", "location", "locations", "coords", "position"),
        *("timestamp", "time", "tst", "speed", "vel", "spd", "s", "bearing", "accuracy", "acc"),
        *("batt", "battery", "level", "alarm", "mock", "valid", "prov", "_type", "t", "topic"),
        *("geometry", "coordinates", "properties", "horizontal_accuracy", "extras", "device"),
        *("id", "device_id"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["sos", "p", "location", "transition", "encrypted", "MOCK", "2026-02-16T09:00:00Z"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=24,
)


def check(delivery: wire.Delivery) -> None:
    """All that is read can be stored: in range, finite, and as a COPY row."""
    for reading in delivery.readings:
        assert -180 <= reading.lon_deg <= 180
        assert -90 <= reading.lat_deg <= 90
        for value in (reading.accuracy_m, reading.speed_mps, reading.course_deg, reading.battery):
            assert value is None or (math.isfinite(value) and value >= 0)
        assert len(pack_row(1, 2, 3, RECEIVED_US, reading)) >= 100
    for quarantined in delivery.quarantined:
        assert quarantined.reason
        assert quarantined.detail


def read(app: str, message: Message) -> None:
    wire.names(message)
    with contextlib.suppress(Unreadable):
        check(wire.read(wire.DIALECTS[app], message, RECEIVED_US))


@given(st.sampled_from(APPS), VALUES)
def test_any_json(app: str, value: object) -> None:
    def finite(part: object) -> object:
        if isinstance(part, float) and not math.isfinite(part):
            return str(part)
        if isinstance(part, int) and abs(part) >= 2**63:
            return float(part)
        if isinstance(part, list):
            return [finite(p) for p in part]
        if isinstance(part, dict):
            return {k: finite(p) for k, p in part.items()}
        return part

    read(app, Message(body=msgspec.json.encode(finite(value))))


@given(
    st.sampled_from(APPS),
    st.dictionaries(NAMES, st.text(max_size=20) | st.floats().map(str), max_size=10),
    st.booleans(),
)
def test_any_query_and_form(app: str, values: dict[str, str], in_body: bool) -> None:
    text = "&".join(f"{name}={value}" for name, value in values.items()).encode("utf-8", "replace")
    read(app, Message(body=text) if in_body else Message(query=text))


@given(st.sampled_from(APPS), st.binary(max_size=200), st.binary(max_size=60), st.text(max_size=40))
def test_any_bytes(app: str, body: bytes, query: bytes, authorization: str) -> None:
    read(app, Message(query=query, body=body, authorization=authorization))


@given(
    st.sampled_from(APPS),
    st.sampled_from([COLOTA, OVERLAND, OWNTRACKS, TRACCAR_JSON]),
    st.integers(0, 400),
    st.binary(max_size=6),
)
def test_real_bodies_with_a_few_bytes_changed(app: str, body: str, at: int, junk: bytes) -> None:
    raw = body.encode()
    read(app, Message(body=raw[:at] + junk + raw[at + len(junk) :]))


@given(st.sampled_from(APPS), BODIES, st.booleans())
def test_the_corpus_of_every_format_spoilt_in_every_place(
    app: str, body: bytes, in_query: bool
) -> None:
    read(app, Message(query=body) if in_query else Message(body=body))
