"""The hotspots' week as a page shows it: how often, what is missing, and which visits say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bureau.rule_words import value_words
from bureau.rules import RULES, Rules
from bureau.week import Week
from frontend import words
from frontend.week_list import MARKS
from frontend.week_place import Place
from geo.models import Hotspot
from patrols.hotspots import HotspotWeek
from patrols.judges import Reason
from patrols.judges.hotspot_frequency import SlotJudgement
from patrols.judges.hotspot_slots import WHOLE_WEEK
from patrols.judges.hotspot_visits import Visit
from patrols.models import Outcome

# The rule that says how often each grade asks for visits.
GRADE_RULES = {
    "strict_street": "hotspot_strict_per_day",
    "first": "hotspot_first_per_day",
    "second": "hotspot_second_per_day",
    "third": "hotspot_third_per_week",
}
# What needs a look first; in a day, the gravest hours speak for it.
ORDER = ("not_met", "cannot_judge", "borderline", "running", "met", "exempt")
# So many missing hours are named in the table; the rest is a number.
NAMED = 2


@dataclass(frozen=True)
class ShownHotspot:
    """A row of the table; `days` are seven marks, or none where visits are owed by the week."""

    hotspot: Hotspot
    hours: str
    chip: dict[str, str]
    made: int
    required: int
    share: float
    due_share: float
    days: list[dict[str, str]]
    last: datetime | None
    missing: list[str]
    more: int
    advice: str
    link: str
    order: int


def shown_hotspots(found: Iterable[HotspotWeek], place: Place) -> list[ShownHotspot]:
    """The rows, what needs a look first."""
    rows = [shown_hotspot(one, place.week, hotspot_address(place, one.hotspot)) for one in found]
    return sorted(rows, key=lambda row: (row.order, row.hotspot.code))


def hotspot_address(place: Place, hotspot: Hotspot) -> str:
    """The page of one hotspot's week."""
    return place.address("week_hotspots", show=None, hotspot=hotspot.pk)


def shown_hotspot(one: HotspotWeek, week: Week, link: str = "") -> ShownHotspot:
    """A row."""
    numbers = one.judgement.week.numbers
    required, made, due = (int(_number(numbers, key)) for key in ("required", "made", "due"))
    missing = [
        f"{slot_words(slot, week)} {slot.made}/{slot.slot.required}"
        for slot in one.judgement.slots
        if slot.missing and not slot.is_pending
    ]
    chip = chip_of(one)
    visits = one.judgement.visits
    return ShownHotspot(
        one.hotspot,
        hours_words(one),
        chip,
        made,
        required,
        made / required if required else 0.0,
        due / required if required else 0.0,
        day_marks(one, week),
        _local(visits[-1].enter_s, week) if visits else None,
        missing[:NAMED],
        max(0, len(missing) - NAMED),
        advice_words(one),
        link,
        ORDER.index(_state(one)),
    )


def _number(numbers: dict[str, Any], key: str) -> float:
    return float(numbers.get(key, 0.0))


def _state(one: HotspotWeek) -> str:
    week = one.judgement.week
    return "running" if week.reasons[0] == Reason.WEEK_NOT_OVER else str(week.outcome)


def chip_of(one: HotspotWeek) -> dict[str, str]:
    """The week's chip; a week that runs is not judged, whatever is missing so far."""
    state = _state(one)
    if state == "running":
        return {"outcome": "plain", "mark": "…", "label": _("week runs")}
    return {"outcome": state, "mark": MARKS[state], "label": str(Outcome(state).label)}


def slot_chip(slot: SlotJudgement) -> dict[str, str]:
    """The chip of one span of hours."""
    if slot.is_pending:
        return {"outcome": "plain", "mark": "…", "label": _("not over")}
    outcome = str(slot.outcome)
    return {"outcome": outcome, "mark": MARKS[outcome], "label": str(Outcome(outcome).label)}


def day_marks(one: HotspotWeek, week: Week) -> list[dict[str, str]]:
    """Seven marks with words, Monday first; empty where visits are owed by the week."""
    slots = one.judgement.slots
    if any(slot.slot.weekday == WHOLE_WEEK for slot in slots):
        return []
    marks = []
    for weekday, day in enumerate(week.days):
        mine = [slot for slot in slots if slot.slot.weekday == weekday and slot.slot.owed]
        name = date_format(day, "D")
        if not mine:
            marks.append({"outcome": "none", "mark": "", "said": _("%s: nothing owed") % name})
            continue
        states = ["running" if s.is_pending else str(s.outcome) for s in mine]
        state = min(states, key=ORDER.index)
        made = sum(min(s.made, s.slot.required) for s in mine)
        said = _("%(day)s: %(made)d of %(required)d") % {
            "day": name,
            "made": made,
            "required": sum(s.slot.required for s in mine),
        }
        marks.append({"outcome": state, "mark": MARKS.get(state, "…"), "said": said})
    return marks


def slot_words(slot: SlotJudgement, week: Week) -> str:
    """`Tue 07:00–08:30`, `Tue`, `the week`."""
    if slot.slot.weekday == WHOLE_WEEK:
        return _("the week")
    day = date_format(week.days[slot.slot.weekday], "D")
    if not slot.slot.windowed:
        return day
    start, end = (_local(at, week) for at in (slot.slot.start_s, slot.slot.end_s))
    return f"{day} {start:%H:%M}–{_end(end)}"


