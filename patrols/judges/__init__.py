"""The rules that duty is judged by, one pure function each.

A judge takes facts and the rules valid on the Monday of the week. It never raises for odd data: it
answers *cannot judge* with a reason.

Of a person's week: weekly_patrol_time, pair_coverage (JUDGES: stored as verdicts). Of a place:
hotspot_frequency, desk_chair. Of an action: enforcement_pair. Of a person's drill: weekly_drill.
"""

from collections.abc import Callable, Mapping

from bureau.rules import Rules
from patrols.judges import pair_coverage, weekly_patrol_time
from patrols.judges.judgement import DayFacts, Judgement, Outcome, Reason, WeekFacts

JUDGES: Mapping[str, Callable[[WeekFacts, Rules], Judgement]] = {
    "weekly_patrol_time": weekly_patrol_time.judge,
    "pair_coverage": pair_coverage.judge,
}

__all__ = ["JUDGES", "DayFacts", "Judgement", "Outcome", "Reason", "WeekFacts"]
