"""One local day of some people, derived from their fixes. Pure.

Every second of duty gets one reason, so that a person can appeal a reason and not a number.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from bureau.rules import Rules
from geo.roads import Roads
from geo.shared_phones import SharedPhone, shared_phones, without_shared
from geo.smoothing import TICK_S
from geo.stays import Kind
from geo.together import groups
from geo.track import Bools, Fault, Fixes, Floats, Ints, in_order, runs
from geo.two_phones import Apart, phones_apart
from geo.walks import Walks, company, off_streets, on_streets, walks_of
from patrols.company import CompanyPart, company_of
from patrols.flags import DayFlag, clock_flags, look_over, one_place, two_phones
from patrols.wire.reading import Flag

# Fixes this long before and after a day are read too, so that a stay over midnight is one stay.
MARGIN_S = 1200.0

# So many people's streets are looked for at once.
BATCH = 40

type Windows = Sequence[tuple[float, float]]


class SpanReason(StrEnum):
    """What a second of duty was."""

    MOVING = "moving"
    SHORT_STOP = "short_stop"
    LONG_STOP = "long_stop"
    GAP_CREDITED = "gap_credited"
    PARKED = "parked"
    GAP_UNKNOWN = "gap_unknown"
    NO_SIGNAL = "no_signal"
    SUSPECT = "suspect"
    OFF_BEAT = "off_beat"


CREDITED = frozenset(
    {SpanReason.MOVING, SpanReason.SHORT_STOP, SpanReason.LONG_STOP, SpanReason.GAP_CREDITED}
)
UNKNOWN = frozenset({SpanReason.GAP_UNKNOWN, SpanReason.NO_SIGNAL, SpanReason.SUSPECT})
REASONS = list(SpanReason)  # the code of a reason is its index; -1 is off duty
BY_KIND = {
    Kind.MOVING: SpanReason.MOVING,
    Kind.SHORT_STOP: SpanReason.SHORT_STOP,
    Kind.LONG_STOP: SpanReason.LONG_STOP,
    Kind.PARKED: SpanReason.PARKED,
    Kind.GAP_CREDITED: SpanReason.GAP_CREDITED,
    Kind.GAP_UNKNOWN: SpanReason.GAP_UNKNOWN,
}


@dataclass(frozen=True, eq=False)
class Ground:
    """The streets of a unit: which segments of the network (m,) are its own, and its area in
    metres on the network's plane. drawn: the same as it was drawn, lon/lat degrees.

    Off every street the area decides; without one (None) all ground is the unit's. mark: changes
    with the areas that were drawn.
    """

    own: Bools
    area: BaseGeometry | None
    mark: str = ""
    drawn: tuple[BaseGeometry, ...] = ()


@dataclass(frozen=True)
class OnePerson:
    """Who is looked at: person id, ground, and times as seconds UTC.

    allowed: shift with its slack, patrols: fixes there may earn minutes · expected: shift and
    patrols themselves: silence there is unknown time · partners: person id, from, until of each
    declared patrol partner · gone: the same of those who were together with the person, and whose
    positions have been deleted since.
    """

    person: int
    ground: Ground
    allowed: Windows
    expected: Windows
    partners: Sequence[tuple[int, float, float]] = ()
    gone: Sequence[tuple[int, float, float]] = ()


@dataclass(frozen=True)
class Observed:
    """Stored fixes in any order, (n,): person id, seconds UTC, degrees, metres, `Flag` bits, and
    when the server received them (seconds UTC; None where nobody asks about clocks)."""

    person: Ints
    t_s: Floats
    lon_deg: Floats
    lat_deg: Floats
    accuracy_m: Floats
    flags: Ints
    received_s: Floats | None = None
    phone: Ints | None = None  # id of the phone of each; None where one track is one phone


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one reason; seconds after the local midnight."""

    start_s: float
    end_s: float
    reason: SpanReason

    @property
    def credited(self) -> bool:
        """Whether it earns minutes."""
        return self.reason in CREDITED


