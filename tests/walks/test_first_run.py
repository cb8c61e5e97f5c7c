"""The first administrator's one-time link: works once, in time, on an empty machine only."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from bureau.first_run import LINK_LASTS, first_link
from bureau.models import Bureau, OneTimeLink, OrgUnit, Role, User
from tests import make

pytestmark = pytest.mark.django_db

ENTERED = {
    "bureau_name": "Yonghe bureau",
    "bureau_code": "yonghe",
    "time_zone": "Asia/Shanghai",
    "username": "chen",
    "password": "grey-heron-42",
    "again": "grey-heron-42",
}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hasher with one round: its million rounds take half a second a password."""
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1)
    make.hashed_password.cache_clear()


@pytest.fixture
def client() -> Client:
    return Client(headers={"host": "localhost"})


def printed_path() -> str:
    out = StringIO()
    call_command("first_admin_link", stdout=out)
    link = out.getvalue().strip().splitlines()[-1]
    assert link.startswith("http://localhost:8000/first-run/")
    return link.removeprefix("http://localhost:8000")


def test_from_the_console_to_a_signed_in_administrator(client: Client):
    path = printed_path()
    assert client.get(path).status_code == 200
    answer = client.post(path, ENTERED)
    assert answer.status_code == 302
    bureau = Bureau.objects.get()
    top = OrgUnit.objects.get()
    user = User.objects.get()
    assert (bureau.code, bureau.name, bureau.time_zone, bureau.is_demo) == (
        "yonghe",
        "Yonghe bureau",
        "Asia/Shanghai",
        False,
    )
    assert (top.bureau, top.kind, top.parent, top.name) == (bureau, "bureau", None, "Yonghe bureau")
    assert (user.username, user.role, user.bureau, user.unit) == (
        "chen",
        Role.ADMINISTRATOR,
        bureau,
        top,
    )
    assert user.check_password("grey-heron-42")
    assert client.get("/")["Location"] == "/settings/"


def test_the_link_works_once(client: Client):
    path = printed_path()
    client.post(path, ENTERED)
    again = Client(headers={"host": "localhost"}).post(path, ENTERED | {"username": "other"})
    assert again.status_code == 409
    assert "has been used" in again.text
    assert User.objects.count() == 1


def test_the_link_expires(client: Client):
    token = first_link(timezone.now() - LINK_LASTS - timedelta(seconds=1))
    answer = client.post(f"/first-run/{token}/", ENTERED)
    assert answer.status_code == 409
    assert "has expired" in answer.text
    assert not User.objects.exists()


def test_a_guessed_link_opens_nothing(client: Client):
    printed_path()
    answer = client.post("/first-run/guess/", ENTERED)
    assert answer.status_code == 409
    assert not User.objects.exists()


def test_only_the_tokens_hash_is_stored():
    path = printed_path()
    token = path.split("/")[2]
    link = OneTimeLink.objects.get()
    assert token not in (link.token_sha256, link.purpose)
    assert len(link.token_sha256) == 64


def test_no_link_once_somebody_has_an_account(client: Client):
    path = printed_path()
    make.user(Role.ADMINISTRATOR, make.unit(make.bureau()))
    with pytest.raises(CommandError, match="Accounts exist here already"):
        printed_path()
    answer = client.post(path, ENTERED)
    assert answer.status_code == 409
    assert "Accounts exist here already" in answer.text
    assert not User.objects.filter(username="chen").exists()


def test_no_link_beside_a_bureau_without_accounts():
    make.bureau()
    with pytest.raises(CommandError, match="A bureau exists here already"):
        printed_path()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"again": "other"}, "The two passwords differ."),
        ({"password": "12345678", "again": "12345678"}, "too common"),
        ({"password": "chen-chen", "again": "chen-chen", "username": "chen-chen"}, "too similar"),
        ({"time_zone": "Mars/Base"}, "Give a time zone such as Asia/Shanghai."),
        ({"bureau_code": "two words"}, "slug"),
        ({"bureau_name": ""}, "This field is required."),
        ({"username": "not a name"}, "Enter a valid username"),
    ],
)
def test_what_cannot_be_taken_is_said_and_leaves_nothing_behind(
    client: Client, changed: dict[str, str], said: str
):
    path = printed_path()
    answer = client.post(path, ENTERED | changed)
    assert answer.status_code == 422
    assert said in answer.text
    assert "Yonghe" in answer.text or changed.get("bureau_name") == ""
    assert not Bureau.objects.exists()
    assert not User.objects.exists()
    assert client.post(path, ENTERED).status_code == 302  # the link is still good
