"""How an order moves: the table of allowed steps, and one step as a compare-and-set with its line.

What people may do is in `patrols.orders`; every one of their steps comes through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from bureau.access import rules_on
from bureau.errors import Refused
from bureau.models import Bureau, User
from bureau.rules import Rules
from bureau.week import Week
from patrols import notices
from patrols.models import Order, OrderState, OrderStep, Person, PhoneNoticeKind

S = OrderState

# From each state to those that may follow it. Nothing else moves an order.
STEPS: dict[OrderState, frozenset[OrderState]] = {
    S.OPEN: frozenset({S.OFFERED, S.CANCELLED}),
    S.OFFERED: frozenset({S.ACCEPTED, S.DECLINED, S.EXPIRED, S.CANCELLED}),
    S.DECLINED: frozenset({S.OFFERED, S.CANCELLED}),
    S.EXPIRED: frozenset({S.OFFERED, S.CANCELLED}),
    S.ACCEPTED: frozenset({S.ARRIVED, S.REASSIGNED, S.CANCELLED}),
    S.ARRIVED: frozenset({S.DISPOSED, S.REASSIGNED, S.CANCELLED}),
    S.REASSIGNED: frozenset({S.OFFERED, S.CANCELLED}),
    S.DISPOSED: frozenset(),
    S.CANCELLED: frozenset(),
}
ENDED = frozenset(state for state, after in STEPS.items() if not after)
# States in which nobody has it.
WAITING = frozenset({S.OPEN, S.DECLINED, S.EXPIRED, S.REASSIGNED})

LONGEST_WORDS = 1000


def move(
    order: Order,
    to: OrderState,
    *,
    now: datetime,
    by: User | None,
    people: Iterable[Person] = (),
    note: str = "",
    step: dict[str, Any] | None = None,
    **fields: Any,
) -> OrderStep:
    """Compare and set: from the state in which `order` was read to `to`, with the line of the step.

    Raises Refused when the table does not allow it or somebody was faster.
    """
    before = OrderState(order.state)
    if to not in STEPS[before]:
        raise moved(order)
    changed = Order.objects.filter(pk=order.pk, state=before).update(
        state=to, moved_at=now, **fields
    )
    if not changed:
        order.refresh_from_db()
        raise moved(order)
    order.refresh_from_db()
    return note_step(order, before, now=now, by=by, people=people, note=note, **(step or {}))


def note_step(
    order: Order,
    before: OrderState,
    *,
    now: datetime,
    by: User | None,
    people: Iterable[Person],
    **told: Any,
) -> OrderStep:
    """Write the line of one step; `told` are its own fields. Within a transaction.

    An offer's notice goes from the pages when the offer is over; of who has said yes before the
    others it goes at once.
    """
    people = list(people)
    if before == S.OFFERED:
        answered = people if order.state == S.OFFERED else None
        notices.withdraw([PhoneNoticeKind.ORDER_OFFERED], order.pk, now, people=answered)
    line = OrderStep.objects.create(
        order=order, from_state=before, to_state=order.state, at=now, by=by, **told
    )
    line.people.set(people)
    return line


def moved(order: Order) -> Refused:
    """The refusal for a step that does not fit the order's state, saying how it stands."""
    state = OrderState(order.state)
    last = order.steps.exclude(from_state=F("to_state")).select_related("by").last()
    by = last.by if last else None
    if by is None:
        return Refused("order_moved", _("This order is now: %(state)s.") % {"state": state.label})
    return Refused(
        "order_moved",
        _("This order is now: %(state)s, by %(name)s.") % {"state": state.label, "name": by},
    )


def release(order: Order, now: datetime) -> None:
    """It is over for everybody to whom it was offered: duty for it ends, others may ask them."""
    order.members.filter(until=None).update(until=now)


def people_of(order: Order) -> QuerySet[Person]:
    """Those who have it now, offered or accepted."""
    return Person.objects.filter(order_memberships__order=order, order_memberships__until=None)


def has_expired(order: Order, now: datetime) -> bool:
    """Whether it is an offer whose time is over."""
    return (
        order.state == S.OFFERED and order.offer_ends_at is not None and order.offer_ends_at <= now
    )


def expire(order: Order, now: datetime) -> None:
    """Write that an offer has ended without an answer. Within a transaction."""
    move(order, S.EXPIRED, now=order.offer_ends_at or now, by=None, people=people_of(order))
    release(order, now)


def words(text: str, *, needed: bool = True) -> str:
    """A text that is kept with a step. Refused if it is missing or too long."""
    text = text.strip()
    if needed and not text:
        raise Refused("words_missing", _("Say it in a few words; they are kept with the order."))
    if len(text) > LONGEST_WORDS:
        raise Refused("too_long", _("Keep it under %(n)d characters.") % {"n": LONGEST_WORDS})
    return text


def rules_of(bureau: Bureau, now: datetime) -> Rules:
    """The rules of the week in which it happens."""
    return rules_on(bureau, Week.containing(now, bureau.time_zone).monday)[0]
