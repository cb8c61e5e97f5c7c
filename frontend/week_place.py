"""Where the supervisor is: week and unit, as the address holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.access import units_below, visible_units
from bureau.errors import Refused
from bureau.models import Bureau, OrgUnit, User
from bureau.week import Week
from frontend.pages import number_in

# Weeks beside the edges of the calendar cannot be reckoned with.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True)
class Place:
    """Where the supervisor is: the state that the address holds."""

    user: User
    bureau: Bureau
    week: Week
    unit: OrgUnit
    units: tuple[OrgUnit, ...]
    show: str = ""

    def address(self, name: str = "week", **changes: Any) -> str:
        """An address of this week and unit with some parts changed; None leaves a part out."""
        parts = {
            "week": self.week.monday.isoformat(),
            "unit": self.unit.pk,
            "show": self.show or None,
        } | changes
        kept = {key: value for key, value in parts.items() if value is not None}
        return f"{reverse(name)}?{urlencode(kept)}"


def week_of(request: HttpRequest, bureau: Bureau) -> Week:
    """The week of the address by any of its days; this week unless told. Refused for no date."""
    given = request.GET.get("week", "")
    try:
        day = date.fromisoformat(given) if given else timezone.localdate()
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValueError(given)
    except ValueError as error:
        raise Refused(
            "bad_week",
            _("Give the week by a date such as 2026-11-16; %(given)s is none.") % {"given": given},
        ) from error
    return Week.of(day, bureau.time_zone)


def place_of(request: HttpRequest) -> Place:
    """The week and unit of the address; this week and the own unit unless told.

    Raises Refused for a date that is none, Http404 for a unit the user does not see.
    """
    user: User = request.user  # type: ignore[assignment]
    bureau = user.bureau
    if bureau is None or user.unit is None:
        raise Http404
    seen = visible_units(user)
    chosen = request.GET.get("unit", "")
    if not chosen:
        unit = user.unit
    else:
        unit = get_object_or_404(seen, pk=number_in(chosen))
    units = seen.filter(pk__in=units_below(unit)).order_by("code")
    show = request.GET.get("show", "")
    return Place(user, bureau, week_of(request, bureau), unit, tuple(units), show)
