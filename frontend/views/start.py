"""A bureau's first run: the page behind the link from the server's console, and guided steps."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bureau.errors import Refused
from bureau.first_run import add_unit, begin, check_first_link
from bureau.models import Bureau, OrgUnit, UnitKind, check_zone
from frontend import uploads
from frontend.pages import opens
from frontend.templatetags.shell import unit_tree
from frontend.views.settings import check_oversees_all
from geo.models import AreaKind, Datum


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


class UnitForm(forms.Form):
    """A brigade or squad."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("Imports name units by it."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[choice for choice in UnitKind.choices if choice[0] != UnitKind.BUREAU],
        initial=UnitKind.SQUAD,
    )
    parent = forms.ModelChoiceField(
        OrgUnit.objects.none(), label=gettext_lazy("Below"), empty_label=None
    )

    def __init__(self, bureau: Bureau, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = bureau.units.exclude(kind=UnitKind.SQUAD)
        self.fields["parent"].queryset = units  # type: ignore[attr-defined]


def steps_context(bureau: Bureau) -> dict[str, Any]:
    """What is there already, and so what is left to do."""
    units = list(bureau.units.all())
    counts = {
        "units": sum(unit.parent_id is not None for unit in units),
        "streets": bureau.road_segments.filter(retired_at=None).count(),
        "jurisdiction": bureau.areas.filter(kind=AreaKind.JURISDICTION).count(),
        "beats": bureau.areas.filter(kind=AreaKind.BEAT).count(),
        "people": bureau.people.filter(left_on=None).count(),
        "notice": bureau.location_notices.count(),
    }
    return {
        "bureau": bureau,
        "tree": [(range(depth), unit) for depth, unit in unit_tree(units)],
        "counts": counts,
        "datums": Datum.choices,
        "squads": [unit for unit in units if unit.parent_id is not None],
    }


@require_http_methods(["GET", "POST"])
@opens("settings")
def start(request: HttpRequest) -> HttpResponseBase:
    """The guided steps after the first run; a POST adds a unit."""
    user = check_oversees_all(request)
    bureau = user.bureau
    assert bureau is not None  # noqa: S101
    form = UnitForm(bureau, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            unit = add_unit(bureau, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(request, _("%(unit)s is added.") % {"unit": unit})
            return redirect("start")
    context = steps_context(bureau) | {"form": form}
    return render(request, "start/steps.html", context, status=status_of(form))


@require_POST
@opens("settings")
def upload(request: HttpRequest) -> HttpResponseBase:
    """Take in a file of streets, areas or people; the answer shows how far it is."""
    user = check_oversees_all(request)
    bureau = user.bureau
    assert bureau is not None  # noqa: S101
    file = request.FILES.get("file")
    if file is None:
        raise Refused("file_missing", _("Choose a file first."))
    if request.POST.get("datum", "wgs84") not in Datum.values:
        raise Refused("datum_unknown", _("Choose what the coordinates are measured on."))
    options = {name: request.POST.get(name, "") for name in ("datum", "unit", "make_jurisdiction")}
    work = uploads.import_of(request.POST.get("kind", ""), bureau=bureau, by=user, options=options)
    key = uploads.begin(file, work, bureau=bureau)
    if not request.headers.get("HX-Request"):
        return redirect("upload_status", key=key)
    return render(request, "start/status.html", {"key": key, "state": uploads.status(key, bureau)})


@require_GET
@opens("settings")
def upload_status(request: HttpRequest, key: str) -> HttpResponseBase:
    """How far an import is; asked for every second while it runs."""
    user = check_oversees_all(request)
    assert user.bureau is not None  # noqa: S101
    state = uploads.status(key, user.bureau)
    if state is None:
        raise Http404
    template = "start/status.html"
    if not request.headers.get("HX-Request"):
        template = "start/status_page.html"
    return render(request, template, {"key": key, "state": state})
