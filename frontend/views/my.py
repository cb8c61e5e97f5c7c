"""My week: what is still owed, today's duty, my track, who looked, dispute, SOS. Phone first."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bureau.access import units_above
from bureau.errors import Refused
from bureau.models import User
from bureau.week import Week, day_bounds
from frontend.flag_words import flag_lines
from frontend.notice_words import news_lines
from frontend.pages import number_in, opens, words_in
from frontend.rule_words import rule_lines
from frontend.verdict_sections import sections
from frontend.views.settings import notice_in_force
from frontend.views.week import chosen_verdict, final_of, see_other, trail_of
from frontend.views.week_exports import attachment
from frontend.week_list import is_running, pair_chip_of, shown_row
from frontend.week_place import week_of
from patrols import patrolling, pushes, reviews
from patrols.access import trail_for
from patrols.models import (
    LiveWatch,
    Mode,
    NoticeAccepted,
    PatrolRoute,
    Person,
    Phone,
    PhoneApp,
    RefusedCount,
    Shift,
)
from patrols.scorecard import WeekRow, week_rows
from patrols.sos import cancel, raise_sos

LOOKS_SHOWN = 30


def person_of(request: HttpRequest) -> Person:
    """The person behind the account. Refused for an account that nobody patrols with."""
    person = Person.objects.filter(user=request.user.pk).select_related("unit", "bureau").first()
    if person is None:
        raise Refused(
            "no_person",
            _("This account belongs to nobody who patrols. Ask your administrator to link it."),
        )
    return person


def own_row(person: Person, week: Week) -> WeekRow | None:
    """The person's week, as the supervisor sees it."""
    rows = week_rows(person.bureau, week, [person.unit])
    return next((row for row in rows if row.person == person), None)


def ring_of(row: WeekRow) -> dict[str, Any]:
    """The ring of minutes: shares of the whole circle in hundredths."""
    required = max(row.required_s, 1.0)
    done = min(row.credited_s / required, 1.0)
    unsure = min((row.unknown_s + row.band_s) / required, 1.0 - done)
    return {
        "done": round(100 * done, 1),
        "unsure": round(100 * unsure, 1),
        "owed_s": math.ceil(max(0.0, row.required_s - row.credited_s) / 60) * 60,
        "credited_s": row.credited_s,
        "required_s": row.required_s,
    }


def refused_lines(person: Person, week: Week) -> list[dict[str, Any]]:
    """What was not stored this week, by day and reason; the gap in the roster is said."""
    rows = RefusedCount.objects.filter(
        bureau_id=person.bureau_id, person_id=person.pk, day__in=week.days
    ).order_by("-day", "reason")
    return [{"day": row.day, "reason": row.reason, "count": row.count} for row in rows]


def week_context(person: Person, week: Week, user: User) -> dict[str, Any]:
    """The week's verdict with reviews, disputes and rules."""
    row = own_row(person, week)
    now_week = Week.of(timezone.localdate(), week.zone)
    later = week.shifted(1)
    context: dict[str, Any] = {
        "week": week,
        "is_now": week == now_week,
        "links": {
            "earlier": f"/my/?week={week.shifted(-1).monday}",
            "later": f"/my/?week={later.monday}" if later <= now_week else "",
            "now": "/my/",
        },
        "refused": refused_lines(person, week),
    }
    if row is not None and row.verdict is not None:
        context |= {
            "row": shown_row(row),
            "ring": ring_of(row),
            "verdict": row.verdict,
            "pair_verdict": row.pair_verdict,
            "pair_chip": pair_chip_of(row),
            "sections": sections(row, user),
            "flags": flag_lines(person, week, viewer=user),
            "final": final_of(person, week),
            "running": is_running(row),
            "rules": rule_lines(row.verdict.rules),
        }
    return context


