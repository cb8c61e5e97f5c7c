"""Signing in and out, passwords, language."""

from __future__ import annotations

from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from bureau.accounts import choose_language
from frontend.pages import home_of, opens


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """`/`: to where this user's work begins."""
    return redirect(home_of(request.user))  # type: ignore[arg-type]


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the pages; kept with the account, or in a cookie before signing in."""
    from django.conf import settings

    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    code = request.POST.get("language", "")
    response = redirect(back)
    if code in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, code, max_age=365 * 86400, samesite="Lax", httponly=True
        )
        if request.user.is_authenticated:
            choose_language(request.user, code)  # type: ignore[arg-type]
    return response


@require_GET
@opens("live")
def alarms(request: HttpRequest) -> HttpResponseBase:
    """The alarm slot of the bar, asked for every few seconds."""
    return render(request, "parts/alarms.html")


class Login(auth_views.LoginView):
    template_name = "accounts/login.html"
    redirect_authenticated_user = True


class Password(auth_views.PasswordChangeView):
    template_name = "accounts/password.html"
    success_url = reverse_lazy("home")
