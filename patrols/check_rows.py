"""Welfare checks that nobody answered, as lines of the live picture."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from patrols.models import PhoneNotice, PhoneNoticeKind, WelfareCheck


def _ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, UTC."""
    return int(moment.timestamp() * 1000)


def missed_checks() -> QuerySet[WelfareCheck]:
    """Questions that stand unanswered."""
    return WelfareCheck.objects.filter(missed_at__isnull=False, answered_at=None, settled_at=None)


def check_rows(checks: QuerySet[WelfareCheck]) -> list[dict[str, Any]]:
    """Lines of the live picture. delivered: when the question was on the person's page, or null."""
    rows = list(checks.select_related("person__unit").order_by("asked_at", "pk"))
    if not rows:
        return []
    delivered: dict[int, datetime] = {}
    for about, at in PhoneNotice.objects.filter(
        kind=PhoneNoticeKind.WELFARE_CHECK,
        about__in=[check.pk for check in rows],
    ).values_list("about", "delivered_at"):
        if at is not None:
            delivered[about] = max(at, delivered.get(about, at))
    return [
        {
            "id": check.pk,
            "person": check.person_id,
            "name": check.person.name,
            "unit": check.person.unit_id,
            "unit_name": check.person.unit.name,
            "still": _ms(check.still_since),
            "asked": _ms(check.asked_at),
            "delivered": _ms(found)
            if (found := delivered.get(check.pk)) and found >= check.asked_at
            else None,
        }
        for check in rows
    ]
