"""Two dispatchers and an officer at once: an order from the inbox to its end, in real browsers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from bureau.models import Role, User
from patrols.models import HandoverNote, Lead, Order, OrderMember, OrderState, Phone
from tests import make
from tests.patrols.dispatching import account, lead, patrol
from tests.realtime.stage import officer
from tests.walks.browsing import Ticking, open_live, send, sign_in
from tests.world import Town, place

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_my(open_page: Any, web: str, user: User, at: tuple[float, float]) -> Page:
    """The officer's own page on a phone that stands at a place."""
    page = sign_in(
        open_page,
        web,
        user,
        "/my/",
        width=390,
        height=844,
        geolocation={"longitude": at[0], "latitude": at[1]},
        permissions=["geolocation"],
    )
    page.locator('#orders input[value="none"]').wait_for(state="attached")
    return page


def on_duty(of: Any, now: datetime, **fields: Any) -> Any:
    """An officer whose phone reports rarely: on a busy machine no fix of these tests grows old."""
    person = officer(of, now, **fields)
    Phone.objects.filter(holdings__person=person).update(interval_s=300)
    return person


def row(page: Page, lead_id: int, state: str) -> Any:
    """The lead's line in the inbox once it stands so."""
    line = page.locator(f'.lead[data-lead="{lead_id}"][data-state="{state}"]')
    line.wait_for()
    return line


