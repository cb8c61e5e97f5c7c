"""Alarms. Orders join them with their own issue."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, User
from patrols.models.people import Person


class AlarmKind(models.TextChoices):
    SOS = "sos", _("SOS")


class Alarm(models.Model):
    """An SOS. While it is open the person's fixes are stored whatever the roster says."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="alarms")
    person = models.ForeignKey(Person, models.PROTECT, related_name="alarms")
    kind = models.CharField(_("kind"), max_length=10, choices=AlarmKind.choices)
    raised_at = models.DateTimeField(_("raised"))
    point = models.PointField(srid=4326, null=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)
    acknowledged_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    closed_reason = models.CharField(_("reason for closing"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind"],
                condition=Q(closed_at=None),
                name="one_open_alarm_a_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.person} {self.raised_at:%Y-%m-%d %H:%M}"
