"""The planner's page: stations and kiosks, their reach on foot, and the hotspots left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import User
from frontend.pages import number_in, opens
from frontend.station_forms import CloseForm, MoveForm, StationForm, blame
from frontend.station_words import changes_said
from frontend.words import distance, duration
from geo.access import may_write_places, places_within
from geo.models import Hotspot
from stations import register
from stations.hours import hours_said
from stations.models import Station
from stations.reach import HotspotServed, coverage, reach_rules


@dataclass(frozen=True)
class Scope:
    """What one request is about: who asks, and which unit's places are shown."""

    user: User
    unit: int | None

    @classmethod
    def of(cls, request: HttpRequest) -> Scope:
        """The signed-in user and the unit in the address, if it is one of theirs."""
        user: User = request.user  # type: ignore[assignment]
        unit = number_in(request.GET.get("unit", ""))
        seen = unit is not None and visible_units(user).filter(pk=unit).exists()
        return cls(user, unit if seen else None)

    @property
    def stations(self) -> QuerySet[Station]:
        """The stations shown, closed ones last."""
        rows = Station.objects.filter(places_within(self.user, self.unit))
        return rows.select_related("unit").order_by(F("closed_on").desc(nulls_first=True), "code")

    @property
    def hotspots(self) -> QuerySet[Hotspot]:
        """The hotspots in force that are shown."""
        return Hotspot.objects.filter(places_within(self.user, self.unit), closed_on=None)

    def link(self, name: str, *args: Any, **query: str) -> str:
        """An address of this page that keeps the unit."""
        kept = {"unit": str(self.unit)} if self.unit is not None else {}
        query = kept | query
        return reverse(name, args=args) + (f"?{urlencode(query)}" if query else "")


def show(
    request: HttpRequest,
    panel: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    address: str = "",
    changed: bool = False,
) -> HttpResponse:
    """A panel: alone for htmx, else within the whole page, so that every address can be opened.

    address: what the browser's address becomes. changed: the map fetches places again.
    """
    scope = Scope.of(request)
    whole = {
        **context,
        "panel_template": f"plan/{panel}.html",
        "scope": scope,
        "may_write": may_write_places(scope.user),
        "list_link": scope.link("plan"),
        "places_query": urlencode({"unit": scope.unit}) if scope.unit is not None else "",
    }
    alone = bool(request.headers.get("HX-Request"))
    template = str(whole["panel_template"]) if alone else "plan/page.html"
    response = render(request, template, whole, status=status)
    response["Vary"] = "HX-Request, Cookie"
    if alone:
        if address:
            response["HX-Push-Url"] = address
        if changed:
            response["HX-Trigger-After-Settle"] = "tandem:places"
    return response


@require_GET
@opens("plan")
def plan(request: HttpRequest) -> HttpResponse:
    """The list: stations, or hotspots that no station reaches (`?show=hotspots`)."""
    scope = Scope.of(request)
    showing = "hotspots" if request.GET.get("show") == "hotspots" else "stations"
    stations = list(scope.stations)
    return show(
        request,
        "list",
        {
            "showing": showing,
            "stations": [(station, scope.link("plan-station", station.pk)) for station in stations],
            "open_count": sum(station.closed_on is None for station in stations),
            "closed_count": sum(station.closed_on is not None for station in stations),
            "links": {
                "stations": scope.link("plan"),
                "hotspots": scope.link("plan", show="hotspots"),
                "add": scope.link("plan-add"),
                "coverage": scope.link("plan-coverage", show=showing),
            },
        },
    )


