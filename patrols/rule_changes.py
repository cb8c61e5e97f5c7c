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
from patrols.models import PersonDay, Verdict
from patrols.roster import touch_days


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
    marks = days.values_list("bureau_id", "person_id", "day")
    touch_days(marks, now=now)
    return len(marks)
