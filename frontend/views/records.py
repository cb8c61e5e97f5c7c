"""Records: import reports, who looked at whom, phones and their health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Role, User
from frontend.pages import opens
from frontend.phone_links import address_warning, deep_link, qr_svg, qr_text
from frontend.phone_page import health_page
from frontend.phone_settings import settings_of
from geo.models import ImportRun
from patrols import gpx_upload
from patrols.access import visible_people
from patrols.models import (
    LiveWatch,
    Person,
    Phone,
    PhoneApp,
    PhoneHolding,
    PhoneMake,
    Quarantine,
    RefusedCount,
    TrailLook,
)
from patrols.phones import enroll, renew_secret, revoke

LOOK_ROLES = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR})
PHONE_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR})
ENROL_ROLES = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
# What reports without an app that is set up: Tandem's page, and files.
NO_APP = frozenset({PhoneApp.SOCKET, PhoneApp.FILE})
A_PAGE = 50
HEALTH_DAYS = 7
QUIET_AFTER = timedelta(hours=24)


def sections(user: User) -> list[tuple[str, str, str]]:
    """(key, address, words) of the parts of this page that the role may open."""
    found = [("imports", "/records/", _("Imports")), ("looks", "/records/looks/", _("Looks"))]
    if user.role in PHONE_ROLES:
        found.append(("phones", "/records/phones/", _("Phones")))
    return found


def show(request: HttpRequest, section: str, template: str, more: dict[str, Any]) -> HttpResponse:
    """One section in the page's frame."""
    user: User = request.user  # type: ignore[assignment]
    return render(request, template, {"section": section, "sections": sections(user), **more})


def readable_imports(user: User) -> QuerySet[ImportRun]:
    """The bureau's imports; those of people, whose reports name badges, only from the top unit.

    Uploaded tracks are read by whoever may see the person, and decides about people.
    """
    runs = ImportRun.objects.filter(bureau=user.bureau_id)
    if user.unit is None or user.unit.parent_id is not None:
        runs = runs.exclude(kind="people")
    if user.role not in LOOK_ROLES:
        return runs.exclude(kind=gpx_upload.KIND)
    seen = visible_people(user).values("pk")
    whose = Cast(KeyTextTransform("person", "report"), BigIntegerField())
    return runs.annotate(whose=whose).filter(~Q(kind=gpx_upload.KIND) | Q(whose__in=seen))


@require_GET
@opens("records")
def imports(request: HttpRequest) -> HttpResponseBase:
    """The reports of the imports that the user may read, newest first."""
    runs = readable_imports(request.user).select_related("by")  # type: ignore[arg-type]
    page = Paginator(runs.defer("report"), A_PAGE).get_page(request.GET.get("page"))
    return show(request, "imports", "records/imports.html", {"page": page})


@require_GET
@opens("records")
def import_report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One import's report: what was refused and why, by row."""
    run = get_object_or_404(readable_imports(request.user), pk=pk)  # type: ignore[arg-type]
    return show(request, "imports", "records/import_report.html", report_parts(run))


def report_parts(run: ImportRun) -> dict[str, Any]:
    """A stored report in the reader's language."""
    report = run.report or {}
    said = {
        name: [say(sentence) for sentence in report.get(name, [])] for name in ("warnings", "notes")
    }
    refused = [(entry.get("row"), say(entry)) for entry in report.get("refused", [])]
    return {"run": run, "refused": refused, "changes": report.get("changes", []), **said}


def say(sentence: Any) -> str:
    """A stored sentence in the reader's language; plain text stays as it is."""
    if isinstance(sentence, dict) and "template" in sentence:
        return _(sentence["template"]) % sentence.get("values", {})
    return str(sentence)


@require_GET
@opens("records")
def looks(request: HttpRequest) -> HttpResponseBase:
    """Who opened whose track, and who watched the live picture.

    Supervisors, inspectors and administrators see the looks at the people of their units; others
    the looks they took themselves.
    """
    user: User = request.user  # type: ignore[assignment]
    rows = TrailLook.objects.filter(bureau=user.bureau_id).select_related("user", "person")
    watches = LiveWatch.objects.filter(bureau=user.bureau_id).select_related("user", "unit")
    if user.role in LOOK_ROLES:
        rows = rows.filter(person__in=visible_people(user))
        watches = watches.filter(unit__in=visible_units(user))
    else:
        rows = rows.filter(user=user)
        watches = watches.filter(user=user)
    if request.GET.get("denied"):
        rows = rows.filter(allowed=False)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    more = {
        "page": page,
        "watches": watches[:A_PAGE],
        "denied": bool(request.GET.get("denied")),
        "own_only": user.role not in LOOK_ROLES,
    }
    return show(request, "looks", "records/looks.html", more)


def check_role(request: HttpRequest, roles: frozenset[Role]) -> User:
    """The user, or 403 in words."""
    user: User = request.user  # type: ignore[assignment]
    if user.role not in roles:
        raise PermissionDenied(
            _("Your role does not open this part. Ask your administrator if it should.")
        )
    return user


def visible_phones(user: User) -> Any:
    """The phones now held by people the user may see, and those nobody holds, of the bureau.

    A phone nobody holds belongs to no unit: only who oversees the top unit sees it.
    """
    holder = PhoneHolding.objects.filter(phone=OuterRef("pk"), until=None)
    phones = Phone.objects.filter(bureau=user.bureau_id).annotate(
        holder_id=Subquery(holder.values("person")[:1])
    )
    seen = phones.filter(holder_id__in=visible_people(user).values("pk"))
    if user.unit is not None and user.unit.parent_id is None:
        return seen | phones.filter(holder_id=None)
    return seen


