"""The station register: post-houses, kiosks, community points, service windows."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit


class StationKind(models.TextChoices):
    POST_HOUSE = "post_house", _("Rest station")
    KIOSK = "kiosk", _("Service kiosk")
    COMMUNITY_POINT = "community_point", _("Community point")
    SERVICE_WINDOW = "service_window", _("Service window")


class Station(models.Model):
    """A place where officers and the public are served. Closed ones are kept."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="stations")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="stations")
    kind = models.CharField(_("kind"), max_length=20, choices=StationKind.choices)
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    address = models.CharField(_("address"), max_length=200, blank=True)
    geometry = models.PointField(_("place"), srid=4326)
    desks = models.PositiveSmallIntegerField(_("desks"), default=0)
    chairs = models.PositiveSmallIntegerField(_("chairs"), default=0)
    opened_on = models.DateField(_("opened"))
    closed_on = models.DateField(_("closed"), null=True, blank=True)
    closed_reason = models.CharField(_("reason for closing"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("station")
        verbose_name_plural = _("stations")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint("bureau", "code", name="station_code_once_a_bureau"),
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=models.F("opened_on")),
                name="station_closes_after_it_opens",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OpeningHours(models.Model):
    """Staffed hours of one weekday."""

    station = models.ForeignKey(Station, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("weekday (0 Monday)"))
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering = ["weekday", "opens"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_weekday_0_to_6"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")),
                name="hours_close_after_they_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens}–{self.closes}"


class StationChange(models.Model):
    """Who added, moved, edited or closed a station, and when: what the planner can trace."""

    station = models.ForeignKey(Station, models.CASCADE, related_name="changes")
    act = models.CharField(max_length=10)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    by = models.ForeignKey("bureau.User", models.SET_NULL, null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
