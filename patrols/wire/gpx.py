"""GPX 1.0 and 1.1, uploaded after the fact: its track points, read as a stream. Pure.

Only recorded tracks count (`trkpt`): routes and waypoints are plans. Speed is m/s in GPX 1.0 and
in Garmin's TrackPointExtension; `hdop` is no accuracy in metres and is left alone. The XML comes
from strangers: a document type, and with it any entity, is refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from bureau.sentences import Sentence, Unusable, gettext_noop, unusable
from patrols.wire import fields
from patrols.wire.reading import Flag, Reading

# A day at a fix a second is 86,400 points.
MOST_POINTS: Final = 100_000
# Rows that the report describes one by one; the rest is only counted.
MOST_ROWS: Final = 100

UPLOADED = int(Flag.UPLOADED_LATER)
NO_TIME = gettext_noop("The point has no time: nobody can tell when it was.")
BAD = gettext_noop("The place or the time cannot be read.")


@dataclass
class Track:
    """The points of a file. `rows` are of points that could not be read, with their number."""

    readings: list[Reading] = field(default_factory=list)
    rows: list[tuple[int, Sentence]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    points: int = 0

    def refuse(self, code: str, template: str) -> None:
        """Leave the present point out, and say why."""
        self.unread[code] += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append((self.points, Sentence(code, template)))


def read_gpx(file: BinaryIO) -> Track:
    """The track points of a GPX file, marked as uploaded later.

    Raises Unusable for a file that is no GPX, is broken, declares entities, holds no track or more
    than `MOST_POINTS`. A point without a readable place or time is left out and said.
    """
    track = Track()
    root: str | None = None
    try:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            name = local(element)
            if root is None:
                root = name
                if name != "gpx":
                    break
            if event == "end" and name == "trkpt":
                track.points += 1
                if track.points > MOST_POINTS:
                    raise unusable(
                        "too_many_points",
                        gettext_noop("The file holds more than %(most)d points. Split it."),
                        {"most": MOST_POINTS},
                    )
                add_point(track, element)
                element.clear()
            elif event == "end" and name == "trkseg":
                element.clear()  # its points stay in memory no longer than it
    except Unusable:
        raise
    except DefusedXmlException:
        raise unusable(
            "unsafe_xml",
            gettext_noop("The file declares a document type, which GPX does not need: refused."),
        ) from None
    except (ParseError, ValueError, LookupError):  # LookupError: an encoding that there is not
        raise unusable(
            "broken_gpx", gettext_noop("The file is no readable XML. Export it again.")
        ) from None
    if root != "gpx":
        raise unusable("no_gpx", gettext_noop("This is no GPX file."))
    if track.points == 0:
        raise unusable(
            "no_track",
            gettext_noop("The file holds no recorded track; routes and waypoints do not count."),
        )
    return track


def local(element: Element) -> str:
    """A tag without its namespace, in lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def add_point(track: Track, point: Element) -> None:
    """One `trkpt`."""
    said = {local(part): (part.text or "").strip() for part in point.iter() if part is not point}
    if not said.get("time"):
        track.refuse("no_time", NO_TIME)
        return
    try:
        lon_deg, lat_deg = fields.place(point.get("lon"), point.get("lat"))
        recorded_us = fields.moment_us(said["time"])
    except fields.BadField:
        track.refuse("bad_point", BAD)
        return
    track.readings.append(
        Reading(
            recorded_us,
            lon_deg,
            lat_deg,
            accuracy_m=fields.accuracy_m(said.get("accuracy")),
            speed_mps=fields.speed_mps(said.get("speed"), fields.MPS),
            course_deg=fields.course_deg(said.get("course") or said.get("bearing")),
            flags=UPLOADED,
        )
    )
