"""What an officer's phone page is told: one row a notice. The database is the queue."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau
from patrols.models.people import Person


class PhoneNoticeKind(models.TextChoices):
    """What a notice is about; the words of each are in `frontend/notice_words.py`."""

    ORDER_OFFERED = "order_offered", _("order offered")
    ORDER_CHANGED = "order_changed", _("order changed")
    ORDER_CANCELLED = "order_cancelled", _("order cancelled")
    SOS_TAKEN = "sos_taken", _("SOS taken up")
    SOS_CLOSED = "sos_closed", _("SOS closed")
    WELFARE_CHECK = "welfare_check", _("welfare check")


class PhoneNotice(models.Model):
    """One thing that a person's phone page shows until it is seen.

    kind: a `PhoneNoticeKind`. about: id of the order, alarm … that the kind speaks of. sent_at:
    told to the open pages of the person. delivered_at: first shown by one. seen_at: the tap.
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="phone_notices")
    kind = models.CharField(max_length=24)
    about = models.BigIntegerField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    pushed_at = models.DateTimeField(null=True)  # handed to a push service, or tried

    class Meta:
        verbose_name = _("notice to a phone page")
        verbose_name_plural = _("notices to phone pages")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["person", "created_at"]),
            models.Index(fields=["id"], condition=Q(sent_at=None), name="phone_notices_to_send"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about} → {self.person_id} {self.created_at:%Y-%m-%d %H:%M}"
