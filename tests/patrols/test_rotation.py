"""A renewed secret: the old one opens until the new one is used, 24 h at most, never for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from patrols import phones
from patrols.api.group_commit import desk
from patrols.models import Phone
from patrols.phones import hash_secret
from tests import make
from tests.patrols.phones import officer_on_duty, stored

SECRET = "the-first-secret"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def post(http: httpx.Client, secret: str, ago_s: int, agent: str = "") -> int:
    """One fix as Traccar Client posts it; the status."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago_s)
    values = {"id": secret, "lat": 60.17, "lon": 24.94, "timestamp": at.timestamp()}
    headers = {"user-agent": agent} if agent else {}
    return http.post("/phone/traccar", data=values, headers=headers).status_code


def olds(phone: Phone) -> tuple[str | None, datetime | None]:
    phone.refresh_from_db()
    return phone.old_secret_sha256, phone.old_secret_until


def test_the_old_secret_opens_until_the_new_one_is_used(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    assert post(http, SECRET, 60) == 200
    new = phones.renew_secret(phone=phone, now=datetime.now(UTC))
    assert post(http, SECRET, 50) == 200
    assert post(http, new, 40) == 200
    assert olds(phone) == (None, None)
    assert post(http, SECRET, 30) == 400
    assert post(http, new, 20) == 200
    assert len(stored(person)) == 4


def test_a_day_after_the_renewal_the_old_secret_is_a_strangers(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    renewed_at = datetime.now(UTC) - timedelta(hours=24, seconds=1)
    new = phones.renew_secret(phone=phone, now=renewed_at)
    assert post(http, SECRET, 50) == 400
    assert post(http, new, 40) == 200
    assert len(stored(person)) == 1


def test_the_old_secret_ends_while_its_phone_is_known(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    phones.renew_secret(phone=phone, now=datetime.now(UTC))
    assert post(http, SECRET, 60) == 200
    end = datetime.now(UTC)
    Phone.objects.filter(pk=phone.pk).update(old_secret_until=end)
    # What the server remembers of a phone is read again after three seconds; a new writer reads it
    # at once.
    desk.close()
    assert post(http, SECRET, 50) == 400
    assert len(stored(person)) == 1


def test_at_once_shuts_the_old_one_out(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    assert post(http, SECRET, 60) == 200
    new = phones.renew_secret(phone=phone, now=datetime.now(UTC), at_once=True)
    assert post(http, new, 40) == 200
    assert post(http, SECRET, 30) == 400


def test_the_app_that_a_phone_names_is_kept_with_it(http: httpx.Client) -> None:
    phone = make.phone(officer_on_duty(), SECRET)
    assert post(http, SECRET, 60, "Owntracks-Android/gms/420412000") == 200
    phone.refresh_from_db()
    assert phone.told_app == "Owntracks-Android/gms/420412000"


def test_a_long_or_odd_name_of_an_app_costs_no_point(http: httpx.Client) -> None:
    person = officer_on_duty()
    phone = make.phone(person, SECRET)
    assert post(http, SECRET, 60, "App\t" + "x" * 300) == 200
    phone.refresh_from_db()
    assert phone.told_app == "App" + "x" * 117
    assert len(stored(person)) == 1


@pytest.mark.django_db
def test_renewed_twice_the_unused_secret_goes_and_the_end_stays() -> None:
    person = make.person(make.unit(make.bureau()))
    phone, first = phones.enroll(person=person, app="traccar", label="Phone", now=NOW)
    phones.renew_secret(phone=phone, now=NOW)
    assert olds(phone) == (hash_secret(first), NOW + timedelta(hours=24))
    third = phones.renew_secret(phone=phone, now=NOW + timedelta(hours=20))
    assert olds(phone) == (hash_secret(first), NOW + timedelta(hours=24))
    assert phone.secret_sha256 == hash_secret(third)
    # After its end it is no part of the next renewal.
    phones.renew_secret(phone=phone, now=NOW + timedelta(hours=25))
    assert olds(phone) == (hash_secret(third), NOW + timedelta(hours=49))


@pytest.mark.django_db
def test_revoking_ends_the_old_secret_too() -> None:
    person = make.person(make.unit(make.bureau()))
    phone, _ = phones.enroll(person=person, app="traccar", label="Phone", now=NOW)
    phones.renew_secret(phone=phone, now=NOW)
    phones.revoke(phone=phone, now=NOW + timedelta(hours=1))
    assert olds(phone) == (None, None)
