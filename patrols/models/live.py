"""What the live picture adds to the latest positions, and who watched it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit, User
from patrols.models.verdicts import Company


class LiveState(models.Model):
    """A person's present state as the live judge sees it; written by the ticker alone.

    `version` comes from the same sequence as `Latest.version`, so one cursor reads both. Off duty
    `duty_since` and `duty_until` are null, and so is everything else: nothing is known of people
    off duty. `partners` are person ids.
    """

    pk = models.CompositePrimaryKey("bureau_id", "person_id")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    duty_since = models.DateTimeField(null=True)
    duty_until = models.DateTimeField(null=True)
    company = models.CharField(max_length=10, choices=Company.choices, default=Company.UNKNOWN)
    company_since = models.DateTimeField(null=True)
    partners = models.JSONField(default=list)
    parked_since = models.DateTimeField(null=True)
    street = models.CharField(max_length=160, blank=True)
    street_en = models.CharField(max_length=160, blank=True)
    hotspot_id = models.BigIntegerField(null=True)
    hotspot_name = models.CharField(max_length=120, blank=True)
    contact_at = models.DateTimeField(null=True)
    version = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name = _("live state")
        verbose_name_plural = _("live states")


class LiveWatch(models.Model):
    """One watch of the live picture: who, which unit with all below it, from when until when.

    The live picture holds tails of five minutes, so this is its access log: one line per join, not
    one per person seen. Whoever is on duty in those units can read it. `seen_at`: when the watch
    was last known to go on, so that a line whose process died can be closed truthfully.
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    unit = models.ForeignKey(OrgUnit, models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="watches", db_constraint=False)
    joined_at = models.DateTimeField(_("joined"))
    left_at = models.DateTimeField(_("left"), null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("watch of the live picture")
        verbose_name_plural = _("watches of the live picture")
        ordering = ["-joined_at"]
        indexes = [models.Index(fields=["bureau", "unit", "joined_at"])]

    def __str__(self) -> str:
        return f"{self.user} → {self.unit} {self.joined_at:%Y-%m-%d %H:%M}"
