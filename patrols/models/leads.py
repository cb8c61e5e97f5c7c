"""Leads (线索) and complaints (投诉): something seen somewhere that a patrol should look at."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit, User


class LeadSource(models.TextChoices):
    """How it came in: written by a dispatcher, sent by another system, or by a sensor."""

    MANUAL = "manual", _("written here")
    API = "api", _("from another system")
    SENSOR = "sensor", _("from a sensor")


class LeadKind(models.TextChoices):
    STALL = "stall", _("Stall on the street")
    CLEANLINESS = "cleanliness", _("Dirt or rubbish")
    NOISE = "noise", _("Noise")
    PARKING = "parking", _("Parking on the pavement")
    BUILDING = "building", _("Building or digging")
    SIGNS = "signs", _("Signs and posters")
    OTHER = "other", _("Something else")


class Intake(models.Model):
    """A system or sensor that sends leads. Its key is shown once; only the SHA-256 is kept."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="intakes")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="intakes")
    name = models.CharField(_("name"), max_length=80)
    source = models.CharField(
        _("source"),
        max_length=10,
        choices=[(one.value, one.label) for one in (LeadSource.API, LeadSource.SENSOR)],
    )
    key_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("source of leads")
        verbose_name_plural = _("sources of leads")
        ordering = ["name"]
        constraints = [models.UniqueConstraint("bureau", "name", name="intake_name_once_a_bureau")]

    def __str__(self) -> str:
        return self.name


class Lead(models.Model):
    """One lead. `unit` is whose ground it lies on; `contact` is how to reach who told, if needed.

    Closed when its order is disposed of, or with a reason and without an order.
    """

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="leads")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="leads")
    source = models.CharField(_("source"), max_length=10, choices=LeadSource.choices)
    intake = models.ForeignKey(Intake, models.PROTECT, null=True, related_name="leads")
    # Null, not empty: it is unique for each source, and leads written here have none.
    external_id = models.CharField(_("id there"), max_length=80, null=True)
    kind = models.CharField(_("kind"), max_length=12, choices=LeadKind.choices)
    enforcement = models.BooleanField(_("needs enforcement"), default=False)
    text = models.CharField(_("what is told"), max_length=1000)
    place = models.CharField(_("place in words"), max_length=160, blank=True)
    point = models.PointField(srid=4326)
    street = models.CharField(max_length=160, blank=True)
    street_en = models.CharField(max_length=160, blank=True)
    contact = models.CharField(_("contact"), max_length=80, blank=True)
    happened_at = models.DateTimeField(_("seen at"))
    received_at = models.DateTimeField(_("received"))
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    closed_reason = models.CharField(_("how it ended"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        ordering = ["-received_at"]
        indexes = [models.Index(fields=["bureau", "received_at"])]
        constraints = [
            models.UniqueConstraint("intake", "external_id", name="lead_once_a_source"),
            models.CheckConstraint(
                condition=Q(source=LeadSource.MANUAL, intake=None)
                | (~Q(source=LeadSource.MANUAL) & Q(intake__isnull=False)),
                name="a_lead_from_outside_has_a_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.received_at:%Y-%m-%d %H:%M}"
