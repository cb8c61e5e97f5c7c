"""Administration of bureaus, units, users, calendar, rule sets and notices."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bureau.admin_site import is_operator
from bureau.models import (
    Bureau,
    CalendarDay,
    LocationNotice,
    OrgUnit,
    Role,
    RuleSet,
    User,
)
from bureau.rule_words import value_words
from bureau.rules import Rules, Source, check
from bureau.scoped_admin import Scoped, user_of
from bureau.week import Week

admin.site.unregister(Group)  # roles are a user's role; Django's permission table is not used


@admin.register(Bureau)
class BureauAdmin(Scoped):
    """The own bureau's facts. Code and time zone are fixed once it exists."""

    bureau_path = "pk"
    list_display = ("name", "code", "time_zone", "legal_basis", "impact_assessed_on")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Weeks are cut by the zone, so it stays as it is."""
        return ("code", "time_zone") if obj is not None else ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A further bureau is set up by the operator of the platform."""
        return is_operator(user_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: everything hangs on it."""
        return False


@admin.register(OrgUnit)
class OrgUnitAdmin(Scoped):
    """The unit tree."""

    unit_path = "pk"
    list_display = ("name", "code", "kind", "parent")
    search_fields = ("name", "code")
    ordering = ("code",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The bureau's own unit stays; others go while nothing hangs on them (PROTECT)."""
        top = obj is not None and obj.parent_id is None
        return not top and super().has_delete_permission(request, obj)


class NewUserForm(AdminUserCreationForm):
    """A new account; its first password is the administrator's, so it must be changed."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "role", "unit", "language")

    def save(self, commit: bool = True) -> User:
        """The account with the flag."""
        user: User = super().save(commit=False)
        user.must_change_password = True
        if commit:
            user.save()
        return user


class OtherPasswordForm(AdminPasswordChangeForm):
    """A password set by an administrator is known to two people until it is changed."""

    def save(self, commit: bool = True) -> User:
        """The account with the flag."""
        self.user.must_change_password = True
        user: User = super().save(commit)
        return user


@admin.register(User)
class TandemUserAdmin(UserAdmin, Scoped):
    """Accounts. They are deactivated, never deleted: reviews and looks name them."""

    unit_path = "unit"
    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = OtherPasswordForm
    list_display = ("username", "first_name", "last_name", "role", "unit", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("username", "first_name", "last_name")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined", "must_change_password")
    fieldsets = (
        (None, {"fields": ("username", "password", "must_change_password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email", "language")}),
        (gettext_lazy("Rights"), {"fields": ("role", "unit", "is_active")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "username", "first_name", "last_name", "role", "unit", "language",
                    "usable_password", "password1", "password2",
                ),
                "description": gettext_lazy(
                    "Hand the password over in person. It has to be changed at the first sign-in."
                ),
            },
        ),
    )  # fmt: skip

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """A unit is needed to see anything."""
        form = super().get_form(request, obj, change=change, **kw)
        unit = form.base_fields.get("unit")
        if unit is not None:
            unit.required = True
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Administrators may open this site; nobody becomes an operator here."""
        if not is_operator(user_of(request)):
            obj.bureau_id = user_of(request).bureau_id
            obj.is_superuser = obj.is_superuser and change
        obj.is_staff = obj.role == Role.ADMINISTRATOR or (obj.is_superuser and obj.bureau is None)
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody takes the own rights away: somebody else must be able to give them back."""
        own = obj is not None and obj.pk == request.user.pk
        return (*self.readonly_fields, *(("role", "unit", "is_active") if own else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(CalendarDay)
class CalendarDayAdmin(Scoped):
    """Days that are not what their weekday says."""

    list_display = ("date", "kind", "name", "source", "provisional")
    list_filter = ("kind", "provisional")
    date_hierarchy = "date"


class RuleSetForm(forms.ModelForm):
    """One field per rule, with its unit, default and source; empty means the default."""

    class Meta:
        model = RuleSet
        fields = ("valid_from", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for rule in fields(Rules):
            self.fields[rule.name] = rule_field(rule)
            self.initial.setdefault(rule.name, self.instance.values.get(rule.name))

    def clean(self) -> dict[str, Any]:
        """Values that differ from nothing, checked together."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        values = {
            rule.name: cleaned[rule.name]
            for rule in fields(Rules)
            if cleaned.get(rule.name) is not None
        }
        if faults := check(values):
            for fault in faults:
                self.add_error(None, _(fault.template) % fault.values)
        else:
            self.instance.values = values
        monday = cleaned.get("valid_from")
        bureau = self.instance.bureau if self.instance.bureau_id else None
        if monday is not None and bureau is not None and monday < this_monday(bureau):
            self.add_error(
                "valid_from",
                _("Earlier weeks are judged already. Choose this week's Monday or a later one."),
            )
        return cleaned


