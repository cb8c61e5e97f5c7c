"""The planner's forms for a station, and where a refusal is said in them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.gis.geos import Point
from django.utils.translation import gettext_lazy

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import OrgUnit, User
from bureau.sentences import Unusable
from geo.places import say
from geo.week_windows import read_windows
from stations import register
from stations.models import StationKind

# Which field of the form a refusal belongs to; the rest stands above the form.
FIELD_OF_REFUSAL = {
    "code_taken": "code",
    "hours_overlap": "hours",
    "hours_reversed": "hours",
    "closes_in_future": "on",
    "closes_before_opening": "on",
    "reason_missing": "reason",
}


class StationForm(forms.Form):
    """A station as the planner types it; `place` is two numbers, which the map fills in."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=60,
        help_text=gettext_lazy("Short and once in the bureau, for example K-12."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=StationKind.choices)
    unit = forms.ModelChoiceField(
        label=gettext_lazy("Unit"), queryset=OrgUnit.objects.none(), empty_label=None
    )
    lon_deg = forms.FloatField(
        label=gettext_lazy("Longitude"),
        min_value=-180,
        max_value=180,
        widget=forms.NumberInput(attrs={"step": "any", "data-lon": ""}),
    )
    lat_deg = forms.FloatField(
        label=gettext_lazy("Latitude"),
        min_value=-90,
        max_value=90,
        widget=forms.NumberInput(attrs={"step": "any", "data-lat": ""}),
    )
    address = forms.CharField(label=gettext_lazy("Address"), max_length=200, required=False)
    desks = forms.IntegerField(label=gettext_lazy("Desks"), min_value=0, max_value=999, initial=0)
    chairs = forms.IntegerField(label=gettext_lazy("Chairs"), min_value=0, max_value=999, initial=0)
    opened_on = forms.DateField(
        label=gettext_lazy("Opened"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    hours = forms.CharField(
        label=gettext_lazy("Opening hours"),
        required=False,
        max_length=400,
        help_text=gettext_lazy("For example Mon-Fri 08:00-18:00; Sat 09:00-12:00."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units: Any = self.fields["unit"]
        units.queryset = visible_units(user)

    def clean_hours(self) -> list[register.Hours]:
        """Spans of the week, from the words that imports take too."""
        try:
            windows = read_windows(self.cleaned_data["hours"])
        except Unusable as error:
            raise forms.ValidationError(say(error.sentence)) from error
        return [(window.weekday, window.starts, window.ends) for window in windows]

    def facts(self) -> dict[str, Any]:
        """The values as `stations.register` takes them."""
        values = dict(self.cleaned_data)
        lon_deg, lat_deg = values.pop("lon_deg"), values.pop("lat_deg")
        return {**values, "place": Point(lon_deg, lat_deg, srid=4326)}


class CloseForm(forms.Form):
    """From which day on a station is out of use, and why."""

    on = forms.DateField(
        label=gettext_lazy("Closed from"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Colleagues read it years later: rent ended, street works …"),
    )


class MoveForm(forms.Form):
    """Where a mark was dragged to."""

    lon_deg = forms.FloatField(min_value=-180, max_value=180)
    lat_deg = forms.FloatField(min_value=-90, max_value=90)


def blame(form: forms.Form, refusal: Refused) -> None:
    """Put a refusal beside the field it is about."""
    field = FIELD_OF_REFUSAL.get(refusal.code)
    if refusal.code.startswith("geometry_") and "lon_deg" in form.fields:
        field = "lon_deg"
    form.add_error(field if field in form.fields else None, str(refusal.message))
