"""Changes → one frame per watched unit.

A group is a unit with everything below it, which is what one user's scope is. So a frame is built
for a scope as a whole, and a dispatcher of unit A is never sent a byte about unit B: there is no
filtering at the socket that could be forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from patrols.live import Row, guest_row, guest_state_row, ms, state_row
from patrols.models import LiveState
from patrols.order_rows import cut
from patrols.storage.latest import Fix
from realtime.changes import Changes
from realtime.frames import MOVE, Frame, Moves, pack_moves


@dataclass(frozen=True, slots=True)
class Reach:
    """A person with an open SOS that is shown to all who watch `unit` or one below."""

    person: int
    unit: int
    unit_name: str  # of the person's own unit


@dataclass
class Picture:
    """The live picture of all bureaus as the ticker knows it."""

    fixes: dict[int, Fix] = field(default_factory=dict)
    states: dict[int, LiveState] = field(default_factory=dict)
    roster: dict[int, Row] = field(default_factory=dict)
    parent: dict[int, int | None] = field(default_factory=dict)  # unit → the unit above
    reaches: dict[int, Reach] = field(default_factory=dict)  # by alarm
    duty_ms: dict[int, tuple[int, int]] = field(default_factory=dict)  # person → since, until

    def apply(
        self, changes: Changes, roster: dict[int, Row], parent: dict[int, int | None]
    ) -> Tick:
        """Take in what one look found; what is to be told of it."""
        self.roster, self.parent = roster, parent
        widened = self.widen(changes.alarms)
        entered = {after.person for _, after in widened if after is not None}
        told = {fix.person for fix in changes.fixes} | changes.moved.keys() | entered
        restated = {state.person_id for state in changes.states} | changes.moved.keys() | entered
        self.fixes.update((fix.person, fix) for fix in changes.fixes)
        for state in changes.states:
            before = self.states.get(state.person_id)
            if before is None or before.duty_since != state.duty_since:
                told.add(state.person_id)  # duty begins: the place may be shown from now on
            self.states[state.person_id] = state
            self.duty_ms[state.person_id] = ms(state.duty_since) or 0, ms(state.duty_until) or 0
        return Tick(
            changes=changes,
            told=sorted(p for p in told if p in self.fixes and p in roster),
            restated=sorted(p for p in restated if p in self.states and p in roster),
            widened=widened,
        )

    def shows(self, person: int, now_ms: int) -> bool:
        """Whether the person's fix may be on the map now, as `patrols.live.is_shown` says it."""
        since_ms, until_ms = self.duty_ms.get(person, (0, 0))
        return since_ms <= now_ms < until_ms and self.fixes[person].recorded_ms >= since_ms

    def widen(self, alarms: list[Row]) -> list[tuple[Reach | None, Reach | None]]:
        """Take in how far alarms reach; (before, after) of each that reaches elsewhere now."""
        found = []
        for row in alarms:
            before, after = self.reaches.pop(row["id"], None), None
            if row["reach"] is not None and row["closed"] is None:
                after = Reach(row["person"], row["reach"]["unit"], row["unit_name"])
                self.reaches[row["id"]] = after
            if before != after:
                found.append((before, after))
        return found


@dataclass
class Tick:
    """What one tick tells, before it is cut into groups."""

    changes: Changes
    told: list[int]
    restated: list[int]
    widened: list[tuple[Reach | None, Reach | None]] = field(default_factory=list)


