"""The live page's orders: a lead's panel with whom to send, its steps, new leads, the hand-over.

Parts for htmx; the inbox itself comes with the stream. What may not be done is refused by the
actions, in words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import User
from frontend.order_words import (
    SIGNS,
    choice_line,
    due_line,
    fallen_lines,
    radio_lines,
    state_word,
    step_line,
    where_words,
)
from frontend.pages import number_in, opens, words_in
from patrols import crews, handover, leads, live, orders
from patrols.complaint_clocks import terms_of
from patrols.models import Lead, LeadKind, OrderState
from patrols.order_rows import cut, order_rows, steps_of
from patrols.order_steps import WAITING

# Steps after which somebody else may be asked.
ASKING = frozenset({"waiting", *(state.value for state in WAITING)})


def user_of(request: HttpRequest) -> User:
    """Who asks; `opens` lets nobody else in."""
    return cast(User, request.user)


def lead_seen(request: HttpRequest, pk: int) -> Lead:
    """A lead that the user may see, if only to look on. Raises Refused."""
    lead = (
        leads.visible_leads(user_of(request))
        .select_related("unit", "bureau", "intake", "created_by")
        .filter(pk=pk)
        .first()
    )
    if lead is None:
        raise Refused("not_yours", _("There is no such lead among your units."))
    return lead


def panel(request: HttpRequest, lead: Lead) -> HttpResponse:
    """The lead's panel as it stands."""
    user, now = user_of(request), timezone.now()
    units = set(visible_units(user).values_list("pk", flat=True))
    [row] = order_rows(Lead.objects.filter(pk=lead.pk), now, closed_too=True)
    row = cut(row, units)
    zone = ZoneInfo(lead.bureau.time_zone)
    tried = lead.orders.order_by("-opened_at", "-pk")
    terms = terms_of(lead.bureau, lead.received_at)
    context = {
        "lead": lead,
        "row": row,
        "sign": SIGNS[row["state"]],
        "word": state_word(row["state"]),
        "where": where_words(lead),
        "asking": row["state"] in ASKING and lead.closed_at is None,
        "may_act": user.role in leads.DISPATCHING_ROLES,
        "may_cancel": row["order"] is not None and lead.closed_at is None,
        "may_take_back": row["state"] in (OrderState.ACCEPTED, OrderState.ARRIVED),
        "members": row["members"],
        "own": getattr(getattr(user, "person", None), "pk", None),
        "steps": [
            step_line(step, zone) for order in tried for step in reversed(steps_of(order, units))
        ],
        "response": due_line(row["respond_due"], row["responded"], now, zone),
        "result": due_line(row["result_due"], row["closed"], now, zone),
        "terms": terms,
        "now": now,
    }
    return render(request, "live/lead.html", context)