@require_GET
@opens("plan")
def served(request: HttpRequest) -> HttpResponse:
    """How many hotspots the stations reach, and which not; fetched by the list when it stands."""
    scope = Scope.of(request)
    bureau = scope.user.bureau
    if bureau is None:
        return HttpResponse(status=204)
    rules = reach_rules(bureau, _today(scope.user))
    context: dict[str, Any] = {
        "showing": request.GET.get("show", "stations"),
        "hotspots_link": scope.link("plan", show="hotspots"),
        "rules": rules,
        "reach": duration(rules.reach_s),
        "reach_m": distance(round(rules.reach_m, -1)),
        "source": _(rules.source),
        "is_ours": "our default" in rules.source,
    }
    stations = list(scope.stations.filter(closed_on=None))
    try:
        found = coverage(bureau, stations, scope.hotspots, rules)
    except Refused as refusal:
        context["refused"] = refusal.message
        return render(request, "plan/coverage.html", context)
    rows = [_hotspot_row(one, rules.walking_mps) for one in found]
    context["counts"] = {
        name: sum(row["state"] == name for row in rows)
        for name in ("reached", "partly", "not_reached")
    }
    context["total"] = len(rows)
    context["left_out"] = [row for row in rows if row["state"] != "reached"]
    return render(request, "plan/coverage.html", context)


@require_GET
@opens("plan")
def station_card(request: HttpRequest, pk: int) -> HttpResponse:
    """One station: its facts, its reach, who changed what."""
    return _card(request, _station(request, pk))


@require_http_methods(["GET", "POST"])
@opens("plan")
def add(request: HttpRequest) -> HttpResponse:
    """A new station: click the map, or type its coordinates."""
    scope = Scope.of(request)
    if not may_write_places(scope.user):
        return _not_yours(request)
    if request.method == "GET":
        initial = {"opened_on": _today(scope.user), "unit": scope.unit or scope.user.unit_id}
        for name in ("lon_deg", "lat_deg"):
            if value := request.GET.get(name):
                initial[name] = value
        return _form(request, StationForm(user=scope.user, initial=initial), None)
    form = StationForm(request.POST, user=scope.user)
    if not form.is_valid():
        return _form(request, form, None, status=422)
    try:
        station = register.add(by=scope.user, **form.facts())
    except Refused as refusal:
        blame(form, refusal)
        return _form(request, form, None, status=422)
    return _done(request, station, _("%(name)s is in the register.") % {"name": station.name})


@require_http_methods(["GET", "POST"])
@opens("plan")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a station's facts, its place included."""
    scope = Scope.of(request)
    station = _station(request, pk)
    if not may_write_places(scope.user):
        return _not_yours(request)
    if request.method == "GET":
        initial = {
            name: getattr(station, name)
            for name in ("name", "code", "kind", "unit", "address", "desks", "chairs", "opened_on")
        }
        initial |= {
            "lon_deg": station.geometry.x,
            "lat_deg": station.geometry.y,
            "hours": hours_said(list(station.opening_hours.all())),
        }
        return _form(request, StationForm(user=scope.user, initial=initial), station)
    form = StationForm(request.POST, user=scope.user)
    if not form.is_valid():
        return _form(request, form, station, status=422)
    try:
        register.edit(station, by=scope.user, **form.facts())
    except Refused as refusal:
        blame(form, refusal)
        return _form(request, form, station, status=422)
    return _done(request, station, _("Changes are saved."))


@require_POST
@opens("plan")
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Save where a mark was dragged to."""
    station = _station(request, pk)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _card(request, station, wrong=_("Drag the mark again: its place was not sent."))
    place = Point(form.cleaned_data["lon_deg"], form.cleaned_data["lat_deg"], srid=4326)
    try:
        register.move(station, by=Scope.of(request).user, place=place)
    except Refused as refusal:
        return _card(request, station, wrong=str(refusal.message))
    return _done(request, station, _("%(name)s is moved.") % {"name": station.name})


@require_http_methods(["GET", "POST"])
@opens("plan")
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a station out of use."""
    scope = Scope.of(request)
    station = _station(request, pk)
    if not may_write_places(scope.user):
        return _not_yours(request)
    today = _today(scope.user)
    form = CloseForm(request.POST or None, initial={"on": today})
    if request.method == "POST" and form.is_valid():
        try:
            register.close(station, by=scope.user, today=today, **form.cleaned_data)
        except Refused as refusal:
            blame(form, refusal)
        else:
            return _done(request, station, _("%(name)s is closed.") % {"name": station.name})
    context = {
        "form": form,
        "station": station,
        "act": scope.link("plan-close", pk),
        "back": scope.link("plan-station", pk),
    }
    status = 422 if request.method == "POST" else 200
    return show(request, "close", context, status=status, address=scope.link("plan-close", pk))


