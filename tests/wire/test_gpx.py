"""GPX files: what is read of them, what is left out, what is refused as a whole."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.sentences import Unusable
from patrols.wire import Flag
from patrols.wire.gpx import MOST_POINTS, read_gpx

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">'
)
# As GPSLogger for Android writes a point (GPX 1.0: speed and course are part of the format).
POINT = (
    '<trkpt lat="12.193" lon="19.111"><ele>45.0</ele><time>2016-03-05T19:24:29.949Z</time>'
    "<course>359.0</course><speed>1.25</speed><src>gps</src><sat>9</sat><hdop>0.8</hdop></trkpt>"
)
GARMIN = (
    '<trkpt lat="60.17" lon="24.94"><time>2026-02-16T09:36:07Z</time><extensions>'
    '<gpxtpx:TrackPointExtension xmlns:gpxtpx="http://www.garmin.com/xmlschemas/'
    'TrackPointExtension/v2"><gpxtpx:speed>1.5</gpxtpx:speed><gpxtpx:course>90</gpxtpx:course>'
    "</gpxtpx:TrackPointExtension></extensions></trkpt>"
)


def file_of(*points: str, head: str = HEAD, more: str = "") -> io.BytesIO:
    body = f"{head}{more}<trk><trkseg>{''.join(points)}</trkseg></trk></gpx>"
    return io.BytesIO(body.encode())


def test_a_point_of_gpslogger_and_one_of_garmin() -> None:
    track = read_gpx(file_of(POINT, GARMIN))
    first, second = track.readings
    at = datetime(2016, 3, 5, 19, 24, 29, 949_000, tzinfo=UTC)
    assert first.recorded_us == round(at.timestamp() * 1_000_000)
    assert (first.lon_deg, first.lat_deg) == (19.111, 12.193)
    assert (first.speed_mps, first.course_deg, first.accuracy_m) == (1.25, 359, None)
    assert (second.speed_mps, second.course_deg) == (1.5, 90)
    assert {reading.flags for reading in track.readings} == {Flag.UPLOADED_LATER}
    assert not track.rows


def test_points_without_time_or_place_are_left_out_with_their_number() -> None:
    bare = '<trkpt lat="1" lon="2"></trkpt>'
    lost = '<trkpt lat="91" lon="2"><time>2026-02-16T09:36:07Z</time></trkpt>'
    odd = '<trkpt lat="1" lon="2"><time>yesterday</time></trkpt>'
    track = read_gpx(file_of(bare, POINT, lost, odd))
    assert len(track.readings) == 1
    assert [(row, sentence.code) for row, sentence in track.rows] == [
        (1, "no_time"),
        (3, "bad_point"),
        (4, "bad_point"),
    ]
    assert track.unread == {"no_time": 1, "bad_point": 2}


def test_plans_do_not_count() -> None:
    plan = '<wpt lat="1" lon="2"/><rte><rtept lat="1" lon="2"/></rte>'
    assert len(read_gpx(file_of(POINT, more=plan)).readings) == 1
    with pytest.raises(Unusable) as unusable:
        read_gpx(file_of(more=plan))
    assert unusable.value.sentence.code == "no_track"


BOMB = (
    '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<gpx><trk><trkseg><trkpt lat='1' lon='2'><time>&b;</time></trkpt></trkseg></trk></gpx>"
)
OUTSIDE = '<!DOCTYPE gpx [<!ENTITY f SYSTEM "file:///etc/passwd">]><gpx><name>&f;</name></gpx>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "unsafe_xml"),
        (OUTSIDE, "unsafe_xml"),
        ('<!DOCTYPE gpx SYSTEM "http://example.org/gpx.dtd"><gpx/>', "unsafe_xml"),
        ("", "broken_gpx"),
        ("lat,lon\n1,2\n", "broken_gpx"),
        ("<gpx><trk><trkseg>", "broken_gpx"),
        ('<?xml version="1.0" encoding="no-such"?><gpx/>', "broken_gpx"),
        ("<kml></kml>", "no_gpx"),
        ("<gpx></gpx>", "no_track"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(body: str, code: str) -> None:
    with pytest.raises(Unusable) as unusable:
        read_gpx(io.BytesIO(body.encode()))
    assert unusable.value.sentence.code == code


def test_more_points_than_a_day_of_seconds_is_refused() -> None:
    with pytest.raises(Unusable) as unusable:
        read_gpx(file_of('<trkpt lat="1" lon="2"/>' * (MOST_POINTS + 1)))
    assert unusable.value.sentence.code == "too_many_points"


@given(st.integers(0, 500), st.binary(max_size=8))
def test_a_few_bytes_changed_end_in_points_or_in_words(at: int, junk: bytes) -> None:
    body = file_of(POINT, GARMIN).getvalue()
    try:
        track = read_gpx(io.BytesIO(body[:at] + junk + body[at + len(junk) :]))
    except Unusable:
        return
    assert track.points == len(track.readings) + track.unread.total()
