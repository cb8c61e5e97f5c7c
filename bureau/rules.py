"""Every threshold a verdict rests on: its default, unit, source and meaning, in one list.

A bureau's own values are dated `RuleSet` rows; `Rules.of(values)` fills what they leave out from
the defaults here. The set valid on Monday judges the whole week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bureau.sentences import Sentence, gettext_noop
from bureau.thresholds import UNITS, WEEKDAYS, Source, problems_of, rule

__all__ = ["RULES", "UNITS", "Rules", "Source", "check", "described"]

# Of each two rules the second is never smaller.
IN_ORDER = (
    ("near_m", "far_m"),
    ("stay_candidate_s", "parked_after_s"),
    ("bicycle_speed_mps", "vehicle_speed_mps"),
    ("hotspot_advice_dwell_s", "hotspot_advice_dwell_max_s"),
    ("drill_session_s", "drill_required_s"),
    ("staffing_low", "staffing_high"),
)


@dataclass(frozen=True)
class Rules:
    """The thresholds of one rule set. Units are in the names; no suffix is a count or a ratio."""

    # Weekly patrol time
    weekly_required_s: int = rule(
        7200,
        "s",
        Source.PRACTICE,
        gettext_noop("Patrol time each person owes in a week"),
        low=60,
        high=144000,
    )
    weekly_scope: str = rule(
        "officer",
        "",
        Source.OURS,
        gettext_noop("Who owes it; a squad's own time is shown beside its people either way"),
        choices={
            "officer": gettext_noop("each person"),
            "squad": gettext_noop("the squad, time counted once"),
        },
    )
    weekly_counts_vehicle: bool = rule(
        True, "", Source.OURS, gettext_noop("Patrol by vehicle counts (always shown apart)")
    )
    weekly_counts_bicycle: bool = rule(
        True,
        "",
        Source.OURS,
        gettext_noop("Patrol by bicycle counts (not told apart from fast walking yet)"),
        later=True,
    )
    weekly_pro_rata: bool = rule(
        False,
        "",
        Source.OURS,
        gettext_noop("Owe less in a short week: required × working days ÷ 5"),
    )
    error_band: float = rule(
        0.05,
        "ratio",
        Source.OURS,
        gettext_noop("Error band of credited time; inside it: borderline"),
        high=0.5,
    )
    min_signal_share: float = rule(
        0.6,
        "ratio",
        Source.OURS,
        gettext_noop("Below this share of known time a warning is shown"),
        high=1,
    )
    # Duty
    duty_slack_s: int = rule(
        900,
        "s",
        Source.OURS,
        gettext_noop("Positions this long before and after a shift count"),
        high=7200,
    )
    # What a usable fix is
    max_accuracy_m: float = rule(
        100,
        "m",
        Source.MEASURED,
        gettext_noop("A fix less accurate is kept, labelled, not used"),
        low=5,
    )
    max_speed_foot_mps: float = rule(
        12,
        "m/s",
        Source.MEASURED,
        gettext_noop("Faster between two fixes is a jump (tracks on foot)"),
        low=3,
    )
    gap_speed_mps: float = rule(
        2.5,
        "m/s",
        Source.MEASURED,
        gettext_noop("A gap is credited only if it could be walked"),
        low=0.5,
    )
    max_gap_s: int = rule(
        300,
        "s",
        Source.MEASURED,
        gettext_noop("A longer gap between fixes is unknown time"),
        low=30,
        high=3600,
    )
    vehicle_speed_mps: float = rule(
        4,
        "m/s",
        Source.MEASURED,
        gettext_noop("Median moving speed over 2 min above this: vehicle"),
        low=2,
    )
    bicycle_speed_mps: float = rule(
        2.5,
        "m/s",
        Source.MEASURED,
        gettext_noop("Between this and vehicle speed: bicycle or unclear"),
        low=1,
    )
    # Parked
    stay_radius_m: float = rule(
        40, "m", Source.MEASURED, gettext_noop("A stay keeps within this"), low=10
    )
    stay_candidate_s: int = rule(
        420,
        "s",
        Source.MEASURED,
        gettext_noop("A stay this long is looked at; to parked: long stop"),
        low=60,
    )
    parked_after_s: int = rule(
        600, "s", Source.MEASURED, gettext_noop("A stay of this and more is not patrol"), low=60
    )
    # Together
    min_group: int = rule(
        2, "members", Source.PRACTICE, gettext_noop("People who make a patrol"), low=2, high=10
    )
    near_m: float = rule(
        30, "m", Source.MEASURED, gettext_noop("Together begins within this"), low=5, high=200
    )
    far_m: float = rule(
        45, "m", Source.MEASURED, gettext_noop("Together ends beyond this"), low=5, high=300
    )
    pair_min_s: int = rule(
        300, "s", Source.MEASURED, gettext_noop("A shorter time together is chance"), low=30
    )
    pair_bridge_s: int = rule(120, "s", Source.MEASURED, gettext_noop("A shorter break is bridged"))
    comove_ratio: float = rule(
        0.5,
        "ratio",
        Source.MEASURED,
        gettext_noop("Displacements may differ by this share"),
        low=0.1,
        high=2,
    )
    comove_window_s: int = rule(120, "s", Source.MEASURED, gettext_noop("… over this time"), low=30)
    alone_grace_s: int = rule(
        300, "s", Source.OURS, gettext_noop("A shorter span alone is no breach (a call at a door)")
    )
    pair_required_share: float = rule(
        0.8,
        "ratio",
        Source.OURS,
        gettext_noop("Share of judgeable patrol time to be together"),
        high=1,
    )
    # Hotspot visits
    min_dwell_s: int = rule(
        300, "s", Source.OURS, gettext_noop("A visit stays this long on the hotspot …")
    )
    min_visit_share: float = rule(
        0.5, "ratio", Source.OURS, gettext_noop("… or walks this share of its length"), high=1
    )
    visit_gap_s: int = rule(3600, "s", Source.OURS, gettext_noop("Two visits are this far apart"))
    hotspot_strict_per_day: int = rule(
        4, "visits a day", Source.OURS, gettext_noop("Strict-control street"), high=48
    )
    hotspot_first_per_day: int = rule(
        2, "visits a day", Source.OURS, gettext_noop("First-grade hotspot"), high=48
    )
    hotspot_second_per_day: int = rule(
        1, "visits a day", Source.OURS, gettext_noop("Second-grade hotspot"), high=48
    )
    hotspot_third_per_week: int = rule(
        2, "visits a week", Source.OURS, gettext_noop("Third-grade hotspot"), high=336
    )
    hotspot_advice: bool = rule(
        False,
        "",
        Source.OURS,
        gettext_noop("Show the advice of policing studies beside the hotspots; no verdict"),
    )
    hotspot_advice_dwell_s: int = rule(
        600, "s", Source.STUDIES, gettext_noop("Advice: stay at least this long …"), high=7200
    )
    hotspot_advice_dwell_max_s: int = rule(
        960, "s", Source.STUDIES, gettext_noop("… and at most this long"), high=14400
    )
    hotspot_advice_every_s: int = rule(
        7200, "s", Source.STUDIES, gettext_noop("Advice: come back within this time"), high=86400
    )
    # Enforcement, drill
    min_certified: int = rule(
        2,
        "officers",
        Source.LAW,
        gettext_noop(
            "Certified officers for a punishment (行政处罚法 art. 42); auxiliaries never count"
        ),
        low=2,
        high=10,
    )
    drill_required_s: int = rule(
        10800, "s", Source.PRACTICE, gettext_noop("Drill time in a week"), high=144000, later=True
    )
    drill_weekdays: str = rule(
        "24",
        "",
        Source.PRACTICE,
        gettext_noop("Days of the week with drill"),
        choices=WEEKDAYS,
        several=True,
        later=True,
    )
    drill_makeup: bool = rule(
        True,
        "",
        Source.OURS,
        gettext_noop("A missed drill may be made up on another working day of the week"),
        later=True,
    )
    drill_session_s: int = rule(
        1800,
        "s",
        Source.OURS,
        gettext_noop("A shorter time at the drill ground is no drill"),
        low=60,
        high=14400,
        later=True,
    )
    # Stations and reach
    reach_s: int = rule(
        720, "s", Source.OURS, gettext_noop("Walking time within which a station serves"), low=60
    )
    walking_mps: float = rule(
        1.1,
        "m/s",
        Source.OURS,
        gettext_noop("Walking speed for reach, siting and ranking"),
        low=0.3,
        high=3,
    )
    desks_per_auxiliary: int = rule(
        1,
        "desks",
        Source.PRACTICE,
        gettext_noop("Desks, and as many chairs, for each auxiliary on duty at a place"),
        low=1,
        high=4,
        later=True,
    )
    # Live picture
    stale_floor_s: int = rule(
        30, "s", Source.OURS, gettext_noop("A fix is fresh up to this or 2 × interval")
    )
    no_signal_floor_s: int = rule(
        300, "s", Source.OURS, gettext_noop("No signal after this or 3 × interval")
    )
    sos_escalate_s: int = rule(
        30,
        "s",
        Source.OURS,
        gettext_noop("An SOS unanswered this long is shown to the next unit up, and so on"),
        low=10,
        high=600,
    )
    stillness_check_s: int = rule(
        1800,
        "s",
        Source.OURS,
        gettext_noop("Still this long: ask whether all is well; nothing is kept if answered"),
        low=600,
        high=14400,
    )
    welfare_answer_s: int = rule(
        120,
        "s",
        Source.OURS,
        gettext_noop("Not answered in this time, a dispatcher sees a line; it is no alarm"),
        low=30,
        high=1800,
    )
    # Orders
    offer_lasts_s: int = rule(
        60, "s", Source.OURS, gettext_noop("An offer not answered in this time expires"), low=15
    )
    arrival_radius_m: float = rule(
        50, "m", Source.OURS, gettext_noop("Arrived further away is marked, not refused"), low=10
    )
    order_limit_s: int = rule(
        1800, "s", Source.OURS, gettext_noop("Nobody further away is proposed"), low=300, high=7200
    )
    cycling_mps: float = rule(
        3, "m/s", Source.OURS, gettext_noop("Cycling speed for ranking"), low=1, high=8
    )
    driving_mps: float = rule(
        6, "m/s", Source.OURS, gettext_noop("Driving speed in town for ranking"), low=2, high=20
    )
    contact_days: int = rule(
        30,
        "days",
        Source.OURS,
        gettext_noop("Who told a lead is forgotten this long after its end"),
    )
    # Complaints
    complaint_respond_s: int = rule(
        86400,
        "s",
        Source.PRACTICE,
        gettext_noop("First response to a complaint, by the clock"),
        low=600,
    )
    complaint_result_workdays: int = rule(
        3,
        "working days",
        Source.PRACTICE,
        gettext_noop("Result of a complaint, by the end of this working day after it came in"),
        low=1,
        high=60,
    )
    # Recorders, staffing: kept here for the work that follows
    recorder_min: int = rule(
        2,
        "recorders",
        Source.PRACTICE,
        gettext_noop("Recorders running through an enforcement action"),
        high=10,
        later=True,
    )
    recorder_on_patrol: bool = rule(
        True, "", Source.PRACTICE, gettext_noop("A recorder runs for the whole patrol"), later=True
    )
    footage_retention_months: int = rule(
        3,
        "months",
        Source.PRACTICE,
        gettext_noop("Routine footage is kept this long"),
        low=1,
        high=120,
        later=True,
    )
    staffing_low: float = rule(
        5,
        "officers per 10,000 residents",
        Source.PRACTICE,
        gettext_noop("Staffing at least"),
        high=100,
        later=True,
    )
    staffing_high: float = rule(
        8,
        "officers per 10,000 residents",
        Source.PRACTICE,
        gettext_noop("Staffing at most"),
        high=100,
        later=True,
    )
    model_squad_share: float = rule(
        0.7, "ratio", Source.PRACTICE, gettext_noop("Share of model squads"), high=1, later=True
    )
    # Keeping
    impact_assessment_required: bool = rule(
        True,
        "",
        Source.LAW,
        gettext_noop("Ask for an impact assessment of location data (个人信息保护法 art. 55)"),
    )
    retention_days: int = rule(
        90, "days", Source.OURS, gettext_noop("Positions are kept this long"), low=14
    )
    dispute_hold_days: int = rule(
        30,
        "days",
        Source.OURS,
        gettext_noop("A disputed week's track is held this long after the answer"),
    )
    sos_hold_days: int = rule(
        180,
        "days",
        Source.OURS,
        gettext_noop("The track of a week with an SOS is held this long after its closing"),
    )
    watch_log_days: int = rule(
        365,
        "days",
        Source.OURS,
        gettext_noop("The log of who watched the live picture is kept this long"),
        low=30,
    )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rules:
        """Defaults, overridden by `values`. Raises ValueError naming a bad key or value."""
        if problems := check(values):
            raise ValueError(" ".join(str(problem) for problem in problems))
        return cls(**values)


RULES = {rule.name: rule for rule in fields(Rules)}


def described() -> list[tuple[str, Any, str, Source, str]]:
    """(key, default, unit, source, meaning) of every rule, in order: for screens and tests."""
    return [
        (
            f.name,
            f.default,
            f.metadata["unit"],
            f.metadata["source"],
            f.metadata["meaning"],
        )
        for f in fields(Rules)
    ]


def check(values: Mapping[str, Any]) -> list[Sentence]:
    """What is wrong with a bureau's values; empty if nothing is."""
    return problems_of(values, {f.name: f for f in fields(Rules)}, IN_ORDER)
