"""The administration: whose rows are seen, what is refused, what is noted."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from bureau.models import OrgUnit, Role, RuleSet, User
from bureau.rules import Rules, Source
from geo.models import Area, AreaKind, Hotspot
from patrols.models import Outcome, PatrolRoute, Person, Phone, Position, Shift, Subject, Verdict
from patrols.models.positions import Latest
from stations.models import Station
from tests import make
from tests.world import Town, build_town, place, rectangle

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    town = build_town()
    town.administrator.is_staff = True
    town.administrator.save()
    return town


@pytest.fixture
def client(town: Town) -> Client:
    return sign_in(town.administrator)


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(model: Any, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def inlines(*prefixes: str) -> dict[str, str]:
    """The empty management forms of a page's inlines."""
    return {
        f"{prefix}-{name}": "0"
        for prefix in prefixes
        for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }


def errors(response: Any) -> str:
    """The sentences of a form that was not saved."""
    assert response.status_code == 200, "it was saved"
    text = response.content.decode()
    return " ".join(re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', text, re.S))


def next_monday() -> date:
    today = datetime.now(UTC).date()
    return today + timedelta(days=14 - today.weekday())


# Who enters


@pytest.mark.parametrize(
    "role",
    [Role.DISPATCHER, Role.SUPERVISOR, Role.PLANNER, Role.INSPECTOR, Role.OFFICER],
)
def test_only_administrators_enter(town: Town, role: Role) -> None:
    user = make.user(role, town.top, is_staff=True)
    response = sign_in(user).get("/admin/")
    assert response.status_code in (302, 403)


def test_a_visitor_signs_in_on_the_products_page(town: Town) -> None:
    response = Client().get("/admin/geo/area/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


def test_an_administrator_without_the_staff_mark_stays_out(town: Town) -> None:
    town.administrator.is_staff = False
    town.administrator.save()
    assert sign_in(town.administrator).get("/admin/").status_code in (302, 403)


def test_every_list_and_form_opens(client: Client, town: Town) -> None:
    kiosk = make.station(town.west, *place(0, 0))
    person = make.person(town.west)
    make.phone(person)
    make.hotspot(town.west, town.blocks["C1-C2"])
    make.shift(person, datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC))
    for model, page in admin.site._registry.items():
        assert client.get(address(model)).status_code == 200, model
        if page.has_add_permission(client.get("/admin/").wsgi_request):
            assert client.get(address(model, "add")).status_code == 200, model
        row = model._default_manager.filter(pk__isnull=False).first()
        if row is not None:
            assert client.get(address(model, "change", row.pk)).status_code == 200, model
    assert client.get(address(Station, "change", kiosk.pk)).status_code == 200


def test_positions_are_not_here() -> None:
    assert Position not in admin.site._registry
    assert Latest not in admin.site._registry


# Scope


def test_an_administrator_sees_the_own_bureau_only(client: Client, town: Town) -> None:
    other = build_town("other")
    make.person(other.west, name="Stranger")
    make.person(town.west, name="Ours")
    page = client.get(address(Person)).content.decode()
    assert "Ours" in page
    assert "Stranger" not in page
    for row in (other.west, other.west_beat, other.planner, other.bureau):
        response = client.get(address(type(row), "change", row.pk))
        assert response.status_code == 302, row  # Django says that there is no such row
    assert client.get(address(Area)).content.decode().count("field-code") == 3


def test_a_squads_administrator_sees_the_squad(town: Town) -> None:
    boss = make.user(Role.ADMINISTRATOR, town.west, is_staff=True)
    make.person(town.west, name="Westerner")
    make.person(town.east, name="Easterner")
    client = sign_in(boss)
    page = client.get(address(Person)).content.decode()
    assert "Westerner" in page
    assert "Easterner" not in page
    # What holds for the whole bureau is changed by the whole bureau's administrator.
    assert client.get(address(RuleSet)).status_code == 200
    assert client.get(address(RuleSet, "add")).status_code == 403


def test_other_bureaus_rows_cannot_be_chosen(client: Client, town: Town) -> None:
    other = build_town("other")
    form = client.get(address(Person, "add")).content.decode()
    assert "Squad West" in form
    assert form.count("Squad West") == 2  # the unit, and a former unit
    response = client.post(
        address(Person, "add"),
        {"unit": other.west.pk, "category": "officer", "badge_no": "1", "name": "X"}
        | inlines("certificates", "former_units", "notices_accepted"),
    )
    assert "Select a valid choice" in errors(response)


def test_a_new_row_belongs_to_the_administrators_bureau(client: Client, town: Town) -> None:
    body = {"unit": town.west.pk, "category": "officer", "badge_no": "0001", "name": "New"}
    response = client.post(
        address(Person, "add"), body | inlines("certificates", "former_units", "notices_accepted")
    )
    assert response.status_code == 302, errors(response)
    assert Person.objects.get(badge_no="0001").bureau == town.bureau
    again = client.post(
        address(Person, "add"), body | inlines("certificates", "former_units", "notices_accepted")
    )
    assert "badge" in errors(again).lower() or "exists" in errors(again)
    assert Person.objects.count() == 1


# Accounts


def new_account(town: Town, **changes: Any) -> dict[str, Any]:
    return {
        "username": "newcomer",
        "role": "planner",
        "unit": town.west.pk,
        "usable_password": "true",
        "password1": "first-pass-word-9",
        "password2": "first-pass-word-9",
    } | changes


def test_a_new_account_must_change_its_password(client: Client, town: Town) -> None:
    response = client.post(address(User, "add"), new_account(town))
    assert response.status_code == 302, errors(response)
    user = User.objects.get(username="newcomer")
    assert user.must_change_password
    assert (user.bureau, user.unit, user.role) == (town.bureau, town.west, "planner")
    assert not user.is_staff
    assert not user.is_superuser


def test_an_account_without_a_unit_is_refused(client: Client, town: Town) -> None:
    assert "required" in errors(client.post(address(User, "add"), new_account(town, unit="")))


def test_nobody_becomes_an_operator_here(client: Client, town: Town) -> None:
    client.post(
        address(User, "add"),
        new_account(town, role="administrator", is_superuser="on", is_staff="on"),
    )
    user = User.objects.get(username="newcomer")
    assert user.is_staff
    assert not user.is_superuser


def test_a_reset_password_must_be_changed(client: Client, town: Town) -> None:
    planner = town.planner
    response = client.post(
        reverse("admin:auth_user_password_change", args=[planner.pk]),
        {
            "usable_password": "true",
            "password1": "other-pass-word-9",
            "password2": "other-pass-word-9",
        },
    )
    assert response.status_code == 302, errors(response)
    planner.refresh_from_db()
    assert planner.check_password("other-pass-word-9")
    assert planner.must_change_password


def test_nobody_takes_the_own_rights(client: Client, town: Town) -> None:
    boss = town.administrator
    client.post(
        address(User, "change", boss.pk),
        {"username": boss.username, "role": "officer", "unit": town.west.pk},
    )
    boss.refresh_from_db()
    assert (boss.role, boss.unit, boss.is_active) == ("administrator", town.top, True)


def test_accounts_are_not_deleted(client: Client, town: Town) -> None:
    assert client.post(address(User, "delete", town.planner.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=town.planner.pk).exists()


# Rules


def test_the_rule_form_shows_every_rule_with_unit_default_and_source(client: Client) -> None:
    page = client.get(address(RuleSet, "add")).content.decode()
    for rule in fields(Rules):
        assert f'name="{rule.name}"' in page, rule.name
        assert f"[{rule.name}]" in page, rule.name
    assert page.count(Source.OURS.value) == sum(
        rule.metadata["source"] == Source.OURS for rule in fields(Rules)
    )
    assert "Default 7200 s." in page
    assert "Default 0.05 ratio." in page


def test_a_rule_set_keeps_only_what_differs(client: Client, town: Town) -> None:
    monday = next_monday()
    body = {"valid_from": monday.isoformat(), "note": "trial", "weekly_required_s": "6000"}
    response = client.post(address(RuleSet, "add"), body | {"weekly_pro_rata": "True"})
    assert response.status_code == 302, errors(response)
    row = RuleSet.objects.get()
    assert row.values == {"weekly_required_s": 6000, "weekly_pro_rata": True}
    assert (row.bureau, row.created_by) == (town.bureau, town.administrator)


def test_choices_and_days_are_kept_as_rules_keep_them(client: Client) -> None:
    body = {"valid_from": next_monday().isoformat(), "note": "", "drill_weekdays": ["1", "5"]}
    response = client.post(address(RuleSet, "add"), body | {"weekly_scope": "squad"})
    assert response.status_code == 302, errors(response)
    row = RuleSet.objects.get()
    assert row.values == {"drill_weekdays": "15", "weekly_scope": "squad"}
    page = client.get(address(RuleSet, "change", row.pk)).content.decode()
    assert page.count("checked") == 2
    assert '<option value="squad" selected>' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weekly_required_s": "1"}, "60"),
        ({"weekly_required_s": "two hours"}, "whole number"),
        ({"near_m": "60", "far_m": "40"}, "far"),
        ({"valid_from": "2026-03-03"}, "Monday"),
        ({"valid_from": "2020-01-06"}, "judged already"),
    ],
)
def test_a_rule_set_that_cannot_hold(client: Client, changes: dict[str, str], said: str) -> None:
    body = {"valid_from": next_monday().isoformat(), "note": ""} | changes
    assert said in errors(client.post(address(RuleSet, "add"), body))
    assert not RuleSet.objects.exists()