@require_POST
@opens("plan")
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a station closed by mistake back into use."""
    station = _station(request, pk)
    try:
        register.reopen(station, by=Scope.of(request).user)
    except Refused as refusal:
        return _card(request, station, wrong=str(refusal.message))
    return _done(request, station, _("%(name)s is open again.") % {"name": station.name})


def _today(user: User) -> Any:
    zone = user.bureau.time_zone if user.bureau is not None else "Asia/Shanghai"
    return timezone.now().astimezone(ZoneInfo(zone)).date()


def _station(request: HttpRequest, pk: int) -> Station:
    """A station of the user's scope (whatever unit the address shows), else 404."""
    user: User = request.user  # type: ignore[assignment]
    rows = Station.objects.filter(places_within(user, None))
    return get_object_or_404(rows.select_related("unit", "bureau"), pk=pk)


def _card(
    request: HttpRequest,
    station: Station,
    *,
    said: str = "",
    wrong: str = "",
    changed: bool = False,
) -> HttpResponse:
    scope = Scope.of(request)
    station = _station(request, station.pk)
    rules = reach_rules(station.bureau, _today(scope.user))
    names = {
        name: scope.link(f"plan-{name}", station.pk) for name in ("edit", "close", "reopen", "move")
    }
    return show(
        request,
        "station",
        {
            "station": station,
            "hours": hours_said(list(station.opening_hours.all())),
            "changes": changes_said(station),
            "links": names,
            "rules": rules,
            "reach": duration(rules.reach_s),
            "said": said,
            "wrong": wrong,
        },
        status=422 if wrong else 200,
        address=scope.link("plan-station", station.pk),
        changed=changed,
    )


def _form(
    request: HttpRequest, form: StationForm, station: Station | None, *, status: int = 200
) -> HttpResponse:
    scope = Scope.of(request)
    if station is None:
        act, back = scope.link("plan-add"), scope.link("plan")
    else:
        act, back = scope.link("plan-edit", station.pk), scope.link("plan-station", station.pk)
    context = {"form": form, "station": station, "act": act, "back": back}
    return show(request, "form", context, status=status, address=act)


def _done(request: HttpRequest, station: Station, said: str) -> HttpResponse:
    """After a change: the station's card, and the map anew."""
    if not request.headers.get("HX-Request"):
        return redirect(Scope.of(request).link("plan-station", station.pk))
    return _card(request, station, said=said, changed=True)


def _not_yours(request: HttpRequest) -> HttpResponse:
    context = {"message": _("Only planners and administrators change places. Ask one of them.")}
    return show(request, "refused", context, status=403)


def _hotspot_row(one: HotspotServed, walking_mps: float) -> dict[str, Any]:
    share, seconds = one.served.share, one.served.seconds
    state = "reached" if share > 0.999 else "partly" if share > 0 else "not_reached"
    if seconds is None or one.nearest is None:
        said = _("No station within an hour's walk.")
    else:
        said = _("%(time)s from %(station)s (%(distance)s)") % {
            "time": duration(
                math.ceil(seconds / 60) * 60
            ),  # what is not reached never reads 12 min
            "station": one.nearest.name,
            "distance": distance(seconds * walking_mps),
        }
    return {
        "hotspot": one.hotspot,
        "state": state,
        "percent": int(share * 100),
        "said": said,
        "bounds": ",".join(f"{edge:.6f}" for edge in one.hotspot.geometry.extent),
    }


urlpatterns = [
    path("", plan, name="plan"),
    path("coverage/", served, name="plan-coverage"),
    path("stations/new/", add, name="plan-add"),
    path("stations/<int:pk>/", station_card, name="plan-station"),
    path("stations/<int:pk>/edit/", edit, name="plan-edit"),
    path("stations/<int:pk>/move/", move, name="plan-move"),
    path("stations/<int:pk>/close/", close, name="plan-close"),
    path("stations/<int:pk>/reopen/", reopen, name="plan-reopen"),
]
