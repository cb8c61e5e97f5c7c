"""What is kept and what is final: sealed weeks, data that came too late, tracks held for a reason.

See decision 10 of the design: verdicts can be judged again while the positions are kept; then
their week is final.
"""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau
from patrols.models.orders import Alarm
from patrols.models.people import Person
from patrols.models.verdicts import Dispute


class FormerGround(models.Model):
    """Areas as they were drawn when days were judged on them, by the mark of `patrols.grounds`."""

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+")
    mark = models.CharField(max_length=16)
    areas = models.MultiPolygonField(srid=4326, spatial_index=False)

    class Meta:
        constraints = [models.UniqueConstraint("bureau", "mark", name="former_ground_once")]

    def __str__(self) -> str:
        return self.mark


class SealedWeek(models.Model):
    """A bureau's week whose derived days and verdicts are final: its positions are gone, or go.

    Written before the first of its positions is dropped, and never taken back.
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    monday = models.DateField(_("week"))
    sealed_at = models.DateTimeField(_("final since"))

    class Meta:
        verbose_name = _("final week")
        verbose_name_plural = _("final weeks")
        ordering = ["-monday"]
        constraints = [
            models.UniqueConstraint(fields=["bureau", "monday"], name="week_sealed_once"),
            models.CheckConstraint(
                condition=Q(monday__iso_week_day=1), name="sealed_week_is_a_monday"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.monday}"


class LateDay(models.Model):
    """Positions of a person's local day that came after its week was final: counted, not judged.

    `counted_through`: receive time of the last one counted, so that none is counted twice.
    """

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "day")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    counted_through = models.DateTimeField()


class HoldReason(models.TextChoices):
    DISPUTE = "dispute", _("Objection")
    SOS = "sos", _("SOS")


class TrailHold(models.Model):
    """Why a person's positions in [from_at, until_at) outlive the retention time.

    They were copied to `HeldPosition` when their week was dropped. `released_at`: when the hold
    was over and the copies were deleted; the line itself stays as the record of both.
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="+", db_constraint=False)
    reason = models.CharField(_("reason"), max_length=10, choices=HoldReason.choices)
    dispute = models.ForeignKey(Dispute, models.CASCADE, null=True, related_name="holds")
    alarm = models.ForeignKey(Alarm, models.CASCADE, null=True, related_name="holds")
    from_at = models.DateTimeField(_("from"))
    until_at = models.DateTimeField(_("until"))
    made_at = models.DateTimeField(_("held since"))
    released_at = models.DateTimeField(_("deleted"), null=True)

    class Meta:
        verbose_name = _("held track")
        verbose_name_plural = _("held tracks")
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(fields=["dispute"], name="one_hold_a_dispute"),
            models.UniqueConstraint(fields=["alarm"], name="one_hold_an_alarm"),
            models.CheckConstraint(
                condition=Q(dispute__isnull=False) ^ Q(alarm__isnull=False),
                name="a_hold_has_one_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.from_at:%Y-%m-%d} {self.reason}"


class HeldPosition(models.Model):
    """A copy of a position whose week was dropped, as long as a hold asks for it.

    Written by `patrols.storage`; read by `patrols.access.trail_for` alone, which logs the look.
    """

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "recorded_at", "phone_id")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    phone_id = models.BigIntegerField()
    received_at = models.DateTimeField()
    point = models.PointField(srid=4326, spatial_index=False)
    accuracy_m = models.FloatField(null=True)
    speed_mps = models.FloatField(null=True)
    course_deg = models.FloatField(null=True)
    battery = models.FloatField(null=True)
    flags = models.IntegerField(default=0)