@require_GET
@opens("records")
def phones(request: HttpRequest) -> HttpResponseBase:
    """Phones with their health: last contact, refused and quarantined in the last seven days."""
    user = check_role(request, PHONE_ROLES)
    now = timezone.now()
    rows = list(visible_phones(user).order_by("revoked_at", "label"))
    people = {
        person.pk: person
        for person in Person.objects.filter(
            pk__in=[row.holder_id for row in rows if row.holder_id]
        ).select_related("unit")
    }
    since = now - timedelta(days=HEALTH_DAYS)
    bureau_id = user.bureau_id or 0
    quarantined: dict[int, int] = dict(
        Quarantine.objects.filter(
            bureau_id=bureau_id,
            phone_id__in=[row.pk for row in rows],
            received_at__gte=since,
        )
        .values_list("phone_id")
        .annotate(Count("pk"))
    )
    refused: dict[int, list[tuple[str, int]]] = {}
    for person_id, reason, count in (
        RefusedCount.objects.filter(
            bureau_id=bureau_id,
            person_id__in=people,
            day__gte=timezone.localdate(now) - timedelta(days=HEALTH_DAYS - 1),
        )
        .values_list("person_id", "reason")
        .annotate(Sum("count"))
        .order_by("reason")
    ):
        refused.setdefault(person_id, []).append((reason, count))
    shown = [
        {
            "phone": row,
            "holder": people.get(row.holder_id),
            "refused": refused.get(row.holder_id, []),
            "quarantined": quarantined.get(row.pk, 0),
            "quiet": row.app != PhoneApp.FILE
            and (row.last_contact_at is None or now - row.last_contact_at > QUIET_AFTER),
            "has_app": row.app not in NO_APP,
        }
        for row in rows
    ]
    more = {"phones": shown, "may_enrol": user.role in ENROL_ROLES, "days": HEALTH_DAYS}
    return show(request, "phones", "records/phones.html", more)


class EnrolForm(forms.Form):
    """A phone for a person."""

    person = forms.ModelChoiceField(
        Person.objects.none(), label=gettext_lazy("Person"), empty_label="—"
    )
    app = forms.ChoiceField(
        label=gettext_lazy("App"),
        choices=[choice for choice in PhoneApp.choices if choice[0] not in NO_APP],
    )
    make = forms.ChoiceField(
        label=gettext_lazy("Make of the phone"),
        choices=[("", gettext_lazy("not known")), *PhoneMake.choices],
        required=False,
        help_text=gettext_lazy("The phone's page then says what to switch off in its settings."),
    )
    label = forms.CharField(
        label=gettext_lazy("Label"),
        max_length=80,
        help_text=gettext_lazy("How you tell this phone from others, for example its number."),
    )
    interval_s = forms.IntegerField(
        label=gettext_lazy("Interval, seconds"), min_value=1, max_value=600, initial=10
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = visible_people(user).filter(left_on=None).order_by("name")
        self.fields["person"].queryset = people  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@opens("records")
def enrol(request: HttpRequest) -> HttpResponseBase:
    """Enrol a phone; its secret is on the answer and nowhere else afterwards."""
    user = check_role(request, ENROL_ROLES)
    form = EnrolForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        phone, secret = enroll(now=timezone.now(), **form.cleaned_data)
        return show_secret(request, phone, secret, form.cleaned_data["person"])
    status = 422 if form.is_bound else 200
    response = show(request, "phones", "records/enrol.html", {"form": form})
    response.status_code = status
    return response


def show_secret(request: HttpRequest, phone: Phone, secret: str, person: Person) -> HttpResponse:
    """The one time a secret is seen."""
    text = qr_text(phone, secret)
    more = {
        "phone": phone,
        "person": person,
        "entries": settings_of(phone, secret),
        "link": deep_link(phone, secret),
        "qr": qr_svg(text) if text else "",
        "warning": address_warning(),
        "old_until": phone.old_secret_until,
    }
    response = show(request, "phones", "records/secret.html", more)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
@opens("records")
def phone_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A phone's page: how it does. By POST: revoke it, or give it a new secret."""
    user = check_role(request, ENROL_ROLES)
    phone = get_object_or_404(visible_phones(user), pk=pk)
    if request.method == "GET":
        more = {
            **health_page(phone),
            "may_act": phone.app not in NO_APP and phone.revoked_at is None,
        }
        return show(request, "phones", "records/phone.html", more)
    if request.POST.get("act") in ("renew", "renew_at_once"):
        # Whose it is comes first: a renewed secret that no page shows would end the phone.
        person = get_object_or_404(visible_people(user), pk=phone.holder_id)
        at_once = request.POST["act"] == "renew_at_once"
        secret = renew_secret(phone=phone, now=timezone.now(), at_once=at_once)
        phone.refresh_from_db()
        return show_secret(request, phone, secret, person)
    if request.POST.get("act") != "revoke":
        raise Refused("act_unknown", _("Choose what to do with the phone."))
    revoke(phone=phone, now=timezone.now())
    messages.success(
        request, _("%(phone)s is revoked: what it sends is not taken any more.") % {"phone": phone}
    )
    return redirect("phones")
