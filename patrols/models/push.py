"""Web push: whether a bureau allows it, and the browsers that officers have signed up."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, User
from patrols.models.people import Person


class PushSetting(models.Model):
    """A bureau's word on push services outside; without a row they are off."""

    bureau = models.OneToOneField(Bureau, models.CASCADE, related_name="push_setting")
    is_on = models.BooleanField(_("use the push services of browsers"), default=False)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("push setting")
        verbose_name_plural = _("push settings")

    def __str__(self) -> str:
        return f"{self.bureau} {self.is_on}"


class PushSubscription(models.Model):
    """One browser of a person. The address is a secret: whoever has it can try to send to it."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=120)
    auth = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    # In a row, since the last message that was taken.
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("push subscription")
        verbose_name_plural = _("push subscriptions")
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"{self.person} {self.made_at:%Y-%m-%d}"