def hours_words(one: HotspotWeek) -> str:
    """`Mon–Fri 07:00–08:30 · 1`, or what the grade owes and that this is our default."""
    windows = list(one.hotspot.windows.all())
    if not windows:
        rule = RULES[GRADE_RULES[one.hotspot.grade]]
        return value_words(getattr(one.rules, rule.name), rule)
    days_of: dict[tuple[time, time, int], list[int]] = {}
    for window in windows:
        key = (window.starts, window.ends, window.required_visits)
        days_of.setdefault(key, []).append(window.weekday)
    return _("; ").join(
        _("%(days)s %(from)s–%(until)s: %(n)d")
        % {
            "days": _days(days),
            "from": f"{starts:%H:%M}",
            "until": _end(ends),
            "n": visits,
        }
        for (starts, ends, visits), days in days_of.items()
    )


def _days(days: list[int]) -> str:
    """`Mon–Fri`, `Sat, Sun`: runs of three and more are joined."""
    monday = datetime(2001, 1, 1)  # noqa: DTZ001 (any Monday: only its weekday is written)
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])

    def name(day: int) -> str:
        return date_format(monday + timedelta(days=day), "D")

    parts = []
    for run in runs:
        if len(run) > 2:
            parts.append(f"{name(run[0])}–{name(run[-1])}")
        else:
            parts.extend(name(day) for day in run)
    return _(", ").join(parts)


def _end(at: time | datetime) -> str:
    """The last second of a day, or the first of the next, is written 24:00."""
    midnight = (at.hour, at.minute) == (0, 0) or (at.hour, at.minute, at.second) == (23, 59, 59)
    return "24:00" if midnight else f"{at:%H:%M}"


def _local(at_s: float, week: Week) -> datetime:
    return datetime.fromtimestamp(at_s, ZoneInfo(week.zone))


def advice_words(one: HotspotWeek) -> str:
    """What policing studies advise, where the bureau has switched it on; never a verdict."""
    rules: Rules = one.rules
    if not rules.hotspot_advice:
        return ""
    said = []
    numbers = one.judgement.week.numbers
    dwell = _number(numbers, "median_dwell_s")
    if one.judgement.visits and dwell < rules.hotspot_advice_dwell_s:
        said.append(
            _("stay %(from)s–%(to)s (half of the visits are under %(now)s)")
            % {
                "from": words.duration(rules.hotspot_advice_dwell_s),
                "to": words.duration(rules.hotspot_advice_dwell_max_s),
                "now": words.duration(dwell),
            }
        )
    away = _number(numbers, "longest_away_s")
    if away > rules.hotspot_advice_every_s and one.judgement.slots[0].slot.weekday != WHOLE_WEEK:
        said.append(
            _("come back within %(every)s (longest time away %(now)s)")
            % {
                "every": words.duration(rules.hotspot_advice_every_s),
                "now": words.duration(away),
            }
        )
    return _("; ").join(said)


def hotspots_context(found: list[HotspotWeek], place: Place) -> dict[str, Any]:
    """The table, by squad."""
    by_unit: dict[int, list[HotspotWeek]] = {}
    for one in found:
        by_unit.setdefault(one.hotspot.unit_id, []).append(one)
    squads = [
        {
            "unit": unit,
            "said": squad_words(by_unit[unit.pk]),
            "rows": shown_hotspots(by_unit[unit.pk], place),
        }
        for unit in place.units
        if unit.pk in by_unit
    ]
    running = any(_state(one) == "running" for one in found)
    return {
        "squads": squads,
        "running": running,
        "defaults": any(not one.hotspot.windows.all() for one in found),
    }


def squad_words(found: list[HotspotWeek]) -> str:
    """`4 hotspots · 31 of 34 visits`: of places, so a sum is fair here."""
    made, due = (
        sum(int(_number(one.judgement.week.numbers, key)) for one in found)
        for key in ("made", "required")
    )
    spots = ngettext("%(n)d hotspot", "%(n)d hotspots", len(found)) % {"n": len(found)}
    visits = _("%(made)d of %(due)d visits") % {"made": made, "due": due}
    return f"{spots} · {visits}"


def visit_line(visit: Visit, week: Week, who: Callable[[int], str]) -> dict[str, Any]:
    """One visit: when, how long, how much of the length, by whom."""
    return {
        "start": _local(visit.enter_s, week),
        "end": _local(visit.exit_s, week),
        "dwell_s": visit.dwell_s,
        "doubtful_s": visit.doubtful_s,
        "share": round(100 * visit.share),
        "people": _(", ").join(who(person) for person in visit.people),
    }


def evidence_lines(one: HotspotWeek, week: Week, who: Callable[[int], str]) -> dict[str, Any]:
    """Everything the numbers of one hotspot rest on."""
    slots = [
        {
            "when": slot_words(slot, week),
            "made": slot.made,
            "required": slot.slot.required,
            "chip": slot_chip(slot),
            "reason": words.say(words.SLOT_REASONS, str(slot.reason)),
            "possible": slot.possible,
            "away_s": slot.longest_away_s,
            "visits": [visit_line(v, week, who) for v in slot.visits],
            "short": [visit_line(v, week, who) for v in slot.short],
            "owed": slot.slot.owed and slot.slot.required > 0,
        }
        for slot in one.judgement.slots
    ]
    return {
        "slots": slots,
        "visits": [visit_line(v, week, who) for v in one.judgement.visits],
        "silent": [
            {"who": who(person), "seconds": seconds}
            for person, seconds in one.silent.items()
            if seconds >= one.rules.min_dwell_s
        ],
        "numbers": one.judgement.week.numbers,
        "reason": words.say(words.SLOT_REASONS, str(one.judgement.week.reasons[0])),
    }