@dataclass(frozen=True, slots=True)
class StreetVisit:
    """A stretch on one street segment; seconds UTC."""

    segment: int
    enter_s: float
    exit_s: float
    active_s: float
    walked_share: float


@dataclass
class DerivedDay:
    """What a person's day came to; see `PersonDay` for the numbers."""

    person: int
    fixes: int = 0
    unused: dict[str, int] = field(default_factory=dict)
    flags: list[DayFlag] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    company: list[CompanyPart] = field(default_factory=list)
    visits: list[StreetVisit] = field(default_factory=list)
    vehicle_s: float = 0.0

    def seconds(self, reasons: frozenset[SpanReason] | set[SpanReason]) -> float:
        """Time with any of the reasons."""
        return float(sum(s.end_s - s.start_s for s in self.spans if s.reason in reasons))

    def company_s(self, kind: str) -> float:
        """Patrol time in one kind of company."""
        return float(sum(c.end_s - c.start_s for c in self.company if c.company == kind))


def to_fixes(
    roads: Roads, people: Sequence[OnePerson], seen: Observed
) -> tuple[Fixes, list[Apart]]:
    """Stored fixes → `Fixes` on the network's plane, the track being the place in `people`; and
    where a person's phones were at two places."""
    track = _tracks(people, seen.person)
    x, y = roads.plane.to_metres(seen.lon_deg, seen.lat_deg)
    fault = np.zeros(len(track), np.int64)
    fault[seen.flags & Flag.NO_TIME != 0] |= Fault.NO_TIME
    fault[seen.flags & Flag.MOCK != 0] |= Fault.MOCK
    fault[seen.flags & Flag.SYNTHETIC != 0] |= Fault.SYNTHETIC
    apart: list[Apart] = []
    if seen.phone is not None:
        good = np.flatnonzero(fault == 0)
        aside, apart = phones_apart(
            track[good], seen.phone[good], seen.t_s[good], x[good], y[good], len(people)
        )
        fault[good[aside]] |= Fault.OTHER_PHONE
    return in_order(track, seen.t_s, x, y, seen.accuracy_m, fault), apart


def _tracks(people: Sequence[OnePerson], person: Ints) -> Ints:
    """The place in `people` of each person id."""
    ids = np.array([one.person for one in people], np.int64)
    order = np.argsort(ids)
    return order[np.minimum(np.searchsorted(ids[order], person), max(len(ids) - 1, 0))]


def derive(
    roads: Roads,
    people: Sequence[OnePerson],
    seen: Observed,
    bounds_s: tuple[float, float],
    rules: Rules,
    *,
    wanted: Collection[int] | None = None,
) -> list[DerivedDay]:
    """The local day within `bounds_s` (seconds UTC) of each person, in the order given.

    `seen` holds their fixes from `MARGIN_S` before to `MARGIN_S` after the day. With `wanted` only
    the days of these person ids; the others are looked at only as their company.
    """
    fixes, apart = to_fixes(roads, people, seen)
    followed = off_streets(fixes, rules)
    clocked, spans = company(followed, len(people), rules)
    shared = shared_phones(followed.fixes, spans)
    joined = groups(without_shared(spans, shared))
    flagged = look_over(followed, spans, shared, [one.person for one in people], bounds_s)
    clocks = _clocks(people, seen, bounds_s)
    everybody = [(p.person, p.partners) for p in people]
    start_s = bounds_s[0]
    tracks = [track for track, one in enumerate(people) if wanted is None or one.person in wanted]
    days = []
    for first in range(0, len(tracks), BATCH):
        batch = tracks[first : first + BATCH]
        # Streets for some people at a time: what is kept of each fix is many times its size.
        walks = on_streets(roads, walks_of(followed, batch))
        own = _on_own_ground(roads, people, walks)
        for track in batch:
            one = people[track]
            day = DerivedDay(one.person)
            code = _reasons(one, walks, track, own, bounds_s)
            day.spans = _spans(code)
            _count_fixes(day, walks, track, bounds_s)
            mine = _ticks_of(walks, track)
            driven = walks.ticks.piece_mode[walks.ticks.piece[mine]] == 2
            row = walks.ticks.tick[mine] - round(start_s / TICK_S)
            inside = (row >= 0) & (row < len(code))
            earned = np.isin(code, [REASONS.index(r) for r in CREDITED])
            day.vehicle_s = float((driven[inside] & earned[row[inside]]).sum() * TICK_S)
            day.company = company_of(
                everybody,
                track,
                clocked,
                joined,
                earned,
                start_s,
                rules,
                doubted=_doubted(shared, track),
                gone=one.gone,
            )
            day.flags = sorted(
                [
                    *flagged[track],
                    *clocks[track],
                    *two_phones(track, apart, bounds_s),
                    *_indoors(day),
                ],
                key=_order,
            )
            day.visits = _visits(roads, walks, track, one.allowed, bounds_s)
            days.append(day)
    return days


