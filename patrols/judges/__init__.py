"""The rules a week is judged by: the whole list, one pure function each.

A judge takes the facts of a person's week and the rules valid on its Monday. It never raises for
odd data: it answers *cannot judge* with a reason.
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
