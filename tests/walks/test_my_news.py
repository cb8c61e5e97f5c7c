"""News on the officer's page: lines by kind, seen and gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bureau.models import Role
from patrols import alarms
from patrols.forgetting import forget_notices
from patrols.models import Person, PhoneNotice, PhoneNoticeKind
from patrols.notices import SHOWN_FOR, notify, withdraw
from patrols.sos import raise_sos
from tests import make
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def officer(town: Town) -> Person:
    user = make.user(Role.OFFICER, town.west, username="zhang")
    return make.person(town.west, name="Zhang Wei", user=user)


@pytest.fixture
def client(officer: Person) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(officer.user)
    return client


def test_an_offer_is_a_line_that_sounds_until_it_is_seen(client: Client, officer: Person):
    notice = notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, timezone.now())
    text = client.get("/my/news/").text
    assert "An order is offered to you" in text
    assert "data-urgent" in text
    notice.refresh_from_db()
    assert notice.delivered_at is not None
    assert notice.seen_at is None
    assert "An order is offered to you" in client.get("/my/").text
    answer = client.post(f"/my/seen/{notice.pk}/", headers={"HX-Request": "true"})
    assert "An order" not in answer.text
    assert client.get("/my/news/").text.strip() == ""


def test_of_one_thing_the_newest_line_stands_and_takes_the_older_ones_along(
    client: Client, officer: Person
):
    now = timezone.now()
    notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, now)
    newest = notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, now)
    other = notify(officer, PhoneNoticeKind.ORDER_OFFERED, 6, now)
    assert client.get("/my/news/").text.count("data-news=") == 2
    assert client.post(f"/my/seen/{newest.pk}/").status_code == 303
    assert client.get("/my/news/").text.count("data-news=") == 1
    withdraw([PhoneNoticeKind.ORDER_OFFERED], other.about, now)
    assert client.get("/my/news/").text.strip() == ""


def test_an_old_line_is_no_news(client: Client, officer: Person):
    long_ago = timezone.now() - SHOWN_FOR - timedelta(minutes=1)
    notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, long_ago)
    assert client.get("/my/news/").text.strip() == ""


def test_the_officer_reads_who_took_the_sos_up_and_how_it_ended(
    client: Client, town: Town, officer: Person
):
    now = timezone.now()
    alarm, _ = raise_sos(officer, now=now)
    assert client.get("/my/news/").text.strip() == ""
    alarms.acknowledge(alarm.pk, by=town.dispatcher, now=now)
    alarms.acknowledge(alarm.pk, by=town.dispatcher, now=now)  # pressed twice: one notice
    text = client.get("/my/news/").text
    assert text.count("town-dispatcher has taken up your SOS.") == 1
    assert "data-urgent" not in text  # whoever threatens the officer must not hear it
    alarms.close(alarm.pk, by=town.dispatcher, reason="Found well", now=now)
    text = client.get("/my/news/").text
    assert "town-dispatcher has closed your SOS: Found well" in text
    assert "taken up" not in text
    assert PhoneNotice.objects.count() == 2


def test_a_refused_step_tells_nobody(town: Town, officer: Person):
    alarm, _ = raise_sos(officer, now=timezone.now())
    with pytest.raises(alarms.Refused):
        alarms.close(alarm.pk, by=town.dispatcher, reason="Too early", now=timezone.now())
    assert not PhoneNotice.objects.exists()


def test_nobody_reads_or_clears_the_lines_of_another(client: Client, town: Town, officer: Person):
    other = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    notice = notify(other, PhoneNoticeKind.ORDER_OFFERED, 5, timezone.now())
    assert client.get("/my/news/").text.strip() == ""
    client.post(f"/my/seen/{notice.pk}/")
    notice.refresh_from_db()
    assert (notice.seen_at, notice.delivered_at) == (None, None)


@pytest.mark.parametrize(("method", "path"), [("get", "/my/news/"), ("post", "/my/seen/1/")])
def test_who_may_not_ask(town: Town, method: str, path: str):
    stranger = Client(headers={"host": "localhost"})
    assert getattr(stranger, method)(path).status_code == 302
    stranger.force_login(town.dispatcher)  # a role without an own week
    assert getattr(stranger, method)(path).status_code == 403


def test_the_wrong_method_is_refused(client: Client):
    assert client.post("/my/news/").status_code == 405
    assert client.get("/my/seen/1/").status_code == 405


def test_asking_for_news_keeps_no_idle_session_alive(client: Client, officer: Person):
    client.get("/my/")
    session = client.session
    session["seen_s"] = 1_000_000_000
    session.save()
    assert client.get("/my/news/").status_code == 302


def test_notices_go_with_the_retention_of_positions(officer: Person):
    now = timezone.now()
    old = notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, now - timedelta(days=90, minutes=1))
    kept = notify(officer, PhoneNoticeKind.ORDER_OFFERED, 5, now - timedelta(days=89))
    assert forget_notices(officer.bureau, now=now) == 1
    assert list(PhoneNotice.objects.all()) == [kept]
    assert old.pk != kept.pk


def test_the_background_worker_is_a_script_over_the_officers_pages():
    answer = Client(headers={"host": "localhost"}).get("/my/worker.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert "notificationclick" in answer.text
    assert "fetch" not in answer.text  # it answers no request and keeps nothing