def duty_context(person: Person, now: datetime) -> dict[str, Any]:
    """Today's shifts, the open patrol, and with whom one may start one."""
    start, end = day_bounds(timezone.localdate(now), person.bureau.time_zone)
    patrol = patrolling.open_patrol(person, now=now)
    colleagues = Person.objects.filter(unit=person.unit_id, left_on=None).exclude(pk=person.pk)
    return {
        "shifts": Shift.objects.filter(person=person, starts_at__lt=end, ends_at__gt=start),
        "next_shift": Shift.objects.filter(person=person, starts_at__gte=end).first(),
        "patrol": patrol,
        "partners": [
            str(member)
            for member in (patrol.members.all() if patrol else [])
            if member.person_id != person.pk
        ],
        "colleagues": colleagues.order_by("name"),
        "routes": PatrolRoute.objects.filter(unit=person.unit_id, retired_on=None),
        "modes": Mode.choices,
        "alarm": person.alarms.filter(closed_at=None).first(),
    }


@require_GET
@opens("my")
def my(request: HttpRequest) -> HttpResponseBase:
    """`/my/?week=2026-11-16`"""
    person = person_of(request)
    week = week_of(request, person.bureau)
    user: User = request.user  # type: ignore[assignment]
    notice = notice_in_force(person.bureau)
    accepted = (
        NoticeAccepted.objects.filter(person=person, notice=notice).first() if notice else None
    )
    watches = LiveWatch.objects.filter(
        unit__in=units_above(person.unit), joined_at__gt=timezone.now() - timedelta(days=7)
    ).select_related("user")
    context = {
        "person": person,
        "notice": notice,
        "accepted": accepted,
        "news": news_lines(person, timezone.now()),
        "push_key": pushes.key_for(person.bureau),
        "looks": person.looks.select_related("user")[:LOOKS_SHOWN],
        "watches": watches[:LOOKS_SHOWN],
        "phones": Phone.objects.filter(
            holdings__person=person, holdings__until=None, revoked_at=None
        ).exclude(app=PhoneApp.FILE),
        **duty_context(person, timezone.now()),
        **week_context(person, week, user),
    }
    return render(request, "my/page.html", context)


@require_GET
@opens("my")
def my_trail(request: HttpRequest) -> HttpResponseBase:
    """One's own week, minute by minute; needs no purpose and is no look."""
    person = person_of(request)
    row = own_row(person, week_of(request, person.bureau))
    if row is None or row.verdict is None:
        return render(request, "my/no_trail.html")
    user: User = request.user  # type: ignore[assignment]
    trail = trail_of(user, row.verdict, _("one's own week"))
    return render(request, "week/trail.html", {"trail": trail, "own": True})


@require_POST
@opens("my")
def start_patrol(request: HttpRequest) -> HttpResponseBase:
    """Begin a patrol with partners of the own unit."""
    person = person_of(request)
    # Of the own unit only: a refusal that names somebody would give away names of others.
    chosen = {number_in(pk) or 0 for pk in request.POST.getlist("partner")}
    partners = list(Person.objects.filter(unit=person.unit_id, pk__in=chosen))
    if len(partners) != len(chosen):
        raise Refused("partner_unknown", _("One of the partners is not known. Choose again."))
    given = request.POST.get("route", "")
    routes = PatrolRoute.objects.filter(bureau=person.bureau_id)
    route = get_object_or_404(routes, pk=number_in(given)) if given else None
    patrolling.start(
        person=person,
        partners=partners,
        route=route,
        mode=request.POST.get("mode", Mode.FOOT),
        turnout_checked=request.POST.get("turnout") == "on",
        agency=words_in(request, "agency"),
        now=timezone.now(),
    )
    messages.success(request, _("The patrol has begun. Stay within sight of each other."))
    return see_other("/my/")


@require_POST
@opens("my")
def end_patrol(request: HttpRequest) -> HttpResponseBase:
    """End the patrol one walks in."""
    patrolling.end(person=person_of(request), now=timezone.now())
    messages.success(request, _("The patrol is ended."))
    return see_other("/my/")


