"""The question to somebody who has been still for long: are you all right?"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, User
from patrols.models.people import Person


class WelfareCheck(models.Model):
    """One asking in one stay. An answered one is deleted when the stay is over; no place is kept.

    missed_at: nobody answered in time, so dispatchers see a line. settled_at: the stay is over, or
    somebody saw to it (`settled_by`, with a note).
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="welfare_checks")
    still_since = models.DateTimeField(_("still since"))
    asked_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(_("answered"), null=True)
    missed_at = models.DateTimeField(_("no answer since"), null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("welfare check")
        verbose_name_plural = _("welfare checks")
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(settled_at=None), name="one_open_check_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.asked_at:%Y-%m-%d %H:%M}"
