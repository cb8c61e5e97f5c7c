"""People of a bureau, their certificates, and the phones that report for them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, LocationNotice, OrgUnit, User


class Category(models.TextChoices):
    """An auxiliary (协管员) may patrol and never enforces."""

    OFFICER = "officer", _("Enforcement officer")
    AUXILIARY = "auxiliary", _("Auxiliary")


class Person(models.Model):
    """Somebody who patrols. Left people are deactivated, exported and forgotten, in that order."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="people")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="people")
    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="person")
    category = models.CharField(_("category"), max_length=10, choices=Category.choices)
    badge_no = models.CharField(_("badge number"), max_length=30)
    name = models.CharField(_("name"), max_length=80)
    left_on = models.DateField(_("left"), null=True, blank=True)
    # Days before it are never judged again: that the positions are gone is no silence.
    positions_deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["unit", "badge_no"]
        constraints = [models.UniqueConstraint("bureau", "badge_no", name="badge_once_a_bureau")]

    def __str__(self) -> str:
        return self.name


class FormerUnit(models.Model):
    """The unit that a person belonged to up to a day, that day included; now it is another.

    Days before a move stay on the ground of the old unit, whenever they are judged.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="former_units")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    until = models.DateField(_("last day there"))

    class Meta:
        verbose_name = _("former unit")
        verbose_name_plural = _("former units")
        ordering = ["until"]
        constraints = [models.UniqueConstraint("person", "until", name="one_unit_a_day")]

    def __str__(self) -> str:
        return f"{self.unit} – {self.until}"


class Certificate(models.Model):
    """An enforcement certificate; valid on a day between its dates, ends included."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="certificates")
    number = models.CharField(_("number"), max_length=60)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")),
                name="certificate_dates_in_order",
            ),
            models.UniqueConstraint("person", "number", name="certificate_number_once"),
        ]

    def __str__(self) -> str:
        return self.number


class NoticeAccepted(models.Model):
    """That a person has read and accepted a version of the location notice."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices_accepted")
    notice = models.ForeignKey(LocationNotice, models.PROTECT, related_name="accepted")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("accepted location notice")
        verbose_name_plural = _("accepted location notices")
        constraints = [models.UniqueConstraint("person", "notice", name="notice_accepted_once")]

    def __str__(self) -> str:
        return f"{self.person} {self.notice}"


class PhoneApp(models.TextChoices):
    """The app that reports; each has its own dialect and units (wire formats)."""

    TRACCAR = "traccar", "Traccar Client / OsmAnd"
    OWNTRACKS = "owntracks", "OwnTracks"
    OVERLAND = "overland", "Overland"
    GPSLOGGER = "gpslogger", "GPSLogger"
    COLOTA = "colota", "Colota"
    SOCKET = "socket", _("Tandem's own page")
    FILE = "file", _("uploaded files")


class PhoneMake(models.TextChoices):
    """Who made the phone; battery savers differ by maker, and so does what to switch off."""

    HUAWEI = "huawei", _("Huawei")
    HONOR = "honor", _("Honor")
    XIAOMI = "xiaomi", _("Xiaomi, Redmi, POCO")
    OPPO = "oppo", _("OPPO, realme, OnePlus")
    VIVO = "vivo", _("vivo, iQOO")
    SAMSUNG = "samsung", _("Samsung")
    APPLE = "apple", _("Apple")
    OTHER = "other", _("another Android phone")


class Phone(models.Model):
    """What reports. Its secret is the app's id or token; only the SHA-256 is kept.

    After a renewal the old secret opens too, until the new one is used or `old_secret_until`.
    """

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="phones")
    label = models.CharField(_("label"), max_length=80)
    app = models.CharField(_("app"), max_length=12, choices=PhoneApp.choices)
    make = models.CharField(_("make"), max_length=12, choices=PhoneMake.choices, blank=True)
    # The app, its version and often the model, as the app itself says in its requests.
    told_app = models.CharField(_("app and version"), max_length=120, blank=True, editable=False)
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    # Null, not empty: it is unique, and most phones have none.
    old_secret_sha256 = models.CharField(  # noqa: DJ001
        max_length=64, unique=True, null=True, editable=False
    )
    old_secret_until = models.DateTimeField(null=True, editable=False)
    interval_s = models.PositiveIntegerField(_("interval, s"), default=10)
    enrolled_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_contact_at = models.DateTimeField(_("last contact"), null=True, editable=False)

    class Meta:
        verbose_name = _("phone")
        verbose_name_plural = _("phones")
        ordering = ["label"]
        constraints = [
            models.CheckConstraint(
                condition=Q(old_secret_sha256=None, old_secret_until=None)
                | Q(old_secret_sha256__isnull=False, old_secret_until__isnull=False),
                name="an_old_secret_has_an_end",
            )
        ]

    def __str__(self) -> str:
        return self.label


class PhoneHolding(models.Model):
    """Who carries a phone, from a moment on; a fix belongs to the holder at its fix time."""

    phone = models.ForeignKey(Phone, models.CASCADE, related_name="holdings")
    person = models.ForeignKey(Person, models.PROTECT, related_name="holdings")
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("phone holder")
        verbose_name_plural = _("phone holders")
        ordering = ["phone", "since"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("since")),
                name="holding_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["phone"],
                condition=Q(until=None),
                name="one_open_holder_a_phone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phone} {self.person}"

    def clean(self) -> None:
        """Nobody else may hold the phone at the same time: a fix has one holder."""
        if self.since is None or self.phone_id is None:
            return
        others = PhoneHolding.objects.filter(phone=self.phone_id).exclude(pk=self.pk)
        others = others.filter(Q(until=None) | Q(until__gt=self.since))
        if self.until is not None:
            others = others.filter(since__lt=self.until)
        if others.exists():
            raise ValidationError(_("Somebody holds this phone already at that time."))