def this_monday(bureau: Bureau) -> Any:
    """The Monday of the bureau's present week."""
    return Week.containing(timezone.now(), bureau.time_zone).monday


class DaysField(forms.MultipleChoiceField):
    """Some days of the week, kept as a rule keeps them: "24" for Tuesday and Thursday."""

    def prepare_value(self, value: Any) -> Any:
        """The days one by one, for the boxes."""
        return list(value) if isinstance(value, str) else value

    def clean(self, value: Any) -> str | None:
        """None if no box is ticked: the default."""
        chosen = super().clean(value)
        return "".join(sorted(chosen)) or None


def rule_field(rule: Any) -> forms.Field:
    """The form field of one rule."""
    unit, source, meaning = (rule.metadata[name] for name in ("unit", "source", "meaning"))
    choices = rule.metadata["choices"]
    shown = value_words(rule.default, rule)
    if unit in ("s", "ratio"):  # as it is typed
        shown = f"{rule.default:g} {_(unit)}"
    label = f"{_(meaning)} [{rule.name}]"
    help_text = _("Default %(default)s. Source: %(source)s.") % {
        "default": shown,
        "source": _(Source(source).value),
    }
    if rule.metadata["later"]:
        help_text += " " + _("Not used yet: no verdict rests on it.")
    if rule.metadata["several"]:
        return DaysField(
            label=label,
            help_text=help_text,
            required=False,
            choices=[(key, _(words)) for key, words in choices.items()],
            widget=forms.CheckboxSelectMultiple,
        )
    if choices is not None:
        return forms.TypedChoiceField(
            label=label,
            help_text=help_text,
            required=False,
            choices=[("", _("default")), *((key, _(words)) for key, words in choices.items())],
            empty_value=None,
        )
    if isinstance(rule.default, bool):
        return forms.TypedChoiceField(
            label=label,
            help_text=help_text,
            required=False,
            choices=[("", _("default")), ("True", _("yes")), ("False", _("no"))],
            coerce=lambda text: text == "True",
            empty_value=None,
        )
    kind = forms.IntegerField if isinstance(rule.default, int) else forms.FloatField
    return kind(
        label=label,
        help_text=help_text,
        required=False,
        min_value=rule.metadata["low"],
        max_value=rule.metadata["high"],
    )


@admin.register(RuleSet)
class RuleSetAdmin(Scoped):
    """Dated rule sets. One that has begun to judge is kept as it was."""

    form = RuleSetForm
    list_display = ("valid_from", "note", "changed_rules", "created_by", "created_at")
    ordering = ("-valid_from",)

    @admin.display(description=gettext_lazy("differs from the defaults in"))
    def changed_rules(self, row: RuleSet) -> str:
        """Keys and values."""
        return ", ".join(f"{key} {value}" for key, value in row.values.items()) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """When, why, and every rule."""
        rules = [rule.name for rule in fields(Rules)]
        head = ["valid_from", "note"]
        if is_operator(user_of(request)):
            head.insert(0, "bureau")
        return [
            (None, {"fields": head}),
            (
                gettext_lazy("Rules"),
                {
                    "fields": rules,
                    "description": gettext_lazy(
                        "An empty field keeps the default. The set valid on Monday judges the "
                        "whole week."
                    ),
                },
            ),
        ]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """The rules are fields of the form, not of the model."""
        kw["fields"] = ["valid_from", "note"]
        if is_operator(user_of(request)):
            kw["fields"].insert(0, "bureau")
        return super().get_form(request, obj, change, **kw)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until its Monday has come."""
        begun = obj is not None and obj.valid_from <= this_monday(obj.bureau)
        return not begun and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until its Monday has come."""
        begun = obj is not None and obj.valid_from <= this_monday(obj.bureau)
        return not begun and super().has_delete_permission(request, obj)

    def kept_because(self, row: Any) -> str:
        """A set that judges."""
        if row.valid_from <= this_monday(row.bureau):
            return _(
                "The rule set of %(day)s judges weeks. Make a new one from a later Monday."
            ) % {"day": row.valid_from}
        return ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep who made it."""
        if not change:
            obj.created_by = user_of(request)
        super().save_model(request, obj, form, change)


@admin.register(LocationNotice)
class LocationNoticeAdmin(Scoped):
    """What people were told. A new version is given on the Settings page."""

    list_display = ("version", "valid_from")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Given on the Settings page, where everybody is asked again."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: people have accepted these words."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
