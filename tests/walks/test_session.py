"""Signing in and out, throttling, passwords, reset by link, language, roles, error pages."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from django.utils import timezone

from bureau.accounts import RESET_LASTS, reset_link
from bureau.errors import Refused
from bureau.models import OneTimeLink, Role
from tests import make
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hasher with one round: its million rounds take half a second a password."""
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1)
    make.hashed_password.cache_clear()


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def client() -> Client:
    return Client(headers={"host": "localhost"})


def sign_in(client: Client, username: str, password: str = make.PASSWORD, **more: str):
    return client.post("/accounts/login/", {"username": username, "password": password, **more})


def test_a_stranger_is_asked_to_sign_in_and_comes_back_to_the_page(client: Client, town: Town):
    asked = client.get("/accounts/password/?x=1")
    assert asked.status_code == 302
    assert asked["Location"] == "/accounts/login/?next=/accounts/password/%3Fx%3D1"
    back = sign_in(client, "town-supervisor", next="/accounts/password/?x=1")
    assert back["Location"] == "/accounts/password/?x=1"


def test_next_never_leads_to_another_site(client: Client, town: Town):
    assert sign_in(client, "town-supervisor", next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize(
    ("role", "home"),
    [
        ("dispatcher", "/live/"),
        ("supervisor", "/week/"),
        ("planner", "/plan/"),
        ("administrator", "/settings/"),
    ],
)
def test_each_role_begins_at_its_own_page(client: Client, town: Town, role: str, home: str):
    sign_in(client, f"town-{role}")
    assert client.get("/")["Location"] == home


def test_officer_and_inspector_homes(client: Client, town: Town):
    officer = make.user(Role.OFFICER, town.west)
    make.person(town.west, user=officer)
    sign_in(client, officer.username)
    assert client.get("/")["Location"] == "/my/"
    inspector = make.user(Role.INSPECTOR, town.top)
    client.force_login(inspector)
    assert client.get("/")["Location"] == "/week/"


def test_an_account_without_a_unit_is_told_whom_to_ask(client: Client, town: Town):
    user = make.user(Role.SUPERVISOR, town.top)
    user.unit = None
    user.save()
    client.force_login(user)
    answer = client.get("/")
    assert answer.status_code == 403
    assert "Ask your administrator" in answer.text


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client, town: Town):
    answer = sign_in(client, "town-supervisor", "wrong")
    assert answer.status_code == 200
    assert "Please enter a correct username and password" in answer.text
    assert 'value="town-supervisor"' in answer.text


def test_eight_wrong_passwords_close_the_door_for_that_name_only(client: Client, town: Town):
    answers = [sign_in(client, "town-supervisor", f"wrong-{n}") for n in range(8)]
    assert answers[-1].status_code == 429
    assert "Too many failed attempts" in answers[-1].text
    # Closed for the right password too, open for another name from the same address.
    assert sign_in(client, "town-supervisor").status_code == 429
    assert sign_in(client, "town-planner").status_code == 302


def test_signing_out_needs_a_post_and_ends_the_session(client: Client, town: Town):
    sign_in(client, "town-supervisor")
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_a_given_password_must_be_changed_before_anything_else(client: Client, town: Town):
    user = town.supervisor
    user.must_change_password = True
    user.save()
    sign_in(client, user.username)
    for page in ("/", "/week/", "/records/", "/admin/"):
        assert client.get(page)["Location"] == "/accounts/password/"
    api = client.get("/api/extent")
    assert api.status_code == 403
    assert api.json()["error"]["code"] == "must_change_password"
    page = client.get("/accounts/password/")
    assert "Choose your own before you go on" in page.text
    changed = client.post(
        "/accounts/password/",
        {
            "old_password": make.PASSWORD,
            "new_password1": "grey-heron-42",
            "new_password2": "grey-heron-42",
        },
    )
    assert changed["Location"] == "/"
    user.refresh_from_db()
    assert not user.must_change_password
    assert user.check_password("grey-heron-42")
    assert client.get("/")["Location"] == "/week/"  # still signed in


def test_a_weak_new_password_is_refused_with_the_reason(client: Client, town: Town):
    sign_in(client, "town-supervisor")
    answer = client.post(
        "/accounts/password/",
        {"old_password": make.PASSWORD, "new_password1": "12345678", "new_password2": "12345678"},
    )
    assert "too common" in answer.text
    town.supervisor.refresh_from_db()
    assert town.supervisor.check_password(make.PASSWORD)


# Reset by an administrator


def test_a_reset_link_sets_a_password_once_and_ends_other_sessions(client: Client, town: Town):
    elsewhere = Client(headers={"host": "localhost"})
    elsewhere.force_login(town.planner)
    assert elsewhere.get("/")["Location"] == "/plan/"
    token = reset_link(by=town.administrator, user=town.planner, now=timezone.now())
    assert not OneTimeLink.objects.filter(token_sha256=token).exists()  # only its hash is kept
    address = f"/accounts/new/{token}/"
    assert "town-planner" in client.get(address).text
    answer = client.post(
        address, {"new_password1": "grey-heron-42", "new_password2": "grey-heron-42"}
    )
    assert answer["Location"] == "/accounts/login/"
    assert sign_in(client, "town-planner", "grey-heron-42").status_code == 302
    assert elsewhere.get("/")["Location"].startswith("/accounts/login/")
    again = client.get(address)
    assert again.status_code == 409
    assert "This link has been used" in again.text