def test_a_rule_set_that_judges_is_kept(client: Client, town: Town) -> None:
    past = RuleSet.objects.create(bureau=town.bureau, valid_from=date(2026, 3, 2), values={})
    future = RuleSet.objects.create(bureau=town.bureau, valid_from=next_monday(), values={})
    body = {"valid_from": "2026-03-02", "note": "changed"}
    assert client.post(address(RuleSet, "change", past.pk), body).status_code == 403
    assert client.post(address(RuleSet, "delete", past.pk), {"post": "yes"}).status_code == 403
    both = {"action": "delete_selected", "_selected_action": [past.pk, future.pk], "post": "yes"}
    page = client.post(address(RuleSet), both).content.decode()
    assert "judges weeks" in page
    assert RuleSet.objects.count() == 2
    assert client.post(address(RuleSet, "delete", future.pk), {"post": "yes"}).status_code == 302
    assert list(RuleSet.objects.all()) == [past]


# What is evidence stays


def test_a_person_with_verdicts_stays(client: Client, town: Town) -> None:
    person = make.person(town.west, name="Officer Li", accepted=False, certified=False)
    Verdict.objects.create(
        bureau=town.bureau,
        person=person,
        unit=town.west,
        subject=Subject.WEEKLY_PATROL_TIME,
        monday=date(2026, 3, 2),
        outcome=Outcome.MET,
        judged_at=datetime(2026, 3, 9, tzinfo=UTC),
    )
    page = client.get(address(Person, "delete", person.pk)).content.decode()
    assert "Officer Li has duty or verdicts on record" in page
    for path, body in (
        (address(Person, "delete", person.pk), {"post": "yes"}),
        (
            address(Person),
            {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"},
        ),
    ):
        client.post(path, body)
        assert Person.objects.filter(pk=person.pk).exists()
        assert Verdict.objects.count() == 1


def test_a_person_entered_by_mistake_may_go(client: Client, town: Town) -> None:
    person = make.person(town.west, accepted=False, certified=False)
    assert client.post(address(Person, "delete", person.pk), {"post": "yes"}).status_code == 302
    assert not Person.objects.exists()


def test_a_unit_with_people_stays(client: Client, town: Town) -> None:
    make.person(town.west)
    page = client.post(address(OrgUnit, "delete", town.west.pk), {"post": "yes"}).content.decode()
    assert "protected" in page
    assert OrgUnit.objects.filter(pk=town.west.pk).exists()


@pytest.mark.parametrize("model", [Station, Hotspot, Phone, Verdict])
def test_what_is_closed_or_judged_is_not_deleted(client: Client, town: Town, model: Any) -> None:
    page = client.get(address(model)).content.decode()
    assert "delete_selected" not in page


# Places


def point(east_m: float, north_m: float) -> str:
    return json.dumps({"type": "Point", "coordinates": place(east_m, north_m)})


def station(town: Town, **changes: Any) -> dict[str, Any]:
    return {
        "unit": town.west.pk,
        "kind": "kiosk",
        "code": "K1",
        "name": "Kiosk 1",
        "desks": "1",
        "chairs": "1",
        "opened_on": "2026-01-05",
        "hours": "Mon-Fri 08:00-18:00",
        "geometry": point(0, 0),
    } | changes


def test_a_station_goes_through_the_register(client: Client, town: Town) -> None:
    response = client.post(address(Station, "add"), station(town) | inlines("changes"))
    assert response.status_code == 302, errors(response)
    row = Station.objects.get()
    assert row.opening_hours.count() == 5
    change = client.post(
        address(Station, "change", row.pk), station(town, name="New name") | inlines("changes")
    )
    assert change.status_code == 302, errors(change)
    assert [(one.act, one.by) for one in row.changes.order_by("pk")] == [
        ("add", town.administrator),
        ("edit", town.administrator),
    ]
    assert row.changes.first().after == {"name": "New name"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"geometry": point(900, 0)}, "outside the jurisdiction"),
        ({"geometry": "north of the market"}, "no GeoJSON geometry"),
        ({"geometry": "5"}, "no GeoJSON geometry"),
        ({"geometry": ""}, "No geometry"),
        ({"geometry": '{"type": "Polygon"}'}, "no GeoJSON geometry"),
        ({"hours": "always"}, "cannot be read"),
    ],
)
def test_a_station_that_cannot_be(
    client: Client, town: Town, changes: dict[str, str], said: str
) -> None:
    response = client.post(address(Station, "add"), station(town, **changes) | inlines("changes"))
    assert said in errors(response)
    assert not Station.objects.exists()


