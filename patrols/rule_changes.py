"""What a new rule set asks of the judge while its week runs.

The set valid on Monday judges the whole week. One that is entered later for this week's Monday
touches the days that were derived under another, except of people whose verdict somebody has
reviewed or disputed: nothing that was reviewed is judged anew for a rule.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week
from patrols.models import PersonDay, TouchedDay, Verdict


def touch_changed_rules(bureau: Bureau, *, now: datetime) -> int:
    """Mark this week's days that another rule set derived; returns how many."""
    week = Week.containing(now, bureau.time_zone)
    _rules, rule_set_id = rules_on(bureau, week.monday)
    settled = Verdict.objects.filter(bureau=bureau, monday=week.monday, is_current=True).filter(
        Q(reviews__isnull=False) | Q(disputes__isnull=False)
    )
    days = PersonDay.objects.filter(bureau_id=bureau.pk, day__in=week.days).exclude(
        person_id__in=settled.values("person_id")
    )
    if rule_set_id is None:
        days = days.exclude(rule_set_id=None)
    else:
        days = days.filter(Q(rule_set_id=None) | ~Q(rule_set_id=rule_set_id))
    marks = [
        TouchedDay(bureau_id=bureau.pk, person_id=person, day=day, touched_at=now)
        for person, day in days.values_list("person_id", "day")
    ]
    TouchedDay.objects.bulk_create(
        marks,
        update_conflicts=True,
        unique_fields=["bureau_id", "person_id", "day"],
        update_fields=["touched_at"],
    )
    return len(marks)
