"""Settings: the bureau's facts, rules in force, calendar, accounts, notice and assessment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bureau.access import rules_on, visible_units
from bureau.accounts import may_reset, reset_link
from bureau.calendar import days_of
from bureau.errors import Refused
from bureau.first_run import give_notice
from bureau.models import Bureau, LocationNotice, Role, User
from bureau.week import Week
from frontend.pages import opens
from frontend.rule_words import rule_lines
from geo.base_maps import check_address
from geo.models import BaseMap
from patrols import pushes
from patrols.models import NoticeAccepted, Person, PushSetting


def year_status(bureau: Bureau, year: int) -> dict[str, Any]:
    """Where the working days of a year come from, and whether they are provisional."""
    first, after = date(year, 1, 1), date(year + 1, 1, 1)
    days = days_of(bureau, [first + timedelta(days=i) for i in range((after - first).days)])
    return {
        "year": year,
        "working": sum(day.is_working for day in days),
        "provisional": sum(day.provisional for day in days),
        "sources": sorted({day.source for day in days if day.source and not day.provisional}),
    }


class BureauForm(forms.ModelForm):
    """What may be changed about a bureau; code and time zone are fixed."""

    class Meta:
        model = Bureau
        fields = ["name", "attribution", "legal_basis", "impact_assessed_on"]
        widgets = {"impact_assessed_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


class NoticeForm(forms.Form):
    """A new version of the location notice."""

    text_en = forms.CharField(
        label=gettext_lazy("Text, English"), widget=forms.Textarea(attrs={"rows": 8})
    )
    text_zh_hans = forms.CharField(
        label=gettext_lazy("Text, Chinese"), widget=forms.Textarea(attrs={"rows": 8})
    )


def oversees_all(user: User) -> bool:
    """An administrator of the whole bureau: who may change what holds for everybody."""
    return user.role == Role.ADMINISTRATOR and user.unit is not None and user.unit.parent_id is None


@require_GET
@opens("settings")
def settings_page(request: HttpRequest) -> HttpResponseBase:
    """Everything on one page, to be read from top to bottom."""
    user: User = request.user  # type: ignore[assignment]
    bureau = user.bureau
    assert bureau is not None  # noqa: S101 (the rail is empty without one)
    today = timezone.localdate()
    monday = Week.of(today, bureau.time_zone).monday
    rules, rule_set_id = rules_on(bureau, monday)
    notice = notice_in_force(bureau)
    people = Person.objects.filter(bureau=bureau, left_on=None, unit__in=visible_units(user))
    accepted = (
        NoticeAccepted.objects.filter(notice=notice, person__in=people).count() if notice else 0
    )
    more = {
        "bureau": bureau,
        "units": visible_units(user).count(),
        "rules": rule_lines(asdict(rules)),
        "rule_set_id": rule_set_id,
        "assessment_due": rules.impact_assessment_required and not bureau.impact_assessed_on,
        "rule_sets": bureau.rule_sets.select_related("created_by")[:12],
        "monday": monday,
        "years": [year_status(bureau, today.year), year_status(bureau, today.year + 1)],
        "notice": notice,
        "accepted": accepted,
        "people": people.count(),
        "accounts": accounts_of(user),
        "push": PushSetting.objects.filter(bureau=bureau).first(),
        "base_map": BaseMap.objects.filter(bureau=bureau).first(),
        "may_change": oversees_all(user),
        "is_administrator": user.role == Role.ADMINISTRATOR,
    }
    return render(request, "settings/page.html", more)


def notice_in_force(bureau: Bureau) -> LocationNotice | None:
    """The newest version that is valid already."""
    return bureau.location_notices.filter(valid_from__lte=timezone.now()).first()


def accounts_of(user: User) -> list[dict[str, Any]]:
    """The accounts of the units the user may see; none for those who are no administrators."""
    if user.role != Role.ADMINISTRATOR:
        return []
    rows = (
        User.objects.filter(bureau=user.bureau_id, unit__in=visible_units(user))
        .select_related("unit", "person")
        .order_by("role", "username")
    )
    return [{"user": row, "may_reset": may_reset(user, row) and row.pk != user.pk} for row in rows]


@require_http_methods(["GET", "POST"])
@opens("settings")
def bureau_facts(request: HttpRequest) -> HttpResponseBase:
    """Change the bureau's facts."""
    user = check_oversees_all(request)
    form = BureauForm(request.POST or None, instance=user.bureau)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("The bureau's facts are saved."))
        return redirect("settings")
    title = _("Bureau")
    return answer_form(request, form, title)


@require_http_methods(["GET", "POST"])
@opens("settings")
def notice(request: HttpRequest) -> HttpResponseBase:
    """Put a new version of the location notice in force."""
    user = check_oversees_all(request)
    bureau = user.bureau
    assert bureau is not None  # noqa: S101
    present = notice_in_force(bureau)
    initial = (
        {"text_en": present.text_en, "text_zh_hans": present.text_zh_hans}
        if present
        else {"text_en": NOTICE_EN, "text_zh_hans": NOTICE_ZH}
    )
    form = NoticeForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        made = give_notice(bureau, now=timezone.now(), **form.cleaned_data)
        messages.success(
            request,
            _(
                "Version %(n)d is in force. Until a person accepts it, no position of that person "
                "is stored."
            )
            % {"n": made.version},
        )
        return redirect("settings")
    why = _(
        "A new version asks everybody again. Until a person has accepted it on the page My week, "
        "nothing is stored for that person. Say what is stored, what for, how long, and who "
        "sees it."
    )
    return answer_form(request, form, _("Location notice"), why)