def test_a_taken_code_is_said_at_the_form(client: Client, town: Town) -> None:
    make.station(town.east, *place(100, 0), code="K1")
    response = client.post(address(Station, "add"), station(town) | inlines("changes"))
    assert errors(response)
    assert Station.objects.count() == 1


def test_areas_and_routes_are_checked(client: Client, town: Town) -> None:
    ring = [list(corner) for corner in rectangle(-100, -100, 100, 100)]
    polygon = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    body = {"unit": town.west.pk, "kind": "beat", "code": "B9", "name": "B9"}
    response = client.post(address(Area, "add"), body | {"geometry": json.dumps(polygon)})
    assert response.status_code == 302, errors(response)
    assert Area.objects.get(code="B9").geometry.geom_type == "MultiPolygon"
    line = {"type": "LineString", "coordinates": [place(0, 0), place(5000, 0)]}
    body = {"unit": town.west.pk, "code": "R9", "name": "R9", "geometry": json.dumps(line)}
    assert "outside the jurisdiction" in errors(client.post(address(PatrolRoute, "add"), body))
    assert not PatrolRoute.objects.exists()


def test_a_hotspot_is_made_of_segments(client: Client, town: Town) -> None:
    body = {
        "unit": town.west.pk,
        "code": "H9",
        "name": "Gate",
        "grade": "first",
        "segments": [town.blocks["C1-C2"].pk, town.blocks["C2-C3"].pk],
    } | inlines("windows")
    response = client.post(address(Hotspot, "add"), body)
    assert response.status_code == 302, errors(response)
    spot = Hotspot.objects.get()
    assert spot.segments.count() == 2
    assert spot.geometry.num_geom == 2


def test_the_map_field_fetches_nothing_from_outside(client: Client, town: Town) -> None:
    make.area(town.top, rectangle(0, 0, 10, 10), AreaKind.DRILL_GROUND)
    page = client.get(address(Area, "change", town.west_beat.pk)).content.decode()
    assert "data-mapfield" in page
    outside = re.findall(r'(?:src|href)="(?:https?:)?//[^"]+"', page)
    assert outside == []
    assert "<script>" not in page
    assert not re.search(r"\son[a-z]+=", page)


def test_a_shift_names_people_of_the_own_units(town: Town) -> None:
    boss = make.user(Role.ADMINISTRATOR, town.west, is_staff=True)
    mine, other = make.person(town.west), make.person(town.east)
    body = {
        "starts_at_0": "2026-03-02",
        "starts_at_1": "08:00",
        "ends_at_0": "2026-03-02",
        "ends_at_1": "16:00",
    }
    client = sign_in(boss)
    assert errors(client.post(address(Shift, "add"), body | {"person": other.pk}))
    assert client.post(address(Shift, "add"), body | {"person": mine.pk}).status_code == 302
    assert Shift.objects.get().bureau == town.bureau
