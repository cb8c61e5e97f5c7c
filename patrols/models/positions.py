"""Positions and what stands beside them. Written by `patrols.storage`, not by the ORM.

Each table has the bureau first in its primary key and no foreign-key constraints, so that it can
be partitioned by week and distributed by bureau (architecture, storage).
"""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Position(models.Model):
    """A stored fix. The table is partitioned by UTC week; migration 0001 makes it by SQL."""

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

    class Meta:
        managed = False
        db_table = "patrols_position"


class Latest(models.Model):
    """A person's last known place; moves only forward in fix time. `version` orders changes."""

    pk = models.CompositePrimaryKey("bureau_id", "person_id")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    phone_id = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    point = models.PointField(srid=4326, spatial_index=False)
    accuracy_m = models.FloatField(null=True)
    speed_mps = models.FloatField(null=True)
    course_deg = models.FloatField(null=True)
    battery = models.FloatField(null=True)
    flags = models.IntegerField(default=0)
    # No index: it would be written with every fix, and one look at all rows a frame costs less.
    version = models.BigIntegerField()

    class Meta:
        verbose_name = _("latest position")
        verbose_name_plural = _("latest positions")


class Quarantine(models.Model):
    """A body or point that could not be taken, with its reason. Same duty test, 90 days."""

    bureau_id = models.IntegerField()
    phone_id = models.BigIntegerField()
    person_id = models.BigIntegerField(null=True)
    received_at = models.DateTimeField(db_index=True)
    reason = models.CharField(_("reason"), max_length=40)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    raw = models.BinaryField()
    digest = models.CharField(max_length=32)  # of reason and raw: a re-sent body is kept once

    class Meta:
        verbose_name = _("quarantined body")
        verbose_name_plural = _("quarantined bodies")
        ordering = ["-received_at"]
        indexes = [models.Index(fields=["bureau_id", "phone_id", "received_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["bureau_id", "phone_id", "digest"], name="quarantined_once"
            )
        ]


class RefusedCount(models.Model):
    """How many fixes were refused, by person, local day and reason. Never where they were."""

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "day", "reason")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    day = models.DateField()
    reason = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()


class TouchedDay(models.Model):
    """A person's local day with new positions since it was last judged.

    `taken_at`: when a judge began to read them. A mark that nobody has taken may be left as it is
    when more comes (`patrols.storage.marks`); `touched_at` is then half a minute old at most.
    """

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "day")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    day = models.DateField()
    touched_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
