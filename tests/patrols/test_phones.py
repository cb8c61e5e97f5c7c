"""Enrolling phones, handing them over, revoking them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bureau.errors import Refused
from patrols import phones
from patrols.models import Phone, PhoneApp, PhoneHolding
from tests import make

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_the_secret_is_given_once_and_kept_hashed() -> None:
    person = make.person(make.unit(make.bureau()))
    phone, secret = phones.enroll(person=person, app=PhoneApp.TRACCAR, label="Phone 1", now=NOW)
    assert len(secret) == 22  # 128 bits in six-bit characters
    phone.refresh_from_db()
    assert phone.secret_sha256 == phones.hash_secret(secret)
    assert secret not in str(vars(phone))
    holding = phone.holdings.get()
    assert (holding.person, holding.since, holding.until) == (person, NOW, None)
    _, another = phones.enroll(person=person, app=PhoneApp.OWNTRACKS, label="Phone 2", now=NOW)
    assert another != secret


@pytest.mark.django_db
def test_a_phone_changes_hands_at_a_moment() -> None:
    squad = make.unit(make.bureau())
    first, second = make.person(squad), make.person(squad)
    phone, _ = phones.enroll(person=first, app=PhoneApp.TRACCAR, label="Phone", now=NOW)
    later = NOW + timedelta(hours=1)
    phones.hand_over(phone=phone, person=second, since=later)
    spans = [(h.person, h.since, h.until) for h in PhoneHolding.objects.order_by("since")]
    assert spans == [(first, NOW, later), (second, later, None)]


@pytest.mark.django_db
def test_what_cannot_be_handed_over_is_refused_and_changes_nothing() -> None:
    squad = make.unit(make.bureau())
    first, second = make.person(squad), make.person(squad)
    stranger = make.person(make.unit(make.bureau()))
    left = make.person(squad, left_on=date(2026, 1, 1))
    phone, _ = phones.enroll(person=first, app=PhoneApp.TRACCAR, label="Phone", now=NOW)
    for person, since, code in (
        (first, NOW + timedelta(hours=1), "same_holder"),
        (second, NOW, "before_present_holder"),
        (stranger, NOW + timedelta(hours=1), "other_bureau"),
        (left, NOW + timedelta(hours=1), "person_left"),
    ):
        with pytest.raises(Refused) as refused:
            phones.hand_over(phone=phone, person=person, since=since)
        assert refused.value.code == code
    assert PhoneHolding.objects.get().until is None
    phones.revoke(phone=phone, now=NOW + timedelta(hours=2))
    with pytest.raises(Refused) as refused:
        phones.hand_over(phone=phone, person=second, since=NOW + timedelta(hours=3))
    assert refused.value.code == "phone_revoked"


@pytest.mark.django_db
def test_a_revoked_phone_keeps_its_history_and_gets_no_new_secret() -> None:
    person = make.person(make.unit(make.bureau()))
    phone, _ = phones.enroll(person=person, app=PhoneApp.TRACCAR, label="Phone", now=NOW)
    end = NOW + timedelta(hours=2)
    phones.revoke(phone=phone, now=end)
    phones.revoke(phone=phone, now=end + timedelta(hours=1))  # twice is as good as once
    phone.refresh_from_db()
    assert phone.revoked_at == end
    assert phone.holdings.get().until == end
    with pytest.raises(Refused) as refused:
        phones.renew_secret(phone=phone, now=end)
    assert refused.value.code == "phone_revoked"


@pytest.mark.django_db
def test_enrolling_is_refused_for_an_unknown_app_and_for_who_has_left() -> None:
    squad = make.unit(make.bureau())
    for person, app, code in (
        (make.person(squad), "fax", "unknown_app"),
        (make.person(squad, left_on=date(2026, 1, 1)), "traccar", "person_left"),
    ):
        with pytest.raises(Refused) as refused:
            phones.enroll(person=person, app=app, label="Phone", now=NOW)
        assert refused.value.code == code
    assert not Phone.objects.exists()


@pytest.mark.django_db
def test_the_own_page_is_one_phone_a_person() -> None:
    person = make.person(make.unit(make.bureau()))
    phone = phones.page_phone(person=person, now=NOW)
    assert phones.page_phone(person=person, now=NOW + timedelta(days=1)) == phone
    phones.revoke(phone=phone, now=NOW + timedelta(days=2))
    assert phones.page_phone(person=person, now=NOW + timedelta(days=3)) != phone
