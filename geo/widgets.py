"""A field for a place: a map of our own streets to draw on, and the coordinates beside it."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib.gis import forms as gis_forms
from django.contrib.gis.gdal import GDALException
from django.contrib.gis.geos import GEOSException, GEOSGeometry
from django.core.exceptions import ValidationError
from django.forms.widgets import Script
from django.utils.translation import gettext_lazy as _


class MapWidget(forms.Textarea):
    """A textarea with GeoJSON, drawn on a map by `mapfield.js`; without scripts it still works.

    geom_type: Point, MultiLineString or MultiPolygon: what can be drawn.
    """

    template_name = "geo/map_widget.html"

    class Media:
        css = {"all": ("vendor/maplibre/maplibre-gl.css", "geo/mapfield.css")}
        js = (Script("geo/mapfield.js", type="module"),)

    def __init__(self, geom_type: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, "spellcheck": "false", **(attrs or {})})
        self.geom_type = geom_type

    def format_value(self, value: Any) -> str:
        """GeoJSON of a stored geometry; what was typed stays as typed."""
        if isinstance(value, GEOSGeometry):
            return str(value.geojson)
        return str(value or "")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The geometry type for the script."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["geom_type"] = self.geom_type
        return context


class GeoJsonFormField(gis_forms.GeometryField):
    """A geometry typed or drawn as GeoJSON in WGS-84 longitude and latitude."""

    def __init__(self, *, geom_type: str, **kwargs: Any) -> None:
        kwargs.setdefault("widget", MapWidget(geom_type))
        kwargs.setdefault(
            "help_text",
            _("Draw on the map, or paste GeoJSON with longitude and latitude (WGS 84)."),
        )
        super().__init__(srid=4326, **kwargs)

    def to_python(self, value: Any) -> GEOSGeometry | None:
        """The geometry; single lines and polygons pass, `geo.places.checked` makes them multi."""
        if value in self.empty_values or isinstance(value, GEOSGeometry):
            return value or None
        try:
            if not isinstance(json.loads(value), dict):
                raise ValueError("no object")
            return GEOSGeometry(value, srid=4326)
        except (ValueError, TypeError, GEOSException, GDALException) as error:
            raise ValidationError(
                _("This is no GeoJSON geometry. Check its type and its coordinates."),
                code="invalid_geom",
            ) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the place is another one."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True
