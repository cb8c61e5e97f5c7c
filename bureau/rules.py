"""Every threshold a verdict rests on: its default, unit, source and meaning, in one list.

A bureau's own values are dated `RuleSet` rows; `Rules.of(values)` fills what they leave out from
the defaults here. The set valid on Monday judges the whole week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import Any

from bureau.sentences import Sentence, gettext_noop


class Source(StrEnum):
    """Where a number comes from; shown beside it on screen."""

    LAW = gettext_noop("law")
    PRACTICE = gettext_noop("bureau practice, no published standard")
    MEASURED = gettext_noop("our default, measured")
    OURS = gettext_noop("our default, no standard")


# Units a rule may be given in (none for yes and no); pages translate them.
UNITS = frozenset(
    (
        gettext_noop("s"),
        gettext_noop("m"),
        gettext_noop("m/s"),
        gettext_noop("ratio"),
        gettext_noop("days"),
        gettext_noop("members"),
        gettext_noop("officers"),
        gettext_noop("visits a day"),
        gettext_noop("visits a week"),
    )
)


def rule(
    default: Any,
    unit: str,
    source: Source,
    meaning: str,
    *,
    low: float = 0,
    high: float = 1e9,
) -> Any:
    """A dataclass field that carries unit, source, meaning and sane bounds of one threshold."""
    return field(
        default=default,
        metadata={
            "unit": unit,
            "source": source,
            "meaning": meaning,
            "low": low,
            "high": high,
        },
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
        10800, "s", Source.PRACTICE, gettext_noop("Drill time in a week"), high=144000
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
    # Live picture
    stale_floor_s: int = rule(
        30, "s", Source.OURS, gettext_noop("A fix is fresh up to this or 2 × interval")
    )
    no_signal_floor_s: int = rule(
        300, "s", Source.OURS, gettext_noop("No signal after this or 3 × interval")
    )
    # Keeping
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
    known = {f.name: f for f in fields(Rules)}
    problems = []
    for key, value in values.items():
        if key not in known:
            problems.append(
                Sentence(
                    "unknown_rule", gettext_noop("There is no rule called %(key)s."), {"key": key}
                )
            )
        elif template := misfit(value, known[key]):
            low, high = known[key].metadata["low"], known[key].metadata["high"]
            problems.append(Sentence("misfit", template, {"key": key, "low": low, "high": high}))
    if problems:
        return problems
    near_m, far_m, stay_s, parked_s = (
        values.get(key, known[key].default)
        for key in ("near_m", "far_m", "stay_candidate_s", "parked_after_s")
    )
    if far_m < near_m:
        template = gettext_noop("far_m must not be smaller than near_m.")
        problems.append(Sentence("order", template))
    if parked_s < stay_s:
        template = gettext_noop("parked_after_s must not be smaller than stay_candidate_s.")
        problems.append(Sentence("order", template))
    return problems


def misfit(value: Any, known: Field[Any]) -> str | None:
    """The sentence that says why a value does not fit a rule, or None if it does."""
    if isinstance(known.default, bool):
        return None if isinstance(value, bool) else gettext_noop("%(key)s takes true or false.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return gettext_noop("%(key)s takes a number.")
    if not known.metadata["low"] <= value <= known.metadata["high"]:
        return gettext_noop("%(key)s must lie between %(low)g and %(high)g.")
    if known.type == "int" and value != int(value):
        return gettext_noop("%(key)s takes a whole number.")
    return None
