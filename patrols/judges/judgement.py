"""What a judge is given and what it answers. Pure: no database, no clock, no language."""

from dataclasses import dataclass, field
from enum import StrEnum

from bureau.rules import Rules


class Outcome(StrEnum):
    """The five answers (达标, 未达标, 临界待复核, 无法判定, 免考核)."""

    MET = "met"
    NOT_MET = "not_met"
    BORDERLINE = "borderline"
    CANNOT_JUDGE = "cannot_judge"
    EXEMPT = "exempt"


class Reason(StrEnum):
    """Why an answer is what it is, or what to know beside it; the pages have the sentences."""

    ENOUGH = "enough"
    TOO_LITTLE = "too_little"
    WITHIN_ERROR_BAND = "within_error_band"
    UNKNOWN_TIME_DECIDES = "unknown_time_decides"
    WEEK_NOT_OVER = "week_not_over"
    SILENT_ALL_WEEK = "silent_all_week"
    NOT_ROSTERED = "not_rostered"
    NO_WORKING_DAYS = "no_working_days"
    ON_LEAVE = "on_leave"
    NO_PATROL_TIME = "no_patrol_time"
    COMPANY_UNKNOWN = "company_unknown"
    NEVER_IN_COMPANY = "never_in_company"
    WEAK_SIGNAL = "weak_signal"
    CALENDAR_PROVISIONAL = "calendar_provisional"
    REFUSED_POSITIONS = "refused_positions"
    OWED_BY_SQUAD = "owed_by_squad"
    PAIR_IN_DOUBT = "pair_in_doubt"
    # Hotspots
    VISITS_MISSING = "visits_missing"
    VISITS_UNSEEN = "visits_unseen"
    VISITS_NEARLY = "visits_nearly"
    NOBODY_ON_DUTY = "nobody_on_duty"
    STREETS_REPLACED = "streets_replaced"
    NOTHING_OWED = "nothing_owed"
    # Enforcement
    OFFICER_MISSING = "certified_officer_missing"
    AUXILIARY = "auxiliary"
    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_OUT_OF_DATE = "certificate_out_of_date"
    ONE_PHONE = "one_phone"
    IDENTICAL_TRACK = "identical_track"
    # Drill, desks and chairs
    SESSION_MISSING = "session_missing"
    DRILL_DAYS_OFF = "drill_days_off"
    NOBODY_BASED = "nobody_based"
    SEATS_SHORT = "seats_short"


@dataclass(frozen=True, slots=True)
class DayFacts:
    """One person's local day in seconds: what the stages found.

    together_s, alone_s and company_unknown_s add up to credited_s; alone_spans_s are the lengths
    of the spans alone, each of the day it began on, with the next one where little lay between.
    vehicle_s and bicycle_s are parts of credited_s. pair_in_doubt: two accounts reported from one
    phone or by one track; that time is in company_unknown_s already.
    """

    duty_s: float = 0.0
    credited_s: float = 0.0
    unknown_s: float = 0.0
    parked_s: float = 0.0
    off_beat_s: float = 0.0
    vehicle_s: float = 0.0
    bicycle_s: float = 0.0
    together_s: float = 0.0
    alone_s: float = 0.0
    company_unknown_s: float = 0.0
    pair_in_doubt: bool = False
    alone_spans_s: tuple[float, ...] = ()
    fixes: int = 0


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """One person's week, Monday first: seven days, and what the calendar and roster say.

    working_days: working days of the week · leave_days: those of them on leave · over: whether
    the week has ended · refused: positions refused for want of a shift.
    """

    days: tuple[DayFacts, ...]
    working_days: int
    leave_days: int = 0
    calendar_provisional: bool = False
    over: bool = True
    refused: int = 0

    def total(self, name: str) -> float:
        """Sum of one quantity over the week."""
        return float(sum(getattr(day, name) for day in self.days))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's answer: outcome, the numbers it rests on, and reasons, the deciding one first."""

    outcome: Outcome
    numbers: dict[str, float | list[float]] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()


def exempt_reason(week: WeekFacts) -> Reason | None:
    """Why nothing is owed this week; None if something is."""
    if week.working_days == 0:
        return Reason.NO_WORKING_DAYS
    if week.leave_days >= week.working_days:
        return Reason.ON_LEAVE
    return None


def notes(week: WeekFacts, rules: Rules) -> list[Reason]:
    """What to know beside any answer."""
    found = []
    duty, unknown = week.total("duty_s"), week.total("unknown_s")
    if duty and 1 - unknown / duty < rules.min_signal_share:
        found.append(Reason.WEAK_SIGNAL)
    if week.calendar_provisional:
        found.append(Reason.CALENDAR_PROVISIONAL)
    if week.refused:
        found.append(Reason.REFUSED_POSITIONS)
    return found
