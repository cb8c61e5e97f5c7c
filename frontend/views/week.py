"""The supervisor's week: who met it, who cannot be judged, and what each verdict rests on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import User
from bureau.week import Week
from frontend import trails
from frontend.flag_words import flag_lines
from frontend.pages import number_in, opens, words_in
from frontend.purposes import keep_purpose, kept_purpose, purposes, read_purpose
from frontend.rule_words import rule_lines
from frontend.verdict_sections import section, sections
from frontend.week_list import list_context, pair_chip_of, shown_row
from frontend.week_place import Place, place_of
from patrols import reviews
from patrols.access import visible_people
from patrols.evidence import evidence
from patrols.models import Decision, Dispute, Person, Subject, TrailHold, Verdict
from patrols.roster import refused_days
from patrols.scorecard import WeekRow, week_rows
from patrols.sealing import late_days, sealed_at

# Late data is listed on every week's page for so long after it came.
LATE_SHOWN = timedelta(days=30)


def frame_context(place: Place) -> dict[str, Any]:
    """What every part of this page needs."""
    now_week = Week.of(timezone.localdate(), place.bureau.time_zone)
    later = place.week.shifted(1)
    return {
        "week": place.week,
        "unit": place.unit,
        "is_now": place.week == now_week,
        "links": {
            "earlier": place.address(week=place.week.shifted(-1).monday.isoformat()),
            "later": place.address(week=later.monday.isoformat()) if later <= now_week else "",
            "now": place.address(week=None),
            "all": place.address(show=None),
            "list": place.address(),
            "people": place.address(),
            "hotspots": place.address("week_hotspots", show=None),
            "csv": place.address("week_csv", show=None),
            "squads_csv": place.address("squads_csv", show=None),
            "print": place.address("bulletin", show=None),
            "map": place.address("week_map", show=None),
        },
    }


@require_GET
@opens("week")
def week(request: HttpRequest) -> HttpResponseBase:
    """`/week/?week=2026-11-16&unit=…&person=…`"""
    place = place_of(request)
    context = frame_context(place)
    person_id = request.GET.get("person", "")
    if person_id:
        context |= evidence_context(request, place, person_id)
        part = "week/evidence.html"
    else:
        context |= list_context(place) | {"late": late_lines(place)}
        part = "week/list.html"
    if request.headers.get("HX-Request"):
        return render(request, "week/part.html", context | {"part": part})
    return render(request, "week/page.html", context | {"part": part})


def evidence_context(request: HttpRequest, place: Place, person_id: str) -> dict[str, Any]:
    """One person's verdict; the trail too if the user has just said what for."""
    person = person_of(place, person_id)
    row = next(
        (row for row in week_rows(place.bureau, place.week, [person.unit]) if row.person == person),
        None,
    )
    if row is None or row.verdict is None:
        raise Refused(
            "not_judged",
            _(
                "%(name)s has no verdict for this week yet. It comes within minutes of the first "
                "positions."
            )
            % {"name": person.name},
        )
    purpose = kept_purpose(request, person, place.week)
    own = person.user_id == place.user.pk
    if own:
        purpose = purpose or _("one's own week")
    return {
        "person": person,
        "purposes": purposes(),
        "trail": trail_of(place.user, row.verdict, purpose) if purpose else None,
        "rules": rule_lines(row.verdict.rules),
        "refused": refused_days(place.bureau, place.week, [person.pk]),
        **verdict_context(place, row),
    }


def verdict_context(place: Place, row: WeekRow) -> dict[str, Any]:
    """The verdicts with their reviews and disputes."""
    verdict = row.verdict
    assert verdict is not None  # noqa: S101 (callers have checked)
    links = {
        "list": place.address(),
        "open": place.address("open_trail", person=row.person.pk),
        "review": place.address("review", person=row.person.pk),
        "answer": place.address("answer", person=row.person.pk),
    }
    return {
        "row": shown_row(row),
        "reasons": row.reasons,
        "verdict": verdict,
        "pair_verdict": row.pair_verdict,
        "pair_chip": pair_chip_of(row),
        "sections": sections(row, place.user),
        "flags": flag_lines(row.person, place.week, viewer=place.user),
        "final": final_of(row.person, place.week),
        "links": frame_context(place)["links"] | links,
    }


def final_of(person: Person, week: Week) -> dict[str, Any]:
    """Since when the week is final, what is held of its track, and what came too late."""
    holds = TrailHold.objects.filter(
        person=person, released_at=None, from_at__lt=week.end, until_at__gt=week.start
    )
    return {
        "sealed_at": sealed_at(person.bureau, week),
        "holds": holds,
        "late": late_days(person.bureau, [person.pk], week=week),
    }