def test_differing_new_passwords_leave_the_link_unused(client: Client, town: Town):
    token = reset_link(by=town.administrator, user=town.planner, now=timezone.now())
    answer = client.post(
        f"/accounts/new/{token}/", {"new_password1": "grey-heron-42", "new_password2": "other-42x"}
    )
    assert "didn’t match" in answer.text
    assert OneTimeLink.objects.get().used_at is None


def test_an_expired_and_an_unknown_link_say_so(client: Client, town: Town):
    token = reset_link(
        by=town.administrator,
        user=town.planner,
        now=timezone.now() - RESET_LASTS - timedelta(seconds=1),
    )
    assert "has expired" in client.get(f"/accounts/new/{token}/").text
    unknown = client.get("/accounts/new/abc/")
    assert unknown.status_code == 409
    assert "not known" in unknown.text


def test_a_newer_link_ends_the_older_one(client: Client, town: Town):
    older = reset_link(by=town.administrator, user=town.planner, now=timezone.now())
    reset_link(by=town.administrator, user=town.planner, now=timezone.now())
    assert "not known" in client.get(f"/accounts/new/{older}/").text


def test_who_may_not_make_a_reset_link(town: Town):
    now = timezone.now()
    other = build_town("other")
    west_admin = make.user(Role.ADMINISTRATOR, town.west)
    for by, user in [
        (town.supervisor, town.planner),  # no administrator
        (other.administrator, town.planner),  # another bureau
        (west_admin, town.planner),  # above the own unit
    ]:
        with pytest.raises(Refused, match="Only an administrator of this person's unit"):
            reset_link(by=by, user=user, now=now)
    assert not OneTimeLink.objects.exists()


# Language


def test_the_browsers_language_then_the_switch_then_the_account(client: Client, town: Town):
    chinese = client.get("/accounts/login/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert '<html lang="zh-hans">' in chinese.text
    assert '<html lang="en">' in client.get("/accounts/login/").text
    sign_in(client, "town-supervisor")
    answer = client.post(
        "/accounts/language/", {"language": "zh-hans", "next": "/accounts/password/"}
    )
    assert answer["Location"] == "/accounts/password/"
    assert '<html lang="zh-hans">' in client.get("/accounts/password/").text
    town.supervisor.refresh_from_db()
    assert town.supervisor.language == "zh-hans"
    # The same person on another machine.
    other = Client(headers={"host": "localhost"})
    sign_in(other, "town-supervisor")
    assert '<html lang="zh-hans">' in other.get("/accounts/password/").text


def test_the_language_switch_takes_no_unknown_language_and_no_foreign_address(
    client: Client, town: Town
):
    answer = client.post("/accounts/language/", {"language": "xx", "next": "//evil.example/"})
    assert answer["Location"] == "/"
    assert "django_language" not in answer.cookies


# Error pages and htmx


def test_error_pages_are_sentences(client: Client, town: Town):
    client.force_login(town.planner)
    missing = client.get("/nothing/here")
    assert missing.status_code == 404
    assert "There is nothing at this address" in missing.text
    forbidden = client.get("/alarms")
    assert forbidden.status_code == 403
    assert "Ask your administrator" in forbidden.text
    strict = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    stale = strict.post("/accounts/login/", {"username": "x", "password": "y"})
    assert stale.status_code == 403
    assert "open too long" in stale.text


def test_htmx_is_sent_to_sign_in_as_a_whole_page(client: Client, town: Town):
    answer = client.get(
        "/alarms",
        headers={"hx-request": "true", "hx-current-url": "http://localhost/live/?unit=3"},
    )
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == (
        "/accounts/login/?next=http%3A%2F%2Flocalhost%2Flive%2F%3Funit%3D3"
    )


def test_the_bureaus_clock_holds_inside_a_page_only(client: Client, town: Town):
    town.bureau.time_zone = "Europe/Helsinki"
    town.bureau.save()
    client.force_login(town.supervisor)
    client.get("/accounts/password/")
    assert timezone.get_current_timezone() == ZoneInfo("Asia/Shanghai")


def test_the_sign_in_page_names_demo_accounts_only_in_the_demo(client: Client, town: Town):
    assert "demo" not in client.get("/accounts/login/").text
    type(town.bureau).objects.update(is_demo=True)
    assert "demo city" in client.get("/accounts/login/").text
    make.bureau()
    assert "demo city" not in client.get("/accounts/login/").text


def test_the_sign_in_page_of_an_empty_machine_says_how_to_begin(client: Client):
    assert "first_admin_link" in client.get("/accounts/login/").text
