"""The administration: only for administrators, each within the own bureau."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.translation import gettext_lazy as _

from bureau.models import Role, User


class TandemAdmin(AdminSite):
    """The site; signing in happens on the product's own page, with its throttling."""

    site_header = _("Tandem administration")
    site_title = _("Tandem")
    index_title = _("Records")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Administrators with an active account that may use it."""
        return is_administrator(request.user)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """To the product's sign-in; who is signed in without the right sees why not."""
        if request.user.is_authenticated:
            return super().login(request, extra_context)
        back = urlencode({"next": request.GET.get("next", request.path)})
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{back}")


def is_administrator(user: Any) -> bool:
    """An active administrator of a bureau, or the operator of a platform of several."""
    if not isinstance(user, User) or not user.is_active or not user.is_staff:
        return False
    return is_operator(user) or (user.role == Role.ADMINISTRATOR and user.bureau_id is not None)


def is_operator(user: User) -> bool:
    """Somebody of no bureau who sets up bureaus: made by `createsuperuser`, never in a page."""
    return user.is_superuser and user.bureau_id is None
