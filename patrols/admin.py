"""Administration of people, duty, routes and patrols; verdicts and logs are read only.

Positions are not here: they are opened one trail at a time, on a page that logs the look.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bureau.admin_site import is_operator
from bureau.scoped_admin import OwnUnits, ReadOnly, Scoped, ScopedInline, user_of
from geo.admin import PlaceForm
from geo.widgets import GeoJsonFormField
from patrols import moves, roster
from patrols.access import visible_people
from patrols.models import (
    Alarm,
    Certificate,
    Dispute,
    FormerUnit,
    HandoverNote,
    Intake,
    Lead,
    Leave,
    LiveWatch,
    NoticeAccepted,
    Order,
    OrderStep,
    Patrol,
    PatrolMember,
    PatrolRoute,
    Person,
    PersonDay,
    Phone,
    PhoneHolding,
    PhoneNotice,
    Quarantine,
    Review,
    SealedWeek,
    Shift,
    TrailHold,
    TrailLook,
    Verdict,
    WelfareCheck,
)
from patrols.phones import hash_secret, make_secret


def oversees_all(request: HttpRequest) -> bool:
    """Whether the administrator's scope is the whole bureau, or the platform."""
    user = user_of(request)
    return is_operator(user) or (user.unit is not None and user.unit.parent_id is None)


def phones_within(request: HttpRequest) -> QuerySet[Any]:
    """Ids of the phones that people of the administrator's units carry now."""
    people = visible_people(user_of(request)).values("pk")
    return PhoneHolding.objects.filter(person__in=people, until=None).values("phone")


class CertificateInline(ScopedInline):
    """Enforcement certificates."""

    model = Certificate


class FormerUnitInline(ScopedInline):
    """Where the person was before, and until when; a move adds a line by itself."""

    model = FormerUnit


class AcceptedInline(ScopedInline):
    """Which location notices the person has accepted: the person's own act."""

    model = NoticeAccepted
    fields = readonly_fields = ("notice", "at")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody accepts for another."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody accepts for another."""
        return False


@admin.register(Person)
class PersonAdmin(Scoped):
    """People who patrol."""

    unit_path = "unit"
    inlines = (CertificateInline, FormerUnitInline, AcceptedInline)
    list_display = ("name", "badge_no", "category", "unit", "left_on")
    list_filter = ("category", OwnUnits)
    search_fields = ("name", "badge_no")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A move keeps the days before it in the old unit."""
        before = Person.objects.select_related("unit").get(pk=obj.pk).unit if change else None
        super().save_model(request, obj, form, change)
        if before is not None and before != obj.unit:
            moves.note_move(obj, before, now=timezone.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Days that belong to another unit by what was corrected are judged again."""
        if formset.model is FormerUnit:
            before = set(form.instance.former_units.values_list("until", "unit"))
            super().save_formset(request, form, formset, change)
            after = set(form.instance.former_units.values_list("until", "unit"))
            if days := {until for until, _unit in before ^ after}:
                moves.touch_between(form.instance, days, now=timezone.now())
            return
        super().save_formset(request, form, formset, change)

    def kept_because(self, row: Any) -> str:
        """Somebody with verdicts, derived days, looks or duty."""
        if (
            row.verdicts.exists()
            or row.looks.exists()
            or row.shifts.exists()
            or PersonDay.objects.filter(bureau_id=row.bureau_id, person_id=row.pk).exists()
        ):
            return _("%(name)s has duty or verdicts on record. Set the day of leaving instead.") % {
                "name": row.name
            }
        return ""


class HoldingInline(ScopedInline):
    """Who carries the phone, from when until when."""

    model = PhoneHolding


