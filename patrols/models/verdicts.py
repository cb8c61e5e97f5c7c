"""Derived days, verdicts with their evidence, reviews and disputes."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.models import Bureau, OrgUnit, User
from patrols.models.people import Person


class PersonDay(models.Model):
    """One person's local day as derived from the positions known at `data_through`.

    `spans`: [{start_s, end_s, reason, credited}], seconds after the local midnight; every second
    of duty has one reason. Recomputed when late positions touch the day.
    """

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "day")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    day = models.DateField()
    duty_s = models.FloatField()
    active_s = models.FloatField()
    credited_s = models.FloatField()
    unknown_s = models.FloatField()
    parked_s = models.FloatField()
    off_beat_s = models.FloatField()
    vehicle_s = models.FloatField(default=0)
    together_s = models.FloatField(default=0)
    alone_s = models.FloatField(default=0)
    company_unknown_s = models.FloatField(default=0)
    fixes = models.PositiveIntegerField()
    unused_fixes = models.JSONField(default=dict)  # reason → count
    spans = models.JSONField(default=list)
    flags = models.JSONField(default=list)  # for review, never a verdict (patrols.flags.DayFlag)
    network_version = models.CharField(max_length=64, blank=True)
    rule_set_id = models.BigIntegerField(null=True)
    data_through = models.DateTimeField()
    judged_at = models.DateTimeField()


class SegmentVisit(models.Model):
    """Time of one person on one road segment (all stretches, before policy thresholds)."""

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "entered_at", "segment_id")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    segment_id = models.BigIntegerField()
    day = models.DateField(db_index=True)
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField()
    active_s = models.FloatField()
    walked_share = models.FloatField(default=0)

    class Meta:
        indexes = [models.Index(fields=["bureau_id", "segment_id", "entered_at"])]


class Company(models.TextChoices):
    """Whether others were near; unknown is not alone."""

    TOGETHER = "together", _("Together")
    ALONE = "alone", _("Alone")
    UNKNOWN = "unknown", _("Unknown")


class CompanySpan(models.Model):
    """A span of one person's day in one kind of company; `partners` are person ids."""

    pk = models.CompositePrimaryKey("bureau_id", "person_id", "starts_at")
    bureau_id = models.IntegerField()
    person_id = models.BigIntegerField()
    day = models.DateField(db_index=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    company = models.CharField(max_length=10, choices=Company.choices)
    partners = models.JSONField(default=list)


class Outcome(models.TextChoices):
    MET = "met", _("Met")
    NOT_MET = "not_met", _("Not met")
    BORDERLINE = "borderline", _("Borderline")
    CANNOT_JUDGE = "cannot_judge", _("Cannot judge")
    EXEMPT = "exempt", _("Exempt")


class Subject(models.TextChoices):
    """Which rule the verdict is about."""

    WEEKLY_PATROL_TIME = "weekly_patrol_time", _("Weekly patrol time")
    PAIR_COVERAGE = "pair_coverage", _("Pair coverage")


class Verdict(models.Model):
    """One judgement of one person's week under one rule. Never edited: a new one supersedes it.

    `numbers` holds seconds and shares the outcome rests on, `reasons` sentences' codes.
    """

    bureau = models.ForeignKey(Bureau, models.CASCADE, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="verdicts", db_constraint=False)
    unit = models.ForeignKey(
        OrgUnit, models.CASCADE, related_name="+", db_constraint=False
    )  # the unit at the time
    subject = models.CharField(max_length=30, choices=Subject.choices)
    monday = models.DateField(_("week"))
    outcome = models.CharField(_("verdict"), max_length=15, choices=Outcome.choices)
    numbers = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    rule_set_id = models.BigIntegerField(null=True)
    rules = models.JSONField(default=dict)  # the values used, so that the verdict explains itself
    data_through = models.DateTimeField(null=True)
    judged_at = models.DateTimeField()
    is_current = models.BooleanField(default=True)
    changed_since_review = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("verdict")
        verbose_name_plural = _("verdicts")
        ordering = ["-monday", "person"]
        indexes = [models.Index(fields=["bureau", "monday", "subject"])]
        constraints = [
            models.UniqueConstraint(
                fields=["bureau", "person", "monday", "subject"],
                condition=Q(is_current=True),
                name="one_current_verdict",
            ),
            models.CheckConstraint(
                condition=Q(monday__iso_week_day=1), name="verdict_week_is_a_monday"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.monday} {self.outcome}"


class Decision(models.TextChoices):
    UPHOLD = "uphold", _("Uphold")
    OVERTURN = "overturn", _("Overturn")
    EXCUSE = "excuse", _("Excuse")
    ADOPT = "adopt", _("Newer figures adopted")


class Review(models.Model):
    """What a supervisor decided about a verdict, and why. The note is not optional."""

    verdict = models.ForeignKey(Verdict, models.PROTECT, related_name="reviews")
    by = models.ForeignKey(User, models.PROTECT, related_name="reviews")
    decision = models.CharField(_("decision"), max_length=10, choices=Decision.choices)
    note = models.TextField(_("note"))
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-at"]
        constraints = [models.CheckConstraint(condition=~Q(note=""), name="a_review_has_a_note")]

    def __str__(self) -> str:
        return f"{self.verdict} {self.decision}"


class Dispute(models.Model):
    """An officer's objection to the own verdict, and its answer."""

    verdict = models.ForeignKey(Verdict, models.PROTECT, related_name="disputes")
    by = models.ForeignKey(User, models.PROTECT, related_name="disputes")
    text = models.TextField(_("what is wrong"))
    at = models.DateTimeField()
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    answer = models.TextField(_("answer"), blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.verdict} {self.at:%Y-%m-%d}"
