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

from patrols.live import Fix, Row, is_shown, state_row
from patrols.models import LiveState
from patrols.order_rows import cut
from realtime.changes import Changes
from realtime.frames import MOVE, Frame, Moves, pack_moves


@dataclass
class Picture:
    """The live picture of all bureaus as the ticker knows it."""

    fixes: dict[int, Fix] = field(default_factory=dict)
    states: dict[int, LiveState] = field(default_factory=dict)
    roster: dict[int, Row] = field(default_factory=dict)
    parent: dict[int, int | None] = field(default_factory=dict)  # unit → the unit above

    def apply(
        self, changes: Changes, roster: dict[int, Row], parent: dict[int, int | None]
    ) -> Tick:
        """Take in what one look found; what is to be told of it."""
        self.roster, self.parent = roster, parent
        told = {fix.person for fix in changes.fixes} | changes.moved.keys()
        restated = {state.person_id for state in changes.states} | changes.moved.keys()
        self.fixes.update((fix.person, fix) for fix in changes.fixes)
        for state in changes.states:
            before = self.states.get(state.person_id)
            if before is None or before.duty_since != state.duty_since:
                told.add(state.person_id)  # duty begins: the place may be shown from now on
            self.states[state.person_id] = state
        return Tick(
            changes=changes,
            told=sorted(p for p in told if p in self.fixes and p in roster),
            restated=sorted(p for p in restated if p in self.states and p in roster),
        )


@dataclass
class Tick:
    """What one tick tells, before it is cut into groups."""

    changes: Changes
    told: list[int]
    restated: list[int]


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
            fix
            for fix in (picture.fixes[person] for person in self.tick.told)
            if is_shown(fix, picture.states.get(fix.person), self.at_ms)
        ]
        self.moves = to_moves(shown, self.at_ms)
        self.units = np.array([picture.roster[fix.person]["unit"] for fix in shown], dtype=np.int64)
        self.below = units_below(picture.parent)

    def frame(self, unit: int) -> Frame:
        """The frame of one group."""
        units = self.below.get(unit, set())
        moves = self.moves[np.isin(self.units, list(units))] if len(self.moves) else self.moves
        return Frame(self.epoch, self.number, unit, self.at_ms, moves, self.rest(units))

    def rest(self, units: set[int]) -> Row:
        """The rare part: only keys that have something to say."""
        changes, roster = self.tick.changes, self.picture.roster
        restated = [p for p in self.tick.restated if roster[p]["unit"] in units]
        rest: Row = {}
        if restated:
            seen = {pk for pk, row in roster.items() if row["unit"] in units}
            rest["states"] = [state_row(self.picture.states[p], seen) for p in restated]
        if people := [row for row in changes.people if row["unit"] in units]:
            rest["people"] = people
        left = [
            person
            for person, before in (changes.gone | changes.moved).items()
            if before in units and (person not in roster or roster[person]["unit"] not in units)
        ]
        if left:
            rest["gone"] = sorted(left)
        if alarms := [row for row in changes.alarms if row["unit"] in units]:
            rest["alarms"] = alarms
        if orders := [cut(row, units) for row in changes.orders if row["unit"] in units]:
            rest["orders"] = orders
        if changes.places:
            rest["places"] = True
        if self.judged_ms is not None:
            rest["judged"] = self.judged_ms
        return rest


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