def _doubted(shared: Sequence[SharedPhone], track: int) -> list[tuple[int, float, float]]:
    """With whom the track shares a phone, and when."""
    return [
        (one.b if one.a == track else one.a, one.start_s, one.end_s)
        for one in shared
        if track in (one.a, one.b)
    ]


def _clocks(
    people: Sequence[OnePerson], seen: Observed, bounds_s: tuple[float, float]
) -> list[list[DayFlag]]:
    """What the phones' clocks say; nothing where the receive times are not given."""
    if seen.received_s is None or not people:
        return [[] for _ in people]
    track = _tracks(people, seen.person)
    return clock_flags(track, seen.t_s, seen.received_s, seen.flags, len(people), bounds_s)


def _indoors(day: DerivedDay) -> list[DayFlag]:
    """The flag of a day in one place, if it was one."""
    if not day.spans:
        return []
    active = day.seconds(CREDITED | {SpanReason.OFF_BEAT})
    parked = day.seconds({SpanReason.PARKED})
    flag = one_place(day.spans[0].start_s, day.spans[-1].end_s, parked, active)
    return [flag] if flag else []


def _order(flag: DayFlag) -> tuple[float, str, int]:
    return flag.start_s, flag.code, flag.other


def _on_own_ground(roads: Roads, people: Sequence[OnePerson], walks: Walks) -> Bools:
    """Which ticks lie on the own unit's streets, or off street inside its area."""
    ticks = walks.ticks
    track = ticks.track
    own = np.zeros(len(ticks), dtype=np.bool_)
    on_street = walks.passage_at >= 0
    segment = roads.network.index_of(walks.passages.segment[walks.passage_at[on_street]])
    grounds = list({id(one.ground): one.ground for one in people}.values())
    which = np.array([next(i for i, g in enumerate(grounds) if g is one.ground) for one in people])
    ground_of = which[track] if len(track) else np.empty(0, np.int64)
    for i, ground in enumerate(grounds):
        here = ground_of == i
        known = here[on_street] & (segment >= 0)
        at = np.flatnonzero(on_street)[known]
        own[at] = ground.own[segment[known]]
        off = here & ~on_street
        if off.any():
            if ground.area is None:
                own[off] = True
            else:
                own[off] = shapely.contains_xy(ground.area, ticks.x_m[off], ticks.y_m[off])
    return own


def _reasons(
    one: OnePerson, walks: Walks, track: int, own: Bools, bounds_s: tuple[float, float]
) -> NDArray[np.int8]:
    """The reason of each tick of the day, (17,280,) where the day has 24 hours; -1 off duty."""
    start_s = bounds_s[0]
    rows = round((bounds_s[1] - start_s) / TICK_S)
    code = np.full(rows, -1, np.int8)
    allowed = _mask(one.allowed, rows, start_s)
    code[_mask(one.expected, rows, start_s)] = REASONS.index(SpanReason.NO_SIGNAL)
    mock = _suspect(walks, track, rows, start_s)
    code[(code >= 0) & mock] = REASONS.index(SpanReason.SUSPECT)
    silent = code.copy()
    mine = _ticks_of(walks, track)
    row = walks.ticks.tick[mine] - round(start_s / TICK_S)
    inside = (row >= 0) & (row < rows)
    mine, row = mine[inside], row[inside]
    for kind, reason in BY_KIND.items():
        code[row[walks.kind[mine] == kind]] = REASONS.index(reason)
    earns = np.isin(code[row], [REASONS.index(r) for r in CREDITED])
    code[row[earns & ~own[mine]]] = REASONS.index(SpanReason.OFF_BEAT)
    gap = code == REASONS.index(SpanReason.GAP_UNKNOWN)
    code[gap & (silent < 0)] = -1  # before or after the shift nothing is owed
    code[gap & mock & (silent >= 0)] = REASONS.index(SpanReason.SUSPECT)
    code[~allowed] = -1
    return code


