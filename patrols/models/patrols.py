"""Routes, patrols and who walked in them."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit
from patrols.models.people import Person


class PatrolRoute(models.Model):
    """A line that a unit walks."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="patrol_routes")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="patrol_routes")
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    geometry = models.MultiLineStringField(_("geometry"), srid=4326)
    retired_on = models.DateField(_("retired"), null=True, blank=True)

    class Meta:
        verbose_name = _("patrol route")
        verbose_name_plural = _("patrol routes")
        ordering = ["code"]
        constraints = [models.UniqueConstraint("bureau", "code", name="route_code_once_a_bureau")]

    def __str__(self) -> str:
        return self.name


class Mode(models.TextChoices):
    FOOT = "foot", _("On foot")
    BICYCLE = "bicycle", _("By bicycle")
    VEHICLE = "vehicle", _("By vehicle")


class Patrol(models.Model):
    """A started patrol: adds partners, route and checklist; minutes do not need it."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="patrols")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="patrols")
    route = models.ForeignKey(
        PatrolRoute, models.PROTECT, null=True, blank=True, related_name="patrols"
    )
    mode = models.CharField(_("mode"), max_length=10, choices=Mode.choices, default=Mode.FOOT)
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    turnout_checked = models.BooleanField(_("turnout checked"), default=False)

    class Meta:
        verbose_name = _("patrol")
        verbose_name_plural = _("patrols")
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["bureau", "started_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gt=F("started_at")),
                name="patrol_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.started_at:%Y-%m-%d %H:%M}"


class PatrolMember(models.Model):
    """One person of a patrol; `agency` names an outside partner's agency (joint patrol)."""

    patrol = models.ForeignKey(Patrol, models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="memberships")
    agency = models.CharField(_("agency"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("patrol member")
        verbose_name_plural = _("patrol members")
        constraints = [
            models.UniqueConstraint("patrol", "person", name="person_once_a_patrol"),
            models.CheckConstraint(
                condition=Q(person__isnull=False) | ~Q(agency=""),
                name="member_is_a_person_or_an_agency",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person or self.agency)
