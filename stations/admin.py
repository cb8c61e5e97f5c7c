"""Administration of stations. Every change goes through the register, which notes it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.gis.geos import Point
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from bureau.errors import Refused
from bureau.scoped_admin import OwnUnits, Scoped, ScopedInline, user_of
from bureau.sentences import Unusable
from geo.places import checked, say
from geo.week_windows import read_windows
from geo.widgets import GeoJsonFormField
from stations import register
from stations.hours import hours_said
from stations.models import Station, StationChange


class StationForm(forms.ModelForm):
    """A station with its place on the map and its hours as text."""

    geometry = GeoJsonFormField(geom_type="Point", label=gettext_lazy("Place"))
    hours = forms.CharField(
        label=gettext_lazy("Opening hours"),
        required=False,
        max_length=400,
        help_text=gettext_lazy("For example Mon-Fri 08:00-18:00; Sat 09:00-12:00."),
    )

    class Meta:
        model = Station
        fields = ("unit", "kind", "code", "name", "address", "desks", "chairs", "opened_on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["hours"] = hours_said(list(self.instance.opening_hours.all()))

    def clean_geometry(self) -> Point:
        """The place as it is stored."""
        try:
            drawn = self.cleaned_data["geometry"]
            return cast(Point, checked(drawn, "station", self.instance.bureau))
        except Refused as refusal:
            raise ValidationError(str(refusal.message), code=refusal.code) from refusal

    def clean_hours(self) -> list[register.Hours]:
        """Spans of the week."""
        try:
            windows = read_windows(self.cleaned_data["hours"])
        except Unusable as error:
            raise ValidationError(say(error.sentence)) from error
        return [(window.weekday, window.starts, window.ends) for window in windows]


class ChangeInline(ScopedInline):
    """Who changed what."""

    model = StationChange
    fields = readonly_fields = ("at", "act", "by", "before", "after")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Written by the register."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Written by the register."""
        return False


@admin.register(Station)
class StationAdmin(Scoped):
    """The register. Closing and reopening is done on the Plan page, with a reason."""

    form = StationForm
    unit_path = "unit"
    inlines = (ChangeInline,)
    list_display = ("name", "code", "kind", "unit", "desks", "chairs", "opened_on", "closed_on")
    list_filter = ("kind", OwnUnits)
    search_fields = ("name", "code", "address")
    readonly_fields = ("closed_on", "closed_reason")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Facts first, then the map."""
        closing = ("closed_on", "closed_reason") if obj is not None and obj.closed_on else ()
        return (*StationForm.Meta.fields, "hours", "geometry", *closing)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """The hours are a field of the form, not of the model."""
        kw["fields"] = [*StationForm.Meta.fields, "geometry"]
        return super().get_form(request, obj, change, **kw)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Through the register."""
        facts = {name: form.cleaned_data[name] for name in StationForm.Meta.fields}
        facts |= {"place": form.cleaned_data["geometry"], "hours": form.cleaned_data["hours"]}
        by = user_of(request)
        if change:
            register.edit(Station.objects.get(pk=obj.pk), by=by, **facts)
        else:
            obj.pk = register.add(by=by, **facts).pk

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A closed one is reopened first."""
        closed = obj is not None and obj.closed_on is not None
        return not closed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is closed."""
        return False