@require_GET
@opens("live")
def lead_panel(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One lead."""
    return panel(request, lead_seen(request, pk))


@require_GET
@opens("live")
def lead_nearest(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Whom to send; asked again every few seconds, because people walk."""
    user, now = user_of(request), timezone.now()
    lead = leads.find_lead(pk, user)
    live.note_look(user, now)
    proposal = crews.propose(lead, by=user, now=now)
    context = {
        "lead": lead,
        "choices": [choice_line(one, proposal) for one in proposal.ranking.choices],
        "fallen": fallen_lines(proposal),
        "now": now,
    }
    return render(request, "live/nearest.html", context)


@require_GET
@opens("live")
def lead_others(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Everybody else who might be sent, to be reached by radio: the phone need not report."""
    user, now = user_of(request), timezone.now()
    lead = leads.find_lead(pk, user)
    live.note_look(user, now)
    context = {"lead": lead, "others": radio_lines(crews.propose(lead, by=user, now=now))}
    return render(request, "live/others.html", context)


@require_POST
@opens("live")
def order_radio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Enter what somebody says by radio."""
    user, now = user_of(request), timezone.now()
    orders.answer_by_radio(
        pk,
        request.POST.get("act", ""),
        said_by=number_in(request.POST.get("person", "")) or 0,
        by=user,
        reason=words_in(request, "reason"),
        now=now,
    )
    return panel(request, lead_seen(request, orders.find_order(pk, user).lead_id))


@require_POST
@opens("live")
def lead_offer(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Offer the lead to the people of a choice; opens its order if there is none."""
    user, now = user_of(request), timezone.now()
    given = [number_in(one) for one in ",".join(request.POST.getlist("people")).split(",")]
    people = [one for one in given if one is not None]
    order = orders.open_order(pk, by=user, now=now)
    orders.offer(order.pk, people=people, by=user, now=now)
    return panel(request, lead_seen(request, pk))


@require_POST
@opens("live")
def lead_step(request: HttpRequest, pk: int, act: str) -> HttpResponseBase:
    """Cancel, take back or close, with the words that are kept."""
    user, now, reason = user_of(request), timezone.now(), words_in(request, "reason")
    if act not in ("cancel", "close", "reassign"):
        raise Http404
    if act == "close":
        leads.close_lead(pk, by=user, reason=reason, now=now)
    else:
        lead = leads.find_lead(pk, user)
        order = lead.orders.filter(ended_at=None).first()
        if order is None:
            raise Refused("order_moved", _("Nobody is being sent any more. Look again."))
        if act == "cancel":
            orders.cancel(order.pk, by=user, reason=reason, now=now)
        else:
            orders.reassign(order.pk, by=user, reason=reason, now=now)
    return panel(request, lead_seen(request, pk))


@require_GET
@opens("live")
def lead_form(request: HttpRequest) -> HttpResponseBase:
    """The form for a new lead."""
    leads.check_may_dispatch(user_of(request))
    return render(request, "live/lead_form.html", {"kinds": LeadKind.choices})


@require_POST
@opens("live")
def lead_new(request: HttpRequest) -> HttpResponseBase:
    """Store a new lead, and show it."""
    try:
        place = float(request.POST["lon"]), float(request.POST["lat"])
    except (KeyError, ValueError) as error:
        raise Refused("place_unknown", _("Choose the place on the map.")) from error
    draft = leads.LeadDraft(
        kind=request.POST.get("kind", ""),
        text=words_in(request, "text"),
        place=place,
        words=words_in(request, "place"),
        contact=words_in(request, "contact"),
        enforcement=request.POST.get("enforcement") == "on",
    )
    lead = leads.write_lead(draft, by=user_of(request), now=timezone.now())
    return panel(request, lead_seen(request, lead.pk))


# --- hand-over ---------------------------------------------------------------------------------


@require_GET
@opens("live")
def handover_bar(request: HttpRequest) -> HttpResponseBase:
    """Whether a note waits for the user's unit; asked for now and then."""
    user = user_of(request)
    if user.role not in leads.DISPATCHING_ROLES:
        return HttpResponse(status=204)
    note = handover.waiting_note(user)
    return render(request, "live/handover_bar.html", {"note": note, "own": is_own(note, user)})


@require_GET
@opens("live")
def handover_panel(request: HttpRequest) -> HttpResponseBase:
    """The note that waits, or the form for one."""
    return note_panel(request)


@require_POST
@opens("live")
def handover_leave(request: HttpRequest) -> HttpResponseBase:
    """Leave a note."""
    handover.leave_note(by=user_of(request), text=words_in(request, "text"), now=timezone.now())
    return note_panel(request)


@require_POST
@opens("live")
def handover_take(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take the note over."""
    note = handover.take_over(pk, by=user_of(request), now=timezone.now())
    return note_panel(request, taken=note)


def note_panel(request: HttpRequest, taken: Any = None) -> HttpResponse:
    """The hand-over panel as it stands."""
    user, now = user_of(request), timezone.now()
    unit = leads.check_may_dispatch(user)
    note = handover.waiting_note(user)
    zone = ZoneInfo(unit.bureau.time_zone)
    shown = note or taken
    waiting = shown.waiting if shown else handover.still_open(unit, now)
    context = {
        "unit": unit,
        "note": note,
        "taken": taken,
        "own": is_own(note, user),
        "waiting": [
            one
            | {
                "at": datetime.fromtimestamp(one["since"] / 1000, zone),
                "word": state_word(one["state"]) if "state" in one else _("SOS"),
                "sign": SIGNS[one["state"]] if "state" in one else "▲",
            }
            for one in waiting
        ],
    }
    response = render(request, "live/handover.html", context)
    response["HX-Trigger"] = "handover-changed"
    return response


def is_own(note: Any, user: User) -> bool:
    """Whether the user wrote the note that waits."""
    return note is not None and note.written_by_id == user.pk
