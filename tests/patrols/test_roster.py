"""Leave and shifts entered after the judging: their days are judged again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.test import Client

from patrols.models import Leave, LeaveKind, TouchedDay
from tests import make
from tests.world import Town, build_town

NIGHT = (datetime(2026, 11, 17, 14, tzinfo=UTC), datetime(2026, 11, 17, 22, tzinfo=UTC))


@pytest.fixture
def town(db: None) -> Town:
    return build_town()


@pytest.fixture
def client(town: Town) -> Client:
    town.administrator.is_staff = True
    town.administrator.save()
    client = Client(headers={"host": "localhost"})
    client.force_login(town.administrator)
    return client


def touched() -> list[date]:
    return sorted(TouchedDay.objects.values_list("day", flat=True))


def test_a_late_leave_touches_its_days_and_a_moved_one_both(town: Town, client: Client) -> None:
    walker = make.person(town.west)
    form = {"person": walker.pk, "kind": LeaveKind.SICK}
    days = {"first_day": "2026-11-16", "last_day": "2026-11-17"}
    assert client.post("/admin/patrols/leave/add/", form | days).status_code == 302
    assert touched() == [date(2026, 11, 16), date(2026, 11, 17)]
    leave = Leave.objects.get()
    days = {"first_day": "2026-11-19", "last_day": "2026-11-19"}
    change = f"/admin/patrols/leave/{leave.pk}/change/"
    assert client.post(change, form | days).status_code == 302
    assert touched() == [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 19)]


def test_a_shift_over_midnight_touches_both_local_days_when_it_goes(
    town: Town, client: Client
) -> None:
    """22:00 to 06:00 in Shanghai is 14:00 to 22:00 UTC."""
    shift = make.shift(make.person(town.west), *NIGHT)
    answer = client.post(f"/admin/patrols/shift/{shift.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert touched() == [date(2026, 11, 17), date(2026, 11, 18)]
