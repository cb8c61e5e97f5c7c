"""Alarms and orders, and the steps that an order takes."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, User
from patrols.models.leads import Lead
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


class OrderState(models.TextChoices):
    """Decision 24. Declined, expired and reassigned orders wait to be offered again."""

    OPEN = "open", _("open")
    OFFERED = "offered", _("offered")
    ACCEPTED = "accepted", _("accepted")
    ARRIVED = "arrived", _("arrived")
    DISPOSED = "disposed", _("disposed of")
    DECLINED = "declined", _("declined")
    EXPIRED = "expired", _("not answered in time")
    CANCELLED = "cancelled", _("cancelled")
    REASSIGNED = "reassigned", _("taken back")


class Order(models.Model):
    """A lead that people are sent to (派单). `patrols.orders` moves it, step by step."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="orders")
    lead = models.ForeignKey(Lead, models.PROTECT, related_name="orders")
    state = models.CharField(
        _("state"), max_length=12, choices=OrderState.choices, default=OrderState.OPEN
    )
    opened_at = models.DateTimeField(_("opened"))
    moved_at = models.DateTimeField(_("in this state since"))
    offer_ends_at = models.DateTimeField(null=True)
    # Whoever walks together answers together.
    as_pair = models.BooleanField(default=False)
    report = models.CharField(_("report"), max_length=1000, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["state", "offer_ends_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(ended_at=None), name="one_open_order_a_lead"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["disposed", "cancelled"], ended_at__isnull=False)
                | (~Q(state__in=["disposed", "cancelled"]) & Q(ended_at=None)),
                name="an_order_ends_with_its_last_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lead} {self.state}"


class OrderMember(models.Model):
    """Somebody to whom an order was offered. On duty for it from `since` (accepted) to `until`.

    `until` is set whenever it is over for this person, accepted or not; until then nobody else may
    offer this person anything.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, models.PROTECT, related_name="order_memberships")
    offered_at = models.DateTimeField(_("offered"))
    since = models.DateTimeField(_("accepted"), null=True)
    arrived_at = models.DateTimeField(_("arrived"), null=True)
    until = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("order member")
        verbose_name_plural = _("order members")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(until=None), name="one_open_order_a_person"
            ),
        ]

    def __str__(self) -> str:
        return str(self.person)


class OrderStep(models.Model):
    """One step of an order: from where to where, when, by whom, and where it was told."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="steps")
    from_state = models.CharField(_("from"), max_length=12, choices=OrderState.choices, blank=True)
    to_state = models.CharField(_("to"), max_length=12, choices=OrderState.choices)
    at = models.DateTimeField(_("at"))
    # Null: Tandem itself, when an offer expires.
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    # Said by radio: `by` has only entered it. Null: `by` acts in one's own name.
    said_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    people = models.ManyToManyField(Person, related_name="+")
    point = models.PointField(srid=4326, null=True, spatial_index=False)
    distance_m = models.FloatField(_("distance, m"), null=True)
    flagged = models.BooleanField(_("too far away"), default=False)
    note = models.CharField(_("note"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("order step")
        verbose_name_plural = _("order steps")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"
