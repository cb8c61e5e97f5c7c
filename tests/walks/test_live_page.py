"""The live page in a browser: real phones' HTTP, ticker, sockets, map. No mock anywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bureau.models import Role, RuleSet
from patrols import live
from patrols.models import Alarm, LiveWatch
from tests import make
from tests.realtime.stage import officer, report
from tests.walks.browsing import Ticking, open_live, send, wait_for_mark
from tests.world import Town, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_fix_sent_by_a_phone_moves_the_mark_and_the_list(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now, name="Li Ming")
    page = open_live(open_page, web, town.dispatcher)
    row = page.locator(f'.person[data-person="{person.pk}"]')
    row.wait_for()
    assert "no position yet" in row.inner_text()
    send(web, person, 0, 0)
    wait_for_mark(page, person, 0, 0)
    assert row.get_attribute("data-kind") == "unknown"  # one fix says nothing about company
    send(web, person, 80, 100, timestamp=int(timezone.now().timestamp()) + 2)
    wait_for_mark(page, person, 80, 100)
    page.wait_for_function(
        "(id) => tandemLive.picture.states.get(id)?.street === 'D Street'", arg=person.pk
    )
    page.get_by_text("D Street").first.wait_for()
    assert LiveWatch.objects.filter(user=town.dispatcher, left_at=None).count() == 1


def test_what_the_browser_holds_is_what_the_snapshot_says(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    people = [officer(unit, now) for unit in (town.west, town.east, town.east)]
    page = open_live(open_page, web, town.dispatcher)
    page.wait_for_function("() => tandemLive.picture.states.size === 3")
    for k, person in enumerate(people):
        send(web, person, 40.0 * k, -30.0 * k, speed=2.5, bearing=123.4)
    page.wait_for_function("() => tandemLive.picture.fixes.size === 3")
    held = page.evaluate(
        """() => ({
            fixes: Object.fromEntries([...tandemLive.picture.fixes].map(([id, f]) =>
                [id, [f.lon, f.lat, f.at, f.course, f.accuracy, f.battery]])),
            people: [...tandemLive.picture.people.keys()].sort()})"""
    )
    told = live.snapshot(town.dispatcher, timezone.now())
    assert held["people"] == sorted(row["id"] for row in told["people"])
    for fix in told["fixes"]:
        assert held["fixes"][str(fix["person"])] == pytest.approx(
            [fix[key] for key in ("lon", "lat", "at", "course", "accuracy", "battery")], abs=1e-3
        )
        assert held["fixes"][str(fix["person"])][:3] == [fix["lon"], fix["lat"], fix["at"]]


def test_a_cut_ticker_is_said_at_once_and_heals(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now)
    page = open_live(open_page, web, town.dispatcher)
    send(web, person, 0, 0)
    wait_for_mark(page, person, 0, 0)
    banner = page.locator("#live-banner")
    assert not banner.is_visible()
    ticker.stop()
    banner.wait_for(state="visible")
    assert "Live picture stopped at" in banner.inner_text()
    assert "Reconnecting" in banner.inner_text()
    ticker.start()
    banner.wait_for(state="hidden")
    send(web, person, -60, 0, timestamp=int(timezone.now().timestamp()) + 2)
    wait_for_mark(page, person, -60, 0)


def test_an_sos_is_on_every_screen_and_leaves_them_when_it_is_closed(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now, duty=False, name="Wang Fang")
    monday = timezone.localdate(now) - timedelta(days=7 + now.weekday())
    # However slow this machine is, nobody else is shown it.
    RuleSet.objects.create(bureau=town.bureau, valid_from=monday, values={"sos_escalate_s": 600})
    one = open_live(open_page, web, town.dispatcher)
    other = open_live(open_page, web, make.user(Role.DISPATCHER, town.west))
    elsewhere = open_live(open_page, web, make.user(Role.DISPATCHER, town.east))
    send(web, person, 20, 20, alarm="sos")
    for page in (one, other):
        page.locator(".alarm-item").wait_for()
        assert "Wang Fang" in page.locator(".alarm-item").inner_text()
        page.locator(".sos-beacon").wait_for(state="attached")
    one.get_by_role("button", name="Acknowledge").click()
    other.get_by_text("took it up").wait_for()
    other.get_by_label("Reason for closing").fill("Dog bite, with the doctor")
    other.get_by_role("button", name="Close alarm").click()
    for page in (one, other):
        page.locator("#live-alarms").wait_for(state="hidden")
    assert Alarm.objects.get().closed_reason == "Dog bite, with the doctor"
    assert not elsewhere.locator(".alarm-item").count()
    assert "Wang Fang" not in elsewhere.content()


def test_keyboard_leads_through_the_list_and_the_address_keeps_the_choice(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    people = sorted((officer(town.west, now) for _ in range(3)), key=lambda p: p.name)
    for k, person in enumerate(people):
        send(web, person, 100.0 * k, 0)
    page = open_live(open_page, web, town.dispatcher)
    page.wait_for_function("() => document.querySelectorAll('.person').length === 3")
    page.keyboard.press("/")
    page.keyboard.type(people[1].badge_no)
    page.wait_for_function("() => document.querySelectorAll('.person:not([hidden])').length === 1")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('.person').length === 3")
    page.locator(".person").first.focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator('.person[aria-current="true"]').get_attribute("data-person")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => tandemLive.map().getZoom() >= 15.99 && !tandemLive.map().isMoving()"
    )
    page.locator("#live-card").wait_for()
    assert f"person={chosen}" in page.url
    assert "#map=" in page.url
    page.reload()
    page.locator("#live-card").wait_for()
    assert page.locator('.person[aria-current="true"]').get_attribute("data-person") == chosen
    page.keyboard.press("Escape")
    page.locator("#live-card").wait_for(state="hidden")
    assert "person=" not in page.url


def test_filter_by_state_and_by_unit(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    west, east = officer(town.west, now), officer(town.east, now)
    off = officer(town.east, now, duty=False, name="Zhao Off")
    send(web, west, -100, 0)
    page = open_live(open_page, web, town.dispatcher)
    wait_for_mark(page, west, -100, 0)
    page.locator(".live-filter", has_text="No position yet").click()
    page.wait_for_function("() => document.querySelectorAll('.person').length === 1")
    assert page.locator(".person").get_attribute("data-person") == str(east.pk)
    assert "show=waiting" in page.url
    page.wait_for_function("() => !tandemLive.drawn().marks.length")
    page = open_live(open_page, web, town.dispatcher, f"/live/?unit={town.east.pk}")
    page.locator(".person").wait_for()
    assert page.locator(".person").get_attribute("data-person") == str(east.pk)
    page.get_by_text("1 off shift").click()
    page.get_by_text(off.name).wait_for()
    assert not page.locator(f'.person[data-person="{off.pk}"]').count()


def test_a_list_that_is_cut_holds_first_who_needs_a_look(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    # Squad East stands above Squad West, and has more people than are listed.
    for _ in range(405):
        officer(town.east, now)
    quiet = officer(town.west, now, name="Quiet")
    report(quiet, -150, 0, now - timedelta(minutes=30))  # no signal
    called = officer(town.west, now, name="Called")
    Alarm.objects.create(bureau=town.bureau, person=called, kind="sos", raised_at=now)
    late = officer(town.west, now, name="Late")
    page = open_live(open_page, web, town.dispatcher)
    page.get_by_text("400 people are listed, those first who need a look").wait_for()
    page.wait_for_function("() => document.querySelectorAll('.person').length === 400")
    for person, stands in ((quiet, 1), (called, 1), (late, 0)):
        assert page.locator(f".person[data-person='{person.pk}']").count() == stands
    # Who has no room is found by name.
    page.locator("#search").fill("Late")
    page.locator(f".person[data-person='{late.pk}']").wait_for()


def test_signing_out_elsewhere_ends_the_picture_with_a_way_back(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    officer(town.west, now)
    page = open_live(open_page, web, town.dispatcher)
    page.locator(".person").wait_for()
    town.dispatcher.set_password("another-pass-1")
    town.dispatcher.save()
    # The picture says it first, or the frame's own look at the alarms does: both end here.
    page.wait_for_url("**/accounts/login/?next=*live*")
    assert not page.locator(".person").count()
    page.watched.errors.clear()  # type: ignore[attr-defined]


def test_a_bureau_without_people_and_streets_says_what_to_do(
    web: str, ticker: Ticking, open_page: Any
):
    bureau = make.bureau()
    top = make.unit(bureau)
    page = open_live(open_page, web, make.user(Role.DISPATCHER, top))
    page.get_by_text("No people in this unit yet").wait_for()
    page.get_by_text("No streets are imported yet").wait_for()


def test_phone_width_has_the_map_and_the_list_as_a_sheet(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    person = officer(town.west, now)
    send(web, person, 0, 0)
    page = open_live(open_page, web, town.dispatcher, width=390, height=844, locale="zh-CN")
    wait_for_mark(page, person, 0, 0)
    page.locator(f'.person[data-person="{person.pk}"]').click()
    page.locator("#live-card").wait_for()
    assert page.evaluate("() => document.body.dataset.sheet") == "peek"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    # Who was chosen stands in sight: below the card, above the sheet.
    page.wait_for_function(
        """(at) => {
            const map = tandemLive.map();
            const box = map.getContainer().getBoundingClientRect();
            const y = map.project(at).y + box.top;
            const card = document.getElementById("live-card").getBoundingClientRect();
            const sheet = document.querySelector(".panel").getBoundingClientRect();
            return !map.isMoving() && y > card.bottom + 10 && y < sheet.top - 10;
        }""",
        arg=list(place(0, 0)),
    )
    page.locator("#card-close").click()
    for menu in ("图层", "图例"):
        page.locator(".live-tools summary", has_text=menu).click()
        body = page.locator(".live-tools details[open] .menu-body")
        body.wait_for()
        box = body.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        page.locator(".live-tools summary", has_text=menu).click()
    assert page.locator("#orders").is_visible()
    page.locator("#search").fill(person.badge_no)
    page.locator("#orders").wait_for(state="hidden")  # leads make room for who is found
    page.locator(f'.person[data-person="{person.pk}"]').wait_for()


def test_what_the_page_asks_by_itself_fails_without_a_word(
    web: str, ticker: Ticking, town: Town, open_page: Any
):
    page = open_live(open_page, web, town.dispatcher)
    page.context.set_offline(True)
    # As the hand-over's line does every half minute.
    page.evaluate("() => htmx.ajax('GET', '/live/handover/bar/', '#orders').catch(() => {})")
    said = page.get_by_text("The server could not be reached")
    assert said.count() == 0
    page.get_by_role("button", name="Hand-over").click()
    said.wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]
