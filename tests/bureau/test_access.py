"""Scope: deny by default, one's own unit and what is below it, never another bureau."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Role
from patrols.access import trail_for, visible_people
from patrols.models import Position, TrailLook
from tests import make
from tests.world import Town, build_town

NOW = datetime(2026, 11, 18, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def town(db: None) -> Town:
    return build_town()


def test_a_dispatcher_sees_the_own_unit_and_all_below(town: Town) -> None:
    assert set(visible_units(town.dispatcher)) == {town.top, town.brigade, town.west, town.east}
    squad_dispatcher = make.user(Role.DISPATCHER, town.west)
    assert set(visible_units(squad_dispatcher)) == {town.west}


def test_another_bureau_is_never_seen(town: Town) -> None:
    other = build_town("other")
    make.person(other.west)
    assert not visible_units(town.dispatcher).filter(bureau=other.bureau).exists()
    assert not visible_people(town.dispatcher).exists()


def test_who_has_no_unit_or_is_inactive_or_anonymous_sees_nothing(town: Town) -> None:
    make.person(town.west)
    adrift = make.user(Role.SUPERVISOR, town.west)
    adrift.unit = None
    gone = make.user(Role.SUPERVISOR, town.west, is_active=False)
    for user in (adrift, gone, AnonymousUser()):
        assert not visible_units(user).exists()
        assert not visible_people(user).exists()


def test_a_unit_of_another_bureau_gives_nothing(town: Town) -> None:
    other = build_town("other")
    crossed = make.user(Role.SUPERVISOR, town.top)
    crossed.unit = other.top
    assert not visible_units(crossed).exists()


def test_an_officer_sees_only_oneself(town: Town) -> None:
    account = make.user(Role.OFFICER, town.west)
    me = make.person(town.west, user=account)
    make.person(town.west)
    assert list(visible_people(account)) == [me]
    assert not visible_units(account).exists()


def test_opening_a_trail_is_logged_before_it_is_read(town: Town) -> None:
    walker = make.person(town.west)
    supervisor = make.user(Role.SUPERVISOR, town.west)
    assert trail_for(supervisor, walker, purpose="review", from_at=NOW, until_at=NOW + HOUR) == []
    look = TrailLook.objects.get()
    assert (look.user, look.person, look.purpose, look.allowed) == (
        supervisor,
        walker,
        "review",
        True,
    )


def test_a_supervisor_of_squad_east_is_denied_and_the_attempt_is_logged(town: Town) -> None:
    walker = make.person(town.west)
    stranger = make.user(Role.SUPERVISOR, town.east)
    with pytest.raises(Refused, match="may not open") as refusal:
        trail_for(stranger, walker, purpose="curious", from_at=NOW, until_at=NOW + HOUR)
    assert refusal.value.code == "trail_denied"
    look = TrailLook.objects.get()
    assert (look.user, look.person, look.allowed) == (stranger, walker, False)


def test_a_planner_opens_no_trail(town: Town) -> None:
    walker = make.person(town.west)
    with pytest.raises(Refused):
        trail_for(town.planner, walker, purpose="plan", from_at=NOW, until_at=NOW + HOUR)


def test_a_look_without_a_purpose_is_refused(town: Town) -> None:
    walker = make.person(town.west)
    with pytest.raises(Refused, match="Say why"):
        trail_for(town.supervisor, walker, purpose=" ", from_at=NOW, until_at=NOW + HOUR)
    assert not TrailLook.objects.exists()


def test_ones_own_trail_is_open_and_not_logged(town: Town) -> None:
    account = make.user(Role.OFFICER, town.west)
    me = make.person(town.west, user=account)
    assert trail_for(account, me, purpose="own", from_at=NOW, until_at=NOW + HOUR) == []
    assert not TrailLook.objects.exists()
    assert not Position.objects.exists()
