"""The demo's leads: some wait from the start, new ones come one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from patrols.demo.leads import keep_leads
from patrols.models import Intake, Lead, LeadSource
from tests import make
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    town = build_town()
    make.hotspot(town.west, town.blocks["C1-C2"], name="Market")
    make.hotspot(town.east, town.blocks["C4-C5"], name="School")
    return town


def test_three_wait_from_the_start_and_another_comes_when_one_is_closed(
    town: Town, now: datetime
) -> None:
    assert keep_leads(town.bureau, now) == 3
    assert keep_leads(town.bureau, now) == 0
    first = Lead.objects.order_by("received_at").first()
    assert first is not None
    assert (first.place, first.street, first.unit) == ("Market", "C Street", town.west)
    assert set(Lead.objects.values_list("source", flat=True)) == set(LeadSource.values)
    Lead.objects.filter(pk=first.pk).update(closed_at=now)
    assert keep_leads(town.bureau, now + timedelta(minutes=11)) == 0  # not at once
    assert keep_leads(town.bureau, now + timedelta(minutes=12)) == 1
    assert Intake.objects.count() == 2


def test_without_hotspots_there_are_none(now: datetime) -> None:
    assert keep_leads(build_town("bare").bureau, now) == 0
