"""What every page of the administration shares: scope, and keeping what is evidence."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from bureau.access import visible_units
from bureau.admin_site import is_administrator, is_operator
from bureau.models import Bureau, OrgUnit, User


def user_of(request: HttpRequest) -> User:
    """The signed-in administrator; the site lets nobody else in."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("the administration is for users")
    return user


class Scoped(admin.ModelAdmin):
    """Rows of the administrator's own bureau and units; Django's permission table is not used.

    bureau_path, unit_path: lookups from a row to its bureau and its unit. Rows without a unit
    belong to the whole bureau and are written only from the bureau's own unit.
    kept_because(row) gives a sentence when the row is evidence and must not be deleted.
    """

    bureau_path: ClassVar[str] = "bureau"
    unit_path: ClassVar[str | None] = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows this administrator may see."""
        rows = super().get_queryset(request)
        user = user_of(request)
        if is_operator(user):
            return rows
        rows = rows.filter(**{self.bureau_path: user.bureau_id})
        if self.unit_path is not None:
            rows = rows.filter(**{f"{self.unit_path}__in": visible_units(user)})
        return rows

    def may_write(self, request: HttpRequest, row: Any = None) -> bool:
        """Whether rows (this row) are written by this administrator."""
        user = user_of(request)
        if not is_administrator(user):
            return False
        whole = is_operator(user) or (user.unit is not None and user.unit.parent_id is None)
        if not whole and self.unit_path is None:
            return False
        return row is None or self.get_queryset(request).filter(pk=row.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """For every administrator."""
        return is_administrator(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The queryset has done the scoping."""
        return is_administrator(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Within the own units."""
        return self.may_write(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Within the own units."""
        return self.may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Within the own units; what is evidence is held back by `kept_because`."""
        return self.may_write(request, obj)

    def kept_because(self, row: Any) -> str:
        """Why this row must stay; empty when it may go."""
        return ""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django's list of what would go, and the sentences for what must stay."""
        gone, counts, _lacking, kept = super().get_deleted_objects(objs, request)
        # Rows that hang on these are of the same bureau; what must stay says so by PROTECT.
        return gone, counts, set(), [*filter(None, map(self.kept_because, objs)), *kept]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """The bureau is the administrator's own, so it is not asked."""
        excluded = list(super().get_exclude(request, obj) or [])
        if not is_operator(user_of(request)) and self.has_bureau():
            excluded.append("bureau")
        return excluded

    def has_bureau(self) -> bool:
        """Whether the model has its own `bureau`."""
        return any(field.name == "bureau" for field in self.model._meta.fields)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """The form, whose row belongs to the bureau before it is checked."""
        form = super().get_form(request, obj, change, **kw)
        user = user_of(request)
        if is_operator(user) or not self.has_bureau():
            return form

        class WithBureau(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                if self.instance.bureau_id is None:
                    self.instance.bureau_id = user.bureau_id

            def _get_validation_exclusions(self) -> set[str]:
                # So that "once a bureau" is checked here and not by the database.
                checked: set[str] = super()._get_validation_exclusions() - {"bureau"}
                return checked

        return WithBureau

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        """Only rows of the own bureau and units can be chosen."""
        kw.setdefault("queryset", in_scope(db_field.remote_field.model, user_of(request)))
        return super().formfield_for_foreignkey(db_field, request, **kw)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        """Only rows of the own bureau and units can be chosen."""
        kw.setdefault("queryset", in_scope(db_field.remote_field.model, user_of(request)))
        return super().formfield_for_manytomany(db_field, request, **kw)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Filters over the own rows only."""
        return self.list_filter


class ReadOnly(Scoped):
    """Evidence: read here, written by the product."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class ScopedInline(admin.TabularInline):
    """Rows below a scoped row."""

    extra = 0

    def _may(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request.user)

    has_view_permission = has_add_permission = _may
    has_change_permission = has_delete_permission = _may

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        """Only rows of the own bureau and units can be chosen."""
        kw.setdefault("queryset", in_scope(db_field.remote_field.model, user_of(request)))
        return super().formfield_for_foreignkey(db_field, request, **kw)


def in_scope(model: type[models.Model], user: User) -> QuerySet[Any]:
    """The rows of a model that an administrator may refer to."""
    rows = model._default_manager.all()
    if is_operator(user):
        return rows
    if model is Bureau:
        return rows.filter(pk=user.bureau_id)
    if model is OrgUnit:
        return visible_units(user)
    names = {field.name for field in model._meta.fields}
    scope = Q(bureau=user.bureau_id) if "bureau" in names else Q()
    if "unit" in names:
        scope &= Q(unit__in=visible_units(user))
    return rows.filter(scope) if "bureau" in names else rows.none()


class OwnUnits(admin.SimpleListFilter):
    """Filter by unit, offering only the administrator's own."""

    title = OrgUnit._meta.verbose_name
    parameter_name = "unit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The units."""
        return [(str(unit.pk), unit.name) for unit in in_scope(OrgUnit, user_of(request))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the chosen unit."""
        value = self.value()
        if not value or not value.isdecimal() or len(value) > 18:
            return queryset
        return queryset.filter(**{model_path(self, queryset): int(value)})


def model_path(which: OwnUnits, queryset: QuerySet[Any]) -> str:
    """The lookup from a row to its unit."""
    names = {field.name for field in queryset.model._meta.fields}
    return "unit" if "unit" in names else "person__unit"
