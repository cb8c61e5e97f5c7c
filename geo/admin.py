"""Administration of areas, streets, hotspots and import reports, drawn on our own map."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from bureau.errors import Refused
from bureau.scoped_admin import OwnUnits, ReadOnly, Scoped, ScopedInline
from geo.models import Area, AreaKind, Hotspot, HotspotWindow, ImportRun, RoadSegment
from geo.places import checked, line_of
from geo.widgets import GeoJsonFormField


class PlaceForm(forms.ModelForm):
    """A place checked as over the API: valid, of sane size, inside the jurisdiction."""

    sane_kind: ClassVar[str] = ""

    def kind_of_geometry(self) -> str:
        """Key of `geo.validation.SANE`."""
        return self.sane_kind

    def clean_geometry(self) -> GEOSGeometry:
        """The geometry as it is stored."""
        drawn: GEOSGeometry = self.cleaned_data["geometry"]
        try:
            return checked(drawn, self.kind_of_geometry(), self.instance.bureau)
        except Refused as refusal:
            raise ValidationError(str(refusal.message), code=refusal.code) from refusal


class AreaForm(PlaceForm):
    """An area; its kind says how large it may be, so it is read first."""

    geometry = GeoJsonFormField(geom_type="MultiPolygon", label=gettext_lazy("Geometry"))

    class Meta:
        model = Area
        fields = ("unit", "kind", "code", "name", "geometry")

    def kind_of_geometry(self) -> str:
        """The area's kind."""
        return str(self.cleaned_data.get("kind") or AreaKind.BEAT)


@admin.register(Area)
class AreaAdmin(Scoped):
    """Jurisdictions, beats, grid cells, drill grounds."""

    form = AreaForm
    unit_path = "unit"
    list_display = ("name", "code", "kind", "unit")
    list_filter = ("kind", OwnUnits)
    search_fields = ("name", "code")


@admin.register(RoadSegment)
class RoadSegmentAdmin(ReadOnly):
    """Streets come from imports, which keep their topology; here they are looked up."""

    list_display = ("name", "kind", "length_m", "is_footway", "retired_at", "external_id")
    list_filter = ("kind", "is_footway")
    search_fields = ("name", "name_en", "external_id")
    fields = (
        "name",
        "name_en",
        "kind",
        "is_footway",
        "length_m",
        "source",
        "external_id",
        "retired_at",
    )

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """For the choice of a hotspot's segments: streets in use only."""
        rows, twice = super().get_search_results(request, queryset, search_term)
        if "autocomplete" in request.path:
            rows = rows.filter(retired_at=None)
        return rows, twice


class WindowInline(ScopedInline):
    """Hours of the week in which visits are asked for."""

    model = HotspotWindow


class HotspotForm(forms.ModelForm):
    """A hotspot lies on road segments; its line is theirs."""

    class Meta:
        model = Hotspot
        fields = ("unit", "code", "name", "grade", "segments", "opened_on", "closed_on")

    def clean_segments(self) -> Any:
        """Segments make the line, which must be sane."""
        segments = self.cleaned_data["segments"]
        try:
            line = line_of(list(segments))
            self.instance.geometry = checked(line, "hotspot", self.instance.bureau)
        except Refused as refusal:
            raise ValidationError(str(refusal.message), code=refusal.code) from refusal
        return segments


@admin.register(Hotspot)
class HotspotAdmin(Scoped):
    """Stretches of street that need visits. Closed, not deleted, once they have been visited."""

    form = HotspotForm
    unit_path = "unit"
    inlines = (WindowInline,)
    autocomplete_fields = ("segments",)
    list_display = ("name", "code", "grade", "unit", "closed_on")
    list_filter = ("grade", OwnUnits)
    search_fields = ("name", "code")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new one opens today."""
        today = timezone.localdate().isoformat()
        return {"opened_on": today} | super().get_changeform_initial_data(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: set the day of closing."""
        return False


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly):
    """What imports took, changed and refused."""

    list_display = ("at", "kind", "file_name", "dry_run", "taken", "changed", "refused", "by")
    list_filter = ("kind", "dry_run")
    fields = (
        "kind", "file_name", "sha256", "dry_run", "taken", "changed", "unchanged", "refused",
        "by", "at", "report_text",
    )  # fmt: skip
    readonly_fields = ("report_text",)

    @admin.display(description=gettext_lazy("report"))
    def report_text(self, row: ImportRun) -> str:
        """The report as it was stored; the Records page shows it in words."""
        return format_html("<pre>{}</pre>", json.dumps(row.report, indent=1, ensure_ascii=False))
