"""A bureau's first run: the page behind the link from the server's console."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from bureau.first_run import begin, check_first_link
from bureau.models import check_zone
from frontend.pages import opens


class FirstRunForm(forms.Form):
    """The bureau and its first administrator."""

    bureau_name = forms.CharField(label=gettext_lazy("Name of the bureau"), max_length=120)
    bureau_code = forms.SlugField(
        label=gettext_lazy("Code of the bureau"),
        max_length=40,
        help_text=gettext_lazy("Short, in Latin letters, digits and hyphens. Imports refer to it."),
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        initial="Asia/Shanghai",
        max_length=60,
        validators=[check_zone],
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text=gettext_lazy("Weeks are cut by it. It cannot be changed later."),
    )
    username = UsernameField(
        label=gettext_lazy("Your user name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters, not a common word."),
    )
    again = forms.CharField(
        label=gettext_lazy("Password, again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("password") and values["password"] != values.get("again"):
            self.add_error("again", _("The two passwords differ."))
        return values


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def first_run(request: HttpRequest, token: str) -> HttpResponse:
    """Make bureau and administrator, sign in, go on with the guided steps."""
    now = timezone.now()
    check_first_link(token, now)
    form = FirstRunForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        values.pop("again")
        try:
            user = begin(token, now=now, **values)
        except ValidationError as error:
            add_errors(form, error)
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            messages.success(request, _("Bureau and administrator are made."))
            return redirect("start")
    zones = sorted(zoneinfo.available_timezones())
    return render(
        request, "start/first_run.html", {"form": form, "zones": zones}, status=status_of(form)
    )


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """Put what the models refused beside the fields, or above the form."""
    names = {"code": "bureau_code", "name": "bureau_name"}
    if hasattr(error, "error_dict"):
        for name, errors in error.error_dict.items():
            field = names.get(name, name)
            form.add_error(field if field in form.fields else None, errors)
    else:
        form.add_error("password" if "password" in form.fields else None, error)


def status_of(form: forms.Form) -> int:
    """422 for a form with errors, else 200."""
    return 422 if form.is_bound and form.errors else 200


@opens("settings")
def start(request: HttpRequest) -> HttpResponse:
    """The guided steps after the first run."""
    return render(request, "start/steps.html")