def _ticks_of(walks: Walks, track: int) -> Ints:
    """The ticks of one track; pieces are in the order of tracks."""
    pieces = np.searchsorted(walks.ticks.piece_track, (track, track + 1))
    return np.arange(*np.searchsorted(walks.ticks.piece, pieces))


def _mask(windows: Windows, rows: int, start_s: float) -> Bools:
    mask = np.zeros(rows, dtype=np.bool_)
    for begin, end in windows:
        mask[_window(begin, end, start_s)] = True
    return mask


def _window(begin_s: float, end_s: float, start_s: float) -> slice:
    """The ticks of the day between two times."""
    first = max(0, round((begin_s - start_s) / TICK_S))
    return slice(first, max(first, round((end_s - start_s) / TICK_S)))


def _suspect(walks: Walks, track: int, rows: int, start_s: float) -> Bools:
    """Ticks around fixes that the phone itself calls made up."""
    own = slice(*np.searchsorted(walks.fixes.track, (track, track + 1)))
    times = walks.fixes.t_s[own][walks.fixes.fault[own] & Fault.MOCK != 0]
    return _mask([(t - 60.0, t + 60.0) for t in times.tolist()], rows, start_s)


def _spans(code: NDArray[np.int8]) -> list[Span]:
    begin, end = runs(code)
    return [
        Span(b * TICK_S, e * TICK_S, REASONS[int(code[b])])
        for b, e in zip(begin.tolist(), end.tolist(), strict=True)
        if code[b] >= 0
    ]


def _count_fixes(day: DerivedDay, walks: Walks, track: int, bounds_s: tuple[float, float]) -> None:
    """How many fixes the day has, and why some were not used."""
    fixes = walks.fixes
    own = slice(*np.searchsorted(fixes.track, (track, track + 1)))
    today = (fixes.t_s[own] >= bounds_s[0]) & (fixes.t_s[own] < bounds_s[1])
    fault = fixes.fault[own][today]
    day.fixes = int(today.sum())
    counts = Counter(
        {f.name.lower(): int((fault & f != 0).sum()) for f in Fault if f and f.name is not None}
    )
    day.unused = {name: count for name, count in counts.items() if count}


def _visits(
    roads: Roads, walks: Walks, track: int, allowed: Windows, bounds_s: tuple[float, float]
) -> list[StreetVisit]:
    """Time on each segment that began on this day and on duty."""
    walked = walks.passages
    pieces = np.searchsorted(walks.ticks.piece_track, (track, track + 1))
    first, last = np.searchsorted(walked.piece, pieces).tolist()
    enter_s, exit_s = walked.enter_s[first:last], walked.exit_s[first:last]
    today = (enter_s >= bounds_s[0]) & (enter_s < bounds_s[1])
    duty = np.zeros(len(enter_s), dtype=np.bool_)
    for begin, end in allowed:
        duty |= (exit_s > begin) & (enter_s < end)
    chosen = first + np.flatnonzero(today & duty)
    index = roads.network.index_of(walked.segment[chosen])
    length = roads.length_m[index]
    share = np.minimum(1.0, walked.walked_m[chosen] / np.maximum(length, 0.1))
    # To the millisecond: solved for other people beside them, the digits after that differ.
    columns = (
        walked.segment[chosen],
        np.round(walked.enter_s[chosen], 3),
        np.round(walked.exit_s[chosen], 3),
        np.round(walks.active_s[chosen], 3),
        np.round(share, 6),
    )
    return [StreetVisit(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