@require_POST
@opens("my")
def sos(request: HttpRequest) -> HttpResponseBase:
    """Raise an SOS; asked again with a place, put the place on the open one."""
    person = person_of(request)
    alarm, fresh = raise_sos(person, now=timezone.now(), place=read_place(request))
    if "application/json" in request.headers.get("Accept", ""):
        raised = timezone.localtime(alarm.raised_at).strftime("%H:%M:%S")
        return JsonResponse({"alarm": alarm.pk, "new": fresh, "raised_at": raised})
    messages.warning(request, _("SOS sent. The dispatch centre sees it now."))
    return see_other("/my/")


@require_POST
@opens("my")
def cancel_sos(request: HttpRequest) -> HttpResponseBase:
    """Take one's own SOS back, with a reason that stays on the record."""
    cancel(person_of(request), reason=words_in(request, "reason"), now=timezone.now())
    messages.success(request, _("Your SOS is cancelled. The dispatch centre sees it, and why."))
    return see_other("/my/")


@never_cache
@require_GET
@opens("my")
def sos_state(request: HttpRequest) -> HttpResponse:
    """How one's own open SOS stands, and the form to cancel it: a part of the page."""
    alarm = person_of(request).alarms.filter(closed_at=None).first()
    return render(request, "my/sos.html", {"alarm": alarm})


def read_place(request: HttpRequest) -> tuple[float, float] | None:
    """lon, lat of the form; None if they are missing or no place on earth: the SOS counts."""
    try:
        lon, lat = float(request.POST["lon"]), float(request.POST["lat"])
    except (KeyError, ValueError):
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None


@require_POST
@opens("my")
def accept_notice(request: HttpRequest) -> HttpResponseBase:
    """Accept the version of the notice that was read."""
    person = person_of(request)
    notice = notice_in_force(person.bureau)
    if notice is None or request.POST.get("version") != str(notice.version):
        raise Refused(
            "notice_changed", _("The notice has changed meanwhile: read the new version first.")
        )
    NoticeAccepted.objects.get_or_create(
        person=person, notice=notice, defaults={"at": timezone.now()}
    )
    messages.success(
        request, _("Accepted. From now on positions are stored while you are on duty.")
    )
    return see_other("/my/")


@require_POST
@opens("my")
def dispute(request: HttpRequest) -> HttpResponseBase:
    """Object to one's own verdict."""
    person = person_of(request)
    week = week_of(request, person.bureau)
    row = own_row(person, week)
    if row is None or row.verdict is None:
        raise Refused("not_judged", _("This week is not judged yet; there is nothing to dispute."))
    user: User = request.user  # type: ignore[assignment]
    reviews.dispute(
        chosen_verdict(request, row), user, words_in(request, "text"), now=timezone.now()
    )
    messages.success(request, _("Sent. Your supervisor must answer; you read the answer here."))
    return redirect(f"/my/?week={week.monday}")


@require_GET
@opens("my")
def my_positions(request: HttpRequest, ending: str) -> HttpResponse:
    """One's own stored positions of a week, as CSV or GeoJSON."""
    person = person_of(request)
    week = week_of(request, person.bureau)
    user: User = request.user  # type: ignore[assignment]
    fixes = trail_for(user, person, purpose=_("own export"), from_at=week.start, until_at=week.end)
    name = f"tandem-my-positions-{week.monday}.{ending}"
    if ending == "geojson":
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [fix.lon_deg, fix.lat_deg]},
                "properties": {
                    "recorded_at": fix.recorded_at.isoformat(),
                    "received_at": fix.received_at.isoformat(),
                    "accuracy_m": fix.accuracy_m,
                },
            }
            for fix in fixes
        ]
        body = json.dumps({"type": "FeatureCollection", "features": features})
        return attachment(body, name=name, content_type="application/geo+json")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["recorded_at", "received_at", "lon_deg", "lat_deg", "accuracy_m"])
    writer.writerows(
        [
            fix.recorded_at.isoformat(),
            fix.received_at.isoformat(),
            fix.lon_deg,
            fix.lat_deg,
            "" if fix.accuracy_m is None else fix.accuracy_m,
        ]
        for fix in fixes
    )
    return attachment(text.getvalue(), name=name, content_type="text/csv; charset=utf-8")
