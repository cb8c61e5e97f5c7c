"""A screen left alone is signed out; requests that a page makes by itself do not keep it alive."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.world import Town, build_town

pytestmark = pytest.mark.django_db
LONG_AGO_S = 1_000_000_000


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def client(town: Town) -> Client:
    from bureau.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(
        User.objects.get(username="town-supervisor"), "django.contrib.auth.backends.ModelBackend"
    )
    return client


def seen_s(client: Client, value: int | None = None) -> int | None:
    """When the session was last used; with `value`, pretend that."""
    session = client.session
    if value is not None:
        session["seen_s"] = value
        session.save()
    return session.get("seen_s")


def test_use_is_noted(client: Client) -> None:
    assert seen_s(client) is None
    client.get("/accounts/password/")
    assert seen_s(client) is not None


def test_an_idle_session_ends_and_the_page_asks_to_sign_in(client: Client) -> None:
    client.get("/accounts/password/")
    seen_s(client, LONG_AGO_S)
    answer = client.get("/accounts/password/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_the_limit_is_a_setting(client: Client, settings: Settings) -> None:
    settings.SESSION_IDLE_S = 10 * LONG_AGO_S
    seen_s(client, LONG_AGO_S)
    assert client.get("/accounts/password/").status_code == 200


def test_what_a_page_asks_by_itself_is_no_use(client: Client) -> None:
    client.get("/accounts/password/")
    noted = seen_s(client)
    assert noted is not None
    seen_s(client, noted - 600)
    client.get("/alarms")
    assert seen_s(client) == noted - 600
    client.get("/accounts/password/")
    assert seen_s(client) >= noted


def test_a_dispatcher_watches_all_shift_long(town: Town) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(town.dispatcher, "django.contrib.auth.backends.ModelBackend")
    seen_s(client, LONG_AGO_S)
    assert client.get("/accounts/password/").status_code == 200
    assert "_auth_user_id" in client.session
