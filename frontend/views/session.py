"""Signing in and out, passwords, language, the alarm slot of the bar."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bureau.accounts import (
    RESET,
    choose_language,
    link_of,
    password_changed,
    set_password_by_link,
    shows_demo_accounts,
)
from bureau.errors import Refused
from bureau.models import User
from frontend.pages import home_of, opens


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """`/`: to where this user's work begins."""
    user: User = request.user  # type: ignore[assignment]
    if user.bureau_id is None or (user.unit_id is None and not hasattr(user, "person")):
        if user.is_staff:
            return redirect("/admin/")
        return render(request, "accounts/nowhere.html", status=403)
    return redirect(home_of(user))


def keep_language(response: HttpResponse, code: str) -> None:
    """Set the cookie from which Django reads the language."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=365 * 86400,
        samesite="Lax",
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
    )


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the pages; kept with the account, and in a cookie."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    code = request.POST.get("language", "")
    response = redirect(back)
    if code in dict(settings.LANGUAGES):
        keep_language(response, code)
        if request.user.is_authenticated:
            choose_language(request.user, code)
    return response


@require_GET
@opens("live")
def alarms(request: HttpRequest) -> HttpResponseBase:
    """The alarm slot of the bar, asked for every few seconds."""
    return render(request, "parts/alarms.html")


class Login(auth_views.LoginView):
    """Sign in; django-axes counts the failures and closes the door for a while."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs,
            demo=shows_demo_accounts(),
            nobody=not User.objects.exists(),
        )

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user: User = form.get_user()
        if user.language in dict(settings.LANGUAGES):
            keep_language(response, user.language)
        return response


class Password(auth_views.PasswordChangeView):
    """Choose a new password, knowing the old one."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        password_changed(form.user)
        messages.success(self.request, _("Your password is changed."))
        return response


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a one-time link from the administrator. A bad link is refused in words."""
    now = timezone.now()
    link = link_of(token, purpose=RESET, now=now)
    if link.user is None:
        raise Refused("link_unknown", _("This link belongs to nobody. Ask for a new one."))
    form = SetPasswordForm(link.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        set_password_by_link(token, password=form.cleaned_data["new_password1"], now=now)
        messages.success(request, _("Your new password is set. Sign in with it."))
        return redirect("login")
    return render(request, "accounts/new_password.html", {"form": form, "for_user": link.user})
