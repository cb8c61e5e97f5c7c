"""The week of the hotspots: how often each was visited, and which visits that rests on."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.db.models import Extent
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bureau.week import Week
from frontend.hotspot_list import (
    GRADE_RULES,
    evidence_lines,
    hotspots_context,
    shown_hotspot,
)
from frontend.pages import number_in, opens
from frontend.rule_words import rule_lines
from frontend.views.week import frame_context
from frontend.week_place import Place, place_of
from geo.models import Hotspot
from patrols.hotspots import HotspotWeek, hotspot_weeks, open_visits

# The rules a hotspot's answer rests on, besides that of its grade.
RESTS_ON = frozenset({"min_dwell_s", "min_visit_share", "visit_gap_s", "error_band"})


def hotspot_frame(place: Place, hotspot: str | None = None) -> dict[str, Any]:
    """The frame of the week with its links staying on the hotspots."""
    context = frame_context(place)
    now_week = Week.of(timezone.localdate(), place.bureau.time_zone)
    later = place.week.shifted(1)

    def to(**changes: Any) -> str:
        return place.address("week_hotspots", show=None, hotspot=hotspot, **changes)

    context["links"] |= {
        "earlier": to(week=place.week.shifted(-1).monday.isoformat()),
        "later": to(week=later.monday.isoformat()) if later <= now_week else "",
        "now": to(week=None),
        "list": place.address("week_hotspots", show=None),
        "people": place.address(),
    }
    return context | {"tab": "hotspots"}


@require_GET
@opens("week")
def week_hotspots(request: HttpRequest) -> HttpResponseBase:
    """`/week/hotspots/?week=2026-11-16&unit=…&hotspot=…`"""
    place = place_of(request)
    chosen = request.GET.get("hotspot") or None
    found = hotspot_weeks(place.bureau, place.week, place.units, now=timezone.now())
    context = hotspot_frame(place, chosen)
    if chosen:
        context |= hotspot_context(place, found, chosen)
        part = "week/hotspot.html"
    else:
        context |= hotspots_context(found, place)
        part = "week/hotspots.html"
    page = "week/part.html" if request.headers.get("HX-Request") else "week/page.html"
    return render(request, page, context | {"part": part})


def hotspot_context(place: Place, found: list[HotspotWeek], chosen: str) -> dict[str, Any]:
    """One hotspot with everything its numbers rest on; that its visitors are shown is logged."""
    one = next((one for one in found if one.hotspot.pk == number_in(chosen)), None)
    if one is None:
        raise Http404
    purpose = _("Hotspot visits: %(name)s") % {"name": one.hotspot.name}
    named = open_visits(place.user, one, place.week, purpose=purpose)

    def who(person: int) -> str:
        known = one.people.get(person) or one.silent_people.get(person)
        if known is None:
            return _("somebody")
        if person in named or known.unit in place.units:
            return known.name
        return _("somebody of %(unit)s") % {"unit": known.unit}

    rests_on = RESTS_ON | ({GRADE_RULES[one.hotspot.grade]} - set(windowed(one)))
    lines = [line for line in rule_lines(vars(one.rules)) if line["key"] in rests_on]
    return {
        "one": shown_hotspot(one, place.week),
        "evidence": evidence_lines(one, place.week, who),
        "windowed": bool(windowed(one)),
        "rules": lines,
        "rule_set_id": one.rule_set_id,
        "extent": extent_of(one.hotspot),
    }


def windowed(one: HotspotWeek) -> list[str]:
    """The grade's rule, where the bureau's own hours stand in its place."""
    return [GRADE_RULES[one.hotspot.grade]] if one.hotspot.windows.all() else []


def extent_of(hotspot: Hotspot) -> list[float]:
    """West, south, east, north of the hotspot, for the map."""
    box = Hotspot.objects.filter(pk=hotspot.pk).aggregate(box=Extent("geometry"))["box"]
    return list(box) if box else []
