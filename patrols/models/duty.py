"""When people are on duty: shifts and leave."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau
from patrols.models.people import Person
from stations.models import Station


class Shift(models.Model):
    """A rostered span of duty. Positions outside it (± the slack of the rules) are refused."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="shifts")
    person = models.ForeignKey(Person, models.CASCADE, related_name="shifts")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    base = models.ForeignKey(Station, models.PROTECT, null=True, blank=True, related_name="shifts")

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["starts_at"]
        indexes = [models.Index(fields=["bureau", "starts_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="shift_ends_after_it_starts",
            ),
            models.UniqueConstraint("person", "starts_at", name="one_shift_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.starts_at:%Y-%m-%d %H:%M}"


class LeaveKind(models.TextChoices):
    ANNUAL = "annual", _("Annual leave")
    SICK = "sick", _("Sick leave")
    TRAINING = "training", _("Training")
    OTHER = "other", _("Other leave")


class Leave(models.Model):
    """Whole local days off duty, ends included."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="leaves")
    person = models.ForeignKey(Person, models.CASCADE, related_name="leaves")
    kind = models.CharField(_("kind"), max_length=10, choices=LeaveKind.choices)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("leave")
        verbose_name_plural = _("leave")
        ordering = ["-first_day"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="leave_days_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.first_day}–{self.last_day}"
