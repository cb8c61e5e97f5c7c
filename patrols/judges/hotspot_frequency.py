"""Was a hotspot visited as often as its hours ask? (C3: 重点区域、路段巡查频率)

Three things are said of each span of hours: how often (frequency), how long each time (duration)
and how far apart (intermittency). The verdict rests on the first alone; the required numbers are
the bureau's own or our defaults, for no document gives one. It is about a place, not a person.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bureau.rules import Rules
from patrols.judges.hotspot_slots import Slot
from patrols.judges.hotspot_visits import Stretch, Visit, counted, most_possible, visits_of
from patrols.judges.judgement import Judgement, Outcome, Reason

type Spans = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class HotspotFacts:
    """A hotspot's week, seconds UTC.

    length_m: its segments and their lengths · stretches: everybody's time on them · slots: what is
    owed · duty, unseen: when people of its unit were on duty, and when a phone of theirs was silent
    meanwhile · now_s: what ends later is not judged · calendar_provisional: see WeekFacts ·
    replaced: an import has put others in the place of some of its streets, where walks count now.
    """

    length_m: Mapping[int, float]
    stretches: Sequence[Stretch]
    slots: Sequence[Slot]
    duty: Spans = ()
    unseen: Spans = ()
    now_s: float = float("inf")
    calendar_provisional: bool = False
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class SlotJudgement:
    """What is said of one span of hours.

    made: visits that count · possible: at most, had every silence held as many as fit · visits:
    those that count · short: passes too short to count · longest_away_s: the longest time between
    two of them, or to the ends of the hours.
    """

    slot: Slot
    outcome: Outcome
    reason: Reason
    made: int
    possible: int
    visits: tuple[Visit, ...]
    short: tuple[Visit, ...]
    longest_away_s: float

    @property
    def missing(self) -> int:
        """Visits still missing; none where nothing is owed."""
        return max(0, self.slot.required - self.made) if self.slot.owed else 0

    @property
    def is_pending(self) -> bool:
        """Whether its hours are not over."""
        return self.reason == Reason.WEEK_NOT_OVER


@dataclass(frozen=True, slots=True)
class HotspotJudgement:
    """The week's answer, what it rests on slot by slot, and all whole visits of the week."""

    week: Judgement
    slots: tuple[SlotJudgement, ...]
    visits: tuple[Visit, ...]


