"""The pages of the product and the roles that may open them. Deny by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from bureau.models import Role, User

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Page:
    """One entry of the left rail: `name` is its icon and key, `roles` who may open it."""

    name: str
    address: str
    label: _StrPromise
    roles: frozenset[str]


PAGES = (
    Page(
        "live",
        "/live/",
        _("Live"),
        frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR}),
    ),
    Page(
        "week",
        "/week/",
        _("Week"),
        frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR}),
    ),
    Page(
        "plan",
        "/plan/",
        _("Plan"),
        frozenset({Role.PLANNER, Role.SUPERVISOR, Role.ADMINISTRATOR}),
    ),
    Page(
        "records",
        "/records/",
        _("Records"),
        frozenset(
            {
                Role.DISPATCHER,
                Role.SUPERVISOR,
                Role.PLANNER,
                Role.INSPECTOR,
                Role.ADMINISTRATOR,
            }
        ),
    ),
    Page(
        "settings",
        "/settings/",
        _("Settings"),
        frozenset({Role.ADMINISTRATOR, Role.SUPERVISOR, Role.INSPECTOR}),
    ),
)
MY_PAGE = Page("my", "/my/", _("My week"), frozenset(Role.values))

HOMES = {
    Role.DISPATCHER: "/live/",
    Role.SUPERVISOR: "/week/",
    Role.INSPECTOR: "/week/",
    Role.PLANNER: "/plan/",
    Role.OFFICER: "/my/",
    Role.ADMINISTRATOR: "/settings/",
}


def home_of(user: User) -> str:
    """The address where this user's work begins."""
    return HOMES[Role(user.role)]


def is_person(user: User) -> bool:
    """Whether the user also patrols, and so has a week of one's own."""
    return hasattr(user, "person")


def pages_of(user: User) -> list[Page]:
    """The rail of this user: only what the role may open, and one's own week if one patrols."""
    if not user.is_authenticated or user.bureau_id is None:
        return []
    pages = [page for page in PAGES if user.role in page.roles]
    return [*pages, MY_PAGE] if is_person(user) or user.role == Role.OFFICER else pages


def number_in(text: str) -> int | None:
    """The whole number that an address or a form gives as an id; None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def words_in(request: HttpRequest, name: str) -> str:
    """A text of a form, without the one character that the database cannot keep."""
    return str(request.POST.get(name, "")).replace("\x00", "")


def may_open(user: User, name: str) -> bool:
    """Whether the role may open the page of that name."""
    return any(page.name == name for page in pages_of(user))


def opens(
    name: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Let a view through only for roles that may open page `name`; others get 403 in words."""

    def wrap(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may_open(request.user, name):  # type: ignore[arg-type]
                raise PermissionDenied(
                    _("Your role does not open this page. Ask your administrator if it should.")
                )
            return view(request, *args, **kwargs)

        return checked

    return wrap
