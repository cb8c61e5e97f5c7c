"""The bottom of the house: bureaus, their unit tree, users and roles, calendar, rule sets."""

from __future__ import annotations

import zoneinfo
from datetime import date

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import rules
from bureau.week import Week


def check_zone(name: str) -> None:
    """A time zone must be an IANA name."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Give a time zone such as Asia/Shanghai."))


class Bureau(models.Model):
    """A city's enforcement bureau: the tenant. A city platform may hold several."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(
        _("time zone"),
        max_length=60,
        default="Asia/Shanghai",
        validators=[check_zone],
        help_text=_("Fixed once the bureau exists: weeks are cut by it."),
    )
    is_demo = models.BooleanField(_("demo"), default=False, editable=False)
    attribution = models.CharField(
        _("map attribution"),
        max_length=200,
        blank=True,
        help_text=_("Printed on every map, for example © OpenStreetMap contributors."),
    )
    legal_basis = models.CharField(
        _("legal basis of location data"),
        max_length=300,
        blank=True,
        help_text=_("The document's name and date on which duty positions are collected."),
    )
    impact_assessed_on = models.DateField(_("impact assessment"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("bureau")
        verbose_name_plural = _("bureaus")

    def __str__(self) -> str:
        return self.name

    def week_of(self, day: date) -> Week:
        """The bureau's week in which a local date falls."""
        return Week.of(day, self.time_zone)


class UnitKind(models.TextChoices):
    BUREAU = "bureau", _("Bureau")
    BRIGADE = "brigade", _("Brigade")
    SQUAD = "squad", _("Squad")


class OrgUnit(models.Model):
    """One node of the tree bureau → brigade → squad. Scope of every query."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="units")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=UnitKind.choices)
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering = ["bureau", "code"]
        constraints = [
            models.UniqueConstraint("bureau", "code", name="unit_code_once_a_bureau"),
            models.CheckConstraint(
                condition=Q(kind="bureau", parent=None) | Q(kind__in=["brigade", "squad"]),
                name="only_the_top_unit_has_no_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.kind != UnitKind.BUREAU and self.parent is None:
            raise ValidationError({"parent": _("Name the unit above this one.")})
        ancestor = self.parent
        while ancestor is not None:
            if ancestor.pk == self.pk:
                raise ValidationError({"parent": _("A unit cannot stand below itself.")})
            if ancestor.bureau_id != self.bureau_id:
                raise ValidationError({"parent": _("The unit above belongs to another bureau.")})
            ancestor = ancestor.parent


class Role(models.TextChoices):
    OFFICER = "officer", _("Officer")
    DISPATCHER = "dispatcher", _("Dispatcher")
    SUPERVISOR = "supervisor", _("Supervisor")
    PLANNER = "planner", _("Planner")
    ADMINISTRATOR = "administrator", _("Administrator")
    INSPECTOR = "inspector", _("Inspector")


class User(AbstractUser):
    """Somebody who signs in. `unit` is the top of what the person may see; none is nothing."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, null=True, blank=True, related_name="users")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, null=True, blank=True, related_name="users")
    role = models.CharField(_("role"), max_length=15, choices=Role.choices, default=Role.OFFICER)
    language = models.CharField(_("language"), max_length=10, blank=True)
    must_change_password = models.BooleanField(_("must change password"), default=False)

    class Meta(AbstractUser.Meta):
        pass

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def clean(self) -> None:
        super().clean()
        if self.unit is not None and self.unit.bureau_id != self.bureau_id:
            raise ValidationError({"unit": _("This unit belongs to another bureau.")})


class DayKind(models.TextChoices):
    WORKING = "working", _("Working day")
    REST = "rest", _("Rest day")
    HOLIDAY = "holiday", _("Public holiday")


class CalendarDay(models.Model):
    """A local date whose kind differs from, or confirms, the plain weekday rule."""

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="calendar_days")
    date = models.DateField(_("date"))
    kind = models.CharField(_("kind"), max_length=10, choices=DayKind.choices)
    name = models.CharField(_("name"), max_length=60, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    provisional = models.BooleanField(_("provisional"), default=False)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ["date"]
        constraints = [models.UniqueConstraint("bureau", "date", name="one_kind_a_day")]

    def __str__(self) -> str:
        return f"{self.date} {self.get_kind_display()}"


class RuleSet(models.Model):
    """A bureau's thresholds from a Monday on; see `bureau.rules` for what each means."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="rule_sets")
    valid_from = models.DateField(_("valid from (a Monday)"))
    values = models.JSONField(
        _("values"),
        default=dict,
        blank=True,
        help_text=_("What is left out has its default."),
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")
        ordering = ["bureau", "-valid_from"]
        constraints = [
            models.UniqueConstraint("bureau", "valid_from", name="one_rule_set_a_monday"),
            models.CheckConstraint(
                condition=Q(valid_from__iso_week_day=1), name="rule_set_from_a_monday"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bureau} {self.valid_from}"

    def clean(self) -> None:
        if self.valid_from and self.valid_from.weekday() != 0:
            raise ValidationError({"valid_from": _("A rule set begins on a Monday.")})
        if problems := rules.check(self.values or {}):
            raise ValidationError({"values": [gettext(p.template) % p.values for p in problems]})


class LocationNotice(models.Model):
    """What people are told about location data before the first fix is stored (PIPL 17, 30)."""

    bureau = models.ForeignKey(Bureau, models.PROTECT, related_name="location_notices")
    version = models.PositiveIntegerField(_("version"))
    text_en = models.TextField(_("text, English"))
    text_zh_hans = models.TextField(_("text, Chinese"))
    valid_from = models.DateTimeField(_("valid from"))

    class Meta:
        verbose_name = _("location notice")
        verbose_name_plural = _("location notices")
        ordering = ["bureau", "-version"]
        constraints = [models.UniqueConstraint("bureau", "version", name="notice_version_once")]

    def __str__(self) -> str:
        return f"{self.bureau} {self.version}"


class OneTimeLink(models.Model):
    """A link that makes the first administrator (or resets a password); the token is hashed."""

    token_sha256 = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20)
    user = models.ForeignKey(User, models.CASCADE, null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
