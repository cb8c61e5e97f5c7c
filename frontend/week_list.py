"""The week's table as a page shows it: rows with what needs a look first, squads, filters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend import words
from frontend.purposes import purposes
from frontend.week_place import Place
from patrols.models import Outcome, Person, Verdict
from patrols.scorecard import SquadRow, WeekRow, squad_rows, week_rows

MARKS = {"met": "✓", "not_met": "✕", "borderline": "≈", "cannot_judge": "?", "exempt": "–"}
# What needs a look stands first.
URGENCY = {
    "silent": 0,
    "disputed": 1,
    "changed": 2,
    "cannot_judge": 3,
    "borderline": 4,
    "not_met": 5,
    "": 6,
    "met": 7,
    "exempt": 8,
}


def is_running(row: WeekRow) -> bool:
    """Whether the week is not over and nothing is decided yet."""
    return "week_not_over" in row.reasons and row.outcome == Outcome.CANNOT_JUDGE


def needs_look(row: WeekRow) -> bool:
    """Whether a supervisor has something to do here."""
    if row.review in ("disputed", "changed") or (row.gap_days and row.review == "none"):
        return True
    open_question = row.outcome in (Outcome.CANNOT_JUDGE, Outcome.BORDERLINE, Outcome.NOT_MET)
    return row.review == "none" and (open_question or row.flags > 0) and not is_running(row)


def urgency(row: WeekRow) -> tuple[int, str]:
    """What needs a look first, then by badge."""
    key = str(row.outcome)
    if row.review == "none" and "silent_all_week" in row.reasons:
        key = "silent"
    elif row.review in ("disputed", "changed"):
        key = row.review
    elif row.review == "reviewed" or is_running(row):
        key = ""
    return URGENCY.get(key, 6), row.person.badge_no


def chip_of(row: WeekRow) -> dict[str, str]:
    """The chip of a row: the verdict that counts, or that it is not due yet."""
    if row.verdict is None:
        return {"outcome": "plain", "mark": "", "label": _("not judged yet")}
    if is_running(row):
        return {"outcome": "plain", "mark": "…", "label": _("week runs")}
    outcome = str(row.outcome)
    return {"outcome": outcome, "mark": MARKS[outcome], "label": str(Outcome(outcome).label)}


def pair_chip_of(row: WeekRow) -> dict[str, str] | None:
    """The chip of the verdict on company, after review; None without one."""
    if row.pair_verdict is None:
        return None
    if "week_not_over" in row.pair_verdict.reasons:
        return {"outcome": "plain", "mark": "…", "label": _("week runs")}
    outcome = str(row.pair_outcome)
    return {"outcome": outcome, "mark": MARKS[outcome], "label": str(Outcome(outcome).label)}


def marks_of(row: WeekRow) -> list[dict[str, str]]:
    """What else a supervisor should see at a glance."""
    found = []
    if row.review == "disputed":
        found.append({"label": _("disputed"), "style": "warn"})
    changed = row.verdict is not None and row.verdict.changed_since_review
    if changed or row.review == "changed":
        found.append({"label": _("data changed since review"), "style": "warn"})
    if row.last_review is not None:
        label = row.last_review.get_decision_display()
        found.append({"label": _("reviewed: %(decision)s") % {"decision": label}, "style": "plain"})
    if row.flags:
        label = ngettext("%(n)d sign to look at", "%(n)d signs to look at", row.flags)
        found.append({"label": label % {"n": row.flags}, "style": "plain"})
    if row.review == "none" and "silent_all_week" in row.reasons:
        found.append({"label": _("phone silent all week"), "style": "plain"})
    if row.gap_days:
        found.append({"label": _("roster gap"), "style": "warn"})
    return found


@dataclass(frozen=True)
class ShownRow:
    """A row as the templates have it; times in seconds."""

    person: Person
    verdict: Verdict | None
    chip: dict[str, str]
    marks: list[dict[str, str]]
    credited_s: float
    required_s: float
    unknown_s: float
    band_s: float
    together_s: float
    alone_s: float
    company_unknown_s: float
    days: tuple[float, ...]
    link: str


def shown_row(row: WeekRow, link: str = "") -> ShownRow:
    """A row with its chip and marks."""
    return ShownRow(
        row.person,
        row.verdict,
        chip_of(row),
        marks_of(row),
        row.credited_s,
        row.required_s,
        row.unknown_s,
        row.band_s,
        row.together_s,
        row.alone_s,
        row.company_unknown_s,
        row.days,
        link,
    )


def squad_said(squad: SquadRow) -> str:
    """`12 people · median 1 h 52 min · 75 % met · a patrol was out 9 h`: never a sum of
    officer-minutes."""
    parts = [ngettext("%(n)d person", "%(n)d people", squad.people) % {"n": squad.people}]
    if squad.median_credited_s is not None:
        parts.append(_("median %(time)s") % {"time": words.duration(squad.median_credited_s)})
    if squad.share_met is not None:
        parts.append(
            _("%(share)d %% met (of %(n)d judged)")
            % {"share": round(100 * squad.share_met), "n": squad.judged}
        )
    if unjudged := squad.outcomes.get(Outcome.CANNOT_JUDGE, 0):
        parts.append(_("%(n)d cannot be judged") % {"n": unjudged})
    if squad.patrol_s:
        # Patrol-minutes: counted once however many walked; another column than officer-minutes.
        parts.append(_("a patrol was out %(time)s") % {"time": words.duration(squad.patrol_s)})
    if squad.squad_outcome:
        label = str(Outcome(squad.squad_outcome).label)
        parts.append(_("squad: %(verdict)s") % {"verdict": label})
    return " · ".join(parts)


FILTERS = ("look", "not_met", "cannot_judge", "borderline", "met", "exempt")


def belongs(row: WeekRow, show: str) -> bool:
    """Whether a row is shown under a filter."""
    if not show:
        return True
    if show == "look":
        return needs_look(row)
    return row.outcome == show and not is_running(row)


def counts_of(rows: list[WeekRow], place: Place) -> list[dict[str, Any]]:
    """The filter chips with how many rows each has; empty ones are left out."""
    labels = {"look": _("Needs a look")} | {key: str(Outcome(key).label) for key in MARKS}
    found = [{"key": "", "label": _("All"), "n": len(rows), "style": "plain", "mark": ""}]
    for key in FILTERS:
        n = sum(belongs(row, key) for row in rows)
        if n or key == place.show:
            style = "warn" if key == "look" else key
            found.append(
                {
                    "key": key,
                    "label": labels[key],
                    "n": n,
                    "style": style,
                    "mark": MARKS.get(key, ""),
                }
            )
    for entry in found:
        entry["link"] = place.address(show=entry["key"] or None)
        entry["chosen"] = entry["key"] == place.show
    return found


def list_context(place: Place) -> dict[str, Any]:
    """The table."""
    rows = week_rows(place.bureau, place.week, place.units)
    squads = {
        squad.unit.pk: squad
        for squad in squad_rows(place.bureau, place.week, place.units, rows=rows)
    }
    judged = any(row.verdict is not None or row.gap_days for row in rows)
    by_unit: dict[int, list[WeekRow]] = {}
    for row in sorted(rows, key=urgency):
        if belongs(row, place.show) and (judged or not rows):
            by_unit.setdefault(row.unit.pk, []).append(row)
    shown: list[dict[str, Any]] = [
        {
            "unit": squads[unit.pk].unit,
            "said": squad_said(squads[unit.pk]),
            "rows": [
                shown_row(row, place.address(person=row.person.pk)) for row in by_unit[unit.pk]
            ],
            "urgency": min(urgency(row)[0] for row in by_unit[unit.pk]),
        }
        for unit in place.units
        if unit.pk in by_unit
    ]
    # Stable: squads of the same urgency stay in the order of their codes.
    shown.sort(key=lambda squad: squad["urgency"])
    reasons = Counter(reason for row in rows for reason in set(row.reasons))
    notes = []
    if reasons["week_not_over"]:
        notes.append(_("The week is not over: only who has enough is judged."))
    if reasons["calendar_provisional"]:
        notes.append(words.say(words.VERDICT_REASONS, "calendar_provisional"))
    return {
        "squads": shown,
        "counts": counts_of(rows, place),
        "no_people": not rows,
        "show": place.show,
        "notes": notes,
        "purposes": purposes(),
    }
