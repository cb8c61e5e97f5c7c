"""How far an unanswered alarm has been shown."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.models import OrgUnit
from patrols.models.orders import Alarm


class AlarmReach(models.Model):
    """From `at` on, while it is open, the alarm is shown to whoever watches `unit` or one below."""

    alarm = models.ForeignKey(Alarm, models.CASCADE, related_name="reaches")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("reach of an alarm")
        verbose_name_plural = _("reaches of alarms")
        ordering = ["at", "pk"]
        constraints = [models.UniqueConstraint("alarm", "unit", name="unit_once_an_alarm")]

    def __str__(self) -> str:
        return f"{self.alarm_id} → {self.unit} {self.at:%H:%M:%S}"
