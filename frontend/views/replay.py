"""`/live/replay/`: a past day or hour of a unit, played back. Asks what for, logs, then shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bureau.access import rules_on, visible_units
from bureau.errors import Refused
from bureau.models import User
from frontend.middleware import FORBIDDEN_CODES
from frontend.pages import number_in, opens
from frontend.purposes import purposes, read_purpose
from frontend.replays import FETCHED_FOR, SAME_LOOK, is_opened, note_opened
from frontend.templatetags.shell import unit_tree
from frontend.views.week import see_other
from patrols import past_day as days
from patrols.live import check_may_watch
from patrols.past_day import Member, PastDay


def chosen(user: User, given: Mapping[str, str]) -> PastDay:
    """The hours that an address or a form names. Raises Refused."""
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError:
        raise Refused("day_wrong", _("Choose a day.")) from None
    unit, first, last = (number_in(given.get(key, "")) for key in ("unit", "from", "until"))
    if not given.get("unit"):
        unit = user.unit_id
    if unit is None:
        raise Refused("unit_wrong", _("Choose a unit."))
    return days.past_day(
        user,
        unit,
        day,
        0 if first is None else first,
        24 if last is None else last,
        now=timezone.now(),
    )


@never_cache
@require_GET
@opens("live")
def replay(request: HttpRequest) -> HttpResponseBase:
    """The form, or the replay of what this session has opened a moment ago."""
    user = cast(User, request.user)
    check_may_watch(user)
    past, refused = None, None
    if request.GET.get("day"):
        try:
            past = chosen(user, request.GET.dict())
        except Refused as error:
            refused = error
    opened = past is not None and is_opened(request, past, SAME_LOOK)
    context = form_of(user, request.GET.dict()) | {
        "refused": refused,
        "opened": opened,
        "past": past,
        "settings": None,
    }
    if past is not None and opened:
        members, elsewhere = days.members_of(user, past)
        context |= {"settings": settings_of(past, members), "elsewhere": elsewhere}
    status = 200 if refused is None else status_of(refused)
    return render(request, "replay/page.html", context, status=status)


def form_of(user: User, given: Mapping[str, str]) -> dict[str, Any]:
    """What may be chosen, and what is chosen already."""
    unit = user.unit
    assert unit is not None  # noqa: S101  (check_may_watch has seen to it)
    today = timezone.localdate()
    return {
        "tree": [
            {"id": one.pk, "label": "\u2003" * depth + one.name}
            for depth, one in unit_tree(list(visible_units(user)))
        ],
        "unit": number_in(given.get("unit", "")) or unit.pk,
        "day": given.get("day") or today.isoformat(),
        "first_day": days.first_day(unit, timezone.now()).isoformat(),
        "today": today.isoformat(),
        "from_hour": number_in(given.get("from", "")) or 0,
        "until_hour": number_in(given.get("until", "")) or 24,
        "hours": range(25),
        "purposes": purposes(),
    }


def query_of(past: PastDay) -> dict[str, Any]:
    """What the address of opened hours says."""
    return {
        "unit": past.unit.pk,
        "day": past.day.isoformat(),
        "from": past.from_hour,
        "until": past.until_hour,
    }


def settings_of(past: PastDay, members: list[Member]) -> dict[str, Any]:
    """What the script needs of opened hours, without positions."""
    rules, _set = rules_on(past.unit.bureau, past.day)
    start, end = (at.timestamp() - past.midnight.timestamp() for at in past.span)
    now_s = timezone.now().timestamp() - past.midnight.timestamp()
    return {
        "query": query_of(past),
        "start": start,
        "end": min(end, now_s),
        "lost": rules.no_signal_floor_s,
        "people": [
            {"id": member.person.pk, "name": member.person.name, "unit": member.unit.name}
            for member in members
        ],
    }


@require_POST
@opens("live")
def open_replay(request: HttpRequest) -> HttpResponseBase:
    """Log the look at everybody of the unit in these hours, then go to them."""
    user = cast(User, request.user)
    past = chosen(user, request.POST.dict())
    days.open_past_day(user, past, purpose=read_purpose(request))
    note_opened(request, past, timezone.now())
    query = urlencode(query_of(past))
    return see_other(f"{reverse('replay')}?{query}")


def opened_past(request: HttpRequest) -> PastDay:
    """The hours that a page asks for, if this session has opened them. Raises Refused."""
    past = chosen(cast(User, request.user), request.GET.dict())
    if not is_opened(request, past, FETCHED_FOR):
        raise Refused("purpose_missing", _("Open the replay again and say what for."))
    return past


@never_cache
@require_GET
@opens("live")
def replay_hour(request: HttpRequest) -> HttpResponseBase:
    """One hour's positions, packed (`patrols.past_day.PACKED`)."""
    try:
        hour = number_in(request.GET.get("hour", ""))
        body = days.read_hour(
            cast(User, request.user), opened_past(request), -1 if hour is None else hour
        )
    except Refused as error:
        return said(error)
    return HttpResponse(body, content_type="application/octet-stream")


@never_cache
@require_GET
@opens("live")
def replay_marks(request: HttpRequest) -> HttpResponseBase:
    """Company and happenings of the opened hours."""
    try:
        marks = days.read_marks(cast(User, request.user), opened_past(request))
    except Refused as error:
        return said(error)
    return JsonResponse(marks)


def said(error: Refused) -> JsonResponse:
    """A refusal for the script, in the shape of the API."""
    body = {"error": {"code": error.code, "message": str(error.message)}}
    return JsonResponse(body, status=status_of(error))


def status_of(error: Refused) -> int:
    """403 for who asks, 409 for what is asked."""
    return 403 if error.code in FORBIDDEN_CODES else 409
