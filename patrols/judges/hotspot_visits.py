"""Stretches on a hotspot's segments → visits, and how many count. Pure.

A visit is on the hotspot's own segments, as matched, never in a circle around it: a walk along
the parallel street is none (decision 7).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bureau.rules import Rules


@dataclass(frozen=True, slots=True)
class Stretch:
    """One person on one segment of the hotspot: seconds UTC, metres of it walked.

    active_s: time that was no stay of 10 min and more (`parked_after_s`) · by_station: whether a
    station stands beside the segment, so that a stay may have been in it.
    """

    person: int
    segment: int
    enter_s: float
    exit_s: float
    walked_m: float
    active_s: float
    by_station: bool = False

    @property
    def certain_s(self) -> float:
        """Time that was surely on the street."""
        return self.active_s if self.by_station else self.exit_s - self.enter_s

    @property
    def doubtful_s(self) -> float:
        """Time that may have been spent in a station."""
        return self.exit_s - self.enter_s - self.certain_s

    def within(self, start_s: float, end_s: float) -> "Stretch | None":
        """The part between two times, metres by the time; None if there is none."""
        enter, leave = max(self.enter_s, start_s), min(self.exit_s, end_s)
        if leave <= enter:
            return None
        share = (leave - enter) / (self.exit_s - self.enter_s)
        return replace(
            self,
            enter_s=enter,
            exit_s=leave,
            walked_m=self.walked_m * share,
            active_s=self.active_s * share,
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody on the hotspot: seconds UTC, time on its segments, share of its length walked.

    people: who, the first one first · whole: whether it is long enough to count · doubtful_s: time
    beside a station that is not in dwell_s.
    """

    people: tuple[int, ...]
    enter_s: float
    exit_s: float
    dwell_s: float
    share: float
    whole: bool = True
    doubtful_s: float = 0.0


@dataclass(slots=True)
class _Open:
    """A visit while its stretches are read."""

    person: int
    enter_s: float
    exit_s: float
    dwell_s: float = 0.0
    doubtful_s: float = 0.0
    walked_m: dict[int, float] = field(default_factory=dict)
    is_whole: bool = False


def visits_of(
    stretches: Iterable[Stretch], length_m: Mapping[int, float], rules: Rules
) -> list[Visit]:
    """Each person's own visits in time order; those too short are kept with `whole` false.

    length_m: every segment of the hotspot. A visit is whole once its time on the hotspot reaches
    `min_dwell_s` (standing there counts, it is what a school gate asks for; a stay beside a station
    does not, nobody can tell the street from the room) or the metres walked, each segment's once,
    reach `min_visit_share` of the length. Stretches less than `visit_gap_s`
    apart add up until then; later ones within the gap are the same visit seen again. What is driven
    past faster than `vehicle_speed_mps` counts by time alone.
    """
    by_person: dict[int, list[Stretch]] = {}
    for stretch in sorted(stretches, key=lambda s: (s.enter_s, s.exit_s, s.segment)):
        by_person.setdefault(stretch.person, []).append(stretch)
    total_m = sum(length_m.values())
    found = []
    for mine in by_person.values():
        found.extend(_visits_of_one(mine, length_m, total_m, rules))
    return sorted(found, key=lambda v: (v.enter_s, v.people))


def _visits_of_one(
    stretches: Sequence[Stretch], length_m: Mapping[int, float], total_m: float, rules: Rules
) -> list[Visit]:
    done: list[Visit] = []
    now: _Open | None = None
    for stretch in stretches:
        if now is not None and stretch.enter_s - now.exit_s >= rules.visit_gap_s:
            done.append(_closed(now, total_m))
            now = None
        if now is None:
            now = _Open(stretch.person, stretch.enter_s, stretch.exit_s)
        # A whole visit ends where the person leaves; a return within the gap adds nothing to it.
        elif now.is_whole and stretch.enter_s - now.exit_s > rules.max_gap_s:
            continue
        _add(now, stretch, length_m, total_m, rules)
    if now is not None:
        done.append(_closed(now, total_m))
    return done


def _add(
    now: _Open, stretch: Stretch, length_m: Mapping[int, float], total_m: float, rules: Rules
) -> None:
    lasts = stretch.exit_s - stretch.enter_s
    now.dwell_s += stretch.certain_s
    now.doubtful_s += stretch.doubtful_s
    now.exit_s = max(now.exit_s, stretch.exit_s)
    if stretch.walked_m <= rules.vehicle_speed_mps * lasts:
        before = now.walked_m.get(stretch.segment, 0.0)
        most = length_m.get(stretch.segment, 0.0)
        now.walked_m[stretch.segment] = min(most, max(before, stretch.walked_m))
    walked = sum(now.walked_m.values())
    now.is_whole |= now.dwell_s >= rules.min_dwell_s
    now.is_whole |= 0 < rules.min_visit_share * total_m <= walked


def _closed(now: _Open, total_m: float) -> Visit:
    walked = sum(now.walked_m.values())
    return Visit(
        (now.person,),
        now.enter_s,
        now.exit_s,
        now.dwell_s,
        walked / total_m if total_m else 0.0,
        now.is_whole,
        now.doubtful_s,
    )


def counted(visits: Sequence[Visit], gap_s: float) -> list[Visit]:
    """The visits of a hotspot that count, in time order: as many as can lie `gap_s` apart.

    Taking the earliest end first gives the most of them (interval scheduling), so a long stay hides
    nobody's visit. Others who were there meanwhile are named with the visit that counts.
    """
    chosen: list[Visit] = []
    for visit in sorted((v for v in visits if v.whole), key=lambda v: (v.exit_s, v.enter_s)):
        if not chosen or visit.enter_s - chosen[-1].exit_s >= gap_s:
            chosen.append(visit)
    return [
        replace(visit, people=tuple(dict.fromkeys((*visit.people, *_meanwhile(visit, visits)))))
        for visit in chosen
    ]


def _meanwhile(visit: Visit, visits: Sequence[Visit]) -> list[int]:
    return [
        person
        for other in visits
        if other.enter_s < visit.exit_s and other.exit_s > visit.enter_s
        for person in other.people
    ]


def most_possible(
    visits: Sequence[Visit], unseen: Sequence[tuple[float, float]], *, lasts_s: float, gap_s: float
) -> int:
    """How many visits there can have been at most, if every time unseen held as many as fit.

    unseen: spans in seconds UTC; a visit in one of them takes `lasts_s`. The same greedy choice as
    `counted`, over seen and possible visits together.
    """
    seen = [(v.enter_s, v.exit_s) for v in visits if v.whole]
    count, free_from = 0, float("-inf")
    while True:
        ends = [leave for enter, leave in seen if enter >= free_from]
        for start, end in unseen:
            leave = max(start, free_from) + lasts_s
            if leave <= end:
                ends.append(leave)
        if not ends:
            return count
        count += 1
        free_from = min(ends) + gap_s
