"""The note that one shift of dispatchers leaves for the next."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit, User


class HandoverNote(models.Model):
    """What the next shift must know. `waiting`: orders, leads and alarms as they stood then."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="handovers")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="handovers")
    text = models.CharField(_("note"), max_length=2000, blank=True)
    waiting = models.JSONField(default=list)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    written_at = models.DateTimeField(_("written"))
    taken_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField(_("taken over"), null=True)

    class Meta:
        verbose_name = _("hand-over note")
        verbose_name_plural = _("hand-over notes")
        ordering = ["-written_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit"], condition=Q(taken_at=None), name="one_waiting_note_a_unit"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.written_at:%Y-%m-%d %H:%M}"