class BaseMapForm(forms.ModelForm):
    """The raster map from outside that the live page may lay under its own."""

    class Meta:
        model = BaseMap
        fields = [
            "is_on", "name", "kind", "address", "key", "attribution", "datum", "most_zoom",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if "address" in values:
            try:
                check_address(values["address"], values.get("key", ""))
            except Refused as refused:
                self.add_error("address", refused.message)
        return values


@require_http_methods(["GET", "POST"])
@opens("settings")
def base_map(request: HttpRequest) -> HttpResponseBase:
    """Change the outside base map."""
    user = check_oversees_all(request)
    assert user.bureau is not None  # noqa: S101
    present = BaseMap.objects.filter(bureau=user.bureau).first() or BaseMap(bureau=user.bureau)
    form = BaseMapForm(request.POST or None, instance=present)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("The outside base map is saved."))
        return redirect("settings")
    why = _(
        "Tandem draws its own streets and needs no map from outside. If one is on, whoever opens "
        "the live page may lay it underneath, and its provider then sees which part of the city is "
        "looked at, never where people are. Ask first whether the bureau's network allows it."
    )
    return answer_form(request, form, _("Outside base map"), why)


class PushForm(forms.Form):
    """Whether messages may leave for the push services of browsers."""

    is_on = forms.BooleanField(
        label=gettext_lazy("Use the push services of browsers"), required=False
    )


@require_http_methods(["GET", "POST"])
@opens("settings")
def push(request: HttpRequest) -> HttpResponseBase:
    """Switch web push on or off."""
    user = check_oversees_all(request)
    bureau = user.bureau
    assert bureau is not None  # noqa: S101
    form = PushForm(request.POST or None, initial={"is_on": pushes.is_on(bureau)})
    # A form without its box is sent too: it means off.
    if request.method == "POST":
        pushes.switch(bureau, on="is_on" in request.POST, by=user, now=timezone.now())
        messages.success(request, _("Web push is saved."))
        return redirect("settings")
    why = _(
        "An officer's page tells of an order while it is open, without any service outside. "
        "With web push the browser tells of it when the page is closed, too: Tandem then sends "
        "a message to the push service of the browser's maker (Google, Mozilla, Apple, "
        "Microsoft …), mostly abroad. The service learns that this phone gets a message from "
        "your bureau, and when. The message is encrypted for the phone and says only that there"
        " is an order or a question to look at: no name, no place, no text. Each officer signs "
        "up the own phone. Switched off, Tandem forgets all of them. Ask first whether the "
        "bureau's rules allow it."
    )
    return answer_form(request, form, _("Web push"), why)


@require_POST
@opens("settings")
def make_reset_link(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A link with which somebody sets a new password, shown once to the administrator."""
    user: User = request.user  # type: ignore[assignment]
    account = get_object_or_404(User, pk=pk, bureau=user.bureau_id)
    token = reset_link(by=user, user=account, now=timezone.now())
    address = request.build_absolute_uri(reverse("new_password", args=[token]))
    more = {"account": account, "address": address}
    response = render(request, "settings/reset_link.html", more)
    response["Cache-Control"] = "no-store"
    return response


def check_oversees_all(request: HttpRequest) -> User:
    """The user, or 403 in words."""
    user: User = request.user  # type: ignore[assignment]
    if not oversees_all(user):
        raise PermissionDenied(_("Only an administrator of the whole bureau changes this."))
    return user


def answer_form(
    request: HttpRequest, form: forms.BaseForm, title: str, why: str = ""
) -> HttpResponse:
    """A form on a page of its own."""
    status = 422 if form.is_bound else 200
    return render(
        request, "settings/form.html", {"form": form, "heading": title, "why": why}, status=status
    )


# A beginning for the bureau's own text; it is never put in force by itself.
NOTICE_EN = """While you are on duty, the phone you carry sends its position to your bureau.

What is stored: time, place, accuracy, speed, course and battery of the phone, from 15 minutes before a shift to 15 minutes after it, and during a patrol, an order or an SOS that you began. Outside duty nothing is stored.
What for: your safety, sending help, and the weekly patrol time.
How long: positions 90 days; what was found from them (minutes, streets) with the verdicts.
Who sees it: dispatchers and supervisors of your unit, inspectors and administrators. Every look at your track is written down, and you can read who looked, when and what for.
Your rights: you can see and export your own data, and dispute a verdict."""  # noqa: E501
NOTICE_ZH = """执勤期间，您携带的手机会向本局发送位置。

记录内容：手机的时间、位置、精度、速度、方向和电量；时间为班次前15分钟至班次后15分钟，以及您开始的巡查、任务或求助期间。非执勤时间不记录。
用途：保障您的安全、派遣支援、计算每周巡查时长。
保存期限：定位点90天；由其得出的结果（时长、路段）与评定一并保存。
可见人员：本单位的调度员、负责人，以及督察员和管理员。每次查看您的轨迹都有记录，您可以看到谁在何时因何查看。
您的权利：您可以查看并导出本人数据，并可对评定提出异议。"""
