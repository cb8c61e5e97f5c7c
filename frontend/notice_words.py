"""What a notice says on the officer's page, by its kind. The thing itself is read when it is shown,
so a line never tells what is over as if it were not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from frontend.words import duration
from patrols import notices
from patrols.models import Alarm, Person, PhoneNotice, PhoneNoticeKind, WelfareCheck


@dataclass(frozen=True)
class NoticeLine:
    """One line of the page.

    link: where on the page the thing itself is, if it is there. check: the welfare check that its
    button answers, instead of saying that it was seen.
    """

    id: int
    kind: str
    at: datetime
    said: str
    urgent: bool
    link: str = ""
    check: int | None = None


Said = tuple[str, str]  # sentence, link


def news_lines(person: Person, now: datetime) -> list[NoticeLine]:
    """What the person's page shows now; noted as delivered."""
    rows = notices.unseen(person, now)
    shown = lines(rows)
    ids = {line.id for line in shown}
    notices.note_delivered([row for row in rows if row.pk in ids], now)
    return shown


def lines(rows: Iterable[PhoneNotice]) -> list[NoticeLine]:
    """The notices as lines, in their order; one whose thing is gone is left out."""
    found = []
    for notice in rows:
        say = WORDS.get(notice.kind)
        said, link = say(notice) if say else ("", "")
        if said:
            urgent = notice.kind in notices.URGENT
            check = notice.about if notice.kind == PhoneNoticeKind.WELFARE_CHECK else None
            found.append(
                NoticeLine(notice.pk, notice.kind, notice.created_at, said, urgent, link, check)
            )
    return found


def order_offered(notice: PhoneNotice) -> Said:
    """An order waits for an answer."""
    return _("An order is offered to you. Answer it now."), "#orders"


def order_changed(notice: PhoneNotice) -> Said:
    """An order that one has is another now."""
    return _("One of your orders has changed."), "#orders"


def order_cancelled(notice: PhoneNotice) -> Said:
    """An order that one had is no more."""
    return _("An order of yours was cancelled; nothing is left to do."), "#orders"


def sos_taken(notice: PhoneNotice) -> Said:
    """Who answers for the person's SOS."""
    alarm = alarm_of(notice)
    if alarm is None or alarm.acknowledged_by is None or alarm.closed_at is not None:
        return "", ""
    return _("%(name)s has taken up your SOS.") % {"name": alarm.acknowledged_by}, ""


def sos_closed(notice: PhoneNotice) -> Said:
    """The person's SOS is over, with the reason that is kept."""
    alarm = alarm_of(notice)
    if alarm is None or alarm.closed_by is None:
        return "", ""
    said = _("%(name)s has closed your SOS: %(reason)s") % {
        "name": alarm.closed_by,
        "reason": alarm.closed_reason,
    }
    return said, ""


def welfare_check(notice: PhoneNotice) -> Said:
    """The question whether all is well."""
    check = WelfareCheck.objects.filter(
        pk=notice.about, person=notice.person_id, settled_at=None, answered_at=None
    ).first()
    if check is None:
        return "", ""
    still = duration((timezone.now() - check.still_since).total_seconds())
    return _("You have been in one place for %(time)s. Are you all right?") % {"time": still}, ""


def alarm_of(notice: PhoneNotice) -> Alarm | None:
    """The alarm that a notice is about, if it is the person's own."""
    return (
        Alarm.objects.select_related("acknowledged_by", "closed_by")
        .filter(pk=notice.about, person=notice.person_id)
        .first()
    )


WORDS: Mapping[str, Callable[[PhoneNotice], Said]] = {
    PhoneNoticeKind.ORDER_OFFERED: order_offered,
    PhoneNoticeKind.ORDER_CHANGED: order_changed,
    PhoneNoticeKind.ORDER_CANCELLED: order_cancelled,
    PhoneNoticeKind.SOS_TAKEN: sos_taken,
    PhoneNoticeKind.SOS_CLOSED: sos_closed,
    PhoneNoticeKind.WELFARE_CHECK: welfare_check,
}