def test_an_order_from_the_inbox_to_its_end_before_everybodys_eyes(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    li, wang = on_duty(town.west, now, name="Li Ming"), on_duty(town.west, now, name="Wang Fang")
    helper = on_duty(town.west, now, name="Helper", category="auxiliary")
    elsewhere = on_duty(town.east, now, name="EAST")
    li_user = account(li)
    patrol(li, wang, now=now)
    for person, east_m in ((li, -100), (wang, -90), (helper, -20), (elsewhere, 100)):
        send(web, person, east_m, 0)
    one = open_live(open_page, web, make.user(Role.DISPATCHER, town.brigade))
    two = open_live(open_page, web, make.user(Role.DISPATCHER, town.west))
    other = open_live(open_page, web, make.user(Role.DISPATCHER, town.east))
    phone = open_my(open_page, web, li_user, place(-70, 0))
    assert not phone.locator(".my-order").count()

    # One dispatcher writes the lead; both have it in the inbox and on the map.
    one.keyboard.press("n")
    one.get_by_label("What was told?").fill("Two stalls block the pavement")
    one.get_by_label("Needs enforcement").check()
    one.evaluate("([lon, lat]) => tandemLive.map().jumpTo({center: [lon, lat]})", place(0, 0))
    one.get_by_role("button", name="take the middle of the map").click()
    one.get_by_role("button", name="Save the lead").click()
    one.get_by_text("Whom to send").wait_for()
    told = Lead.objects.get()
    assert (told.unit, told.street) == (town.west, "C Street") or told.street == "3 Street"
    for page in (one, two):
        line = row(page, told.pk, "waiting")
        assert "Two stalls block the pavement" in line.inner_text()
        page.locator('.lead-mark[data-state="waiting"]').wait_for()

    # The ranking: the pair, its minutes, and why the others are not in it.
    choice = one.locator(".choices li").first
    choice.wait_for()
    # 100 m and 90 m along C Street at 1.1 m/s: 91 s and 82 s.
    assert "Li Ming" in choice.inner_text()
    assert "Wang Fang" in choice.inner_text()
    assert choice.locator(".choice-minutes").inner_text() == "2 min"
    assert "walk together now" in choice.inner_text()
    one.get_by_text("Why not the others").click()
    assert "Helper" in one.locator(".fallen").inner_text()
    choice.get_by_role("button", name="Offer").click()

    # Offered: a running clock at both dispatchers and on the phone, which was not reloaded.
    for page in (one, two):
        assert "s left" in row(page, told.pk, "offered").inner_text()
    phone.locator('.my-order[data-state="offered"]').wait_for()
    clock = phone.locator(".my-order .order-clock")
    phone.wait_for_function(
        "() => /^0:[0-5][0-9]$|^1:00$/.test("
        "document.querySelector('.my-order .order-clock').textContent)"
    )
    assert clock.is_visible()
    phone.get_by_text("An order is offered to you. Answer it now.").wait_for()
    phone.get_by_role("button", name="Accept").click()
    phone.get_by_text("An order is offered to you. Answer it now.").wait_for(state="detached")
    for page in (one, two):
        assert "Li Ming" in row(page, told.pk, "accepted").inner_text()

    # There: 70 m away, which is noted and seen by both.
    phone.get_by_role("button", name="I am there").click()
    phone.get_by_text("noted as too far away").wait_for()
    for page in (one, two):
        assert "too far away" in row(page, told.pk, "arrived").inner_text()
    phone.get_by_label("What was done?").fill("Stalls moved, talked to both")
    phone.get_by_role("button", name="Report it as done").click()
    phone.get_by_text("Reported.").wait_for()
    for page in (one, two):
        row(page, told.pk, "disposed")
        page.locator(".lead-mark").wait_for(state="detached")
    one.get_by_text("Stalls moved, talked to both").first.wait_for()
    order = Order.objects.get()
    assert order.state == OrderState.DISPOSED
    step = order.steps.get(to_state="arrived")
    assert step.distance_m == pytest.approx(70, abs=1)
    assert not OrderMember.objects.filter(until=None).exists()
    # The east saw nothing of it.
    assert not other.locator(".lead").count()
    assert "stalls" not in other.content()


def test_the_second_dispatcher_is_told_who_was_first_and_an_offer_runs_out_by_itself(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    people = [on_duty(town.west, now, name=f"Li {k}") for k in range(2)]
    patrol(*people, now=now)
    for person in people:
        send(web, person, -100, 0)
    told = lead(town.west, now)
    first = make.user(Role.DISPATCHER, town.west, first_name="He", last_name="Jing")
    one = open_live(open_page, web, first, f"/live/?lead={told.pk}")
    two = open_live(open_page, web, town.dispatcher)
    for page in (one, two):
        row(page, told.pk, "waiting").click()
        page.locator(".choices li").first.wait_for()
    offers = [page.locator(".choices button", has_text="Offer").first for page in (one, two)]
    # Before the next frame can tell the second: its panel still shows the button.
    two.evaluate("() => tandemLive.stream.stop?.()")
    offers[0].click()
    row(one, told.pk, "offered")
    assert Order.objects.get().steps.filter(to_state="offered").count() == 1
    Order.objects.update(offer_ends_at=timezone.now())
    for page in (one, two):
        assert "not answered in time" in row(page, told.pk, "expired").inner_text()
    assert not OrderMember.objects.filter(until=None).exists()


def test_two_dispatchers_take_an_order_through_by_radio(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    """The phone of one is dead, the other has no account; each screen follows the other one."""
    li, wang = on_duty(town.west, now, name="Li Ming"), on_duty(town.west, now, name="Wang Fang")
    told = lead(town.west, now)
    he = make.user(Role.DISPATCHER, town.west, first_name="He", last_name="Jing")
    one = open_live(open_page, web, he, f"/live/?lead={told.pk}")
    two = open_live(open_page, web, town.dispatcher, f"/live/?lead={told.pk}")
    one.get_by_text("Send others, reached by radio").click()
    for name in ("Li Ming", "Wang Fang"):
        one.locator(".others").get_by_label(name).check()
    one.locator(".others").get_by_role("button", name="Offer").click()

    # One enters what Li says, the other what Wang says, without a reload between.
    row(two, told.pk, "offered")
    two.get_by_text("Li Ming says by radio").click()
    one.get_by_text("Li Ming says by radio").click()
    # The panel renews itself, as with a frame that tells a change: what is open stays open.
    with one.expect_response(f"**/live/leads/{told.pk}/"):
        one.evaluate(f"() => htmx.ajax('GET', '/live/leads/{told.pk}/', '#order-panel')")
    one.get_by_role("button", name="Accepts").first.click()
    two.get_by_text("said by radio by Li Ming, entered by He Jing").first.wait_for()
    two.get_by_text("Wang Fang says by radio").click()
    two.get_by_role("button", name="Accepts").click()
    for page in (one, two):
        assert "Wang Fang" in row(page, told.pk, "accepted").inner_text()
    one.get_by_text("Wang Fang says by radio").click()
    one.get_by_role("button", name="Is there").last.click()
    for page in (one, two):
        # Neither phone has reported, so nobody knows where they are.
        assert "too far away" in row(page, told.pk, "arrived").inner_text()
    two.get_by_text("Li Ming says by radio").click()
    two.locator(f"#radio-done-{li.pk}").fill("Stalls moved")
    two.get_by_role("button", name="Reports it as done").first.click()
    for page in (one, two):
        row(page, told.pk, "disposed")
    one.get_by_text(f"said by radio by Li Ming, entered by {town.dispatcher}").first.wait_for()
    last = Order.objects.get().steps.get(to_state=OrderState.DISPOSED)
    assert (last.by, last.said_by) == (town.dispatcher, li)
    assert not OrderMember.objects.filter(person=wang, until=None).exists()


def test_a_note_goes_from_one_shift_to_the_next(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    lead(town.west, now, text="Loose banner at the gate")
    one = open_live(open_page, web, make.user(Role.DISPATCHER, town.west))
    one.get_by_role("button", name="Hand-over").click()
    assert "Loose banner at the gate" in one.locator(".handover-list").inner_text()
    one.get_by_label("What must the next shift know?").fill("Gate key is with the caretaker")
    one.get_by_role("button", name="Leave the note").click()
    one.get_by_text("Your note waits").wait_for()
    two = open_live(open_page, web, make.user(Role.DISPATCHER, town.west, first_name="Song"))
    two.get_by_text("left a note").click()
    two.get_by_text("Gate key is with the caretaker").wait_for()
    two.get_by_role("button", name="I have read it").click()
    two.get_by_text("Song took the note over").wait_for()
    assert HandoverNote.objects.get().taken_by.first_name == "Song"


def test_the_inbox_says_which_clock_of_a_lead_runs_and_which_has_run_out(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    fresh = lead(town.west, now, received_at=now - timedelta(minutes=90))
    late = lead(town.west, now, received_at=now - timedelta(hours=26, minutes=30))
    page = open_live(open_page, web, town.dispatcher, f"/live/?lead={fresh.pk}")
    told = row(page, fresh.pk, "waiting").locator(".lead-due").inner_text()
    # 24 h less an hour and a half: 22 h and a bit. Three working days are two days and more.
    assert re.fullmatch(r"response in 22 h · result in \d+ d", told)
    told = row(page, late.pk, "waiting").locator(".lead-due.late").inner_text()
    assert told.startswith("response overdue 2 h · result in ")
    page.locator("[data-due]").first.wait_for()
    assert page.locator("[data-due]").count() == 2
    assert not page.locator(".lead-panel .late").count()


def test_keyboard_reaches_the_inbox_and_closes_the_panel(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    first, second = lead(town.west, now), lead(town.west, now, text="Second")
    page = open_live(open_page, web, town.dispatcher)
    row(page, second.pk, "waiting")
    page.keyboard.press("o")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#order-panel").wait_for()
    page.get_by_text("Nobody can be sent now").wait_for()
    assert f"lead={second.pk}" in page.url
    page.reload()
    page.locator(f'.lead-panel[data-lead="{second.pk}"]').wait_for()
    page.keyboard.press("Escape")
    page.locator("#order-panel").wait_for(state="hidden")
    assert "lead=" not in page.url
    assert row(page, first.pk, "waiting").get_attribute("aria-current") == "false"


def test_the_address_of_a_lead_that_is_long_closed_still_opens_it(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    told = lead(town.west, now, closed_at=now - timedelta(hours=1), closed_by=town.dispatcher)
    page = open_live(open_page, web, town.dispatcher, f"/live/?lead={told.pk}")
    page.locator(f'.lead-panel[data-lead="{told.pk}"][data-state="closed"]').wait_for()
    assert f"lead={told.pk}" in page.url
    assert not page.locator(".lead[data-lead]").count()


def test_an_inspector_looks_on_and_sends_nobody(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    told = lead(town.west, now, contact="CALLER")
    page = open_live(open_page, web, make.user(Role.INSPECTOR, town.top))
    row(page, told.pk, "waiting").click()
    page.locator(".lead-panel").wait_for()
    assert not page.get_by_text("Whom to send").count()
    assert not page.get_by_role("button", name="New lead").count()
    assert "CALLER" not in page.content()
