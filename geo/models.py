"""Places that patrols are about: areas, road segments, hotspots; and what was imported."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit, User


class Datum(models.TextChoices):
    """What a file's coordinates are measured on; only WGS-84 is stored."""

    WGS84 = "wgs84", "WGS-84 / CGCS2000"
    GCJ02 = "gcj02", "GCJ-02"
    BD09 = "bd09", "BD-09"


class AreaKind(models.TextChoices):
    JURISDICTION = "jurisdiction", _("Jurisdiction")
    BEAT = "beat", _("Beat")
    GRID_CELL = "grid_cell", _("Grid cell")
    DRILL_GROUND = "drill_ground", _("Drill ground")


class Area(models.Model):
    """A jurisdiction, a beat (责任区), a grid cell or a drill ground."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="areas")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="areas")
    kind = models.CharField(_("kind"), max_length=15, choices=AreaKind.choices)
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    geometry = models.MultiPolygonField(_("geometry"), srid=4326)

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        ordering = ["kind", "code"]
        constraints = [
            models.UniqueConstraint("bureau", "kind", "code", name="area_code_once_a_kind")
        ]

    def __str__(self) -> str:
        return self.name or self.code


class RoadSegment(models.Model):
    """A street's centre-line from one junction to the next: a block. Its id is Valhalla's way id.

    Segments that meet share an end coordinate exactly; that is the network's topology.
    """

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="road_segments")
    external_id = models.CharField(_("id in the source"), max_length=80)
    name = models.CharField(_("name"), max_length=160, blank=True)
    name_en = models.CharField(_("name, English"), max_length=160, blank=True)
    kind = models.CharField(_("kind of street"), max_length=30)
    is_footway = models.BooleanField(_("footway"), default=False)
    length_m = models.FloatField(_("length, m"))
    source = models.CharField(_("source"), max_length=160)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)
    geometry = models.LineStringField(_("geometry"), srid=4326)

    class Meta:
        verbose_name = _("road segment")
        verbose_name_plural = _("road segments")
        constraints = [
            models.UniqueConstraint("bureau", "external_id", name="segment_once_a_bureau"),
            models.CheckConstraint(condition=Q(length_m__gt=0), name="segment_has_length"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Grade(models.TextChoices):
    """How much a hotspot asks for; the visits each grade owes stand in the rule set."""

    STRICT_STREET = "strict_street", _("Strict-control street")
    FIRST = "first", _("First grade")
    SECOND = "second", _("Second grade")
    THIRD = "third", _("Third grade")


class Hotspot(models.Model):
    """A stretch of street that needs visits: one or more road segments."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="hotspots")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="hotspots")
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    grade = models.CharField(_("grade"), max_length=15, choices=Grade.choices)
    segments = models.ManyToManyField(RoadSegment, related_name="hotspots")
    geometry = models.MultiLineStringField(_("geometry"), srid=4326)
    # Nothing was owed before; without a day it was always there.
    opened_on = models.DateField(_("opened"), null=True, blank=True)
    closed_on = models.DateField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("hotspot")
        verbose_name_plural = _("hotspots")
        ordering = ["code"]
        constraints = [models.UniqueConstraint("bureau", "code", name="hotspot_code_once_a_bureau")]

    def __str__(self) -> str:
        return self.name


class HotspotWindow(models.Model):
    """Hours of the week in which a hotspot asks for visits (school gate, night market)."""

    hotspot = models.ForeignKey(Hotspot, models.CASCADE, related_name="windows")
    weekday = models.PositiveSmallIntegerField(_("weekday (0 Monday)"))
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"), help_text=_("Later than the start; cut at midnight."))
    required_visits = models.PositiveSmallIntegerField(_("required visits"), default=1)

    class Meta:
        verbose_name = _("hotspot window")
        verbose_name_plural = _("hotspot windows")
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="window_weekday_0_to_6"),
            models.CheckConstraint(
                condition=Q(ends__gt=models.F("starts")),
                name="window_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.starts}–{self.ends}"


class BaseMap(models.Model):
    """A raster map from outside, laid under the live page's own; off unless the bureau puts it on.

    Its host sees which part of the city is looked at, by whom of the bureau's addresses, and never
    anybody's position.
    """

    class Kind(models.TextChoices):
        XYZ = "xyz", "XYZ"
        WMTS = "wmts", "WMTS"

    bureau = models.OneToOneField(Bureau, models.CASCADE, related_name="base_map")
    is_on = models.BooleanField(_("offered on the live page"), default=False)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices, default=Kind.XYZ)
    address = models.CharField(
        _("address of a tile"),
        max_length=500,
        help_text=_(
            "With {z}, {x} and {y} for zoom, column and row, and {key} where the key belongs."
        ),
    )
    key = models.CharField(
        _("key"),
        max_length=200,
        blank=True,
        help_text=_(
            "The browsers of those who open the live page fetch the tiles, so they learn it: use a "
            "key that the provider binds to this server's address."
        ),
    )
    attribution = models.CharField(
        _("attribution"),
        max_length=200,
        help_text=_("What the provider wants to read on the map, with the map's approval number."),
    )
    datum = models.CharField(
        _("datum"),
        max_length=5,
        choices=[(Datum.WGS84.value, "WGS-84 / CGCS2000"), (Datum.GCJ02.value, "GCJ-02")],
        default=Datum.WGS84,
        help_text=_("天地图 is CGCS2000. A map on GCJ-02 is moved tile by tile as it is drawn."),
    )
    most_zoom = models.PositiveSmallIntegerField(_("deepest zoom"), default=18)

    class Meta:
        verbose_name = _("outside base map")
        verbose_name_plural = _("outside base maps")
        constraints = [
            models.CheckConstraint(
                condition=Q(most_zoom__gte=1, most_zoom__lte=22), name="base_map_zoom_1_to_22"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportRun(models.Model):
    """What one import took, changed and refused: the report that can be opened again."""

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="imports")
    kind = models.CharField(_("kind"), max_length=20)
    file_name = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(max_length=64)
    dry_run = models.BooleanField(_("dry run"), default=False)
    taken = models.PositiveIntegerField(_("taken"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    report = models.JSONField(_("report"), default=dict)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name}"
