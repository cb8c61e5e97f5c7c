"""GPSLogger's set-up by link, files uploaded after the fact, and the officer's own phones."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bureau.errors import Refused
from bureau.models import User
from frontend.pages import opens
from frontend.phone_links import deep_link, gpslogger_profile
from frontend.phone_page import health_page
from frontend.views.my import person_of
from frontend.views.records import ENROL_ROLES, check_role, report_parts, show
from geo.models import ImportRun
from patrols import gpx_upload
from patrols.access import visible_people
from patrols.api.phone import strangers
from patrols.models import Person, Phone, PhoneApp
from patrols.phones import hash_secret

UPLOADS_SHOWN = 5


# GPSLogger


def gpslogger_phone(request: HttpRequest) -> tuple[Phone, str]:
    """The phone whose secret the address carries; 404 for any other, and few tries."""
    secret = request.GET.get("id", "")
    address = request.META.get("REMOTE_ADDR", "")
    if not strangers.has(address, 1):
        raise Http404
    phone = Phone.objects.filter(
        secret_sha256=hash_secret(secret), app=PhoneApp.GPSLOGGER, revoked_at=None
    ).first()
    if phone is None:
        strangers.take(address, 1)
        raise Http404
    return phone, secret


def unkept(response: HttpResponse) -> HttpResponse:
    """An answer that holds a secret: kept nowhere, told to nobody."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_GET
def gpslogger_start(request: HttpRequest) -> HttpResponse:
    """The page behind GPSLogger's QR code: Android opens the app's link only from a page."""
    phone, secret = gpslogger_phone(request)
    return unkept(render(request, "records/gpslogger.html", {"link": deep_link(phone, secret)}))


@require_GET
def gpslogger_settings(request: HttpRequest) -> HttpResponse:
    """GPSLogger's profile, which the app itself fetches: no session, the secret opens it."""
    phone, secret = gpslogger_phone(request)
    text = gpslogger_profile(phone, secret)
    return unkept(HttpResponse(text, content_type="text/plain; charset=utf-8"))


# The officer's own phones


@require_GET
@opens("my")
def my_phone(request: HttpRequest, pk: int) -> HttpResponseBase:
    """How one's own phone does."""
    person = person_of(request)
    held = Phone.objects.filter(holdings__person=person, holdings__until=None)
    phone = get_object_or_404(held, pk=pk)
    return render(request, "my/phone.html", {"person": person, **health_page(phone)})


# Files uploaded after the fact


class GpxForm(forms.Form):
    """A recorded track for a person."""

    person = forms.ModelChoiceField(
        Person.objects.none(), label=gettext_lazy("Person"), empty_label="—"
    )
    file = forms.FileField(
        label=gettext_lazy("GPX file"),
        widget=forms.ClearableFileInput(attrs={"accept": ".gpx,application/gpx+xml"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = visible_people(user).filter(left_on=None).order_by("name")
        self.fields["person"].queryset = people  # type: ignore[attr-defined]


def take(person: Person, file: UploadedFile, by: User) -> ImportRun:
    """Take an uploaded file in for a person."""
    if (file.size or 0) > gpx_upload.LARGEST or file.file is None:
        raise Refused(
            "file_too_large",
            _("The file is larger than %(mb)d MB. Split it by days.")
            % {"mb": gpx_upload.LARGEST // 2**20},
        )
    stream = cast(BinaryIO, file.file)
    return gpx_upload.take_gpx(
        person=person, file=stream, name=file.name or "gpx", by=by, now=timezone.now()
    )


@require_http_methods(["GET", "POST"])
@opens("records")
def upload_gpx(request: HttpRequest) -> HttpResponseBase:
    """A recorded track of somebody of one's units, for whose phone did not report."""
    user = check_role(request, ENROL_ROLES)
    form = GpxForm(user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        run = take(form.cleaned_data["person"], form.cleaned_data["file"], user)
        return redirect("import_report", pk=run.pk)
    response = show(request, "phones", "records/upload.html", {"form": form})
    response.status_code = 422 if form.is_bound else 200
    return response


@require_POST
@opens("my")
def my_upload(request: HttpRequest) -> HttpResponseBase:
    """One's own recorded track."""
    person = person_of(request)
    file = request.FILES.get("file")
    if file is None:
        raise Refused("file_missing", _("Choose a file first."))
    run = take(person, file, request.user)  # type: ignore[arg-type]
    return redirect("my_upload_report", pk=run.pk)


@require_GET
@opens("my")
def my_upload_report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What became of a file that one has uploaded oneself."""
    person = person_of(request)
    mine = ImportRun.objects.filter(
        bureau=person.bureau_id, kind=gpx_upload.KIND, by=request.user.pk
    )
    run = get_object_or_404(mine, pk=pk, report__person=person.pk)
    return render(request, "my/upload.html", {"person": person, **report_parts(run)})
