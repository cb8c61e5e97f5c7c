"""An SOS on two dispatchers' screens in browsers: widened, answered, through a cut network."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bureau.models import Role
from patrols.models import Alarm, AlarmKind, AlarmReach, Person
from tests import make
from tests.realtime.stage import officer
from tests.walks.browsing import SLOW_MS, Ticking, open_live, send
from tests.world import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sos(person: Person, *, waited_s: float) -> Alarm:
    """An SOS that has waited so long already."""
    return Alarm.objects.create(
        bureau_id=person.bureau_id,
        person=person,
        kind=AlarmKind.SOS,
        raised_at=timezone.now() - timedelta(seconds=waited_s),
    )


def test_unanswered_it_comes_to_the_neighbours_and_their_answer_clears_both_screens(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now, name="Wang Fang")
    officer(town.west, now, name="Zhao Next")
    own = open_live(open_page, web, make.user(Role.DISPATCHER, town.west))
    east = make.user(Role.DISPATCHER, town.east, username="east-desk")
    neighbour = open_live(open_page, web, east)
    send(web, person, 20, 20)
    alarm = sos(person, waited_s=31)
    for page in (own, neighbour):
        page.locator(".alarm-item[data-stage=new]").wait_for()
        page.get_by_text("shown to everybody of Brigade 1").wait_for()
        page.wait_for_function("(id) => tandemLive.picture.fixes.has(id)", arg=person.pk)
    row = neighbour.locator(f'.person[data-person="{person.pk}"]')
    row.wait_for()
    assert "Zhao Next" not in neighbour.content()
    assert AlarmReach.objects.get().unit == town.brigade
    neighbour.get_by_role("button", name="Acknowledge").click()
    own.get_by_text("east-desk took it up").wait_for()
    for page in (own, neighbour):
        assert page.locator(".alarm-item").get_attribute("data-stage") == "taken"
    own.get_by_label("Reason for closing").fill("Safe at the station")
    own.get_by_role("button", name="Close alarm").click()
    for page in (own, neighbour):
        page.locator("#live-alarms").wait_for(state="hidden")
    row.wait_for(state="detached")
    assert neighbour.evaluate("(id) => tandemLive.picture.people.has(id)", person.pk) is False
    alarm.refresh_from_db()
    assert alarm.closed_reason == "Safe at the station"


def test_a_screen_whose_network_was_cut_learns_that_the_sos_was_answered(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now)
    one = open_live(open_page, web, town.dispatcher)
    other = open_live(open_page, web, make.user(Role.DISPATCHER, town.west))
    sos(person, waited_s=0)
    for page in (one, other):
        page.locator(".alarm-item[data-stage=new]").wait_for()
    # Offline refuses what is new; the open socket is cut from the page's side.
    other.context.set_offline(True)
    other.evaluate("() => tandemLive.stream.socket.close()")
    other.locator("#live-banner").wait_for(state="visible")
    one.get_by_role("button", name="Acknowledge").click()
    one.get_by_text("took it up").wait_for()
    assert other.locator(".alarm-item").get_attribute("data-stage") == "new"
    other.context.set_offline(False)
    other.locator(".alarm-item[data-stage=taken]").wait_for(timeout=SLOW_MS)
    other.locator("#live-banner").wait_for(state="hidden")
    other.watched.errors.clear()  # type: ignore[attr-defined]


def test_one_that_its_sender_took_back_stands_there_calmly(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    from patrols.sos import cancel

    user = make.user(Role.OFFICER, town.west)
    person = officer(town.west, now, user=user)
    page = open_live(open_page, web, town.dispatcher)
    sos(person, waited_s=0)
    page.locator(".alarm-item[data-stage=new]").wait_for()
    cancel(person, reason="In the pocket", now=timezone.now())
    page.get_by_text("“In the pocket”. Call back to make sure.").wait_for()
    assert page.evaluate("() => tandemLive.picture.openAlarms().length") == 0
    page.locator("#live-alarms").get_by_role("button", name="Dismiss").click()
    page.locator("#live-alarms").wait_for(state="hidden")