@admin.register(Phone)
class PhoneAdmin(Scoped):
    """Phones. Enrolling, which shows the secret once, is done on the Records page."""

    inlines = (HoldingInline,)
    list_display = ("label", "app", "interval_s", "enrolled_at", "last_contact_at", "revoked_at")
    list_filter = ("app",)
    search_fields = ("label",)
    fields = (
        "label",
        "app",
        "make",
        "interval_s",
        "revoked_at",
        "last_contact_at",
        "told_app",
    )
    readonly_fields = ("last_contact_at", "told_app")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Phones carried by people of the own units; the whole bureau's from the top unit."""
        rows = super().get_queryset(request)
        return rows if oversees_all(request) else rows.filter(pk__in=phones_within(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the Records page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: its positions name it. Set the time of revoking."""
        return False


class RosterAdmin(Scoped):
    """What says when somebody is on duty: a change has the days judged again."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Both the days it was about and those it is about now."""
        before = [type(obj).objects.get(pk=obj.pk)] if change else []
        super().save_model(request, obj, form, change)
        roster.touch([*before, obj], now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The days it was about."""
        roster.touch([obj], now=timezone.now())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The days that they were about."""
        roster.touch(list(queryset), now=timezone.now())
        super().delete_queryset(request, queryset)


@admin.register(Shift)
class ShiftAdmin(RosterAdmin):
    """The roster."""

    unit_path = "person__unit"
    list_display = ("person", "starts_at", "ends_at", "base")
    list_filter = (OwnUnits,)
    search_fields = ("person__name", "person__badge_no")
    date_hierarchy = "starts_at"
    list_select_related = ("person", "base")


@admin.register(Leave)
class LeaveAdmin(RosterAdmin):
    """Days off duty."""

    unit_path = "person__unit"
    list_display = ("person", "kind", "first_day", "last_day")
    list_filter = ("kind", OwnUnits)
    search_fields = ("person__name", "person__badge_no")


class RouteForm(PlaceForm):
    """A route drawn on the map."""

    sane_kind = "route"
    geometry = GeoJsonFormField(geom_type="MultiLineString", label=gettext_lazy("Geometry"))

    class Meta:
        model = PatrolRoute
        fields = ("unit", "code", "name", "retired_on", "geometry")


@admin.register(PatrolRoute)
class PatrolRouteAdmin(Scoped):
    """Lines that units walk. Django refuses to delete one that a patrol has walked."""

    form = RouteForm
    unit_path = "unit"
    list_display = ("name", "code", "unit", "retired_on")
    list_filter = (OwnUnits,)
    search_fields = ("name", "code")


class MemberInline(ScopedInline):
    """Who walked."""

    model = PatrolMember


@admin.register(Patrol)
class PatrolAdmin(Scoped):
    """Started patrols; they are evidence and are not deleted."""

    unit_path = "unit"
    inlines = (MemberInline,)
    list_display = ("unit", "started_at", "ended_at", "mode", "route")
    list_filter = ("mode", OwnUnits)
    date_hierarchy = "started_at"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(Alarm)
class AlarmAdmin(ReadOnly):
    """SOS calls; answered and closed on the live page. Their place is not shown here."""

    unit_path = "person__unit"
    list_display = ("person", "raised_at", "acknowledged_by", "closed_at", "closed_reason")
    exclude = ("point",)


@admin.register(Intake)
class IntakeAdmin(Scoped):
    """Systems and sensors that send leads. The key is shown once, when one is made."""

    unit_path = "unit"
    list_display = ("name", "source", "unit", "made_at", "last_used_at", "revoked_at")
    list_filter = ("source", OwnUnits)
    fields = ("name", "unit", "source", "revoked_at", "last_used_at")
    readonly_fields = ("last_used_at",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new one gets its key, which is never known again."""
        if not change:
            key = make_secret()
            obj.key_sha256 = hash_secret(key)
        super().save_model(request, obj, form, change)
        if not change:
            messages.warning(
                request,
                _("The key of %(name)s is shown only now: %(key)s")
                % {"name": obj.name, "key": key},
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: leads name it. Set the time of revoking."""
        return False


@admin.register(Lead)
class LeadAdmin(ReadOnly):
    """Leads and complaints; handled on the live page. Who told them is not shown here."""

    unit_path = "unit"
    list_display = ("received_at", "kind", "source", "unit", "enforcement", "closed_at")
    list_filter = ("source", "kind", OwnUnits)
    exclude = ("point", "contact")
    list_select_related = ("unit",)


class StepInline(ScopedInline):
    """What happened to an order, step by step. Places of people are not shown here."""

    model = OrderStep
    fields = readonly_fields = (
        "at", "from_state", "to_state", "by", "said_by", "distance_m", "flagged", "note",
    )  # fmt: skip
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The product writes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The product writes them."""
        return False


@admin.register(Order)
class OrderAdmin(ReadOnly):
    """Orders with their steps; they are evidence."""

    unit_path = "lead__unit"
    inlines = (StepInline,)
    list_display = ("opened_at", "state", "lead", "ended_at")
    list_filter = ("state",)
    list_select_related = ("lead",)


@admin.register(HandoverNote)
class HandoverNoteAdmin(ReadOnly):
    """What one shift of dispatchers left for the next, and who took it over."""

    unit_path = "unit"
    list_display = ("written_at", "unit", "written_by", "taken_by", "taken_at")
    list_select_related = ("unit", "written_by", "taken_by")


@admin.register(Verdict)
class VerdictAdmin(ReadOnly):
    """Verdicts, superseded ones too; reviewed on the week page."""

    unit_path = "unit"
    list_display = ("person", "monday", "subject", "outcome", "is_current", "judged_at")
    list_filter = ("subject", "outcome", "is_current", OwnUnits)
    search_fields = ("person__name", "person__badge_no")
    list_select_related = ("person",)


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """What supervisors decided."""

    bureau_path = "verdict__bureau"
    unit_path = "verdict__unit"
    list_display = ("verdict", "decision", "by", "at")
    list_filter = ("decision",)


@admin.register(Dispute)
class DisputeAdmin(ReadOnly):
    """What officers objected to."""

    bureau_path = "verdict__bureau"
    unit_path = "verdict__unit"
    list_display = ("verdict", "by", "at", "answered_by", "answered_at")


@admin.register(SealedWeek)
class SealedWeekAdmin(ReadOnly):
    """Weeks that are final."""

    list_display = ("monday", "sealed_at")


@admin.register(TrailHold)
class TrailHoldAdmin(ReadOnly):
    """Whose track is held past the retention time, why, and when it was deleted. No places."""

    unit_path = "person__unit"
    list_display = ("person", "reason", "from_at", "until_at", "made_at", "released_at")
    list_filter = ("reason",)
    list_select_related = ("person",)


@admin.register(TrailLook)
class TrailLookAdmin(ReadOnly):
    """Who looked at whose trail, and why."""

    unit_path = "person__unit"
    list_display = ("at", "user", "person", "purpose", "allowed")
    list_filter = ("allowed",)
    search_fields = ("user__username", "person__name", "purpose")
    list_select_related = ("user", "person")


@admin.register(LiveWatch)
class LiveWatchAdmin(ReadOnly):
    """Who watched the live picture of which unit."""

    unit_path = "unit"
    list_display = ("joined_at", "left_at", "user", "unit")
    list_select_related = ("user", "unit")


@admin.register(WelfareCheck)
class WelfareCheckAdmin(ReadOnly):
    """Welfare checks that are open, or that nobody answered; no places."""

    unit_path = "person__unit"
    list_display = ("asked_at", "person", "answered_at", "missed_at", "settled_at", "settled_by")
    list_select_related = ("person", "settled_by")


@admin.register(PhoneNotice)
class PhoneNoticeAdmin(ReadOnly):
    """What officers' pages were told, and when they showed it."""

    unit_path = "person__unit"
    list_display = ("created_at", "person", "kind", "sent_at", "delivered_at", "seen_at")
    list_select_related = ("person",)


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnly):
    """Bodies that could not be taken: when and why. What they hold may be a place: not shown."""

    bureau_path = "bureau_id"
    list_display = ("received_at", "reason", "detail", "phone_id", "person_id")
    list_filter = ("reason",)
    fields = ("received_at", "reason", "detail", "phone_id", "person_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of people of the own units; the whole bureau's from the top unit."""
        rows = super().get_queryset(request)
        if oversees_all(request):
            return rows
        return rows.filter(person_id__in=visible_people(user_of(request)).values("pk"))
