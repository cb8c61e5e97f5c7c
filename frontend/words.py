"""Codes, seconds and metres as the words that pages show. Short, concrete, no blame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Why a verdict is what it is (patrols.judges.Reason).
VERDICT_REASONS: Mapping[str, _StrPromise] = {
    "enough": gettext_lazy("The required time is reached."),
    "too_little": gettext_lazy(
        "Below the required time, even if all time without signal had been patrol."
    ),
    "within_error_band": gettext_lazy("Short by less than the error of the measurement."),
    "unknown_time_decides": gettext_lazy(
        "The time without signal decides. Ask for the reason, or check the phone's battery "
        "settings."
    ),
    "week_not_over": gettext_lazy("The week is not over."),
    "silent_all_week": gettext_lazy(
        "The phone was silent all week although there were shifts. Check phone and app first."
    ),
    "not_rostered": gettext_lazy(
        "There was no shift this week, so no positions were taken. Check the roster."
    ),
    "no_working_days": gettext_lazy("A week without working days."),
    "on_leave": gettext_lazy("On leave all week."),
    "no_patrol_time": gettext_lazy("There was no patrol time to judge."),
    "company_unknown": gettext_lazy("Whether others were near is not known for most of the time."),
    "never_in_company": gettext_lazy(
        "Never in company, and alone only in short stretches: too little to judge."
    ),
    "streets_replaced": gettext_lazy(
        "An import has replaced streets of this hotspot: choose its streets again."
    ),
    "weak_signal": gettext_lazy("Much of the duty is without signal."),
    "calendar_provisional": gettext_lazy("The calendar of this week is provisional."),
    "refused_positions": gettext_lazy(
        "Positions were refused for want of a shift. Check the roster of those days."
    ),
    "owed_by_squad": gettext_lazy(
        "The bureau's rules ask the squad for the time, not each person alone."
    ),
    "pair_in_doubt": gettext_lazy(
        "Two accounts reported from one phone or by the same track. That time is neither together "
        "nor alone until somebody has looked at it."
    ),
}

# The same reasons about company (patrols.judges.pair_coverage).
PAIR_REASONS: Mapping[str, _StrPromise] = {
    **VERDICT_REASONS,
    "enough": gettext_lazy("Enough of the patrol time was in company."),
    "too_little": gettext_lazy(
        "Too little was in company, even if all time without signal had been together."
    ),
}

# The same about a hotspot's hours (patrols.judges.hotspot_frequency).
SLOT_REASONS: Mapping[str, _StrPromise] = {
    **VERDICT_REASONS,
    "enough": gettext_lazy("Visited often enough."),
    "visits_missing": gettext_lazy(
        "Too few visits, even if somebody had come in each time without signal."
    ),
    "visits_unseen": gettext_lazy(
        "Time that was not seen decides: a visit may lie in a phone's silence or in a stay beside "
        "a station."
    ),
    "visits_nearly": gettext_lazy(
        "A pass was short of a visit by less than the error of the measurement."
    ),
    "nobody_on_duty": gettext_lazy(
        "The roster has too little duty in these hours, so nothing can be known. Check the roster."
    ),
    "nothing_owed": gettext_lazy("Nothing is owed."),
    "week_not_over": gettext_lazy("Not over yet."),
}

# How a stretch of duty was used (patrols.days); the same words in table, timeline and map.
SPAN_REASONS: Mapping[str, _StrPromise] = {
    "moving": gettext_lazy("on patrol"),
    "short_stop": gettext_lazy("short stop"),
    "long_stop": gettext_lazy("long stop"),
    "gap_credited": gettext_lazy("short gap"),
    "parked": gettext_lazy("parked"),
    "off_beat": gettext_lazy("outside the own unit"),
    "gap_unknown": gettext_lazy("no signal"),
    "no_signal": gettext_lazy("no signal"),
    "suspect": gettext_lazy("place not real"),
}

COUNTED = frozenset({"moving", "short_stop", "long_stop", "gap_credited"})

# Why positions were not stored (patrols.admission) or not used (geo.track).
REFUSED: Mapping[str, _StrPromise] = {
    "off_duty": gettext_lazy("outside the shifts"),
    "no_notice": gettext_lazy("before the location notice was accepted"),
    "left": gettext_lazy("after leaving the bureau"),
    "no_holder": gettext_lazy("from a phone that nobody held"),
}
UNUSED: Mapping[str, _StrPromise] = {
    "no_time": gettext_lazy("without a time of the phone"),
    "duplicate_time": gettext_lazy("a second one of the same moment"),
    "inaccurate": gettext_lazy("too inaccurate"),
    "jump": gettext_lazy("a jump away from those around it"),
    "too_fast": gettext_lazy("out and back faster than anybody walks"),
    "mock": gettext_lazy("marked by the phone as set by hand"),
    "synthetic": gettext_lazy("made by the app, not measured"),
    "other_phone": gettext_lazy("from a second phone that lay elsewhere"),
}


def say(words: Mapping[str, _StrPromise], code: str) -> str:
    """The words for a code; a code nobody has words for is shown as it is."""
    return str(words.get(code, code.replace("_", " ")))


def duration(seconds: float) -> str:
    """`1 h 47 min`, `14 min`, `40 s`; rounded down, so that 119.9 minutes never read as 2 h."""
    whole = max(0, int(seconds))
    minutes = whole // 60
    if minutes == 0:
        return _("%(s)d s") % {"s": whole} if whole else _("0 min")
    if minutes < 60:
        return _("%(min)d min") % {"min": minutes}
    hours, rest = divmod(minutes, 60)
    if rest == 0:
        return _("%(h)d h") % {"h": hours}
    return _("%(h)d h %(min)d min") % {"h": hours, "min": rest}


def distance(metres: float) -> str:
    """`850 m`, `1.2 km`."""
    if metres < 1000:
        return _("%(m)d m") % {"m": round(metres)}
    return _("%(km).1f km") % {"km": metres / 1000}
