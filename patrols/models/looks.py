"""The access log of trails: who looked at whose, why and when."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, User
from patrols.models.people import Person


class TrailLook(models.Model):
    """One look at a person's trail, allowed or denied; the person can read it."""

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="looks", db_constraint=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="looks", db_constraint=False)
    purpose = models.CharField(_("purpose"), max_length=120)
    from_at = models.DateTimeField(_("from"), null=True)
    until_at = models.DateTimeField(_("until"), null=True)
    allowed = models.BooleanField(_("allowed"), default=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("look at a trail")
        verbose_name_plural = _("looks at trails")
        ordering = ["-at"]
        indexes = [models.Index(fields=["bureau", "person", "at"])]

    def __str__(self) -> str:
        return f"{self.user} → {self.person} {self.at:%Y-%m-%d %H:%M}"