def late_lines(place: Place) -> list[dict[str, Any]]:
    """What came too late to judge: for this week, and of any week in the last 30 days."""
    names = dict(visible_people(place.user).filter(unit__in=place.units).values_list("pk", "name"))
    recent = timezone.now() - LATE_SHOWN
    lines = []
    for row in late_days(place.bureau, names.keys()):
        if row.day not in place.week.days and row.counted_through < recent:
            continue
        week = Week.of(row.day, place.bureau.time_zone).monday.isoformat()
        lines.append(
            {
                "name": names[row.person_id],
                "day": row.day,
                "count": row.count,
                "at": row.counted_through,
                "link": place.address(week=week, person=row.person_id, show=None),
            }
        )
    return lines


def person_of(place: Place, given: str) -> Person:
    """The person of the address, among those the user may see."""
    people = visible_people(place.user).filter(unit__in=visible_units(place.user))
    return get_object_or_404(people.select_related("unit", "bureau"), pk=number_in(given))


def trail_of(user: User, verdict: Verdict, purpose: str) -> trails.Trail:
    """The opened track; `evidence` logs the look first."""
    found = evidence(verdict, user=user, purpose=purpose)
    return trails.build(found, purpose=purpose, zone=verdict.bureau.time_zone)


def standing_row(request: HttpRequest) -> tuple[Place, WeekRow]:
    """Place and row of an act on a person's verdict."""
    place = place_of(request)
    person = person_of(place, request.GET.get("person", ""))
    for row in week_rows(place.bureau, place.week, [person.unit]):
        if row.person == person and row.verdict is not None:
            return place, row
    raise Http404


@require_POST
@opens("week")
def open_trail(request: HttpRequest) -> HttpResponseBase:
    """Open a person's track after saying what for; the look is logged."""
    place, row = standing_row(request)
    assert row.verdict is not None  # noqa: S101
    purpose = read_purpose(request)
    trail = trail_of(place.user, row.verdict, purpose)
    keep_purpose(request, row.person, place.week, purpose)
    if not request.headers.get("HX-Request"):
        return see_other(place.address(person=row.person.pk))
    return render(request, "week/trail.html", {"trail": trail})


def chosen_verdict(request: HttpRequest, row: WeekRow) -> Verdict:
    """The verdict of the row that a form is about."""
    subject = request.POST.get("subject", Subject.WEEKLY_PATROL_TIME)
    for verdict in (row.verdict, row.pair_verdict):
        if verdict is not None and verdict.subject == subject:
            return verdict
    raise Http404


def id_in(request: HttpRequest, name: str) -> int | None:
    """A number of the form; None if it is empty."""
    given = request.POST.get(name)
    return number_in(given) if given else None


@require_POST
@opens("week")
def review(request: HttpRequest) -> HttpResponseBase:
    """Uphold, overturn or excuse a verdict, or adopt the newer figures beside it, with a note."""
    place, row = standing_row(request)
    verdict = chosen_verdict(request, row)
    error, note = "", words_in(request, "note")
    decision, seen, now = request.POST.get("decision", ""), id_in(request, "seen"), timezone.now()
    try:
        if decision == Decision.ADOPT:
            newer = id_in(request, "newer")
            reviews.adopt(verdict, place.user, note, now=now, newer=newer, seen=seen)
            if request.headers.get("HX-Request"):  # every figure of the page is another one now
                return HttpResponse(
                    status=204, headers={"HX-Redirect": place.address(person=row.person.pk)}
                )
        else:
            reviews.review(verdict, place.user, decision, note, now=now, seen=seen)
    except Refused as refused:
        if not request.headers.get("HX-Request"):
            raise
        error = refused.message
    return after_act(request, error, note)


@require_POST
@opens("week")
def answer(request: HttpRequest) -> HttpResponseBase:
    """Answer an officer's objection."""
    place, row = standing_row(request)
    given = request.POST.get("dispute", "")
    objections = Dispute.objects.filter(verdict=chosen_verdict(request, row))
    objection = get_object_or_404(objections, pk=number_in(given))
    reviews.answer(objection, place.user, words_in(request, "answer"), now=timezone.now())
    return after_act(request, "", "")


def after_act(request: HttpRequest, error: str, note: str) -> HttpResponse:
    """The review section anew, or the whole page without htmx."""
    place, row = standing_row(request)
    if not request.headers.get("HX-Request"):
        return see_other(place.address(person=row.person.pk))
    context = verdict_context(place, row)
    context["section"] = section(chosen_verdict(request, row), place.user)
    context |= {"review_error": error, "review_note": note if error else "", "swap_head": not error}
    return render(request, "week/review_part.html", context, status=422 if error else 200)


def see_other(address: str) -> HttpResponse:
    """303: after a POST, read this."""
    return HttpResponse(status=303, headers={"Location": address})
