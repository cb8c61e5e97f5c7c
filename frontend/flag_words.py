"""Flags of a week in words: what was seen, when, and what it changes. Never an accusation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bureau.models import User
from bureau.week import Week, day_bounds
from frontend import words
from patrols.access import visible_people
from patrols.models import Person, PersonDay


@dataclass(frozen=True)
class FlagLine:
    """One thing to look at: its day and hours, a title, and a sentence."""

    day: date
    when: str
    title: str
    said: str


def flag_lines(person: Person, week: Week, *, viewer: User) -> list[FlagLine]:
    """The flags of a person's week for a viewer, in order of time.

    Others are named to who may see them; an officer reads "another person" of the own flags.
    """
    rows = PersonDay.objects.filter(
        bureau_id=person.bureau_id, person_id=person.pk, day__in=week.days
    ).exclude(flags=[])
    found = [
        (day, flag if isinstance(flag, dict) else {"code": flag})
        for day, flags in rows.order_by("day").values_list("day", "flags")
        for flag in flags
    ]
    others = {flag["other"] for _day, flag in found if flag.get("other")}
    names = dict(visible_people(viewer).filter(pk__in=others).values_list("pk", "name"))
    return [
        FlagLine(day, hours(day, flag, week.zone), title(flag["code"]), sentence(flag, names))
        for day, flag in found
    ]


def hours(day: date, flag: Mapping[str, Any], zone: str) -> str:
    """`Tue 09:15 – 09:40`, or `Tue 09:15` for a moment."""
    weekday = date_format(day, "D")
    if "start_s" not in flag:
        return weekday
    midnight = day_bounds(day, zone)[0]
    ends = [clock(midnight, flag[key], zone) for key in ("start_s", "end_s")]
    return f"{weekday} {ends[0]}" if ends[0] == ends[1] else f"{weekday} {ends[0]} – {ends[1]}"


def clock(midnight: datetime, seconds: float, zone: str) -> str:
    """Local time of day."""
    return f"{(midnight + timedelta(seconds=seconds)).astimezone(ZoneInfo(zone)):%H:%M}"


def title(code: str) -> str:
    """What kind of sign it is."""
    return {
        "mock": _("Place set by hand"),
        "no_time": _("No time of the phone"),
        "synthetic": _("Places made by the app"),
        "teleport": _("Leap"),
        "replayed": _("Track without noise"),
        "clock_slow": _("Clock slow"),
        "clock_ahead": _("Clock ahead"),
        "same_phone": _("Same positions as somebody else"),
        "alike": _("Errors like somebody else's"),
        "one_place": _("One place all day"),
        "uploaded": _("Uploaded after the fact"),
        "two_phones": _("Two phones at two places"),
    }.get(code, code.replace("_", " "))


def sentence(flag: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """What was seen and what it changes."""
    count, value = int(flag.get("count", 0)), float(flag.get("value", 0))
    given = {
        "n": count,
        "time": words.duration(value),
        "speed": round(value * 3.6),
        "share": f"{value:.2f}",
        "metres": words.distance(value),
        "name": names.get(flag.get("other", 0)) or _("another person"),
    }
    match flag["code"]:
        case "mock":
            said = ngettext(
                "The phone says of %(n)d position that it was set by hand. That time is not known.",
                "The phone says of %(n)d positions that they were set by hand. That time is not "
                "known.",
                count,
            )
        case "no_time":
            said = ngettext(
                "%(n)d position came without a time of the phone, so it says nothing.",
                "%(n)d positions came without a time of the phone, so they say nothing.",
                count,
            )
        case "synthetic":
            said = ngettext(
                "%(n)d place was made or sent again by the app, not measured.",
                "%(n)d places were made or sent again by the app, not measured.",
                count,
            )
        case "teleport":
            said = _(
                "The place leapt by a kilometre or more, at up to %(speed)d km/h. Look at phone "
                "and app."
            )
        case "replayed":
            said = _(
                "The positions have no noise and an accuracy that never changes, as a recorded "
                "track that is played again. Some phones smooth their positions like that: ask "
                "which app it is."
            )
        case "uploaded":
            said = ngettext(
                "%(n)d position comes from a file that was uploaded later; Records say by whom.",
                "%(n)d positions come from a file that was uploaded later; Records say by whom.",
                count,
            )
        case "two_phones":
            said = _(
                "Two phones report for this person from places up to %(metres)s apart. What counts "
                "is the one that moves more; the other is left out. Ask who carried which."
            )
        case "clock_slow":
            said = _("The phone's clock seems to be %(time)s slow: set it by the network.")
        case "clock_ahead":
            said = _("The phone's clock was up to %(time)s ahead: set it by the network.")
        case "same_phone":
            said = ngettext(
                "%(n)d position is the same as one of %(name)s, to the second: two accounts on one "
                "phone, or a copied track. The two are not taken for a pair; whether others were "
                "near is not known for that time.",
                "%(n)d positions are the same as those of %(name)s, to the second: two accounts on "
                "one phone, or a copied track. The two are not taken for a pair; whether others "
                "were near is not known for that time.",
                count,
            )
        case "alike":
            said = _(
                "The errors of the positions go with those of %(name)s (correlation %(share)s), as "
                "if one phone had measured both. A hint, no proof; it counts as company."
            )
        case "one_place":
            said = _(
                "The phone stayed in one place for %(time)s and never moved: indoors, or it was "
                "left on a desk."
            )
        case _:
            return ""
    return said % given
