"""What the stream tests need: people with places, and a screen that follows the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection

from bureau.models import OrgUnit, User
from patrols import live
from patrols.models import Latest, Person, Phone, Position
from patrols.storage import make_partitions
from realtime.frames import Frame
from tests import make
from tests.world import place


def officer(of: OrgUnit, now: datetime, *, duty: bool = True, **fields: Any) -> Person:
    """A person with a phone, on duty for two hours before and six after `now` unless told not."""
    person = make.person(of, **fields)
    make.phone(person, interval_s=5)
    if duty:
        make.shift(person, now - timedelta(hours=2), now + timedelta(hours=6))
    return person


def report(
    person: Person, east_m: float, north_m: float, at: datetime, *, received: datetime | None = None
) -> None:
    """Store one fix as ingest does: the position, and the latest if it is newer, with a version."""
    lon, lat = place(east_m, north_m)
    phone = Phone.objects.filter(holdings__person=person).get()
    values = {
        "phone_id": phone.pk,
        "recorded_at": at,
        "received_at": received or at,
        "point": Point(lon, lat, srid=4326),
        "accuracy_m": 6.0,
        "speed_mps": 1.2,
        "course_deg": 90.0,
        "battery": 0.5,
    }
    key = {"bureau_id": person.bureau_id, "person_id": person.pk}
    with connection.cursor() as cursor:
        make_partitions(cursor, at, at)
        cursor.execute("SELECT nextval('patrols_latest_version')")
        version = cursor.fetchone()[0]
    Position.objects.create(**key, **values)
    latest = Latest.objects.filter(**key).first()
    if latest is None:
        Latest.objects.create(**key, **values, version=version)
    elif latest.recorded_at < at:
        Latest.objects.filter(**key).update(**values, version=version)


def walk(
    person: Person,
    start_east_m: float,
    north_m: float,
    *,
    until: datetime,
    seconds: int,
    mps: float = 1.2,
    step_s: int = 5,
) -> None:
    """Fixes along a street eastwards, the last one at `until`."""
    for back_s in range(seconds, -1, -step_s):
        east_m = start_east_m + mps * (seconds - back_s)
        report(person, east_m, north_m, until - timedelta(seconds=back_s))


@dataclass
class Screen:
    """A browser in a few lines: join, snapshot, then frames by number (docs/live.md)."""

    user: User
    people: dict[int, dict[str, Any]] = field(default_factory=dict)
    states: dict[int, dict[str, Any]] = field(default_factory=dict)
    fixes: dict[int, dict[str, Any]] = field(default_factory=dict)
    alarms: dict[int, dict[str, Any]] = field(default_factory=dict)
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)  # by lead
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    last: tuple[int | None, int | None] = (None, None)
    snapshots: int = 0

    def fetch(self, now: datetime) -> None:
        """Take the snapshot and go on from its number."""
        snapshot = live.snapshot(self.user, now)
        self.people = {row["id"]: row for row in snapshot["people"]}
        self.states = {row["person"]: row for row in snapshot["states"]}
        self.fixes = {row["person"]: place_of(row) for row in snapshot["fixes"]}
        self.alarms = {row["id"]: row for row in snapshot["alarms"]}
        self.orders = {row["id"]: row for row in snapshot["orders"]}
        self.checks = {row["id"]: row for row in snapshot["checks"]}
        self.last = (snapshot["epoch"], snapshot["number"])
        self.snapshots += 1

    def take(self, frame: Frame, now: datetime) -> None:
        """Apply the next frame; on a gap or another epoch fetch the snapshot instead."""
        epoch, number = self.last
        if epoch == frame.epoch and number is not None and frame.number <= number:
            return
        if epoch != frame.epoch or number is None or frame.number != number + 1:
            self.fetch(now)
            return
        self.last = (frame.epoch, frame.number)
        rest = frame.rest
        self.people.update((row["id"], row) for row in rest.get("people", []))
        for gone in rest.get("gone", []):
            for rows in (self.people, self.states, self.fixes):
                rows.pop(gone, None)
        for row in rest.get("states", []):
            self.states[row["person"]] = row
            fix = self.fixes.get(row["person"])
            if fix and (row["duty"] is None or fix["at"] < row["duty"][0]):
                del self.fixes[row["person"]]
        for move in frame.moves:
            self.fixes[int(move["person"])] = {
                "lon": int(move["lon"]) / 1e7,
                "lat": int(move["lat"]) / 1e7,
                "at": frame.at_ms - int(move["age"]),
            }
        self.alarms.update((row["id"], row) for row in rest.get("alarms", []))
        for row in rest.get("checks", []):
            self.checks[row["id"]] = row
            if row.get("over"):
                del self.checks[row["id"]]
        for over in rest.get("over", []):
            self.alarms.pop(over, None)
        self.orders.update((row["id"], row) for row in rest.get("orders", []))

    def shows(self) -> dict[str, Any]:
        """What is on the screen, to be compared."""
        return {
            "people": self.people,
            "states": self.states,
            "fixes": self.fixes,
            "alarms": self.alarms,
            "orders": self.orders,
            "checks": self.checks,
        }


def place_of(row: dict[str, Any]) -> dict[str, Any]:
    """The part of a fix that a frame and a snapshot both give to the last digit."""
    return {key: row[key] for key in ("lon", "lat", "at")}


def fresh_screen(user: User, now: datetime) -> Screen:
    """A screen that has just fetched its snapshot."""
    screen = Screen(user)
    screen.fetch(now)
    return screen
