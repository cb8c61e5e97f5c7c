"""What changed since a cursor: the ticker's one look at the database per frame.

Rows do not commit in the order of their versions. So each look asks again for the versions of the
last ten seconds and keeps only what it has not told yet, and once a minute it compares all
versions, which finds the row of a transaction that took longer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Max
from django.utils import timezone
from numpy.typing import NDArray

from bureau.models import OrgUnit
from geo.models import ImportRun
from patrols.check_rows import check_rows, missed_checks
from patrols.live import Row, alarm_rows, roster_rows
from patrols.models import Alarm, Lead, LiveState, Person
from patrols.order_rows import order_rows
from patrols.storage.latest import Fix, latest_fixes, versions_above
from patrols.storage.roster import roster_mark
from stations.models import StationChange

OVERLAP_S = 10.0
SWEEP_S = 60.0
ROSTER_S = 10.0


@dataclass
class Told:
    """Which version of each person's row went out."""

    people: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # ascending
    versions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def new(self, people: NDArray[np.int64], versions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of these people, those whose row has another version."""
        if not len(self.people):
            return people
        at = np.minimum(np.searchsorted(self.people, people), len(self.people) - 1)
        told = (self.people[at] == people) & (self.versions[at] == versions)
        return people[~told]

    def add(self, people: list[int], versions: list[int]) -> None:
        """These versions go out now; each person is named once."""
        new, told = np.array(people, np.int64), np.array(versions, np.int64)
        kept = ~np.isin(self.people, new)
        every = np.concatenate((self.people[kept], new))
        order = np.argsort(every)
        self.people = every[order]
        self.versions = np.concatenate((self.versions[kept], told))[order]


@dataclass
class Cursor:
    """How far the ticker has read. `*_told` remember by key the version that went out."""

    heads: deque[tuple[float, int]] = field(default_factory=deque)  # (when, highest version then)
    head: int = 0
    fixes_told: Told = field(default_factory=Told)
    states_told: Told = field(default_factory=Told)
    alarms_told: dict[int, Row] = field(default_factory=dict)
    checks_told: dict[int, Row] = field(default_factory=dict)
    orders_told: dict[int, Row] = field(default_factory=dict)  # by lead
    roster_told: dict[int, Row] = field(default_factory=dict)
    roster_mark: tuple[Any, ...] | None = None
    ahead: Changes | None = None  # a roster that was read between two looks
    parent: dict[int, int | None] = field(default_factory=dict)  # unit → the unit above
    places_told: tuple[int, int] | None = None
    swept_at: float = float("-inf")
    roster_at: float = float("-inf")

    def floor(self, at_s: float) -> int | None:
        """The highest version that was known `OVERLAP_S` ago; None before there was one."""
        while len(self.heads) > 1 and self.heads[1][0] <= at_s - OVERLAP_S:
            self.heads.popleft()
        return self.heads[0][1] if self.heads and self.heads[0][0] <= at_s - OVERLAP_S else None

    def advance(self, at_s: float, versions: list[int]) -> None:
        """Remember the highest version of a look."""
        self.head = max([self.head, *versions])
        self.heads.append((at_s, self.head))


@dataclass
class Changes:
    """What one look found: fixes, states, alarms, orders and people that changed, people gone."""

    fixes: list[Fix] = field(default_factory=list)
    states: list[LiveState] = field(default_factory=list)
    alarms: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    moved: dict[int, int] = field(default_factory=dict)  # person → the unit before
    gone: dict[int, int] = field(default_factory=dict)  # person → the unit before
    places: bool = False


def since(cursor: Cursor, now: datetime, at_s: float) -> Changes:
    """What was not told yet; the cursor moves on. `at_s` is a monotonic clock's second.

    Raises what the database raises; the cursor is then of no more use: begin with a new one and a
    new epoch, so that everybody fetches a snapshot.
    """
    found, cursor.ahead = cursor.ahead or Changes(), None
    if at_s - cursor.roster_at >= ROSTER_S:
        look_at_roster(cursor, found, now)
        cursor.roster_at = at_s
    # The many are read last: what is read before them does not make them older.
    found.alarms = [
        row
        for row in alarm_rows(Alarm.objects.all(), now)
        if cursor.alarms_told.get(row["id"]) != row
    ]
    standing = order_rows(Lead.objects.all(), now)
    found.orders = [row for row in standing if cursor.orders_told.get(row["id"]) != row]
    read_checks(cursor, found)
    floor = cursor.floor(at_s)
    if floor is None or at_s - cursor.swept_at >= SWEEP_S:
        floor = None
        cursor.swept_at = at_s
    found.fixes, found.states = differing(cursor, floor)
    who = {fix.person for fix in found.fixes} | {state.person_id for state in found.states}
    if not who <= cursor.roster_told.keys():
        read_roster(cursor, found, now)  # somebody new reports: do not wait for the next reading
    versions = [fix.version for fix in found.fixes]
    cursor.fixes_told.add([fix.person for fix in found.fixes], versions)
    restated = [state.version for state in found.states]
    cursor.states_told.add([state.person_id for state in found.states], restated)
    cursor.alarms_told.update((row["id"], row) for row in found.alarms)
    cursor.orders_told = {row["id"]: row for row in standing}
    cursor.advance(at_s, versions + restated)
    return found


def read_ahead(cursor: Cursor, now: datetime, at_s: float, within_s: float) -> None:
    """Read the roster now if the next look, in `within_s`, would: between two frames it keeps
    nobody waiting."""
    if at_s + within_s - cursor.roster_at >= ROSTER_S:
        cursor.ahead = cursor.ahead or Changes()
        look_at_roster(cursor, cursor.ahead, now)
        cursor.roster_at = at_s + within_s


def read_checks(cursor: Cursor, found: Changes) -> None:
    """Unanswered welfare checks that are new or changed; those that are over, as such."""
    standing = {row["id"]: row for row in check_rows(missed_checks())}
    found.checks = [row for pk, row in standing.items() if cursor.checks_told.get(pk) != row]
    found.checks += [
        {"id": pk, "unit": row["unit"], "over": True}
        for pk, row in cursor.checks_told.items()
        if pk not in standing
    ]
    cursor.checks_told = standing


def differing(cursor: Cursor, floor: int | None) -> tuple[list[Fix], list[LiveState]]:
    """Every fix and state whose version is not the one that was told; with `floor` only of those
    above it.

    Versions are compared first: of the last ten seconds most was told already, and whole rows of
    10,000 people at every frame would leave the live judge no time.
    """
    above = 0 if floor is None else floor
    fixes = cursor.fixes_told.new(*versions_above("patrols_latest", above))
    states = cursor.states_told.new(*versions_above("patrols_livestate", above))
    return (
        latest_fixes(fixes.tolist()),
        list(LiveState.objects.filter(person_id__in=states.tolist())),
    )


def look_at_roster(cursor: Cursor, found: Changes, now: datetime) -> None:
    """Read the roster if anything in it may have changed since it was last read."""
    mark = roster_mark(timezone.localdate(now), now)
    if mark != cursor.roster_mark:
        read_roster(cursor, found, now)
        cursor.roster_mark = mark


def read_roster(cursor: Cursor, found: Changes, now: datetime) -> None:
    """People, units and places: rare changes, read as a whole and compared."""
    cursor.parent = dict(OrgUnit.objects.values_list("pk", "parent_id"))
    roster = roster_rows(Person.objects.all(), now)
    for pk, row in roster.items():
        told = cursor.roster_told.get(pk)
        if told != row:
            found.people.append(row)
            if told is not None and told["unit"] != row["unit"]:
                found.moved[pk] = told["unit"]
    found.gone |= {pk: row["unit"] for pk, row in cursor.roster_told.items() if pk not in roster}
    cursor.roster_told = roster
    places = (
        StationChange.objects.aggregate(newest=Max("pk"))["newest"] or 0,
        ImportRun.objects.filter(dry_run=False).aggregate(newest=Max("pk"))["newest"] or 0,
    )
    found.places |= cursor.places_told is not None and places != cursor.places_told
    cursor.places_told = places