def judge(facts: HotspotFacts, rules: Rules) -> HotspotJudgement:
    """Met if every span of hours that owes visits has them.

    A span is not met only if its visits would be too few even if every silence of 5 min
    (`min_dwell_s`) and more had held as many as fit 60 min (`visit_gap_s`) apart. It cannot be
    judged where the unit's phones were silent so long, where a stay beside a station may have been
    a visit, or where the roster had too little duty for so many visits (without duty no positions
    are taken); it is borderline where passes short of a visit by less than the error band decide.
    The week is not met if any span is not; before its end it is not judged unless met.
    """
    ordered = sorted(facts.stretches, key=lambda s: s.enter_s)
    enters = [stretch.enter_s for stretch in ordered]
    longest = max((s.exit_s - s.enter_s for s in ordered), default=0.0)

    def judge_slot(slot: Slot) -> SlotJudgement:
        first = bisect_left(enters, slot.start_s - longest)
        within = ordered[first : bisect_left(enters, slot.end_s)]
        return _judge_slot(slot, within, facts, rules)

    slots = tuple(judge_slot(slot) for slot in facts.slots)
    owed = [one for one in slots if one.slot.owed and one.slot.required]
    ended = [one for one in owed if not one.is_pending]
    outcome, reason = _of_week(owed)
    visits = counted(visits_of(facts.stretches, facts.length_m, rules), rules.visit_gap_s)
    dwells = sorted(visit.dwell_s for visit in visits)
    numbers: dict[str, float | list[float]] = {
        "required": float(sum(one.slot.required for one in owed)),
        "due": float(sum(one.slot.required for one in ended)),
        "made": float(sum(min(one.made, one.slot.required) for one in owed)),
        "missing": float(sum(one.missing for one in ended)),
        "median_dwell_s": dwells[len(dwells) // 2] if dwells else 0.0,
        "longest_away_s": max((one.longest_away_s for one in ended), default=0.0),
    }
    reasons = [reason]
    if facts.calendar_provisional:
        reasons.append(Reason.CALENDAR_PROVISIONAL)
    return HotspotJudgement(Judgement(outcome, numbers, tuple(reasons)), slots, tuple(visits))


def _judge_slot(
    slot: Slot, near: Sequence[Stretch], facts: HotspotFacts, rules: Rules
) -> SlotJudgement:
    stretches = [
        part for stretch in near if (part := stretch.within(slot.start_s, slot.end_s)) is not None
    ]
    found = visits_of(stretches, facts.length_m, rules)
    made = counted(found, rules.visit_gap_s)
    lasts_s = float(rules.min_dwell_s)
    unseen = clipped(facts.unseen, slot.start_s, min(slot.end_s, facts.now_s))
    unseen += [(s.enter_s, s.exit_s) for s in stretches if s.doubtful_s >= lasts_s]
    possible = most_possible(found, unseen, lasts_s=lasts_s, gap_s=rules.visit_gap_s)
    slack = 1 - rules.error_band
    nearly = replace(
        rules,
        min_dwell_s=int(rules.min_dwell_s * slack),
        min_visit_share=rules.min_visit_share * slack,
    )

    def answer() -> tuple[Outcome, Reason]:
        if not slot.owed or not slot.required:
            return Outcome.EXEMPT, Reason.NOTHING_OWED
        if len(made) >= slot.required:
            return Outcome.MET, Reason.ENOUGH
        if facts.now_s < slot.end_s:
            return Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER
        almost = counted(visits_of(stretches, facts.length_m, nearly), rules.visit_gap_s)
        if len(almost) >= slot.required:
            return Outcome.BORDERLINE, Reason.VISITS_NEARLY
        duty = clipped(facts.duty, slot.start_s, slot.end_s)
        if most_possible((), duty, lasts_s=lasts_s, gap_s=rules.visit_gap_s) < slot.required:
            return Outcome.CANNOT_JUDGE, Reason.NOBODY_ON_DUTY
        if possible >= slot.required:
            return Outcome.CANNOT_JUDGE, Reason.VISITS_UNSEEN
        if facts.replaced:
            return Outcome.CANNOT_JUDGE, Reason.STREETS_REPLACED
        return Outcome.NOT_MET, Reason.VISITS_MISSING

    return SlotJudgement(
        slot,
        *answer(),
        len(made),
        possible,
        tuple(made),
        tuple(visit for visit in found if not visit.whole),
        _longest_away_s(slot, made),
    )


def _of_week(owed: Sequence[SlotJudgement]) -> tuple[Outcome, Reason]:
    """The gravest answer of the spans, so that no missing visit hides behind a silent phone."""
    if not owed:
        return Outcome.EXEMPT, Reason.NOTHING_OWED
    if any(one.is_pending for one in owed):
        return Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER
    for outcome in (Outcome.NOT_MET, Outcome.CANNOT_JUDGE, Outcome.BORDERLINE):
        for one in owed:
            if one.outcome == outcome:
                return outcome, one.reason
    return Outcome.MET, Reason.ENOUGH


def _longest_away_s(slot: Slot, visits: Sequence[Visit]) -> float:
    at = slot.start_s
    longest = 0.0
    for visit in visits:
        longest = max(longest, visit.enter_s - at)
        at = max(at, visit.exit_s)
    return max(longest, slot.end_s - at)


def clipped(spans: Spans, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """The parts of spans between two times."""
    return [
        (max(begin, start_s), min(end, end_s))
        for begin, end in spans
        if min(end, end_s) > max(begin, start_s)
    ]