@dataclass
class Cutter:
    """Cuts one tick into frames; built once per tick, asked once per group."""

    picture: Picture
    tick: Tick
    epoch: int
    number: int
    at_ms: int
    judged_ms: int | None = None
    moves: Moves = field(init=False)
    units: NDArray[np.int64] = field(init=False)
    below: dict[int, set[int]] = field(init=False)

    def __post_init__(self) -> None:
        picture = self.picture
        shown = [
            picture.fixes[person] for person in self.tick.told if picture.shows(person, self.at_ms)
        ]
        self.moves = to_moves(shown, self.at_ms)
        self.units = np.array([picture.roster[fix.person]["unit"] for fix in shown], dtype=np.int64)
        self.below = units_below(picture.parent)

    def frame(self, unit: int) -> Frame:
        """The frame of one group."""
        units = self.below.get(unit, set())
        guests = self.guests(unit, units)
        moves = self.moves
        if len(moves):
            mine = np.isin(self.units, list(units))
            if guests:
                mine |= np.isin(moves["person"], list(guests))
            moves = moves[mine]
        return Frame(
            self.epoch, self.number, unit, self.at_ms, moves, self.rest(unit, units, guests)
        )

    def guests(self, unit: int, units: set[int]) -> dict[int, str]:
        """People of other units whose open SOS reaches this one → the name of their unit."""
        roster = self.picture.roster
        return {
            reach.person: reach.unit_name
            for reach in self.picture.reaches.values()
            if self.is_reached(unit, reach)
            and reach.person in roster
            and roster[reach.person]["unit"] not in units
        }

    def is_reached(self, unit: int, reach: Reach | None) -> bool:
        """Whether a unit's watchers are among those whom an alarm reaches."""
        return reach is not None and unit in self.below.get(reach.unit, set())

    def rest(self, unit: int, units: set[int], guests: Mapping[int, str]) -> Row:
        """The rare part: only keys that have something to say."""
        changes, roster = self.tick.changes, self.picture.roster
        restated = [p for p in self.tick.restated if roster[p]["unit"] in units]
        rest: Row = {}
        if restated:
            seen = {pk for pk, row in roster.items() if row["unit"] in units}
            rest["states"] = [state_row(self.picture.states[p], seen) for p in restated]
        if visiting := [p for p in self.tick.restated if p in guests]:
            rest.setdefault("states", []).extend(
                guest_state_row(self.picture.states[p]) for p in visiting
            )
        people = [row for row in changes.people if row["unit"] in units]
        if guests:
            new = {after.person for _, after in self.tick.widened if after is not None}
            new |= {row["id"] for row in changes.people}
            people += [guest_row(roster[p], guests[p]) for p in sorted(new & guests.keys())]
        if people:
            rest["people"] = people
        left = {
            person
            for person, before in (changes.gone | changes.moved).items()
            if before in units and (person not in roster or roster[person]["unit"] not in units)
        }
        left |= {
            before.person
            for before, _ in self.tick.widened
            if before is not None
            and self.is_reached(unit, before)
            and (before.person not in roster or roster[before.person]["unit"] not in units)
        }
        if left := left - guests.keys():
            rest["gone"] = sorted(left)
        rest |= self.alarms(unit, units)
        if orders := [cut(row, units) for row in changes.orders if row["unit"] in units]:
            rest["orders"] = orders
        if checks := [row for row in changes.checks if row["unit"] in units]:
            rest["checks"] = checks
        if changes.places:
            rest["places"] = True
        if self.judged_ms is not None:
            rest["judged"] = self.judged_ms
        return rest

    def alarms(self, unit: int, units: set[int]) -> Row:
        """Alarms of these units that changed, and those that reach them; `over`: they no longer do.

        Of an alarm that was only widened to a unit nothing is told after its closing.
        """
        told, over = [], []
        for row in self.tick.changes.alarms:
            if row["unit"] in units:
                told.append(row)
            elif row["reach"] and unit in self.below.get(row["reach"]["unit"], set()):
                if row["closed"] is None:
                    told.append(row)
                else:
                    over.append(row["id"])
        return ({"alarms": told} if told else {}) | ({"over": over} if over else {})


def to_moves(fixes: list[Fix], at_ms: int) -> Moves:
    """Fixes as the packed part of a frame."""
    if not fixes:
        return np.zeros(0, dtype=MOVE)
    return pack_moves(
        person=[fix.person for fix in fixes],
        lon_deg=[fix.lon_deg for fix in fixes],
        lat_deg=[fix.lat_deg for fix in fixes],
        recorded_ms=[fix.recorded_ms for fix in fixes],
        received_ms=[fix.received_ms for fix in fixes],
        course_deg=[fix.course_deg for fix in fixes],
        speed_mps=[fix.speed_mps for fix in fixes],
        accuracy_m=[fix.accuracy_m for fix in fixes],
        battery=[fix.battery for fix in fixes],
        at_ms=at_ms,
    )


def units_below(parent: Mapping[int, int | None]) -> dict[int, set[int]]:
    """Unit → itself and all units below it, for every unit."""
    below: dict[int, set[int]] = defaultdict(set)
    for unit in parent:
        above: int | None = unit
        while above is not None and unit not in below[above]:
            below[above].add(unit)
            above = parent.get(above)
    return dict(below)
